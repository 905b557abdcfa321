# SPDX-License-Identifier: MIT
"""README's lines are right: what it says to install, compile and start does what it says."""
import os
import re
import subprocess

import pytest

from agent_rig import Agent
from support import BIN, SOURCE, Daemon, is_sanitized, run

BUILD = os.path.dirname(os.path.abspath(BIN))

with open(os.path.join(SOURCE, "README.md")) as f:
    README = f.read()


def root_of(tmp_path):
    """Shell lines that put copies over what an installation changes, seen by one command and its children only."""
    (tmp_path / "local").mkdir()
    subprocess.run(["cp", "-a", "/etc", tmp_path / "etc"], check=True)
    return "mount --bind %s/local /usr/local && mount --bind %s/etc /etc" % (tmp_path, tmp_path)


def inside(lines, *args):
    return ("unshare", "-m", "sh", "-ec", lines + '\n"$@"', "sh", *args)


@pytest.mark.skipif(os.geteuid() != 0, reason="an installation needs root")
def test_install_compile_run(tmp_path):
    install = re.search(r"^sudo (cmake --install build) && sudo (ldconfig)", README, re.M)
    compile = re.search(r"`(cc app\.c \$\(pkg-config --cflags --libs libagent\))`", README).group(1)
    program = re.search(r"^```c\n(.*?)^```", README, re.M | re.S).group(1)
    root = root_of(tmp_path)
    if subprocess.run(inside(root, "true"), stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no mounting here")
    (tmp_path / "app.c").write_text(program)
    (tmp_path / "build").symlink_to(BUILD)
    flags = " -fsanitize=address,undefined" if is_sanitized("miio_agent") else ""
    steps = "%s\ncd %s\nunset LD_LIBRARY_PATH PKG_CONFIG_PATH\n" % (root, tmp_path)
    for part in (1, 2):
        steps += install.group(part) + " >/dev/null\n"
    done = subprocess.run(inside(steps + compile + flags + "\nldd ./a.out"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=300)
    assert done.returncode == 0 and "libagent.so.0 => /usr/local/lib" in done.stdout, done.stdout
    with Agent() as agent:
        steps = "%s\ncd %s\nldconfig\n" % (root, tmp_path)
        app = Daemon("/usr/bin/unshare", "-m", "sh", "-ec", steps + "exec stdbuf -oL ./a.out", ready=False,
                     env={"MIIO_AGENT": "unix:" + agent.unix, "ASAN_OPTIONS": "verify_asan_link_order=0"})
        try:
            code, out, err = run("miioctl", "--agent", "unix:" + agent.unix, "wait", "set_power")
            assert code == 0, (err, app.err)
            assert run("miioctl", "--agent", "unix:" + agent.unix, "call", "set_power", '["on"]')[:2] == (0, '["ok"]\n')
            app.wait_out(r"set_power on")
        finally:
            app.process.kill()
            app.wait()


