# SPDX-License-Identifier: MIT
"""The cloud gizwits against its stand-in: every row of the packet tables, over HTTP and a real broker."""
import base64
import hashlib
import json
import os
import re
import socket
import struct
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from mqtt_support import counters
from support import DEADLINE, Daemon, JsonSocket, wait_for, write_identity

KEY = "0123456789abcdef0123456789abcdef"
PASSCODE = re.compile(r"^[A-Za-z0-9]{10}$")


class Sim(Daemon):
    """The stand-in: its journal as events, its standard input as orders."""

    def __init__(self, *args):
        self.taken = 0
        super().__init__("miio_sim", "cloud", "--kind", "gizwits", *args, stdin=subprocess.PIPE)

    def order(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def events(self):
        return [json.loads(line) for line in self.out if line.startswith("{")]

    def wait_event(self, event, deadline=DEADLINE, **members):
        """The next event, behind those waited for before, with these members."""
        end = time.monotonic() + deadline
        while True:
            events = self.events()
            for i in range(self.taken, len(events)):
                e = events[i]
                if e["event"] == event and all(e.get(k) == v for k, v in members.items()):
                    self.taken = i + 1
                    return e
            assert time.monotonic() < end, (event, members, events[-12:], self.err[-5:])
            time.sleep(0.02)

    def frame(self, cmd, **members):
        return self.wait_event("frame", cmd=cmd, **members)

    def count(self, event, **members):
        return sum(1 for e in self.events() if e["event"] == event and all(e.get(k) == v for k, v in members.items()))

    def wait_count(self, n, event, **members):
        """For events that may come before or behind others."""
        wait_for(lambda: self.count(event, **members) >= n, "%d times %s" % (n, event))
        return [e for e in self.events() if e["event"] == event and all(e.get(k) == v for k, v in members.items())]

    def refused(self):
        return [e["why"] for e in self.events() if e["event"] == "refused"]


class Rig:
    def __init__(self, tmp_path, sim_args=(), **conf):
        self.sim = Sim(*sim_args)
        keys = {"product_key": KEY, "server": "127.0.0.1:%d" % self.sim.port("http"), "retry": 200, "ack_wait": 300,
                "soft_version": "1.0"}
        keys.update(conf)
        self.dir = write_identity(tmp_path / "miio",
                                  extra=["cloud=gizwits"] + ["gizwits_%s=%s" % kv for kv in keys.items()])
        self.app = None
        self.start()

    def start(self):
        self.client = Daemon("miio_client", "-d", self.dir + "/", "--local", "127.0.0.1:0", "--lan", "none",
                             "--ble", "none", "-l", "4")
        self.app = JsonSocket(self.client.port("local"))
        self.app.send({"method": "local.query_status"})  # answered: the client knows this socket, and commands find it
        self.aside = []
        while not self.aside or self.aside[-1].get("method") != "local.status":
            self.aside.append(self.app.recv())

    def recv(self):
        return self.aside.pop(0) if self.aside else self.app.recv()

    def online(self):
        did = self.sim.wait_event("login")["did"]
        wait_for(lambda: any("cloud gizwits connected" in line for line in self.client.err), "cloud connected")
        return did

    def command(self):
        """The next command at the application. Aside: states, and the one App that each login is told of, at any time."""
        while True:
            text = self.recv()
            if text.get("method") != "local.status" and text != {"method": "gizwits.apps", "params": {"count": 1}}:
                return text

    def method(self, name):
        while True:
            text = self.command()
            if text.get("method") == name:
                return text

    def answer(self, id):
        while True:
            text = self.recv()
            if text.get("id") == id and "method" not in text:
                return text

    def call(self, method, params, id=77):
        self.app.send({"id": id, "method": method, "params": params})
        return self.answer(id)

    def state(self):
        with open(os.path.join(self.dir, "gizwits.state")) as f:
            return dict(line.rstrip("\n").split("=", 1) for line in f)

    def stop(self):
        self.app.close()
        self.client.stop()
        assert not self.sim.refused(), self.sim.refused()
        secrets = [v for k, v in self.state().items() if "passcode" in k and v]
        for line in self.client.err:
            assert not any(s in line for s in secrets), "a secret in the log: " + line
        self.sim.stop()


@pytest.fixture
def rig(tmp_path):
    r = Rig(tmp_path)
    yield r
    r.stop()


@pytest.fixture
def up(rig):
    rig.did = rig.online()
    rig.sim.wait_event("ask_apps")
    return rig


# ---- 4.1 to 4.3, 4.6: registering, provisioning, login ----

def test_first_start(rig):
    registered = rig.sim.wait_event("register")
    assert registered["mac"] == "3417eb9ba747"
    rig.sim.wait_event("provision", did=registered["did"])
    assert rig.online() == registered["did"]
    topics = [e["topic"] for e in rig.sim.events() if e["event"] == "subscribe"]
    assert topics == ["ser2cli_res/" + registered["did"], "ser2cli_noti/" + KEY, "app2dev/%s/#" % registered["did"]]
    state = rig.state()
    assert state["did"] == registered["did"] and PASSCODE.match(state["passcode"])
    assert os.stat(os.path.join(rig.dir, "gizwits.state")).st_mode & 0o777 == 0o600


def test_identity_is_kept(rig):
    did = rig.online()
    rig.app.close()
    rig.client.kill()
    rig.start()
    assert rig.online() == did
    assert rig.sim.count("register") == 1
    assert rig.sim.count("provision") == 2  # before every connect


def test_server_has_forgotten_the_device(rig):
    did = rig.online()
    rig.sim.wait_count(1, "ota_check")  # follows the login, and the stand-in refuses one of a device that it has forgotten
    rig.sim.order("!forget")
    rig.sim.wait_event("unknown_did")
    new = rig.sim.wait_event("register")["did"]
    assert new != did and rig.online() == new


def test_http_and_m2m_away(rig):
    rig.online()
    rig.sim.order("!down on")
    rig.sim.order("!drop")
    wait_for(lambda: sum("no address of the M2M server: status 503" in line for line in rig.client.err) >= 2, "two tries")
    rig.sim.order("!down off")
    rig.sim.order("!refuse on")
    rig.sim.wait_event("login_refused", code=3)
    rig.sim.order("!refuse off")
    rig.online()


# ---- 4.8, 4.9: business commands ----

def test_json_command_0090_answer_0091(up):
    up.sim.order('cmd app1 {"id":4294967295,"method":"set_power","params":["on"]}')
    cmd = up.method("set_power")
    assert cmd["params"] == ["on"]
    up.app.send({"id": cmd["id"], "result": ["ok"]})
    answer = up.sim.frame("0091", app="app1")
    assert json.loads(answer["text"]) == {"id": 4294967295, "result": ["ok"]}


def test_json_command_nobody_answers(up):
    up.sim.order('cmd app1 {"id":5,"method":"nothing","params":[]}')
    cmd = up.method("nothing")
    up.app.send({"id": cmd["id"], "error": {"code": -32601, "message": "Method not found."}})
    assert json.loads(up.sim.frame("0091", app="app1")["text"])["error"]["code"] == -32601


def test_bytes_become_gizwits_command(up):
    up.sim.order("bytes app1 0200ff")
    cmd = up.method("gizwits.command")
    assert cmd["params"] == {"app": "app1", "base64": base64.b64encode(b"\x02\x00\xff").decode()}
    assert "id" not in cmd


def test_acked_command_0093_answer_0094_once(up):
    up.sim.order('acked app1 42 {"id":9,"method":"get_power","params":[]}')
    cmd = up.method("get_power")
    up.sim.order('acked app1 42 {"id":9,"method":"get_power","params":[]}')  # the App's repeat, still unanswered
    up.app.send({"id": cmd["id"], "result": ["on"]})
    first = up.sim.frame("0094", app="app1", sn=42)
    assert json.loads(first["text"]) == {"id": 9, "result": ["on"]}
    up.sim.order('acked app1 42 {"id":9,"method":"get_power","params":[]}')  # and answered: again, from memory
    assert up.sim.frame("0094", app="app1", sn=42)["text"] == first["text"]
    up.sim.order('cmd app1 {"id":1,"method":"last","params":[]}')
    assert up.method("last")  # get_power did not come again in between
    up.sim.order('acked app2 42 {"id":9,"method":"get_power","params":[]}')  # another App's 42 is another one
    up.method("get_power")


def test_acked_bytes_are_acknowledged_at_once(up):
    up.sim.order("acked app1 7 plain")
    assert up.sim.frame("0094", app="app1", sn=7)["bytes"] == 0
    assert up.method("gizwits.command")["params"]["base64"] == base64.b64encode(b"plain").decode()


def test_reports_go_to_all(up):
    for method, params in (("props", {"power": "on"}), ("prop.power", ["on"]), ("event.click", []),
                           ("properties_changed", [{"did": "1", "siid": 2, "piid": 1, "value": 12345678901234567890}])):
        assert up.call(method, params)["result"] == ["ok"]
        frame = up.sim.frame("0091", app="")
        assert json.loads(frame["text"])["method"] == method
        assert json.loads(frame["text"])["params"] == params


def test_send_to_one_and_to_all(up):
    assert up.call("gizwits.send", {"app": "app1", "text": "hello"})["result"] == ["ok"]
    assert up.sim.frame("0091", app="app1")["text"] == "hello"
    assert up.call("gizwits.send", {"base64": base64.b64encode(b"\x04\xff\x00").decode()})["result"] == ["ok"]
    assert up.sim.frame("0091", app="")["hex"] == "04ff00"


def test_send_with_ack(up):
    up.app.send({"id": 5, "method": "gizwits.send", "params": {"app": "app1", "text": "x", "ack": True}})
    sn = up.sim.frame("0093", app="app1")["sn"]
    assert up.sim.frame("0093", app="app1")["sn"] == sn  # the second try
    up.sim.order("ack app2 %d" % sn)  # not the one asked
    up.sim.order("ack app1 %d" % (sn + 1))
    up.sim.order("ack app1 %d thanks" % sn)
    assert up.answer(5)["result"] == {"text": "thanks"}
    up.app.send({"id": 6, "method": "gizwits.send", "params": {"app": "app1", "text": "x", "ack": True}})
    assert up.sim.frame("0093", app="app1")["sn"] == sn + 1
    assert up.answer(6)["error"]["code"] == -30011
    assert up.sim.count("frame", cmd="0093", sn=sn + 1) == 3


def test_serial_numbers_go_on_after_a_restart(up):
    up.sim.order("!auto-ack on")
    assert up.call("gizwits.send", {"app": "a", "text": "x", "ack": True})["result"] == ["ok"]
    sn = up.sim.frame("0093")["sn"]
    up.app.close()
    up.client.stop()
    up.start()
    up.online()
    assert up.call("gizwits.send", {"text": "x", "ack": True})["result"] == ["ok"]
    assert up.sim.frame("0093")["sn"] == sn + 1


def test_largest_and_too_large(up):
    assert up.call("gizwits.send", {"text": "x" * 65535})["result"] == ["ok"]
    assert up.sim.frame("0091", bytes=65535)
    assert up.call("gizwits.send", {"text": "x" * 65536})["error"]["code"] == -32602
    assert "error" in up.call("props", {"x": "y" * 66000})
    assert up.call("props", {"still": "here"})["result"] == ["ok"]


@pytest.mark.parametrize("params", [
    [], {}, {"text": 1}, {"text": "x", "base64": "eA=="}, {"base64": "???"}, {"text": "x", "app": "a+b"},
    {"text": "x", "app": ""}, {"text": "x", "app": "a" * 65}, {"text": "x", "ack": 1}])
def test_bad_arguments_of_send(up, params):
    assert up.call("gizwits.send", params)["error"]["code"] == -32602


# ---- 4.10, 4.13: log levels and logs ----

def test_log_levels(up):
    say = lambda level, text: up.call("gizwits.log", {"level": level, "tag": "t", "source": "lamp", "text": text})
    assert say("error", "before")["result"] == ["ok"]
    up.sim.order("log app1 0001")
    up.sim.frame("0011", app="app1")
    assert say("info", "not wanted")["result"] == ["ok"]
    assert say("error", "wanted")["result"] == ["ok"]
    frame = up.sim.frame("0012", app="")
    assert (frame["level"], frame["tag"], frame["source"], frame["text"]) == (1, "t", "lamp", "wanted")
    up.sim.order("log app1 ffff")
    up.sim.frame("0011", app="app1")
    assert say("warning", "\u6c34" * 30000)["result"] == ["ok"]  # cut to 65535 bytes: 21845 characters
    up.sim.frame("0012", level=2, text="\u6c34" * 21845)
    assert say("info", "i")["result"] == ["ok"]
    up.sim.frame("0012", level=3, text="i")
    up.sim.order("log app1 0000")
    up.sim.frame("0011", app="app1")
    n = up.sim.count("frame", cmd="0012")
    say("error", "off")
    up.call("gizwits.send", {"text": "behind it"})
    up.sim.frame("0091", text="behind it")
    assert up.sim.count("frame", cmd="0012") == n
    assert up.call("gizwits.log", {"level": "loud", "text": "x"})["error"]["code"] == -32602


# ---- 4.11, 4.12: Apps online ----

def test_apps_online(up):
    up.sim.order("apps 258")
    assert up.method("gizwits.apps")["params"] == {"count": 258}
    assert up.call("gizwits.query_apps", [])["result"] == [258]
    up.sim.wait_event("ask_apps")
    assert up.method("gizwits.apps")["params"] == {"count": 258}
    up.sim.order("apps 65535")
    assert up.method("gizwits.apps")["params"] == {"count": 65535}


# ---- 4.4, 4.5: firmware ----

def firmware(tmp_path):
    path = tmp_path / "new.bin"
    path.write_bytes(os.urandom(1000))
    return path, hashlib.md5(path.read_bytes()).hexdigest()


def test_firmware_v41(up, tmp_path):
    path, md5 = firmware(tmp_path)
    assert up.sim.wait_count(1, "ota_check", api="4.1", type=1)[0]["soft_version"] == "1.0"  # at the start: nothing new
    up.sim.order("firmware 1 2.0 7 %s" % path)
    up.sim.order("notice41 1")
    up.sim.wait_count(2, "ota_check", api="4.1")
    params = up.method("miIO.ota")["params"]
    assert params["file_md5"] == md5 and params["proc"] == "dnld install"
    assert params["app_url"] == "http://127.0.0.1:%d/firmware/1?a=1&b=2" % up.sim.port("http")
    assert up.call("props", {"ota_state": "installed"})["result"] == ["ok"]
    wait_for(lambda: up.state()["version1"] == "2.0", "the version to be kept")
    up.sim.order("notice41 1")  # nothing new any more
    up.sim.wait_count(3, "ota_check", api="4.1")
    up.sim.order('cmd app1 {"method":"last"}')
    assert up.command()["method"] == "last"


def test_firmware_whole_way(up, tmp_path):
    """Notice, check, agent, miio_ota, download, hook, report: and the version is the installed one."""
    path, md5 = firmware(tmp_path)
    hook = tmp_path / "hook.sh"
    hook.write_text('#!/bin/sh\ncp "$1" %s/installed.bin\n' % tmp_path)
    hook.chmod(0o755)
    agent = Daemon("miio_agent", "--listen", "127.0.0.1:0", "--unix", "none", "--upstream", up.client.ready["local"])
    ota = Daemon("miio_ota", "--dir", tmp_path / "ota", "--agent", "tcp:" + agent.ready["listen"], "--install-hook", hook)
    agent.wait_err("connected to upstream")
    probe = JsonSocket(agent.port("listen"))
    wait_for(lambda: "miIO.ota" in json.dumps(probe.call("agent.peers")), "miio_ota to be registered")
    up.sim.order("firmware 1 2.0 7 %s" % path)
    up.sim.order("notice41 1")
    states = []
    while not states or states[-1] != "installed":
        text = json.loads(up.sim.frame("0091", app="")["text"])
        states += [text["params"]["ota_state"]] if "ota_state" in text["params"] else []
    assert states == ["downloading", "downloaded", "installing", "installed"]
    assert (tmp_path / "installed.bin").read_bytes() == path.read_bytes()
    wait_for(lambda: up.state()["version1"] == "2.0", "the version to be kept")
    probe.close()
    ota.stop()
    agent.stop()


def test_firmware_same_version(up, tmp_path):
    path, _ = firmware(tmp_path)
    up.sim.order("firmware 1 1.0 7 %s" % path)
    up.sim.order("notice41 1")
    up.sim.wait_count(2, "ota_check", api="4.1")
    up.sim.order('cmd app1 {"method":"last"}')
    assert up.command()["method"] == "last"


def test_firmware_without_md5_is_not_offered(up, tmp_path):
    path, _ = firmware(tmp_path)
    up.sim.order("firmware 1 2.0 7 %s nomd5" % path)
    up.sim.order("notice41 1")
    up.client.wait_err("without Firmware-MD5")


def test_firmware_v40(tmp_path):
    path, md5 = firmware(tmp_path)
    rig = Rig(tmp_path, ota="4.0", mcu_soft_version="0.9")
    rig.online()
    assert rig.sim.wait_count(1, "ota_check", api="4.0", type=1)[0]["current_fid"] == "0"
    rig.sim.wait_count(1, "ota_check", api="4.0", type=2)
    rig.sim.order("firmware 2 2.0 256 %s" % path)
    url = "http://127.0.0.1:%d/firmware/2" % rig.sim.port("http")
    rig.sim.order("notice40 2 256 " + url)
    params = rig.method("miIO.ota")["params"]
    assert params["app_url"] == url and params["file_md5"] == md5 and params["gizwits_type"] == 2
    rig.call("props", {"ota_state": "installed"})
    wait_for(lambda: rig.state()["fid2"] == "256", "the id to be kept")
    rig.sim.order("notice40 2 256 " + url)  # the stored one: nothing to do
    rig.sim.order("notice40 1 9 ftp://x/")  # no address to download from
    rig.sim.order('cmd app1 {"method":"last"}')
    assert rig.method("last")
    rig.client.wait_err("firmware notice dropped")
    rig.stop()


def test_the_factory_s_firmware_has_an_id(tmp_path):
    path, _ = firmware(tmp_path)
    rig = Rig(tmp_path, ota="4.0", firmware_id=7, mcu_firmware_id=256, mcu_soft_version="0.9")
    rig.online()
    assert rig.sim.wait_count(1, "ota_check", api="4.0", type=1)[0]["current_fid"] == "7"
    assert rig.sim.wait_count(1, "ota_check", api="4.0", type=2)[0]["current_fid"] == "256"
    rig.sim.order("firmware 2 2.0 256 %s" % path)
    rig.sim.order("notice40 2 256 http://127.0.0.1:%d/firmware/2" % rig.sim.port("http"))  # it is there
    rig.sim.order('cmd app1 {"method":"last"}')
    assert rig.command()["method"] == "last"
    rig.stop()


# ---- what is malformed ----

MALFORMED = [
    ("app2dev/$DID/app1", "00000003ff", "bad length field"),                          # G12
    ("app2dev/$DID/app1", "00000003090000930000002a02", "bad length field"),          # G13
    ("app2dev/$DID/app1", "00000003ffffffff010000930000002a", "bad length field"),    # G14
    ("app2dev/$DID/app1", "0000000300", "bad length field"),                          # G15
    ("ser2cli_res/$DID", "00000003021001", "bad body"),                               # G16
    ("app2dev/$DID/app1", "0000000403000011", "bad header"),
    ("app2dev/$DID/app1", "0000000303010090", "unknown flag"),
    ("app2dev/$DID/app1", "0000000303000077", "unknown command"),
    ("app2dev/$DID/app1", "00000003050000930000", "bad body"),
    ("ser2cli_res/$DID", "00000003021103", "bad value"),
    ("ser2cli_res/$DID", "00000003020e0200000100000268ff", "bad value"),
    ("app2dev/$DID/app1", "0000000303000011", "only a device sends this command"),
    ("app2dev/$DID/", "0000000303000090", "unknown topic"),
    ("app2dev/$DID/app1", "00000003838004000090" + "41" * 65536, "over a limit"),
]


def test_malformed_is_dropped_and_the_session_lives(up):
    for topic, payload, why in MALFORMED:
        up.sim.order("raw %s %s" % (topic, payload))
        up.sim.order('cmd app1 {"method":"alive"}')
        assert up.method("alive")
    for why in sorted({w for _, _, w in MALFORMED[:8]}):  # later lines are held back: a peer must not flood the log
        up.client.wait_err(re.escape("dropped: " + why))
    assert up.sim.count("login") == 1
    assert not up.sim.refused()  # and nothing was sent for it
    counted = counters(up.client)  # each by its reason, the ones that the log held back too
    assert {k: n for k, n in counted.items() if k.startswith("cloud.dropped.")} == {
        "cloud.dropped.header": 1, "cloud.dropped.length": 4, "cloud.dropped.flag": 1, "cloud.dropped.command": 1,
        "cloud.dropped.body": 2, "cloud.dropped.limit": 1, "cloud.dropped.value": 2, "cloud.dropped.unexpected": 1,
        "cloud.dropped.topic": 1}
    assert counted["cloud.link.connects"] == 1 and "cloud.link.losses" not in counted


# ---- 4.7: heartbeat, reconnecting ----

def test_heartbeat(tmp_path):
    """Two PINGREQ without an answer are a loss; one is not."""
    rig = Rig(tmp_path, heartbeat=4, keepalive=20)
    rig.online()
    rig.sim.wait_event("ping")
    rig.sim.order("!swallow on")
    rig.sim.wait_event("ping")  # unanswered
    rig.sim.order("!swallow off")
    rig.sim.wait_event("ping")  # answered: all is well
    assert rig.sim.count("login") == 1
    rig.sim.order("!swallow on")
    rig.client.wait_err("two heartbeats without an answer")
    rig.sim.wait_event("offline")
    rig.sim.order("!swallow off")
    rig.sim.wait_event("login")
    rig.stop()


def test_reconnects_at_once_after_a_loss(up):
    began = time.monotonic()
    up.sim.order("!drop")
    up.sim.wait_event("login")
    assert up.sim.count("provision") == 2
    wait_for(lambda: sum("cloud gizwits connected" in line for line in up.client.err) == 2, "cloud connected")
    assert up.call("props", {"power": "on"})["result"] == ["ok"]
    assert time.monotonic() - began < DEADLINE


def test_orderly_disconnect(up):
    up.client.stop()
    up.sim.wait_event("disconnect")


# ---- 4.2: reset ----

def test_reset_disables_the_old_identity(up):
    old = up.state()
    up.sim.order("!down on")  # even when the server is away for the moment
    up.sim.order('cmd app1 {"id":1,"method":"miIO.restore","params":[]}')
    cmd = up.method("miIO.restore")
    up.app.send({"id": cmd["id"], "error": {"code": -32601, "message": "Method not found."}})
    wait_for(lambda: up.state().get("old_did") == old["did"], "the old pair to be set aside")
    up.app.close()
    up.client.stop()
    assert up.state()["did"] == "" and up.state()["old_passcode"] == old["passcode"] != up.state()["passcode"]
    write_identity(up.dir, extra=[line for line in open(os.path.join(up.dir, "device.conf")).read().split("\n")
                                  if line.startswith(("cloud", "gizwits"))])
    up.start()
    up.client.wait_err("old identity not disabled: status 503")
    up.sim.order("!down off")
    up.sim.wait_event("disable", did=old["did"])
    new = up.sim.wait_event("register")["did"]
    assert new != old["did"] and up.online() == new
    assert up.state()["old_did"] == ""


# ---- the stand-in itself: what the documents forbid is refused ----

@pytest.fixture
def sim():
    s = Sim()
    yield s
    s.stop()


def http(sim, method, path, body=None):
    request = urllib.request.Request("http://127.0.0.1:%d%s" % (sim.port("http"), path), method=method,
                                     data=body.encode() if body is not None else None)
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def register(sim):
    status, body = http(sim, "POST", "/dev/devices", "passcode=abc&mac=001122334455&product_key=" + KEY)
    assert status == 201
    return body[len("did="):]


def test_stand_in_http(sim):
    for body in ("", "passcode=abc&mac=00:11&product_key=" + KEY, "passcode=&mac=001122334455&product_key=" + KEY,
                 "passcode=abc&mac=001122334455&product_key=other"):
        assert http(sim, "POST", "/dev/devices", body)[0] in (400, 404)
    did = register(sim)
    assert len(did) == 22
    assert http(sim, "GET", "/dev/devices/" + did)[0] == 200
    assert http(sim, "GET", "/dev/devices/other")[0] == 404
    assert http(sim, "DELETE", "/dev/devices", "did=%s&passcode=wrong" % did)[0] == 404
    assert http(sim, "DELETE", "/dev/devices", "did=%s&passcode=abc" % did)[0] == 200
    assert http(sim, "GET", "/dev/devices/" + did)[0] == 404


def login(sim, client_id, name="MQIsdp", level=3, flags=0xc2, keepalive=60, user=None, password="abc"):
    """A CONNECT byte by byte: the socket and CONNACK's code."""
    def text(t):
        return struct.pack(">H", len(t)) + t.encode()
    body = text(name) + bytes([level, flags]) + struct.pack(">H", keepalive)
    body += text(client_id) + text(client_id if user is None else user) + text(password)
    s = socket.create_connection(("127.0.0.1", sim.port("mqtt")))
    s.settimeout(DEADLINE)
    s.sendall(bytes([0x10, len(body)]) + body)
    connack = s.recv(4, socket.MSG_WAITALL)
    assert connack[:3] == b"\x20\x02\x00", connack
    return s, connack[3]


def test_stand_in_logins(sim):
    did = register(sim)
    for code, args in ((1, {"name": "MQTT", "level": 4}), (1, {"level": 4}), (4, {"password": "wrong"}),
                       (4, {"user": "other"}), (5, {"flags": 0xc0}), (5, {"keepalive": 601}), (5, {"keepalive": 0}),
                       (2, {"client_id": "other"}), (0, {})):
        s, got = login(sim, **{"client_id": did, **args})
        s.close()
        assert got == code, args


def subscribe(filter):
    return bytes([0x82, len(filter) + 5, 0, 1]) + struct.pack(">H", len(filter)) + filter.encode() + b"\0"


def publish(topic, payload, flags=0):
    body = struct.pack(">H", len(topic)) + topic.encode() + (b"\0\1" if flags & 6 else b"") + bytes.fromhex(payload)
    return bytes([0x30 | flags, len(body)]) + body


@pytest.mark.parametrize("packet, why", [
    (lambda did: subscribe("#"), "SUBSCRIBE to a topic that is not the device's"),
    (lambda did: subscribe("app2dev/other/#"), "SUBSCRIBE to a topic that is not the device's"),
    (lambda did: publish("dev2app/other", "0000000303000091"), "PUBLISH to a topic of nobody or of somebody else"),
    (lambda did: publish("dev2app/" + did, "78"), "bad header"),
    (lambda did: publish("dev2app/" + did, "0000000303000091", flags=2), "PUBLISH with QoS or retain"),
    (lambda did: publish("dev2app/" + did, "0000000303000091", flags=1), "PUBLISH with QoS or retain"),
    (lambda did: publish("dev2app/" + did, "0000000303000090"), "a command that devices do not send there"),
    (lambda did: publish("dev2app/" + did, "0000000303000011"), "an acknowledgement to nobody"),
    (lambda did: publish("cli2ser_req", "000000030210ffff"), "a command that devices do not send there"),
])
def test_stand_in_cuts(sim, packet, why):
    did = register(sim)
    s, _ = login(sim, did)
    s.sendall(packet(did))
    sim.wait_event("refused", did=did, why=why)
    sim.wait_event("offline")
    s.close()


def test_stand_in_counts_heartbeats(sim):
    s, _ = login(sim, register(sim))
    for _ in range(60):
        s.sendall(b"\xc0\x00")
    wait_for(lambda: sim.count("ping") == 60, "60 heartbeats")
    assert not sim.refused()
    s.sendall(b"\xc0\x00")
    sim.wait_event("refused", why="more than 60 PINGREQ in 180 s")
    s.close()


# ---- device.conf ----

def test_configuration_errors(tmp_path):
    for key, value in (("product_key", "12"), ("keepalive", "601"), ("heartbeat", "3"), ("ota", "5"), ("server", "::")):
        conf = {"product_key": KEY}
        conf[key] = value
        path = write_identity(tmp_path / key, extra=["cloud=gizwits"] + ["gizwits_%s=%s" % kv for kv in conf.items()])
        client = Daemon("miio_client", "-d", path + "/", "--local", "127.0.0.1:0", "--lan", "none", "--ble", "none",
                        ready=False)
        assert client.wait(DEADLINE) == 78
        assert "gizwits_" + key in "\n".join(client.err)
