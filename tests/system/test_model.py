# SPDX-License-Identifier: MIT
"""
A device from its model, asked by a phone that is not ours (python-miio) through LAN, client and agent: every property of every model is
read and set, what the model forbids gets its code and never reaches the device, what changes is reported.
"""
import json
import os
import random
import re
import signal
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import miio
import pytest
from support import BIN, SOURCE, Daemon, is_sanitized, run, wait_for, write_identity

MODELS = sorted((Path(SOURCE) / "tests/data/miot-spec").glob("*.json"))
TOKEN_HEX = b"a1B2c3D4e5F6g7H8".hex()
NOT_READABLE, NOT_WRITABLE, NOT_FOUND, INTERNAL, BAD_VALUE, BAD_INPUT = -4001, -4002, -4003, -4004, -4005, -4006


class World:
    """Client without a cloud, agent, device, and a phone."""

    def __init__(self, client, agent, device, phone, model):
        self.client, self.agent, self.device, self.phone = client, agent, device, phone
        self.spec = json.loads(model.read_text())

    def properties(self):
        for service in self.spec["services"]:
            for p in service.get("properties") or []:
                yield service["iid"], p

    def get(self, *pairs):
        return self.phone.send("get_properties", [{"did": f"p{i}", "siid": s, "piid": p} for i, (s, p) in enumerate(pairs)])

    def set(self, siid, piid, value):
        answer = self.phone.send("set_properties", [{"did": "MYDID", "siid": siid, "piid": piid, "value": value}])
        assert len(answer) == 1 and {k: answer[0][k] for k in ("did", "siid", "piid")} == {"did": "MYDID", "siid": siid, "piid": piid}
        return answer[0]["code"]

    def sets_seen(self):
        return [line for line in self.device.out if line.startswith("set ")]


def simulated(model, tmp_path):
    return ["miio_sim", "device", "--still", "--model", model, "-a"]


def generated(model, tmp_path):
    """The application that miio_gen writes, as it is."""
    folder = tmp_path / "gen"
    run("miio_gen", "-o", folder, "-n", "thing", model)
    lib = os.environ.get("MIIO_LIB", os.path.join(os.path.dirname(BIN), "lib"))
    sanitize = ["-fsanitize=address,undefined"] if is_sanitized("miio_agent") else []
    code, _, err = run("/usr/bin/cc", *sanitize, "-I", os.path.join(SOURCE, "libagent/include"), "-o", folder / "thing", folder / "thing.c",
                       folder / "thing_model.c", "-L", lib, "-lagentmodel", "-lagent", "-Wl,-rpath," + lib, deadline=60)
    assert code == 0, err
    return [str(folder / "thing")]


@contextmanager
def world(model, tmp_path, kind=simulated, phone_of=lambda ip: miio.Device(ip, TOKEN_HEX)):
    ip = "127.%d.%d.%d" % (random.randrange(1, 250), random.randrange(1, 250), random.randrange(2, 250))
    with Daemon("miio_client", "-d", write_identity(tmp_path / "data"), "--cloud", "none", "--local", "127.0.0.1:0", "--lan", f"{ip}:54321",
                "--ble", "none") as client, \
            Daemon("miio_agent", "--listen", "127.0.0.1:0", "--unix", "none", "--upstream", f"127.0.0.1:{client.port('local')}") as agent, \
            started(kind(model, tmp_path), f"tcp:127.0.0.1:{agent.port('listen')}") as device:
        phone = phone_of(ip)
        w = World(client, agent, device, phone, model)
        first = next(w.properties())
        wait_for(lambda: answers(w, first), "the device")
        yield w


@contextmanager
def started(command, address):
    device = Daemon(*command, *([address] if command[-1] == "-a" else []), env={"MIIO_AGENT": address}, ready=False)
    try:
        yield device
    finally:
        device.signal(signal.SIGTERM)
        device.wait()
        assert not any("Sanitizer" in line or "runtime error" in line for line in device.err), device.err


def answers(w, first):
    try:
        return w.get((first[0], first[1]["iid"]))
    except miio.exceptions.DeviceError:
        return None


def good_values(p):
    if "value-list" in p:
        return [c["value"] for c in p["value-list"]]
    if p["format"] == "bool":
        return [True, False]
    if "value-range" in p:
        low, high, step = (Decimal(str(n)) for n in p["value-range"])
        values = [low, low + step, low + (high - low) // 2 // step * step, low + (high - low) // step * step]
        return [float(v) if p["format"] == "float" else int(v) for v in values]
    return ["", "text \"with\" escapes \\ and 温度"] if p["format"] == "string" else [0, 1]


def bad_values(p):
    values = [None, [], {}, "no"] if p["format"] != "string" else [None, [], 5, True]
    if p["format"] != "bool" and p["format"] != "string":
        values += [True, 1e30, -1e30]
    if p["format"] == "bool":
        values += [0, 1]
    if "value-list" in p:
        values += [max(c["value"] for c in p["value-list"]) + 1]
    if "value-range" in p:
        low, high, step = p["value-range"]
        values += [low - step, high + step, low + step / 2]
    return values


@pytest.mark.parametrize("kind", [simulated, generated])
@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.stem)
def test_every_property_is_read_and_set(model, kind, tmp_path):
    with world(model, tmp_path, kind) as w:
        reads_and_sets_all(w)


def reads_and_sets_all(w):
    for siid, p in w.properties():
        piid, access = p["iid"], p["access"]
        if "write" in access:
            for value in good_values(p):
                assert w.set(siid, piid, value) == 0, (siid, p, value)
                if "read" in access:
                    got = w.get((siid, piid))
                    assert got == [{"did": "p0", "siid": siid, "piid": piid, "code": 0, "value": value}], (p, value)
        elif "read" in access:
            got = w.get((siid, piid))[0]
            if siid != 1:
                assert got["code"] == 0 and got["value"] is not None, (p, got)
        if "read" not in access:
            assert w.get((siid, piid))[0]["code"] == NOT_READABLE


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.stem)
def test_what_the_model_forbids_never_reaches_the_device(model, tmp_path):
    with world(model, tmp_path) as w:
        sets_what_is_forbidden(w)


def sets_what_is_forbidden(w):
    for siid, p in w.properties():
        for value in bad_values(p) if "write" in p["access"] else good_values(p):
            assert w.set(siid, p["iid"], value) == (BAD_VALUE if "write" in p["access"] else NOT_WRITABLE), (siid, p, value)
    assert w.set(99, 1, True) == NOT_FOUND
    assert w.set(2, 999, True) == NOT_FOUND
    assert [a["code"] for a in w.get((99, 1), (2, 999))] == [NOT_FOUND, NOT_FOUND]
    assert w.sets_seen() == []


def test_a_batch_of_any_length_keeps_its_order(tmp_path):
    with world(MODELS[0], tmp_path) as w:
        asked = [(2, 1), (99, 1), (2, 4), (3, 7)] * 75  # longer than this phone can receive: from the agent
        params = [{"did": f"p{i}", "siid": s, "piid": p} for i, (s, p) in enumerate(asked)]
        code, out, err = run("miioctl", "-a", f"tcp:127.0.0.1:{w.agent.port('listen')}", "call", "get_properties", json.dumps(params))
        got = json.loads(out)
        assert code == 0 and [(a["did"], a["siid"], a["piid"]) for a in got] == [(f"p{i}", s, p) for i, (s, p) in enumerate(asked)]
        assert [a["code"] for a in got[:4]] == [0, NOT_FOUND, 0, 0]
        mixed = w.phone.send("set_properties", [{"did": "1", "siid": 2, "piid": 1, "value": "on"}, {"did": {"a": 1}, "siid": 2, "piid": 1, "value": True}, 7])
        assert mixed == [{"did": "1", "siid": 2, "piid": 1, "code": BAD_VALUE}, {"did": {"a": 1}, "siid": 2, "piid": 1, "code": 0}, {"code": NOT_FOUND}]
        wait_for(lambda: w.sets_seen() == ["set air-purifier.on true"], "the one set that may be")


def test_actions(tmp_path):
    with world(MODELS[0], tmp_path) as w:
        def act(siid, aiid, values):
            return w.phone.send("action", {"did": "x", "siid": siid, "aiid": aiid, "in": values})

        assert act(2, 1, []) == {"did": "x", "siid": 2, "aiid": 1, "code": 0, "out": []}
        assert act(4, 1, [100])["code"] == 0
        assert act(4, 1, [{"piid": 3, "value": 200}])["code"] == 0
        for wrong in ([], [1001], ["x"], [1, 2], [{"piid": 1, "value": 5}], {"a": 1}):
            assert act(4, 1, wrong)["code"] == BAD_INPUT, wrong
        assert act(4, 2, [])["code"] == NOT_FOUND
        wait_for(lambda: [l for l in w.device.out if l.startswith("do ")] ==
                 ["do air-purifier.toggle", "do filter.reset-filter-life 100", "do filter.reset-filter-life 200"], "the actions")


def test_service_1_is_what_the_client_knows(tmp_path):
    with world(MODELS[0], tmp_path) as w:
        def texts():
            return {a["piid"]: a.get("value") for a in w.get((1, 1), (1, 2), (1, 3), (1, 4))}

        got = wait_for(lambda: texts() if all(texts().values()) else None, "device-information")
        info = w.phone.send("miIO.info", [])
        assert got == {1: "acme", 2: "acme.lamp.v1", 3: info["mac"], 4: info["fw_ver"]}


def test_changes_are_reported_once_the_last_value_wins(tmp_path):
    """One batch of sets is one report upward, and an equal value none."""
    with world(MODELS[2], tmp_path) as w:
        monitor = Daemon("miioctl", "-a", f"tcp:127.0.0.1:{w.agent.port('listen')}", "-j", "monitor", "properties_changed", ready=False)
        try:
            def reports():
                return [json.loads(l) for l in monitor.out if "properties_changed" in l and "params" in l]

            def told(n):
                return wait_for(lambda: reports() if len(reports()) >= n else None, f"{n} reports")

            wait_for(lambda: (w.set(2, 9, True), w.set(2, 9, False)) and reports(), "the monitor")
            w.set(2, 10, True)
            wait_for(lambda: "'piid': 10" in str(reports()[-1]), "the last of them")
            seen = len(reports())
            w.phone.send("set_properties", [{"did": "1", "siid": 2, "piid": 3, "value": True}, {"did": "1", "siid": 2, "piid": 1, "value": 1},
                                            {"did": "1", "siid": 2, "piid": 1, "value": 2}, {"did": "1", "siid": 3, "piid": 1, "value": 5}])
            last = told(seen + 1)[-1]
            text = json.dumps(last)
            assert re.search(r'siid[\\": ]+2[^}]*piid[\\": ]+3[^}]*value[\\": ]+true', text) and len(re.findall("piid", text)) == 2, text
            w.set(2, 3, True)
            w.set(2, 1, 2)
            w.set(2, 10, False)
            assert len(told(seen + 2)) == seen + 2
        finally:
            monitor.signal(15)
            monitor.wait()
