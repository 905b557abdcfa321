# SPDX-License-Identifier: MIT
"""The loop adapters of libagent with the real loops: GLib, libevent, libuv."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from agent_rig import Agent  # noqa: E402
from support import BIN, Daemon, wait_for  # noqa: E402

TESTS = os.path.join(os.path.dirname(BIN), "tests")


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("loop", ["glib", "event", "uv"])
def test_commands_calls_deadlines_and_a_restart_of_the_agent(loop):
    with Agent() as agent:
        unix = agent.unix
        probe = Daemon(os.path.join(TESTS, f"loop_{loop}"), env={"MIIO_AGENT": "unix:" + unix}, ready=False)
        try:
            probe.wait_out("^ready")
            silent = agent.up.get()
            assert silent["method"] == "loop.silence"
            probe.wait_out("^timeout")
            probe.wait_out("^info")
            agent.up.send({"id": 1, "method": "loop.echo", "params": [1, 2]})
            assert agent.up.get() == {"id": 1, "result": [1, 2]}
            agent.up.send("".join('{"id":%d,"method":"loop.echo","params":[%d]}' % (i, i) for i in range(500)))
            assert [agent.up.get()["id"] for _ in range(500)] == list(range(500))
            before = cpu_s(probe.pid)
            agent.up.send({"id": 2, "method": "loop.echo", "params": []})
            assert agent.up.get()["result"] == []
            assert cpu_s(probe.pid) - before < 1, "it spins"
            agent.up.send({"id": 3, "method": "loop.stop", "params": []})
            assert agent.up.get() == {"id": 3, "result": ["ok"]}
            assert probe.wait() == 0, probe.err
            assert not any("Sanitizer" in line for line in probe.err), probe.err
        finally:
            if probe.process.poll() is None:
                probe.kill()


@pytest.mark.parametrize("loop", ["glib", "event", "uv"])
def test_it_comes_back_after_the_agent(loop, tmp_path):
    path = str(tmp_path / "agent.sock")
    probe = Daemon(os.path.join(TESTS, f"loop_{loop}"), env={"MIIO_AGENT": "unix:" + path}, ready=False)
    try:
        for n in (1, 2, 3):
            daemon = Daemon("miio_agent", "--listen", "none", "--unix", path, "--upstream", "127.0.0.1:1")
            wait_for(lambda: probe.out.count("ready") == n, "the probe")
            daemon.stop()
    finally:
        probe.kill()
