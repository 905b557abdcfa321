#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the tables of docs/performance.md, and its charts, anew from one run of the benches.

RUN_DIR has client.json (client_bench.py), router.json (bench.py) and exact.json (client_cost.py); what is missing leaves its table as
it is. A table stands between "<!-- table NAME -->" and "<!-- end -->".

usage: tables.py RUN_DIR DOCS_DIR
"""
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import charts  # noqa: E402

UNITS = {"rate": "a second", "cpu": "processor, us each", "p50": "p50, us", "p99": "p99, us"}
# row of client_bench.py, as it is said here, figures
CLIENT = (
    ("LAN miIO.info, 64 phones", "LAN `miIO.info`, 64 phones", ("rate", "cpu")),
    ("LAN wifi_assoc_state, 64 phones", "LAN `miIO.wifi_assoc_state`, 64 phones", ("rate", "cpu")),
    ("LAN, an application answers, 64 phones", "LAN, agent, application, 64 phones", ("rate", "p99", "cpu")),
    ("LAN, an application answers, 1 phone", "LAN, agent, application, 1 phone", ("p50",)),
    ("event, cloud=mqtt, 64 in flight", "event, cloud=mqtt, QoS 1, 64 in flight; libmosquitto alone", ("rate", "cpu")),
    ("event, cloud=mqtt, 64 in flight, floor with the same hops", "the same; floor behind an application and a relay", ("rate", "cpu")),
    ("event, cloud=ot, 64 in flight", "event, cloud=ot, 64 in flight; a bare device", ("rate", "cpu")),
    ("event, cloud=ot, 64 in flight, floor with the same hops", "the same; floor behind an application and a relay", ("rate", "cpu")),
    ('event kept, ["queued"], 1 in flight', 'event kept, `["queued"]`, 1 in flight', ("rate",)),
    ('event kept, ["queued"], 64 in flight', "64 in flight", ("rate",)),
    ('event kept, ["queued"], 512 in flight', "512 in flight", ("rate",)),
    ("10000 kept ones go out; floor: sent at once", "10,000 kept ones go out, cloud=mqtt; sent at once, to the same subscriber", ("rate", "cpu")),
    ("10000 kept ones go out; floor: libmosquitto alone", "the same; libmosquitto alone, to the same subscriber", ("rate",)),
)
ROUTER = (
    ("80 B, 1 in flight", "80 B, 1 in flight", "p50_us"),
    ("3.5 KB, 1 in flight", "3.5 KB, 1 in flight", "p50_us"),
    ("80 B, 64 in flight", "80 B, 64 in flight", "rtps"),
    ("80 B, 64 in flight", "", "cpu_us_per_msg"),
    ("80 B, 64 in flight, 18 apps", "80 B, 64 in flight, 18 applications", "rtps"),
    ("80 B, 64 in flight, 1000 apps", "80 B, 64 in flight, 1000 applications", "rtps"),
    ("3.5 KB, 64 in flight", "3.5 KB, 64 in flight", "rtps"),
    ("3.5 KB, 64 in flight", "", "cpu_us_per_msg"),
    ("uplink 80 B, 64 in flight", "uplink 80 B, 64 in flight", "rtps"),
)
ROUTER_UNITS = {"p50_us": "p50, us", "rtps": "a second", "cpu_us_per_msg": "processor, us a message"}
EXACT = ("instructions", "allocations", "kernel calls")


def number(v):
    if v >= 1000:
        return f"{round(v, -2 if v < 1e6 else -4):,.0f}"
    return f"{v:.0f}" if v >= 100 else f"{v:.1f}" if v >= 1 else f"{v:.2f}"


def client(rows):
    by = {(r["name"], r["figure"]): r for r in rows}
    out = ["| | figure | client | floor | ratio |", "|---|---|---|---|---|"]
    for name, said, figures in CLIENT:
        for figure in figures:
            row = by.get((name, figure))
            if row:
                out.append(f"| {said} | {UNITS[figure]} | {number(row['client'])} | {number(row['floor'])} | {row['client'] / row['floor']:.2f} |")
                said = ""
    return out


def router(rows):
    by = {(r["name"], r["figure"]): r for r in rows}
    out = ["| | figure | relay | miio_agent | mosquitto, QoS 0 |", "|---|---|---|---|---|"]
    for name, said, figure in ROUTER:
        row = by.get((name, figure))
        if row:
            cells = [f"{number(row[r])} = {row[r] / row['relay']:.2f}" if r in row else "" for r in ("miio_agent", "mosquitto")]
            out.append(f"| {said} | {ROUTER_UNITS[figure]} | {number(row['relay'])} | {cells[0]} | {cells[1]} |")
    memory = by[("memory", "kb")]
    out += ["", f"{memory['peak'] / 1024:.1f} MB at its peak with one application, {memory['each']:.1f} KB for each further one."]
    return out


def exact(rows):
    out = [f"| | {' | '.join(EXACT)} |", "|---|---|---|---|"]
    for row in rows:
        cells = [number(row[e]) if e in row else "" for e in EXACT]
        out.append(f"| {row['name']} | {' | '.join(cells)} |")
    return out


def put(text, name, lines):
    begin, end = f"<!-- table {name} -->\n", "<!-- end -->"
    pattern = re.escape(begin) + r".*?" + re.escape(end)
    if not re.search(pattern, text, re.S):
        raise SystemExit(f"no table {name} in the text")
    return re.sub(pattern, lambda _: begin + "\n" + "\n".join(lines) + "\n\n" + end, text, count=1, flags=re.S)


def main():
    run, docs = sys.argv[1:3]
    path = f"{docs}/performance.md"
    with open(path) as f:
        text = f.read()
    for name, file, make in (("client", "client", lambda d: client(d["rows"])), ("router", "router", router), ("exact", "exact", exact)):
        if os.path.exists(f"{run}/{file}.json"):
            with open(f"{run}/{file}.json") as f:
                text = put(text, name, make(json.load(f)))
    with open(path, "w") as f:
        f.write(text)
    if os.path.exists(f"{run}/client.json"):
        charts.draw_all(f"{run}/client.json", f"{docs}/performance")


if __name__ == "__main__":
    main()
