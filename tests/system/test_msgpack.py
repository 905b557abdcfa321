# SPDX-License-Identifier: MIT
"""Applications that speak MessagePack-RPC: what the mapping of docs/decisions/005 promises, through the real agent."""
import os
import socket
import sys

import msgpack
import pytest

sys.path.insert(0, os.path.dirname(__file__))
from agent_rig import Agent  # noqa: E402
from support import DEADLINE  # noqa: E402


class Rpc:
    """What an RPC library does: numbered calls, arguments as given."""

    def __init__(self, agent):
        self.sock = socket.create_connection(("127.0.0.1", agent.port("listen")))
        self.sock.settimeout(DEADLINE)
        self.unpacker = msgpack.Unpacker(raw=False, strict_map_key=False)

    def send(self, *message):
        self.sock.sendall(msgpack.packb(list(message)))
        return self

    def get(self):
        while True:
            for message in self.unpacker:
                return message
            data = self.sock.recv(65536)
            if not data:
                return None
            self.unpacker.feed(data)

    def call(self, method, params, msgid=1):
        self.send(0, msgid, method, params)
        kind, answered, error, result = self.get()
        assert (kind, answered, error) == (1, msgid, None)
        return result


@pytest.fixture(scope="module")
def agent():
    with Agent() as a:
        yield a


@pytest.mark.parametrize("params", [{"key": "m"}, [{"key": "m"}], ["m"]])
def test_every_way_to_register(agent, params):
    app = Rpc(agent)
    assert app.call("register", params) == ["ok"]
    agent.up.send({"id": 5, "method": "m", "params": ["x"]})
    assert app.get() == [0, 5, "m", ["x"]]
    app.send(1, 5, None, ["ok"])
    assert agent.up.get() == {"id": 5, "result": ["ok"]}
    assert app.call("unregister", params) == ["ok"]
    app.sock.close()


def test_numbers_pass_exactly(agent):
    app = Rpc(agent)
    values = [0, -1, 2**63, 2**64 - 1, -2**63, 0.1, 1.0, -0.0, 1e300, 2**53 + 1]
    app.send(2, "props", values)
    raw = agent.up.raw().decode()
    assert "18446744073709551615,-9223372036854775808,0.1,1.0,-0.0,1e+300,9007199254740993" in raw
    app.call("register", ["n"])
    agent.up.send('{"id":6,"method":"n","params":[18446744073709551615,-9223372036854775808,0.1,1.0,9007199254740993]}')
    got = app.get()[3]
    assert got == [2**64 - 1, -2**63, 0.1, 1.0, 2**53 + 1] and isinstance(got[3], float)
    app.send(1, 6, None, b"\x00\xff")
    assert agent.up.get() == {"id": 6, "result": {"base64": "AP8="}}
    app.sock.close()


def test_an_answer_by_method_is_a_response(agent):
    app = Rpc(agent)
    app.send(0, 9, "local.query_time", [])
    asked = agent.up.get()
    assert asked["method"] == "local.query_time"
    agent.up.send({"id": asked["id"], "method": "local.time", "params": 1700000000})
    assert app.get() == [1, 9, None, 1700000000]
    app.sock.close()


def test_applications_of_both_kinds_talk(agent):
    app, other = Rpc(agent), agent.app()
    assert app.call("bind", [2]) == ["ok"]
    other.send({"id": 3, "method": "bind", "address": 4})
    assert other.get() == {"id": 3, "result": ["ok"]}
    app.send(2, "agent.send", {"to": 4, "id": 77, "method": "local.query_dev", "params": {"a": 1}})
    assert other.get() == {"id": 77, "_from": 2, "method": "local.query_dev", "params": {"a": 1}}
    other.send({"id": 77, "_to": 2, "result": ["yes"]})
    assert app.get() == [2, "agent.message", {"from": 4, "id": 77, "result": ["yes"]}]
    app.sock.close()
    other.close()


@pytest.mark.parametrize("bad", [
    msgpack.packb([2, "props", msgpack.ExtType(5, b"x")]), msgpack.packb([2, "props", {1: 2}]),
    msgpack.packb([2, "props", [float("nan")]]), msgpack.packb([3, 1, "m", []]), b"\x93\xc1",
    b"\x93\x02\xa5props\xa1\xff", msgpack.packb([1, 1, "error", "and result"]), b"\x94\x00\x01\xa1m" + b"\x91" * 300])
def test_bad_input_hurts_its_sender_only(agent, bad):
    app = Rpc(agent)
    app.sock.sendall(bad)
    kind, name, error = app.get()
    assert (kind, name, error["code"]) == (2, "agent.error", -32700) and error["message"]
    assert app.get() is None
    agent.check_serves()


def test_a_command_without_a_packed_form_is_answered(agent):
    app = Rpc(agent)
    app.call("register", ["surrogate"])
    agent.up.send('{"id":8,"method":"surrogate","params":["\\ud800"]}')
    assert agent.up.get()["error"]["code"] == -32000
    app.sock.close()
