# SPDX-License-Identifier: MIT
"""tell_origin: an application of libagent sees who asked, through client and agent; without it no byte is put in."""
import json
import os
import re
import socket
import sys
from contextlib import ExitStack

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from support import DEADLINE, Daemon, run, wait_for, write_identity  # noqa: E402
from test_client import lan_address  # noqa: E402
from test_libagent import Probe  # noqa: E402
from test_one_app_every_cloud import DEVICE_KEY, DID, Ot  # noqa: E402

TOKEN = "a1B2c3D4e5F6g7H8"


class Device:
    """The OT cloud's stand-in, a client, an agent, and what a phone needs."""

    def __init__(self, parts, path, extra):
        self.ip = lan_address()
        self.ot = Ot()
        parts.callback(self.ot.stop)
        self.path = write_identity(path, did=DID, key=DEVICE_KEY, token=TOKEN, extra=[*self.ot.conf, *extra])
        self.client = parts.enter_context(Daemon(
            "miio_client", "-d", self.path + "/", "--local", "127.0.0.1:0", "--lan", self.ip + ":54321", "--ble", "none",
            *self.ot.args))
        self.agent = parts.enter_context(Daemon("miio_agent", "--listen", "127.0.0.1:0", "--unix", "none",
                                                "--upstream", self.client.ready["local"]))
        self.agent.wait_err("connected to upstream")
        self.ot.cloud.wait_line('"event":"info"')

    def cloud_asks(self, n):
        """The n-th command of the cloud: what it was answered."""
        def answers():
            return [line for line in self.ot.cloud.out if '"event":"answer"' in line]
        self.ot.cloud.say("where []")
        return wait_for(lambda: answers()[n - 1] if len(answers()) >= n else None, "the answer")

    def phone_asks(self, method="where"):
        return json.loads(run("miio_sim", "phone", "--address", self.ip + ":54321", "--token", TOKEN, "call", method, "[]",
                              deadline=DEADLINE)[1])


@pytest.mark.parametrize("extra, cloud, lan", [([], "[null]", [None]), (["tell_origin=off"], "[null]", [None]),
                                               (["tell_origin=on"], '["cloud"]', ["lan"])])
def test_an_application_sees_who_asked(tmp_path, extra, cloud, lan):
    with ExitStack() as parts:
        device = Device(parts, tmp_path / "miio", extra)
        app = parts.enter_context(Probe("tcp:" + device.agent.ready["listen"]))
        app.serve("where", "where")
        app.saw("state  3")
        assert '"result":%s' % cloud in device.cloud_asks(1)
        assert device.phone_asks()["result"] == lan


def test_the_bytes_are_the_senders_but_for_that_member(tmp_path):
    texts = {}
    for value in ("off", "on"):
        with ExitStack() as parts:
            device = Device(parts, tmp_path / value, ["tell_origin=" + value])
            host, port = device.client.ready["local"].rsplit(":", 1)
            old = parts.enter_context(socket.create_connection((host, int(port)), DEADLINE))
            old.settimeout(DEADLINE)
            wait_for(lambda: "local" in str(device.client.err), "the socket")
            device.ot.cloud.say('set_power ["on"]')
            got = b""
            while b"set_power" not in got or got.count(b"{") > got.count(b"}"):
                got += old.recv(65536)
            texts[value] = re.search(rb'\{[^{}]*"set_power"[^{}]*\}', got).group().decode()
            number = json.loads(texts[value])["id"]
            old.sendall(b'{"id":%d,"result":["ok"]}' % number)
            device.ot.cloud.wait_line('"event":"answer"', '"result":["ok"]')
            texts[value] = texts[value].replace('"id":%d' % number, '"id":N')
    assert texts["off"] == '{"id":N,"method":"set_power","params":["on"]}'
    assert texts["on"] == '{"_origin":"cloud",' + texts["off"][1:]


def test_sighup_reads_it_again(tmp_path):
    import signal
    with ExitStack() as parts:
        device = Device(parts, tmp_path / "miio", [])
        app = parts.enter_context(Probe("tcp:" + device.agent.ready["listen"]))
        app.serve("where", "where")
        app.saw("state  3")
        assert device.phone_asks()["result"] == [None]
        with open(os.path.join(device.path, "device.conf"), "a") as f:
            f.write("tell_origin=on\n")
        device.client.signal(signal.SIGHUP)
        wait_for(lambda: device.phone_asks()["result"] == ["lan"], "the phone is told")


def test_a_wrong_word_is_refused(tmp_path):
    path = write_identity(tmp_path / "miio", extra=["tell_origin=perhaps"])
    code, _, err = run("miio_client", "-d", path + "/", "--check-config", deadline=DEADLINE)
    assert code == 78 and "device.conf:6: tell_origin: must be off or on" in err
