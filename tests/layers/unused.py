#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
What stands in the product for nobody: names that no program uses or only tests do, members of structs that nobody reaches,
headers of which a file uses no name. Printed one a line; the code is read as text, so a name that stands for two things is
taken for used.

Not asked: what libagent installs (its users are elsewhere) and what others wrote (carried/).
"""
import collections
import os
import pathlib
import re

ROOT = pathlib.Path(os.environ.get("MIIO_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
PRODUCT = ["agent", "client", "libagent", "examples"]

FILLING = {"zero", "align", "reserved"}  # members that are there for their size
LAYOUTS = {"client/report/core/spool_old.c"}  # structs as others have laid them out

WORD = re.compile(r"[A-Za-z_]\w*")
FUNCTION = re.compile(r"^(?!#|typedef\b)[A-Za-z_][\w \*]*?\b(\w+)\((?!\*)", re.M)
MACRO = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.M)
ENUM = re.compile(r"\benum\b[^{};()]*\{([^}]*)\}")
INCLUDE = re.compile(r'^\s*#\s*include "([^"]+)"', re.M)
SKIPPED = re.compile(r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'|^[ \t]*#[ \t]*include[^\n]*""", re.S | re.M)


def code(text):
    """Without comments, strings and includes."""
    return SKIPPED.sub(lambda m: "\n" * m.group(0).count("\n") or " ", text)


def is_tests(name):
    return name.startswith("tests/")


def is_for_others(name):
    return "/include/agent/" in name or "/carried/" in name


class Tree:
    def __init__(self, root=ROOT):
        self.root = root
        self.raw = {str(p.relative_to(root)): p.read_text() for part in [*PRODUCT, "tests"] for p in sorted((root / part).rglob("*.[ch]"))}
        self.code = {name: code(text) for name, text in self.raw.items()}
        self.made = collections.defaultdict(list)  # name: [(kind, file)]
        self.excused = set()
        self.declared_at = collections.defaultdict(set)
        for name, text in self.code.items():
            self.read_names(name, text)
        self.uses = collections.defaultdict(collections.Counter)  # name: {is it a test: how often}
        for name, text in self.code.items():
            for m in WORD.finditer(text):
                if m.start() not in self.declared_at[name]:
                    self.uses[m.group(0)][is_tests(name)] += 1

    def note(self, kind, name, m, offset=0, group=1):
        self.made[m.group(group)].append((kind, name))
        self.declared_at[name].add(offset + m.start(group))

    def read_names(self, name, text):
        for m in FUNCTION.finditer(text):
            self.note("function", name, m)
        for m in MACRO.finditer(text):
            self.note("macro", name, m)
        for m in ENUM.finditer(text):
            self.read_enum(name, m)

    def read_enum(self, name, enum):
        """A value that a later one is counted from stands for its number; the first, 0, is what memory of zeros says."""
        before = []
        for m in re.finditer(r"(?:^|,)\s*([A-Za-z_]\w*)\s*(=[^,]*)?", without_nested_commas(enum.group(1))):
            self.note("enum value", name, m, enum.start(1))
            if not m.group(2):
                self.excused.update((value, m.group(1)) for value in before)
            else:
                before = []
            if not before and (not m.group(2) or re.fullmatch(r"=\s*0\s*", m.group(2))):
                self.excused.add((m.group(1), m.group(1)))
            before.append(m.group(1))

    def is_excused(self, name):
        """By the value itself (the first one) or by a later one of the same enum that is used."""
        return any(a == name and (a == b or self.uses[b][False] > 0) for a, b in self.excused_of(name))

    def excused_of(self, name):
        return ((a, b) for a, b in self.excused if a == name)

    def is_ender(self, name):
        """Whoever makes a thing says how it ends, also when nothing ends it before the program does."""
        m = re.fullmatch(r"(\w+)_(?:deinit|free|close)", name)
        return bool(m) and any(self.uses[f"{m.group(1)}_{verb}"][False] for verb in ("init", "new", "open"))

    def unused_names(self):
        exported = {name for p in self.root.glob("libagent/**/*.map") for name in re.findall(r"\bagent\w+", p.read_text())}
        for name, places in sorted(self.made.items(), key=lambda item: item[1][0][1]):
            ours = [(kind, file) for kind, file in places if not is_tests(file) and not is_for_others(file)]
            foreign = name in exported or name == "main" or name.startswith("_") or name == "OPENSSL_SUPPRESS_DEPRECATED"
            if not ours or len(ours) < len([file for _, file in places if not is_tests(file)]) or foreign:
                continue
            if self.uses[name][False] == 0 and not self.is_excused(name) and not self.is_ender(name):
                by = "only tests use it" if self.uses[name][True] else "nobody uses it"
                yield f"{ours[0][1]}: {ours[0][0]} {name}: {by}"

    def unreached_members(self):
        reached = {m for name, text in self.code.items() if not is_tests(name) for m in re.findall(r"(?:\.|->)\s*([A-Za-z_]\w*)", text)}
        for name, text in self.code.items():
            if is_tests(name) or is_for_others(name):
                continue
            for member in members(text):
                if member not in reached and member not in FILLING and name not in LAYOUTS:
                    yield f"{name}: member {member}: nobody reaches it"

    def names_of(self, header):
        text = self.code[header]
        names = {m.group(1) for m in FUNCTION.finditer(text)} | {m.group(1) for m in MACRO.finditer(text)}
        names |= set(re.findall(r"\b(?:struct|enum|union)\s+(\w+)\s*[{;]", text))
        names |= set(re.findall(r"typedef[^;{]*?\(\*\s*(\w+)\)", text)) | set(re.findall(r"typedef\b[^;(]*?(\w+)\s*(?:\((?!\*)|;)", text))
        names |= set(re.findall(r"^extern[^;]*?(\w+)(?:\[[^\]]*\])*;", text, re.M))
        for m in ENUM.finditer(text):
            names |= set(WORD.findall(m.group(1)))
        for m in re.finditer(r"\}\s*(\w+);", text):
            names.add(m.group(1))
        return names

    def useless_includes(self):
        names = {header: self.names_of(header) for header in self.code if header.endswith(".h")}
        for name, text in self.code.items():
            words = set(WORD.findall(text))
            for header in INCLUDE.findall(self.raw[name]):
                if header in names and header[:-2] != name[:-2].removesuffix("_priv") and not names[header] & words:
                    yield f"{name}: {header}: none of its names"


def without_nested_commas(body):
    """The commas inside of parentheses do not part values; the length stays."""
    depth, out = 0, []
    for c in body:
        depth += (c == "(") - (c == ")")
        out.append(";" if c == "," and depth else c)
    return "".join(out)


def members(text):
    """Names of members of structs and unions."""
    for m in re.finditer(r"\b(?:struct|union)\b\s*\w*\s*\{", text):
        depth, end = 1, m.end()
        while depth and end < len(text):
            depth += (text[end] == "{") - (text[end] == "}")
            end += 1
        for line in re.split(r"[;{}]", text[m.end():end - 1]):
            line = re.sub(r"\[[^\]]*\]|:\s*\w+", "", line)
            pointer = re.search(r"\(\*(\w+)\)", line)
            if pointer:
                yield pointer.group(1)
            elif re.search(r"\w[\s\*]+\w", line) and not re.search(r"[(#]|^\s*(struct|union|enum)\s+\w+\s*$", line):
                for part in line.split(","):
                    found = re.search(r"(\w+)\s*$", part)
                    if found:
                        yield found.group(1)


def findings(tree=None):
    tree = tree or Tree()
    return [*tree.unused_names(), *tree.unreached_members(), *tree.useless_includes()]


if __name__ == "__main__":
    print("\n".join(findings()))
