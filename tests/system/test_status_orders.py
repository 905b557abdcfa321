# SPDX-License-Identifier: MIT
"""A plain application that registers local.status hears the present word, in whatever order client, agent and application start, and
after each of them was started again."""
import itertools
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from mqtt_support import client, free_port  # noqa: E402
from support import Daemon, JsonSocket  # noqa: E402


class Device:
    """Three parts, each of which may be there or not. The application connects as soon as there is an agent."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.ports = {"client": free_port(), "agent": free_port()}
        self.parts = {"client": None, "agent": None, "app": None}

    def start(self, part):
        if part == "client":
            self.parts[part] = client(self.folder, "--local", "127.0.0.1:%d" % self.ports[part], cloud="none")
        elif part == "agent":
            self.parts[part] = Daemon("miio_agent", "--listen", "127.0.0.1:%d" % self.ports[part], "--unix", "none",
                                      "--upstream", "127.0.0.1:%d" % self.ports["client"])
        else:
            self.parts[part] = "wanted"
        if self.parts["agent"] and self.parts["app"] == "wanted":
            self.join()

    def join(self):
        app = self.parts["app"] = JsonSocket(self.ports["agent"])
        app.send({"id": 1, "method": "register", "key": "local.status"})
        assert app.recv() == {"id": 1, "result": ["ok"]}

    def stop(self, part):
        if part == "app":
            self.parts[part].close()
        else:
            self.parts[part].stop()
            if part == "agent":
                assert self.parts["app"].recv() is None
                self.parts["app"] = "wanted"
        if part != "agent":
            self.parts[part] = None

    def hears(self):
        """The word that the client gives who asks it: heard, and in the end the last one."""
        while True:
            with_client = JsonSocket(self.ports["client"])
            now = with_client.call("local.query_status")["params"]
            with_client.close()  # with no cloud nothing changes by itself
            text = self.parts["app"].recv()
            assert set(text) == {"method", "params"} and text["method"] == "local.status", text
            if text["params"] == now:
                return

    def close(self):
        for part in ("app", "agent", "client"):
            if part == "app" and self.parts[part]:
                self.parts[part].close()
            elif self.parts[part]:
                self.parts[part].stop()


@pytest.mark.parametrize("order", list(itertools.permutations(["client", "agent", "app"])), ids="-".join)
def test_every_order(tmp_path, order):
    d = Device(tmp_path)
    for part in order:
        d.start(part)
    d.hears()
    for part in order:
        d.stop(part)
        d.start(part)
        d.hears()
    d.close()


def test_the_others_hear_nothing_of_it(tmp_path):
    d = Device(tmp_path)
    for part in ("client", "agent", "app"):
        d.start(part)
    d.hears()
    first = d.parts["app"]
    first.call("local.query_time", id=5)  # whatever was told has come before this
    for _ in range(10):
        d.join()
        d.hears()
        d.parts["app"].close()
    first.buffer = ""
    first.send({"id": 6, "method": "agent.info"})
    assert first.recv()["id"] == 6
    first.close()
    d.parts["app"] = None
    d.close()
