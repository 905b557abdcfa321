# SPDX-License-Identifier: MIT
"""examples/demo.sh says what it does and leaves nothing behind when it is interrupted, whenever that is."""
import os
import re
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
            with open(f"/proc/{pid}/stat") as f:
                state, _, _, session = f.read().rsplit(") ", 1)[1].split()[:4]
            if int(session) == group and state != "Z":
                with open(f"/proc/{pid}/cmdline") as f:
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
