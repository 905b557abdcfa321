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


def test_flapping_50_times():
    with Agent() as a:
        app = a.app("m")
        for i in range(50):
            app.send('{"id":%d,"method":"q"}' % i)
            a.up.close()
            answer = app.get()
            assert answer["id"] == i and answer["error"]["code"] == -32002
            a.listener.settimeout(3)
            a.up = Texts(a.listener.accept()[0])
        wait_for(lambda: a.info()["upstream"], "upstream")
        a.up.send('{"id":1,"method":"m"}')
        assert app.get() == {"id": 1, "method": "m"}
        assert a.stats()["upstream_losses"] == 50


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
