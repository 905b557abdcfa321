# SPDX-License-Identifier: MIT
"""A whole device, and each of its neighbours going away and coming back: the cloud, the local broker, the agent. Nothing
else is restarted. The long run (MIIO_SOAK=1) keeps the cloud away for a minute."""
import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from mqtt_support import Broker, Listener
from support import Daemon, wait_for, write_identity
from test_client import Client
from test_ot import App, Cloud

AWAY = 60 if os.environ.get("MIIO_SOAK") == "1" else 5
IN_ORDER = r"(cloud_retry )*cloud_connected (cloud_retry )+cloud_connected "


def agent(c, sock):
    return Daemon("miio_agent", "--listen", "none", "--unix", sock, "--upstream", "127.0.0.1:%d" % c.port("local"))


def test_all_that_goes_away_comes_back(tmp_path):
    d = write_identity(tmp_path / "miio", extra=("ot_keepalive_ms=2000",))
    sock = tmp_path / "agent.sock"
    with Cloud() as first:
        port = first.port("udp")
    with Broker() as broker, Client(d, "--host", "127.0.0.1", "--port", port, "--mqtt-api",
                                    "127.0.0.1:%d" % broker.port, cloud="ot") as c, \
            Daemon("example_lamp", "--agent", "unix:%s" % sock, ready=False) as lamp:
        c.wait_err("MQTT API: connected")
        app = App(c.port("local"))
        channel = Listener(broker.port, "miio/command", "miio/report_ack")

        def lamp_answers(cloud, params):
            n = len(cloud.events("answer"))
            cloud.say("set_power %s" % json.dumps(params))
            return wait_for(lambda: cloud.events("answer")[n:], "the answer")[0]

        def lamp_works(cloud):
            wait_for(lambda: lamp_answers(cloud, ["on"]).get("result") == ["ok"], "the lamp at the cloud", 60)
            assert json.loads(c.phone("call", "set_power", '["off"]')[1])["result"] == ["ok"]

        router = agent(c, sock)
        lamp.wait_out("ready")
        with Cloud(udp="127.0.0.1:%d" % port) as cloud:
            app.wait(lambda m: m.get("params") == "cloud_connected", "the cloud", 90)
            lamp_works(cloud)
        # the cloud is away
        end, n = time.monotonic() + AWAY, 0
        app.wait(lambda m: app.statuses()[-1] == "cloud_retry", "the loss")
        while time.monotonic() < end:
            app.send(id=1000 + n, method="event.tick", params=[n])
            assert app.answer_to(1000 + n)["result"] == ["queued"]
            assert json.loads(c.phone("call", "set_power", '["on"]')[1])["result"] == ["ok"]
            n += 1
        with Cloud(udp="127.0.0.1:%d" % port) as cloud:
            app.wait(lambda m: app.statuses()[-1] == "cloud_connected", "the cloud again", 90)
            wait_for(lambda: len([r for r in cloud.events("report") if r["method"] == "event.tick"]) == n, "the reports")
            assert [r["params"][0] for r in cloud.events("report") if r["method"] == "event.tick"] == list(range(n))
            lamp_works(cloud)
            told = " ".join(app.statuses() + [""])
            assert re.fullmatch(IN_ORDER, told), told
            on_channel = [json.loads(m[1]) for m in channel.all if m[0] == "miio/command"]
            # the listener may have come before the application
            assert " ".join([m["params"] for m in on_channel if m["method"] == "local.status"] + [""]).endswith(told)
            # the local broker is away
            broker.kill()
            c.wait_err("MQTT API: broker: .*trying again")
            lamp_works(cloud)
            broker.start()
            wait_for(lambda: sum("MQTT API: connected" in line for line in c.err) == 2, "the channels again")
            with Listener(broker.port, "miio/report_ack", "miio/command") as again:
                again.publish("miio/report", {"id": 1, "method": "props", "params": {"a": 1}})
                assert json.loads(again.next("miio/report_ack")[1]) == {"id": 1, "result": "ok"}
                lamp_works(cloud)
                assert json.loads(again.next("miio/command")[1])["method"] == "set_power"
            # the agent leaves, and the next one crashes
            router.stop()
            answer = lamp_answers(cloud, ["on"])
            assert answer["error"]["code"] == -9999, answer
            router = agent(c, sock)
            lamp_works(cloud)
            router.kill()
            router = agent(c, sock)
            lamp_works(cloud)
            assert " ".join(app.statuses() + [""]) == told  # the cloud was there all the time
            assert cloud.ledger()["bad"] == 0
        router.stop()
        channel.close()
        app.close()
