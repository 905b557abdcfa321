# SPDX-License-Identifier: MIT
"""examples/python/agent.py, the one-file Python connection: its protocol, with asyncio and without, over restarts of the agent."""
import asyncio
import json
import os
import random
import socket
import sys
import threading

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from support import DEADLINE, SOURCE, Daemon, wait_for  # noqa: E402

sys.path.insert(0, os.path.join(SOURCE, "examples", "python"))
import agent as py  # noqa: E402
from agent_rig import Agent as Rig  # noqa: E402


def run(main, *args):
    return asyncio.run(asyncio.wait_for(main(*args), DEADLINE))


async def in_thread(fn, *args):
    return await asyncio.get_running_loop().run_in_executor(None, fn, *args)


def ask(rig, method, params, id=1):
    rig.up.send({"id": id, "method": method, "params": params})
    while True:
        t = rig.up.get()
        if t.get("id") == id and "method" not in t:
            return t.get("result", t.get("error"))


# ---- without a socket ----

def test_texts_cut_anywhere_are_the_same_messages():
    messages = [{"id": 1, "method": "a}{\"", "params": ["温度 \\ é", {"x": [1, 2.5, None]}]}, {"id": 4294967295, "result": ["ok"]}, {}]
    wire = b" \r\n\0".join(json.dumps(m, ensure_ascii=False).encode() for m in messages) + b"\n"
    dice = random.Random(1)
    for _ in range(300):
        texts, got, at = py.Texts(), [], 0
        while at < len(wire):
            n = dice.randrange(1, 9)
            got += texts.feed(wire[at:at + n])
            at += n
        assert got == messages


@pytest.mark.parametrize("bad", [b"[1]", b"x", b'"text"', b"\xff{}", b'{"a":' + b"1" * (2 << 20)])
def test_what_is_not_the_protocol_is_refused(bad):
    with pytest.raises(ValueError):
        py.Texts().feed(bad)


@pytest.mark.parametrize("text, want", [
    ("unix:/run/x", [("unix", "/run/x")]), ("tcp:127.0.0.1:54320", [("tcp", "127.0.0.1", 54320)]), ("tcp:[::1]:5", [("tcp", "::1", 5)]),
    (None, [("unix", "/run/miio/agent.sock"), ("tcp", "127.0.0.1", 54320)]),
])
def test_addresses(text, want, monkeypatch):
    monkeypatch.delenv("MIIO_AGENT", raising=False)
    assert py.addresses(text) == want


@pytest.mark.parametrize("text", ["", "unix:", "tcp:", "tcp:1.2.3.4", "tcp:1.2.3.4:x", "tcp:1.2.3.4:70000", "http:x:1"])
def test_wrong_addresses(text, monkeypatch):
    monkeypatch.setenv("MIIO_AGENT", text or "nothing")
    with pytest.raises(ValueError):
        py.addresses(text)


# ---- with the agent ----

def test_commands_calls_and_reports():
    async def main(rig):
        async def slow(params, command):
            await asyncio.sleep(0)
            return {"seen": params, "id": command["id"]}

        def fails(params, command):
            raise RuntimeError("broken")

        def refuses(params, command):
            raise py.AgentError(-5005, "no", {"why": 1})

        async with py.Agent("unix:" + rig.unix) as agent:
            await agent.subscribe("slow", slow)
            await agent.subscribe("plain", lambda params, command: None)
            await agent.subscribe("fails", fails)
            await agent.subscribe("refuses", refuses)
            await agent.subscribe("pre.*", lambda params, command: [command["method"]])
            await agent._ready.wait()
            assert await in_thread(ask, rig, "slow", [1, "é"], 4294967295) == {"seen": [1, "é"], "id": 4294967295}
            assert await in_thread(ask, rig, "plain", []) == ["ok"]
            assert await in_thread(ask, rig, "fails", []) == {"code": -5001, "message": "failed"}
            assert await in_thread(ask, rig, "refuses", []) == {"code": -5005, "message": "no", "data": {"why": 1}}
            assert await in_thread(ask, rig, "pre.fix", []) == ["pre.fix"]
            assert (await in_thread(ask, rig, "other", []))["code"] == -32601
            call = asyncio.ensure_future(agent.call("local.query_status"))
            t = await in_thread(rig.up.get)
            rig.up.send({"id": t["id"], "method": "local.status", "params": "cloud_connected"})
            assert await call == "cloud_connected"
            call = asyncio.ensure_future(agent.call("x", {"a": 1}))
            t = await in_thread(rig.up.get)
            assert (t["method"], t["params"]) == ("x", {"a": 1})
            rig.up.send({"id": t["id"], "error": {"code": -1, "message": "bad"}})
            with pytest.raises(py.AgentError) as caught:
                await call
            assert (caught.value.code, caught.value.message) == (-1, "bad")
            await agent.report("props", {"power": "on"})
            assert await in_thread(rig.up.get) == {"method": "props", "params": {"power": "on"}}
            ack = asyncio.ensure_future(agent.report("event.x", [1], ack=True))
            t = await in_thread(rig.up.get)
            rig.up.send({"id": t["id"], "result": ["ok"]})
            assert await ack == ["ok"]
            with pytest.raises(py.Timeout):
                await agent.call("never", timeout=0.05)
            await in_thread(rig.up.get)
            with pytest.raises(ValueError):
                await agent.subscribe("plain", refuses)
            await agent.unsubscribe("plain")
            await agent.call("agent.info")
            assert (await in_thread(ask, rig, "plain", []))["code"] == -32601

    with Rig("--command-timeout", "3000") as rig:
        run(main, rig)


def test_a_taken_key_is_refused_and_standby_takes_over():
    async def main(rig):
        async with py.Agent("unix:" + rig.unix) as first, py.Agent("unix:" + rig.unix) as second:
            await first._ready.wait()
            await second._ready.wait()
            await first.subscribe("k", lambda p, c: ["first"], mode="exclusive")
            with pytest.raises(py.AgentError) as caught:
                await second.subscribe("k", lambda p, c: ["second"], mode="exclusive")
            assert caught.value.code == -32004
            await second.subscribe("k", lambda p, c: ["second"], mode="standby")
            assert await in_thread(ask, rig, "k", []) == ["first"]
            await first.close()
            await second.call("agent.info")
            assert await in_thread(ask, rig, "k", []) == ["second"]

    with Rig() as rig:
        run(main, rig)


def test_it_comes_back_and_registers_again(tmp_path):
    path = str(tmp_path / "agent.sock")

    async def main():
        states = []
        async with py.Agent("unix:" + path, on_state=states.append) as agent:
            await agent.subscribe("k", lambda p, c: ["here"])
            early = asyncio.ensure_future(agent.call("agent.info"))
            for _ in range(3):
                daemon = await in_thread(lambda: Daemon("miio_agent", "--listen", "none", "--unix", path, "--upstream", "127.0.0.1:1"))
                if early:
                    assert "version" in await early
                    early = None
                await agent._ready.wait()
                assert any(p["keys"] == ["k"] for p in await agent.call("agent.peers") if "keys" in p)
                open_call = asyncio.ensure_future(agent.call("agent.call", {"method": "k", "params": []}))
                assert await open_call == ["here"]
                await in_thread(daemon.stop)
                while agent.connected:
                    await asyncio.sleep(0.005)
            assert states == [True, False] * 3
            with pytest.raises(py.Timeout):
                await agent.call("x", timeout=0.05)

    run(main)


def test_calls_under_way_are_lost_with_the_connection():
    async def main():
        server = socket.create_server(("127.0.0.1", 0))
        async with py.Agent(f"tcp:127.0.0.1:{server.getsockname()[1]}") as agent:
            peer, _ = await in_thread(server.accept)
            call = asyncio.ensure_future(agent.call("x"))
            await in_thread(peer.recv, 100)
            peer.close()
            with pytest.raises(py.Lost):
                await call
            peer, _ = await in_thread(server.accept)
            peer.sendall(b"[1,2]")  # not the protocol: given up
            assert await in_thread(peer.recv, 1) == b""
            peer.close()
        server.close()

    run(main)


def test_an_old_agent_that_never_answers_to_register():
    async def main():
        server = socket.create_server(("127.0.0.1", 0))
        agent = py.Agent(f"tcp:127.0.0.1:{server.getsockname()[1]}")
        await agent.subscribe("k", lambda p, c: p)
        async with agent:
            peer, _ = await in_thread(server.accept)
            assert b'"register","key":"k"' in await in_thread(peer.recv, 200)
            await agent._ready.wait()
            peer.sendall(b'{"id":7,"method":"k","params":[1]}\n\0{"method":"k"}')
            assert json.loads(await in_thread(peer.recv, 200)) == {"id": 7, "result": [1]}
        server.close()

    run(main)


def test_without_asyncio():
    with Rig() as rig, py.BlockingAgent("unix:" + rig.unix) as agent:
        seen = []
        agent.subscribe("k", lambda params, command: seen.append(params))
        assert "version" in agent.call("agent.info")
        answers = []
        phone = threading.Thread(target=lambda: answers.append(ask(rig, "k", [1])))
        phone.start()
        while not answers:
            agent.run(0.01)
        phone.join()
        assert seen == [[1]] and answers == [["ok"]]
        agent.report("props", {"a": 1})
        agent.call("agent.info")
        assert rig.up.get() == {"method": "props", "params": {"a": 1}}
        agent.unsubscribe("k")
        with pytest.raises(py.AgentError):
            agent.call("agent.nothing")


def test_the_lamp():
    lamp_py = os.path.join(SOURCE, "examples", "python", "lamp.py")
    with Rig() as rig:
        lamp = Daemon("/usr/bin/python3", lamp_py, "unix:" + rig.unix, ready=False)
        try:
            lamp.wait_out("connected")
            assert ask(rig, "get_prop", ["power", "x"]) == ["off", None]
            rig.up.send({"id": 5, "method": "set_power", "params": ["on"]})
            assert [rig.up.get(), rig.up.get()] == [{"method": "props", "params": {"power": "on"}}, {"id": 5, "result": ["ok"]}]
            assert ask(rig, "set_power", ["blue"])["code"] == -32602
            wait_for(lambda: lamp.out[-1:] == ["set_power on"], "the lamp")
        finally:
            lamp.process.terminate()
            lamp.wait()
