# SPDX-License-Identifier: MIT
"""
Home Assistant hears of a device by its model: one message that its documented schema takes whole; commands rendered from its templates set
the device through broker, client and agent; states rendered show it. With the simulated device and with the application that miio_gen writes.
"""
import json
import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import ha_schema
from ha_schema import render_command, render_state
from mqtt_support import Broker, Listener
from support import BIN, SOURCE, Daemon, is_sanitized, run, wait_for, write_identity

DID = 1001
T = "miio/%d/" % DID
TOPIC = "homeassistant/device/miio_%d/config" % DID
DATA = Path(SOURCE) / "tests/data/miot-spec"
MODELS = sorted(DATA.glob("*.json"))


@pytest.fixture(scope="module")
def broker():
    with Broker() as b:
        yield b


@pytest.fixture(autouse=True)
def clean(broker):
    """Nothing retained of the test before."""
    yield
    with Listener(broker.port, "homeassistant/#", T + "#") as all_of_it:
        all_of_it.publish("end", b"")
        for topic in {m[0] for m in list(all_of_it.all) if m[3]}:
            all_of_it.publish(topic, b"", retain=True)


@contextmanager
def client(broker, directory, *args, extra=()):
    write_identity(directory, did=DID, wifi=True, extra=("cloud=mqtt", "mqtt_server=127.0.0.1:%d" % broker.port, "mac=34:CE:00:AA:BB:01", *extra))
    release = directory / "os-release"
    release.write_text('ACME_VERSION="1.2.3"\n')
    daemon = Daemon("miio_client", "-d", directory, "--local", "127.0.0.1:0", "--lan", "none", "--ble", "none", "-l", "3",
                    "--os-release", release, *args)
    try:
        yield daemon
    finally:
        daemon.stop()


class World:
    """Broker, client, agent and device; and what Home Assistant knows of it."""

    def __init__(self, fleet, daemon, device, message):
        self.fleet, self.client, self.device, self.message = fleet, daemon, device, message
        self.components = message["components"]
        self.state = {}

    def find(self, platform, key=None):
        return next(c for k, c in self.components.items() if c["platform"] == platform and key in (None, k))

    def send(self, component, text, topic="command_topic"):
        json.loads(text)
        self.fleet.publish(component[topic], text)

    def wait_state(self, **values):
        """Until the retained state holds these."""
        wanted = {k[1:].replace("_", "."): v for k, v in values.items()}
        while any(self.state.get(k) != v for k, v in wanted.items()):
            topic, payload, _, _ = self.fleet.next(T + "state")
            self.state = json.loads(payload)

    def shown(self, component, template):
        return render_state(component[template], self.state)


def simulated(model, tmp_path):
    return ["miio_sim", "device", "--still", "--model", model, "-a"]


def generated(model, tmp_path):
    folder = tmp_path / "gen"
    run("miio_gen", "-o", folder, "-n", "thing", model)
    lib = os.environ.get("MIIO_LIB", os.path.join(os.path.dirname(BIN), "lib"))
    sanitize = ["-fsanitize=address,undefined"] if is_sanitized("miio_agent") else []
    code, _, err = run("/usr/bin/cc", *sanitize, "-I", os.path.join(SOURCE, "libagent/include"), "-o", folder / "thing", folder / "thing.c",
                       folder / "thing_model.c", "-L", lib, "-lagentmodel", "-lagent", "-Wl,-rpath," + lib, deadline=60)
    assert code == 0, err
    return [str(folder / "thing")]


@contextmanager
def world(broker, tmp_path, model, made=simulated, extra=()):
    program = made(model, tmp_path)
    with Listener(broker.port, TOPIC, T + "state", T + "report", T + "command_ack") as fleet, \
            client(broker, tmp_path / "d", extra=("model=%s" % model, *extra)) as daemon:
        message = ha_schema.check(fleet.next(TOPIC)[1])
        agent = Daemon("miio_agent", "--listen", "127.0.0.1:0", "--unix", "none", "--upstream", "127.0.0.1:%d" % daemon.port("local"))
        address = "tcp:127.0.0.1:%d" % agent.port("listen")
        device = Daemon(*program, *([address] if "-a" in program else []), env={"MIIO_AGENT": address}, ready=False)
        try:
            w = World(fleet, daemon, device, message)
            while not set(readable(model)) <= set(w.state):  # told, or asked for
                w.state = json.loads(fleet.next(T + "state")[1])
            yield w
        finally:
            device.signal(signal.SIGTERM)
            device.wait()
            assert not any("Sanitizer" in line or "runtime error" in line for line in device.err), device.err
            agent.stop()


def readable(model):
    for service in json.loads(model.read_text())["services"]:
        for p in service.get("properties") or []:
            if "read" in p["access"] and service["iid"] != 1:
                yield "%d.%d" % (service["iid"], p["iid"])


@pytest.mark.parametrize("made", [simulated, generated])
@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.stem)
def test_every_model_is_announced_set_and_shown(broker, tmp_path, model, made):
    with world(broker, tmp_path, model, made) as w:
        assert w.message["device"]["connections"] == [["mac", "34:ce:00:aa:bb:01"]]
        assert w.message["device"]["sw_version"] == "1.2.3"
        for key, c in w.components.items():
            for name in [k for k in c if k.endswith(("value_template", "state_template")) and c["platform"] != "event"]:
                assert w.shown(c, name) not in ("", "None") or c["platform"] == "climate", (key, name)
        for key, c in w.components.items():
            set_and_show(w, key, c)


def set_and_show(w, key, c):
    """What a user sets is what is shown then; what cannot be read is only sent."""
    platform = c["platform"]
    if platform == "switch":
        wanted = [(v, v) for v in ("ON", "OFF")]
    elif platform == "select":
        wanted = [(o, o) for o in c["options"]]
    elif platform == "number":
        wanted = [(v, "%g" % v if v < 1e6 else str(v)) for v in (c["min"], c["max"])]
    else:
        return
    for value, shown in wanted:
        w.send(c, render_command(c["command_template"], value=value))
        if "value_template" not in c:
            answer = json.loads(w.fleet.next(T + "command_ack")[1])
            assert [e["code"] for e in answer["result"]] == [0], (key, value, answer)
            continue
        while w.shown(c, "value_template") != shown:
            w.state = json.loads(w.fleet.next(T + "state")[1])


def test_a_thermostat_is_a_climate(broker, tmp_path):
    with world(broker, tmp_path, DATA / "thermostat.json") as w:
        c = w.find("climate")
        assert (c["name"], c["modes"]) == (None, ["off", "cool", "fan_only", "heat"])
        assert (c["min_temp"], c["max_temp"], c["temp_step"], c["precision"], c["temperature_unit"]) == (16, 32, 1, 1.0, "C")
        assert c["fan_modes"] == ["Auto", "Low", "Medium", "High"]
        for mode, state in ("heat", {"_2_3": True, "_2_1": 1}), ("fan_only", {"_2_1": 2}), ("off", {"_2_3": False}):
            w.send(c, render_command(c["mode_command_template"], value=mode), "mode_command_topic")
            w.wait_state(**state)
            assert w.shown(c, "mode_state_template") == mode
        for value, there in (21.6, 22), (99.0, 32):
            w.send(c, render_command(c["temperature_command_template"], value=value), "temperature_command_topic")
            w.wait_state(_2_5=there)
            assert w.shown(c, "temperature_state_template") == str(there)
        w.send(c, render_command(c["fan_mode_command_template"], value="High"), "fan_mode_command_topic")
        w.wait_state(_2_2=3)
        assert w.shown(c, "fan_mode_state_template") == "High"
        assert float(w.shown(c, "current_temperature_template")) == w.state["3.1"]
        sensor = w.find("sensor", "p3_1")
        assert (sensor["device_class"], sensor["unit_of_measurement"], sensor["state_class"]) == ("temperature", "°C", "measurement")
        assert w.find("switch", "p5_1")["entity_category"] == "config"


def test_a_purifier_is_a_fan(broker, tmp_path):
    with world(broker, tmp_path, DATA / "air-purifier.json") as w:
        c = w.find("fan")
        assert c["preset_modes"] == ["Auto", "Sleep", "Favorite"]
        w.send(c, render_command(c["command_template"], value="ON"))
        w.wait_state(_2_1=True)
        assert w.shown(c, "state_value_template") == "ON"
        w.send(c, render_command(c["preset_mode_command_template"], value="Favorite"), "preset_mode_command_topic")
        w.wait_state(_2_4=2)
        assert w.shown(c, "preset_mode_value_template") == "Favorite"
        pm = w.find("sensor", "p3_4") if "p3_4" in w.components else next(c for c in w.components.values() if c.get("device_class") == "pm25")
        assert pm["unit_of_measurement"] == "μg/m³"
        fault = w.find("sensor", "p2_2")
        assert (fault["device_class"], fault["entity_category"]) == ("enum", "diagnostic")
        button = w.find("button", "a2_1")
        w.send(button, button["payload_press"])
        w.device.wait_out("^do air-purifier.toggle")
        assert w.find("update")["entity_category"] == "diagnostic"
        assert json.loads(w.shown(w.find("update"), "value_template"))["installed_version"]


def test_a_bath_heaters_light_counts_to_255(broker, tmp_path):
    with world(broker, tmp_path, DATA / "bath-heater.json") as w:
        light, climate = w.find("light"), w.find("climate")
        assert light["effect_list"] == ["Lighting", "Night Light"] and "effect_template" not in light
        for brightness, percent in (255, 100), (128, 50), (1, 1):
            w.send(light, render_command(light["command_on_template"], state=True, brightness=brightness))
            w.wait_state(_2_1=True, _2_3=percent)
            assert w.shown(light, "state_template") == "on"
        assert w.shown(light, "brightness_template") == "3"
        w.send(light, render_command(light["command_on_template"], state=True, effect="Night Light"))
        w.device.wait_out("^set light.mode 2")
        w.send(light, render_command(light["command_off_template"], state=False))
        w.wait_state(_2_1=False)
        assert climate["modes"] == ["dry", "off", "heat"]
        w.send(climate, render_command(climate["mode_command_template"], value="heat"), "mode_command_topic")
        w.wait_state(_3_1=4)
        assert w.shown(climate, "mode_state_template") == "heat"
        assert set(w.find("select", "p3_1")["options"]) >= {"Defog", "Quick Heat"}  # what climate has no words for


def test_events_are_told(broker, tmp_path):
    with world(broker, tmp_path, DATA / "thermostat.json") as w:
        c = w.find("event")
        assert c["event_types"] == ["time"] and c["state_topic"] == T + "report"
        for report, shown in [({"method": "event_occured", "params": {"did": "1001", "siid": 4, "eiid": 1, "arguments": [{"piid": 1, "value": 'a"b'}]}},
                               {"event_type": "time", "arguments": [{"piid": 1, "value": 'a"b'}]}),
                              ({"method": "event_occured", "params": {"siid": 4, "eiid": 1}}, {"event_type": "time", "arguments": []}),
                              ({"method": "event_occured", "params": {"siid": 4, "eiid": 2}}, None),
                              ({"method": "properties_changed", "params": [{"siid": 4, "piid": 1, "value": 1}]}, None), ({"id": 1}, None)]:
            text = render_state(c["value_template"], report)
            assert (json.loads(text) if text else None) == shown


def lamp(*names, **more):
    return {"type": "urn:miot-spec-v2:device:lamp:0000A001:acme-lamp:1", "description": "Lamp", "services": [
        {"iid": 2, "type": "urn:acme-spec:service:things:00007802:acme-lamp:1", "description": "Things", "properties": [
            {"iid": i + 1, "type": "urn:acme-spec:property:%s:00000001:acme-lamp:1" % n, "description": n, "format": "bool",
             "access": ["read", "write", "notify"]} for i, n in enumerate(names)]}], **more}


def test_what_is_gone_is_taken_back_on_sighup(broker, tmp_path):
    model = tmp_path / "lamp.json"
    model.write_text(json.dumps(lamp("a", "b", "c")))
    with Listener(broker.port, TOPIC) as fleet, client(broker, tmp_path / "d", "--model", model) as daemon:
        assert set(ha_schema.check(fleet.next()[1])["components"]) == {"p2_1", "p2_2", "p2_3", "firmware"}
        grown = lamp("a", "b")
        grown["services"][0]["properties"][1]["access"] = ["read"]  # a binary_sensor now
        model.write_text(json.dumps(grown))
        daemon.signal(signal.SIGHUP)
        first, second = json.loads(fleet.next()[1])["components"], ha_schema.check(fleet.next()[1])["components"]
        assert first["p2_2"] == {"platform": "switch"} and first["p2_3"] == {"platform": "switch"} and len(first["p2_1"]) > 1
        assert set(second) == {"p2_1", "p2_2", "firmware"} and second["p2_2"]["platform"] == "binary_sensor"
        daemon.signal(signal.SIGHUP)
        assert ha_schema.check(fleet.next()[1])["components"] == second  # once
        model.write_text("{")
        daemon.signal(signal.SIGHUP)
        daemon.wait_err("configuration kept as it was")


def test_home_assistants_birth_has_all_said_again(broker, tmp_path):
    with world(broker, tmp_path, DATA / "thermostat.json", extra=["ha_status=ha/birth"]) as w:
        with Listener(broker.port) as ha:
            ha.publish("ha/birth", "offline")
            ha.publish("ha/birth", "online")
            assert ha_schema.check(w.fleet.next(TOPIC)[1]) == w.message
            w.fleet.next(T + "state")


def test_single_messages_of_before_are_migrated(broker, tmp_path):
    listing, model = tmp_path / "list.json", tmp_path / "lamp.json"
    listing.write_text(json.dumps({"properties": [{"name": "power", "type": "sensor"}]}))
    model.write_text(json.dumps(lamp("a")))
    single = "homeassistant/sensor/miio_%d/power/config" % DID
    with Listener(broker.port, "homeassistant/#") as ha:
        with client(broker, tmp_path / "d", extra=["ha_properties=%s" % listing]):
            assert ha.next()[0] == single
        with client(broker, tmp_path / "d", extra=["model=%s" % model]):
            assert ha.next()[:2] == (single, b'{"migrate_discovery":true}')
            assert ha.next()[0] == TOPIC
            assert ha.next(deadline=40)[:2] == (single, b"")
        with client(broker, tmp_path / "d", extra=["model=%s" % model]):
            assert ha.next()[0] == TOPIC
        with client(broker, tmp_path / "d", extra=["ha_properties=%s" % listing]):
            assert ha.next()[:2] == (TOPIC, b'{"migrate_discovery":true}')
            assert ha.next()[0] == single
            assert ha.next(deadline=40)[:2] == (TOPIC, b"")


def test_an_instance_in_ha_properties_is_a_model(broker, tmp_path):
    with Listener(broker.port, TOPIC) as ha, client(broker, tmp_path / "d", extra=["ha_properties=%s" % (DATA / "thermostat.json")]):
        assert ha_schema.check(ha.next()[1])["components"]["s2"]["platform"] == "climate"


def broken(change, why):
    return pytest.param(change, why, id=why.replace(" ", "-"))


@pytest.mark.parametrize("change, why", [
    broken(lambda m: m.update(extra=1), "message has unknown"),
    broken(lambda m: m.pop("origin"), "message lacks"),
    broken(lambda m: m["device"].update(mac="x"), "device has unknown"),
    broken(lambda m: m["components"]["p2_1"].update(object_id="x"), "deprecated"),
    broken(lambda m: m["components"]["p2_1"].update(color="x"), "unknown keys"),
    broken(lambda m: m["components"]["p2_1"].pop("command_topic"), "lacks"),
    broken(lambda m: m["components"]["p2_1"].pop("unique_id"), "unique_id"),
    broken(lambda m: m["components"]["p2_1"].update(platform="lamp"), "platform"),
    broken(lambda m: m["components"]["p2_1"].update(value_template="{{ x"), "value_template"),
    broken(lambda m: m["components"]["p2_1"].update(qos="1"), "wrong type"),
    broken(lambda m: m["components"]["p2_1"].update(device_class="lamp"), "unknown class"),
    broken(lambda m: m["components"]["p2_1"].update(command_topic="a/#"), "command_topic"),
    broken(lambda m: m["components"]["p2_1"].update(default_entity_id="light.x"), "light.x"),
    broken(lambda m: m["components"]["p2_2"].update(unique_id=m["components"]["p2_1"]["unique_id"]), "unique_id twice"),
])
def test_the_validator_sees_what_home_assistant_would_not_take(change, why):
    one = {"platform": "switch", "unique_id": "a", "command_topic": "c"}
    message = {"device": {"identifiers": ["x"], "name": "x"}, "origin": {"name": "x"},
               "components": {"p2_1": dict(one), "p2_2": {**one, "unique_id": "b"}}}
    ha_schema.check(json.dumps(message))
    change(message)
    with pytest.raises(ha_schema.Bad, match=why):
        ha_schema.check(json.dumps(message))


@pytest.mark.parametrize("args, line, code, why", [
    (("--model", "/nowhere.json"), "", 2, "--model /nowhere.json: No such file"),
    (("--model", "{bad}"), "", 2, "bad.json: line 2: iid of a service"),
    ((), "model={bad}", 78, "device.conf:7: model_file: line 2: iid of a service"),
    ((), "model_file=/nowhere", 78, "device.conf:7: model_file: No such file"),
    ((), "model={good}", 0, ""),
])
def test_a_wrong_model_is_refused_at_the_start(tmp_path, args, line, code, why):
    bad = tmp_path / "bad.json"
    bad.write_text('{"type":"urn:a:device:b:00000001","services":[\n{"iid":0}]}')
    names = {"bad": bad, "good": DATA / "thermostat.json"}
    write_identity(tmp_path / "d", did=DID, extra=("cloud=none", line.format(**names) or "# none"))
    got, _, err = run("miio_client", "-d", tmp_path / "d", "--check-config", *[a.format(**names) for a in args])
    assert got == code and why in err, err


def test_a_hostile_model_of_300_properties(broker, tmp_path):
    odd = ['"}}', "{{ value }}", "{% if %}", "{#", "it's", "", "None", "a\nb", "<&>", "温度", "😀", "x\\", "same", "same"]
    props = []
    for i in range(300):
        p = {"iid": i + 1, "type": "urn:a-b-spec:property:same:00000001:acme-lamp:1", "description": odd[i % len(odd)],
             "format": ["bool", "uint8", "string", "float", "int64", "hex", "none"][i % 7], "access": [["read", "write"], ["read"], ["write"], []][i % 4],
             "unit": odd[i % 5]}
        if p["format"] == "uint8" and i % 2:
            p["value-list"] = [{"value": n, "description": odd[(i + n) % len(odd)]} for n in range(14)]
        props.append(p)
    model = {"type": "urn:miot-spec-v2:device:x:00000001:acme-lamp:1", "description": "{{ x }}", "services": [
        {"iid": 2, "type": "urn:a-spec:service:light:00000001:acme-lamp:1", "description": '{% "', "properties": props,
         "actions": [{"iid": 1, "type": "urn:a-spec:action:do:00000001:acme-lamp:1", "description": "{{", "in": [], "out": []}],
         "events": [{"iid": 1, "type": "urn:a-spec:event:its:00000001:acme-lamp:1", "description": "'", "arguments": []}]}]}
    path = tmp_path / "m.json"
    path.write_text(json.dumps(model))
    with Listener(broker.port, TOPIC) as ha, client(broker, tmp_path / "d", extra=["model=%s" % path]):
        payload = ha.next()[1]
    message = ha_schema.check(payload)
    assert len(payload) < 300000 and len(message["components"]) > 200
    names = [c["name"] for c in message["components"].values()]
    assert len(set(names)) == len(names)
    for key, c in message["components"].items():
        if c["platform"] == "select":
            for option in c["options"]:
                value = json.loads(render_command(c["command_template"], value=option))["params"][0]["value"]
                assert "value_template" not in c or render_state(c["value_template"], {key[1:].replace("_", "."): value}) == option
        elif c["platform"] == "text":
            for text in odd:
                assert json.loads(render_command(c["command_template"], value=text))["params"][0]["value"] == text
        elif "command_template" in c:
            json.loads(render_command(c["command_template"], value=1))
        elif "payload_press" in c:
            assert json.loads(c["payload_press"])["params"]["aiid"] == 1


def change(w, c, command, there, template, shown, topic="command_topic", **values):
    """A command as Home Assistant renders it; the device holds the state then, and the template shows it."""
    w.send(c, render_command(c[command], **values), topic)
    w.wait_state(**there)
    assert w.shown(c, template) == shown, (command, values)


def test_every_platform_sets_and_shows(broker, tmp_path):
    with world(broker, tmp_path, Path(SOURCE) / "tests/data/home-assistant.json", extra=["ha_poll=0"]) as w:
        every = {c["platform"] for c in w.components.values()}
        assert every >= {"light", "fan", "cover", "climate", "humidifier", "vacuum", "water_heater", "switch", "number", "select", "sensor",
                         "text", "button", "event", "update"}, every
        by_service = {s["type"].split(":")[3]: w.components.get("s%d" % s["iid"]) for s in json.loads(
            (Path(SOURCE) / "tests/data/home-assistant.json").read_text())["services"]}
        light = by_service["light"]  # service 2
        change(w, light, "command_on_template", {"_2_3": 4000}, "color_temp_template", "4000", state=True, color_temp=4012)
        change(w, light, "command_on_template", {"_2_4": 0x10203}, "green_template", "2", state=True, red=1, green=2, blue=3)
        change(w, light, "command_on_template", {"_2_5": 1}, "effect_template", "It's \"night\"", state=True, effect="It's \"night\"")
        night = by_service["night-light"]  # 3: mired, and a float from 0 to 1
        assert (night["min_kelvin"], night["max_kelvin"]) == (2000, 6535)
        change(w, night, "command_on_template", {"_3_3": 250}, "color_temp_template", "4000", state=True, color_temp=4000)
        change(w, night, "command_on_template", {"_3_2": 0.5}, "brightness_template", "128", state=True, brightness=128)
        change(w, night, "command_on_template", {"_3_2": 0.1}, "brightness_template", "26", state=True, brightness=1)
        fan = by_service["fan"]  # 4: a list of levels with "auto"
        change(w, fan, "percentage_command_template", {"_4_2": 2}, "percentage_value_template", "2", "percentage_command_topic", value=2)
        change(w, fan, "oscillation_command_template", {"_4_3": True}, "oscillation_value_template", "oscillate_on", "oscillation_command_topic",
               value="oscillate_on")
        change(w, fan, "direction_command_template", {"_4_4": True}, "direction_value_template", "reverse", "direction_command_topic", value="reverse")
        ceiling = by_service["ceiling-fan"]  # 5: percent in steps of 5
        change(w, ceiling, "percentage_command_template", {"_5_2": 35, "_5_1": True}, "percentage_value_template", "7", "percentage_command_topic", value=7)
        w.send(ceiling, render_command(ceiling["percentage_command_template"], value=0), "percentage_command_topic")
        w.wait_state(_5_1=False)
        cover = by_service["curtain"]  # 6
        w.send(cover, cover["payload_open"])
        w.device.wait_out("^set curtain.motor-control 1")
        change(w, cover, "set_position_template", {"_6_3": 40}, "position_template", str(w.state["6.2"]), "set_position_topic", position=40, value=40)
        assert w.shown(cover, "value_template") in ("stopped", "opening", "closing")
        air = by_service["air-conditioner"]  # 7
        assert air["modes"] == ["off", "cool", "dry", "heat", "fan_only", "auto"] and air["temp_step"] == 0.5
        change(w, air, "mode_command_template", {"_7_1": True, "_7_2": 2}, "mode_state_template", "dry", "mode_command_topic", value="dry")
        change(w, air, "temperature_command_template", {"_7_3": 22.5}, "temperature_state_template", "22.5", "temperature_command_topic", value=22.4)
        change(w, air, "swing_mode_command_template", {"_7_4": True}, "swing_mode_state_template", "on", "swing_mode_command_topic", value="on")
        change(w, air, "target_humidity_command_template", {"_7_7": 55}, "target_humidity_state_template", "55", "target_humidity_command_topic", value=55)
        wet = by_service["humidifier"]  # 8
        change(w, wet, "target_humidity_command_template", {"_8_2": 44}, "target_humidity_state_template", "44", "target_humidity_command_topic", value=44.0)
        change(w, wet, "mode_command_template", {"_8_3": 1}, "mode_state_template", "Sleep", "mode_command_topic", value="Sleep")
        assert w.shown(wet, "current_humidity_template") == str(w.state["8.4"])
        water = by_service["water-heater"]  # 9
        assert water["temperature_unit"] == "F" and set(water["modes"]) == {"off", "eco", "performance", "electric"}
        change(w, water, "mode_command_template", {"_9_1": True, "_9_3": 0}, "mode_state_template", "eco", "mode_command_topic", value="eco")
        vacuum = by_service["vacuum"]  # 10
        with Listener(broker.port, vacuum["state_topic"]) as robot:
            assert json.loads(robot.next()[1])["state"] in ("idle", "cleaning", "paused", "docked", "returning", "error")
        w.send(vacuum, vacuum["payload_return_to_base"])
        w.device.wait_out("^do vacuum.start-charge")
        for c in [c for c in w.components.values() if c["platform"] == "text"]:
            text = "ab" if "pattern" in c else 'a"}\\'
            w.send(c, render_command(c["command_template"], value=text))
            while w.shown(c, "value_template") != text:
                w.state = json.loads(w.fleet.next(T + "state")[1])
