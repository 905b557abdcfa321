# SPDX-License-Identifier: MIT
"""miio_mcu on pseudo terminals, behind the real agent and a stand-in cloud."""
import hashlib
import os
import signal
import subprocess
import time

import pytest

from mcu_support import CloudChain, Line, Relay, Stack, check_cloud_round_trips, check_round_trips, check_transfer
from support import BIN, Daemon, run, wait_for


@pytest.fixture
def line(tmp_path):
    line = Line(tmp_path / "tty")
    yield line
    line.close()


@pytest.fixture
def stack(tmp_path, line):
    with Stack(tmp_path, tmp_path / "tty", "-o", "announce_net=no", "-o", "ask_version=no") as stack:
        line.next_down("down MIIO_net_change cloud")
        yield stack


def still_works(line, stack, id):
    stack.up.send({"id": id, "method": "get_properties", "params": [{"did": "1", "siid": 1, "piid": 2}]})
    assert line.next_down() == "down get_properties 1 2"
    assert line.say("result 1 2 0 9007199254740993") == "ok"
    stack.up.wait(lambda: id in stack.up.answers, "the answer")
    assert stack.up.answers[id] == [{"id": id, "result": [{"did": "1", "siid": 1, "piid": 2, "code": 0,
                                                          "value": 9007199254740993}]}]


def test_hostile_lines_then_normal_service(line, stack):
    for n, bad in enumerate((b"properties_changed 1 1 \"" + b"x" * 600 + b"\"", b"event_occured" + b" 1" * 65,
                             b"properties_changed 1 1 \"open", b"get_\0down", bytes(range(128, 256)),
                             b"\x01\x02\x1b[A", b"properties_changed 1 1 \"\xff\xfe\"", b"GET_DOWN")):
        line.write(bad + b"\r")
        assert line.reply() == "error"
        still_works(line, stack, 10 + n)
    assert stack.up.seen("properties_changed") == stack.up.seen("event_occured") == []


def test_byte_by_byte_and_line_ends(line, stack):
    for c in b"properties_changed 4 1 \"a\\u0020b\"":
        line.write(bytes([c]))
    line.write(b"\r\n")
    assert line.reply() == "ok"
    line.write(b"\r\r\n  \rtime posix\n")
    assert abs(int(line.reply()) - time.time()) < 60
    stack.up.wait(lambda: stack.up.seen("properties_changed"), "the report")
    assert stack.up.seen("properties_changed") == [[{"did": "1234", "siid": 4, "piid": 1, "value": "a b"}]]
    still_works(line, stack, 1)


def test_half_a_line_is_forgotten(line, stack):
    line.write(b"properties_changed 1 1 ")
    time.sleep(1.3)  # the silence is what is tested
    assert line.say("net") == "cloud"
    still_works(line, stack, 1)


def test_identity_comes_from_the_client(line, stack):
    wait_for(lambda: line.say("mac") == "34ce00892ab7", "the mac")
    assert line.say("model") == "acme.lamp.v1"
    assert line.say("version") == "1.4.4_0003"
    assert line.say("ble_config set 156 0001") == "ok"
    assert line.say("ble_config dump") == '["product id":156,"version":1.4.4_0003_0001]'


def test_echo_and_help(line, stack):
    assert line.say("echo on") == "ok"
    line.write(b"net\r")
    assert (line.reply(), line.reply()) == ("net", "cloud")
    line.write(b"echo off\r")
    assert (line.reply(), line.reply()) == ("echo off", "ok")
    line.write(b"help\rnet\r")
    lines = []
    while "cloud" not in lines:
        lines.append(line.reply())
    assert len(lines) == 18 and lines[-1] == "cloud"


def test_reports_are_merged_and_events_all_arrive(line, stack):
    for i in range(30):
        assert line.say("properties_changed 1 1 %d" % i) == "ok"
    taken = sum(line.say("event_occured 1 %d 1 \"x\"" % i) == "ok" for i in range(8))
    assert taken == 8
    stack.up.wait(lambda: len(stack.up.seen("event_occured")) == 8, "the events")
    assert [e["eiid"] for e in stack.up.seen("event_occured")] == list(range(8))
    stack.up.wait(lambda: stack.up.seen("properties_changed")[-1][0]["value"] == 29, "the last value")
    assert len(stack.up.seen("properties_changed")) < 30


def test_reports_wait_for_the_did(tmp_path, line, stack):
    stack.mcu.stop()
    stack.up.no_did = 2  # as while the client is still on its way
    stack.mcu = Daemon(*stack.mcu.args)
    stack.mcu.wait_err("agent connected")
    assert line.say("event_occured 1 7") == "ok"
    assert line.say("properties_changed 1 1 1") == "ok"
    stack.up.wait(lambda: stack.up.seen("event_occured") and stack.up.seen("properties_changed"), "the reports")
    assert stack.up.seen("event_occured")[0]["did"] == stack.up.seen("properties_changed")[0][0]["did"] == "1234"
    assert stack.up.no_did == 0


def test_a_flood_of_questions_is_answered_whole(line, stack):
    line.write(b"help\r" * 600 + b"net\r")
    lines = [line.reply() for _ in range(600 * 17 + 1)]
    assert lines.count("help") == 600 and lines[-1] == "cloud"


def test_reports_survive_a_refusing_cloud(line, stack):
    stack.up.refuse = True
    assert line.say("properties_changed 1 1 1") == "ok"
    assert line.say("event_occured 1 7") == "ok"
    time.sleep(0.5)
    stack.up.refuse = False
    stack.up.wait(lambda: stack.up.seen("event_occured") and stack.up.seen("properties_changed"), "the reports")
    assert [e["eiid"] for e in stack.up.seen("event_occured")] == [7]


def test_a_silent_mcu_times_out_and_comes_back(line, stack):
    stack.up.send({"id": 1, "method": "set_properties", "params": [{"siid": 1, "piid": 1, "value": True}]})
    assert line.next_down() == "down set_properties 1 1 true"
    stack.up.wait(lambda: 1 in stack.up.answers, "the time-out")
    assert stack.up.answers[1][0]["error"] == {"code": -9999, "message": "user ack timeout"}
    assert line.say("result 1 1 0") == "error"
    still_works(line, stack, 2)
    assert stack.info()["timeouts"] == 1


def test_without_an_agent_net_is_offline(tmp_path, line, stack):
    stack.agent.stop()
    wait_for(lambda: line.say("net") == "offline", "offline")
    assert line.say("get_down") == "down MIIO_net_change offline"
    stack.agent = Daemon(*stack.agent.args)
    wait_for(lambda: line.say("net") == "cloud", "cloud")
    assert line.say("get_down") == "down MIIO_net_change cloud"
    still_works(line, stack, 1)


def test_without_a_client_net_is_offline(tmp_path, line):
    with Stack(tmp_path, tmp_path / "tty", "-o", "status_period_ms=200") as stack:
        wait_for(lambda: line.say("net") == "cloud", "cloud")
        stack.up.away()
        wait_for(lambda: line.say("net") == "offline", "offline")
        stack.up.back()
        wait_for(lambda: line.say("net") == "cloud", "cloud again")


def test_the_adapter_is_unplugged_and_comes_back(line, stack):
    for id in (1, 2):
        line.close()
        stack.mcu.wait_err("hung up")
        stack.mcu.err.clear()
        line.open()
        stack.mcu.wait_err("is back")
        still_works(line, stack, id)


def test_hooks_run(tmp_path, line):
    hook = tmp_path / "hook.sh"
    hook.write_text("#!/bin/sh\necho \"$1 $MIIO_TTY\" >> %s/hooks\n" % tmp_path)
    hook.chmod(0o755)
    options = sum((["-o", "hook_%s=%s" % (h, hook)] for h in ("reboot", "restore", "factory")), [])
    with Stack(tmp_path, tmp_path / "tty", *options) as stack:
        for verb in ("reboot", "restore", "factory"):
            assert line.say(verb) == "ok"
            stack.mcu.wait_err("hook %s done" % verb)
    assert (tmp_path / "hooks").read_text().split() == ["reboot", line.path, "restore", line.path, "factory", line.path]


def test_the_end_waits_for_no_hook(tmp_path, line):
    hook = tmp_path / "hook.sh"
    hook.write_text("#!/bin/sh\nsleep 2 && touch %s/done\n" % tmp_path)
    hook.chmod(0o755)
    with Stack(tmp_path, tmp_path / "tty", "-o", "hook_reboot=%s" % hook) as stack:
        assert line.say("reboot") == "ok"
        stack.mcu.wait_err("the MCU asks for reboot")
        stack.mcu.signal(signal.SIGTERM)
        stack.mcu.wait_err("goes on by itself")
        stack.mcu.signal(signal.SIGTERM)  # whoever asks twice gets the same
    stack.mcu.wait_err("hook reboot goes on by itself")
    wait_for((tmp_path / "done").exists, "the hook's own end")


def test_a_request_without_id_is_carried_out(line, stack):
    stack.up.send({"method": "set_properties", "params": [{"siid": 1, "piid": 1, "value": 2}]})
    assert line.next_down() == "down set_properties 1 1 2"
    assert line.say("result 1 1 0") == "ok"
    still_works(line, stack, 3)
    assert list(stack.up.answers) == [3]


def test_update_that_the_mcu_cancels(tmp_path, line, stack):
    image = tmp_path / "image"
    image.write_bytes(b"firmware" * 100)
    good = {"file": str(image), "md5": hashlib.md5(image.read_bytes()).hexdigest()}
    assert stack.up.call(1, "mcu.update", {**good, "md5": "0" * 32})["error"]["code"] == -5001
    assert stack.up.call(2, "mcu.update", {"file": str(image)})["error"]["code"] == -32602
    assert stack.up.call(3, "mcu.update", {**good, "file": str(tmp_path)})["error"]["code"] == -5001
    (tmp_path / "link").symlink_to("/etc/hostname")
    for n, file in enumerate(("/etc/hostname", tmp_path / "link", tmp_path / ".." / "x", "/no/such/file", "")):
        answer = stack.up.call(30 + n, "mcu.update", {**good, "file": str(file)})
        assert "not below update_dir" in answer["error"]["message"], answer
    assert stack.up.call(4, "mcu.update", good)["result"] == ["ok"]
    assert stack.up.call(5, "mcu.update", good)["error"]["code"] == -5001
    assert stack.up.call(6, "get_properties", [{"siid": 1, "piid": 1}])["error"]["code"] == -10000
    assert line.next_down() == "down update_fw"
    assert line.say("net") == "error"
    assert line.say('result "ready"') == "ok"
    line.write(b"C")
    block = line.read(133)
    assert block[:3] == b"\x01\x01\xfe" and block[3:131] == b"firmware" * 16
    line.write(b"\x18\x18")
    stack.mcu.wait_err("update of the MCU: cancelled by the MCU")
    assert line.say("net") == "cloud"
    still_works(line, stack, 7)
    assert stack.info()["update"]["result"] == "cancelled by the MCU"


def test_image_reaches_rx_in_each_mode(tmp_path):
    for name, size, percent, checksum, options in (("1k", 200 * 1024, 1, False, ["-o", "xmodem_1k=yes"]),
                                                   ("crc", 16 * 1024, 1, False, []),
                                                   ("checksum", 4 * 1024 - 1, 0, True, [])):
        path = tmp_path / name
        path.mkdir()
        check_transfer(path, size, percent, checksum=checksum, options=options)


def test_the_firmware_sample(tmp_path, line):
    board = Line(tmp_path / "board")
    relay = Relay(line, board.master)
    lamp = subprocess.Popen([os.path.join(BIN, "example_mcu_lamp"), board.path], stdin=subprocess.PIPE)
    with Stack(tmp_path, tmp_path / "tty", "-o", "did=77") as stack:
        both = [{"siid": 2, "piid": 1}, {"siid": 2, "piid": 2}, {"siid": 2, "piid": 3}]
        assert [e.get("value") for e in stack.up.call(1, "get_properties", both)["result"]] == [False, 50, None]
        codes = stack.up.call(2, "set_properties", [{**both[0], "value": True}, {**both[1], "value": 101},
                                                    {**both[2], "value": 1}])["result"]
        assert [e["code"] for e in codes] == [0, -4005, -4003]
        stack.up.wait(lambda: stack.up.seen("properties_changed"), "the report")
        assert stack.up.seen("properties_changed")[0][0] == {"did": "77", "siid": 2, "piid": 1, "value": True}
        assert stack.up.call(3, "action", {"siid": 2, "aiid": 1})["result"]["code"] == 0
        assert stack.up.call(4, "get_properties", both)["result"][0]["value"] is False
        lamp.stdin.write(b"k")
        lamp.stdin.flush()
        stack.up.wait(lambda: stack.up.seen("event_occured"), "the event")
        assert stack.info()["model"] == "acme.lamp.v1"
    lamp.stdin.close()
    assert lamp.wait(30) == 0
    relay.close()
    board.close()


def test_round_trips_over_a_bad_line(tmp_path):
    check_round_trips(tmp_path, 500)


def test_round_trips_from_the_cloud_over_a_bad_line(tmp_path):
    check_cloud_round_trips(tmp_path, 400)


def test_the_cloud_hears_of_a_silent_mcu_and_of_its_return(tmp_path, line):
    with CloudChain(tmp_path, tmp_path / "tty") as chain:
        wait_for(lambda: line.say("get_down") == "down none", "the end of the start")
        get = [{"did": "1", "siid": 1, "piid": 2}]
        untaken, since = chain.say("get_properties", get), time.monotonic()
        assert chain.answer(untaken)["error"] == {"code": -9999, "message": "user ack timeout"}
        print("after %.2f s" % (time.monotonic() - since))
        taken = chain.say("get_properties", get)
        line.next_down("down get_properties 1 2")
        assert chain.answer(taken)["error"] == {"code": -9999, "message": "user ack timeout"}
        assert line.say("result 1 2 0 1") == "error"
        back = chain.say("get_properties", get)
        line.next_down("down get_properties 1 2")
        assert line.say("result 1 2 0 1") == "ok"
        assert chain.answer(back)["result"] == [{"did": "1", "siid": 1, "piid": 2, "code": 0, "value": 1}]
        assert [len(chain.answers[i]) for i in (untaken, taken, back)] == [1, 1, 1]


def test_the_simulated_mcu_follows_its_script_and_falls_silent(tmp_path):
    (tmp_path / "script").write_text("20 event_occured 4 1 1 \"pressed\"\n40 properties_changed 5 1 8\n")
    sim = Daemon("miio_sim", "mcu", "--link", tmp_path / "tty", "--poll", 20, "--script", tmp_path / "script", "--prop",
                 "5.1=7", "--read-only", "5.2=true")
    with sim, Stack(tmp_path, tmp_path / "tty") as stack:
        up, both = stack.up, [{"siid": 5, "piid": 1}, {"siid": 5, "piid": 2}]
        up.wait(lambda: up.seen("event_occured") and up.seen("properties_changed"), "what the script says")
        assert up.seen("event_occured")[0]["arguments"] == [{"piid": 1, "value": "pressed"}]
        assert up.seen("properties_changed")[0][0]["value"] == 8
        codes = up.call(1, "set_properties", [{**p, "value": False} for p in both])["result"]
        assert [e["code"] for e in codes] == [0, -4002]
        assert [e["value"] for e in up.call(2, "get_properties", both)["result"]] == [False, True]
        sim.signal(signal.SIGUSR1)
        assert up.call(3, "get_properties", both)["error"]["code"] == -9999
        sim.signal(signal.SIGUSR1)
        assert [e["code"] for e in up.call(4, "get_properties", both)["result"]] == [0, 0]


def test_usage_and_configuration_errors(tmp_path, line):
    conf = tmp_path / "mcu.conf"
    assert run("miio_mcu")[0] == 2
    assert run("miio_mcu", "--tty", line.path, "--option", "queue=0")[0] == 2
    assert run("miio_mcu", "--tty", tmp_path / "no-tty", "--check-config")[0] == 0
    for text, reason in (("mac = 12\n", "mcu.conf:1"), ("\nfoo = 1\n", "mcu.conf:2"), ("model = a\n", "model")):
        conf.write_text(text)
        code, out, err = run("miio_mcu", "--tty", line.path, "--config", conf)
        assert code == 78 and reason in err and err.count("\n") == 1
    conf.write_text("tty = %s\nmac = 34:CE:00:89:2A:B7\nprops_per_get = 4\n" % line.path)
    assert run("miio_mcu", "--config", conf, "--check-config")[0] == 0
    code, out, err = run("miio_mcu", "--tty", conf)
    assert code == 1 and "mcu.conf" in err
    with Daemon("miio_mcu", "--config", conf, "--agent", "unix:%s" % (tmp_path / "none")) as first:
        assert first.ready["state"] == "open"
        code, out, err = run("miio_mcu", "--tty", line.path)
        assert code == 1 and "in use" in err
        assert line.say("mac") == "34ce00892ab7"
        assert line.say("net") == "offline"


def test_a_device_that_appears_later(tmp_path):
    with Daemon("miio_mcu", "--tty", tmp_path / "tty", "--agent", "unix:%s" % (tmp_path / "none")) as mcu:
        assert mcu.ready["state"] == "absent"
        line = Line(tmp_path / "tty")
        mcu.wait_err("is back")
        assert line.say("net") == "offline"
        line.close()
    assert os.path.islink(tmp_path / "tty")
