#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Exact costs of miio_client's release build for one LAN request and one report: instructions, allocations, kernel calls.

Each count is the difference of two runs, of N and of 2 N operations, which leaves out start and end. Counts hardly depend on the
machine's load, so they are asserted, with a margin: two threads and an event loop take a little more or less each time.

usage: client_cost.py TOOLS_DIR BIN_DIR [--json FILE | CASE ...]   $MIIO_RELEASE_BIN goes before BIN_DIR; exit 77: no release build, no valgrind
"""
import json
import os
import re
import shutil
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from client_rig import DID, KEY, MOSQUITTO, Rig, free_port  # noqa: E402

N = 1500
# What an application is asked comes in portions: the smaller they are, beside other work, the more blocks and calls each takes.
# name, kind, what is asked, most instructions, allocations and kernel calls for each
CASES = (
    ("LAN, the client's own answer", "lan", "miIO.wifi_assoc_state", 32700, 1.3, 1.9),
    ("LAN, miIO.info", "lan", "miIO.info", 50500, 1.3, 1.9),
    ("LAN, an application's answer", "lan", "bench", 22600, 3.4, 3.2),
    ("report, cloud=mqtt", "mqtt", "event", 12600, 9.2, 6.8),
    ("report, cloud=ot", "ot", "event", 26000, 3.6, 2.0),
    ("report, kept while the cloud is away", "away", "event", 11000, 5.0, 3.0),
    ("kept report, found at the start and sent", "drain", "event", 23000, 12, 9),
)

# Of several clouds; measured when they are named. The broker stands in for OneNET's platform.
FURTHER = (
    ("several: ot", "ot", "event", 29000, 3.6),
    ("several: ot,mqtt", "ot,mqtt", "event", 43000, 14),
    ("several: ot,mqtt with the broker away", "ot,mqtt away", "event", 40000, 10),
    ("several: ot,mqtt,onenet", "ot,mqtt,onenet", "event", 78000, 44),
)


def several(rig, clouds, away=None):
    """Lines of device.conf for a list that begins with ot; away: nobody listens where the broker would be."""
    port = free_port() if away else rig.broker().tcp
    return [*[l for l in conf(rig, "ot") if not l.startswith("cloud=")], f"cloud={clouds}", f"mqtt_server=127.0.0.1:{port}",
            f"onenet_server=127.0.0.1:{port}", "onenet_device_id=1001", "onenet_product_id=433223", "onenet_auth_info=x"]


def conf(rig, kind):
    if kind == "lan":
        return ["cloud=none"]
    if kind == "mqtt":
        return ["cloud=mqtt", f"mqtt_server=127.0.0.1:{rig.broker().tcp}"]
    if "," in kind:
        return several(rig, *kind.split())
    if kind == "away":
        return ["cloud=mqtt", f"mqtt_server=127.0.0.1:{free_port()}"]
    port = free_port()
    rig.floor("cloud", "udp", port, KEY, 0)
    return ["cloud=ot", "ot_host=127.0.0.1", f"ot_port={port}"]


def drain(rig, what, wrap, n):
    """n reports are kept by a client that is not counted; the next one finds them, and its cloud."""
    away = free_port()
    folder = rig.data("data", "cloud=mqtt", f"mqtt_server=127.0.0.1:{away}")
    rig.agent(rig.client(folder))
    rig.load("app", "report", rig.agent_address, n, 64, what)
    rig.end_all()
    port = rig.broker().tcp
    rig.data("fresh", "cloud=mqtt", f"mqtt_server=127.0.0.1:{port}")
    os.rename(f"{folder}/reports.mdb", f"{rig.scratch}/fresh/reports.mdb")
    sink = rig.start("sink", [rig.tool("mqtt_floor"), "wait", str(port), DID, str(n)], ready="subscribed", on_err=True)
    rig.client(f"{rig.scratch}/fresh", wrap=wrap)
    rig.parts.remove(sink)
    if sink.process.wait(240) != 0:
        raise SystemExit(f"of {n} kept reports not all came")


def wait_drained(client):
    """The clouds beside the first are behind it. Asking costs something too: seldom."""
    host, port = client.address("local").rsplit(":", 1)
    with socket.create_connection((host, int(port))) as s, s.makefile("rb") as answers:
        for _ in range(120):
            time.sleep(1)
            s.sendall(b'{"id":1,"method":"client.status"}')
            text = b""
            while b'"id":1,' not in text:
                text += answers.read1()
            if not re.search(rb'"(in_flight|kept)":[1-9]', text):
                return
    raise SystemExit("the other clouds have not got all")


def run(rig, kind, what, wrap, n):
    """One run with n operations behind a warm-up; the client has ended when this returns."""
    try:
        if kind == "drain":
            drain(rig, what, wrap, n)
            return
        lines = conf(rig, kind)
        client = rig.client(rig.data("data", *lines), wrap=wrap, cloud=None if kind in ("lan", "away") else "ot" if "away" in kind else kind)
        rig.agent(client)
        rig.app()
        if kind == "lan":
            # a full memory of requests is the steady state: 1,024 of them
            rig.load("phones", "-P", client.port("lan"), "-s", 8, "-i", 8, "-w", 1500, "-n", n, "-m", what)
        else:
            rig.load("app", "report", rig.agent_address, 500 + n, 64, what)
        if "," in kind and "away" not in kind:
            wait_drained(client)
    finally:
        rig.end_all()


def read(rig, name, pattern):
    with open(f"{rig.scratch}/{name}") as f:
        return f.read() if pattern is None else int(re.findall(pattern, f.read())[-1].replace(",", ""))


def instructions(rig, kind, what, n):
    run(rig, kind, what, ["valgrind", "--tool=callgrind", f"--log-file={rig.scratch}/log", f"--callgrind-out-file={rig.scratch}/cg"], n)
    return read(rig, "log", r"Collected : (\d+)")


def allocations(rig, kind, what, n):
    run(rig, kind, what, ["valgrind", "--tool=memcheck", "--undef-value-errors=no", f"--log-file={rig.scratch}/log"], n)
    return read(rig, "log", r"total heap usage: ([\d,]+) allocs")


def calls(rig, kind, what, n):
    run(rig, kind, what, ["strace", "-f", "-c", "-o", f"{rig.scratch}/strace"], n)
    return sum(int(m) for m in re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)", read(rig, "strace", None), re.M)[:-1])


def each(rig, kind, what, count):
    return (count(rig, kind, what, 2 * N) - count(rig, kind, what, N)) / N


def main():
    tools, product = sys.argv[1], os.environ.get("MIIO_RELEASE_BIN", sys.argv[2])
    if not os.access(f"{product}/miio_client", os.X_OK) or not shutil.which("valgrind"):
        print(f"skipped: needs {product}/miio_client and valgrind")
        return 77
    names, into, rows, bad = sys.argv[3:], None, [], 0
    if names[:1] == ["--json"]:
        names, into = [], names[1]
    with Rig(product, tools) as rig:
        for name, kind, what, *limits in CASES + (FURTHER if names else ()):
            if names and not any(w in name for w in names) or (kind in ("mqtt", "drain") and not MOSQUITTO):
                continue
            said = []
            rows.append({"name": name})
            for limit, unit, count in zip(limits, ("instructions", "allocations", "kernel calls"), (instructions, allocations, calls)):
                if limit is None or (count is calls and not shutil.which("strace")):
                    continue
                cost = each(rig, kind, what, count)
                bad += cost > limit
                rows[-1][unit] = cost
                said.append(f"{cost:.{0 if limit > 1000 else 2}f} {unit} (at most {limit:g}){': TOO MUCH' if cost > limit else ''}")
            print(f"{name}: {', '.join(said)}", flush=True)
    if into:
        with open(into, "w") as f:
            json.dump(rows, f, indent=1)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
