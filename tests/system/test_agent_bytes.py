# SPDX-License-Identifier: MIT
"""Any cutting of the stream, any size, and input that is no text at all."""
import json
import os
import resource
import socket
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from agent_rig import Agent, Texts  # noqa: E402
from support import DEADLINE, wait_for  # noqa: E402

COMMAND = '{"id":%d,"method":"set_power","params":["\\u00e9\\"}{","é",[1.5e3,{"a":null}]]}'
ANSWER = '{"id":%d,"result":["}{",{"x":[]}]}'


@pytest.fixture(scope="module")
def agent():
    with Agent() as a:
        yield a


def test_cut_at_every_byte(agent):
    app = agent.app("set_power")
    n = len((COMMAND % 100).encode())
    for cut in range(1, n):
        text, answer = (COMMAND % (100 + cut)).encode(), (ANSWER % (100 + cut)).encode()
        agent.up.send(text[:cut])
        if cut % 8 == 0:
            time.sleep(0.001)  # else both pieces may arrive at once; both orders are right
        agent.up.send(text[cut:])
        assert app.raw() == text
        k = cut % len(answer)
        app.send(answer[:k])
        app.send(answer[k:])
        assert agent.up.raw() == answer
    app.close()


def test_one_byte_at_a_time(agent):
    app = agent.app("set_power")
    for i in range(20):
        text = (COMMAND % i).encode()
        for k in range(len(text)):
            agent.up.send(text[k:k + 1])
        assert app.raw() == text
        for c in (ANSWER % i).encode():
            app.send(bytes([c]))
        assert agent.up.raw() == (ANSWER % i).encode()
    app.close()


def test_2000_in_one_write(agent):
    app = agent.app("set_power")
    for base in (0, 1000):  # not more than 1024 may be open at one application
        agent.up.send("".join(COMMAND % (base + i) for i in range(1000)))
        for i in range(1000):
            assert app.get()["id"] == base + i
        app.send("\n".join(ANSWER % (base + i) for i in range(1000)))
        for i in range(1000):
            assert agent.up.get()["id"] == base + i
    agent.up.send("".join('{"method":"set_power","params":[%d]}' % i for i in range(2000)))
    for i in range(2000):
        assert app.get()["params"] == [i]
    app.send("".join('{"method":"props","params":[%d]}' % i for i in range(2000)))
    for i in range(2000):
        assert agent.up.get()["params"] == [i]
    app.close()


def test_a_million_bytes(agent):
    app = agent.app("big")
    text = '{"id":1,"method":"big","params":["' + "x" * 999963 + '"]}'
    assert len(text) == 1000000
    agent.up.send(text)
    assert app.raw() == text.encode()
    answer = '{"id":1,"result":"' + "é" * 490000 + '"}'
    app.send(answer)
    assert agent.up.raw() == answer.encode()
    app.send('{"id":7,"method":"up","params":"' + "y" * 1000000 + '"}')
    m = agent.up.get()
    assert len(m["params"]) == 1000000
    agent.up.send({"id": m["id"], "result": ["ok"]})
    assert app.get() == {"id": 7, "result": ["ok"]}
    app.close()


HOSTILE = {
    "100,000 brackets": b'{"id":1,"method":"q","params":' + b"[" * 100000,
    "invalid UTF-8": b'{"id":1,"method":"\xff\xfe"}',
    "overlong UTF-8": b'{"method":"\xc0\xaf"}',
    "a NUL inside": b'{"id":1,"method":"a\0b"}',
    "garbage": bytes(range(1, 256)),
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an array": b"[1,2,3]",
    "a number": b"42",
    "two commas": b'{"id":1,,"method":"q"}',
    "a bare control byte": b'{"id":1,"method":"a\nb"}',
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_bytes(agent, name):
    app = agent.app()
    try:
        app.send(HOSTILE[name])
    except (BrokenPipeError, ConnectionResetError):
        pass
    m = app.get()
    assert m["error"]["code"] == -32700
    assert app.closed()
    agent.check_serves()


@pytest.mark.parametrize("id", ["-1", "1.5", '"x"', "null", "true", "[1]", "{}", "4294967296", "1e3", "99999999999999999999"])
def test_ids_of_every_type(agent, id):
    app = agent.app()
    app.send('{"id":%s,"method":"q"}' % id)
    assert app.get()["error"]["code"] == -32600
    assert app.ask("agent.info")["result"]
    app.close()


def test_duplicate_ids(agent):
    app = agent.app()
    app.send('{"id":1,"method":"q","id":2}')
    assert app.get()["error"]["code"] == -32600
    app.close()


def test_nul_between_texts_is_fine(agent):
    app = agent.app("m")
    app.send(b'\0\0{"id":1,"method":"agent.info"}\0\n')
    assert app.get()["id"] == 1
    app.close()


def test_80_mb_in_one_string(agent):
    app = agent.app()
    before = agent.rss_kb()
    chunk = b"x" * (1 << 20)
    sent = 0
    try:
        app.send(b'{"id":1,"method":"')
        while sent < 80 << 20:
            app.sock.sendall(chunk)
            sent += len(chunk)
    except OSError:
        pass
    assert sent < 80 << 20 or app.closed()
    agent.check_serves()
    assert agent.rss_kb() - before < 64 * 1024
    app.close()


def test_10000_keys(agent):
    app = agent.app()
    app.send("".join('{"id":%d,"method":"register","key":"key%d"}' % (i, i) for i in range(10000)))
    answers = [app.get() for _ in range(10000)]
    assert [a["id"] for a in answers] == list(range(10000))
    assert sum("result" in a for a in answers) == 4096
    assert answers[-1]["error"]["code"] == -32000
    agent.check_serves()
    app.close()


def test_many_partial_texts_are_bounded(agent):
    """60 peers with a megabyte of half a text each: the agent keeps 32 MiB of that in all, and closes the rest."""
    before = agent.rss_kb()
    apps = [agent.app() for _ in range(60)]
    piece = b'{"method":"' + b"x" * 1000000
    for a in apps:
        a.sock.settimeout(1)
        try:
            a.sock.sendall(piece)
        except OSError:
            pass
    wait_for(lambda: agent.stats()["total_overflows"] > 0, "the limit")
    agent.check_serves()
    assert agent.rss_kb() - before < 64 * 1024
    for a in apps:
        a.close()


def test_an_application_that_never_reads(agent):
    before = agent.rss_kb()
    app, good = agent.app("flood"), agent.app("good")
    piece = '{"method":"flood","params":"' + "x" * 10000 + '"}'
    for i in range(1200):
        agent.up.send(piece)
    wait_for(lambda: agent.stats()["queue_overflows"] > 0, "the application to be closed")
    agent.up.send('{"id":5,"method":"good"}')
    assert good.get()["id"] == 5
    assert agent.rss_kb() - before < 64 * 1024
    app.close()
    good.close()


def test_5000_connects(agent):
    before = agent.rss_kb()
    for i in range(5000):
        s = socket.create_connection(("127.0.0.1", agent.port("listen")))
        if i % 3 == 0:
            s.send(b'{"id":1,"method":"register","key":"a"}')
        elif i % 3 == 1:
            s.send(b"\xff")
        s.close()
    agent.check_serves()
    wait_for(lambda: agent.info()["peers"] == 1, "all to be gone")
    assert agent.rss_kb() - before < 64 * 1024


def test_1000_apps(agent):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    before = agent.rss_kb()
    apps = [agent.app("app%d" % i) for i in range(1000)]
    for i, app in enumerate(apps):
        agent.up.send({"id": i, "method": "app%d" % i})
    for i, app in enumerate(apps):
        assert app.get() == {"id": i, "method": "app%d" % i}
        app.send({"id": i, "result": i})
    assert sorted(agent.up.get()["result"] for _ in range(1000)) == list(range(1000))
    more = [socket.create_connection(("127.0.0.1", agent.port("listen"))) for _ in range(40)]
    assert json.loads(more[-1].recv(200))["error"]["code"] == -32000
    for s in more + [a.sock for a in apps]:
        s.close()
    wait_for(lambda: agent.info()["peers"] == 1, "all to be gone")
    assert agent.rss_kb() - before < 64 * 1024


def test_64_descriptors():
    """Applications over what the process may open are refused; upstream can always be dialled again."""
    with Agent(shell="ulimit -n 64; exec \"$@\"") as a:
        good = a.app("m")
        crowd = [socket.create_connection(("127.0.0.1", a.port("listen"))) for _ in range(150)]
        wait_for(lambda: good.ask("agent.stats")["result"]["connections_refused"] >= 100, "refusals")
        a.up.send('{"id":1,"method":"m"}')
        assert good.get()["id"] == 1
        a.up.close()
        a.listener.settimeout(DEADLINE)
        a.up = Texts(a.listener.accept()[0])
        a.up.send('{"id":2,"method":"m"}')
        assert good.get()["id"] == 2
        for s in crowd:
            s.close()
        wait_for(lambda: good.ask("agent.info")["result"]["peers"] == 1, "the crowd to be gone")
        a.app("n").close()
        assert len(a.err) < 40, "the log is flooded"


def test_no_descriptor_left_at_all():
    """The limit falls below what is open: connections are taken and closed, the loop does not spin, others are served."""
    with Agent() as a:
        good = a.app("m")
        used = len(os.listdir("/proc/%d/fd" % a.pid))
        resource.prlimit(a.pid, resource.RLIMIT_NOFILE, (used, 4096))
        crowd = [socket.create_connection(("127.0.0.1", a.port("listen"))) for _ in range(100)]
        for s in crowd:
            s.settimeout(DEADLINE)
        assert crowd[-1].recv(100) == b""
        assert good.ask("agent.stats")["result"]["accept_failures"] >= 100
        a.up.send('{"id":1,"method":"m"}')
        assert good.get()["id"] == 1
        resource.prlimit(a.pid, resource.RLIMIT_NOFILE, (4096, 4096))
        a.check_serves()
        for s in crowd:
            s.close()
        assert len(a.err) < 40, "the log is flooded"
