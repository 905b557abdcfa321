# SPDX-License-Identifier: MIT
"""The onenet cloud of miio_client against the strict stand-in over a real mosquitto."""
import base64
import json
import os
import signal
import struct
import subprocess
import sys
import urllib.request

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from mqtt_support import App, Broker, Listener, client, counters, free_port, report_while_the_broker_dies
from support import DEADLINE, SOURCE, Daemon, wait_for

ID, AUTH, PRODUCT, KEY = "1001", "s3cret", "433223", "apikey"


class Platform(Daemon):
    """The stand-in, and its journal."""

    def __init__(self, *args):
        super().__init__("miio_sim", "cloud", "--kind", "onenet", "--device", ID + ":" + AUTH, "--device", "1002:other",
                         "--product", PRODUCT, "--api-key", KEY, *args, stdin=subprocess.PIPE)
        self.mqtt, self.http, self.broker = self.port("mqtt"), self.port("http"), self.port("broker")
        self.mark = 0

    def events(self, kind, since=0):
        return [e for e in (json.loads(l) for l in self.out[since:] if l.startswith("{")) if e["event"] == kind]

    def wait_event(self, kind, n=1, since=0, **members):
        def found():
            hits = [e for e in self.events(kind, since) if all(e.get(k) == v for k, v in members.items())]
            return hits[n - 1] if len(hits) >= n else None
        return wait_for(found, "%s %r in %r" % (kind, members, self.out[-5:]))

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def post(self, path, body=b"", key=KEY):
        headers = {"api-key": key} if key else {}
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.http, path), data=body, headers=headers)
        return json.load(urllib.request.urlopen(request, timeout=DEADLINE))

    def get(self, path):
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.http, path), headers={"api-key": KEY})
        return urllib.request.urlopen(request, timeout=DEADLINE).read()

    def command(self, payload, **args):
        query = "".join("&%s=%s" % a for a in args.items())
        payload = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.post("/cmds?device_id=%s%s" % (ID, query), payload)

    def settings(self, **more):
        base = {"onenet_server": "127.0.0.1:%d" % self.mqtt, "onenet_http": "http://127.0.0.1:%d" % self.http,
                "onenet_device_id": ID, "onenet_product_id": PRODUCT, "onenet_auth_info": AUTH,
                "onenet_master_key": KEY, "onenet_utc_offset": "0"}
        base.update(more)
        return ["%s=%s" % kv for kv in base.items() if kv[1] is not None]


@pytest.fixture
def platform():
    with Platform() as p:
        yield p


@pytest.fixture
def device(platform, tmp_path):
    with client(tmp_path / "d", cloud="onenet", extra=platform.settings(onenet_file_dir=str(tmp_path))) as c:
        platform.wait_event("login", device=ID)
        c.wait_err("cloud onenet connected")
        yield c


def test_reports_become_data_points(platform, device):
    app = App(device)
    assert app.ask("props", {"power": "on", "level": 42}, id=5) == {"id": 5, "result": ["ok"]}  # the PUBACK
    assert platform.wait_event("point", stream="power")["value"] == "on"
    assert platform.wait_event("point", stream="level")["type"] == 3
    app.send({"method": "prop.temp", "params": [21.5]})
    assert platform.wait_event("point", stream="temp")["value"] == 21.5
    app.send({"method": "properties_changed", "params": [{"did": "1", "siid": 2, "piid": 1, "value": True}]})
    assert platform.wait_event("point", stream="2.1")["value"] is True
    app.send({"method": "event.click", "params": {"n": 1}})
    assert platform.wait_event("point", stream="click")["value"] == {"n": 1}
    app.send({"id": 6, "method": "props", "params": {"late": 1}, "at": 1709251199})
    e = platform.wait_event("point", stream="late")
    assert (e["type"], e["at"]) == (4, "2024-02-29 23:59:59")
    app.send({"method": "prop.many", "params": [1, 2, 3]})
    assert platform.wait_event("point", n=3, stream="many")["type"] == 1


@pytest.mark.parametrize("names, on, other", [("model", "air-purifier.on", "99.1"), ("numbers", "2.1", "99.1")])
def test_streams_carry_the_names_of_the_model(platform, tmp_path, names, on, other):
    model = os.path.join(SOURCE, "tests/data/miot-spec/air-purifier.json")
    with client(tmp_path / "d", cloud="onenet", extra=platform.settings(onenet_names=names, model_file=model)) as c:
        platform.wait_event("login", device=ID)
        c.wait_err("cloud onenet connected")
        app = App(c)
        params = [{"did": "1", "siid": 2, "piid": 1, "value": True}, {"did": "1", "siid": 99, "piid": 1, "value": 5}]
        assert app.ask("properties_changed", params, id=5) == {"id": 5, "result": ["ok"]}
        assert platform.wait_event("point", stream=on)["value"] is True
        assert platform.wait_event("point", stream=other)["value"] == 5
        assert {e["stream"] for e in platform.events("point")} == {on, other}


def test_every_type_by_request(platform, device, tmp_path):
    app = App(device)
    requests = [
        (1, {"points": [{"id": "a", "value": 1}, {"id": "a", "at": "2024-01-02 03:04:05", "value": 2}]}, "a"),
        (3, {"values": {"b": {"x": [1]}}}, "b"),
        (4, {"points": [{"id": "c", "at": "2024-01-02 03:04:05", "value": "v"}]}, "c"),
        (5, {"points": [{"id": "d,;", "value": "#"}]}, "d,;"),
        (6, {"at": "2016-12-22 08:09:16", "values": {"e": 1}}, "e"),
        (7, {"at": "2016-12-22 08:09:16", "values": {"9271": 1.5}}, "9271"),
    ]
    for kind, params, stream in requests:
        for qos in (0, 1, 2):
            assert app.ask("onenet.dp", dict(params, type=kind, qos=qos), id=10 + qos)["result"] == ["ok"], kind
            assert platform.wait_event("point", type=kind, qos=qos, stream=stream)
    assert app.ask("onenet.dp", {"type": 2, "id": "img", "desc": "x", "base64": base64.b64encode(b"\0\xff").decode()})
    assert platform.wait_event("point", type=2, stream="img")["bytes"] == 2
    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(3 << 20))
    assert app.ask("onenet.dp", {"type": 2, "id": "big", "file": str(big)})["result"] == ["ok"]
    assert platform.wait_event("point", type=2, stream="big")["bytes"] == 3 << 20
    big.write_bytes(b"x" * ((3 << 20) + 1))
    assert app.ask("onenet.dp", {"type": 2, "id": "big", "file": str(big)})["error"]["code"] == -32602
    assert app.ask("onenet.dp", {"type": 2, "id": "x", "file": "/etc/passwd"})["error"]["code"] == -32602
    for path in ("d/device.conf", str(tmp_path / "d" / "device.token"), "../x", "d/../big.bin"):
        assert "plain file below" in app.ask("onenet.dp", {"type": 2, "id": "x", "file": path})["error"]["message"], path
    before = len(platform.events("point"))
    assert app.ask("onenet.dp", {"type": 7, "values": {str(i): i for i in range(1, 502)}})["result"] == ["ok"]
    wait_for(lambda: len(platform.events("point")) == before + 501, "501 floats in two payloads")
    assert app.ask("onenet.dp", {"type": 9, "values": {"a": 1}})["error"]["code"] == -32602
    assert app.ask("onenet.dp", {"type": 3, "values": {"a": "x" * 70000}})["error"]["message"] == "too large"
    assert not platform.events("refused")  # the stand-in found nothing to object to


VECTORS = [  # $dp payload; (stream, value, time) of each point
    ("0100557b226461746173747265616d73223a5b7b226964223a2274222c2264617461706f696e7473223a5b7b226174223a22323031332d3034"
     "2d32322032323a32323a3232222c2276616c7565223a33362e357d5d7d5d7d", [("t", 36.5, "2013-04-22 22:22:22")]),
    ("0300277b2274656d7065726174757265223a32322e352c2268756d6964697479223a2239352e3225227d",
     [("temperature", 22.5, None), ("humidity", "95.2%", None)]),
    ("04002c7b2274656d7065726174757265223a7b22323031352d30332d32322032323a33313a3132223a32322e357d7d",
     [("temperature", 22.5, "2015-03-22 22:31:12")]),
    ("0500362c3b74656d70657261747572652c323031352d30332d32322032323a33313a31322c32322e353b3130323b706d322e352c38393b3130",
     [("temperature", "22.5", "2015-03-22 22:31:12"), ("1", "102", None), ("pm2.5", "89", None), ("3", "10", None)]),
    ("86100c160809100009234074233140682332", [("t", "1", "2016-12-22 08:09:16"), ("h", "2", "2016-12-22 08:09:16")]),
    ("0600052c3b742c31", [("t", "1", None)]),
    ("07000100010000c03f", [("1", 1.5, None)]),
    ("8710021d173b3b24370002000020c10000803e", [("9271", -10.0, "2016-02-29 23:59:59"), ("9272", 0.25, "2016-02-29 23:59:59")]),
]


def test_vectors_on_the_wire(platform):
    s, _ = raw_connect(platform.mqtt)
    for mid, (payload, points) in enumerate(VECTORS, 1):
        body, since = b"\x00\x03$dp" + struct.pack(">H", mid) + bytes.fromhex(payload), len(platform.out)
        s.sendall(b"\x32" + bytes([len(body)] if len(body) < 128 else [len(body) & 127 | 128, len(body) >> 7]) + body)
        assert s.recv(4) == b"\x40\x02" + struct.pack(">H", mid)
        platform.wait_event("point", n=len(points), since=since)
        got = [(e["stream"], e["value"], e.get("at") or None) for e in platform.events("point", since)]
        assert got == points
    assert not platform.events("refused")
    s.close()


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_answers_at_each_qos(platform, tmp_path, qos):
    with client(tmp_path / "d", cloud="onenet", extra=platform.settings(onenet_qos=str(qos))) as c:
        platform.wait_event("login", device=ID)
        c.wait_err("cloud onenet connected")
        app = App(c)
        for i in range(3):
            uuid = platform.command({"id": i, "method": "ping"})["data"]["cmd_uuid"]
            app.send({"id": app.next()["id"], "result": [i]})
            assert platform.wait_event("answer", uuid=uuid)["qos"] == qos
        assert app.ask("props", {"q": qos}, id=9)["result"] == ["ok"]
        assert platform.wait_event("point", stream="q")["qos"] == qos


def test_answers_survive_a_stall_and_an_outage(tmp_path):
    with Broker("max_inflight_messages 0") as broker, Platform("--broker", "127.0.0.1:%d" % broker.port) as platform:
        with client(tmp_path / "d", "--request-timeout", "120000", cloud="onenet", extra=platform.settings()) as c:
            c.wait_err("cloud onenet connected")
            app = App(c)
            ids = [platform.command({"id": i, "method": "slow"}, timeout=60)["data"]["cmd_uuid"] for i in (1, 2)]
            first, second = app.next(), app.next()
            platform.signal(signal.SIGSTOP)
            for i in range(500):  # more than the window
                app.send({"method": "props", "params": {"n": i}})
            app.send({"id": first["id"], "result": ["stalled"]})
            wait_for(lambda: counters(c)["cloud.link.unacknowledged"] > 64, "a full window, and the answer beyond it")
            platform.signal(signal.SIGCONT)
            assert json.loads(platform.wait_event("answer", uuid=ids[0])["payload"]) == {"id": 1, "result": ["stalled"]}
            broker.kill()
            c.wait_err("cloud onenet: .*trying again")
            app.send({"id": second["id"], "result": ["away"]})
            app.ask("props", {"n": 1000})
            broker.start()
            assert json.loads(platform.wait_event("answer", uuid=ids[1])["payload"]) == {"id": 2, "result": ["away"]}


def test_commands_come_unsubscribed_and_are_answered_under_their_uuid(platform, device):
    app = App(device)
    uuid = platform.command({"id": 77, "method": "set_power", "params": ["on"]})["data"]["cmd_uuid"]
    command = app.next()
    assert (command["method"], command["params"]) == ("set_power", ["on"])
    app.send({"id": command["id"], "result": ["ok"]})
    assert json.loads(platform.wait_event("answer", uuid=uuid)["payload"]) == {"id": 77, "result": ["ok"]}
    assert json.loads(platform.get("/cmds/" + uuid))["data"]["status"] == 4
    assert json.loads(platform.get("/cmds/%s/resp" % uuid)) == {"id": 77, "result": ["ok"]}
    uuid = platform.command(b"plain words")["data"]["cmd_uuid"]
    command = app.next()
    assert (command["method"], command["params"]) == ("onenet.command", {"payload": "plain words"})
    app.send({"id": command["id"], "result": {"payload": "done"}})
    assert platform.wait_event("answer", uuid=uuid)["payload"] == "done"
    uuid = platform.command(b"\xff\x00\x01")["data"]["cmd_uuid"]
    command = app.next()
    assert command["params"] == {"base64": "/wAB"}
    app.send({"id": command["id"], "result": {"base64": "AAH/"}})
    assert platform.wait_event("answer", uuid=uuid)["base64"] == "AAH/"


def test_an_unanswered_command_comes_again_and_is_executed_once(platform, device):
    app = App(device)
    uuid = platform.command({"id": 1, "method": "slow"}, qos=1, timeout=60)["data"]["cmd_uuid"]
    command = app.next()
    platform.say("!drop " + ID)
    platform.wait_event("login", n=2)  # the command is sent again here
    app.send({"id": command["id"], "result": ["ok"]})
    assert platform.wait_event("answer", uuid=uuid)
    platform.command({"id": 2, "method": "marker"})
    assert app.next()["method"] == "marker"  # "slow" did not come twice


def test_topics(platform, device):
    app = App(device)
    assert app.ask("onenet.create_topic", {"topic": "lamp/a"})["result"] == ["ok"]
    assert "errno" in app.ask("onenet.create_topic", {"topic": "lamp/a"})["error"]["message"]
    assert app.ask("onenet.subscribe", {"topic": "lamp/a", "qos": 2})["result"] == ["ok"]
    for qos in (0, 1, 2):
        assert app.ask("onenet.publish", {"topic": "lamp/a", "payload": "hi", "qos": qos}, id=40)["result"] == ["ok"]
        m = app.next()
        assert m["method"] == "onenet.message"
        assert m["params"] == {"topic": "lamp/a", "payload": "hi", "qos": qos, "retain": False}
    assert app.ask("onenet.push", {"topic": "lamp/a", "base64": "/w=="})["result"] == ["ok"]
    assert app.next()["params"]["base64"] == "/w=="
    assert app.ask("onenet.publish", {"topic": "lamp/b", "payload": {"k": 1}, "retain": True})["result"] == ["ok"]
    assert app.ask("onenet.subscribe", {"topic": "lamp/b"})["result"] == ["ok"]
    assert app.next()["params"] == {"topic": "lamp/b", "payload": '{"k":1}', "qos": 1, "retain": True}
    assert app.ask("onenet.unsubscribe", {"topic": "lamp/a"})["result"] == ["ok"]
    platform.wait_event("unsubscribe", topic="lamp/a")
    for method, params in [("onenet.subscribe", {"topic": "$creq/x"}), ("onenet.subscribe", {"topic": "a/+"}),
                           ("onenet.subscribe", {"topic": "a", "qos": 3}), ("onenet.publish", {"topic": "$dp", "payload": ""}),
                           ("onenet.publish", {"topic": "a"}), ("onenet.publish", {"topic": "a", "base64": "!"}),
                           ("onenet.create_topic", {"topic": "a-b"}), ("onenet.push", {"topic": "a", "payload": "x" * 65536})]:
        assert app.ask(method, params)["error"]["code"] == -32602, (method, params)
    for i in range(100 - 1):
        assert app.ask("onenet.subscribe", {"topic": "many/%d" % i})["result"] == ["ok"]
    assert app.ask("onenet.subscribe", {"topic": "many/100"})["error"]["code"] == -32602


def test_points_of_another_device(platform, device, tmp_path):
    app = App(device)
    assert app.ask("onenet.subscribe", {"topic": "/1002/temp"})["result"] == ["ok"]
    other = platform.settings(onenet_device_id="1002", onenet_auth_info="other")
    with client(tmp_path / "e", cloud="onenet", did=1002, extra=other) as c:
        platform.wait_event("login", device="1002")
        c.wait_err("cloud onenet connected")
        assert App(c).ask("prop.temp", [11, 15, 78])["result"] == ["ok"]
        assert [app.next()["params"]["payload"] for _ in range(3)] == ["11", "15", "78"]


def test_offline_messages_come_after_login(tmp_path):
    at = "127.0.0.1:%d" % free_port()
    with Broker() as broker:
        with Platform("--broker", "127.0.0.1:%d" % broker.port, "--listen", at) as platform:
            settings = platform.settings(onenet_subscribe="news")
            c = client(tmp_path / "d", cloud="onenet", extra=settings)
            platform.wait_event("subscribe", topic="news")
            c.wait_err("cloud onenet connected")
            app = App(c)
            assert app.ask("props", {"x": 1})["result"] == ["ok"]
        with Listener(broker.port) as other:  # the platform is away for the device, the session is not
            for i in range(9):
                other.publish("news", "n%d" % i)
        with Platform("--broker", "127.0.0.1:%d" % broker.port, "--listen", at) as platform, c:
            assert platform.wait_event("login")["session_present"] is True
            assert [app.next()["params"]["payload"] for _ in range(9)] == ["n%d" % i for i in range(9)]


def test_the_will_is_for_deaths_only(platform, tmp_path):
    settings = platform.settings(onenet_will_topic="wills", onenet_will_payload="gone", onenet_will_qos="1")
    with Listener(platform.broker, "wills") as other:
        with client(tmp_path / "d", cloud="onenet", extra=settings) as c:
            c.wait_err("cloud onenet connected")
        platform.wait_event("disconnect", device=ID)
        with client(tmp_path / "d", cloud="onenet", extra=settings) as c:
            c.wait_err("cloud onenet connected")
            assert other.heard.empty()
            c.kill()
            assert other.next("wills")[1] == b"gone"
            c.stop = lambda: None


@pytest.mark.parametrize("change,code", [({"onenet_auth_info": "wrong"}, 4), ({"onenet_product_id": "1"}, 4),
                                         ({"onenet_device_id": "9"}, 2)])
def test_refused_logins_are_told_apart(platform, tmp_path, change, code):
    with client(tmp_path / "d", cloud="onenet", extra=platform.settings(**change)) as c:
        assert platform.wait_event("login_refused")["code"] == code
        c.wait_err("cloud onenet: Connection Refused")
        assert "wrong" not in "\n".join(c.err)


def test_login_by_api_key(platform, tmp_path):
    settings = platform.settings(onenet_auth_info=None, onenet_api_key=KEY)
    with client(tmp_path / "d", cloud="onenet", extra=settings) as c:
        platform.wait_event("login", device=ID)
        c.wait_err("cloud onenet connected")


@pytest.mark.parametrize("line,word", [("onenet_keepalive=119", "120"), ("onenet_device_id=x", "decimal"),
                                       ("onenet_auth_info=", "missing"), ("onenet_will_topic=$x", "reserved"),
                                       ("onenet_subscribe=a/#", "wildcards"), ("onenet_server=", ""),
                                       ("onenet_qos=3", "from 0 to 2"), ("onenet_names=model", "there is no model"),
                                       ("onenet_names=words", "numbers or model")])
def test_bad_settings_are_refused_at_start(tmp_path, line, word):
    from support import run, write_identity
    lines = ["cloud=onenet", "onenet_device_id=1", "onenet_product_id=2", "onenet_auth_info=a", line]
    write_identity(tmp_path / "d", extra=lines)
    code, out, err = run("miio_client", "-d", tmp_path / "d", "--check-config")
    if not word:
        assert code == 0
        return
    assert code == 78 and word in err and len(err.strip().splitlines()) == 1


def raw_connect(port, flags=0xC2, keepalive=300, name=b"MQTT", level=4, client_id=ID, user=PRODUCT, password=AUTH):
    import socket
    def text(b):
        b = b if isinstance(b, bytes) else b.encode()
        return struct.pack(">H", len(b)) + b
    body = text(name) + bytes([level, flags]) + struct.pack(">H", keepalive) + text(client_id)
    if flags & 0x80:
        body += text(user)
    if flags & 0x40:
        body += text(password)
    s = socket.create_connection(("127.0.0.1", port), DEADLINE)
    s.sendall(b"\x10" + bytes([len(body)]) + body)
    return s, s.recv(4)


@pytest.mark.parametrize("change,why", [
    ({"name": b"MQIsdp", "level": 3}, "name is not MQTT"), ({"flags": 0x82}, "must be 1"), ({"flags": 0x02}, "must be 1"),
    ({"flags": 0xC3}, "reserved flag"), ({"flags": 0xCA}, "will flags"), ({"flags": 0xE2}, "will flags"),
    ({"keepalive": 119}, "keep-alive")])
def test_the_stand_in_closes_on_a_malformed_connect(platform, change, why):
    s, answer = raw_connect(platform.mqtt, **change)
    assert answer == b""  # a plain close, no CONNACK
    assert why in platform.wait_event("refused")["why"]
    s.close()


def test_the_stand_in_is_strict_about_packets(platform):
    s, answer = raw_connect(platform.mqtt)
    assert answer == b"\x20\x02\x00\x00"
    s.sendall(b"\x82\x08\x00\x01\x00\x03$dp\x01")
    assert s.recv(5) == b"\x90\x03\x00\x01\x80"
    s.sendall(b"\x82\x0d\x00\x02\x00\x02ok\x01\x00\x03a/+\x00")
    assert s.recv(6) == b"\x90\x04\x00\x02\x01\x80"  # the good one of two is granted
    dp = {"equal separators": bytes.fromhex("0500053b3b743b31"), "too short": bytes.fromhex("0300097b2261223a317d"),
          "501 floats": b"\x07" + struct.pack(">HH", 1, 501) + b"\0" * 2004, "no UTF-8": bytes.fromhex("0300097b2261223a22ff227d"),
          "trailing": bytes.fromhex("0300077b2261223a317d00")}
    for mid, payload in enumerate(dp.values(), 3):
        body = b"\x00\x03$dp" + struct.pack(">H", mid) + payload
        s.sendall(b"\x32" + (bytes([len(body)]) if len(body) < 128 else bytes([len(body) & 127 | 128, len(body) >> 7])) + body)
        assert s.recv(4) == b"\x40\x02" + struct.pack(">H", mid)  # refused, acknowledged, alive
    platform.wait_event("refused", n=2 + len(dp))
    for e, word in zip(platform.events("refused")[2:], ("separators", "too early", "count of floats", "UTF-8", "behind the end")):
        assert word in e["why"]
    s.sendall(b"\xc0\x00")
    assert s.recv(2) == b"\xd0\x00"
    s.sendall(b"\x30\xff\xff\xff\xff\x01")  # a length field of five bytes
    assert s.recv(4) == b""
    assert "five bytes" in platform.wait_event("refused", n=3 + len(dp))["why"]


def test_the_stand_in_answers_each_connack_code(tmp_path):
    with Broker() as broker, Platform("--broker", "127.0.0.1:%d" % broker.port) as platform:
        for code, change in ((1, {"level": 3}), (1, {"level": 5}), (2, {"client_id": "7"}), (4, {"user": "1"}),
                             (4, {"password": "x"}), (0, {"password": KEY}), (0, {"keepalive": 120}),
                             (0, {"keepalive": 65535})):
            s, answer = raw_connect(platform.mqtt, **change)
            assert answer == bytes([0x20, 2, 0, code]), change
            s.close()
        broker.kill()
        s, answer = raw_connect(platform.mqtt)
        assert answer == b"\x20\x02\x00\x03"
        s.close()


@pytest.mark.parametrize("packet,why", [
    (b"\x36\x06\0\1a\0\1x", "flag bits"), (b"\x38\x04\0\1ax", "flag bits"), (b"\x80\x06\0\1\0\1a\0", "flag bits"),
    (b"\xc1\0", "flag bits"), (b"\xf0\0", "unknown packet type"), (b"\x00\0", "unknown packet type"),
    (b"\x30\x03\0\7a", "topic longer than itself"), (b"\x30\x04\0\2\xff\xfe", "no UTF-8"), (b"\x30\x02\0\0", "empty"),
    (b"\x32\x03\0\1a", "without packet id"), (b"\x32\x05\0\1a\0\0", "without packet id"),
    (b"\x30\x05\0\3$ab", "reserved topic"), (b"\x30\x05\0\3a/+", "wildcards"),
    (b"\x82\x02\0\1", "malformed SUBSCRIBE"), (b"\x82\x06\0\1\0\1a\3", "malformed SUBSCRIBE"),
    (b"\x82\x06\0\0\0\1a\1", "malformed SUBSCRIBE"), (b"\xa2\x02\0\1", "malformed UNSUBSCRIBE"),
    (b"\x82\xae\x03\0\1" + b"".join(b"\0\1a\0" for _ in range(107)), "over 100 topics"),
    (b"\x90\x03\0\1\0", "only the platform sends"), (b"\xd0\0", "only the platform sends"),
    (b"\x30\xff\xff\xff\x7f", "packet too large"), (b"\x30\xff\xff\xff\xff\1", "five bytes")])
def test_forbidden_packets_end_the_connection(platform, packet, why):
    s, answer = raw_connect(platform.mqtt)
    assert answer == b"\x20\x02\x00\x00"
    s.sendall(packet)
    assert s.recv(4) == b""
    assert why in platform.wait_event("refused")["why"]
    s.close()


def test_a_packet_before_connect_ends_the_connection(platform):
    import socket
    with socket.create_connection(("127.0.0.1", platform.mqtt), DEADLINE) as s:
        s.sendall(b"\xc0\0")
        assert s.recv(4) == b""
    assert "before CONNECT" in platform.wait_event("refused")["why"]


def test_what_the_client_gets_malformed(platform, device):
    app = App(device)
    assert platform.command(b"x" * 65536)["errno"] != 0  # the platform's own rule
    platform.say("!big %s 65536" % ID)
    device.wait_err("command refused: over 65535 bytes")
    assert json.loads(platform.wait_event("answer")["payload"])["error"]["code"] == -32600
    platform.say("!big %s 65535" % ID)
    command = app.next()
    assert len(command["params"]["payload"]) == 65535
    assert len(platform.events("login")) == 1  # the connection has lived
    app.send({"id": command["id"], "result": ["ok"]})
    platform.say("!raw %s 300700042478797a41" % ID)  # topic $xyz
    device.wait_err("message refused: unknown reserved topic")
    counted = counters(device)
    assert counted["cloud.refused.commands"] == 1 and counted["cloud.refused.messages"] == 1
    assert counted["cloud.link.connects"] == 1 and "cloud.link.losses" not in counted
    platform.say("!raw %s 30ffffffff01" % ID)  # five-byte length: close and reconnect
    platform.wait_event("login", n=2)
    wait_for(lambda: sum("cloud onenet connected" in line for line in device.err) == 2, "the client to be online again")
    assert app.ask("props", {"alive": 1}, id=9)["result"] == ["ok"]


def test_two_logins_with_one_id(platform, device):
    s, answer = raw_connect(platform.mqtt)
    assert answer[:2] == b"\x20\x02"
    platform.wait_event("thrown_out", device=ID)
    s.close()
    platform.wait_event("login", n=3)  # the client comes back by itself


def test_reports_survive_a_killed_broker(tmp_path):
    """Exact count: every report is seen at the stand-in, repeats are marked DUP."""
    n = 10000 if os.environ.get("MIIO_SOAK") else 2000
    with Broker() as broker, Platform("--broker", "127.0.0.1:%d" % broker.port) as platform:
        with client(tmp_path / "d", "--request-timeout", "120000", cloud="onenet", extra=platform.settings()) as c:
            c.wait_err("cloud onenet connected")
            def numbers():
                return {e["value"] for e in platform.events("point")}
            report_while_the_broker_dies(c, broker, n, numbers)
            # what was answered "queued" while the broker was away comes from the spool
            wanted = set(range(1, n + 1))
            wait_for(lambda: numbers() == wanted, "all reports", 120)
            stream = platform.events("point")
            assert len(platform.events("login")) >= 2
            fresh = [e["value"] for e in stream if not e["dup"]]
            print("%d reports, %d seen, %d marked DUP" % (n, len(stream), len(stream) - len(fresh)))
            assert len(fresh) == len(set(fresh))  # each repeat was marked
