# SPDX-License-Identifier: MIT
"""libagent against the real agent, and against stand-ins that behave as old or as bad as agents do."""
import errno
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from agent_rig import Agent, Texts  # noqa: E402
from support import BIN, DEADLINE, Daemon, wait_for  # noqa: E402

TESTS = os.path.join(BIN, "..", "tests")
LOST, TIMEOUT, CANCELED, REMOTE = -4001, -4002, -4003, -4004


class Probe(Daemon):
    """A program that does with libagent what it is told."""

    def __init__(self, address, *args, open=True):
        super().__init__(os.path.join(TESTS, "lib_probe"), *args, env={"MIIO_AGENT": address}, stdin=subprocess.PIPE)
        if open:
            self.tell("open")

    def tell(self, *words):
        self.process.stdin.write("\t".join(str(w) for w in words) + "\n")
        self.process.stdin.flush()

    def saw(self, pattern):
        return self.wait_out("^" + pattern)

    def count(self, prefix):
        return sum(line.startswith(prefix) for line in self.out)

    def serve(self, key, action="echo", mode="shared"):
        self.tell("subscribe", key, mode, action)
        self.saw("registered %s 0" % key.replace("*", r"\*"))

    def stop(self):
        self.process.stdin.close()  # its sign to leave
        self.process.wait(DEADLINE)
        super().stop()


def addresses(agent, packets=True):
    out = ["unix:" + agent.unix, "tcp:" + agent.ready["listen"]]
    return out + (["seqpacket:" + agent.packet] if packets else [])


@pytest.mark.parametrize("how", ["unix", "tcp", "seqpacket"])
@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_commands_and_calls(how, encoding):
    if how == "seqpacket" and encoding == "msgpack":
        pytest.skip("the packet socket carries JSON")
    with Agent(seqpacket=True) as agent:
        address = [a for a in addresses(agent) if a.startswith(how)][0]
        with Probe(address, *(["--msgpack"] if encoding == "msgpack" else [])) as app:
            app.serve("echo")
            app.serve("pre.*", "ok")
            app.saw("state  3")
            value = {"a": [1, -2, 3.5, None, True, "\u00e4\"\\\n"], "b": {}}
            agent.up.send({"id": 7, "method": "echo", "params": value})
            assert agent.up.get() == {"id": 7, "result": value}
            agent.up.send({"id": 8, "method": "pre.x"})
            assert agent.up.get() == {"id": 8, "result": ["ok"]}
            app.tell("call", "props", '{"p":[1,"x"]}', 0)
            up = agent.up.get()
            assert up["method"] == "props" and up["params"] == {"p": [1, "x"]}
            agent.up.send({"id": up["id"], "result": ["ok"]})
            app.saw(r'end props 0 \["ok"\]')
            app.tell("call", "props", '{}', 0)
            agent.up.send({"id": agent.up.get()["id"], "error": {"code": -5, "message": "no"}})
            assert json.loads(app.saw("end props %d" % REMOTE).split(" ", 3)[3]) == {"code": -5, "message": "no"}
            app.tell("notify", "event.x", "[1]")
            assert agent.up.get() == {"method": "event.x", "params": [1]}
            app.tell("time")
            up = agent.up.get()
            agent.up.send({"id": up["id"], "method": "local.time", "params": 1700000000})
            app.saw(r"time \+ 1700000000")


@pytest.mark.parametrize("how", ["unix", "tcp"])
def test_large_texts_and_many(how):
    with Agent() as agent:
        address = [a for a in addresses(agent, False) if a.startswith(how)][0]
        with Probe(address) as app:
            app.serve("echo")
            big = ["x" * 300000, list(range(5000))]
            agent.up.send({"id": 1, "method": "echo", "params": big})
            assert agent.up.get() == {"id": 1, "result": big}
            agent.up.send(b"".join(b'{"id":%d,"method":"echo","params":[%d]}' % (i, i) for i in range(500)))
            assert [agent.up.get() for _ in range(500)] == [{"id": i, "result": [i]} for i in range(500)]


def test_comes_back_when_the_agent_is_killed():
    with Agent() as agent:
        fixed = ["miio_agent", "--listen", agent.ready["listen"], "--unix", agent.unix, "--upstream",
                 "127.0.0.1:%d" % agent.up_port]
        with Probe("unix:" + agent.unix) as app:
            app.serve("echo")
            app.serve("keep", "keep")
            app.saw("state  3")
            agent.up.send({"id": 3, "method": "keep"})
            app.saw("command keep")
            app.tell("call", "slow", "[]", 20000)
            agent.up.get()
            agent.kill()
            app.saw("end slow %d" % LOST)
            wait_for(lambda: app.out.count("state  1 ") == 2, "the connection to be tried again")
            app.tell("answer", "[1]")
            app.saw("did answer %d" % LOST)
            app.tell("call", "waits", "[5]", 20000)
            app.saw("did call 0")
            with Daemon(*fixed) as again:
                agent.accept()
                wait_for(lambda: app.out.count("state  3 ") == 2, "the subscriptions to be in force again")
                def refused():  # the agent had it before it had its upstream
                    return any("end waits" in line for line in app.out)
                wait_for(lambda: select.select([agent.up.sock], [], [], 0)[0] or refused(), "the call")
                if refused():
                    app.tell("call", "waits", "[5]", 20000)
                up = agent.up.get()
                assert (up["method"], up["params"]) == ("waits", [5])
                agent.up.send({"id": up["id"], "result": [6]})
                app.saw(r"end waits 0 \[6\]")
                agent.up.send({"id": 9, "method": "echo", "params": [1]})
                assert agent.up.get() == {"id": 9, "result": [1]}
                assert again.pid
        agent.listener.close()
        agent.stop = lambda: None  # killed by the test


def test_started_before_the_agent(tmp_path):
    path = str(tmp_path / "late.sock")
    with Probe("unix:" + path) as app:
        app.tell("subscribe", "echo", "shared", "echo")
        app.tell("call", "gives.up", "[]", 100)
        app.saw("end gives.up %d" % TIMEOUT)
        app.wait_err("no agent reached")
        with Daemon("miio_agent", "-O", "--listen", "none", "--unix", path):
            app.saw("registered echo 0")
            app.tell("sync", "agent.info", "[]")
            app.saw(r"sync agent.info 0 \{")
            app.tell("close")
            app.tell("sync", "x", "[]")
            app.saw("sync x %d" % -errno.ENOTCONN)


def test_answers_later_and_only_once():
    with Agent() as agent:
        with Probe("unix:" + agent.unix) as app:
            app.serve("keep", "keep")
            app.serve("fail", "fail")
            for i in range(3):
                agent.up.send({"id": i, "method": "keep", "params": [i]})
            wait_for(lambda: app.count("command keep") == 3, "the commands")
            agent.up.send({"id": 10, "method": "fail"})
            assert agent.up.get() == {"id": 10, "error": {"code": -5001, "message": "failed"}}
            for i in range(3):
                app.tell("answer", [i])
                assert agent.up.get() == {"id": i, "result": [i]}


def test_owners_of_a_key():
    with Agent() as agent:
        with Probe("unix:" + agent.unix) as one, Probe("unix:" + agent.unix) as two:
            one.serve("m", mode="exclusive")
            two.tell("subscribe", "m", "exclusive", "ok")
            two.saw("registered m %d" % -errno.EEXIST)
            two.tell("unsubscribe", "m")
            two.serve("n", mode="standby")
            one.tell("unsubscribe", "m")
            one.serve("l")  # on the same connection: the agent has read what came before
            two.serve("m", "ok")
            agent.up.send({"id": 1, "method": "m", "params": [3]})
            assert agent.up.get() == {"id": 1, "result": ["ok"]}


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_a_standby_is_told_that_it_waits_and_that_it_owns(encoding):
    flags = ["--msgpack"] if encoding == "msgpack" else []
    with Agent() as agent:
        with Probe("unix:" + agent.unix) as one, Probe("unix:" + agent.unix, *flags) as two:
            one.serve("m.*", mode="exclusive")
            two.tell("subscribe", "m.*", "standby", "ok")
            two.saw(r"registered m\.\* 1")
            assert two.count("registered m.* 0") == 0
            one.stop()
            two.saw(r"registered m\.\* 0")
            agent.up.send({"id": 1, "method": "m.x"})
            assert agent.up.get() == {"id": 1, "result": ["ok"]}
            one.stop = lambda: None


@pytest.mark.parametrize("encodings", [("json", "json"), ("json", "msgpack"), ("msgpack", "json"),
                                       ("msgpack", "msgpack")])
def test_messages_between_applications(encodings):
    with Agent() as agent:
        flags = [["--msgpack"] if e == "msgpack" else [] for e in encodings]
        with Probe("unix:" + agent.unix, *flags[0]) as one, Probe("unix:" + agent.unix, *flags[1]) as two:
            for app, address in (one, 2), (two, 16):
                app.tell("bind", address)
                app.saw("bound %d 0" % address)
            one.tell("send", 16, "hello", '{"x":[1]}')
            two.saw(r'command hello 2 \{"x":\[1\]\}')
            one.saw(r'end hello 0 \{"x":\[1\]\}')
            if encodings[0] == encodings[1]:
                one.tell("send", 8, "nobody", "[]")
                one.saw("end nobody %d" % TIMEOUT)


def test_an_address_has_one_holder():
    with Agent() as agent:
        with Probe("unix:" + agent.unix) as one, Probe("unix:" + agent.unix, "--msgpack") as two:
            one.tell("bind", 2)
            one.saw("bound 2 0")
            two.tell("bind", 2)
            two.saw("bound 2 %d" % -errno.EEXIST)
            one.tell("bind", 0)
            one.serve("given.up")  # an answer to register: bind has arrived as well
            two.tell("bind", 2)
            two.saw("bound 2 0")


def test_status_is_followed():
    with Agent() as agent:
        with Probe("unix:" + agent.unix) as app:
            app.tell("status")
            up = agent.up.get()
            assert up["method"] == "local.query_status"
            agent.up.send({"id": up["id"], "method": "local.status", "params": "cloud_retry"})
            app.saw("status cloud_retry")
            agent.up.send({"method": "local.status", "params": "cloud_connected"})
            app.saw("status cloud_connected")


class OldAgent(threading.Thread):
    """The vendor's agent, as far as it goes: consumes register without a word, routes by it; refuses what it never saw
    from applications of its time: members beside the known ones, two texts that are cut badly, non-integer ids."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(8)
        self.keys, self.faults, self.answers, self.requests = [], [], [], []
        self.app = None
        self.start()

    def run(self):
        conn = self.listener.accept()[0]
        self.app = app = Texts(conn)
        while (t := app.get(3600)) is not None:
            if not isinstance(t.get("id", 0), int):
                self.faults.append(t)
            if t.get("method") == "register":
                if set(t) - {"id", "method", "key"}:
                    self.faults.append(t)
                self.keys.append(t["key"])
            elif "method" in t:
                self.requests.append(t)
                app.send({"id": t["id"], "result": ["ok"]})
            else:
                self.answers.append(t)

    def close(self):
        self.listener.close()
        if self.app:
            self.app.sock.shutdown(socket.SHUT_RDWR)


def test_works_with_an_old_agent(tmp_path):
    path = str(tmp_path / "old.sock")
    old = OldAgent(path)
    with Probe("unix:" + path, open=False) as app:
        app.tell("subscribe", "get_prop", "shared", "echo")
        app.tell("subscribe", "set_power", "shared", "ok")
        app.tell("open")
        app.saw("state  3")  # although nobody ever answered
        app.saw("registered get_prop 0")
        assert old.keys == ["get_prop", "set_power"]
        old.app.send({"id": 5, "method": "get_prop", "params": ["x"]})
        wait_for(lambda: old.answers == [{"id": 5, "result": ["x"]}], "the answer")
        app.tell("call", "props", "{}", 0)
        app.saw(r'end props 0 \["ok"\]')
        assert not old.faults
        old.close()


def test_bad_agents_do_no_harm(tmp_path):
    """Garbage, a hang-up at once, an agent that never reads: the library stays on its feet and tries again."""
    path = str(tmp_path / "bad.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(8)
    with Probe("unix:" + path) as app:
        for garbage in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b'{"id":1,', b"{}\xff", b"", b'{"method":"x","id":1}' * 100):
            peer = listener.accept()[0]
            peer.sendall(garbage)
            peer.close()
        peer = listener.accept()[0]  # never reads
        wait_for(lambda: app.out and app.out[-1].startswith("state  3"), "the connection")
        params = json.dumps("x" * 500000)
        for _ in range(8):
            app.tell("notify", "m", params)
        app.saw("did notify %d" % -errno.ENOBUFS)
        app.tell("call", "m", "[1", 0)
        app.saw("did call %d" % -4007)
        peer.close()
        listener.accept()
    listener.close()


def test_does_not_connect_to_itself():
    """With an ephemeral range around the agent's port and nobody listening, TCP would soon join a socket to itself."""
    script = ("ip link set lo up && echo 54320 54323 > /proc/sys/net/ipv4/ip_local_port_range && "
              "exec %s" % os.path.join(TESTS, "lib_probe"))
    if subprocess.run(["unshare", "-rn", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("no network namespaces here")
    p = subprocess.Popen(["unshare", "-rn", "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, env={**os.environ, "MIIO_AGENT": "tcp:127.0.0.1:54320"})
    p.stdin.write("open\n")
    p.stdin.flush()
    tries = 0
    end = time.monotonic() + DEADLINE
    while tries < 8 and time.monotonic() < end:  # a guard that fails shows in the first few
        tries += "no agent reached" in p.stderr.readline()
    out, _ = p.communicate("quit\n", timeout=DEADLINE)
    assert tries == 8
    assert "state  2" not in out and p.returncode == 0
