#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Exact costs of one routed 80-byte message in the release build of miio_agent: instructions and allocations.

Each count is taken twice, with N and with 2 N round trips; the difference leaves out start and end. A round trip is two
routed messages. Counts do not depend on the machine's load, so they are asserted.

usage: router_cost.py ROUTER_BENCH BIN_DIR      $MIIO_RELEASE_BIN goes before BIN_DIR; exit 77: no release build of the agent, or no valgrind
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

N = 1000
# Of one message: (in flight, uplink, instructions at most). One in flight has the whole turn of the loop to carry.
CASES = ((1, False, 2050), (64, False, 1200), (64, True, 1200))


def run(bench, agent, tool, rounds, depth, uplink):
    """The bench with the agent inside a valgrind tool; returns what valgrind wrote to standard error."""
    with tempfile.TemporaryDirectory() as scratch:
        log = os.path.join(scratch, "log")
        command = [bench, "--wire", "json", "--size", "80", "--depth", str(depth), "--messages", str(rounds)]
        command += ["--up"] if uplink else []
        command += ["--", shutil.which("valgrind"), f"--tool={tool}", f"--log-file={log}"]
        command += [f"--callgrind-out-file={scratch}/out"] if tool == "callgrind" else []
        command += [agent, "--listen", "127.0.0.1:0", "--unix", "none", "--upstream", "127.0.0.1:{up}", "-l", "0"]
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=300, check=True)
        result = json.loads(done.stdout.splitlines()[-1])
        assert result["done"] == rounds, result
        with open(log) as f:
            return f.read()


def instructions(*args):
    return int(re.search(r"Collected : (\d+)", run(args[0], args[1], "callgrind", *args[2:])).group(1))


def allocations(*args):
    text = run(args[0], args[1], "memcheck", *args[2:])
    return int(re.search(r"total heap usage: ([\d,]+) allocs", text).group(1).replace(",", ""))


def main():
    bench, agent = sys.argv[1], os.path.join(os.environ.get("MIIO_RELEASE_BIN", sys.argv[2]), "miio_agent")
    if not os.access(agent, os.X_OK) or not shutil.which("valgrind"):
        print(f"skipped: needs {agent} and valgrind")
        return 77
    bad = 0
    for depth, uplink, limit in CASES:
        name = f"{'up' if uplink else 'down'}, {depth} in flight"
        cost = (instructions(bench, agent, 2 * N, depth, uplink) - instructions(bench, agent, N, depth, uplink)) / (2 * N)
        allocs = allocations(bench, agent, 2 * N, depth, uplink) - allocations(bench, agent, N, depth, uplink)
        # A queue may grow once more in the longer run when the machine is slow: that is not an allocation a message.
        good = cost <= limit and allocs <= 4
        bad += not good
        print(f"{name}: {cost:.0f} instructions a message (at most {limit}), "
              f"{allocs} allocations in {2 * N} messages{'' if good else ': TOO MUCH'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
