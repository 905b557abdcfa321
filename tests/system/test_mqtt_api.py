# SPDX-License-Identifier: MIT
"""The MQTT API: six channels beside the sockets, and the two examples."""
import json
import os
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from mqtt_support import App, Broker, Listener, client
from support import Daemon, wait_for


@pytest.fixture
def rig(tmp_path):
    """A cloud broker and a local one, as two machines would have."""
    with Broker() as cloud, Broker() as local:
        with client(tmp_path / "d", "--mqtt-api", "127.0.0.1:%d" % local.port, cloud="mqtt",
                    extra=["mqtt_server=127.0.0.1:%d" % cloud.port]) as c:
            c.wait_err("MQTT API: connected")
            c.wait_err("cloud mqtt connected")
            c.cloud, c.local_broker = cloud, local
            yield c


def command(fleet, method, params, id):
    fleet.publish("miio/1001/command", {"id": id, "method": method, "params": params})


def next_command(app):
    while True:
        text = json.loads(app.next("miio/command")[1])
        if text["method"] != "local.status":
            return text


def test_six_channels(rig):
    with Listener(rig.cloud.port, "miio/1001/#") as fleet, \
            Listener(rig.local_broker.port, "miio/report_ack", "miio/command", "local/miio_client_out") as app:
        command(fleet, "set_power", ["on"], 5)
        got = next_command(app)
        assert (got["method"], got["params"]) == ("set_power", ["on"])
        assert app.all[-1][2:] == (1, False)  # QoS 1, not retained
        app.publish("miio/command_ack", {"id": got["id"], "result": ["ok"]})
        assert json.loads(fleet.next("miio/1001/command_ack")[1]) == {"id": 5, "result": ["ok"]}
        app.publish("miio/report", {"id": 7, "method": "props", "params": {"power": "on"}})
        assert json.loads(app.next("miio/report_ack")[1]) == {"id": 7, "result": ["ok"]}
        assert json.loads(fleet.next("miio/1001/report")[1])["params"] == {"power": "on"}
        app.publish("local/miio_client_in", {"id": 8, "method": "local.query_time", "params": ""})
        answer = json.loads(app.next("local/miio_client_out")[1])
        assert answer["method"] == "local.time" and abs(answer["params"] - time.time()) < 60
        app.publish("local/miio_client_in", {"id": 9, "method": "local.query_status", "params": ""})
        assert json.loads(app.next("local/miio_client_out")[1])["method"] == "local.status"


def test_channel_and_sockets_at_once_and_the_first_good_answer_wins(rig):
    socket_app = App(rig)
    with Listener(rig.cloud.port, "miio/1001/command_ack") as fleet, \
            Listener(rig.local_broker.port, "miio/command") as app:
        command(fleet, "set_power", ["on"], 1)
        on_channel, on_socket = next_command(app), socket_app.next()
        assert on_channel == on_socket
        socket_app.send({"id": on_socket["id"], "error": {"code": -32601, "message": "Method not found."}})
        app.publish("miio/command_ack", {"id": on_channel["id"], "result": ["by channel"]})
        assert json.loads(fleet.next()[1]) == {"id": 1, "result": ["by channel"]}
        command(fleet, "set_power", ["off"], 2)
        on_channel, on_socket = next_command(app), socket_app.next()
        socket_app.send({"id": on_socket["id"], "result": ["by socket"]})
        assert json.loads(fleet.next()[1]) == {"id": 2, "result": ["by socket"]}
        app.publish("miio/command_ack", {"id": on_channel["id"], "result": ["too late"]})
        command(fleet, "again", [], 3)
        on_channel = next_command(app)
        app.publish("miio/command_ack", {"id": on_channel["id"], "result": ["third"]})
        assert json.loads(fleet.next()[1]) == {"id": 3, "result": ["third"]}


def test_own_texts_and_retained_ones_are_not_heard(rig):
    with Listener(rig.local_broker.port, "miio/#", "local/#") as spy:
        spy.publish("miio/report", {"id": 1, "method": "props", "params": {"a": 1}}, retain=True)
        assert json.loads(spy.next("miio/report_ack")[1])["result"] == ["ok"]  # live, so it counts
        for channel in ("miio/report_ack", "miio/command", "local/miio_client_out"):
            spy.publish(channel, {"id": 55, "method": "props", "params": {"echo": 1}})
        spy.publish("miio/report", {"id": 2, "method": "props", "params": {"a": 2}})
        wait_for(lambda: any(json.loads(m[1]).get("id") == 2 for m in spy.all if m[0] == "miio/report_ack"), "ack")
        answers = [json.loads(m[1]) for m in spy.all if m[0] == "miio/report_ack"]
        assert not any(a.get("id") == 55 and "result" in a for a in answers)
        spy.publish("miio/report", b"{not json")
        wait_for(lambda: any("error" in json.loads(m[1]) for m in spy.all if m[0] == "miio/report_ack"), "error")


def test_hello_does_not_turn_the_channels_off(rig):
    with Listener(rig.cloud.port, "miio/1001/command_ack") as fleet, Listener(rig.local_broker.port, "miio/#") as app:
        app.publish("miio/report", {"method": "_internal.hello"})
        app.publish("miio/report", {"id": 1, "method": "props", "params": {"a": 1}})
        app.next("miio/report_ack")  # it has read so far
        command(fleet, "set_power", ["on"], 4)
        got = next_command(app)
        app.publish("miio/command_ack", {"id": got["id"], "result": ["ok"]})
        assert json.loads(fleet.next()[1]) == {"id": 4, "result": ["ok"]}


def test_the_last_word_is_told_to_who_joins_late(tmp_path):
    """wifi_ap_mode was said before the broker was there: 0 of all starts were heard."""
    broker = Broker()
    broker.kill()
    with client(tmp_path / "d", "--mqtt-api", "127.0.0.1:%d" % broker.port, cloud="none",
                extra=["provisioning=wifi"], wifi=False) as c:
        c.wait_err("status wifi_ap_mode")
        broker.start()
        with Listener(broker.port, "miio/command") as app:
            assert json.loads(app.next("miio/command")[1]) == {"method": "local.status", "params": "wifi_ap_mode"}
    broker.close()


def test_local_broker_killed_and_back(rig):
    rig.local_broker.kill()
    rig.wait_err("MQTT API: broker: .*trying again")
    rig.local_broker.start()
    wait_for(lambda: sum("MQTT API: connected" in l for l in rig.err) == 2, "the channels again")
    with Listener(rig.local_broker.port, "miio/report_ack") as app:
        app.publish("miio/report", {"id": 1, "method": "props", "params": {"a": 1}})
        assert json.loads(app.next()[1])["result"] == ["ok"]


def test_the_two_examples(rig):
    port = rig.local_broker.port
    with Listener(rig.cloud.port, "miio/1001/#") as fleet:
        with Daemon("example_mqtt_callback", "127.0.0.1", port) as lamp:
            command(fleet, "set_power", ["on"], 11)
            assert json.loads(fleet.next("miio/1001/command_ack")[1]) == {"id": 11, "result": ["ok"]}
            lamp.wait_out("set_power on")
            lamp.wait_out("report acknowledged: .*ok")
            assert json.loads(fleet.next("miio/1001/report")[1])["params"] == {"power": "on"}
        with Daemon("example_mqtt_poll_loop", "127.0.0.1", port, ready=False) as sensor:
            sensor.wait_out("local/miio_client_out .*local.time")
            sensor.wait_out("miio/report_ack .*ok")
            assert "temperature" in json.loads(fleet.next("miio/1001/report")[1])["params"]
