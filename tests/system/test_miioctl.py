# SPDX-License-Identifier: MIT
"""miioctl against the real agent."""
import json
import os
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from agent_rig import Agent  # noqa: E402
from support import BIN, Daemon, run  # noqa: E402


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


@pytest.mark.parametrize("verb", [["list"], ["stats"], ["top", "-n", "1"], ["help"]], ids=lambda v: v[0])
def test_output_that_cannot_be_written_is_a_failure(agent, verb):
    for mode in ([], ["--json"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run([os.path.join(BIN, "miioctl"), "--agent", "unix:" + agent.unix, *mode, *verb], stdout=full,
                                  stderr=subprocess.PIPE, timeout=60)
        assert done.returncode == 1 and b"writing to standard output failed" in done.stderr, (mode, done.stderr)


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


COMMANDS = ("list", "call", "send", "listen", "monitor", "replay", "top", "wait", "stats", "check", "help")


def test_help_of_each_command():
    code, out, err = run("miioctl", "help")
    assert (code, err) == (0, "") and out == run("miioctl", "--help")[1]
    for name in COMMANDS:
        assert "\n  %s " % name in out
        one = run("miioctl", "help", name)
        assert one[0] == 0 and one[2] == "" and one[1].startswith("usage: miioctl [options] %s" % name)
        for args in ((name, "--help"), (name, "-h"), ("-j", name, "x", "--help")):
            assert run("miioctl", *args) == one
    code, out, err = run("miioctl", "help", "frobnicate")
    assert code == 2 and out == "" and "frobnicate" in err


def test_wait_for_a_subscription(agent):
    with Daemon("miioctl", "--agent", "unix:" + agent.unix, "wait", "get_prop", "set_power", ready=False) as c:
        with lamp(agent):
            assert c.wait() == 0
            assert ctl(agent, "wait", "toggle") == (0, "", "")
    code, out, err = ctl(agent, "--timeout", "100", "wait", "nobody.has.it")
    assert (code, out) == (1, "") and "within 100 ms" in err
    code, out, err = ctl(agent, "wait", "nobody.has.it", "-t", "100")
    assert (code, out) == (1, "") and "within 100 ms" in err
    for bad in ((), ("-t", "100"), ("-t", "x", "k"), ("-x", "k")):
        assert ctl(agent, "wait", *bad)[0] == 2, bad
    app = agent.app()
    app.send("".join(json.dumps({"method": "register", "key": "k.%d" % i}) for i in range(300)) +
             '{"method":"register","key":"pre.*"}{"id":1,"method":"register","key":"last"}')
    assert app.get()["result"] == ["ok"]
    for key in ("k.299", "pre.fix", "pre.*", "last"):
        assert ctl(agent, "wait", key)[0] == 0, key


def test_options_behind_the_command(agent):
    plain = ctl(agent, "--json", "stats")
    assert plain[0] == 0 and json.loads(plain[1])
    for late in (("stats", "-j"), ("stats", "--json"), ("stats", "--json", "--agent", "unix:" + agent.unix)):
        code, out, _ = ctl(agent, *late)
        assert code == 0 and set(json.loads(out)) == set(json.loads(plain[1])), late
    code, _, err = ctl(agent, "stats", "--agent=unix:/no/such/socket", "--json")
    assert code == 1 and "/no/such/socket" in err
    assert ctl(agent, "list", "--", "-j")[0] == 2


def test_wait_for_the_agent_itself(tmp_path):
    path = tmp_path / "agent.sock"
    with Daemon("miioctl", "--agent", "unix:%s" % path, "wait", "get_prop", ready=False) as c:
        with Daemon("miio_agent", "--listen", "none", "--unix", path, "--upstream", "127.0.0.1:1"):
            with Daemon("example_lamp", "--agent", "unix:%s" % path, ready=False):
                assert c.wait() == 0


def test_listen_and_monitor_end_by_count_and_by_time(agent):
    unix = "unix:" + agent.unix
    with Daemon("miioctl", "--agent", unix, "listen", "-n", "2", "-r", "[1]", "a.*", ready=False) as c:
        c.wait_err("ready")
        for id in (1, 2):
            agent.up.send({"id": id, "method": "a.b", "params": []})
            assert agent.up.get() == {"id": id, "result": [1]}
        assert c.wait() == 0 and c.out == ["a.b []"] * 2
    for command in (("listen", "-t", "50", "x"), ("monitor", "-t", "50")):
        assert ctl(agent, *command)[:2] == (0, "")
        code, out, err = ctl(agent, *command[:3], "-n", "3", *command[3:])
        assert (code, out) == (1, "") and "3 more were waited for" in err


def test_monitor_shows_what_the_agent_answers(agent, tmp_path):
    record = tmp_path / "record.jsonl"
    with Daemon("miioctl", "--agent", "unix:" + agent.unix, "monitor", "-n", "2", "-w", record, "nobody", ready=False) as c:
        c.wait_err("monitoring")
        agent.up.send({"id": 7, "method": "nobody", "params": []})
        assert agent.up.get()["error"]["code"] == -32601
        assert c.wait() == 0
        assert "command client -> nobody" in c.out[0]
        assert 'answer  agent -> client {"id":7,"error":{"code":-32601' in c.out[1]
    event = [json.loads(line) for line in record.read_text().splitlines()][1]
    assert event["by"] == "agent" and event["reason"] == "Method not found." and event["to"] == [0] and "from" not in event
    code, out, err = ctl(agent, "replay", "--assert", record)  # the same answer again
    assert code == 0 and "1 answers as recorded, 0 different" in out


def test_replay_of_questions_to_the_client(agent, tmp_path):
    """They are answered by a method of another name, and the time goes on meanwhile."""
    record = tmp_path / "record.jsonl"
    answers = {"local.query_time": ("local.time", 1700000000), "local.query_status": ("local.status", "cloud_connected"),
               "local.query_country": ("local.country", "prc"), "local.query_did": ("local.did", "1234")}

    def serve(n, changed=None):
        for _ in range(n):
            q = agent.up.get()
            name, value = answers[q["method"]]
            value = value + 5 if name == "local.time" and changed is not None else value
            value = changed if name == "local.did" and changed else value
            agent.up.send({"id": q["id"], "method": name, "params": value})

    with Daemon("miioctl", "--agent", "unix:" + agent.unix, "monitor", "-n", "8", "-w", record, ready=False) as c:
        c.wait_err("monitoring")
        app = agent.app()
        for i, method in enumerate(answers, 1):
            app.send({"id": i, "method": method, "params": ""})
            serve(1)
            assert app.get()["id"] == i
        assert c.wait() == 0
    for changed, want in (("", 0), ("5678", 1)):
        c = Daemon("miioctl", "--agent", "unix:" + agent.unix, "--json", "replay", "--assert", record, ready=False)
        serve(4, changed)
        assert c.wait() == want
        lines = [json.loads(line) for line in c.out]
        assert [line.get("method") for line in lines] == [*answers, None]
        assert lines[-1]["same"] == 4 - want and lines[-1]["different"] == want


def test_json_is_json_line_by_line(agent, tmp_path):
    """Whatever line ends stand in the texts that pass."""
    record, wide = tmp_path / "record.jsonl", '{ "id" : 3,\r\n "method" : "m",\n "params" : [\n 1\r\n ]\n}'
    unix = "unix:" + agent.unix
    with Daemon("miioctl", "-j", "--agent", unix, "monitor", "-w", record, ready=False) as m, \
            Daemon("miioctl", "-j", "--agent", unix, "listen", "-r", "[\n2]", "m", ready=False) as c:
        m.wait_err("monitoring")
        c.wait_err("ready")
        agent.up.send(wide)
        assert agent.up.get() == {"id": 3, "result": [2]}
        code, out, err = ctl(agent, "-j", "call", "m")
        assert code == 0 and [json.loads(line) for line in out.splitlines()] == [{"result": [2]}]
        code, out, err = ctl(agent, "-j", "--timeout", "50", "send", "slow")
        assert code == 1 and "message" in json.loads(out)["error"]
        for command in ("list", "stats", "check"):
            assert len([json.loads(line) for line in ctl(agent, "-j", command)[1].splitlines()]) == 1
        m.wait_out("slow")
        for tool in (m, c):
            tool.signal(signal.SIGINT)
            assert tool.wait() == 0
    assert len(c.out) == 2 and all(json.loads(line)["method"] == "m" for line in c.out)
    recorded = [json.loads(line) for line in record.read_text().splitlines()]
    assert recorded == [json.loads(line) for line in m.out] and recorded[0]["text"]["params"] == [1]
