# SPDX-License-Identifier: MIT
"""
The same as test_model.py, asked by the npm package miio. It is installed as tests/npm/package-lock.json has it (its sums are
checked) into the build directory; where the registry cannot be reached the test is skipped, and says so.
"""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import miio
import pytest
from support import BIN, DEADLINE, SOURCE
from test_model import MODELS, TOKEN_HEX, reads_and_sets_all, sets_what_is_forbidden, simulated, world

NPM = Path(SOURCE) / "tests/npm"
# what npm says when it is the network that is missing
UNREACHED = re.compile(r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|network|"
                       r"E40[137]\b|E50\d")


@pytest.fixture(scope="session")
def modules():
    """Where miio and what it needs is installed."""
    folder = Path(BIN).parent / "tests" / "npm"
    done = folder / "installed"
    lock = (NPM / "package-lock.json").read_text()
    for program in ("node", "npm"):
        if not shutil.which(program):
            pytest.skip(f"{program} is missing")
    if not done.exists() or done.read_text() != lock:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(NPM / name, folder)
        got = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries", "1", "--fetch-timeout", "20000"],
                             cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=150)
        said = got.stdout.decode(errors="replace")
        if got.returncode != 0 and UNREACHED.search(said):
            pytest.skip("npm's registry is not reached: " + said.strip().splitlines()[0])
        assert got.returncode == 0, said
        done.write_text(lock)
    return folder / "node_modules"


class Phone:
    """miio.Device as far as the tests use it."""

    def __init__(self, modules, ip):
        self.process = subprocess.Popen(["node", str(NPM / "phone.js"), ip, TOKEN_HEX], env={**os.environ, "NODE_PATH": str(modules)},
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.answer() == "acme.lamp.v1"

    def answer(self):
        line = self.process.stdout.readline()
        assert line, "the phone has left"
        got = json.loads(line)
        if "error" in got:
            raise miio.exceptions.DeviceError(got["error"])
        return got["result"]

    def send(self, method, params):
        self.process.stdin.write(json.dumps({"method": method, "params": params}) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        try:
            assert self.process.wait(DEADLINE) == 0
        finally:
            self.process.kill()
            self.process.wait()


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.stem)
def test_every_property_is_read_and_set_and_nothing_else(modules, model, tmp_path):
    phones = []

    def phone_of(ip):
        phones.append(Phone(modules, ip))
        return phones[0]

    try:
        with world(model, tmp_path, simulated, phone_of) as w:
            sets_what_is_forbidden(w)
            reads_and_sets_all(w)
    finally:
        for phone in phones:
            phone.stop()


def test_actions(modules, tmp_path):
    phones = []

    def phone_of(ip):
        phones.append(Phone(modules, ip))
        return phones[0]

    try:
        with world(MODELS[0], tmp_path, simulated, phone_of) as w:
            assert w.phone.send("action", {"did": "x", "siid": 4, "aiid": 1, "in": [100]}) == {"did": "x", "siid": 4, "aiid": 1, "code": 0, "out": []}
            assert w.phone.send("action", {"did": "x", "siid": 4, "aiid": 1, "in": [1001]})["code"] == -4006
            assert w.phone.send("action", {"did": "x", "siid": 4, "aiid": 9, "in": []})["code"] == -4003
            with pytest.raises(miio.exceptions.DeviceError):
                w.phone.send("no_such_method", [])
    finally:
        for phone in phones:
            phone.stop()
