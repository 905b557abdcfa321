"""miioctl against the real agent."""
import json
import os
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from agent_rig import Agent  # noqa: E402
from support import Daemon, run  # noqa: E402


@pytest.fixture
def agent():
    with Agent() as a:
        yield a


def ctl(agent, *args, **kw):
    return run("miioctl", "--agent", "unix:" + agent.unix, *args, **kw)


def lamp(agent):
    d = Daemon("example_lamp", "--agent", "unix:" + agent.unix, ready=False)
    d.wait_out("ready")
    return d


def test_list(agent):
    with lamp(agent) as app:
        code, out, err = ctl(agent, "list")
        assert (code, err) == (0, "")
        row = [line for line in out.splitlines() if "example_lamp" in line]
        assert len(row) == 1 and str(app.pid) in row[0] and row[0].endswith("get_prop set_power set_bright toggle")
        assert "\033" not in out
        peers = json.loads(ctl(agent, "--json", "list")[1])
        assert [p["keys"] for p in peers if p["pid"] == app.pid] == [["get_prop", "set_power", "set_bright", "toggle"]]


def test_call(agent):
    with lamp(agent):
        assert ctl(agent, "call", "get_prop", '["power","bright"]') == (0, '["off",80]\n', "")
        assert ctl(agent, "--json", "call", "get_prop", '["power"]') == (0, '{"result":["off"]}\n', "")
        code, out, err = ctl(agent, "call", "nobody")
        assert (code, out) == (1, "") and "error -32601: Method not found." in err
        code, out, err = ctl(agent, "--json", "call", "nobody")
        assert code == 1 and json.loads(out)["error"]["code"] == -32601 and err == ""
        for bad in ("[1", "", "1,2", '1}{"a":1', "[1]]"):
            code, out, err = ctl(agent, "call", "get_prop", bad)
            assert (code, out) == (2, "") and "not one JSON value" in err


def test_send(agent):
    with Daemon("miioctl", "--agent", "unix:" + agent.unix, "send", "props", '{"a":12345678901234567890}',
                ready=False) as c:
        raw = agent.up.raw()
        assert b'"method":"props","params":{"a":12345678901234567890}' in raw
        agent.up.send({"id": json.loads(raw)["id"], "result": ["ok"]})
        assert c.wait() == 0 and c.out == ['["ok"]']
    assert ctl(agent, "send", "--no-ack", "event.x", "[1]") == (0, "", "")
    assert agent.up.get() == {"method": "event.x", "params": [1]}
    assert ctl(agent, "--timeout", "50", "send", "slow")[0] == 1


def test_listen_beside_an_application(agent):
    with lamp(agent):
        with Daemon("miioctl", "--agent", "unix:" + agent.unix, "listen", "get_prop", "x.*", ready=False) as c:
            c.wait_err("ready")
            agent.up.send({"id": 1, "method": "x.y", "params": [1]})  # heard, not answered
            c.wait_out(r"x.y \[1\]")
            agent.up.send({"id": 2, "method": "get_prop", "params": ["power"]})
            assert agent.up.get() == {"id": 2, "result": ["off"]}
            c.wait_out(r'get_prop \["power"\]')
    with Daemon("miioctl", "--agent", "unix:" + agent.unix, "listen", "--reply", '["mine"]', "z", ready=False) as c:
        c.wait_err("ready")
        code = 1
        while code:  # the subscription may still be under way
            code, out, _ = ctl(agent, "call", "z")
        assert out == '["mine"]\n'


def test_monitor_and_replay(agent, tmp_path):
    record = str(tmp_path / "record.jsonl")
    with lamp(agent):
        with Daemon("miioctl", "--agent", "unix:" + agent.unix, "monitor", "-w", record, "get_prop", "set_power",
                    ready=False) as c:
            c.wait_err("monitoring")
            ctl(agent, "call", "set_power", '["on"]')
            ctl(agent, "call", "get_prop", '["power"]')
            agent.up.send({"method": "get_prop", "params": ["x"]})
            c.wait_out(r'command client -> \d+ \{"method":"get_prop","params":\["x"\]\}')
            c.signal(signal.SIGINT)
            assert c.wait() == 0
        events = [json.loads(line) for line in open(record)]
        assert [e["kind"] for e in events] == ["command", "answer", "command", "answer", "command"]
        code, out, err = ctl(agent, "replay", "--assert", record)
        assert (code, err) == (0, "") and out.endswith(
            "3 commands, 0 requests, 0 reports sent, 0 left out; 2 answers as recorded, 0 different, 0 failed\n")
        with open(record, "w") as f:
            events[3]["text"]["result"] = ["off"]
            f.writelines(json.dumps(e) + "\n" for e in events)
        assert ctl(agent, "replay", record)[0] == 0
        code, out, err = ctl(agent, "replay", "--assert", record)
        assert code == 1 and "differs from the recorded" in err
        with open(record, "a") as f:
            f.write("not json\n")
        code, out, err = ctl(agent, "replay", record)
        assert code == 1 and "line 6" in err and record in err


def test_replay_upward_digit_by_digit(agent, tmp_path):
    """Requests and reports go up again with their bytes; an answer that differs in one digit beyond a double is found."""
    record = str(tmp_path / "record.jsonl")
    big = "12345678901234567890123"
    with Daemon("miioctl", "--agent", "unix:" + agent.unix, "monitor", "-w", record, "-n", "3", ready=False) as c:
        c.wait_err("monitoring")
        app = agent.app()
        app.send('{"id":5,"method":"props","params":{"n":%s}}{"method":"event.x","params":[1.0]}' % big)
        up = [agent.up.get(), agent.up.get()]
        agent.up.send('{"id":%d,"result":{"b":[%s],"a":"\\u0041"}}' % (up[0]["id"], big))
        assert app.get()["id"] == 5
        assert c.wait() == 0
    assert json.loads(open(record).read().splitlines()[2])["id"] == 5
    for answer, want in (('{"a":"A", "b":[%s]}' % big, 0), ('{"b":[%s],"a":"A"}' % (big[:-1] + "4"), 1)):
        c = Daemon("miioctl", "--agent", "unix:" + agent.unix, "replay", "--assert", record, ready=False)
        raw = agent.up.raw()
        assert b'"method":"props","params":{"n":%s}' % big.encode() in raw
        agent.up.send('{"id":%d,"result":%s}' % (json.loads(raw)["id"], answer))
        assert agent.up.raw() == b'{"method":"event.x","params":[1.0]}'
        assert c.wait() == want and ("differs" in "".join(c.err)) == bool(want)
        assert c.out[-1].startswith("0 commands, 1 requests, 1 reports sent, 0 left out; %d answers" % (1 - want))
    assert ctl(agent, "replay", "--commands", record)[1].startswith("0 commands, 0 requests, 0 reports sent")


def test_stats_check_top(agent):
    with lamp(agent):
        ctl(agent, "call", "toggle")
        stats = json.loads(ctl(agent, "--json", "stats")[1])
        assert stats["commands"] == 1
        assert "commands" in ctl(agent, "stats")[1]
        code, out, err = ctl(agent, "check")
        assert (code, err) == (0, "") and "ok   miio_client is connected" in out
        rows = json.loads(ctl(agent, "--json", "top", "-n", "1", "-i", "20")[1])
        assert {"peer", "in_per_s", "out_per_s"} <= set(rows[0])
        assert "example_lamp" in ctl(agent, "top", "-n", "2", "-i", "20")[1]
    agent.up.close()
    code = 0
    while code == 0:
        code, out, _ = ctl(agent, "check")
    assert code == 1 and "FAIL miio_client is not connected" in out


def test_what_goes_wrong_is_said(agent):
    code, out, err = run("miioctl", "--agent", "unix:/nonexistent/a.sock", "list")
    assert (code, out) == (1, "")
    assert err == "miioctl: cannot reach miio_agent (unix:/nonexistent/a.sock: No such file or directory)\n"
    for args, code in ((["--agent", "nowhere", "list"], 2), (["frobnicate"], 2), ([], 2), (["list", "x"], 2),
                       (["call"], 2), (["--timeout", "x", "list"], 2), (["--bogus"], 2), (["top", "-i", "1"], 2),
                       (["replay", "/nonexistent"], 1)):
        got, out, err = ctl(agent, *args) if args[:1] != ["--agent"] else run("miioctl", *args)
        assert got == code and out == "" and err, args
    assert run("miioctl", "--help")[0] == 0
    assert run("miioctl", "--version")[1].startswith("miioctl 0.")
