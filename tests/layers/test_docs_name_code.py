# SPDX-License-Identifier: MIT
"""docs/architecture.md walks a command and a report through the code: each function is there, and named once."""
import os
import pathlib
import re

import pytest

ROOT = pathlib.Path(os.environ.get("MIIO_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
TEXT = (ROOT / "docs/architecture.md").read_text()
WALKS = ["One command, from a phone and back", "One report, from an application to the cloud"]


def walk(heading):
    """[(function, file)] in the order of the text."""
    text = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"`([a-z][a-z0-9_]*_[a-z0-9_]+|refuse|queued)`\s+\(([\w/.]+\.[ch])\)", text)


@pytest.mark.parametrize("heading", WALKS)
def test_functions_are_where_the_walk_says(heading):
    steps = walk(heading)
    assert len(steps) > 15
    bad = []
    for function, file in steps:
        path = ROOT / file
        # a definition: its name at the start of a line's declaration, with a body and not a semicolon behind it
        defined = re.compile(rf"^(?:[A-Za-z_][\w ()*]*?[ *])?{function}\([^;{{]*\)\s*\{{", re.M)
        if not path.is_file() or not defined.search(path.read_text()):
            bad.append(f"{function} ({file})")
    assert not bad, "\n".join(bad)


def test_each_function_is_named_once():
    named = [step for heading in WALKS for step in walk(heading)]
    assert sorted({s for s in named if named.count(s) > 1}) == []


def test_every_function_of_the_walk_has_its_file():
    for heading in WALKS:
        text = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
        words = set(re.findall(r"`([a-z][a-z0-9]*_[a-z0-9_]+)`", text))
        assert words - {name for name, _ in walk(heading)} - {"properties_changed"} == set()


def test_decisions_are_numbered_and_in_the_index():
    folder = ROOT / "docs/decisions"
    index = (folder / "README.md").read_text()
    numbers = []
    for page in sorted(folder.glob("[0-9]*.md")):
        number = page.name[:3]
        numbers.append(number)
        assert page.read_text().startswith(f"# {number} "), page.name
        assert f"| [{number}]({page.name}) |" in index, f"{page.name} is not in docs/decisions/README.md"
    assert numbers == [f"{n:03}" for n in range(1, len(numbers) + 1)]


def test_each_word_has_one_row():
    rows = [w.strip() for line in TEXT.split("## Words\n")[1].split("\n## ")[0].splitlines() if line.startswith("| ")
            for w in line.split("|")[1].split(",")]
    assert len(rows) > 20 and len(rows) == len(set(rows))
    for word in ("uplink", "command", "ask", "text", "hook", "out", "tell", "take"):
        assert word in rows


def test_the_forge_calls_scripts_that_are_here():
    scripts = {p.stem for p in (ROOT / "tests/ci").glob("*.sh")} - {"lib", "small", "all", "steady"}  # the last one takes an hour
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    assert set(re.findall(r"script: (\w+)", workflow)) == scripts
    assert {s for s in scripts if f"{s}.sh" in (ROOT / "tests/ci/all.sh").read_text()} == scripts
    for name in scripts:
        assert os.access(ROOT / f"tests/ci/{name}.sh", os.X_OK), name


def test_contributing_names_files_that_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"`((?:agent|client|libagent|docs|examples|tests)/[\w/.*-]+)[ `]", text))
    assert len(named) > 30
    assert [n for n in sorted(named) if "NAME" not in n and not (ROOT / n).exists()] == []


def test_the_picture_of_setup_has_its_states():
    """docs/provisioning.md draws the states of the setup machine, and lists each of them once."""
    header = (ROOT / "client/setup/core/setup_machine.h").read_text()
    names = [n.lower() for n in re.findall(r"SETUP_([A-Z_]+)", re.search(r"enum setup_state \{(.*?)\};", header, re.S).group(1))]
    text = (ROOT / "docs/provisioning.md").read_text().split("## The states behind it\n")[1].split("\n## ")[0]
    assert len(names) == 9
    assert re.findall(r"^\| `([a-z_]+)` \|", text, re.M) == names
    assert set(re.findall(r"\[([a-z_]+)\]", text)) == set(names)


def test_the_picture_of_setup_has_its_events():
    """What stands at the arrows is an event of the table (a request's own word may stand before it)."""
    header = (ROOT / "client/setup/core/setup_machine.h").read_text()
    events = {e.lower() for e in re.findall(r"\bSETUP_EV_([A-Z_]+)\b", header)}
    text = (ROOT / "docs/provisioning.md").read_text().split("## The states behind it\n")[1].split("| state |")[0]
    assert events and {e for e in events if not re.search(rf"\b{e}\b", text)} == set()
