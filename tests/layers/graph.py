#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
The include graph of the tree, folder by folder: `graph.py` prints it, `graph.py FOLDER` the files behind one folder's arrows,
`graph.py --files` the circles of files, `graph.py --calls` the same by the functions that they use, `graph.py --modules` the
files of each module that is more than a .c and its .h (each of one FOLDER alone, too).

A room is a folder of the layout (client/lan, agent/apps/mcu ...) with its core and io; what includes whom is read from the code.
"""
import collections
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(os.environ.get("MIIO_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
ROOMS = {"agent": {"ctl", "apps"}, "client": {"device", "lan", "local", "report", "setup", "status", "cloud", "options"}, "libagent": {"core", "io", "model", "gen"},
         "examples": {"sim"}}


def room(path):
    parts = path.split("/")
    inner = ROOMS.get(parts[0], set())
    if len(parts) > 2 and parts[1] in inner:
        if parts[:2] == ["agent", "apps"]:
            return "/".join(parts[:3])
        return "/".join(parts[:2])
    return parts[0]


def sources(part):
    """The files below a part; "" is all parts. Not what others wrote."""
    for top in [part] if part else ROOMS:
        yield from (path for path in sorted((ROOT / top).rglob("*.[ch]")) if path.parent.name != "carried")


def includes(part):
    """(file, included file) of every include in quotes below a part."""
    for path in sources(part):
        for included in re.findall(r'^\s*#\s*include "([^"]+)"', path.read_text(), re.M):
            yield str(path.relative_to(ROOT)), included


def arrows_between(place):
    """{(place, place): [(file, included file)]} between different places of the tree; place says where a file is."""
    found = collections.defaultdict(list)
    for name, included in includes(""):
        if (ROOT / included).exists() and place(name) != place(included):
            found[place(name), place(included)].append((name, included))
    return found


def arrows():
    """Between rooms."""
    return arrows_between(room)


def circles(edges):
    """Rooms that can be reached from themselves, each with the way back."""
    out = collections.defaultdict(set)
    for a, b in edges:
        out[a].add(b)
    bad = []
    for start in sorted(out):
        ways = [(start, b) for b in sorted(out[start])]
        seen = set()
        while ways:
            way = ways.pop(0)
            if way[-1] == start:
                bad.append(way)
                break
            if way[-1] not in seen:
                seen.add(way[-1])
                ways += [way + (b,) for b in sorted(out[way[-1]])]
    return bad


# Headers that only the files of one module include: those are one module with each other. Beside these all *_priv.h.
PRIVATE = {"client/cloud/io/mqtt_config.h", "client/cloud/io/mqtt_session.h", "client/cloud/ot/core/ot_session_state.h",
           "client/report/report_keep.h", "client/setup/core/setup_part.h"}


def private_headers(part):
    found = {str(path.relative_to(ROOT)) for path in sources(part) if path.name.endswith("_priv.h")}
    return sorted(found | {name for name in PRIVATE if name.startswith(part)})


def modules(part):
    """{file: module}: a .c, its .h, and all that share a private header."""
    of = {str(path.relative_to(ROOT)): str(path.relative_to(ROOT))[:-2] for path in sources(part)}
    for header in private_headers(part):
        whole = {of[name] for name, included in includes(part) if included == header} | {of[header]}
        of = {name: header[:-2] if module in whole else module for name, module in of.items()}
    return of


def extents(part):
    """{module: its files}"""
    found = collections.defaultdict(list)
    for name, module in sorted(modules(part).items()):
        found[module].append(name)
    return found


def module_arrows(part):
    """{(module, module): [(file, included file)]} between the modules of a part."""
    of = modules(part)
    found = collections.defaultdict(list)
    for name, included in includes(part):
        if included in of and of[name] != of[included]:
            found[of[name], of[included]].append((name, included))
    return found


def code(path):
    """Without comments, strings and includes."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", path.read_text(), flags=re.S)
    return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)


def given(text):
    """The functions and objects that a .c gives to others."""
    functions = re.findall(r"^(?!static|typedef|#)(?:[a-z]|AGENT_API )[\w \n*(),]*?\b(\w+)\([^;{}]*\)\n\{", text, re.M)
    return set(functions) | set(re.findall(r"^(?:const )?(?:struct )?\w+ \*?(?:const )?(\w+)(?:\[\w*\])? =", text, re.M))


def call_arrows(part):
    """{(module, module): [(file, name that it uses)]}: who uses what another module gives, whatever headers say."""
    of = modules(part)
    texts = {name: code(ROOT / name) for name in of if name.endswith(".c")}
    owners = collections.defaultdict(set)
    for name, text in texts.items():
        for symbol in given(text):
            owners[symbol].add(of[name])
    found = collections.defaultdict(list)
    for name, text in texts.items():
        own = set(re.findall(r"\b(\w+)\([^;{}]*\)\n\{", text)) | given(text)
        for symbol in set(re.findall(r"(?<![.>\w])(?<!struct )(?<!enum )[a-z]\w+", text)) & set(owners) - own:
            for owner in owners[symbol] - {of[name]}:
                found[of[name], owner].append((name, symbol))
    return found


def all_folders():
    """Between folders as they lie on the disk, core and io of a room too."""
    return arrows_between(os.path.dirname)


def print_modules(part):
    for module, files in sorted(extents(part).items(), key=lambda item: (-len(item[1]), item[0])):
        if len(files) > 2:
            print(f"{len(files):3} {module}: " + " ".join(os.path.basename(name) for name in files))


def main():
    if len(sys.argv) > 1 and sys.argv[1] == "--modules":
        print_modules(sys.argv[2] if len(sys.argv) > 2 else "")
        return
    if len(sys.argv) > 1 and sys.argv[1] in ("--files", "--calls"):
        part = sys.argv[2] if len(sys.argv) > 2 else ""
        found = module_arrows(part) if sys.argv[1] == "--files" else call_arrows(part)
        for way in circles(found):
            print("circle: " + " -> ".join(way))
            for step in zip(way, way[1:]):
                print(f"    {step[0]} -> {step[1]}: " + ", ".join(sorted({what for _, what in found[step]})))
        return
    edges = arrows()
    for (a, b), files in sorted(edges.items()):
        if len(sys.argv) == 1:
            print(f"{a:20} -> {b:20} {len(files)}")
        elif sys.argv[1] in (a, b):
            for name, included in files:
                print(f"{name} -> {included}")
    for way in circles(edges):
        print("circle: " + " -> ".join(way))


if __name__ == "__main__":
    main()
