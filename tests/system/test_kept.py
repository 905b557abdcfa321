# SPDX-License-Identifier: MIT
"""What an application hears of its reports while each cloud is away is what it would hear while it is there, and what is kept
arrives with its time."""
import calendar
import os
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from mqtt_support import App, Broker, client, free_port  # noqa: E402
from support import wait_for  # noqa: E402
from test_gizwits import Rig  # noqa: E402
from test_onenet import Platform  # noqa: E402


def unix(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S"))


def test_onenet_gets_kept_reports_with_their_time(tmp_path):
    with Broker() as broker, Platform("--broker", "127.0.0.1:%d" % broker.port) as platform:
        with client(tmp_path / "d", cloud="onenet", extra=platform.settings()) as c:
            c.wait_err("cloud onenet connected")
            app = App(c)
            assert app.ask("props", {"now": 1})["result"] == ["ok"]
            assert platform.wait_event("point", stream="now")["type"] == 3
            broker.kill()
            c.wait_err("cloud onenet: .*trying again")
            before = int(time.time())
            assert app.ask("props", {"a": 1, "b": 2})["result"] == ["queued"]
            assert app.ask("properties_changed", [{"siid": 2, "piid": 1, "value": 3}])["result"] == ["queued"]
            assert app.ask("prop.many", [1, 2])["result"] == ["queued"]
            assert app.ask("event.click", {"n": 1})["result"] == ["queued"]
            after = int(time.time())
            wait_for(lambda: time.time() > after + 2, "that it is another second")
            broker.start()
            for stream, kind in (("a", 4), ("b", 4), ("2.1", 4), ("many", 1), ("click", 4)):
                point = platform.wait_event("point", stream=stream)
                assert point["type"] == kind
                assert before - 1 <= unix(point["at"]) <= after + 1, point


LARGE = "x" * 70000
CASES = [  # cloud, settings, reports that it can never carry, one that it can
    ("ot", ["ot_host=127.0.0.1", "ot_port=9"], [("event.e", [LARGE])], ("event.e", ["x" * 60000])),
    ("onenet", None, [("event.e", [LARGE]), ("props", [1]), ("props", {}), ("props", {"": 1}), ("prop.", [1]),
                      ("properties_changed", [{"siid": 2, "value": 1}])], ("props", {"a": 1})),
    ("gizwits", ["gizwits_product_key=" + "ab" * 16], [("event.e", [LARGE])], ("event.e", ["x" * 60000])),
    ("mqtt", [], [], ("event.e", [LARGE])),
]


@pytest.mark.parametrize("cloud,settings,refused,taken", CASES, ids=[c[0] for c in CASES])
def test_what_a_cloud_can_never_carry_is_refused_while_it_is_away(tmp_path, cloud, settings, refused, taken):
    port = free_port()  # nobody there
    if cloud == "onenet":
        settings = ["onenet_server=127.0.0.1:%d" % port, "onenet_device_id=1", "onenet_product_id=2", "onenet_auth_info=x"]
    if cloud == "gizwits":
        settings = settings + ["gizwits_server=127.0.0.1:%d" % port]
    if cloud == "mqtt":
        settings = ["mqtt_server=127.0.0.1:%d" % port]
    with client(tmp_path / "d", cloud=cloud, extra=settings) as c:
        app = App(c)
        for i, (method, params) in enumerate(refused):
            assert app.ask(method, params, id=10 + i)["error"]["code"] == -32000, (method, str(params)[:60])
        assert app.ask(taken[0], taken[1], id=9)["result"] == ["queued"]


def test_onenet_refuses_the_same_while_it_is_there(tmp_path):
    refused = next(c for c in CASES if c[0] == "onenet")[2]
    with Platform() as platform, client(tmp_path / "d", cloud="onenet", extra=platform.settings()) as c:
        c.wait_err("cloud onenet connected")
        app = App(c)
        for i, (method, params) in enumerate(refused):
            assert app.ask(method, params, id=10 + i)["error"]["code"] == -32000


def test_gizwits_keeps_what_was_under_way_at_a_cut(tmp_path):
    rig = Rig(tmp_path)
    rig.online()
    n = 2000
    for i in range(n):
        rig.app.send({"id": 1000 + i, "method": "event.e", "params": [i]})
        if i == n // 2:
            rig.sim.order("!drop")
    answers = {}
    while len(answers) < n:
        text = rig.recv()
        if "method" not in text:
            assert text["id"] not in answers
            answers[text["id"]] = str(text.get("result", text))
    assert set(answers.values()) <= {"['ok']", "['queued']"}
    rig.stop()
