# SPDX-License-Identifier: MIT
"""A million hostile datagrams."""
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from support import write_identity
from test_client import Client, Echo, flood


def test_a_million_hostile_datagrams(tmp_path):
    with Client(write_identity(tmp_path / "miio")) as client:
        app = Echo(client, lambda m: {"result": ["ok"]})

        def served():
            assert client.phone("call", "m")[0] == 0
        flood(client, 1000000, served)
        assert len(app.got) == 11
