# SPDX-License-Identifier: MIT
"""miio_ota through the real agent, with a Python upstream as the cloud and an HTTP server with faults."""
import hashlib
import json
import os
import re
import socket
import subprocess

import pytest

from ota_rig import FIRMWARE, MD5, SHA256, check_progress, rig  # noqa: F401
from support import BIN, SOURCE, Daemon, wait_for, write_identity


def test_download_and_install(rig):
    rig.start()
    assert rig.upgrade("ok", file_sha256=SHA256)["result"] == ["OK"]
    rig.upstream.wait_state("installed")
    assert rig.upstream.states() == ["downloading", "downloaded", "installing", "installed"]
    check_progress(rig.upstream.progress())
    assert len(rig.upstream.progress()) > 3
    assert rig.hook_runs() == ["%s/firmware.bin %s normal" % (rig.dir, MD5)]
    assert (rig.dir / "firmware.bin").read_bytes() == FIRMWARE
    assert rig.state() == "installed"
    assert rig.call("miIO.get_ota_progress", {})["result"] == [100]


def test_download_then_install(rig):
    rig.start()
    assert rig.upgrade("ok", key="param", proc="dnld", mode="silent")["result"] == ["OK"]
    rig.upstream.wait_state("wait_install")
    assert rig.upstream.states() == ["downloading", "downloaded", "wait_install"]
    n = len(rig.http.requests)
    assert rig.upgrade("ok", proc="install", mode="silent")["result"] == ["OK"]
    rig.upstream.wait_state("installed")
    assert rig.upstream.states()[3:] == ["installing", "installed"]
    assert len(rig.http.requests) == n  # the stored file was used
    assert rig.hook_runs() == ["%s/firmware.bin %s silent" % (rig.dir, MD5)]


def test_not_split(rig):
    rig.start("--no-split")
    assert rig.upgrade("ok", proc="dnld")["error"]["code"] == -33020
    assert rig.state() == "idle" and not rig.upstream.states()
    assert rig.upgrade("ok", proc="install")["result"] == ["OK"]
    rig.upstream.wait_state("installed")


def test_bad_commands(rig):
    rig.start()
    for more in ({"app_url": "ftp://h/"}, {"app_url": None}, {"file_md5": "12"}, {"proc": "nothing"}):
        assert rig.upgrade("ok", **more)["error"]["code"] == -32602
    assert rig.state() == "idle" and not rig.upstream.reports
    for _ in range(100):
        rig.upgrade("ok", proc="nothing")
    assert len([line for line in rig.ota.err if "refused" in line]) < 50


@pytest.mark.parametrize("name, more, failed", [
    ("ok", {"file_md5": "0" * 32}, "failed|-33001|down error"),
    ("ok", {"file_sha256": "0" * 64}, "failed|-33001|down error"),
    ("missing", {}, "failed|-33001|down error"),
    ("cutall", {}, "failed|-33004|disconnect"),
    ("x", {"app_url": "http://device.invalid/f"}, "failed|-33002|dns error"),
    ("x", {"app_url": "http://127.0.0.1:1/f"}, "failed|-33003|connect error"),
])
def test_failures(rig, name, more, failed):
    rig.start()
    assert rig.upgrade(name, **more)["result"] == ["OK"]
    rig.upstream.wait_state(failed)
    assert rig.upstream.states() == ["downloading", failed]
    assert rig.state() == "failed"
    assert not rig.hook_runs()
    assert rig.upgrade("ok")["result"] == ["OK"]  # and it can go on from there
    rig.upstream.wait_state("installed")


@pytest.mark.parametrize("refuses", [False, True], ids=["taken", "refused"])
def test_hook_that_updates_the_mcu(rig, refuses):
    """The whole way down: miio_ota, the example hook, miioctl, miio_mcu, XMODEM to lrzsz on a pseudo terminal."""
    received, firmware = rig.tmp / "received.bin", FIRMWARE[:8192]
    rig.serve(firmware)
    board = Daemon("miio_sim", "mcu", "--link", rig.tmp / "tty", *(["--busy"] if refuses else ["--receive", received]))
    mcu = Daemon("miio_mcu", "--tty", rig.tmp / "tty", "--agent", "tcp:" + rig.agent.ready["listen"],
                 "-o", "update_dir=%s" % rig.dir)
    rig.hook = os.path.join(SOURCE, "agent", "apps", "mcu", "ota_install_mcu.sh")
    os.environ.update(MIIO_AGENT="tcp:" + rig.agent.ready["listen"], MIIOCTL=os.path.join(BIN, "miioctl"))
    try:
        rig.start()
        wait_for(lambda: "result" in rig.call("mcu.info", []), "miio_mcu to be registered")
        rig.upgrade("ok", file_md5=hashlib.md5(firmware).hexdigest())
        rig.upstream.wait_state("failed|-33005|install error" if refuses else "installed")
        wait_for(lambda: rig.state() == ("failed" if refuses else "installed"), "miio_ota's own end")
        assert rig.upstream.states() == ["downloading", "downloaded", "installing",
                                         "failed|-33005|install error" if refuses else "installed"]
        check_progress(rig.upstream.progress())
        assert refuses or received.read_bytes().startswith(firmware)
    finally:
        del os.environ["MIIO_AGENT"], os.environ["MIIOCTL"]
        mcu.stop()
        board.stop()


def test_reboot_program_runs_when_the_cloud_knows(rig):
    reboot = rig.tmp / "reboot.sh"
    reboot.write_text("#!/bin/sh\ncd %s; touch rebooted; while [ ! -e ended ]; do sleep 0.1; done; rm ended\n" % rig.tmp)
    reboot.chmod(0o755)
    rig.start("--reboot-program", reboot)
    rig.upgrade("ok")
    wait_for(lambda: (rig.tmp / "rebooted").exists(), "the reboot program")
    assert rig.upstream.states()[-1] == "installed"
    rig.ota.stop()  # while the reboot program runs and waits for that
    (rig.tmp / "ended").touch()
    wait_for(lambda: not (rig.tmp / "ended").exists(), "the end of the reboot program")


def test_a_file_that_cannot_be_kept_is_not_installed(rig):
    rig.start()
    (rig.dir / "firmware.bin").mkdir()  # nothing can be renamed onto it
    rig.upgrade("ok")
    rig.upstream.wait_state("failed|-33005|install error")
    assert rig.upstream.states() == ["downloading", "downloaded", "installing", "failed|-33005|install error"]
    assert not rig.hook_runs()
    (rig.dir / "firmware.bin").rmdir()
    rig.upgrade("ok")
    rig.upstream.wait_state("installed")
    assert len(rig.hook_runs()) == 1


def test_a_hook_that_was_killed_makes_room_for_the_next(rig):
    rig.hook_does("sleep 60")
    rig.start("--install-timeout", "1")
    for n in range(1, 4):
        rig.upgrade("ok")
        rig.upstream.wait(lambda: rig.upstream.states().count("failed|-33005|install error") == n)
    rig.hook_does("exit 0")
    rig.upgrade("ok")
    rig.upstream.wait_state("installed")


def test_install_fails(rig):
    rig.hook_does("exit 3")
    rig.start()
    rig.upgrade("ok")
    rig.upstream.wait_state("failed|-33005|install error")
    assert rig.upstream.states() == ["downloading", "downloaded", "installing", "failed|-33005|install error"]


def test_install_takes_too_long(rig):
    rig.hook_does("sleep 60")
    rig.start("--install-timeout", "1")
    rig.upgrade("ok")
    rig.upstream.wait_state("failed|-33005|install error")


@pytest.mark.parametrize("name", ["cut", "norange"])
def test_cut_in_the_middle_goes_on(rig, name):
    rig.start()
    rig.upgrade(name)
    rig.upstream.wait_state("installed")
    assert [n for n, _ in rig.http.requests] == ["/" + name] * 2
    assert rig.http.requests[1][1].startswith("bytes=")
    check_progress(rig.upstream.progress())
    assert rig.upstream.states() == ["downloading", "downloaded", "installing", "installed"]


def test_busy_and_cancel(rig):
    rig.start()
    rig.upgrade("hold")
    rig.upstream.wait_state("downloading")
    assert rig.upgrade("ok")["error"]["message"] == "busy"
    assert rig.call("ota.cancel", [])["result"] == ["ok"]
    rig.upstream.wait_state("failed|-33006|cancel")
    assert "error" in rig.call("ota.cancel", [])
    assert rig.call("ota.set_busy", [True])["result"] == ["ok"]
    assert rig.state() == "busy"
    assert rig.upgrade("ok")["error"]["message"] == "busy"
    assert rig.call("ota.set_busy", [False])["result"] == ["ok"]
    assert rig.upgrade("ok")["result"] == ["OK"]
    rig.upstream.wait_state("installed")


def test_low_energy(rig):
    rig.start()
    rig.upgrade("hold")
    rig.upstream.wait_state("downloading")
    rig.call("ota.cancel", ["low energy"])
    rig.upstream.wait_state("failed|-33007|low energy")


def test_killed_while_downloading(rig):
    rig.start()
    rig.upgrade("hold", proc="dnld")
    part = rig.dir / "firmware.part"
    wait_for(lambda: part.exists() and part.stat().st_size == len(FIRMWARE) // 2, "half the file")
    rig.ota.kill()
    before = len(rig.http.requests)
    rig.start()
    rig.upstream.wait_state("wait_install")
    assert rig.http.requests[before][1] == "bytes=%d-" % (len(FIRMWARE) // 2)
    assert rig.state() == "wait_install"
    assert (rig.dir / "firmware.bin").read_bytes() == FIRMWARE
    rig.ota.kill()
    rig.start()
    assert rig.state() == "wait_install"


def test_killed_while_installing(rig):
    rig.hook_does("while [ ! -e %s/go ]; do sleep 0.1; done" % rig.tmp)
    rig.start()
    rig.upgrade("ok")
    rig.upstream.wait_state("installing")
    wait_for(lambda: rig.hook_runs(), "the hook")
    rig.ota.kill()
    rig.start()
    assert rig.state() == "installing"
    (rig.tmp / "go").touch()
    rig.upstream.wait_state("installed")
    assert len(rig.hook_runs()) == 1
    assert rig.upstream.states() == ["downloading", "downloaded", "installing", "installed"]


def test_new_start_of_the_device_is_idle(rig):
    rig.start()
    rig.upgrade("ok", proc="dnld")
    rig.upstream.wait_state("wait_install")
    rig.ota.stop()
    state = rig.dir / "ota.state"
    assert state.stat().st_mode & 0o777 == 0o600
    state.write_text(re.sub("boot=.*", "boot=another", state.read_text()))
    rig.start()
    assert rig.state() == "idle"
    n = len(rig.http.requests)
    rig.upgrade("ok", proc="install")
    rig.upstream.wait_state("installed")
    assert len(rig.http.requests) == n


def test_reports_wait_for_the_upstream(rig):
    """The cloud is away during the whole upgrade; it sees every state afterwards, in order."""
    rig.start()
    rig.upstream.deaf = True
    rig.upgrade("ok")
    rig.upstream.conn.shutdown(socket.SHUT_RDWR)  # the report under way is answered: not connected
    rig.upstream.deaf = False
    rig.upstream.wait_state("installed")
    states = [s for i, s in enumerate(rig.upstream.states()) if i == 0 or s != rig.upstream.states()[i - 1]]
    assert states == ["downloading", "downloaded", "installing", "installed"]


def test_no_cloud_no_reports(rig):
    """cloud=none: nobody is reported to, nothing is tried again and again, and the reboot does not wait for it."""
    reboot = rig.tmp / "reboot.sh"
    reboot.write_text("#!/bin/sh\ntouch %s/rebooted\n" % rig.tmp)
    reboot.chmod(0o755)
    rig.start("--reboot-program", reboot, "--reboot-wait", "3600000")
    rig.upstream.no_cloud = True
    rig.upgrade("ok")
    wait_for(lambda: (rig.tmp / "rebooted").exists(), "the reboot")
    assert any("there is no cloud to report to" in line for line in rig.ota.err)
    seen = [json.dumps(r) for r in rig.upstream.reports]
    assert len(seen) == len(set(seen))


def test_url_is_not_logged(rig):
    rig.start("-l", "4")
    rig.upgrade("ok?token=hunter2")
    rig.upstream.wait_state("installed")
    assert "hunter2" not in "\n".join(rig.ota.err + rig.agent.err)


def test_relative_paths_are_made_absolute(tmp_path):
    """In the background the working directory is another; a reopened log must not land there."""
    hook = tmp_path / "hook.sh"
    hook.write_text("#!/bin/sh\n")
    hook.chmod(0o755)
    ota = Daemon("miio_ota", "--dir", "files", "--install-hook", "hook.sh", "-L", "ota.log", "--agent", "tcp:127.0.0.1:1",
                 cwd=tmp_path)
    assert ota.ready["dir"] == f"{tmp_path}/files/"
    assert (tmp_path / "files").is_dir() and (tmp_path / "ota.log").is_file()
    ota.stop()


def test_from_the_cloud_to_idle_after_the_reboot(rig):
    """Stand-in cloud, client, agent, miio_ota: what the cloud sees of an upgrade with a cut, and of the start after it."""
    did, key, reports, answers = 87654321, "Qw3rTy7UiOp9AsDf", [], []
    data = write_identity(rig.tmp / "data", did, key, wifi=False, extra=["provisioning=none"])
    cloud = Daemon("miio_sim", "cloud", "--did", did, "--key", key, "--udp", "127.0.0.1:0", stdin=subprocess.PIPE)
    options = ("--lan", "none", "--ble", "none", "-H", "127.0.0.1", "-p", cloud.port("udp"))
    client = Daemon("miio_client", "-d", data, "--local", "127.0.0.1:0", *options)
    local = client.ready["local"]
    rig.agent.stop()
    rig.agent = Daemon("miio_agent", "--listen", "127.0.0.1:0", "--unix", "none", "--upstream", local)

    def say(text):
        n = len(answers)
        cloud.process.stdin.write(text + "\n")
        cloud.process.stdin.flush()
        wait_for(lambda: read() or len(answers) > n, "the answer to " + text)
        return answers[-1]

    def read():
        events = [json.loads(line) for line in list(cloud.out) if line.startswith("{")]
        reports[:] = [e["params"] for e in events if e["event"] == "report" and e["method"] == "props"]
        answers[:] = [e for e in events if e["event"] == "answer"]

    def seen(member):
        read()
        return [r[member] for r in reports if member in r]

    def start():
        rig.ota = Daemon("miio_ota", "--dir", rig.dir, "--agent", "tcp:" + rig.agent.ready["listen"], "--install-hook",
                         rig.hook, "--retry-pause", "50", "--progress-interval", "0")
        wait_for(lambda: say("miIO.get_ota_state []").get("result"), "miio_ota to be registered")

    with cloud:
        with client:
            wait_for(lambda: seen("ota_state"), "the client's first report")
            start()
            params = {"app_url": rig.url("cut"), "file_md5": MD5, "proc": "dnld install", "mode": "normal"}
            assert say("miIO.ota " + json.dumps(params))["result"] == ["OK"]
            wait_for(lambda: "installed" in seen("ota_state"), "the end of the upgrade")
            assert seen("ota_state") == ["idle", "downloading", "downloaded", "installing", "installed"]
            check_progress(seen("ota_progress"))
            assert [n for n, _ in rig.http.requests] == ["/cut"] * 2
            rig.ota.stop()
        state = rig.dir / "ota.state"
        state.write_text(re.sub("boot=.*", "boot=another", state.read_text()))
        with Daemon("miio_client", "-d", data, "--local", local, *options):
            start()
            assert say("miIO.get_ota_state []")["result"] == ["idle"]
            wait_for(lambda: len(seen("ota_state")) == 6, "idle after the start")
            assert seen("ota_state")[4:] == ["installed", "idle"]
