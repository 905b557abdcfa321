# SPDX-License-Identifier: MIT
"""docs/clouds.md names the test of each statement: those tests exist, in the files they are said to be in."""
import os
import pathlib
import re

import pytest

ROOT = pathlib.Path(os.environ.get("MIIO_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
TEXT = (ROOT / "docs/clouds.md").read_text()
NAME = re.compile(r"`((?:tests/[a-z/]+/)?test_[a-z0-9_]+\.(?:py|c))`|`([a-z][a-z0-9_]*_[a-z0-9_]+)`")


def file_of(name):
    found = [p for p in (ROOT / "tests").rglob(pathlib.Path(name).name)]
    assert len(found) == 1, name
    return found[0]


def sections():
    """(heading, file that tests without a file's name are in, text)"""
    home = None
    for part in re.split(r"^## ", TEXT, flags=re.M)[1:]:
        home = {"Gizwits": "test_gizwits.py", "OneNET": "test_onenet.py", "MQTT": "test_mqtt_cloud.py",
                "Under load": "test_cloud_load.py", "Several clouds at once": "test_several_clouds.py"}[part.split("\n")[0]]
        yield part.split("\n")[0], home, part


@pytest.mark.parametrize("heading,home,text", list(sections()), ids=lambda v: v if v.isalnum() else "")
def test_every_test_named_exists(heading, home, text):
    rows = [line for line in text.split("\n") if line.startswith("|") and "test" in line.split("|")[-2]]
    assert rows or heading == "MQTT"
    named = 0
    for row in rows:
        cells = row.split("|")[-2]
        for chunk in re.split(r"[,;] (?=`test_[a-z0-9_]+\.(?:c|py)`)", cells):
            here = home  # a file's name holds for the tests behind it that it has
            for file, function in NAME.findall(chunk):
                if file:
                    here = file
                    file_of(here)
                    continue
                defined = re.compile(r"^(?:def|static void) %s\(" % function, re.M)
                if not defined.search(file_of(here).read_text()):
                    assert defined.search(file_of(home).read_text()), "%s names %s" % (row, function)
                named += 1
    assert named > 3


def test_every_packet_of_both_documents_has_a_row():
    for packet in ("0x0090", "0x0091", "0x0093", "0x0094", "0x0010", "0x0011", "0x0012", "0x020E", "0x020F", "0x0210", "0x0211",
                   "CONNECT", "CONNACK", "PUBLISH up", "PUBLISH down", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE",
                   "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PING", "PINGRSP", "DISCONNECT", "type 2", "type 5", "type 6",
                   "type 7", "$creq", "$crsp"):
        assert re.search(r"^\| [^|]*\|[^|]*%s\b[^\n]*`[a-z_]|^\| [^|]*%s[^\n]*`[a-z_]" % ((re.escape(packet),) * 2), TEXT, re.M), packet
