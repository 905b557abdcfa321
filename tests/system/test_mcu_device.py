# SPDX-License-Identifier: MIT
"""miio_mcu and what stands around it: the zone, the port, hooks, the platform, updates of the device."""
import hashlib
import os
import signal
import subprocess

import pytest

from mcu_support import CloudChain, Line, Stack
from ota_rig import Rig
from support import Daemon, wait_for

GET = [{"siid": 2, "piid": 1}]


@pytest.fixture
def line(tmp_path):
    l = Line(tmp_path / "tty")
    yield l
    l.close()


def hours_from_utc(line):
    local, posix = line.say("time"), int(line.say("time posix"))
    utc = int(subprocess.run(["date", "-u", "-d", local, "+%s"], stdout=subprocess.PIPE, text=True).stdout)
    return round((utc - posix) / 3600)


ZONES = "/usr/share/zoneinfo"


@pytest.mark.skipif(os.geteuid() != 0 or not os.path.exists(ZONES + "/Asia/Tokyo"), reason="needs root and zones")
def test_time_follows_the_zone(tmp_path, line):
    """In a mount namespace of its own, /etc/localtime is a link of this test's."""
    zone = tmp_path / "zone"

    def set_zone(name):
        fresh = tmp_path / "fresh"
        fresh.symlink_to(os.path.join(ZONES, name))
        fresh.rename(zone)

    set_zone("Etc/UTC")
    etc = tmp_path / "etc"
    subprocess.run(["cp", "-a", "/etc", etc], check=True)
    (etc / "localtime").unlink(missing_ok=True)
    (etc / "localtime").symlink_to(zone)
    if subprocess.run(["unshare", "-m", "mount", "--bind", etc, "/etc"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no mounting here")
    program = os.path.join(os.environ["MIIO_BIN"], "miio_mcu")
    script = 'mount --bind %s /etc && exec "$@"' % etc
    env = {k: v for k, v in os.environ.items() if k != "TZ"}
    mcu = subprocess.Popen(["env", "-u", "TZ", "unshare", "-m", "sh", "-c", script, "sh", program, "--tty", line.path, "--agent",
                            "unix:%s" % (tmp_path / "none")], stdout=subprocess.PIPE, text=True, env=env)
    try:
        assert mcu.stdout.readline().startswith("ready")
        assert hours_from_utc(line) == 0
        set_zone("Asia/Tokyo")
        assert hours_from_utc(line) == 9
        set_zone("Etc/GMT+5")
        assert hours_from_utc(line) == -5
    finally:
        mcu.send_signal(signal.SIGTERM)
        assert mcu.wait(30) == 0


def expect_start(line, stack, id, net="cloud"):
    """The network state, none, and only then what was asked for meanwhile; the version is wanted."""
    stack.up.send({"id": id, "method": "get_properties", "params": GET})
    assert stack.info()["refused"] == 0  # behind the request
    assert line.say("get_down") == "down MIIO_net_change " + net
    assert line.say("get_down") == "down none"
    assert line.say("get_down") == "down get_properties 2 1"
    assert line.say("result 2 1 0 5") == "ok"
    assert line.say("get_down") == "down MIIO_mcu_version_req"
    assert line.say("mcu_version 0003") == "ok"


def test_each_plugging_in_is_a_start(tmp_path, line):
    with Stack(tmp_path, tmp_path / "tty") as stack:
        wait_for(lambda: line.say("net") == "cloud", "cloud")
        for id in (1, 2, 3):
            expect_start(line, stack, id)
            line.close()
            stack.mcu.wait_err("hung up")
            stack.mcu.err.clear()
            line.open()
            stack.mcu.wait_err("is back")


def test_half_a_line_does_not_outlive_the_port(tmp_path, line):
    with Stack(tmp_path, tmp_path / "tty") as stack:
        assert line.say("mcu_version 0001") == "ok"
        line.write(b"mcu_ver")
        wait_for(lambda: not os.read(line.master, 0), "the line")
        line.close()
        stack.mcu.wait_err("hung up")
        line.open()
        stack.mcu.wait_err("is back")
        assert line.say("sion 0002") == "error"
        assert stack.info()["mcu_version"] == "0001"


def test_open_commands_are_answered_at_the_end(tmp_path, line):
    with Stack(tmp_path, tmp_path / "tty", "-o", "announce_net=no", "-o", "ask_version=no", "-o",
               "command_timeout_ms=60000") as stack:
        for id in (1, 2):
            stack.up.send({"id": id, "method": "get_properties", "params": GET})
        assert line.next_down("down get_properties") == "down get_properties 2 1"
        stack.info()  # behind the second one, which waits
        stack.mcu.signal(signal.SIGTERM)
        stack.up.wait(lambda: 1 in stack.up.answers and 2 in stack.up.answers, "both answers", 3)  # before the agent's own
        assert [stack.up.answers[i][0]["error"]["code"] for i in (1, 2)] == [-32003, -32003]


def hook_script(tmp_path, text):
    hook = tmp_path / "hook.sh"
    hook.write_text("#!/bin/sh\necho begin $1 >>%s/hooks\n%s\necho end $1 >>%s/hooks\n" % (tmp_path, text, tmp_path))
    hook.chmod(0o755)
    return sum((["-o", "hook_%s=%s" % (h, hook)] for h in ("reboot", "restore", "factory")), [])


def test_one_hook_one_process(tmp_path, line):
    options = hook_script(tmp_path, "while [ ! -e %s/go ]; do sleep 0.05; done" % tmp_path)
    with Stack(tmp_path, tmp_path / "tty", *options) as stack:
        for n, verb in enumerate(("restore", "restore", "reboot", "restore", "reboot", "factory"), 1):
            assert line.say(verb) == "ok"
            wait_for(lambda: sum("the MCU asks for" in e for e in stack.mcu.err) == n, "the %dth" % n)
        wait_for(lambda: (tmp_path / "hooks").exists() and (tmp_path / "hooks").read_text(), "the first hook's word")
        assert (tmp_path / "hooks").read_text() == "begin restore\n"
        (tmp_path / "go").touch()
        stack.mcu.wait_err("hook factory done")
        assert (tmp_path / "hooks").read_text().split("\n")[:-1] == [
            "%s %s" % (w, v) for v in ("restore", "reboot", "factory") for w in ("begin", "end")]
        assert sum("under way already" in e for e in stack.mcu.err) == 3
        assert line.say("restore") == "ok"  # and once more when it has ended
        wait_for(lambda: (tmp_path / "hooks").read_text().count("end restore") == 2, "the fourth restore")


def test_a_hook_that_takes_too_long_ends_with_its_children(tmp_path, line):
    options = hook_script(tmp_path, "sleep 987 & echo $! >%s/child; wait" % tmp_path)
    with Stack(tmp_path, tmp_path / "tty", *options, "-o", "hook_timeout_ms=300") as stack:
        assert line.say("reboot") == "ok"
        stack.mcu.wait_err("hook reboot failed")
        child = (tmp_path / "child").read_text().strip()
        wait_for(lambda: not os.path.exists("/proc/%s" % child) or " Z " in open("/proc/%s/stat" % child).read(), "its end")


def test_restore_without_a_hook_is_the_clients(tmp_path, line):
    with Stack(tmp_path, tmp_path / "tty") as stack:
        assert line.say("restore") == "ok"
        stack.mcu.wait_err("the client restores the device")
        assert [r["method"] for r in stack.up.reports] == ["miIO.restore"]
        stack.up.refuse = True
        assert line.say("restore") == "ok"
        stack.mcu.wait_err("the client does not restore the device")


def test_what_the_mcu_says_of_itself_is_told(tmp_path, line):
    with Stack(tmp_path, tmp_path / "tty", "-o", "status_period_ms=200") as stack:
        assert line.say("model acme.fan.v2") == "ok"
        assert line.say("mcu_version 0007") == "ok"
        wait_for(lambda: {"model": "acme.fan.v2", "mcu_fw_ver": "0007"} in stack.up.mcu_info, "both")
        stack.up.mcu_info.clear()
        stack.up.away()
        stack.up.back()
        wait_for(lambda: {"model": "acme.fan.v2", "mcu_fw_ver": "0007"} in stack.up.mcu_info, "both, to a new client")


def test_the_platform_hears_of_the_mcu(tmp_path, line):
    with CloudChain(tmp_path, tmp_path / "tty") as chain:
        assert line.say("mcu_version 0042") == "ok"
        wait_for(lambda: chain.answer(chain.say("miIO.info", []))["result"].get("mcu_fw_ver") == "0042", "miIO.info")
        chain.client.wait_err("MCU: model , version 0042")


def test_a_bad_byte_costs_one_property(tmp_path, line):
    with Stack(tmp_path, tmp_path / "tty") as stack:
        values = ["1 %d %d" % (piid, piid) for piid in range(1, 17)]
        values.insert(8, '1 99 "L\xfcster"')
        line.write(("properties_changed " + " ".join(values)).encode("latin-1") + b"\r")
        assert line.reply() == "ok"
        stack.up.wait(lambda: stack.up.seen("properties_changed"), "the report")
        seen = {p["piid"]: p["value"] for report in stack.up.seen("properties_changed") for p in report}
        assert seen == {piid: piid for piid in range(1, 17)}
        stack.mcu.wait_err("could not be read and were left out")
        assert stack.info()["bad_values"] == 1


def test_net_is_updating_while_the_device_is_updated(tmp_path, line):
    rig = Rig(tmp_path)
    rig.hook_does("while [ ! -e %s/go ]; do sleep 0.05; done" % tmp_path)
    rig.start()
    options = ("miio_mcu", "--tty", tmp_path / "tty", "--agent", "tcp:" + rig.agent.ready["listen"], "-o",
               "status_period_ms=200")
    mcu = Daemon(*options)
    try:
        mcu.wait_err("agent connected")
        rig.upgrade("ok")
        wait_for(lambda: line.say("net") == "updating", "updating")
        assert line.next_down() == "down MIIO_net_change updating"
        mcu.stop()
        mcu = Daemon(*options)  # one that comes in the middle of it
        wait_for(lambda: line.say("net") == "updating", "updating, found")
        (tmp_path / "go").touch()
        rig.upstream.wait_state("installed")
        wait_for(lambda: line.say("net") != "updating", "the end")
    finally:
        rig.http.release.set()
        mcu.stop()
        rig.stop()


def test_net_is_not_updating_when_the_updater_dies(tmp_path, line):
    rig = Rig(tmp_path)
    rig.start()
    mcu = Daemon("miio_mcu", "--tty", tmp_path / "tty", "--agent", "tcp:" + rig.agent.ready["listen"], "-o",
                 "status_period_ms=200")
    try:
        mcu.wait_err("agent connected")
        rig.upgrade("hold")
        wait_for(lambda: line.say("net") == "updating", "updating")
        rig.ota.kill()
        rig.ota = None
        wait_for(lambda: line.say("net") != "updating", "the end")
    finally:
        rig.http.release.set()
        mcu.stop()
        rig.stop()


def test_an_update_outlives_the_ports_absence(tmp_path, line):
    image = tmp_path / "image"
    image.write_bytes(bytes(range(200)))
    with Stack(tmp_path, tmp_path / "tty", "-o", "announce_net=no", "-o", "ask_version=no") as stack:

        def replug():
            line.close()
            stack.mcu.wait_err("hung up")
            stack.mcu.err.clear()
            line.open()
            stack.mcu.wait_err("is back")

        params = {"file": str(image), "md5": hashlib.md5(image.read_bytes()).hexdigest()}
        assert stack.up.call(1, "mcu.update", params)["result"] == ["ok"]
        replug()
        assert line.next_down("down update_fw") == "down update_fw"
        assert line.say('result "ready"') == "ok"
        replug()  # now it is its boot loader
        line.write(b"C")
        assert line.read(133)[:5] == b"\x01\x01\xfe\x00\x01"
        line.write(b"\x06")
        assert line.read(133)[:3] == b"\x01\x02\xfd"
        line.write(b"\x06")
        assert line.read(1) == b"\x04"
        line.write(b"\x06")
        wait_for(lambda: stack.info()["update"]["state"] == "installing", "the end of the transfer")
        replug()  # and its program again
        assert line.say("mcu_version 0002") == "ok"
        stack.mcu.wait_err("update of the MCU: installed")


def takes_blocks(line, call, n):
    """A receiver that calls and takes n blocks; the next one is on its way then."""
    size = 133 if call == b"C" else 132
    line.write(call)
    for i in range(n + 1):
        block = b""
        while len(block) < size:
            block += line.read()
        assert len(block) == size and block[:3] == bytes((1, i + 1, 254 - i))
        if i < n:
            line.write(b"\x06")


@pytest.mark.parametrize("what", ["starts over", "waits"])
@pytest.mark.parametrize("call", [b"C", b"\x15"], ids=["crc", "checksum"])
def test_the_port_goes_away_in_the_middle_of_the_image(tmp_path, line, call, what):
    """A receiver that starts over is the real rx; one that still waits gets its block again."""
    image = tmp_path / "image"
    image.write_bytes(bytes(range(256)) * 20 + b"end")
    with Stack(tmp_path, tmp_path / "tty", "-o", "announce_net=no", "-o", "ask_version=no") as stack:
        params = {"file": str(image), "md5": hashlib.md5(image.read_bytes()).hexdigest()}
        assert stack.up.call(1, "mcu.update", params)["result"] == ["ok"]
        assert line.next_down("down update_fw") == "down update_fw"
        assert line.say('result "ready"') == "ok"
        takes_blocks(line, call, 5)
        line.close()
        stack.mcu.wait_err("hung up")
        line.open()
        if what == "waits":
            if call == b"C":  # its time is over before the module's is
                stack.mcu.wait_err("is back")
                line.write(b"\x15")
            assert line.read(132)[:3] == b"\x01\x06\xf9"
            line.write(b"\x18\x18")
            stack.mcu.wait_err("is back")
            return
        done = subprocess.run(["rx", "-c" if call == b"C" else "-b", str(tmp_path / "got")], stdin=line.master, stdout=line.master,
                              stderr=subprocess.PIPE, timeout=120)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "got").read_bytes()[:image.stat().st_size] == image.read_bytes()
        wait_for(lambda: stack.info()["update"]["state"] == "installing", "the end of the transfer")
        assert line.say("mcu_version 0002").lstrip("\x04") == "ok"  # rx leaves before the end is said twice
        stack.mcu.wait_err("update of the MCU: installed")
