# SPDX-License-Identifier: MIT
"""The systemd units: what they leave open, what they name, and how a daemon without rights has a hook run as root."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support import BIN, SOURCE

UNITS = Path(SOURCE) / "docs/packaging/systemd"
LIMITS = {"miio-agent.service": 2.0, "miio-mcu@.service": 2.0, "miio-ota.service": 2.0, "miio-web.service": 2.0, "miio-client.service": 3.0}


def settings(unit):
    return re.findall(r"^(\w+)=(.*)$", (UNITS / unit).read_text(), re.M)


@pytest.mark.parametrize("unit", sorted(LIMITS))
def test_exposure(unit):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", UNITS / unit], capture_output=True, text=True)
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert level, done.stdout + done.stderr
    print(unit, level.group(1))
    assert float(level.group(1)) <= LIMITS[unit]


def test_the_page_says_the_exposure():
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    page = (UNITS.parent / "README.md").read_text()
    said = dict(re.findall(r"(\w+) (\d\.\d)\b", re.search(r"by `systemd-analyze security`(.*?)\n\n", page, re.S).group(1)))
    said |= {name: level for name, level in re.findall(r"`miio-([\w@]+)` \((\d\.\d)\)", page)}
    units = {p.name[len("miio-"):-len(".service")].replace("@", ""): p for p in UNITS.glob("*.service")}
    assert {name.replace("@", "") for name in said} == set(units)
    for name, level in said.items():
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", units[name.replace("@", "")]],
                              capture_output=True, text=True)
        assert re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout).group(1) == level, name


def test_every_option_exists():
    checked = 0
    for unit in UNITS.glob("*.service"):
        for key, value in settings(unit.name):
            words = value.split()
            if key != "ExecStart" or not words[0].startswith("/usr/sbin/"):
                continue
            known = subprocess.run([os.path.join(BIN, os.path.basename(words[0])), "--help"], capture_output=True, text=True).stdout
            for word in words[1:]:
                if word.startswith("-"):
                    assert re.search(r"(?<![\w-])%s\b" % re.escape(word), known), "%s: %s" % (unit.name, word)
                    checked += 1
    assert checked >= 7


def test_every_daemon_is_of_its_kind():
    for unit in LIMITS:
        got = dict(settings(unit))
        assert got["User"] == "miio" and got["Type"] == "notify" and int(got["WatchdogSec"]) >= 10, unit
        assert got["ExecReload"] == "/bin/kill -HUP $MAINPID" and got["RestartPreventExitStatus"] == "2 78", unit


def test_wifi_outlives_its_script_and_comes_before_the_client():
    for unit in ("miio-wifi.service", "miio-hook@.service"):
        assert ("KillMode", "process") in settings(unit), unit
    assert "miio-client.service" in dict(settings("miio-wifi.service"))["Before"].split()


@pytest.mark.parametrize("unit", sorted(p.name for p in UNITS.glob("*.*") if p.suffix in (".service", ".socket", ".path")))
def test_systemd_understands(unit, tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    for source in UNITS.iterdir():
        if source.suffix in (".service", ".socket", ".path"):
            text = source.read_text()
            text = re.sub(r"/usr/(sbin|share/miio)/[\w./]+", "/bin/true", text)
            (tmp_path / source.name).write_text(text)
    name = unit.replace("@.", "@ota_install.")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", tmp_path / name], capture_output=True, text=True,
                          env={**os.environ, "SYSTEMD_UNIT_PATH": "%s:" % tmp_path})
    wrong = [line for line in done.stderr.splitlines() if "miio" in line and "Failed to open" not in line]
    assert not wrong, done.stderr


# ---- files of root in the data directory ----

@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
@pytest.mark.parametrize("shell", [["/bin/busybox", "sh"], ["/bin/dash"], ["/bin/bash"]], ids=["busybox", "dash", "bash"])
def test_files_of_root_become_the_daemons(shell, tmp_path):
    if not shutil.which(shell[0]):
        pytest.skip(shell[0] + " is not installed")
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, 4711, 4711)
    for name in ("device.conf", "other.conf", "device.uid"):
        (data / name).write_text("x")
        (data / name).chmod(0o644)
    secret = tmp_path / "secret"
    secret.write_text("s")
    (data / "wifi.conf").symlink_to(secret)
    os.link(secret, data / "device.token")
    (data / "web.password").mkdir()
    os.chown(data / "device.uid", 4712, 4712)
    subprocess.run([*shell, UNITS / "own_files.sh", data, "4711"], check=True)
    seen = {p.name: (p.lstat().st_uid, p.lstat().st_mode & 0o777) for p in data.iterdir()}
    assert seen["device.conf"] == (4711, 0o600)
    assert seen["other.conf"] == (0, 0o644) and seen["device.uid"] == (4712, 0o644)
    assert seen["wifi.conf"][0] == seen["device.token"][0] == seen["web.password"][0] == secret.stat().st_uid == 0
    subprocess.run([*shell, UNITS / "own_files.sh", tmp_path / "none", "4711"], check=True, stderr=subprocess.DEVNULL)


# ---- how hooks are asked for ----

@pytest.fixture
def board(tmp_path):
    for name in ("ask", "asked", "hooks", "bin"):
        (tmp_path / name).mkdir()
    for hook in ("wifi_start", "miio_client_helper", "ota_install"):
        shutil.copy(UNITS / "ask.sh", tmp_path / "bin" / (hook + ".sh"))
        program = tmp_path / "hooks" / (hook + ".sh")
        program.write_text('#!/bin/sh\necho "%s $*" >>"%s"\nexit 7\n' % (hook, tmp_path / "ran"))
        program.chmod(0o755)
    return tmp_path


def environment(board):
    return {**os.environ, "MIIO_ASK_DIR": str(board / "ask"), "MIIO_ASKED_DIR": str(board / "asked"), "MIIO_HOOKS_DIR": str(board / "hooks"),
            "MIIO_FIRMWARE": "/f/firmware.bin", "MIIO_ASK_SECONDS": "30"}


def serve(board, name):
    return subprocess.run([UNITS / "serve_asked.sh", name], env=environment(board), capture_output=True, text=True)


def ran(board):
    return (board / "ran").read_text() if (board / "ran").exists() else ""


MD5 = "0123456789abcdef0123456789ABCDEF"
GOOD = [("wifi_start", []), ("miio_client_helper", ["zone", "Europe/Berlin"]), ("miio_client_helper", ["reboot"]),
        ("miio_client_helper", ["restore"]), ("ota_install", ["/f/firmware.bin", MD5, "silent"])]
BAD = [("wifi_start", ["x"]), ("miio_client_helper", []), ("miio_client_helper", ["zone", "../../etc/shadow"]),
       ("miio_client_helper", ["zone", "/etc/shadow"]), ("miio_client_helper", ["zone", "A;reboot"]), ("miio_client_helper", ["zone"]),
       ("miio_client_helper", ["zone", "A", "B"]), ("miio_client_helper", ["reboot", "now"]), ("miio_client_helper", ["delete"]),
       ("ota_install", []), ("ota_install", ["/f/firmware.bin", MD5]), ("ota_install", ["/f/firmware.bin", MD5 + "0", "silent"]),
       ("ota_install", ["/f/firmware.bin", "x" * 32, "silent"]), ("ota_install", ["/etc/passwd", MD5, "silent"]),
       ("ota_install", ["/f/../f/firmware.bin", MD5, "silent"]), ("ota_install", ["/f/firmware.bin", MD5, "loud"]),
       ("ota_install", ["/f/firmware.bin", MD5, "silent", "x"])]


@pytest.mark.parametrize("name, args, good", [(*row, True) for row in GOOD] + [(*row, False) for row in BAD])
def test_a_hook_is_run_when_its_words_are_known(board, name, args, good):
    asker = subprocess.Popen([board / "bin" / (name + ".sh"), *args], env=environment(board))
    while not (board / "ask" / (name + ".request")).exists():
        assert asker.poll() is None
    served = serve(board, name)
    assert asker.wait(30) == (7 if good else 126), served.stderr
    assert ran(board) == ("%s %s\n" % (name, " ".join(args)) if good else "")
    assert sorted(p.name for p in board.glob("ask*/*")) == [name + ".status"]


def make_link(path, board):
    (board / "secret").write_text("1.2\n")
    path.symlink_to(board / "secret")


def make_fifo(path, board):
    os.mkfifo(path)


def make_folder(path, board):
    path.mkdir()


@pytest.mark.parametrize("make", [make_link, make_fifo, make_folder, lambda p, b: p.write_text(""), lambda p, b: p.write_text("../x\n"),
                                  lambda p, b: p.write_bytes(bytes(range(256)) * 100)])
def test_what_is_no_request_runs_nothing(board, make):
    request = board / "ask" / "wifi_start.request"
    make(request, board)
    assert serve(board, "wifi_start").returncode == 1
    assert ran(board) == "" and not os.path.lexists(request) and not (board / "asked" / "wifi_start.status").exists()
    if (board / "secret").exists():
        assert (board / "secret").read_text() == "1.2\n"


def test_a_line_break_is_refused(board):
    done = subprocess.run([board / "bin/miio_client_helper.sh", "zone", "A\nB"], env=environment(board), capture_output=True)
    assert done.returncode == 2 and not list((board / "ask").iterdir())


def test_the_makers_hook_goes_before_the_sample(board):
    share = board / "share"
    share.mkdir()
    shutil.copy(UNITS / "run_hook.sh", share)
    (share / "wifi_start.sh").write_text("#!/bin/sh\nexit 9\n")
    (share / "wifi_start.sh").chmod(0o755)
    run = [share / "run_hook.sh", "wifi_start.sh"]
    assert subprocess.run(run, env=environment(board)).returncode == 7
    (board / "hooks/wifi_start.sh").unlink()
    assert subprocess.run(run, env=environment(board)).returncode == 9
    assert subprocess.run([run[0], "none.sh"], env=environment(board), stderr=subprocess.DEVNULL).returncode == 127
