# SPDX-License-Identifier: MIT
"""Who may do what at the agent: every way in, every closed method, root, the agent's own user, another user, a peer that left."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

import msgpack
import pytest

sys.path.insert(0, os.path.dirname(__file__))
from agent_rig import Agent  # noqa: E402
from security_support import CLOSED, DAEMON, NOBODY, OPEN, ROOT, Actor, Table, needs_root  # noqa: E402
from support import wait_for  # noqa: E402

pytestmark = pytest.mark.skipif(needs_root, reason="needs root to become other users")

# A copy that this user can reach, and a folder where it can make its sockets.
AS_DAEMON = 'dir=$(mktemp -d) && chmod 755 "$dir" && cp "$1" "$dir/" && chmod 777 "$(dirname "$5")" && shift && ' \
            'exec setpriv --reuid=%d --regid=%d --clear-groups "$dir/miio_agent" "$@"' % (DAEMON, DAEMON)


class Watched(Agent):
    """The agent, run by a user of its own, with witnesses of what was let through: upstream, and an application of root
    that is bound to address 1 and gets every command."""

    def __init__(self, *args, **kw):
        super().__init__(*args, seqpacket=True, shell=AS_DAEMON, **kw)

    def open_up(self):
        for path in (self.dir.name, self.unix, self.packet):
            os.chmod(path, 0o777)
        self.root_app = self.unix_app(*CLOSED, *OPEN)
        self.root_app.send({"id": 1, "method": "bind", "address": 1})
        assert self.root_app.get()["result"] == ["ok"]
        return self

    def __enter__(self):
        return self.open_up()

    def __exit__(self, *what):
        copy = os.readlink("/proc/%d/exe" % self.pid)
        super().__exit__(*what)
        shutil.rmtree(os.path.dirname(copy), ignore_errors=True)

    def settle(self):
        """All that was sent before has been routed; the markers that reached upstream and the application."""
        seen = set()
        end = {"method": "local.query_time", "params": "end"}
        app = self.unix_app()
        app.send({**end, "_to": 1})
        app.send(end)
        for witness in (self.up, self.root_app):
            while True:
                text = witness.get()
                if text.get("params") == "end":
                    break
                seen.update(re.findall(r"mark-\d+", json.dumps(text)))
        app.close()
        return seen


class Json:
    name = "JSON"
    end = b'{"id":8,"'

    @staticmethod
    def request(method, params, id=7, spelled=None):
        name = json.dumps(method) if spelled is None else spelled
        return b'{"id":%d,"method":%s,"params":%s}' % (id, name.encode(), json.dumps(params).encode())

    @staticmethod
    def to_others(method, params):
        return b'{"id":7,"_to":1,"method":%s,"params":%s}' % (json.dumps(method).encode(), json.dumps(params).encode())

    @staticmethod
    def code(answer):
        m = re.search(rb'\{"id":7,"error":\{"code":(-?\d+)', answer)
        return int(m.group(1)) if m else 0


class Pack:
    name = "MessagePack"
    end = b"\x94\x01\x08"

    @staticmethod
    def request(method, params, id=7):
        return msgpack.packb([0, id, method, params])

    @staticmethod
    def to_others(method, params):
        return msgpack.packb([2, "agent.send", {"to": 1, "method": method, "params": params}])

    @staticmethod
    def code(answer):
        u = msgpack.Unpacker(raw=False, strict_map_key=False)
        u.feed(answer)
        return next((m[2]["code"] for m in u if m[:2] == [1, 7] and m[2]), 0)


def texts(wire, what, method, mark):
    """The text that tries one thing with one method."""
    if what == "register":
        return wire.request("register", {"key": method})
    if what == "register a prefix":
        return wire.request("register", {"key": method[:5] + "*"})
    if what == "call":
        return wire.request(method, [mark])
    if what == "_to":
        return wire.to_others(method, [mark])
    return wire.request("agent.call", {"method": method, "params": [mark]})


WHATS = ["register", "register a prefix", "call", "_to", "agent.call"]


def ways(a):
    for kind, where in (("tcp", a.port("listen")), ("unix", a.unix), ("seqpacket", a.packet)):
        for wire in (Json, Pack):
            if wire is Json or kind != "seqpacket":
                yield kind, where, wire


@pytest.fixture
def conf():
    """access.conf where every user can read it."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield pathlib.Path(folder) / "access.conf"


@pytest.fixture
def rules(conf):
    conf.write_text("any * = *\nany get_prop = *\n")  # as open as rules can be that name no closed method
    return conf


def test_every_way_in(rules, capsys):
    table, mark, wrong, expected = Table("closed methods at the agent, rules on"), 0, [], set()
    with Watched("--access", str(rules)) as a, Actor(ROOT) as root, Actor(DAEMON) as own, Actor(NOBODY) as other:
        for kind, where, wire in ways(a):
            for what in WHATS:
                for who, actor in (("root", root), ("own uid", own), ("other uid", other)):
                    for method in CLOSED + (OPEN if what in ("call", "_to", "register") else []):
                        mark += 1
                        name = "mark-%d" % mark
                        got = actor.talk((kind, where), texts(wire, what, method, name),
                                         wire.request("agent.info", [], id=8), until=wire.end)
                        code = wire.code(got)
                        may = who != "other uid" or method in OPEN
                        if what != "_to" or wire is Json:  # a notification gets no answer
                            if (code == -32001) == may and not (may and code == -32601):
                                wrong.append((kind, wire.name, what, who, method, code))
                        if method in CLOSED:
                            table.note("%s %s %s" % (kind, wire.name, what), who, code != -32001 and may)
                        if may and what in ("call", "_to", "agent.call") and not method.startswith("agent."):
                            expected.add(name)
                        if may and what == "_to":
                            expected.add(name)
                        if may and what == "agent.call" and method.startswith("agent."):
                            expected.add(name)
        seen = a.settle()
    with capsys.disabled():
        print(table)
    assert not wrong, wrong[:10]
    assert seen == expected, (sorted(seen - expected)[:10], sorted(expected - seen)[:10])


def test_a_peer_that_left_is_nobody(rules):
    """Sent and closed before the agent looks: whoever it was on TCP, nothing closed gets through, and what is open does."""
    for access in ([], ["--access", str(rules)]):
        with Watched(*access) as a, Actor(ROOT) as root, Actor(NOBODY) as other:
            mark, good = 0, set()
            a.signal(signal.SIGSTOP)
            for actor in (root, other):
                for wire in (Json, Pack):
                    for what in ("call", "_to", "agent.call"):
                        for method in CLOSED + OPEN:
                            mark += 1
                            if what == "agent.call" or (access and method in CLOSED):
                                pass
                            elif what == "_to" or not method.startswith("agent."):
                                good.add("mark-%d" % mark)
                            actor.talk(("tcp", a.port("listen")), texts(wire, what, method, "mark-%d" % mark))
            a.signal(signal.SIGCONT)
            wait_for(lambda: a.stats()["connections"] >= mark, "the connections")
            seen = a.settle()
            assert seen == good, (access, sorted(seen - good)[:5], sorted(good - seen)[:5])


def test_a_thousand_races_for_root(capsys):
    """Connect, send, close, while 400 connections keep the agent busy: not once is agent.call believed."""
    call = Json.request("agent.call", {"method": "get_prop", "params": ["mark-1"]})
    with Watched() as a, Actor(NOBODY) as other:
        where = ("tcp", a.port("listen"))
        load = [socket.create_connection(("127.0.0.1", where[1])) for _ in range(400)]
        for s in load:
            s.setblocking(False)
        stop = threading.Event()
        open_ones = dict.fromkeys(load, 0)

        def keep_busy():  # a batch behind the answers to the last one: megabytes that wait would prove no more
            while not stop.is_set():
                for s in load:
                    try:
                        if open_ones[s] <= 0:
                            s.send(b'{"id":1,"method":"agent.info"}' * 20)
                            open_ones[s] = 20
                        open_ones[s] -= s.recv(1 << 16).count(b'"id":1,')
                    except OSError:
                        pass

        busy = threading.Thread(target=keep_busy, daemon=True)
        busy.start()
        for tries in range(1, 1001):
            other.talk(where, call)
        stop.set()
        busy.join()
        wait_for(lambda: a.stats()["not_permitted"] >= tries, "all of them to be answered")
        # the same with the agent standing still, so that every one of them has gone before it is accepted
        for _ in range(5):
            a.signal(signal.SIGSTOP)
            for _ in range(200):
                other.talk(where, call)
            tries += 200
            a.signal(signal.SIGCONT)
            wait_for(lambda: a.stats()["not_permitted"] >= tries, "the agent to come by")
        assert a.settle() == set()
        for s in load:
            s.close()
    with capsys.disabled():
        print("\nagent.call by a peer that left before the accept: %d tries, 0 through" % tries)


SPELLED = ['"miIO\\u002erestore"', '"\\u006diIO.restore"', '"get_prop","method":"miIO.restore"', '"miIO.restore","method":"get_prop"',
           '["miIO.restore"]', '"miIO.restore\\u0000x"', '"\\ud800","method":"miIO.restore"']


@pytest.mark.parametrize("spelled", SPELLED)
def test_a_method_spelled_otherwise(rules, spelled):
    with Watched("--access", str(rules)) as a, Actor(NOBODY) as other:
        where = ("tcp", a.port("listen"))
        for text in (b'{"id":7,"method":%s,"params":["mark-1"]}', b'{"id":7,"_to":1,"method":%s,"params":["mark-2"]}',
                     b'{"id":7,"method":"agent.call","params":{"method":%s,"params":["mark-3"]}}'):
            other.talk(where, text % spelled.encode(), Json.request("agent.info", [], id=8), until=Json.end)
        assert a.settle() == set()


def ask(actor, where, text):
    return Json.code(actor.talk(where, text, Json.request("agent.info", [], id=8), until=Json.end))


def test_verbs(conf):
    f = conf
    f.write_text("bind 4 = nobody\nbind 8 = daemon\nsend 1 = daemon\ninject get_prop = nobody\nmonitor lamp.* = nobody\n"
                 "register miIO.ota = nobody\n")
    rows = [('{"id":7,"method":"bind","address":4}', 0), ('{"id":7,"method":"bind","address":12}', 0),
            ('{"id":7,"method":"bind","address":8}', -32001), ('{"id":7,"method":"bind","address":2}', 0),
            ('{"id":7,"_to":1,"method":"get_prop"}', -32001), ('{"id":7,"_to":3,"method":"get_prop"}', -32001),
            ('{"id":7,"_to":1}', -32001), ('{"id":7,"_to":2,"method":"get_prop"}', 0),
            ('{"id":7,"method":"agent.call","params":{"method":"nosuch"}}', -32001),
            ('{"id":7,"method":"agent.call","params":[]}', -32001),
            ('{"id":7,"method":"agent.monitor","params":{"keys":["lamp.on"]}}', 0),
            ('{"id":7,"method":"agent.monitor","params":{"keys":["lamp.*","x"]}}', -32001),
            ('{"id":7,"method":"agent.monitor","params":[]}', -32001),
            ('{"id":7,"method":"register","key":"miIO.ota"}', 0), ('{"id":7,"method":"register","key":"miIO.o*"}', -32001)]
    with Watched("--access", str(f)) as a, Actor(NOBODY) as other:
        for where in (("tcp", a.port("listen")), ("unix", a.unix)):
            for text, code in rows:
                assert ask(other, where, text.encode()) == code, (where[0], text)
            # what may be injected arrives; the application has not answered
            other.talk(where, Json.request("agent.call", {"method": "get_prop", "params": ["mark-1"]}),
                       Json.request("agent.info", [], id=8), until=Json.end)
            assert a.settle() == {"mark-1"}


def test_the_section_of_the_agents_own_file(conf):
    """[access] of agent.conf: the same items; "send" is the older word for call as well."""
    conf.write_text("[access]\nsend lamp.* = root\nregister cam.* = nobody\n")
    with Watched("--config", str(conf)) as a, Actor(NOBODY) as other:
        where = ("tcp", a.port("listen"))
        for text, code in ((b'{"id":7,"method":"lamp.x"}', -32001), (b'{"id":7,"_to":1,"method":"lamp.x"}', -32001),
                           (b'{"id":7,"method":"register","key":"cam.x"}', 0), (b'{"id":7,"method":"miIO.ota"}', -32001)):
            assert ask(other, where, text) == code, text


def test_groups_count_on_tcp_too(conf):
    """A TCP peer has no groups to ask for: the rule for a group names its users."""
    f = conf
    f.write_text("register cam.* = @%d\n" % NOBODY)
    with Watched("--access", str(f)) as a, Actor(NOBODY) as other, Actor(2) as third:
        for where in (("tcp", a.port("listen")), ("unix", a.unix)):
            assert ask(other, where, b'{"id":7,"method":"register","key":"cam.x"}') == 0
            assert ask(third, where, b'{"id":7,"method":"register","key":"cam.x"}') == -32001
        with Actor(2, groups=[NOBODY]) as member:
            assert ask(member, ("unix", a.unix), b'{"id":7,"method":"register","key":"cam.x"}') == 0


def test_default_deny(conf):
    f = conf
    f.write_text("default = deny\ncall prop.* = nobody\n")
    with Watched("--access", str(f)) as a, Actor(NOBODY) as other:
        where = ("tcp", a.port("listen"))
        got = other.talk(where, Json.request("other", []), Json.request("register", {"key": "x"}, id=9),
                         Json.request("agent.info", [], id=8), until=Json.end)
        assert got.count(b"-32001") == 3
        a.signal(signal.SIGSTOP)
        other.talk(where, b'{"method":"prop.x","params":["mark-1"]}')  # gone before it is asked for: nobody
        a.signal(signal.SIGCONT)
        wait_for(lambda: a.stats()["not_permitted"] == 4, "the one that left")
        assert a.settle() == set()
        other.talk(where, b'{"method":"prop.x","params":["mark-2"]}', Json.request("agent.info", [], id=8), until=Json.end)
        assert a.settle() == {"mark-2"}


def test_a_reload_takes_back_what_is_held(conf):
    f = conf
    f.write_text("bind 2 = nobody\nmonitor get_prop = nobody\nregister cam.x = nobody\n")
    with Watched("--access", str(f)) as a, Actor(NOBODY) as other:
        where = ("unix", a.unix)
        held = [b'{"id":6,"method":"bind","address":2}', b'{"id":6,"method":"agent.monitor","params":{"keys":["get_prop"]}}',
                b'{"id":6,"method":"register","key":"cam.x"}']
        got = other.talk(where, *held, Json.request("agent.info", [], id=8), until=Json.end, hold=True)
        assert got.count(b'{"id":6,"result":["ok"]}') == 3
        peers = a.root_app.ask("agent.peers")["result"]
        assert any(p["address"] == 2 and p["uid"] == NOBODY for p in peers)
        f.write_text("")  # as while it is being written
        a.signal(signal.SIGHUP)
        a.wait_err("holds no access rule.*the old ones stay")
        assert ask(other, where, b'{"id":7,"method":"miIO.ota"}') == -32001
        assert any(p["address"] == 2 for p in a.root_app.ask("agent.peers")["result"])
        f.write_text("bind 2 = root\nregister cam.x = root\n")
        a.signal(signal.SIGHUP)
        wait_for(lambda: sum("configuration read again" in e for e in a.err) == 2, "the reload")
        peers = a.root_app.ask("agent.peers")["result"]
        assert not any(p["address"] == 2 for p in peers)
        a.up.send('{"id":5,"method":"cam.x"}')
        assert a.up.get() == {"id": 5, "error": {"code": -32001, "message": "not permitted"}}
        f.unlink()
        a.signal(signal.SIGHUP)
        a.wait_err("configuration kept as it was")
        assert ask(other, where, b'{"id":7,"method":"register","key":"cam.x"}') == -32001


def test_what_the_start_says(conf):
    f = conf
    with Agent() as a:
        a.wait_err("every local user may do everything")
        assert sum("every local user" in e for e in a.err) == 1
    f.write_text("call lamp.* = *\n")
    with Agent("--access", str(f)) as a:
        assert not any("every local user" in e for e in a.err)
    f.write_text("call miIO.reboot = *\n")
    os.chmod(f, 0o666)
    with Agent("--access", str(f)) as a:
        a.wait_err("miIO.reboot, else kept for root, is given to every local user")
        a.wait_err("access.conf: mode 0666 lets others write it")
    f.write_text("")
    with Agent("--access", str(f)) as a:
        a.wait_err("holds no access rule")


# ---- upstream ----

SERVER = r"""
import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen(8)
print("ready", flush=True)
if sys.argv[2] == "accept":
    while True:
        c = s.accept()[0]
        c.sendall(b'{"id":1,"method":"get_prop","params":["mark-1"]}')
        while c.recv(4096):
            print("read", flush=True)
sys.stdin.read()
"""


def server(port, uid, how="accept"):
    p = subprocess.Popen(["/usr/bin/python3", "-c", SERVER, str(port), how], user=uid, group=uid, extra_groups=[],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "ready\n"
    return p


def test_a_stranger_is_not_upstream():
    with Watched(upstream=False) as a:
        a.listener.close()
        thief = server(a.up_port, NOBODY)
        try:
            a.wait_err("is not believed: it belongs to uid %d" % NOBODY)
            assert a.info()["upstream"] is False
            assert a.root_app.silent()
            assert a.root_app.ask("get_prop")["error"]["code"] == -32002
        finally:
            thief.kill()
            thief.wait()
        heir = server(a.up_port, ROOT)
        try:
            wait_for(lambda: a.info()["upstream"], "upstream")
            assert a.root_app.get()["params"] == ["mark-1"]
        finally:
            heir.kill()
            heir.wait()
        assert a.stats()["upstream_refused"] >= 1


@pytest.mark.parametrize("user", ["nobody", str(NOBODY), "*"])
def test_upstream_user(user):
    with Watched("--upstream-user", user, upstream=False) as a:
        a.listener.close()
        other = server(a.up_port, NOBODY)
        try:
            wait_for(lambda: a.info()["upstream"], "upstream")
        finally:
            other.kill()
            other.wait()


def test_upstream_that_does_not_accept_is_not_believed():
    with Watched(upstream=False) as a:
        a.listener.close()
        mute = server(a.up_port, NOBODY, "mute")
        try:
            a.wait_err("no connection to upstream .*nobody accepts")
            assert a.info()["upstream"] is False
        finally:
            mute.kill()
            mute.wait()
