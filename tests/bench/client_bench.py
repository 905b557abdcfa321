#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The client's performance table: miio_client beside floors that do the same work with nothing round it, measured in turn.

Floors: a program that decrypts, checks and answers LAN packets at once; the same with a relay and an application behind it;
libmosquitto alone with the same window; a bare OT device; both once more with a relay and an application in front, as the client has
them; a file that is appended to and synced in the same groups; for what was kept, the same reports sent at once to the same subscriber.
Medians of all rounds. Absolute times say little on another machine; nothing is asserted here.

usage: client_bench.py BUILD_DIR [--rounds N] [--quick] [--sweep] [--json FILE]    --sweep: also against phones, size, window
"""
import argparse
import json
import os
import signal
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from client_rig import DID, KEY, MOSQUITTO, TOKEN, Rig, free_port  # noqa: E402

CORES = (0, 1) if os.cpu_count() > 1 else (None, None)  # what is measured; what asks


def median(results):
    return {key: statistics.median(r[key] for r in results) for key in results[0]}


class Table:
    def __init__(self):
        self.rows = []
        print(f"{'':<46}{'':<8}{'client':>10}{'floor':>11}{'ratio':>8}")

    def row(self, name, figure, own, floor, unit=""):
        self.rows.append({"name": name, "figure": figure, "client": own, "floor": floor})
        beside = f"{floor:>11.4g}{own / floor:>8.2f}" if floor else ""
        print(f"{name:<46}{figure:<8}{own:>10.4g}{beside}  {unit}", flush=True)


def phones(rig, port, method, n_phones, n, pid, size=0):
    """Each run begins in a second of its own: the device remembers 16,384 packets, and a full memory narrows the window of stamps."""
    time.sleep(1.1)
    return rig.load("phones", "-P", port, "-s", n_phones, "-i", n_phones, "-n", n, "-w", 300, "-m", method, "-b", size, "--pid", f"own={pid}")


class Lan:
    """miio_client, miio_agent, an application; and each one's floor."""

    def __init__(self, rig):
        self.rig = rig
        self.client = rig.client(rig.data("lan", "cloud=none"))
        rig.agent(self.client)
        rig.app()
        self.floors = {"miIO.info": self.udp("info", 261), "miIO.wifi_assoc_state": self.udp("assoc", 152), "bench": self.relayed()}

    def udp(self, name, size):
        port = free_port()
        return port, self.rig.floor(f"floor_{name}", "udp", port, TOKEN, size).pid

    def relayed(self):
        lan, a, b = free_port(), free_port(), free_port()
        self.rig.start("relay", [self.rig.tool("floor"), "relay", str(a), str(b)], core=self.rig.server_core)
        time.sleep(0.2)
        self.rig.start("floor_app", [self.rig.tool("floor"), "app", str(b)], core=self.rig.server_core)
        time.sleep(0.2)
        return lan, self.rig.floor("floor_lan", "lan", lan, TOKEN, a).pid

    def both(self, method, n_phones, n, size=0):
        port, pid = self.floors[method]
        return (phones(self.rig, self.client.port("lan"), method, n_phones, n, self.client.pid, size),
                phones(self.rig, port, method, n_phones, n, pid, size))


def lan(rig, table, rounds, n):
    lan = Lan(rig)
    for method, name in (("miIO.info", "LAN miIO.info"), ("miIO.wifi_assoc_state", "LAN wifi_assoc_state"),
                         ("bench", "LAN, an application answers")):
        for n_phones in (1, 64):
            both = [lan.both(method, n_phones, n if n_phones > 1 else n // 2) for _ in range(rounds)]
            own, floor = median([b[0] for b in both]), median([b[1] for b in both])
            case = f"{name}, {n_phones} phone{'s' if n_phones > 1 else ''}"
            table.row(case, "rate", own["rps"], floor["rps"], "/s")
            table.row(case, "p50", own["p50_us"], floor["p50_us"], "us")
            table.row(case, "p99", own["p99_us"], floor["p99_us"], "us")
            table.row(case, "cpu", own["cpu_own_us"], floor["cpu_own_us"], "us each")
    return lan


class Cloud:
    """A cloud's stand-in, miio_client with a session, and the floor against the same stand-in."""

    def __init__(self, rig, kind):
        self.rig, self.kind = rig, kind
        if kind == "mqtt":
            self.port = rig.broker().tcp
            lines = [f"mqtt_server=127.0.0.1:{self.port}"]
        else:
            self.port = free_port()
            rig.start("cloud", [rig.tool("floor"), "udp", str(self.port), KEY, "0"], core=rig.load_core, ready="ready")
            lines = ["ot_host=127.0.0.1", f"ot_port={self.port}"]
        self.client = rig.client(rig.data(kind, f"cloud={kind}", *lines), cloud=kind)
        rig.agent(self.client)
        self.own(1000, 64)

    def own(self, n, window):
        return self.rig.load("app", "report", self.rig.agent_address, n, window, "event", f"own={self.client.pid}", beside=True)

    def floor(self, n, window):
        if self.kind == "mqtt":
            return self.rig.load("mqtt_floor", "pub", self.port, n, window, beside=True)
        return self.rig.load("floor", "ot", self.port, KEY, n, window, beside=True)

    def gate(self):
        """What begins the floor with as many hops as the client has, for one load: an application and a relay on its core."""
        a, b = free_port(), free_port()
        where = dict(core=self.rig.server_core)
        relay = self.rig.start("relay", [self.rig.tool("floor"), "relay", str(a), str(b)], **where)
        tool, secret = ("mqtt_floor", []) if self.kind == "mqtt" else ("floor", [KEY])
        gate = self.rig.start("gate", [self.rig.tool(tool), "gate", str(self.port), *secret, str(a)], ready="ready", **where)
        return gate, relay, b

    def hops(self, n, window, gate=None):
        gate, relay, port = gate or self.gate()
        figures = self.rig.load("floor", "report", port, n, window, f"self={gate.pid}", beside=True)
        self.rig.end(gate, relay)
        return figures


def reports(rig, table, rounds, n, kind):
    cloud = Cloud(rig, kind)
    all_of = [[run(n, 64) for run in (cloud.own, cloud.floor, cloud.hops)] for _ in range(rounds)]
    own, floor, hops = (median([r[i] for r in all_of]) for i in range(3))
    name = f"event, cloud={kind}, 64 in flight"
    table.row(name, "rate", own["rps"], floor["rps"], "/s")
    table.row(name, "cpu", own["cpu_own_us"], floor["cpu_self_us"], "us each")
    table.row(f"{name}, floor with the same hops", "rate", own["rps"], hops["rps"], "/s")
    table.row(f"{name}, floor with the same hops", "cpu", own["cpu_own_us"], hops["cpu_self_us"], "us each")
    return cloud


def synced_appends(path, n, group):
    begin = time.monotonic()
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    for _ in range(0, n, group):
        os.write(fd, bytes(112 * group))
        os.fdatasync(fd)
    os.close(fd)
    return n / (time.monotonic() - begin)


def kept(rig, table, n):
    """The broker is away; then it comes."""
    for window in (1, 64, 512):
        some = n if window > 1 else n // 20
        client = rig.client(rig.data("away", "cloud=mqtt", f"mqtt_server=127.0.0.1:{free_port()}"))
        rig.agent(client)
        own = rig.load("app", "report", rig.agent_address, some, window, "event", beside=True)
        assert own["queued"] == some, own
        table.row(f'event kept, ["queued"], {window} in flight', "rate", own["rps"], synced_appends(f"{rig.scratch}/floor", some, window), "/s")
        rig.end_all()


def sink(rig, port, n, own):
    """Waits for n reports as somebody who has subscribed to them; a process, to be read when it has ended. With real-time priority
    it goes before the broker, or it would see the first one when the broker has had them all."""
    first = ["chrt", "-r", "20"] if os.sched_getscheduler(0) in (os.SCHED_RR, os.SCHED_FIFO) else []
    return rig.start("sink", [*first, rig.tool("mqtt_floor"), "wait", str(port), DID, str(n), f"own={own.pid}"], core=rig.load_core,
                     ready="subscribed", on_err=True)


def figures_of(rig, part):
    rig.parts.remove(part)
    if part.process.wait(60) != 0:
        raise SystemExit(f"{part.name} got too little")
    with open(part.out) as f:
        return {k: float(v) for k, v in (w.split("=") for w in f.read().split())}


def drained_once(rig, n):
    """Kept while the broker is away, then it comes; and as many sent at once. Both with the same subscriber."""
    port = free_port()
    client = rig.client(rig.data("drained", "cloud=mqtt", f"mqtt_server=127.0.0.1:{port}"))
    agent = rig.agent(client)
    rig.load("app", "report", rig.agent_address, n, 64, "event", beside=True)
    os.kill(client.pid, signal.SIGSTOP)
    rig.broker(port)
    late = sink(rig, port, n, client)
    os.kill(client.pid, signal.SIGCONT)
    drained = figures_of(rig, late)
    rig.end(agent)
    rig.agent(client)
    time.sleep(0.5)
    now = sink(rig, port, n, client)
    rig.load("app", "report", rig.agent_address, n, 64, "event", beside=True)
    direct = figures_of(rig, now)
    now = sink(rig, port, n, client)
    rig.load("mqtt_floor", "pub", port, n, 64, beside=True)
    bare = figures_of(rig, now)
    rig.end_all()
    return {"drained": drained, "direct": direct, "bare": bare}


def drained(rig, table, rounds, n):
    all_of = [drained_once(rig, n) for _ in range(rounds)]
    us = {how: statistics.median(r[how]["us_each"] for r in all_of) for how in all_of[0]}
    cpu = {how: statistics.median(r[how]["cpu_own_us"] for r in all_of) for how in ("drained", "direct")}
    table.row(f"{n} kept ones go out; floor: sent at once", "rate", 1e6 / us["drained"], 1e6 / us["direct"], "/s")
    table.row(f"{n} kept ones go out; floor: sent at once", "cpu", cpu["drained"], cpu["direct"], "us each")
    table.row(f"{n} kept ones go out; floor: libmosquitto alone", "rate", 1e6 / us["drained"], 1e6 / us["bare"], "/s")


def sweeps(rig, rounds, n):
    out = {"phones": [], "size": [], "window": {"mqtt": [], "ot": []}}
    lan = Lan(rig)
    for x in (1, 2, 4, 8, 16, 32, 64, 128, 256):
        both = [lan.both("bench", x, n if x > 8 else n // 4) for _ in range(rounds)]
        out["phones"].append({"x": x, "client": median([b[0] for b in both]), "floor": median([b[1] for b in both])})
    for x in (0, 160, 400, 800, 1600, 3200):
        both = [lan.both("bench", 64, n // 2, x) for _ in range(rounds)]
        out["size"].append({"x": x + 60, "client": median([b[0] for b in both]), "floor": median([b[1] for b in both])})
    rig.end_all()
    for kind in ("mqtt", "ot") if MOSQUITTO else ("ot",):
        cloud = Cloud(rig, kind)
        for x in (1, 4, 16, 64, 256):
            some = n if x > 1 else n // 5
            own, floor = median([cloud.own(some, x) for _ in range(rounds)]), median([cloud.floor(some, x) for _ in range(rounds)])
            out["window"][kind].append({"x": x, "client": own, "floor": floor})
        rig.end_all()
    return out


def main():
    cli = argparse.ArgumentParser()
    cli.add_argument("build")
    cli.add_argument("--rounds", type=int, default=3)
    cli.add_argument("--quick", action="store_true")
    cli.add_argument("--sweep", action="store_true")
    cli.add_argument("--json")
    args = cli.parse_args()
    build, n = os.path.abspath(args.build), 2000 if args.quick else 10000
    table, swept = Table(), None
    with Rig(f"{build}/bin", f"{build}/tests", *CORES) as rig:
        lan(rig, table, args.rounds, n)
        rig.end_all()
        for kind in ("mqtt", "ot") if MOSQUITTO else ("ot",):
            reports(rig, table, args.rounds, n, kind)
            rig.end_all()
        kept(rig, table, n)
        if MOSQUITTO:
            drained(rig, table, args.rounds, n)
        if args.sweep:
            swept = sweeps(rig, args.rounds, n)
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"rows": table.rows, "sweeps": swept}, f, indent=1)


if __name__ == "__main__":
    main()
