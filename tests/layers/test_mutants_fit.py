# SPDX-License-Identifier: MIT
"""Each row of tests/mutants/table.py and world_table.py still has its place: the file is there, and the text that it replaces stands
there once."""
import os
import pathlib
import sys

ROOT = pathlib.Path(os.environ.get("MIIO_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(ROOT / "tests/mutants"))
from table import MUTANTS  # noqa: E402
from tree import places  # noqa: E402
from world_table import MUTANTS as WORLD_MUTANTS  # noqa: E402


def test_every_fault_can_be_put_in():
    bad = []
    for m in MUTANTS + WORLD_MUTANTS:
        for name, old, _ in places(m):
            path = ROOT / name
            n = path.read_text().count(old) if path.is_file() else -1
            if n != 1:
                bad.append(f"{name}: {m.fault}: " + ("no such file" if n < 0 else f"its text stands there {n} times"))
    assert len(MUTANTS) > 60 and not bad, "\n".join(bad)
