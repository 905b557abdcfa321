#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The router's performance table: miio_agent, and mosquitto at QoS 0 when it is installed, beside a two-hop relay.

Every case is run with each router in turn, round after round, so that a busy machine hurts all alike; the table shows
medians and their ratios to the relay. Absolute times say little on another machine; nothing is asserted here.

usage: bench.py BUILD_DIR [--rounds N] [--seconds S] [--json FILE]
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile

# name, arguments of the generator, the figures shown
CASES = [
    ("80 B, 1 in flight", dict(size=80, depth=1), ("p50_us", "cpu_us_per_msg")),
    ("1 KB, 1 in flight", dict(size=1024, depth=1), ("p50_us",)),
    ("3.5 KB, 1 in flight", dict(size=3500, depth=1), ("p50_us",)),
    ("80 B, 64 in flight", dict(size=80, depth=64), ("rtps", "cpu_us_per_msg")),
    ("80 B, 64 in flight, 18 apps", dict(size=80, depth=64, apps=18), ("rtps", "cpu_us_per_msg")),
    ("80 B, 64 in flight, 1000 apps", dict(size=80, depth=64, apps=1000), ("rtps", "cpu_us_per_msg")),
    ("3.5 KB, 64 in flight", dict(size=3500, depth=64), ("rtps", "cpu_us_per_msg")),
    ("uplink 80 B, 64 in flight", dict(size=80, depth=64, up=True), ("rtps", "cpu_us_per_msg")),
]
PORT = 18831  # of mosquitto; the others let the kernel choose


def arguments(case):
    out = []
    for key, value in case.items():
        out += [f"--{key}"] if value is True else [f"--{key}", str(value)]
    return out


def commands(build, scratch, case):
    """How each router is started for a case; mosquitto has no uplink of this kind."""
    agent = [f"{build}/bin/miio_agent", "--listen", "127.0.0.1:0", "--unix", "none", "--upstream", "127.0.0.1:{up}", "-l", "0"]
    relay = [f"{build}/tests/relay", "{up}", str(case["size"]), str(case.get("apps", 1))]
    out = {"relay": ["--wire", "raw", "--", *relay], "miio_agent": ["--wire", "json", "--", *agent]}
    mosquitto = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
    if mosquitto and "up" not in case:
        out["mosquitto"] = ["--wire", "mqtt", "--port", str(PORT), "--", mosquitto, "-c", f"{scratch}/mosquitto.conf"]
    return out


def run(build, case, seconds, command):
    done = subprocess.run([f"{build}/tests/router_bench", *arguments(case), "--seconds", str(seconds), *command],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    if not done.stdout:
        raise SystemExit(f"router_bench failed: {done.stderr}")
    result = json.loads(done.stdout.splitlines()[-1])
    if result["lost"] or result["stray"] or result["broken"]:
        print(f"! lost {result['lost']}, stray {result['stray']}, broken {result['broken']}: {' '.join(command)}")
    return result


ROWS = []


def row(name, figure, by_router):
    middle = {router: statistics.median(r[figure] for r in results) for router, results in by_router.items()}
    cells = [f"{middle['relay']:>10.4g}"]
    for router in ("miio_agent", "mosquitto"):
        cells.append(f"{middle[router]:>10.4g} {middle[router] / middle['relay']:>6.2f}" if router in middle else " " * 17)
    ROWS.append({"name": name, "figure": figure, **middle})
    print(f"{name:<32}{figure:<16}{'  '.join(cells)}", flush=True)


def memory(build, command):
    """Kilobytes with one application, and for each of a thousand more that are idle."""
    one, many = (run(build, dict(size=80, depth=1, apps=n), 0.2, command) for n in (1, 1001))
    each = (many["rss_kb"] - one["rss_kb"]) / 1000
    ROWS.append({"name": "memory", "figure": "kb", "peak": one["peak_kb"], "each": each})
    print(f"\nmiio_agent: peak {one['peak_kb']} KB with 1 application, "
          f"{each:.2f} KB for each further one")


def main():
    cli = argparse.ArgumentParser()
    cli.add_argument("build")
    cli.add_argument("--rounds", type=int, default=3)
    cli.add_argument("--seconds", type=float, default=1.0)
    cli.add_argument("--json")
    args = cli.parse_args()
    build, rounds, seconds = os.path.abspath(args.build), args.rounds, args.seconds
    with tempfile.TemporaryDirectory() as scratch:
        with open(f"{scratch}/mosquitto.conf", "w") as f:
            f.write(f"listener {PORT} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 0\nlog_type none\n")
        print(f"{'':<32}{'':<16}{'relay':>10}  {'miio_agent':>10}  ratio  {'mosquitto':>9}  ratio")
        for name, case, figures in CASES:
            by_router = {}
            for _ in range(rounds):
                for router, command in commands(build, scratch, case).items():
                    by_router.setdefault(router, []).append(run(build, case, seconds, command))
            for figure in figures:
                row(name, figure, by_router)
        memory(build, commands(build, scratch, CASES[0][1])["miio_agent"])
    if args.json:
        with open(args.json, "w") as f:
            json.dump(ROWS, f, indent=1)


if __name__ == "__main__":
    main()
