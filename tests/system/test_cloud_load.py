# SPDX-License-Identifier: MIT
"""Clouds under load and clouds that behave badly: told = answered + refused; pauses grow; a refused subscription is told."""
import http.server
import json
import os
import socket
import struct
import sys
import threading

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from fake_mqtt import FakeServer, publish
from mqtt_support import App, Broker, Listener, client, counters
from support import wait_for

DID = 1001
T = "miio/%d/" % DID
ONENET = ["onenet_device_id=1", "onenet_product_id=2", "onenet_auth_info=x"]
PRODUCT_KEY = "0" * 32
GIZWITS_DID = "1234567890123456789012"


class Answerer(threading.Thread):
    """An application that answers each command once, at once, and remembers which ones it has executed."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.app, self.executed = App(daemon), []
        self.start()

    def run(self):
        try:
            while True:
                text = self.app.next(3600)
                if text is None:
                    return
                if "id" in text and "method" in text:
                    self.executed.append(text["params"][0])
                    self.app.send({"id": text["id"], "result": ["ok", text["params"][0]]})
        except (AssertionError, OSError, ValueError):
            pass


def judge(n, answers, worker, counted):
    """Each command is told once: answered after it was executed once, or refused and never executed."""
    answered = [k for k, a in answers if "result" in a]
    refused = [k for k, a in answers if "error" in a]
    print("told %d = answered %d + refused %d" % (n, len(answered), len(refused)))
    assert sorted(answered + refused) == list(range(n))
    assert all(a["error"]["code"] == -32000 for _, a in answers if "error" in a)
    assert sorted(worker.executed) == sorted(answered)
    assert "cloud.dropped.answers" not in counted
    return answered, refused


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("stored", [False, True], ids=["live", "stored"])
def test_3000_commands_at_a_broker(tmp_path, qos, stored):
    n = 3000
    lines = ["mqtt_qos=%d" % qos]
    with Broker("max_inflight_messages 0") as broker, \
            Listener(broker.port, T + "command_ack", T + "status", qos=qos) as fleet:
        lines.append("mqtt_server=127.0.0.1:%d" % broker.port)
        if stored:  # the device has been here, and is away
            with client(tmp_path / "d", cloud="mqtt", did=DID, extra=lines):
                assert fleet.next(T + "status")[1] == b"online"
            assert fleet.next(T + "status")[1] == b"offline"
        else:
            c = client(tmp_path / "d", cloud="mqtt", did=DID, extra=lines)
            assert fleet.next(T + "status")[1] == b"online"
            worker = Answerer(c)
        # mosquitto keeps nothing of QoS 0 for who is away: such a load is stored with QoS 1 and answered with QoS 0
        sent = [fleet.client.publish(T + "command", json.dumps({"id": i, "method": "set", "params": [i]}),
                                     max(qos, 1) if stored else qos) for i in range(n)]
        for s in sent:
            s.wait_for_publish(60)
        if stored:
            c = client(tmp_path / "d", cloud="mqtt", did=DID, extra=lines)
            worker = Answerer(c)
        with c:
            def acks():
                return [json.loads(m[1]) for m in list(fleet.all) if m[0] == T + "command_ack"]
            wait_for(lambda: len(acks()) >= n or None, "all answers", 120)
            counted = counters(c)
            if stored:  # those that came before the application was there have been told so
                executed = set(worker.executed)
                answers = [(a["id"], a) for a in acks()]
                assert sorted(k for k, _ in answers) == list(range(n))
                early = [k for k, a in answers if "error" in a and a["error"]["code"] == -9999]
                assert not executed & set(early)
                print("told %d = answered %d + nobody there %d + refused %d" %
                      (n, sum("result" in a for _, a in answers), len(early),
                       sum("error" in a and a["error"]["code"] == -32000 for _, a in answers)))
                assert "cloud.dropped.answers" not in counted
            else:
                judge(n, [(a["id"], a) for a in acks()], worker, counted)


def test_2000_creq_in_one_write(tmp_path):
    n, answers = 2000, []

    def mine(topic, payload):
        if topic.startswith("$crsp/"):
            answers.append((int(topic[len("$crsp/"):]), json.loads(payload)))
    with FakeServer(mine=mine) as server, \
            client(tmp_path / "d", cloud="onenet", extra=ONENET + ["onenet_server=127.0.0.1:%d" % server.port]) as c:
        c.wait_err("cloud onenet connected")
        worker = Answerer(c)
        burst = b"".join(publish("$creq/%d" % i, json.dumps({"id": i, "method": "set", "params": [i]}).encode())
                         for i in range(n))
        server.send(burst)
        wait_for(lambda: len(answers) >= n, "all answers", 120)
        answered, _ = judge(n, answers, worker, counters(c))
        again = answered[:500]
        server.send(b"".join(publish("$creq/%d" % i, b'{"id":%d,"method":"set","params":[%d]}' % (i, i)) for i in again))
        wait_for(lambda: len(answers) >= n + len(again), "the same answers again", 60)
        assert len(worker.executed) == len(answered)  # and none is executed again


class Provisioning(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.answer(201, "did=" + GIZWITS_DID)

    def do_GET(self):
        self.answer(200, "host=127.0.0.1&port=%d" % self.server.m2m)

    def answer(self, status, text):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


def gizwits_lines(m2m):
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provisioning)
    web.m2m = m2m.port
    threading.Thread(target=web.serve_forever, daemon=True).start()
    return ["gizwits_server=127.0.0.1:%d" % web.server_address[1], "gizwits_product_key=" + PRODUCT_KEY, "gizwits_ota=off"]


def frame_0093(sn, text):
    body = struct.pack(">BHI", 0, 0x93, sn) + text
    n, length = len(body), b""
    while True:
        length += bytes([(n & 127) | (128 if n > 127 else 0)])
        n >>= 7
        if n == 0:
            return b"\0\0\0\3" + length + body


def test_2000_0093_in_one_write(tmp_path):
    n, answers = 2000, []

    def mine(topic, payload):
        if topic != "dev2app/%s/phone" % GIZWITS_DID:
            return
        at = 4
        while payload[at] > 127:
            at += 1
        flag, cmd, sn = struct.unpack(">BHI", payload[at + 1:at + 8])
        if cmd == 0x94:
            answers.append((sn, json.loads(payload[at + 8:])))

    def burst(which):
        return b"".join(publish("app2dev/%s/phone" % GIZWITS_DID,
                                frame_0093(i, json.dumps({"id": i, "method": "set", "params": [i]}).encode()))
                        for i in which)
    with FakeServer(mine=mine) as server, client(tmp_path / "d", cloud="gizwits", extra=gizwits_lines(server)) as c:
        c.wait_err("cloud gizwits connected")
        worker = Answerer(c)
        server.send(burst(range(n)))
        wait_for(lambda: len(answers) >= n, "all acknowledgements", 120)
        answered, _ = judge(n, answers, worker, counters(c))
        again = answered[-100:]
        server.send(burst(again))
        wait_for(lambda: len(answers) >= n + len(again), "the same again", 60)
        assert len(worker.executed) == len(answered)


# ---- memory ----

def test_ids_and_commands_of_a_megabyte_are_not_kept(tmp_path):
    """Refused at once, whatever their number; only the refusals are kept until they are out."""
    with Broker() as broker, Listener(broker.port, T + "command_ack") as fleet, \
            client(tmp_path / "d", cloud="mqtt", did=DID, extra=["mqtt_server=127.0.0.1:%d" % broker.port]) as c:
        c.wait_err("cloud mqtt connected")
        worker = Answerer(c)
        fleet.publish(T + "command", {"id": 1, "method": "set", "params": [1]})
        fleet.next(T + "command_ack")
        text = json.dumps({"id": "x" * 1000000, "method": "set", "params": [2]})
        before = c.rss_kb()
        for _ in range(100):
            fleet.publish(T + "command", text)
        for _ in range(100):
            assert json.loads(fleet.next(T + "command_ack")[1]) == {
                "id": None, "error": {"code": -32600, "message": "an id over 128 bytes"}}
        assert worker.executed == [1]
        print("%d KiB before, %d KiB after" % (before, c.rss_kb()))


# ---- storms ----

@pytest.mark.parametrize("kind", ["mqtt", "onenet", "gizwits"])
def test_a_server_that_accepts_and_closes_is_not_stormed(tmp_path, kind):
    """The pauses grow although each login succeeds; after the third such session the log says what it may be."""
    with FakeServer(after_connack="close", subscriptions_first=kind == "gizwits") as server:
        lines = {"mqtt": ["mqtt_server=127.0.0.1:%d" % server.port],
                 "onenet": ONENET + ["onenet_server=127.0.0.1:%d" % server.port],
                 "gizwits": gizwits_lines(server) + ["gizwits_retry=500"] if kind == "gizwits" else []}[kind]
        with client(tmp_path / "d", cloud=kind, extra=lines) as c:
            c.wait_err(r"\[ERROR\] %s: 3 sessions in a row ended soon after login: does another device" % kind)
            assert server.connects <= 8  # three, and those of a machine so slow that more have followed
            assert len(c.err) < 80


@pytest.mark.parametrize("kind", ["mqtt", "onenet", "the MQTT API"])
def test_two_connacks_end_the_session(tmp_path, kind):
    """In one write, so that the second one comes before the first has been looked at."""
    server = socket.create_server(("127.0.0.1", 0))
    at = "127.0.0.1:%d" % server.getsockname()[1]

    def serve():
        while True:
            try:
                s, _ = server.accept()
                s.recv(4096)
                s.sendall(b"\x20\x02\0\0" * 3)
            except OSError:
                return
    threading.Thread(target=serve, daemon=True).start()
    lines = {"mqtt": ["mqtt_server=" + at], "onenet": ONENET + ["onenet_server=" + at], "the MQTT API": ["mqtt_api=" + at]}[kind]
    with client(tmp_path / "d", cloud=kind if kind in ("mqtt", "onenet") else "none", extra=lines) as c:
        c.wait_err("CONNACK came twice")
        assert App(c).ask("props", {"a": 1}).get("id") == 1
        assert len(c.err) < 80
    server.close()


def test_a_server_of_another_kind_is_told(tmp_path):
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                s, _ = server.accept()
                s.recv(4096)
                s.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                s.close()
            except OSError:
                return
    threading.Thread(target=serve, daemon=True).start()
    with client(tmp_path / "d", cloud="mqtt", extra=["mqtt_server=127.0.0.1:%d" % server.getsockname()[1]]) as c:
        c.wait_err("cloud mqtt: closed before CONNACK")
        assert not [l for l in c.err if "Success" in l]
    server.close()


# ---- subscriptions ----

@pytest.mark.parametrize("how", [0x80, None, "close"])
def test_a_refused_command_subscription_is_told(tmp_path, how):
    """QoS 2 is refused, not answered, or ends the connection; QoS 1 is granted."""
    def suback(topic, qos):
        return how if topic.endswith("/command") and qos == 2 else qos
    with FakeServer(suback=suback) as server, \
            client(tmp_path / "d", cloud="mqtt", did=DID, extra=["mqtt_server=127.0.0.1:%d" % server.port]) as c:
        c.wait_err(r"\[ERROR\] mqtt: .*%scommand" % T)
        wait_for(lambda: (T + "command", 1) in server.subscribed, "QoS 1", 60)
        app = App(c)
        wait_for(lambda: (T + "status", b"online") in server.published, "online")
        server.send(publish(T + "command", b'{"id":1,"method":"m","params":[]}'))
        assert app.next()["method"] == "m"


def test_the_mqtt_api_falls_back_too(tmp_path):
    def suback(topic, qos):
        return 0x80 if qos else 0
    with FakeServer(suback=suback) as server, \
            client(tmp_path / "d", "--mqtt-api", "127.0.0.1:%d" % server.port, cloud="none") as c:
        c.wait_err(r"\[ERROR\] MQTT API: the broker refuses miio/report with QoS 1")
        c.wait_err("MQTT API: connected")
        assert set(server.subscribed) == {(t, q) for t in ("miio/report", "miio/command_ack", "local/miio_client_in")
                                          for q in (0, 1)}
