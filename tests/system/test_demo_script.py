# SPDX-License-Identifier: MIT
"""examples/demo.sh says what it does and leaves nothing behind when it is interrupted, whenever that is."""
import os
import re
import shutil
import signal
import subprocess

import pytest

from support import BIN, SOURCE

BUILD = os.path.dirname(os.path.abspath(BIN))
DEMO = os.path.join(SOURCE, "examples/demo.sh")


def start(tmp_path, *args):
    return subprocess.Popen([DEMO, "--no-install", "--build", BUILD, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            start_new_session=True, env={**os.environ, "TMPDIR": str(tmp_path)}, restore_signals=True)


def processes_of(group):
    """Command lines of the living members of a session."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", errors="replace") as f:
                state, _, _, session = f.read().rsplit(") ", 1)[1].split()[:4]
            if int(session) == group and state != "Z":
                with open(f"/proc/{pid}/cmdline", errors="replace") as f:
                    found.append(f.read().replace("\0", " "))
        except OSError:
            pass
    return found


@pytest.mark.parametrize("line,code", [("^building in", 130), ("^running: ", 130), ("phone <- ", 130), ("^Ctrl-C ends it", 0)])
def test_ctrl_c(tmp_path, line, code):
    demo = start(tmp_path)
    out = []
    for said in demo.stdout:
        out.append(said)
        if re.search(line, said):
            break
    else:
        pytest.fail("the demo never said %s:\n%s%s" % (line, "".join(out), demo.stderr.read()))
    os.killpg(demo.pid, signal.SIGINT)  # as a terminal does: to all of them
    rest, err = demo.communicate(timeout=60)
    assert demo.returncode == code, (rest, err)
    assert "all programs are ended" in rest
    assert err == ""
    assert processes_of(demo.pid) == []
    assert os.listdir(tmp_path) == []


def test_says_what_it_does_and_writes_nothing_else(tmp_path):
    before = subprocess.run(["git", "-C", SOURCE, "status", "--porcelain"], stdout=subprocess.PIPE, text=True).stdout
    demo = start(tmp_path, "--once", "--cloud", "none")
    out, err = demo.communicate(timeout=240)
    assert demo.returncode == 0, (out, err)
    assert "building in %s/" % BUILD in out and "  100%" in out and out.rstrip().endswith("all was seen")
    assert os.listdir(tmp_path) == []
    assert subprocess.run(["git", "-C", SOURCE, "status", "--porcelain"], stdout=subprocess.PIPE, text=True).stdout == before


def test_packages_of_the_demo():
    """It does not install what only the tests want."""
    with open(os.path.join(SOURCE, "tests/packages.txt")) as f:
        build, others = f.read().split("# -- tests", 1)
    marked = set(re.findall(r"^(\S+) # demo(?:-broker)?$", others, re.M))
    assert {"python3", "python3-miio", "mosquitto", "mosquitto-clients"} == marked
    assert "scdoc # run" in build and "libmicrohttpd-dev\n" in build


def installing(tmp_path, apt, *more):
    """The demo on a machine that has no package and no root: what it calls is written to calls. Its temporary folder is tmp."""
    for folder in ("bin", "tmp"):
        (tmp_path / folder).mkdir()
    for name, text in {"dpkg-query": "exit 1", "id": "echo 1000", "apt-get": apt, **dict(more)}.items():
        (tmp_path / "bin" / name).write_text("#!/bin/sh\n%s\n" % text)
        (tmp_path / "bin" / name).chmod(0o755)
    for name in ("sh", "env", "sed", "sort", "grep", "cat", "mktemp", "rm", "dirname", "bash", "sleep"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    return subprocess.Popen([DEMO, "--build", BUILD, "--once"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                            env={"PATH": str(tmp_path / "bin"), "TMPDIR": str(tmp_path / "tmp"), "HOME": str(tmp_path)})


SUDO = ("sudo", 'echo "$*" >>"$HOME/calls"; exec "$@"')


def test_installing_shows_how_far_it_is(tmp_path):
    apt = ('[ "$1" = install ] || exit 0; for n in 1 30 60 99; do echo "dlstatus:1:$n.5:Retrieving"; done; echo Unpacking\n'
           'for n in 10 50 51 80; do echo "pmstatus:cmake:$n.1:x"; done; exit 100')
    demo = installing(tmp_path, apt, SUDO)
    out, _ = demo.communicate(timeout=60)
    assert demo.returncode == 1, out  # apt has failed: nothing is built
    assert "building in" not in out and "installing with apt: build-essential cmake" in out
    assert re.findall(r"^  (\d+% \w+)$", out, re.M) == ["25% downloaded", "50% downloaded", "75% downloaded", "50% installed", "75% installed"]
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [c.split("apt-get ")[1].split()[0] for c in calls] == ["update", "install"]
    assert os.listdir(tmp_path / "tmp") == []


def test_without_root_and_sudo_it_says_what_to_install(tmp_path):
    demo = installing(tmp_path, "exit 0")
    out, err = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert re.search(r"only root can install them, and sudo is not there: as root, apt-get install build-essential cmake .*uthash-dev$", err, re.M)
    assert "not found" not in err and os.listdir(tmp_path / "tmp") == []


def test_ctrl_c_while_installing(tmp_path):
    demo = installing(tmp_path, '[ "$1" = install ] || exit 0; echo "dlstatus:1:40.0:x"; exec sleep 600', SUDO)
    for said in demo.stdout:
        if "25% downloaded" in said:
            break
    os.killpg(demo.pid, signal.SIGINT)
    rest, err = demo.communicate(timeout=60)
    assert demo.returncode == 130 and "all programs are ended" in rest, (rest, err)
    assert processes_of(demo.pid) == [] and os.listdir(tmp_path / "tmp") == []
