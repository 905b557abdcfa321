# SPDX-License-Identifier: MIT
"""Longer variants: 30 s without upstream, many restarts under load."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(__file__))
from agent_rig import Agent  # noqa: E402
from test_agent_load import run_load  # noqa: E402


def test_30_seconds_without_upstream():
    with Agent() as a:
        app = a.app("m")
        a.up.close()
        a.listener.close()
        end = time.monotonic() + 30
        while time.monotonic() < end:
            assert app.ask("q")["error"]["code"] == -32002
            time.sleep(0.5)
        import socket
        a.listener = socket.socket()
        a.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        a.listener.bind(("127.0.0.1", a.up_port))
        a.listener.listen()
        start = time.monotonic()
        a.accept()
        assert time.monotonic() - start < 3
        a.up.send('{"id":1,"method":"m"}')
        assert app.get()["id"] == 1


def test_a_million_with_restarts():
    r = run_load("--apps", 18, "--count", 1000000, "--restart-every", 5000)
    assert r["reports_sent"] == r["reports_answered"] + r["reports_failed"]
    assert r["commands"] == r["commands_answered"] + r["commands_failed"] + r["commands_void"]
