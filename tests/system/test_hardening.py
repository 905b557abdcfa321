# SPDX-License-Identifier: MIT
"""What was built for devices is hardened: read from the release build beside this one, which tests/run.sh makes."""
import os
import re
import subprocess

import pytest

from support import SOURCE

BUILD = os.path.join(SOURCE, "build")
PROGRAMS = ["miio_agent", "miio_client", "miio_mcu", "miio_ota", "miioctl", "miio_sim", "miio_send_line", "miio_recv_line"]
FILES = ["bin/" + p for p in PROGRAMS] + ["lib/libagent.so"]

pytestmark = pytest.mark.skipif(not os.path.exists(os.path.join(BUILD, "bin", "miio_agent")), reason="no release build")


def readelf(file, *options):
    done = subprocess.run(["readelf", "-W", *options, os.path.join(BUILD, file)], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def symbols(file):
    """(name, defined) of the dynamic functions and objects."""
    rows = [line.split() for line in readelf(file, "--dyn-syms").splitlines() if re.match(r"\s+\d+: ", line)]
    return [(r[7].split("@")[0], r[6] != "UND", "@GLIBC" in r[7]) for r in rows if len(r) > 7 and r[3] in ("FUNC", "OBJECT")]


@pytest.mark.parametrize("file", FILES)
def test_position_and_tables(file):
    assert "DYN (" in readelf(file, "-h")
    dynamic, segments = readelf(file, "-d"), readelf(file, "-l")
    assert re.search(r"FLAGS_1\).* NOW", dynamic) and "BIND_NOW" in dynamic
    assert file.startswith("lib/") or re.search(r"FLAGS_1\).* PIE", dynamic)
    assert "GNU_RELRO" in segments
    assert not re.search(r"^\s+LOAD .* RWE ", segments, re.M), "a segment to write and to run"
    assert re.search(r"GNU_STACK .* RW ", segments)
    assert "TEXTREL" not in dynamic and "RPATH" not in dynamic and (file.startswith("lib/") or "RUNPATH" not in dynamic)


@pytest.mark.parametrize("file", FILES)
def test_stack_protector(file):
    assert ("__stack_chk_fail", False, True) in symbols(file)


@pytest.mark.parametrize("file", ["bin/" + p for p in PROGRAMS[:6]] + ["lib/libagent.so"])
def test_fortified_calls(file):
    checked = [name for name, defined, _ in symbols(file) if re.match(r"__\w+_chk$", name) and name != "__stack_chk_fail"]
    assert any("printf" in name for name in checked) and len(checked) > 2, checked


@pytest.mark.parametrize("file", FILES)
def test_nothing_is_shown_that_is_not_meant_to(file):
    shown = [name for name, defined, libc in symbols(file) if defined and not libc]
    if file.startswith("lib/"):
        assert shown and all(name.startswith(("agent_", "LIBAGENT_")) for name in shown), shown
    else:
        assert not shown, shown


def test_wide_time_and_offsets_are_asked_for():
    """On 32-bit systems with glibc; elsewhere they are wide already."""
    with open(os.path.join(BUILD, "compile_commands.json")) as f:
        commands = re.findall(r'"command": "(.*)"', f.read())
    assert commands and all("-D_TIME_BITS=64" in c and "-D_FILE_OFFSET_BITS=64" in c for c in commands)
