#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws the sweeps of client_bench.py --sweep --json FILE: one SVG for rate and latency against each of phones, size, window.

usage: charts.py FILE OUT_DIR
"""
import json
import os
import sys

WIDTH, HEIGHT, LEFT, TOP, GAP = 340, 200, 64, 34, 90
COLOURS = {"client": "#1f6fb2", "floor": "#8a8a8a"}


def nice(top):
    """The least of 1, 2, 5 times a power of ten that is not below."""
    step = 1.0
    while step * 10 < top:
        step *= 10
    while step > top:
        step /= 10
    return next(step * m for m in (1, 2, 5, 10) if step * m >= top)


def short(v):
    return f"{v / 1e6:g}M" if v >= 1e6 else f"{v / 1e3:g}k" if v >= 1e3 else f"{v:g}"


def panel(at_x, title, xs, series, x_title):
    """One plot: the points stand side by side, as their values grow by steps and not evenly."""
    top = nice(max(v for values in series.values() for v in values))
    across = [at_x + LEFT + i * WIDTH / max(1, len(xs) - 1) for i in range(len(xs))]
    out = [f'<text x="{at_x + LEFT}" y="20" font-weight="bold">{title}</text>']
    for part in range(5):
        y = TOP + HEIGHT - part * HEIGHT / 4
        out.append(f'<line x1="{at_x + LEFT}" y1="{y:g}" x2="{at_x + LEFT + WIDTH}" y2="{y:g}" stroke="#dddddd"/>')
        out.append(f'<text x="{at_x + LEFT - 6}" y="{y + 4:g}" text-anchor="end">{short(top * part / 4)}</text>')
    for x, px in zip(xs, across):
        out.append(f'<text x="{px:g}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{x}</text>')
    out.append(f'<text x="{at_x + LEFT + WIDTH / 2:g}" y="{TOP + HEIGHT + 34}" text-anchor="middle">{x_title}</text>')
    for name, values in series.items():
        points = [(px, TOP + HEIGHT - v / top * HEIGHT) for px, v in zip(across, values)]
        colour = COLOURS["floor" if "floor" in name else "client"]
        dash = ' stroke-dasharray="5 3"' if "ot" in name.split() else ""
        out.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2"{dash} points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
    return out


def legend(names):
    out = []
    for i, name in enumerate(names):
        x, colour = LEFT + i * 150, COLOURS["floor" if "floor" in name else "client"]
        dash = ' stroke-dasharray="5 3"' if "ot" in name.split() else ""
        out.append(f'<line x1="{x}" y1="{TOP + HEIGHT + 52}" x2="{x + 24}" y2="{TOP + HEIGHT + 52}" stroke="{colour}" stroke-width="2"{dash}/>')
        out.append(f'<text x="{x + 30}" y="{TOP + HEIGHT + 56}">{name}</text>')
    return out


def draw(path, xs, x_title, panels):
    """panels: (title, {series: values}), the same series in each."""
    total = len(panels) * (WIDTH + GAP) + LEFT
    body = [line for i, (title, series) in enumerate(panels) for line in panel(i * (WIDTH + GAP), title, xs, series, x_title)]
    body += legend(panels[0][1])
    with open(path, "w") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {TOP + HEIGHT + 66}" font-family="sans-serif" font-size="12">\n'
                f'<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(body) + "\n</svg>\n")


def of(points, figure):
    return {name: [p[name][figure] for p in points] for name in ("client", "floor")}


def draw_all(run, out_dir):
    with open(run) as f:
        sweeps = json.load(f)["sweeps"]
    if not sweeps:
        return
    for name, x_title in (("phones", "phones, one request each"), ("size", "bytes of a request, 64 phones")):
        points = sweeps[name]
        draw(f"{out_dir}/{name}.svg", [p["x"] for p in points], x_title,
             [("requests a second", of(points, "rps")), ("p50, microseconds", of(points, "p50_us")), ("p99, microseconds", of(points, "p99_us"))])
    windows = {kind: points for kind, points in sweeps["window"].items() if points}
    rate = {f"{kind} {who}": [p[who]["rps"] for p in points] for kind, points in windows.items() for who in ("client", "floor")}
    # in a closed loop the time of one is what is under way, divided by the rate
    wait = {f"{kind} {who}": [p["x"] / p[who]["rps"] * 1e6 for p in points] for kind, points in windows.items() for who in ("client", "floor")}
    draw(f"{out_dir}/window.svg", [p["x"] for p in next(iter(windows.values()))], "reports in flight",
         [("reports a second", rate), ("mean time to the acknowledgement, microseconds", wait)])


def main():
    draw_all(sys.argv[1], sys.argv[2])
    print("\n".join(sorted(os.listdir(sys.argv[2]))))


if __name__ == "__main__":
    main()
