# SPDX-License-Identifier: MIT
"""One application, the lamp of the examples, untouched: OT, Gizwits, OneNET and a plain MQTT broker each switch it on
and see its report. Only device.conf differs."""
import json
import os
import subprocess
import sys
from contextlib import ExitStack

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from mqtt_support import counters  # noqa: E402
from support import Daemon, wait_for, write_identity  # noqa: E402

DID, DEVICE_KEY = 87654321, "Qw3rTy7UiOp9AsDf"
PRODUCT_KEY = "0123456789abcdef0123456789abcdef"


class StandIn(Daemon):
    def __init__(self, *args):
        super().__init__("miio_sim", "cloud", *args, stdin=subprocess.PIPE)

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def wait_line(self, *parts):
        """A line of the journal that holds every part."""
        return wait_for(lambda: next((line for line in self.out if all(p in line for p in parts)), None),
                        "%r in the journal, which ends %r" % (parts, self.out[-8:]))

    def wait_nth(self, n, *parts):
        """The same, the n-th, counted from 0."""
        return wait_for(lambda: next(iter([line for line in self.out if all(p in line for p in parts)][n:n + 1]), None),
                        "%r for the %d. time in the journal, which ends %r" % (parts, n + 1, self.out[-8:]))


class Ot:
    def __init__(self):
        self.cloud = StandIn("--did", str(DID), "--key", DEVICE_KEY, "--udp", "127.0.0.1:0")
        host, port = self.cloud.ready["udp"].rsplit(":", 1)
        self.conf, self.args = ["cloud=ot"], ("--host", host, "--port", port)

    def set_power(self, value):
        self.cloud.wait_line('"event":"info"')
        self.cloud.say('set_power ["%s"]' % value)
        self.cloud.wait_line('"event":"answer"', '"result":["ok"]')

    def sees_report(self, value):
        self.cloud.wait_line('"method":"props"', '"power":"%s"' % value)

    def stop(self):
        self.cloud.stop()


class Gizwits:
    args = ()

    def __init__(self):
        self.cloud = StandIn("--kind", "gizwits", "--product-key", PRODUCT_KEY)
        self.conf = ["cloud=gizwits", "gizwits_product_key=" + PRODUCT_KEY, "gizwits_server=" + self.cloud.ready["http"]]

    def set_power(self, value):
        self.cloud.wait_line('"event":"ask_apps"')
        self.cloud.say('cmd phone {"id":7,"method":"set_power","params":["%s"]}' % value)
        self.cloud.wait_line('"cmd":"0091"', '"app":"phone"', '\\"id\\":7', '\\"result\\":[\\"ok\\"]')

    def sees_report(self, value):
        self.cloud.wait_line('"cmd":"0091"', '"app":""', '\\"power\\":\\"%s\\"' % value)

    def stop(self):
        self.cloud.stop()


class OneNet:
    args = ()

    def __init__(self):
        self.cloud = StandIn("--kind", "onenet", "--device", "1001:s3cret")
        self.conf = ["cloud=onenet", "onenet_server=" + self.cloud.ready["mqtt"], "onenet_device_id=1001",
                     "onenet_product_id=433223", "onenet_auth_info=s3cret"]

    def set_power(self, value):
        self.cloud.wait_line('"event":"login"')
        self.cloud.say('cmd 1001 {"id":7,"method":"set_power","params":["%s"]}' % value)
        self.cloud.wait_line('"event":"answer"', '\\"result\\":[\\"ok\\"]')

    def sees_report(self, value):
        self.cloud.wait_line('"event":"point"', '"stream":"power"', value)

    def stop(self):
        self.cloud.stop()


class Mqtt:
    """Any broker: here the one that a stand-in has started, with a paho client as the other side."""
    args = ()

    def __init__(self):
        import paho.mqtt.client as paho
        self.cloud = StandIn("--kind", "gizwits")
        self.conf = ["cloud=mqtt", "mqtt_server=" + self.cloud.ready["broker"]]
        self.heard, host_port = [], self.cloud.ready["broker"].rsplit(":", 1)
        self.client = paho.Client()
        self.client.on_message = self.on_message
        self.client.on_connect = lambda c, u, f, rc: c.subscribe([("miio/%d/%s" % (DID, name), 1)
                                                                   for name in ("command_ack", "report", "status")])
        self.client.on_subscribe = lambda c, u, mid, granted: self.heard.append(("subscribed", None))
        self.client.connect(host_port[0], int(host_port[1]))
        self.client.loop_start()
        self.wait_heard(lambda t, p: t == "subscribed")

    def on_message(self, client, user, m):
        is_word = m.topic.endswith("/status")
        self.heard.append((m.topic, m.payload.decode() if is_word else json.loads(m.payload or b"null")))

    def wait_heard(self, match):
        wait_for(lambda: any(match(t, p) for t, p in list(self.heard)), "a message; so far %r" % self.heard[-5:])

    def set_power(self, value):
        self.client.publish("miio/%d/command" % DID,
                            json.dumps({"id": 7, "method": "set_power", "params": [value]}), qos=1)
        self.wait_heard(lambda t, p: t.endswith("/command_ack") and p == {"id": 7, "result": ["ok"]})

    def sees_report(self, value):
        self.wait_heard(lambda t, p: t.endswith("/report") and p["method"] == "props"
                        and p["params"].get("power") == value)

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()
        self.cloud.stop()


@pytest.mark.parametrize("kind", [Ot, Gizwits, OneNet, Mqtt], ids=["ot", "gizwits", "onenet", "mqtt"])
def test_the_lamp_answers(tmp_path, kind):
    with ExitStack() as parts:
        cloud = kind()
        parts.callback(cloud.stop)
        path = write_identity(tmp_path / "miio", did=DID, key=DEVICE_KEY, extra=cloud.conf)
        client = parts.enter_context(Daemon("miio_client", "-d", path + "/", "--local", "127.0.0.1:0", "--lan", "none",
                                            "--ble", "none", *cloud.args))
        agent = parts.enter_context(Daemon("miio_agent", "--listen", "127.0.0.1:0", "--unix", "none",
                                           "--upstream", client.ready["local"]))
        agent.wait_err("connected to upstream")
        lamp = parts.enter_context(Daemon("example_lamp", "--agent", "tcp:" + agent.ready["listen"], ready=False))
        lamp.wait_out("ready")
        wait_for(lambda: any("cloud %s connected" % kind.__name__.lower() in line for line in client.err), "the cloud")
        cloud.set_power("on")
        lamp.wait_out("set_power.*on")
        cloud.sees_report("on")
        lamp.wait_out("report acknowledged")
        counted = counters(client)  # SIGUSR1: every cloud tells its own
        assert any(name.startswith("cloud.") for name in counted), counted
        assert not any(name.startswith(("cloud.dropped", "cloud.refused")) for name in counted), counted
