# SPDX-License-Identifier: MIT
"""What miio_client says of itself: client.status, client.counters and cloud.status."""
import json
import os
import sys


sys.path.insert(0, os.path.dirname(__file__))
from mqtt_support import App, Broker, client, counters, free_port  # noqa: E402
from support import wait_for  # noqa: E402


def status(app):
    answer = app.ask("client.status", [])
    assert set(answer) == {"id", "result"}
    return answer["result"]


def cloud(app):
    (one,) = status(app)["clouds"]
    return one


def wait_cloud(app, what, **members):
    """The cloud's part, once its error's reason, or a member, is so."""
    found = []

    def look():
        found[:] = [cloud(app)]
        c = found[0]
        return all((c["error"] or {}).get("reason") == v if k == "reason" else c[k] == v for k, v in members.items())
    wait_for(look, what)
    return found[0]


def test_all_is_well(tmp_path):
    with Broker() as b, client(str(tmp_path), cloud="mqtt", extra=("mqtt_server=127.0.0.1:%d" % b.port,
                                                                   "mqtt_password=s3cr3t-pw", "mqtt_user=me")) as c:
        app = App(c)
        one = wait_cloud(app, "connected", state="cloud_connected")
        assert one["name"] == "mqtt" and one["server"] == "127.0.0.1:%d" % b.port
        assert one["error"] is None and one["next_try_ms"] is None and one["refused_topic"] is None
        assert app.ask("props", {"a": 1}, id=5)["result"] == ["ok"]
        s = status(app)
        assert s["clouds"][0]["sent"] >= 1 and s["clouds"][0]["in_flight"] == 0
        assert s["device"]["did"] == "1001" and s["state"] == "cloud_connected" and s["pid"] == c.pid
        assert s["spool"]["reports"] == 0 and s["spool"]["error"] is None
        assert s["setup"]["provisioned"] is True and s["helper"] == {"kind": "builtin", "here": True}
        assert s["clock"]["source"] == "own" and s["local"]["peers"] == 1
        token = open(os.path.join(str(tmp_path), "device.token")).read().strip()
        for secret in (token, token.encode().hex(), "s3cr3t-pw", "Qw3rTy7UiOp9AsDf"):
            assert secret not in json.dumps(s)
        assert app.ask("cloud.status", [])["result"] == {"mqtt": "cloud_connected"}


NAMES = """
lan.datagrams lan.hellos lan.requests lan.repeats lan.answers lan.dropped.magic lan.dropped.length
lan.dropped.checksum lan.dropped.padding lan.dropped.did lan.dropped.stamp lan.dropped.text lan.dropped.full
lan.dropped.replayed lan.dropped.narrowed lan.dropped.no_token lan.dropped.memory lan.late command.started
command.answered command.timed_out command.nobody command.refused command.silent command.no_memory
command.stray_answers command.waited command.ownerless command.open command.answers_lost text.not_permitted
text.bad_form uplink.submitted uplink.acked uplink.failed uplink.timed_out uplink.refused uplink.no_memory
uplink.greedy uplink.dropped uplink.stray_acks uplink.open uplink.silent helper.bad_texts spool.waiting spool.kept
spool.restored spool.acked spool.replaced spool.dropped.old spool.dropped.full spool.dropped.refused
spool.dropped.unreadable spool.dropped.owner spool.unwritten spool.refused spool.files_put_aside spool.damaged
spool.lost spool.write_failed spool.dropped.unlisted cloud.refused.properties cloud.commands cloud.refused.commands
cloud.refused.answers cloud.refused.subscriptions cloud.dropped.answers cloud.answers.waiting cloud.link.connects
cloud.link.losses cloud.link.sent cloud.link.acked cloud.link.received cloud.link.unacknowledged local.accepted
local.refused local.texts_in local.texts_out local.dropped local.overflows local.greedy local.evicted local.unsent
local.bytes uplink.bytes
"""


def test_counters_are_those_of_the_log(tmp_path):
    with Broker() as b, client(str(tmp_path), cloud="mqtt", extra=("mqtt_server=127.0.0.1:%d" % b.port,)) as c:
        app = App(c)
        wait_cloud(app, "connected", state="cloud_connected")
        assert app.ask("props", {"a": 1}, id=5)["result"] == ["ok"]
        told, logged = app.ask("client.counters", [])["result"], counters(c)
        assert logged and set(logged) <= set(told)
        assert told["uplink.submitted"] == logged["uplink.submitted"] == 1
        assert told["spool.kept"] == 0
        assert set(told) == set(NAMES.split())  # those that read them know them by these names


def test_a_cloud_that_is_away_says_why(tmp_path):
    port = free_port()
    with client(str(tmp_path), cloud="mqtt", extra=("mqtt_server=127.0.0.1:%d" % port,)) as c:
        app = App(c)
        one = wait_cloud(app, "unreachable", reason="unreachable")
        assert one["state"] == "cloud_retry" and "refused" in one["error"]["text"]
        assert one["error"]["time"] > 1600000000
        with Broker(port=port):
            wait_cloud(app, "connected", state="cloud_connected")
        wait_cloud(app, "lost", reason="cut")
        assert app.ask("cloud.status", [])["result"] == {"mqtt": "cloud_retry"}
        assert "cloud.status" not in {t.get("method") for t in app.aside}  # with one cloud local.status says it


def test_without_an_id_nobody_asks(tmp_path):
    with client(str(tmp_path), cloud="none") as c:
        app = App(c)
        for method in ("client.status", "client.counters", "cloud.status"):
            app.send({"method": method})
        assert app.ask("cloud.status", [])["result"] == {}
        assert app.aside == [] and status(app)["clouds"] == []


def test_login_refused(tmp_path):
    with Broker("allow_anonymous false") as b, \
         client(str(tmp_path), cloud="mqtt", extra=("mqtt_server=127.0.0.1:%d" % b.port,)) as c:
        one = wait_cloud(App(c), "refused", reason="login")
        assert one["next_try_ms"] > 0


def test_kept_reports_show(tmp_path):
    with client(str(tmp_path), cloud="mqtt", extra=("mqtt_server=127.0.0.1:%d" % free_port(),
                                                    "spool_max_reports=3")) as c:
        app = App(c)
        for i in range(5):
            assert app.ask("props", {"a": i}, id=i + 10)["result"] == ["queued"]
        spool = status(app)["spool"]
        assert spool["reports"] == spool["max_reports"] == 3 and spool["bytes"] > 0
        assert spool["dropped"] == 2 and spool["oldest_s"] >= 0
        assert app.ask("client.counters", [])["result"]["spool.dropped.full"] == 2
