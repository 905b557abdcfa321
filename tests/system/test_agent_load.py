# SPDX-License-Identifier: MIT
"""Exact counts under load: nothing lost, doubled, reordered or silently dropped."""
import json
import os
import resource
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from agent_rig import ENV  # noqa: E402
from support import BIN, Daemon  # noqa: E402

LOAD = os.path.join(BIN, "..", "tests", "agent_load")


def run_load(*args, agent=()):
    load = subprocess.Popen([LOAD, *map(str, args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        port = int(load.stdout.readline().split()[1])
        with Daemon("miio_agent", "--listen", "127.0.0.1:0", "--unix", "none", "--upstream", "127.0.0.1:%d" % port,
                    *agent, env=ENV) as a:
            load.stdin.write("agent %d\n" % a.port("listen"))
            load.stdin.flush()
            out, _ = load.communicate(timeout=300)
            assert load.returncode == 0, out
            return json.loads(out)
    finally:
        if load.poll() is None:
            load.kill()


def test_200000_texts_over_8_apps():
    r = run_load("--apps", 8, "--count", 200000)
    assert r["commands"] == r["commands_seen"] == r["commands_answered"] == 100000
    assert r["reports_sent"] == r["reports_seen"] == r["reports_answered"] == 100000
    assert r["commands_failed"] == r["reports_failed"] == r["commands_void"] == 0


def test_200000_while_upstream_restarts():
    r = run_load("--apps", 8, "--count", 200000, "--restart-every", 20000)
    assert r["restarts"] >= 5
    assert r["reports_sent"] == r["reports_answered"] + r["reports_failed"] == 100000
    assert r["commands"] == r["commands_answered"] + r["commands_failed"] + r["commands_void"]
    assert r["reports_seen"] >= r["reports_answered"]
    assert r["commands_seen"] >= r["commands_answered"]


def test_200000_while_one_app_never_reads():
    r = run_load("--apps", 9, "--count", 225000, "--mute", agent=("--command-timeout", "300"))
    assert r["commands_failed"] == 500
    assert r["commands_seen"] == r["commands_answered"] == 8 * 12500
    assert r["reports_answered"] == 8 * 12500
