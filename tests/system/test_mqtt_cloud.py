# SPDX-License-Identifier: MIT
"""The mqtt cloud against a real mosquitto: topics, birth and will, state, TLS, Home Assistant discovery."""
import json
import os
import signal
import subprocess
import sys
import time

import jinja2
import pytest

sys.path.insert(0, os.path.dirname(__file__))
from mqtt_support import App, Broker, Listener, client, counters, report_while_the_broker_dies
from support import run, wait_for, write_identity

DID = 1001
T = "miio/%d/" % DID

PROPERTIES = {"name": "Lamp", "properties": [
    {"name": "power", "type": "switch", "set": "set_power"},
    {"name": "bright", "type": "number", "min": 1, "max": 100, "step": 1, "unit": "%", "set": "set_bright"},
    {"name": "mode", "type": "select", "options": ["day", "night"], "set": "set_mode"},
    {"name": "temp", "type": "sensor", "unit": "°C", "device_class": "temperature", "state_class": "measurement",
     "suggested_display_precision": 1, "icon": "mdi:thermometer"},
    {"name": "door", "type": "binary_sensor", "on": True, "off": False, "device_class": "door"},
    {"name": "note", "type": "text", "set": "set_note"}]}

# what Home Assistant's documentation of each component names
COMMON = {"name", "unique_id", "default_entity_id", "state_topic", "value_template", "availability_topic", "payload_available",
          "payload_not_available", "device", "device_class", "qos"}
KEYS = {"switch": COMMON | {"command_topic", "payload_on", "payload_off", "state_on", "state_off"},
        "binary_sensor": COMMON | {"payload_on", "payload_off"},
        "sensor": COMMON | {"unit_of_measurement", "state_class", "suggested_display_precision", "icon"},
        "number": COMMON | {"command_topic", "command_template", "min", "max", "step", "unit_of_measurement"},
        "select": COMMON | {"command_topic", "command_template", "options"},
        "text": COMMON | {"command_topic", "command_template"}}
NEEDED = {"switch": {"command_topic"}, "binary_sensor": {"state_topic"}, "sensor": {"state_topic"},
          "number": {"command_topic"}, "select": {"command_topic", "options"}, "text": {"command_topic"}}


@pytest.fixture
def broker():
    with Broker() as b:
        yield b


def settings(broker, **more):
    return ["mqtt_server=127.0.0.1:%d" % broker.port] + ["%s=%s" % kv for kv in more.items()]


def test_commands_reports_and_state(broker, tmp_path):
    with Listener(broker.port, T + "#") as fleet:
        with client(tmp_path / "d", cloud="mqtt", extra=settings(broker)) as c:
            assert fleet.next(T + "status")[1] == b"online"
            commands_reports_and_state(broker, fleet, c)
        assert fleet.next(T + "status")[1] == b"offline"


def commands_reports_and_state(broker, fleet, c):
    app = App(c)
    fleet.publish(T + "command", {"id": "abc", "method": "set_power", "params": ["on"]})
    command = app.next()
    assert command["method"] == "set_power"
    app.send({"id": command["id"], "result": ["ok"]})
    assert json.loads(fleet.next(T + "command_ack")[1]) == {"id": "abc", "result": ["ok"]}
    assert app.ask("props", {"power": "on"}, id=4) == {"id": 4, "result": ["ok"]}
    report = json.loads(fleet.next(T + "report")[1])
    assert (report["method"], report["params"]) == ("props", {"power": "on"}) and report["id"] >= 0
    assert json.loads(fleet.next(T + "state")[1]) == {"power": "on"}
    app.send({"method": "properties_changed", "params": [{"siid": 2, "piid": 1, "value": 7}]})
    assert json.loads(fleet.next(T + "state")[1]) == {"power": "on", "2.1": 7}
    app.send({"method": "prop.power", "params": ["off"]})
    assert json.loads(fleet.next(T + "state")[1]) == {"power": "off", "2.1": 7}
    fleet.publish(T + "command", {"method": "no_answer", "params": []})
    assert app.next()["method"] == "no_answer"
    with Listener(broker.port, T + "state", T + "status") as late:  # retained
        assert {late.next()[0] for _ in range(2)} == {T + "state", T + "status"}


def test_the_state_of_before_a_restart_stays(broker, tmp_path):
    with Listener(broker.port, T + "state") as fleet:
        for params, want in [({"power": "on", "temp": 21}, {"power": "on", "temp": 21}),
                             ({"temp": 22}, {"power": "on", "temp": 22})]:
            with client(tmp_path / "d", cloud="mqtt", extra=settings(broker)) as c:
                App(c).ask("props", params)
                while json.loads(fleet.next()[1]) != want:
                    pass


BAD_COMMANDS = [b"", b"{", b"[]", b"\xff", b'{"id":1}', b'{"id":1,"method":7}', b'{"id":1,"id":2,"method":"x"}',
                b'{"id":1,"method":"x"}{', b'{"id":1,"method":"\xff"}', b"[" * 70000,
                b'{"id":1,"method":"x","params":["' + b"a" * (1 << 20) + b'"]}']


def test_bad_commands_are_refused_and_counted(broker, tmp_path):
    with Listener(broker.port, T + "#") as fleet, client(tmp_path / "d", cloud="mqtt", extra=settings(broker)) as c:
        assert fleet.next(T + "status")[1] == b"online"
        app = App(c)
        for bad in BAD_COMMANDS:
            fleet.publish(T + "command", bad)
            assert "error" in json.loads(fleet.next(T + "command_ack")[1])
        fleet.publish(T + "command", {"id": 2, "method": "long", "params": ["a" * 65536]})
        assert len(app.next()["params"][0]) == 65536  # the first that an application hears of
        c.wait_err("command refused: not a JSON object")
        counted = counters(c)
        assert counted["cloud.refused.commands"] == len(BAD_COMMANDS)
        assert counted["cloud.link.connects"] == 1 and "cloud.link.losses" not in counted


def test_a_retained_command_is_not_executed(broker, tmp_path):
    with Listener(broker.port) as fleet:
        fleet.publish(T + "command", {"id": 1, "method": "explode"}, retain=True)
        with client(tmp_path / "d", cloud="mqtt", extra=settings(broker)) as c:
            c.wait_err("it is retained")


def test_killed_device_is_offline_within_the_keep_alive(broker, tmp_path):
    with Listener(broker.port, T + "status") as fleet:
        c = client(tmp_path / "d", cloud="mqtt", extra=settings(broker, mqtt_keepalive=5))
        assert fleet.next()[1] == b"online"
        c.kill()
        assert fleet.next()[1] == b"offline"
        c = client(tmp_path / "d", cloud="mqtt", extra=settings(broker, mqtt_keepalive=5))
        assert fleet.next()[1] == b"online"
        c.signal(signal.SIGSTOP)  # as if the cable were cut: only the keep-alive tells
        stopped = time.monotonic()
        assert fleet.next(deadline=60)[1] == b"offline"
        assert time.monotonic() - stopped < 30  # 1.5 times 5 s, and a slow machine
        c.signal(signal.SIGCONT)
        assert fleet.next()[1] == b"online"
        c.stop()


def configs(fleet, n):
    found = {}
    while len(found) < n:
        topic, payload, qos, retain = fleet.next()
        if topic.startswith("homeassistant/") and payload:  # empty: one that is taken back
            found[topic] = json.loads(payload)
    return found


def check_config(topic, config):
    prefix, component, node, object_id, word = topic.split("/")
    assert (prefix, node, word) == ("homeassistant", "miio_%d" % DID, "config")
    assert set(config) <= KEYS[component], set(config) - KEYS[component]
    assert NEEDED[component] <= set(config)
    assert config["unique_id"] == "miio_%d_%s" % (DID, object_id)
    assert set(config["device"]) <= {"identifiers", "name", "manufacturer", "model", "sw_version"}
    assert config["device"]["identifiers"]
    assert config["availability_topic"] == T + "status"
    return component


def test_home_assistant_discovery(broker, tmp_path):
    """The small list; a device with a model has test_ha_model.py."""
    (tmp_path / "list.json").write_text(json.dumps(PROPERTIES))
    components = ["switch", "number", "select", "sensor", "binary_sensor", "text"]
    with Listener(broker.port, "homeassistant/#", T + "#") as fleet, \
            client(tmp_path / "d", cloud="mqtt", extra=settings(broker, ha_properties=tmp_path / "list.json")) as c:
        found = configs(fleet, len(components))
        assert sorted(check_config(t, v) for t, v in found.items()) == sorted(components)
        # only what is online takes commands: the announcements may come before it
        wait_for(lambda: any(m[:2] == (T + "status", b"online") for m in fleet.all), "the device online")
        app = App(c)
        switch = next(v for t, v in found.items() if "/switch/" in t)
        fleet.publish(switch["command_topic"], switch["payload_on"])
        command = app.next()
        assert (command["method"], command["params"]) == ("set_power", ["on"])
        select = next(v for t, v in found.items() if "/select/" in t)
        fleet.publish(switch["command_topic"], render(select["command_template"], value="night"))
        command = app.next()
        assert (command["method"], command["params"]) == ("set_mode", ["night"])
        sensor = next(v for t, v in found.items() if "/sensor/" in t)
        assert (sensor["state_class"], sensor["suggested_display_precision"], sensor["icon"]) == ("measurement", 1, "mdi:thermometer")


@pytest.mark.parametrize("property,why", [
    ({"type": "sensor", "unti": "s"}, "property p: unknown member \"unti\""),
    ({"type": "switch", "set": "m", "unit": "s"}, "property p: a switch has no unit"),
    ({"type": "select", "set": "m", "options": ["a"], "device_class": "x"}, "property p: a select has no device_class"),
    ({"type": "sensor", "min": 1}, "property p: a sensor has no min"),
    ({"type": "number", "set": "m", "max": "9"}, "property p: max must be a number"),
    ({"type": "sensor", "set": "m"}, "property p: a sensor has no set"),
    ({"type": "sensor", "entity_category": "config"}, "property p: entity_category must be diagnostic"),
    ({"type": "text", "set": "m", "icon": "lamp"}, "property p: icon must be mdi:NAME"),
    ({"type": "switch"}, 'property p: needs "set"'),
    ({"type": "lamp"}, "type must be switch"),
])
def test_a_member_of_a_list_is_taken_or_refused(tmp_path, property, why):
    (tmp_path / "list.json").write_text(json.dumps({"properties": [{"name": "p", **property}]}))
    write_identity(tmp_path / "d", extra=["cloud=mqtt", "mqtt_server=h", "ha_properties=%s" % (tmp_path / "list.json")])
    code, _, err = run("miio_client", "-d", tmp_path / "d", "--check-config")
    assert code == 78 and why in err, err


def render(template, **values):
    """As Home Assistant does: Jinja, the result stripped."""
    return jinja2.Template(template).render(**values).strip()


NASTY = ["day", '7" wide', "back\\slash", "it's", "{{ value }}", "{% if %}", "a\nb", "<&>", "日本", "😀", "None", "none", "",
         "x\"},{\"did\":\"1\",\"siid\":2,\"piid\":1,\"value\":true,\"z\":\""]


def test_home_assistant_sends_what_was_chosen_and_shows_what_is(broker, tmp_path):
    """Each choice of a select, through its own templates and back; texts with anything in them; names told apart."""
    small = {"properties": [{"name": "mode", "type": "select", "options": NASTY + ["day"], "set": "set_{{mode}}"},
                            {"name": "label", "type": "text", "set": "set_label"}]}
    with Listener(broker.port, "homeassistant/#") as fleet:
        (tmp_path / "list.json").write_text(json.dumps(small))
        with client(tmp_path / "d", cloud="mqtt", extra=settings(broker, ha_properties=tmp_path / "list.json")):
            found = {t.split("/")[3]: v for t, v in configs(fleet, 2).items()}
    select, text = found["mode"], found["label"]
    options = select["options"]
    assert len(options) == len(set(options)) == len(NASTY)
    assert all(o and o.lower() != "none" and o == o.strip() for o in options)
    for option, value in zip(options, NASTY):
        command = json.loads(render(select["command_template"], value=option))
        assert (command["method"], command["params"]) == ("set_{{mode}}", [value])
        assert render(select["value_template"], value_json={"mode": value}) == option
    assert render(select["value_template"], value_json={"mode": 99}) == "None"
    assert render(select["value_template"], value_json={"mode": None}) == "None"
    assert render(select["value_template"], value_json={}) == ""
    for value in NASTY:
        assert json.loads(render(text["command_template"], value=value))["params"] == [value]
    assert (select["name"], text["name"]) == ("mode", "label")


def test_entities_that_are_gone_are_taken_back(broker, tmp_path):
    def listing(*names):
        return json.dumps({"properties": [{"name": n, "type": "sensor"} for n in names]})
    path = tmp_path / "list.json"
    with Listener(broker.port, "homeassistant/#") as fleet:
        path.write_text(listing("a", "b"))
        with client(tmp_path / "d", cloud="mqtt", extra=settings(broker, ha_properties=path)):
            assert len(configs(fleet, 2)) == 2
        path.write_text(listing("a"))
        with client(tmp_path / "d", cloud="mqtt", extra=settings(broker, ha_properties=path)):
            assert fleet.next("homeassistant/sensor/miio_%d/b/config" % DID)[1] == b""
        with client(tmp_path / "d", cloud="mqtt", extra=settings(broker)):  # no list any more
            while fleet.next("homeassistant/sensor/miio_%d/a/config" % DID)[1] != b"":
                pass


@pytest.mark.parametrize("text,word", [("{", "JSON"), ("{}", "properties"), ('{"properties":[{"name":"a b","type":"sensor"}]}', "letters"),
                                       ('{"properties":[{"name":"a","type":"lamp"}]}', "type must"),
                                       ('{"properties":[{"name":"a","type":"switch"}]}', "set"),
                                       ('{"properties":[{"name":"a","type":"select","set":"x","options":[1]}]}', "options"),
                                       ('{"properties":[{"name":"a.b","type":"sensor"},{"name":"a-b","type":"sensor"}]}', "same name"),
                                       ('{"services":[{"properties":[]}]}', "a device without type"), ('{"propertys":[]}', "unknown member")])
def test_bad_lists_are_refused_at_start(tmp_path, text, word):
    (tmp_path / "l.json").write_text(text)
    write_identity(tmp_path / "d", extra=["cloud=mqtt", "mqtt_server=h", "ha_properties=%s" % (tmp_path / "l.json")])
    code, _, err = run("miio_client", "-d", tmp_path / "d", "--check-config")
    assert code == 78 and word in err


@pytest.mark.parametrize("line,word", [("mqtt_server=", "missing"), ("mqtt_server=a,,b", "host"), ("mqtt_keepalive=4", "5 to"), ("mqtt_ca=/no/where", "No such"),
                                       ("mqtt_password=x", "mqtt_user"), ("mqtt_prefix=a/#", "wildcards"),
                                       ("mqtt_prefix=a\xff", "mqtt_prefix: must be text in UTF-8"), ("mqtt_client_id=\xe9", "UTF-8"),
                                       ("mqtt_user=a\tb", "control characters"), ("mqtt_server=mqtt://h:1883", "without")])
def test_bad_settings_are_refused_at_start(tmp_path, line, word):
    write_identity(tmp_path / "d", extra=["cloud=mqtt", "mqtt_server=h"])
    with open(tmp_path / "d" / "device.conf", "a", encoding="latin-1") as f:
        f.write(line + "\n")
    code, _, err = run("miio_client", "-d", tmp_path / "d", "--check-config")
    assert code == 78 and word in err and len(err.strip().splitlines()) == 1


def test_a_long_client_id_is_the_whole_one(tmp_path):
    """Two devices whose ids differ at the end are two."""
    ids = ["fleet/" + "a" * 80 + end for end in ("1", "2")]
    with Broker() as broker:
        with client(tmp_path / "1", cloud="mqtt", did=1001, extra=["mqtt_server=127.0.0.1:%d" % broker.port, "mqtt_client_id=" + ids[0]]) as a, \
                client(tmp_path / "2", cloud="mqtt", did=1002, extra=["mqtt_server=127.0.0.1:%d" % broker.port, "mqtt_client_id=" + ids[1]]) as b:
            for c in (a, b):
                c.wait_err("cloud mqtt connected")
            assert App(a).ask("props", {"a": 1})["result"] == ["ok"] and App(b).ask("props", {"a": 1})["result"] == ["ok"]
            assert not [l for c in (a, b) for l in c.err if "trying again" in l]


CERTS = """set -e
k='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'
openssl req -x509 $k -keyout ca.key -out ca.pem -subj /CN=ca
for n in server client; do
  openssl req $k -keyout $n.key -out $n.csr -subj /CN=127.0.0.1
  printf subjectAltName=IP:127.0.0.1 > ext
  openssl x509 -req -in $n.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $n.pem -days 2 -extfile ext
done
openssl req -x509 $k -keyout other.key -out other.pem -subj /CN=other
cp other.pem mine.pem; cp other.key mine.key
"""


def test_tls_with_own_ca_and_certificate_read_again_on_sighup(tmp_path):
    subprocess.run(["bash", "-c", CERTS], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    d = str(tmp_path)
    extra = "cafile %s/ca.pem\ncertfile %s/server.pem\nkeyfile %s/server.key\nrequire_certificate true\n" % (d, d, d)
    tls = {"ca_certs": d + "/ca.pem", "certfile": d + "/client.pem", "keyfile": d + "/client.key"}
    with Broker(extra) as broker:
        lines = settings(broker, mqtt_ca=d + "/ca.pem", mqtt_cert=d + "/mine.pem", mqtt_key=d + "/mine.key")
        with Listener(broker.port, T + "status", tls=tls) as fleet, client(tmp_path / "d", cloud="mqtt", extra=lines) as c:
            c.wait_err("cloud mqtt: .*trying again")
            assert fleet.heard.empty()  # the broker does not know this certificate
            for kind in ("pem", "key"):
                os.replace(d + "/client." + kind, d + "/mine." + kind)
            c.signal(signal.SIGHUP)
            assert fleet.next()[1] == b"online"
            for kind in ("pem", "key"):  # and away again, under a session that stands
                os.replace(d + "/other." + kind, d + "/mine." + kind)
            c.signal(signal.SIGHUP)
            assert fleet.next()[1] == b"offline"
            wait_for(lambda: sum("trying again" in line for line in c.err) > 2, "the broker's refusal")
            assert fleet.heard.empty(), fleet.all


def test_sighup_leaves_a_session_without_certificates_alone(broker, tmp_path):
    with client(tmp_path / "d", cloud="mqtt", extra=settings(broker)) as c:
        c.wait_err("cloud mqtt connected")
        c.signal(signal.SIGHUP)
        assert counters(c)["cloud.link.connects"] == 1
        assert App(c).ask("props", {"n": 1})["result"] == ["ok"]
        assert "cloud.link.losses" not in counters(c)


def test_reports_survive_a_killed_broker(tmp_path):
    """Each report is heard, by (did, id) once; repeats come under the same id."""
    n = 10000 if os.environ.get("MIIO_SOAK") else 2000
    # what the broker has acknowledged it passes on at once: nothing waits in it for a slow listener when it is killed
    with Broker("max_inflight_messages 0") as broker, Listener(broker.port, T + "report", client_id="fleet", clean=False) as fleet, \
            client(tmp_path / "d", "--request-timeout", "120000", cloud="mqtt", extra=settings(broker)) as c:
        c.wait_err("cloud mqtt connected")
        def heard():
            return [json.loads(m[1]) for m in list(fleet.all)]
        def numbers():
            return {r["params"]["n"] for r in heard()}
        report_while_the_broker_dies(c, broker, n, numbers)
        wanted = set(range(1, n + 1))
        wait_for(lambda: numbers() == wanted, "all reports", 120)
        by_id = {r["id"]: r["params"]["n"] for r in heard()}
        assert sorted(by_id.values()) == sorted(wanted)  # dropping repeats by id leaves each exactly once
        print("%d reports, %d heard" % (n, len(fleet.all)))


def test_answers_survive_a_stalled_and_a_dead_broker(broker, tmp_path):
    """An answer does not wait for a place among the reports, and an outage does not lose it."""
    with Listener(broker.port, T + "command_ack", client_id="fleet", clean=False) as fleet, \
            client(tmp_path / "d", "--request-timeout", "120000", cloud="mqtt", extra=settings(broker)) as c:
        c.wait_err("cloud mqtt connected")
        app = App(c)
        fleet.publish(T + "command", {"id": "a", "method": "slow"})
        fleet.publish(T + "command", {"id": "b", "method": "slower"})
        first, second = app.next(), app.next()
        broker.process.send_signal(signal.SIGSTOP)
        for i in range(1000):  # more than the window
            app.send({"method": "props", "params": {"n": i}})
        app.send({"id": first["id"], "result": ["stalled"]})
        wait_for(lambda: counters(c)["cloud.link.unacknowledged"] > 300, "a full window")
        broker.process.send_signal(signal.SIGCONT)
        assert json.loads(fleet.next()[1]) == {"id": "a", "result": ["stalled"]}
        broker.kill()
        c.wait_err("cloud mqtt: .*trying again")
        app.send({"id": second["id"], "result": ["away"]})
        app.ask("props", {"n": 1000})  # "queued": what was sent before has been read
        broker.start()
        while True:
            answer = json.loads(fleet.next()[1])
            if answer["id"] != "a":  # QoS 1: that one may come twice
                break
        assert answer == {"id": "b", "result": ["away"]}


def test_the_broker_comes_and_goes(broker, tmp_path):
    with client(tmp_path / "d", cloud="mqtt", extra=settings(broker)) as c:
        c.wait_err("cloud mqtt connected")
        broker.kill()
        c.wait_err("cloud mqtt: .*trying again")
        broker.start()
        wait_for(lambda: sum("cloud mqtt connected" in l for l in c.err) == 2, "a second login")
        with Listener(broker.port, T + "report") as fleet:
            assert App(c).ask("event.back", [])["result"] == ["ok"]
            assert json.loads(fleet.next()[1])["method"] == "event.back"
