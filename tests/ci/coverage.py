#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Line coverage from what gcov wrote into a build folder: coverage.py BUILD [--cores] [--whole] [--lines FILE].

--cores: a line for each core folder and for the setup machine; ends with 1 when one is below CORE per cent.
--whole: all of the product's code; ends with 1 when it is below WHOLE per cent. --lines: lines of that file never run."""
import argparse
import collections
import json
import pathlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[2]
PRODUCT = ("agent/", "client/", "libagent/")
CORE, WHOLE = 95.0, 88.0


def counted(data):
    """[(file, line, count)] of one object's notes and counts."""
    done = subprocess.run(["gcov", "--json-format", "--stdout", data.name], cwd=data.parent, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    found = []
    for text in filter(None, done.stdout.splitlines()):
        said = json.loads(text)
        for file in said["files"]:
            path = pathlib.Path(said["current_working_directory"], file["file"]).resolve()
            if path.is_relative_to(ROOT):
                name = str(path.relative_to(ROOT))
                if name.startswith(PRODUCT) and "/carried/" not in name:
                    found += [(name, line["line_number"], line["count"]) for line in file["lines"]]
    return found


def gather(build):
    """{file: {line: count}} over all objects; what was compiled and never run counts as lines too."""
    files = collections.defaultdict(collections.Counter)
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(counted, sorted(pathlib.Path(build).resolve().rglob("*.gcno"))):
            for name, line, count in found:
                files[name][line] += count
    return files


def per_cent(files):
    lines = sum(len(counts) for counts in files.values())
    run = sum(1 for counts in files.values() for n in counts.values() if n)
    return lines, 100.0 * run / lines if lines else 0.0


def folder(name):
    """client/lan/core/packet.c stands under client/lan/core; core/pack under its core."""
    parts = name.split("/")
    return "/".join(parts[:parts.index("core") + 1]) if "core" in parts else None


def show_cores(files):
    groups = collections.defaultdict(dict)
    for name, counts in files.items():
        if folder(name) and not name.endswith(".h"):
            groups[folder(name)][name] = counts
        if pathlib.Path(name).name.startswith("setup_") and folder(name):
            groups["client/setup/core: the setup machine"][name] = counts
    low = 0
    for group, members in sorted(groups.items()):
        lines, share = per_cent(members)
        low += share < CORE
        print("%6.1f%% of %5d lines  %s" % (share, lines, group))
        for name in sorted(members) if share < CORE else []:
            print("        %6.1f%%  %s" % (per_cent({name: members[name]})[1], name))
    return low == 0 and len(groups) > 8


def show_whole(files):
    lines, share = per_cent({name: counts for name, counts in files.items() if not name.endswith(".h")})
    print("%6.1f%% of %5d lines  the whole" % (share, lines))
    return share >= WHOLE


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build")
    parser.add_argument("--cores", action="store_true")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--lines")
    args = parser.parse_args()
    files = gather(args.build)
    if args.lines:
        text = (ROOT / args.lines).read_text().splitlines()
        for line in sorted(n for n, count in files[args.lines].items() if not count):
            print("%5d  %s" % (line, text[line - 1]))
    good = (not args.cores or show_cores(files)) and (not args.whole or show_whole(files))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
