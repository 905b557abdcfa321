# SPDX-License-Identifier: MIT
"""Every example is run against the real agent, with a stand-in for miio_client behind it."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
from agent_rig import Agent  # noqa: E402
from support import SOURCE, DEADLINE, Daemon, wait_for  # noqa: E402


class Example(Daemon):
    def __init__(self, name, *args, agent=None, **kw):
        super().__init__("example_" + name, *args, ready=False, env={"MIIO_AGENT": "unix:" + agent.unix}, **kw)

    def end(self):
        """For examples that know no signals: ended by one all the same."""
        self.process.terminate()
        self.wait()
        assert "Sanitizer" not in "\n".join(self.err)


def keys(agent, n):
    wait_for(lambda: agent.info()["keys"] >= n, "%d keys" % n)


def ask(agent, method, params=None, id=1):
    agent.up.send({"id": id, "method": method, "params": [] if params is None else params})
    while True:
        t = agent.up.get()
        if "method" not in t:
            assert t["id"] == id
            return t.get("result", t.get("error"))


def test_subscribe():
    with Agent() as agent:
        example = Example("subscribe", agent=agent)
        keys(agent, 1)
        assert ask(agent, "hello", ["world"]) == ["hi"]
        example.wait_out(r'hello \["world"\]')
        example.end()


def test_call():
    with Agent() as agent:
        example = Example("call", agent=agent)
        for method, answer in (("country", "sg"), ("status", "cloud_connected"), ("time", 1700000000)):
            t = agent.up.get()
            assert t["method"] == "local.query_" + method
            agent.up.send({"id": t["id"], "method": "local." + method, "params": answer})
        assert example.wait() == 0
        assert example.out == ['country "sg"', "status cloud_connected", "time 1700000000"]


def test_report():
    with Agent() as agent:
        example = Example("report", agent=agent)
        for method, params in (("props", {"power": "on", "bright": 80}), ("event.button_pressed", [1])):
            t = agent.up.get()
            assert (t["method"], t["params"]) == (method, params)
            agent.up.send({"id": t["id"], "result": ["ok"]})
        assert example.wait() == 0
        assert example.out == ['props: ["ok"]', 'event: ["ok"]']


def test_poll_loop():
    with Agent() as agent:
        example = Example("poll_loop", agent=agent, stdin=subprocess.PIPE)
        example.wait_out("agent ready")
        assert ask(agent, "ping") == ["pong"]
        example.process.stdin.write("x\n")
        example.process.stdin.flush()
        assert agent.up.get() == {"method": "event.line", "params": []}
        example.process.stdin.close()
        assert example.wait() == 0


def test_uv_loop():
    with Agent() as agent:
        with Example("uv_loop", agent=agent):
            keys(agent, 1)
            for i in range(3):
                agent.up.send({"id": i, "method": "boil"})
            assert sorted(agent.up.get()["id"] for _ in range(3)) == [0, 1, 2]


def test_uv_loop_survives_its_agent():
    with Agent() as agent:
        with Example("uv_loop", agent=agent):
            keys(agent, 1)
            agent.kill()
            with Daemon("miio_agent", "--listen", agent.ready["listen"], "--unix", agent.unix, "--upstream",
                        "127.0.0.1:%d" % agent.up_port):
                agent.accept()
                keys(agent, 1)
                assert ask(agent, "boil") == ["boiled"]
        agent.stop = lambda: None  # killed by the test


def test_lamp():
    with Agent() as agent:
        with Example("lamp", "--name", "kitchen", "--agent", "unix:" + agent.unix, agent=agent) as lamp:
            lamp.wait_out("kitchen: ready")
            assert ask(agent, "get_prop", ["power", "bright", "colour"]) == ["off", 80, None]
            assert ask(agent, "set_power", ["on"]) == ["ok"]
            t = agent.up.get()
            assert (t["method"], t["params"]) == ("props", {"power": "on", "bright": 80})
            agent.up.send({"id": t["id"], "result": ["ok"]})
            lamp.wait_out("report acknowledged")
            assert ask(agent, "set_power", ["on"]) == ["ok"]  # no change, no report
            assert ask(agent, "set_power", ["blue"])["code"] == -32602
            assert ask(agent, "set_bright", [0])["code"] == -32602
            assert ask(agent, "set_bright", [7]) == ["ok"]
            assert agent.up.get()["params"] == {"power": "on", "bright": 7}
            assert ask(agent, "toggle") == ["ok"]
            assert agent.up.get()["params"] == {"power": "off", "bright": 7}


def test_sensor():
    with Agent() as agent:
        with Example("sensor", "--interval", 50, "--count", 3, agent=agent) as sensor:
            for i in range(3):
                t = agent.up.get()
                assert t == {"method": "props", "params": {"temperature": 20 + i / 10, "humidity": 40 + i}}
            assert sensor.wait() == 0
        with Example("sensor", "--interval", 60000, agent=agent):
            keys(agent, 1)
            agent.up.send({"id": 1, "method": "measure"})
            assert {agent.up.get().get("method"), agent.up.get().get("method")} == {"props", None}


def test_plain_socket():
    with Agent() as agent:
        example = Example("plain_socket", agent.port("listen"), agent=agent)
        keys(agent, 1)
        assert ask(agent, "plain.echo", [1, {"a": "}"}], id=4294967295) == [1, {"a": "}"}]
        agent.up.send('{"id":2,"method":"plain.echo","params":[2]}{"id":3,"method":"plain.echo","params":[3]}')
        assert [agent.up.get()["result"], agent.up.get()["result"]] == [[2], [3]]
        example.end()


def test_msgpack_rpc_from_lua():
    with Agent() as agent:
        lua = Daemon("/usr/bin/lua5.3", os.path.join(SOURCE, "examples", "msgpack_rpc.lua"), agent.port("listen"), ready=False)
        try:
            lua.wait_out("agent [0-9.]+")
            lua.wait_out("registered")
            assert ask(agent, "lua.add", [1, 2, 3.5]) == [6.5]
            assert ask(agent, "lua.add", list(range(300))) == [sum(range(300))]
        finally:
            lua.process.terminate()
            lua.wait()


def test_socat():
    with Agent() as agent:
        script = subprocess.Popen([os.path.join(SOURCE, "examples", "socat.sh"), str(agent.port("listen"))],
                                  stdout=subprocess.PIPE, text=True, env={**os.environ, "SOCAT_WAIT": str(DEADLINE)})
        t = agent.up.get()
        assert t["method"] == "local.query_status"
        agent.up.send({"id": t["id"], "method": "local.status", "params": "cloud_retry"})
        text = ""
        while "}" not in text:
            text += script.stdout.read(1)
        assert text == '{"id":1,"method":"local.status","params":"cloud_retry"}'
        script.terminate()
        script.wait()
