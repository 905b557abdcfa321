# SPDX-License-Identifier: MIT
"""miio_ota does no harm: whom it believes, what it leaves on the disk, and who may touch its folder."""
import http.server
import os
import ssl
import threading

import pytest

from ota_rig import FIRMWARE, MD5, SHA256, Files, rig  # noqa: F401
from support import Daemon, make_certificates, run, wait_for

DOWN = "failed|-33001|down error"


@pytest.fixture
def https(rig):
    """The same files under TLS; /insecure sends on to the plain server."""
    make_certificates(rig.tmp)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(rig.tmp / "server.pem", rig.tmp / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.requests, server.release, server.firmware, server.daemon_threads = [], threading.Event(), FIRMWARE, True
    server.insecure = rig.url("ok")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def secure(server, name):
    return "https://127.0.0.1:%d/%s" % (server.server_port, name)


def test_https_is_not_left_for_http(rig, https):
    rig.start("--ca-file", rig.tmp / "ca.pem")
    assert rig.upgrade("", app_url=secure(https, "insecure"))["result"] == ["OK"]
    rig.upstream.wait_state(DOWN)
    assert not rig.http.requests and [n for n, _ in https.requests] == ["/insecure"]  # and no further try
    rig.ota.wait_err("sent on to another protocol")
    rig.upgrade("", app_url=secure(https, "ok"))
    rig.upstream.wait_state("installed")


def test_http_may_go_on_to_http_and_https(rig, https):
    rig.start("--ca-file", rig.tmp / "ca.pem")
    for target in (rig.url("ok"), secure(https, "ok")):
        rig.http.insecure = target
        rig.upgrade("insecure", proc="dnld")
        rig.upstream.wait_state("wait_install")
        assert rig.upgrade("insecure", file_md5="0" * 32)["result"] == ["OK"]
        rig.upstream.wait_state(DOWN)
        rig.upstream.reports.clear()


def test_demands_of_the_configuration(rig, https):
    rig.start("--require-sha256", "--require-https", "--ca-file", rig.tmp / "ca.pem")
    refused = rig.upgrade("ok", file_sha256=SHA256)["error"]
    assert refused["code"] == -32602 and "https" in refused["message"]
    refused = rig.upgrade("", app_url=secure(https, "ok"))["error"]
    assert refused["code"] == -32602 and "file_sha256" in refused["message"]
    assert rig.state() == "idle" and not rig.upstream.reports and not https.requests
    assert rig.upgrade("", app_url=secure(https, "ok"), file_sha256="0" * 64)["result"] == ["OK"]
    rig.upstream.wait_state(DOWN)
    assert not rig.hook_runs()
    rig.upgrade("", app_url=secure(https, "ok"), file_sha256=SHA256)
    rig.upstream.wait_state("installed")


def test_a_download_from_before_the_demand_does_not_go_on(rig):
    rig.start()
    rig.upgrade("hold")
    part = rig.dir / "firmware.part"
    wait_for(lambda: part.exists() and part.stat().st_size == len(FIRMWARE) // 2, "half the file")
    rig.ota.stop()
    rig.start("--require-sha256")
    assert rig.state() == "idle" and not part.exists()
    assert len(rig.http.requests) == 1 and not rig.hook_runs()


def verifier(rig, text):
    program = rig.tmp / "verify.sh"
    program.write_text('#!/bin/sh\necho "$@" >>%s/verify.log\n%s\n' % (rig.tmp, text))
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("text", ["exit 1", "kill -9 $$", "sleep 60"], ids=["refuses", "dies", "hangs"])
def test_a_file_that_is_not_genuine_is_not_kept(rig, text):
    rig.start("--verify-hook", verifier(rig, text), "--verify-timeout", "1")
    rig.upgrade("ok")
    rig.upstream.wait_state(DOWN)
    assert rig.upstream.states() == ["downloading", DOWN] and not rig.hook_runs()
    assert sorted(os.listdir(rig.dir)) == ["ota.state"]


def test_a_genuine_file_is_installed_and_looked_at_each_time(rig):
    rig.start("--verify-hook", verifier(rig, "exit 0"))
    rig.upgrade("ok", proc="dnld")
    rig.upstream.wait_state("wait_install")
    rig.upgrade("ok", proc="install")
    rig.upstream.wait_state("installed")
    lines = (rig.tmp / "verify.log").read_text().splitlines()
    assert lines == ["%s/firmware.%s %s" % (rig.dir, end, MD5) for end in ("part", "bin")]


def test_a_verifier_that_runs_does_not_hold_the_end_up(rig):
    rig.start("--verify-hook", verifier(rig, "sleep 60"))
    rig.upgrade("ok")
    wait_for(lambda: (rig.tmp / "verify.log").exists(), "the verifier")
    rig.ota.stop()


@pytest.mark.parametrize("name, more", [
    ("ok", {"file_md5": "0" * 32}),
    ("cutall", {}),
    ("refused", {"app_url": "http://127.0.0.1:1/f"}),
])
def test_a_failed_download_leaves_nothing(rig, name, more):
    rig.start("--retries", "1")
    rig.upgrade(name, **more)
    rig.upstream.wait(lambda: any(s.startswith("failed") for s in rig.upstream.states()))
    assert rig.state() == "failed"
    assert sorted(os.listdir(rig.dir)) == ["ota.state"]


def test_a_download_that_breaks_half_way_leaves_nothing(rig):
    rig.start("--retries", "0")
    rig.upgrade("cut")
    rig.upstream.wait_state("failed|-33004|disconnect")
    assert sorted(os.listdir(rig.dir)) == ["ota.state"]


def test_the_file_system_is_not_filled(rig):
    """More than there is shall stay free: nothing is written, and no further try is made."""
    rig.start("--keep-free", str(1 << 60))
    rig.upgrade("ok")
    rig.upstream.wait_state("failed|-33020|unknown")
    rig.ota.wait_err("too little space is left")
    assert len(rig.http.requests) == 1 and sorted(os.listdir(rig.dir)) == ["ota.state"]


@pytest.mark.parametrize("left", ["new start of the device", "state file lost"])
def test_a_part_that_nobody_goes_on_with_is_removed_at_the_start(rig, left):
    rig.start()
    rig.upgrade("hold")
    part, state = rig.dir / "firmware.part", rig.dir / "ota.state"
    wait_for(lambda: part.exists() and part.stat().st_size == len(FIRMWARE) // 2, "half the file")
    rig.ota.kill()
    if left == "state file lost":
        state.unlink()
    else:
        state.write_text("boot=another\n" + "".join(line for line in state.read_text().splitlines(True)
                                                    if not line.startswith("boot=")))
    rig.start()
    assert rig.state() == "idle" and not part.exists()


def test_the_folder_is_made_with_its_parents(rig):
    rig.dir = rig.tmp / "a" / "b" / "c"
    rig.start()
    assert [d.stat().st_mode & 0o777 for d in (rig.dir, rig.dir.parent)] == [0o700, 0o755]


def refused_folder(rig, path):
    code, out, err = run("miio_ota", "--dir", path, "--agent", "tcp:127.0.0.1:1")
    assert code == 1 and "ready" not in out
    return err


def test_a_folder_that_others_can_write_is_refused(rig):
    rig.dir.mkdir()
    for mode in (0o777, 0o1777, 0o770, 0o702):
        rig.dir.chmod(mode)
        assert "lets others write in it: chmod go-w" in refused_folder(rig, rig.dir)
    rig.dir.chmod(0o755)
    rig.start()


def test_a_folder_that_others_can_exchange_is_refused(rig):
    open_dir = rig.tmp / "open"
    (open_dir / "ota").mkdir(parents=True, mode=0o700)
    open_dir.chmod(0o777)
    assert "put another folder in its place" in refused_folder(rig, open_dir / "ota")
    (rig.tmp / "link").symlink_to(open_dir / "ota")
    assert "put another folder in its place" in refused_folder(rig, rig.tmp / "link")
    open_dir.chmod(0o1777)
    rig.dir = open_dir / "ota"
    rig.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(rig):
    rig.dir.mkdir(mode=0o700)
    os.chown(rig.dir, 4242, 4242)
    assert "belongs to uid 4242" in refused_folder(rig, rig.dir)


def test_programs_that_others_can_write_are_told(rig):
    hook = verifier(rig, "exit 0")
    hook.chmod(0o777)
    rig.hook.chmod(0o775)
    rig.start("--verify-hook", hook)
    rig.ota.wait_err("verify.sh: mode 0777 lets others write it: chmod go-w")
    rig.ota.wait_err("hook.sh: mode 0775 lets others write it: chmod go-w")


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return f.read().split()


def rebooter(rig):
    program = rig.tmp / "reboot.sh"
    program.write_text("#!/bin/sh\ntouch %s/rebooted\n" % rig.tmp)
    program.chmod(0o755)
    return program


def test_no_reboot_before_the_cloud_has_acknowledged(rig):
    rig.upstream.holds = "installed"
    rig.start("--reboot-program", rebooter(rig), "--reboot-wait", "86400000")
    rig.upgrade("ok")
    rig.upstream.wait(lambda: rig.upstream.held)
    for _ in range(5):  # its loop has turned since then
        assert rig.state() == "installed"
    assert not children(rig.ota.pid) and not (rig.tmp / "rebooted").exists()
    rig.upstream.acknowledge()
    wait_for(lambda: (rig.tmp / "rebooted").exists(), "the reboot program")


def test_a_cloud_that_does_not_answer_does_not_keep_the_device_from_its_reboot(rig):
    rig.upstream.holds = "installed"
    rig.start("--reboot-program", rebooter(rig), "--reboot-wait", "10")
    rig.upgrade("ok")
    wait_for(lambda: (rig.tmp / "rebooted").exists(), "the reboot program")
    wait_for(lambda: rig.upstream.held, "the word that nobody answers")
