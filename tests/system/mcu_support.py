# SPDX-License-Identifier: MIT
"""A stand-in cloud behind the agent, and serial lines made of pseudo terminals."""
import json
import os
import pty
import random
import select
import socket
import subprocess
import threading
import time
import tty

from support import DEADLINE, Daemon, JsonSocket, wait_for, write_identity


class Upstream:
    """The client daemon's place on 54322: sends commands, collects answers by id, acknowledges reports."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.answers, self.reports, self.refuse, self.no_did = {}, [], False, 0
        self.mcu_info = []
        self.changed = threading.Condition()
        self.peer = None
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                s, _ = self.server.accept()
            except OSError:
                return
            peer = JsonSocket.__new__(JsonSocket)
            peer.s, peer.buffer = s, ""
            self.peer = peer
            try:
                self._read(peer)
            except OSError:
                pass  # it went while something was sent to it; the next one may come

    def _read(self, peer):
        while True:
            try:
                text = peer.recv(deadline=3600)
            except OSError:
                return
            if text is None:
                return
            with self.changed:
                if "method" in text:
                    self._take_request(peer, text)
                else:
                    self.answers.setdefault(text["id"], []).append(text)
                self.changed.notify_all()

    def _take_request(self, peer, text):
        if text["method"] == "local.query_status":
            peer.send({"id": text["id"], "method": "local.status", "params": "cloud_connected"})
        elif text["method"] == "miIO.info":
            peer.send({"id": text["id"], "result": {"model": "acme.lamp.v1", "mac": "34:CE:00:89:2A:B7",
                                                    "fw_ver": "1.4.4_0003"}})
        elif text["method"] == "local.mcu_info":
            self.mcu_info.append(text["params"])
            peer.send({"id": text["id"], "result": ["ok"]})
        elif text["method"] == "local.query_did" and self.no_did > 0:
            self.no_did -= 1
            peer.send({"id": text["id"], "error": {"code": -32002, "message": "not connected"}})
        elif text["method"] == "local.query_did":
            peer.send({"id": text["id"], "method": "local.did", "params": "1234"})
        else:
            if "id" in text:
                peer.send({"id": text["id"], "error": {"code": -1}} if self.refuse else
                          {"id": text["id"], "result": ["ok"]})
            if not self.refuse:
                self.reports.append(text)

    def away(self):
        """As if the client daemon were gone."""
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.peer.s.shutdown(socket.SHUT_RDWR)
        self.peer = None

    def back(self):
        self.server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, daemon=True).start()

    def send(self, obj):
        wait_for(lambda: self.peer, "the agent's connection")
        self.peer.send(obj)

    def wait(self, condition, what, deadline=DEADLINE):
        with self.changed:
            assert self.changed.wait_for(condition, deadline), "timed out waiting for " + what

    def call(self, id, method, params, deadline=DEADLINE):
        self.send({"id": id, "method": method, "params": params})
        self.wait(lambda: id in self.answers, "the answer to %d" % id, deadline)
        return self.answers[id][0]

    def seen(self, method):
        return [r["params"] for r in self.reports if r["method"] == method]


class Line:
    """The MCU's end of a serial line; path is what miio_mcu --tty gets, and stays over hang-ups."""

    def __init__(self, path):
        self.path = str(path)
        self.buffer = b""
        self.open()

    def open(self):
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        if os.path.islink(self.path):
            os.unlink(self.path)
        os.symlink(os.ttyname(self.slave), self.path)

    def close(self):
        for fd in (self.master, self.slave):
            os.close(fd)
        self.buffer = b""

    def write(self, data):
        while data:
            data = data[os.write(self.master, data):]

    def read(self, n=1, deadline=DEADLINE):
        """At least n bytes."""
        end = time.monotonic() + deadline
        while len(self.buffer) < n:
            left = end - time.monotonic()
            assert left > 0, "the line is silent; so far %r" % self.buffer
            if select.select([self.master], [], [], left)[0]:
                self.buffer += os.read(self.master, 65536)
        data, self.buffer = self.buffer, b""
        return data

    def reply(self, deadline=DEADLINE):
        """The next line, without its CR."""
        data = b""
        while b"\r" not in data:
            data += self.read(1, deadline)
        line, self.buffer = data.split(b"\r", 1)
        assert b"\n" not in line
        return line.decode()

    def say(self, text):
        self.write(text.encode() + b"\r")
        return self.reply()

    def next_down(self, want="down "):
        """Polls until something else than none is there."""
        end = time.monotonic() + DEADLINE
        while True:
            line = self.say("get_down")
            if line != "down none" and line.startswith(want):
                return line
            assert time.monotonic() < end, "nothing to do came down"
            time.sleep(0.02)


class Relay:
    """Joins a line and a tty (its path, or a descriptor); percent of the large chunks towards b are spoilt."""

    def __init__(self, a, b, percent=0, seed=1):
        self.a, self.percent, self.random = a, percent, random.Random(seed)
        self.b = os.open(b, os.O_RDWR | os.O_NOCTTY) if isinstance(b, str) else os.dup(b)
        self.spoilt = self.blocks = 0
        self.running = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while self.running:
            for fd in select.select([self.a.master, self.b], [], [], 0.1)[0]:
                try:
                    data = os.read(fd, 4096)
                except OSError:
                    return
                if fd == self.a.master:
                    data = self._spoil(data)
                other = self.b if fd == self.a.master else self.a.master
                while data:
                    data = data[os.write(other, data):]

    def _spoil(self, data):
        if len(data) < 100:
            return data
        self.blocks += 1
        if self.random.random() * 100 >= self.percent:
            return data
        self.spoilt += 1
        at = self.random.randrange(3, len(data))
        return data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1:]

    def close(self):
        self.running = False
        self.thread.join(5)
        os.close(self.b)


class Stack:
    """Upstream, agent and miio_mcu on a serial line."""

    def __init__(self, tmp_path, tty_path, *options):
        self.up = Upstream()
        self.agent = Daemon("miio_agent", "--listen", "none", "--unix", tmp_path / "agent.sock", "--upstream",
                            "127.0.0.1:%d" % self.up.port)
        self.mcu = Daemon("miio_mcu", "--tty", tty_path, "--agent", "unix:%s" % (tmp_path / "agent.sock"), "-o",
                          "update_dir=%s" % tmp_path, *options)
        self.mcu.wait_err("agent connected")

    def info(self, id=900000):
        self.up.answers.pop(id, None)
        return self.up.call(id, "mcu.info", [])["result"]

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.mcu.__exit__(kind, value, trace)
        self.agent.__exit__(kind, value, trace)
        self.up.server.close()


def round_trips(tmp_path, count, window=8):
    """Gets, sets and actions through everything while the line drops, repeats, spoils and delays; the answers by id."""
    sim = Daemon("miio_sim", "mcu", "--link", tmp_path / "tty", "--poll", 1, "--reply-timeout", 60, "--drop", "1%",
                 "--dup", "2%", "--noise", "1%", "--delay", 2)
    with sim, Stack(tmp_path, tmp_path / "tty") as stack:
        stack.info()
        up, sent = stack.up, 0
        while sent < count:
            up.wait(lambda: sent - len([i for i in up.answers if i <= count]) < window, "room in the window")
            sent += 1
            up.send(make_command(sent))
        up.wait(lambda: all(i in up.answers for i in range(1, count + 1)), "all answers")
        return {i: a for i, a in up.answers.items() if i <= count}, stack.info(900001)


class CloudChain:
    """The stand-in cloud (OT), client, agent and miio_mcu on a serial line: nothing in between is a test's own."""

    DID, KEY = 87654321, "Qw3rTy7UiOp9AsDf"

    def __init__(self, tmp_path, tty_path):
        data = write_identity(tmp_path / "data", self.DID, self.KEY, wifi=False, extra=["provisioning=none"])
        self.cloud = Daemon("miio_sim", "cloud", "--did", self.DID, "--key", self.KEY, "--udp", "127.0.0.1:0", "--quiet",
                            stdin=subprocess.PIPE)
        self.client = Daemon("miio_client", "-d", data, "--local", "127.0.0.1:0", "--lan", "none", "--ble", "none",
                             "-H", "127.0.0.1", "-p", self.cloud.port("udp"))
        self.agent = Daemon("miio_agent", "--listen", "none", "--unix", tmp_path / "agent.sock", "--upstream",
                            self.client.ready["local"])
        self.mcu = Daemon("miio_mcu", "--tty", tty_path, "--agent", "unix:%s" % (tmp_path / "agent.sock"))
        self.mcu.wait_err("net: cloud")
        self.n_said, self.n_read, self.answers = 0, 0, {}

    def say(self, method, params):
        """The n-th command has the id n."""
        self.n_said += 1
        self.cloud.process.stdin.write("%s %s\n" % (method, json.dumps(params)))
        self.cloud.process.stdin.flush()
        return self.n_said

    def read(self):
        lines = self.cloud.out[self.n_read:]
        self.n_read += len(lines)
        for line in lines:
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("event") == "answer":
                self.answers.setdefault(event["id"], []).append(event)
        return len(self.answers)

    def answer(self, id, deadline=DEADLINE):
        wait_for(lambda: self.read() and id in self.answers, "the answer to %d" % id, deadline)
        return self.answers[id][0]

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for part in (self.mcu, self.agent, self.client, self.cloud):
            part.__exit__(kind, value, trace)


def check_cloud_round_trips(tmp_path, count, window=8):
    """Each command of the cloud is answered exactly once while the line drops, repeats, spoils and delays."""
    sim = Daemon("miio_sim", "mcu", "--link", tmp_path / "tty", "--poll", 1, "--reply-timeout", 60, "--drop", "1%",
                 "--dup", "2%", "--noise", "1%", "--delay", 2)
    with sim, CloudChain(tmp_path, tmp_path / "tty") as chain:
        for i in range(1, count + 1):
            wait_for(lambda: i - chain.read() <= window, "room in the window")
            command = make_command(i)
            assert chain.say(command["method"], command["params"]) == i
        wait_for(lambda: chain.read() == count, "all answers")
    chain.read()
    assert sorted(chain.answers) == list(range(1, count + 1))
    assert all(len(a) == 1 for a in chain.answers.values())
    good = sum(check_answer(i, chain.answers[i][0]) for i in chain.answers)
    print("%d of %d good" % (good, count))
    assert good > count * 0.8


def make_command(i):
    if i % 3 == 0:
        params = {"did": "d%d" % i, "siid": 2, "aiid": i, "in": [{"piid": 1, "value": "a b %d" % i}]}
        return {"id": i, "method": "action", "params": params}
    if i % 3 == 1:
        return {"id": i, "method": "set_properties",
                "params": [{"did": "d%d" % i, "siid": 2, "piid": 2, "value": i}]}
    return {"id": i, "method": "get_properties",
            "params": [{"did": "d%d" % i, "siid": 2, "piid": 2}, {"did": "d%d" % i, "siid": 3, "piid": 2}]}


def check_answer(i, answer):
    """True: a good one; False: an error that the faults explain. Anything else fails."""
    if answer.get("error"):
        assert answer["error"]["code"] in (-9999, -9998, -5099), answer
        return False
    result, did = answer["result"], "d%d" % i
    if i % 3 == 0:
        assert result == {"did": did, "siid": 2, "aiid": i, "code": 0, "out": [{"piid": 1, "value": "a b %d" % i}]}
    elif i % 3 == 1:
        assert result == [{"did": did, "siid": 2, "piid": 2, "code": 0}]
    else:
        assert [e.get("code") for e in result] == [0, 0], result
        assert result[1]["value"] == "living room"
    return True


def check_round_trips(tmp_path, count):
    answers, info = round_trips(tmp_path, count)
    good = 0
    for i in range(1, count + 1):
        assert len(answers[i]) == 1, answers[i]
        good += check_answer(i, answers[i][0])
    print("%d of %d good; %s" % (good, count, info))
    assert good > count * 0.8


def check_transfer(tmp_path, size, percent, *, checksum=False, options=()):
    """An image through miio_mcu, a spoilt line and the real rx; returns the relay for its counters."""
    image = random.Random(size).randbytes(size)
    (tmp_path / "image").write_bytes(image)
    import hashlib
    line = Line(tmp_path / "tty")
    sim = Daemon("miio_sim", "mcu", "--receive", tmp_path / "got", "--poll", 50, *(["--checksum"] if checksum else []))
    relay = Relay(line, sim.ready["tty"], percent)
    with sim, Stack(tmp_path, tmp_path / "tty", *options) as stack:
        answer = stack.up.call(1, "mcu.update", {"file": str(tmp_path / "image"),
                                                 "md5": hashlib.md5(image).hexdigest()})
        assert answer["result"] == ["ok"], answer
        sim.wait_out("^update received", 300)
        stack.mcu.wait_err("update of the MCU: installed", 120)
        props = [p for p in stack.up.seen("props") if p]
        assert {"ota_state": "installing"} in props and {"ota_progress": 100} in props
        stack.up.wait(lambda: {"ota_state": "installed"} in stack.up.seen("props"), "the end of the update")
        assert stack.info()["mcu_version"] == "0002"
        assert stack.up.call(2, "get_properties", [{"siid": 2, "piid": 2}])["result"][0]["value"] == 50
    relay.close()
    got = (tmp_path / "got").read_bytes()
    assert got[:size] == image
    assert got[size:size + 1] == b"\x1a" and set(got[size + 1:]) <= {0xff}
    line.close()
    return relay
