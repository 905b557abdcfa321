#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where the time of one LAN request and one report goes: miio_client beside its floor, by groups of functions and by kernel calls.

Samples of a processor's clock (perf record, as root) while a load runs, in shares of the processor time that the process had. The
kernel's part is shown by the call that it was in; the calls themselves are counted by strace in a run of their own.

usage: client_profile.py BUILD_DIR [CASE ...]    CASE: lan app mqtt ot drain; else all
"""
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from client_bench import CORES, Cloud, Lan, drained_once  # noqa: E402
from client_rig import MOSQUITTO, Rig  # noqa: E402

N = 10000  # and three times that under perf: a device remembers 16,384 packets of the LAN
LIBRARIES = ("libcrypto", "libmosquitto", "libuv", "libc")


def shares(data):
    """{group: share of all samples}, {kernel call: share}."""
    groups, calls = {}, {}
    report = ["perf", "report", "-i", data, "--stdio", "--no-call-graph"]
    said = subprocess.run(report + ["--no-children", "--sort", "dso"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    for share, dso in re.findall(r"^\s+([\d.]+)%\s+(\S+)", said, re.M):
        group = "kernel" if dso.startswith("[") else next((l for l in LIBRARIES if dso.startswith(l + ".") or dso.startswith(l + "-")), "own")
        groups[group] = groups.get(group, 0) + float(share)
    said = subprocess.run(report + ["--children", "--sort", "sym"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    for share, call in re.findall(r"^\s+([\d.]+)%\s+[\d.]+%\s+\[k\] (?:__x64_sys_|___?sys_|ksys_)(\w+)", said, re.M):
        calls[call] = max(calls.get(call, 0), float(share))
    return groups, calls


class Watch:
    """perf or strace on a process, while the with block runs."""

    def __init__(self, rig, pid, tool):
        self.file, self.tool = f"{rig.scratch}/{tool}.out", tool
        self.command = {"perf": ["perf", "record", "-q", "-g", "-e", "cpu-clock", "-F", "4999", "-o", self.file, "-p", str(pid)],
                        "strace": ["strace", "-f", "-c", "-o", self.file, "-p", str(pid)]}[tool]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)
        return self

    def __exit__(self, *_):
        self.process.send_signal(2)
        self.process.wait(60)

    def calls(self, n):
        with open(self.file) as f:
            rows = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", f.read(), re.M)
        return {name: int(count) / n for count, name in rows if int(count) > n / 50 and name != "total"}


def show(name, us, groups, by_call, calls):
    def parts(of):
        return ", ".join(f"{g} {s:.0f}%" for g, s in sorted(of.items(), key=lambda i: -i[1]) if s >= 1)
    print(f"{name}: {us:.2f} us each, of them {parts(groups)}")
    print(f"    of all, inside kernel calls: {parts(by_call)}")
    print(f"    kernel calls each, {sum(calls.values()):.2f}: " + ", ".join(f"{c} {n:.2f}" for c, n in sorted(calls.items(), key=lambda i: -i[1])),
          flush=True)


def profile(rig, name, pid, load):
    """load(n) runs n operations and says the processor time of each."""
    with Watch(rig, pid, "perf") as watch:
        us = statistics.median(load(N) for _ in range(3))
    groups, by_call = shares(watch.file)
    with Watch(rig, pid, "strace") as watch:
        load(N // 2)
    show(name, us, groups, by_call, watch.calls(N // 2))


def phones(rig, port, pid, method):
    def load(n):
        time.sleep(1.1)  # see phones() of client_bench.py
        return rig.load("phones", "-P", port, "-s", 64, "-i", 64, "-w", 64, "-n", n, "-m", method, "--pid", f"own={pid}")["cpu_own_us"]
    return load


def lan(rig, method, name):
    lan = Lan(rig)
    port, pid = lan.floors[method]
    profile(rig, f"{name}, client", lan.client.pid, phones(rig, lan.client.port("lan"), lan.client.pid, method))
    profile(rig, f"{name}, floor", pid, phones(rig, port, pid, method))


def reports(rig, kind):
    cloud = Cloud(rig, kind)
    profile(rig, f"event, cloud={kind}, client", cloud.client.pid, lambda n: cloud.own(n, 64)["cpu_own_us"])
    agent = next(p for p in rig.parts if p.name == "agent")
    profile(rig, f"event, cloud={kind}, agent on the same core", agent.pid,
            lambda n: rig.load("app", "report", rig.agent_address, n, 64, "event", f"own={agent.pid}", beside=True)["cpu_own_us"])
    figures = cloud.own(N, 64)
    print(f"    application on the same core: {figures['cpu_app_us']:.2f} us each; one report a {1e6 / figures['rps']:.2f} us")
    gate = cloud.gate()
    with Watch(rig, gate[0].pid, "perf") as perf:
        figures = cloud.hops(3 * N, 64, gate)
    gate = cloud.gate()
    with Watch(rig, gate[0].pid, "strace") as strace:
        cloud.hops(N // 2, 64, gate)
    show(f"event, cloud={kind}, floor with the same hops", figures["cpu_self_us"], *shares(perf.file), strace.calls(N // 2))
    print(f"    its application: {figures['cpu_app_us']:.2f} us each; one report a {1e6 / figures['rps']:.2f} us", flush=True)


def drain(rig):
    figures = drained_once(rig, 10000)
    for how, what in (("drained", "kept reports go out"), ("direct", "the same at once"), ("bare", "libmosquitto alone")):
        f = figures[how]
        own = f", of them the client's processor time {f['cpu_own_us']:.2f}" if how != "bare" else ""
        print(f"{what}, to a subscriber: one a {f['us_each']:.2f} us{own}")


CASES = {
    "lan": lambda rig: lan(rig, "miIO.wifi_assoc_state", "LAN, the client's own answer"),
    "app": lambda rig: lan(rig, "bench", "LAN, an application's answer"),
    "mqtt": lambda rig: reports(rig, "mqtt"),
    "ot": lambda rig: reports(rig, "ot"),
    "drain": drain,
}


def main():
    build = os.path.abspath(sys.argv[1])
    if os.geteuid() or not shutil.which("perf") or not shutil.which("strace"):
        raise SystemExit("needs root, perf and strace")
    with Rig(f"{build}/bin", f"{build}/tests", *CORES) as rig:
        for case in sys.argv[2:] or CASES:
            if case in ("mqtt", "drain") and not MOSQUITTO:
                continue
            CASES[case](rig)
            rig.end_all()


if __name__ == "__main__":
    main()
