# SPDX-License-Identifier: MIT
"""miio_client as applications, phones and operators meet it. The LAN port is fixed, so each test has a loopback address
of its own."""
import datetime
import json
import os
import random
import re
import signal
import socket
import struct
import sys
import threading

import miio
import pytest

sys.path.insert(0, os.path.dirname(__file__))
from mqtt_support import Broker, counters
from support import DEADLINE, Daemon, JsonSocket, is_sanitized, run, wait_for, write_identity

TOKEN = "a1B2c3D4e5F6g7H8"
TOKEN_HEX = TOKEN.encode().hex()
_address = [random.randrange(2, 200)]


def lan_address():
    _address[0] += 1
    return "127.%d.%d.%d" % (random.randrange(1, 250), random.randrange(1, 250), _address[0] % 250 + 1)


class Client(Daemon):
    def __init__(self, directory, *args, cloud="none"):
        self.dir = str(directory)
        self.ip = lan_address()
        super().__init__("miio_client", "-d", self.dir, "--cloud", cloud, "--local", "127.0.0.1:0", "--lan",
                         self.ip + ":54321", "--ble", "127.0.0.1:0", "-l", "3", *args)

    def app(self):
        return JsonSocket(self.port("local"))

    def phone(self, *args, token=TOKEN, deadline=DEADLINE):
        options = ["--token", token] if token else []
        return run("miio_sim", "phone", "--address", self.ip + ":54321", *options, *args, deadline=deadline)

    def counters(self):
        seen = len(self.err)
        self.signal(signal.SIGUSR1)
        wait_for(lambda: any("local.accepted" in l or "lan.datagrams" in l for l in self.err[seen:]), "counters")
        wait_for(lambda: any("state" in l for l in self.err[seen:]), "counters")
        # SIGUSR1 prints all lines in one go; a second one marks the end of the first
        mark = len(self.err)
        self.signal(signal.SIGUSR1)
        wait_for(lambda: any("] state" in l or " state " in l for l in self.err[mark:]), "counters again")
        return {m.group(1): int(m.group(2)) for l in self.err[seen:] for m in [re.search(r"  ([a-z_.]+) (\d+)$", l)]
                if m}


class Members(dict):
    """A JSON object that json.dumps() writes with the members as they stood, doubled ones too."""

    def __init__(self, pairs):
        super().__init__(pairs)
        self.pairs = pairs

    def items(self):
        return self.pairs


class Echo(threading.Thread):
    """An application on a plain socket: answers by a function of the command; None keeps silent."""

    def __init__(self, client, fn):
        super().__init__(daemon=True)
        self.socket, self.fn, self.got = client.app(), fn, []
        self.socket.call("local.query_status")  # now the client knows this socket
        self.start()

    def run(self):
        while True:
            try:
                m = self.socket.recv(600)
            except (AssertionError, OSError):
                return
            if m is None:
                return
            self.got.append(m)
            answer = self.fn(m)
            if answer is not None and "id" in m:
                self.socket.send({"id": m["id"], **answer})


@pytest.fixture
def client(tmp_path):
    with Client(write_identity(tmp_path / "miio")) as c:
        yield c


def test_python_miio_through_agent_and_lamp(client, tmp_path):
    agent = ["--agent", "unix:%s" % (tmp_path / "agent.sock")]
    with Daemon("miio_agent", "--listen", "127.0.0.1:0", "--unix", tmp_path / "agent.sock", "--upstream",
                "127.0.0.1:%d" % client.port("local")), \
            Daemon("example_lamp", *agent, ready=False) as lamp, Daemon("example_sensor", *agent, ready=False) as sensor:
        lamp.wait_out("ready")
        wait_for(lambda: sensor.out, "the sensor")
        device = miio.Device(client.ip, TOKEN_HEX)
        wait_for(lambda: json.loads(client.phone("call", "get_prop", '["power"]')[1]).get("result") == ["off"],
                 "the agent's connection to the client")
        assert device.send("set_power", ["on"]) == ["ok"]
        assert device.send("get_prop", ["power", "bright"])[0] == "on"
        info = device.info()
        assert (info.model, info.mac_address) == ("acme.lamp.v1", "34:17:EB:9B:A7:47")
        with pytest.raises(miio.exceptions.DeviceError) as e:
            device.send("no_such_method", [])
        assert e.value.args[0]["code"] == -32601
        lamp.wait_out("set_power")
        assert not [l for l in sensor.out if "set_power" in l or "get_prop" in l]


def test_hello(tmp_path):
    with Client(write_identity(tmp_path / "owned")) as owned:
        code, out, _ = owned.phone("hello", token=None)
        assert code == 0 and out.startswith("did 87654321 ") and "token" not in out
    with Client(write_identity(tmp_path / "free", wifi=False)) as free:
        code, out, _ = free.phone("hello", token=None)
        token = re.search(r"token ([0-9a-f]{32})", out).group(1)
        # it is a new one: the last owner's went when the device found no wifi.conf
        assert bytes.fromhex(token).decode() == open(os.path.join(free.dir, "device.token")).read() != TOKEN
        assert os.stat(os.path.join(free.dir, "device.token")).st_mode & 0o777 == 0o600
        app = free.app()
        assert app.call("local.query_status")["params"] == "ap_mode"
        assert json.loads(free.phone("call", "miIO.config", '{"enauth":1}', token=token)[1])["result"] == ["OK"]
        assert "token" not in free.phone("hello", token=None)[1]
        code, out, _ = free.phone("config_router", "home", "secret12", token=token)
        assert code == 1 and json.loads(out)["error"]["code"] == -32001


def test_local_queries(client):
    app = client.app()
    assert app.call("local.query_status", "", id=4294967295) == {"id": 4294967295, "method": "local.status",
                                                                 "params": "sta_mode"}
    assert app.call("local.query_country", id=0) == {"id": 0, "method": "local.country", "params": "prc"}
    assert app.call("local.query_time")["params"] > 1600000000
    assert app.call("local.query_did")["params"] == 87654321
    assert app.call("local.prep_suspend")["params"]["wakeup_time"] > 0
    assert app.call("local.nothing")["error"]["code"] == -10000
    assert app.call("props", {"a": 1})["error"] == {"code": -32002, "message": "not connected"}
    assert app.call("miIO.config_loglevel", {"loglevel": 4})["result"] == ["OK"]
    assert app.call("miIO.config_loglevel", {"loglevel": 5})["result"] == ["ERROR"]
    assert app.call("miIO.config_router", {"ssid": "x"})["error"]["code"] == -32001
    assert app.call("miIO.config_tz", {"tz": "../../etc/passwd"})["result"] == ["ERROR"]
    assert "token" not in app.call("miIO.info")["result"]
    assert json.loads(client.phone("info")[1])["result"]["token"] == TOKEN_HEX
    app.send(b'{"id":1,"method":"local.query_did"}{"id":2,"method":"local.q')
    assert app.recv()["id"] == 1
    app.send(b'uery_did"}\n\0 {"id":3,"method":"local.query_did"}')
    assert [app.recv()["id"], app.recv()["id"]] == [2, 3]


def test_not_mine_is_held_back(client):
    no = {"error": {"code": -32601, "message": "Method not found."}}
    first = Echo(client, lambda m: no)
    assert json.loads(client.phone("call", "m")[1])["error"]["code"] == -32601
    second = Echo(client, lambda m: no if m["method"] == "m" else {"result": ["second"]})
    assert json.loads(client.phone("call", "n")[1])["result"] == ["second"]
    assert json.loads(client.phone("call", "m")[1])["error"]["code"] == -32601
    assert [m["method"] for m in first.got] == ["m", "n", "m"] and [m["method"] for m in second.got] == ["n", "m"]
    assert json.loads(client.phone("call", "_internal.info")[1])["error"]["code"] == -32001
    assert json.loads(client.phone("call", "local.query_time")[1])["error"]["code"] == -32001


def test_two_that_say_something_else_for_not_mine(client):
    """One says -32601, the other -10000, each of what is the other's."""
    def serve(method, code):
        return Echo(client, lambda m: {"result": [method]} if m["method"] == method else
                    {"error": {"code": code, "message": "no"}})
    apps = serve("a", -10000), serve("b", -32601)
    for method in ("a", "b", "a", "b"):
        assert json.loads(client.phone("call", method)[1])["result"] == [method]
    assert json.loads(client.phone("call", "c")[1])["error"]["code"] == -10000
    assert all([m["method"] for m in app.got] == ["a", "b", "a", "b", "c"] for app in apps)


def test_commands_wait_for_who_comes_back(tmp_path):
    with Client(write_identity(tmp_path / "x"), "--command-grace", "60000", "--command-timeout", "60000") as c:
        def call(method):
            got = []
            t = threading.Thread(target=lambda: got.append(json.loads(c.phone("call", method)[1])))
            t.start()
            return t, got

        def waited(n):
            wait_for(lambda: counters(c).get("command.waited", 0) == n, "the command to wait")

        def serve(method):
            app = c.app()
            command = app.recv()
            assert command["method"] == method
            app.send({"id": command["id"], "result": [method]})
            return app

        t, got = call("m")  # the client has just started
        waited(1)
        app = serve("m")
        t.join()
        assert got[0]["result"] == ["m"]
        app.close()
        wait_for(lambda: any("gone" in line for line in c.err), "the end of the socket")
        t, got = call("n")
        waited(2)
        app = serve("n")
        t.join()
        assert got[0]["result"] == ["n"] and app.call("local.query_did")["params"] == 87654321  # nothing else has come


def hello(client):
    """The stamp that a phone is told."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(DEADLINE)
        s.sendto(bytes.fromhex("21310020" + "ff" * 28), (client.ip, 54321))
        return datetime.datetime.utcfromtimestamp(struct.unpack(">I", s.recv(64)[12:16])[0])


def test_a_method_that_stands_twice(client):
    app = Echo(client, lambda m: {"result": ["ok"]})
    text = b'{"id":5,"method":"miIO.info","method":"m"}'
    app.socket.send(text)
    wait_for(lambda: any(m.get("error", {}).get("code") == -32600 for m in app.got), "the refusal on 54322")
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(DEADLINE)
    s.sendto(b'{"id":5,"method":"local.ble.config_router","method":"m"}', ("127.0.0.1", client.port("ble")))
    assert json.loads(s.recv(2048))["error"]["code"] == -32700
    message = miio.protocol.Message.build(
        {"data": {"value": json.loads(text, object_pairs_hook=Members)}, "checksum": 0,
         "header": {"value": {"length": 0, "unknown": 0, "device_id": struct.pack(">I", 87654321),
                              "ts": hello(client)}}}, token=TOKEN.encode())
    s.sendto(message, (client.ip, 54321))
    answer = miio.protocol.Message.parse(s.recv(4096), token=TOKEN.encode()).data.value
    assert (answer["id"], answer["error"]["code"]) == (5, -32600)
    assert client.counters()["text.bad_form"] == 3 and not [m for m in app.got if "method" in m]


def test_repeats_are_executed_once(client):
    app = Echo(client, lambda m: {"result": [len(app.got)]})
    for i in range(1, 4):
        assert json.loads(client.phone("--repeat", "20", "call", "toggle")[1])["result"] == [i]
    assert len(app.got) == 3
    assert client.counters()["lan.repeats"] >= 57


def test_silence_and_loss_are_answered(client):
    code, out, _ = client.phone("call", "m")
    assert code == 1 and json.loads(out)["error"]["code"] == -9999
    app = Echo(client, lambda m: None)
    code, out, _ = client.phone("call", "m")
    assert json.loads(out)["error"] == {"code": -9999, "message": "user ack timeout"}
    threading.Timer(0.5, lambda: app.socket.s.shutdown(socket.SHUT_RDWR)).start()
    assert json.loads(client.phone("call", "m")[1])["error"]["data"] == "subscriber gone"


def test_bad_texts_hurt_only_their_sender(client):
    good = client.app()
    for bad in (b"GET / HTTP/1.1\r\n\r\n", b"[1,2]", b'{"a":"\xff"}', b'{"a":' * 200, b'{"a":"' + b"x" * (1 << 21),
                b"\x93\x02\xa1x\x90"):
        s = client.app()
        try:
            s.send(bad)
            answer = s.recv()
            assert answer is None or answer["error"]["code"] == -32700
            assert s.recv() is None
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert good.call("local.query_did")["params"] == 87654321
    assert good.call("m", id=1)["error"]["code"] == -32002
    good.send(b'{"id":1,"id":2,"method":"local.query_did"}')
    assert good.recv()["error"]["code"] == -32600
    # more sockets than there is room for: the oldest that never said anything make room
    many = [client.app() for _ in range(70)]
    assert many[0].recv() is None
    assert many[-1].call("local.query_did")["params"] == 87654321
    assert good.call("local.query_did")["params"] == 87654321


def test_the_largest_text_costs_the_agent_nothing(client):
    """The agent's own id in it is longer than the application's: that must not end the one connection of all."""
    with Daemon("miio_agent", "--listen", "127.0.0.1:0", "--unix", "none", "--upstream",
                "127.0.0.1:%d" % client.port("local")) as agent:
        app = JsonSocket(agent.port("listen"))
        wait_for(lambda: app.call("agent.info")["result"]["upstream"], "the agent's connection to the client")
        text = '{"id":1,"method":"props","params":{"x":"%s"}}'
        app.send((text % ("x" * ((1 << 20) - len(text) + 2))).encode())
        assert app.recv()["error"] == {"code": -32002, "message": "not connected"}
        assert app.call("local.query_did")["params"] == 87654321
        assert app.call("agent.stats")["result"]["upstream_losses"] == 0


def test_a_peer_that_never_reads_is_dropped(client):
    deaf = client.app()
    deaf.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    good = Echo(client, lambda m: {"result": ["ok"]})
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    packet = miio.protocol.Message
    told = hello(client)
    for i in range(300):
        msg = {"data": {"value": {"id": i, "method": "m", "params": ["x" * 30000]}},
               "header": {"value": {"length": 0, "unknown": 0, "device_id": struct.pack(">I", 87654321),
                                    "ts": told}}, "checksum": 0}
        sender.sendto(packet.build(msg, token=TOKEN.encode()), (client.ip, 54321))
        wait_for(lambda: len(good.got) > i, "command %d" % i)
    assert client.counters().get("local.overflows") == 1
    assert json.loads(client.phone("call", "m")[1])["result"] == ["ok"]


def test_last_words_behind_answers_that_nobody_takes(client):
    watcher = client.app()
    before = watcher.call("client.counters")["result"]["uplink.submitted"]
    client.signal(signal.SIGSTOP)
    peer = socket.create_connection(("127.0.0.1", client.port("local")))
    peer.sendall(b'{"id":7,"method":"local.query_time"}' * 2500 + b'{"method":"event.last","params":[]}')
    peer.close()
    client.signal(signal.SIGCONT)
    wait_for(lambda: watcher.call("client.counters")["result"]["uplink.submitted"] == before + 1, "the last one to be taken")


def flood(client, n, served):
    """n datagrams that deserve no answer. A hello after each 50 is answered, so the kernel drops none of them unseen."""
    rng = random.Random(1)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(DEADLINE)
    s.connect((client.ip, 54321))
    served()
    rss = [client.rss_kb()]
    for i in range(n):
        kind = i % 4
        size = (rng.randrange(0, 40), rng.randrange(32, 1400), 32, rng.choice((31, 33, 65000)))[kind] \
            if i % 61 == 0 else rng.randrange(0, 100)
        data = rng.randbytes(size)
        if kind and size > 32:  # a right header, so that more than the magic is looked at
            data = struct.pack(">HHIII", 0x2131, size & 0xffff if kind < 3 else rng.randrange(65536), 0,
                               87654321 + (kind == 2), 1700000000) + data[16:]
        s.send(data)
        if i % 50 == 49:
            s.send(bytes.fromhex("21310020" + "ff" * 28))
            assert len(s.recv(2048)) == 32
        if i % (n // 10) == n // 10 - 1:
            served()
            rss.append(client.rss_kb())
    s.close()
    counters = client.counters()
    dropped = {k: v for k, v in counters.items() if k.startswith("lan.dropped.")}
    print("resident kB", rss, dropped)
    assert sum(dropped.values()) == n, counters
    assert dropped["lan.dropped.magic"] > 0 and dropped["lan.dropped.checksum"] > 0
    assert rss[-1] - rss[0] < (20000 if is_sanitized("miio_client") else 500), rss
    assert counters.get("command.started", 0) == counters.get("command.answered", 0)


def test_hostile_datagrams(client):
    app = Echo(client, lambda m: {"result": ["ok"]})
    flood(client, int(os.environ.get("MIIO_DATAGRAMS", "20000")),
          lambda: client.phone("call", "m")[0] == 0 or pytest.fail("not served"))
    assert all(m["method"] == "m" for m in app.got)


def test_bad_configuration(tmp_path):
    d = write_identity(tmp_path / "x")

    def fails(code, text, *args):
        got, out, err = run("miio_client", *args)
        assert got == code and out == "" and text in err and err.count("\n") == 1, (got, out, err)

    fails(78, "device.conf", "-d", tmp_path / "none")
    fails(2, "--local", "-d", d, "--cloud", "none", "--local", "somewhere")
    fails(2, "--cloud nowhere", "-d", d, "--cloud", "nowhere")
    fails(2, "0 to 4", "-d", d, "--cloud", "none", "-l", "9")
    fails(2, "--bogus: unknown option", "--bogus")
    fails(2, "-Z: unknown option", "-Z")
    fails(2, "-l: needs a value", "-l")
    fails(2, "--local: needs a value", "--local")
    fails(2, "--dcountry a b: must be one word", "-d", d, "-C", "a b")
    fails(2, "--hooks /no/where: No such", "-d", d, "--hooks", "/no/where")
    fails(2, "unexpected", "-d", d, "--cloud", "none", "extra")
    fails(2, "not public", "-d", d, "--cloud", "none", "-e")
    fails(2, "loopback", "-d", d, "--cloud", "none", "--ble", "0.0.0.0:0")
    for text, what in (("did=x\nmodel=a\n", ":1: did"), ("did=1\nmodel=a\nkey=short\n", ":3: key"),
                       ("did=1\nmodel=a\ncloud=none\nlan=1\n", ":4: lan"), ("did=1\n", "model is missing"),
                       ("did=1\nmodel=a\ncloud=none\nfoo\n", ":4: not of the form"),
                       ("did=9\nmodel=a\nkey=Qw3rTy7UiOp9AsDf\not_keepalive_ms=5\n", "device.conf:4: ot_keepalive_ms")):
        with open(os.path.join(d, "device.conf"), "w") as f:
            f.write(text)
        fails(78, what, "-d", d)
    with open(os.path.join(d, "device.conf"), "w") as f:
        f.write("#" * 70000)
    fails(78, "longer than 65536 bytes", "-d", d)
    write_identity(d)
    config = tmp_path / "c.conf"
    config.write_text("cloud = none\nloglevle = 3\n")
    fails(78, "c.conf:2: ", "-d", d, "--config", config)
    config.write_text("cloud = none\ncommand-timeout = 5\n")
    fails(78, "c.conf:2: command-timeout: must be a number", "-d", d, "--config", config)
    config.write_text("cloud = none\n")
    assert run("miio_client", "-d", d, "--config", config, "--check-config")[0] == 0
    with Client(d) as c:
        code, _, err = run("miio_client", "-d", d, "--cloud", "none", "--local",
                           "127.0.0.1:%d" % c.port("local"), "--lan", "none", "--ble", "none")
        assert code == 1 and "in use" in err
    assert run("miio_client", "-v")[1].startswith("miio_client 0.")
    # start scripts of newer vendor builds give these; what they mean is not public
    code, out, err = run("miio_client", "-n", "128", "-o", "FILE_STORE", "-o", "DISABLE_PSM", "-d", d, "--cloud", "none",
                         "--check-config")
    assert code == 0 and err.count("ignored") == 3


def test_reload_keeps_what_was_good(tmp_path):
    d = write_identity(tmp_path / "x")
    config = tmp_path / "c.conf"
    config.write_text("command-timeout = 60000\n")
    with Client(d, "--config", str(config)) as c:
        app = Echo(c, lambda m: None)
        config.write_text("command-timeout = bad\n")
        c.signal(signal.SIGHUP)
        # its standard error may be nobody's any more: the reason is a line of the log
        c.wait_err(r"\[ERROR\] .*c\.conf:1: command-timeout: must be a number")
        c.wait_err("configuration kept as it was")
        config.write_text("command-timeout = 300\n")
        c.signal(signal.SIGHUP)
        c.wait_err("configuration read again")
        assert json.loads(c.phone("call", "m")[1])["error"]["code"] == -9999
        assert len(app.got) == 1


def test_a_reload_takes_the_other_limits(tmp_path):
    config = tmp_path / "c.conf"
    config.write_text("request-timeout = 60000\nlan-stamp-window = 0\n")
    with Broker() as broker, Client(write_identity(tmp_path / "x", extra=("mqtt_server=127.0.0.1:%d" % broker.port,)),
                                    "--config", str(config), cloud="mqtt") as c:
        c.wait_err("cloud mqtt connected")

        def reload(text):
            mark = len(c.err)
            config.write_text(text)
            c.signal(signal.SIGHUP)
            wait_for(lambda: any("read again" in line for line in c.err[mark:]), "the reload")

        def call_of_long_ago():
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.settimeout(DEADLINE)
            then = datetime.datetime.utcnow() - datetime.timedelta(hours=2)
            s.sendto(miio.protocol.Message.build(
                {"data": {"value": {"id": 1, "method": "miIO.info", "params": []}}, "checksum": 0,
                 "header": {"value": {"length": 0, "unknown": 0, "device_id": struct.pack(">I", 87654321), "ts": then}}},
                token=TOKEN.encode()), (c.ip, 54321))
            return s

        assert call_of_long_ago().recv(4096)
        reload("request-timeout = 300\nlan-stamp-window = 60\n")
        call_of_long_ago()
        wait_for(lambda: c.counters().get("lan.dropped.stamp") == 1, "the old stamp refused")
        os.kill(broker.process.pid, signal.SIGSTOP)  # it takes requests and says nothing
        assert c.app().call("get", [])["error"]["code"] == -30011
        os.kill(broker.process.pid, signal.SIGCONT)


def test_leaving_answers_what_is_open(tmp_path):
    with Client(write_identity(tmp_path / "x"), "--command-timeout", "60000") as c:
        app = Echo(c, lambda m: None)
        answers = []
        t = threading.Thread(target=lambda: answers.append(c.phone("call", "m")[1]))
        t.start()
        wait_for(lambda: app.got, "the command")
        c.signal(signal.SIGTERM)
        t.join()
        assert json.loads(answers[0])["error"] == {"code": -32003, "message": "shutting down"}


def pid_of(*words):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, errors="replace") as f:
                args = f.read().split("\0")
        except OSError:
            continue
        if all(w in args for w in words):
            return int(pid)
    raise AssertionError("no process with %r" % (words,))


def test_in_the_background(tmp_path):
    write_identity(tmp_path / "x")
    ip = lan_address()
    code, out, err = run("miio_client", "-D", "-d", "x", "-L", "log.txt", "--cloud", "none", "--local", "127.0.0.1:0",
                         "--lan", ip + ":54321", "--ble", "none", cwd=tmp_path)
    assert code == 0 and out.startswith("ready local=127.0.0.1:"), err
    port = int(re.search(r"local=127.0.0.1:(\d+)", out).group(1))
    app = JsonSocket(port)
    assert app.call("local.query_status")["params"] == "sta_mode"
    pid = pid_of("log.txt", ip + ":54321")
    os.rename(tmp_path / "log.txt", tmp_path / "old.txt")
    os.kill(pid, signal.SIGHUP)
    wait_for(lambda: (tmp_path / "log.txt").exists() and "read again" in (tmp_path / "log.txt").read_text(), "the new log")
    os.kill(pid, signal.SIGTERM)
    assert app.recv() is None
    wait_for(lambda: not os.path.exists("/proc/%d" % pid) or "Z" in open("/proc/%d/stat" % pid).read().split(")")[1][:3],
             "the end")
