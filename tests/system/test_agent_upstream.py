# SPDX-License-Identifier: MIT
"""Upstream absent, restarting, flapping: applications stay, keys stay, requests are answered at once."""
import os
import socket
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from agent_rig import Agent, Texts  # noqa: E402
from support import DEADLINE, wait_for  # noqa: E402

NOT_CONNECTED = {"code": -32002, "message": "not connected"}


def test_absent_at_start_then_there():
    with Agent("-l", "4", upstream=False) as a:
        app = a.app("m")
        assert app.ask("q")["error"] == NOT_CONNECTED
        app.send('{"method":"props"}')
        wait_for(lambda: sum("no connection" in e for e in a.err) >= 5, "the pauses between tries to grow")
        a.listener.listen(8)
        a.accept()  # within 3 s: the pause is 2.5 s at most
        a.up.send('{"id":1,"method":"m"}')
        assert app.get() == {"id": 1, "method": "m"}
        assert a.stats()["reports_not_connected"] == 1


def test_restart_answers_what_is_in_flight():
    with Agent() as a:
        app, other = a.app("m"), a.app()
        app.send('{"id":5,"method":"q"}')
        a.up.get()
        a.up.send('{"id":9,"method":"m"}')
        assert app.get()["id"] == 9
        a.up.close()
        assert app.get() == {"id": 5, "error": NOT_CONNECTED}
        app.send('{"id":9,"result":"for nobody"}')
        a.accept()
        assert a.up.silent()
        a.up.send('{"id":9,"method":"m"}')
        assert app.get()["id"] == 9
        app.send('{"id":9,"result":1}')
        assert a.up.get() == {"id": 9, "result": 1}
        assert other.ask("agent.stats")["result"]["unasked_replies"] == 1


def test_half_a_text_at_the_loss_is_forgotten():
    with Agent() as a:
        app = a.app("m")
        a.up.send('{"id":9,"method":"m","par')
        a.up.close()
        a.accept()
        a.up.send('{"id":10,"method":"m"}')
        assert app.get() == {"id": 10, "method": "m"}


def test_flapping():
    with Agent() as a:
        app = a.app("m")
        for i in range(8):
            app.send('{"id":%d,"method":"q"}' % i)
            a.up.close()
            answer = app.get()
            assert answer["id"] == i and answer["error"]["code"] == -32002
            a.listener.settimeout(3)
            a.up = Texts(a.listener.accept()[0])
        wait_for(lambda: a.info()["upstream"], "upstream")
        a.up.send('{"id":1,"method":"m"}')
        assert app.get() == {"id": 1, "method": "m"}
        assert a.stats()["upstream_losses"] == 8


def test_a_server_that_accepts_and_closes_is_not_stormed():
    """The pauses go on growing: a connection that did not last is no success. Nor are the lines without number."""
    with Agent("-l", "4", connect=False) as a:
        a.listener.settimeout(DEADLINE)
        for n in range(6):
            up, _ = a.listener.accept()
            begin = time.monotonic() if n == 0 else begin
            up.settimeout(DEADLINE)
            up.sendall(b'{"id":1,"method":"nobody.has.it"}')
            assert up.recv(4096)  # it is connected
            up.close()
        # 100, 200, 400, 800 and 1600 ms, each a quarter less at least: never sooner, on whatever machine
        assert time.monotonic() - begin >= 2.3
        assert len(a.err) < 60


def test_what_upstream_sends_and_nobody_can_use():
    """Between good texts, in one segment with them: the link stays, and what stands around arrives."""
    with Agent() as a:
        app = a.app("m")
        app.send('{"id":3,"method":"q"}')
        request = a.up.get()
        a.up.send('[1,2]{"id":%d,"result":1}"x"null 17 {"id":5,"method":"m"}{"a":"\\ud800"}' % request["id"] + "[" * 300 + "]" * 300)
        a.up.sock.sendall(b'{"a":"\xff"}{"a":"' + b"x" * (2 << 20) + b'"}{"id":6,"method":"m"}')
        assert [app.get() for _ in range(3)] == [{"id": 3, "result": 1}, {"id": 5, "method": "m"}, {"id": 6, "method": "m"}]
        stats = a.stats()
        assert stats["upstream_losses"] == 0 and stats["upstream_passed_over"] == 7


def test_who_follows_the_state_hears_it_after_each_connect():
    with Agent() as a:
        app = a.app("local.status")
        for state in ("cloud_retry", "cloud_connected"):
            a.up.close()
            a.listener.settimeout(DEADLINE)
            a.up = Texts(a.listener.accept()[0])
            question = a.up.get()
            assert question["method"] == "local.query_status"
            a.up.send({"id": question["id"], "method": "local.status", "params": state})
            assert app.get() == {"method": "local.status", "params": state}


def test_upstream_that_sends_garbage_is_dialled_again():
    with Agent() as a:
        app = a.app("m")
        a.up.send("garbage")
        assert a.up.get()["error"]["code"] == -32700
        a.up.close()
        a.accept()
        a.up.send('{"id":1,"method":"m"}')
        assert app.get()["id"] == 1


def test_upstream_that_does_not_read():
    with Agent("--max-upstream-queue", "100000", "--request-timeout", "100000") as a:
        app = a.app("m")
        piece = '{"id":%d,"method":"q","params":"' + "x" * 50000 + '"}'
        busy = False
        for i in range(400):
            app.send(piece % i)
            app.sock.settimeout(0.02)
            try:
                app.buf += app.sock.recv(65536)
            except socket.timeout:
                continue
            busy = b'"upstream busy"' in app.buf
            if busy:
                break
        assert busy
        a.up.send('{"id":1,"method":"m"}')  # downlink goes on
        while app.get().get("method") != "m":
            pass
        assert a.stats()["upstream_busy"] > 0


def test_a_server_that_never_answers_is_given_up():
    with Agent("-l", "4", upstream=False, connect=False) as a:
        a.listener.listen(0)
        full = [socket.socket() for _ in range(3)]
        for s in full:  # the kernel answers nobody else
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", a.up_port))
        a.wait_err("no connection to upstream.*no answer")
        for s in full:
            s.close()
