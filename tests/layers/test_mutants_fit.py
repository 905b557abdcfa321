# SPDX-License-Identifier: MIT
"""Each row of tests/mutants/table.py still has its place: the file is there, and the text that it replaces stands there once."""
import os
import pathlib
import sys

ROOT = pathlib.Path(os.environ.get("MIIO_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(ROOT / "tests/mutants"))
from table import MUTANTS  # noqa: E402


def test_every_fault_can_be_put_in():
    bad = []
    for m in MUTANTS:
        path = ROOT / m.file
        n = path.read_text().count(m.old) if path.is_file() else -1
        if n != 1:
            bad.append(f"{m.file}: {m.fault}: " + ("no such file" if n < 0 else f"its text stands there {n} times"))
    assert len(MUTANTS) > 60 and not bad, "\n".join(bad)
