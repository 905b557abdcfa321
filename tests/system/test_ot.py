# SPDX-License-Identifier: MIT
"""miio_client and miio_agent with the OT cloud's stand-in: UDP and TCP, loss, restarts, forged packets, kept reports."""
import hashlib
import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from support import BIN, DEADLINE, Daemon, free_port, is_sanitized, wait_for  # noqa: E402

DID, KEY = 87654321, "Qw3rTy7UiOp9AsDf"
SOAK = os.environ.get("MIIO_SOAK") == "1"


class Cloud(Daemon):
    """The stand-in; its journal as objects."""

    def __init__(self, *options, udp="127.0.0.1:0", tcp="127.0.0.1:0"):
        super().__init__("miio_sim", "cloud", "--did", DID, "--key", KEY, "--udp", udp, "--tcp", tcp, *options,
                         stdin=subprocess.PIPE)

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def events(self, kind):
        return [json.loads(line) for line in list(self.out) if '"event":"%s"' % kind in line[:40]]

    def wait_event(self, kind, count=1, deadline=DEADLINE):
        return wait_for(lambda: (lambda e: e if len(e) >= count else None)(self.events(kind)),
                        "%d x %s; journal ends %r" % (count, kind, self.out[-5:]), deadline)

    def ledger(self):
        n = len(self.events("ledger"))
        self.say("!ledger")
        return self.wait_event("ledger", n + 1)[-1]


class App:
    """A plain application on a stream socket."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.settimeout(0.05)
        self.buffer, self.seen = "", []

    def send(self, **members):
        self.sock.sendall(json.dumps(members, separators=(",", ":")).encode())

    def poll(self):
        try:
            data = self.sock.recv(1 << 16)
        except socket.timeout:
            return
        if not data:
            raise AssertionError("the daemon closed the application's connection")
        self.buffer += data.decode()
        decoder = json.JSONDecoder()
        while self.buffer.lstrip():
            text = self.buffer.lstrip()
            try:
                value, end = decoder.raw_decode(text)
            except ValueError:
                break
            self.seen.append(value)
            self.buffer = text[end:]

    def wait(self, condition, what, deadline=DEADLINE):
        def look():
            self.poll()
            return next((m for m in self.seen if condition(m)), None)
        return wait_for(look, what + "; seen %r" % self.seen[-10:], deadline)

    def answer_to(self, number, deadline=DEADLINE):
        return self.wait(lambda m: m.get("id") == number and "method" not in m, "the answer to %d" % number, deadline)

    def answer_to_method(self, method):
        return self.wait(lambda m: m.get("method") == method, method)

    def statuses(self):
        return [m["params"] for m in self.seen if m.get("method") == "local.status" and "id" not in m]

    def close(self):
        self.sock.close()


@pytest.fixture
def data_dir(tmp_path):
    def make(**settings):
        lines = ["did=%d" % DID, "key=" + KEY, "mac=AA:BB:CC:DD:EE:FF", "vendor=cool", "model=cool.prod.v1",
                 "provisioning=none"] + ["%s=%s" % item for item in settings.items()]
        (tmp_path / "device.conf").write_text("\n".join(lines) + "\n")
        return str(tmp_path)
    return make


def client(directory, port, *options):
    return Daemon("miio_client", "-d", directory, "--local", "127.0.0.1:0", "--lan", "none", "--ble", "none",
                  "-H", "127.0.0.1", "-p", port, *options)


def packet(secret, did, stamp, text=b""):
    """A packet made without the code under test; only header and checksum, or with an encrypted text."""
    secret = secret.encode()
    key = hashlib.md5(secret).digest()
    iv = hashlib.md5(key + secret).digest()
    body = b""
    if text:
        body = subprocess.run(["openssl", "enc", "-aes-128-cbc", "-K", key.hex(), "-iv", iv.hex()], input=text,
                              stdout=subprocess.PIPE, check=True).stdout
    head = struct.pack(">HHQI", 0x2131, 32 + len(body), did, stamp)
    return head + hashlib.md5(head + secret + body).digest() + body


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_report_and_command_through_agent(data_dir, transport):
    with Cloud() as cloud, client(data_dir(), cloud.port(transport), "--transport", transport) as c, \
            Daemon("miio_agent", "--listen", "127.0.0.1:0", "--unix", "none", "--upstream",
                   c.ready["local"]) as agent:
        agent.wait_err("connected to upstream")
        info = cloud.wait_event("info")[0]["params"]
        assert info["model"] == "cool.prod.v1" and len(info["token"]) == 32
        assert cloud.wait_event("report")[0]["params"] == {"ota_state": "idle"}
        app = App(agent.port("listen"))
        app.send(id=1, method="register", key="set_power")
        assert app.answer_to(1)["result"] == ["ok"]

        def report():
            app.send(id=77, method="props", params={"power": "on"})
            return app.answer_to(77)
        assert report()["result"] == "ok"
        assert cloud.wait_event("report", 2)[1]["params"] == {"power": "on"}

        cloud.say('set_power ["off"]')
        command = app.wait(lambda m: m.get("method") == "set_power", "the command")
        assert command["params"] == ["off"]
        app.send(id=command["id"], result=["ok"])
        assert cloud.wait_event("answer")[0]["result"] == ["ok"]
        cloud.say("!again")  # answered from memory, not executed again
        assert cloud.wait_event("answer", 2)[1]["result"] == ["ok"]
        app.poll()
        assert len([m for m in app.seen if m.get("method") == "set_power"]) == 1
        assert cloud.ledger()["bad"] == 0
        app.close()


def test_command_id_zero(data_dir):
    with Cloud("--first-id", "0") as cloud, client(data_dir(), cloud.port("udp")) as c:
        cloud.wait_event("info")
        app = App(c.port("local"))
        app.send(id=1, method="local.query_time")
        app.wait(lambda m: m.get("id") == 1, "the client")
        cloud.say("get_prop [2]")
        command = app.wait(lambda m: m.get("method") == "get_prop", "the command")
        app.send(id=command["id"], result=[0])
        answer = cloud.wait_event("answer")[0]
        assert answer["id"] == 0 and answer["result"] == [0]
        app.close()


def test_statuses_in_order_when_the_cloud_comes_and_goes(data_dir):
    port = free_port(socket.SOCK_DGRAM)
    directory = data_dir(ot_keepalive_ms=2000)
    with client(directory, port) as c:
        app = App(c.port("local"))
        app.wait(lambda m: m.get("params") == "cloud_retry", "cloud_retry")
        with Cloud(udp="127.0.0.1:%d" % port) as cloud:
            app.wait(lambda m: m.get("params") == "cloud_connected", "cloud_connected")
            app.send(id=5, method="local.query_status")
            assert app.wait(lambda m: m.get("id") == 5, "the state")["params"] == "cloud_connected"
            assert len([r for r in cloud.wait_event("report") if r["params"] == {"ota_state": "idle"}]) == 1
        app.wait(lambda m: app.statuses()[-1] == "cloud_retry", "the loss")
        app.send(id=6, method="event.alarm", params=[1])
        assert app.answer_to(6)["result"] == ["queued"]
        with Cloud(udp="127.0.0.1:%d" % port) as cloud:
            app.wait(lambda m: app.statuses()[-1] == "cloud_connected", "the cloud again")
            assert cloud.wait_event("report")[0]["method"] == "event.alarm"
            cloud.say("!kill")  # restarted, as far as the device can see
            app.wait(lambda m: app.statuses()[-1] == "cloud_retry", "silence is noticed")
            app.wait(lambda m: app.statuses()[-1] == "cloud_connected", "the cloud a third time")
            assert len(cloud.events("report")) == 1 and cloud.ledger()["bad"] == 0
        seen = app.statuses()
        assert all(a != b or a == "cloud_retry" for a, b in zip(seen, seen[1:])), seen
        app.close()


def test_suspend(data_dir):
    """May the device sleep, and for how long? 0 while anything is under way, and while the cloud is asked."""
    port = free_port(socket.SOCK_DGRAM)
    with client(data_dir(), port) as c:
        app, number = App(c.port("local")), [100]

        def wakeup():
            number[0] += 1
            app.send(id=number[0], method="local.prep_suspend", params=[])
            m = app.wait(lambda m: m.get("id") == number[0], "resp_suspend")
            assert m["method"] == "local.resp_suspend"
            return m["params"]["wakeup_time"]
        assert 0 < wait_for(wakeup, "a pause between two tries") <= 60  # nothing to do until the next one
        with Cloud("--mute", "event.deaf", udp="127.0.0.1:%d" % port) as cloud:
            app.wait(lambda m: m.get("params") == "cloud_connected", "the cloud", 90)
            assert 0 < wait_for(wakeup, "nothing left to do") <= 15  # the next keepalive
            cloud.say("get_prop []")
            command = app.wait(lambda m: m.get("method") == "get_prop", "the command")
            assert wakeup() == 0
            app.send(id=command["id"], result=[1])
            cloud.wait_event("answer")
            assert wait_for(wakeup, "nothing left to do") <= 15
            app.send(id=1, method="event.deaf", params=[])
            assert wakeup() == 0
        app.close()


def report_many(app, count, window=200, first=1000):
    """Reports with ids, a window of them at a time. What each was answered."""
    answers, sent = {}, 0
    end = time.monotonic() + (3600 if SOAK else 240)
    while len(answers) < count:
        assert time.monotonic() < end, "%d of %d answered" % (len(answers), count)
        while sent < count and sent - len(answers) < window:
            app.send(id=first + sent, method="props", params={"n": sent})
            sent += 1
        app.poll()
        for m in app.seen:
            if "method" not in m and m.get("id", -1) >= first:
                assert m["id"] not in answers, "answered twice: %r" % m
                answers[m["id"]] = m.get("result", m.get("error"))
        app.seen.clear()
    return answers


def test_nothing_is_lost_or_doubled_on_a_bad_line(data_dir):
    count = 100000 if SOAK else 2000
    with Cloud("--drop", "10%", "--dup", "5%", "--reorder", "5%", "--seed", "7") as cloud:
        directory = data_dir(ot_resend_ms=300 if not SOAK else 1000, ot_window=256 if not SOAK else 1024)
        with client(directory, cloud.port("udp")) as c:
            cloud.wait_event("report")
            app = App(c.port("local"))
            answers = report_many(app, count, window=800 if SOAK else 200)
            assert {str(a) for a in answers.values()} <= {"ok", "['queued']"}
            wait_for(lambda: cloud.ledger()["executed"] >= count + 1, "all executed", 120)
            ledger = cloud.ledger()
            assert ledger["executed"] == count + 1 and ledger["bad"] == 0  # one: ota_state idle
            numbers = [r["params"].get("n") for r in cloud.events("report")]
            assert sorted(n for n in numbers if n is not None) == list(range(count))
            app.close()


def test_streams_that_are_cut(data_dir):
    """In the middle of reports; a cut after seconds costs a growing pause, so there are a few only."""
    count, cuts = 300, 3
    with Cloud() as cloud:
        with client(data_dir(ot_keepalive_ms=2000), cloud.port("tcp"), "--transport", "tcp") as c:
            app = App(c.port("local"))
            for n in range(cuts):
                wait_for(lambda: sum("cloud 127.0.0.1: connected" in line for line in c.err) > n, "session %d" % n)
                threading.Timer(0.05, cloud.say, ("!kill",)).start()
                answers = report_many(app, count, window=20, first=1000 + n * count)
                assert {str(a) for a in answers.values()} <= {"ok", "['queued']"}
            wait_for(lambda: cloud.ledger()["executed"] >= cuts * count + 1, "all executed", 60)
            assert cloud.ledger()["bad"] == 0
            app.close()


def test_a_server_that_hangs_up_is_not_stormed(data_dir):
    """It says yes, and closes: the pauses grow, and so the lines in the log stay few."""
    with Cloud("--kill-every", "20ms") as cloud:
        with client(data_dir(), cloud.port("tcp"), "--transport", "tcp") as c:
            c.wait_err("next try in [2-4][0-9]{3} ms")
            c.wait_err("next try in [5-8][0-9]{3} ms")
            assert len([line for line in c.err if "next try in" in line]) <= 6
            assert len(c.err) < 60


def test_cloud_away_and_back_keeps_order(data_dir):
    port = free_port(socket.SOCK_DGRAM)
    with client(data_dir(**{"spool.prop.temp": "latest", "spool.event.noise": "drop"}), port) as c:
        app = App(c.port("local"))
        for n in range(50):
            app.send(id=100 + n, method="event.n", params=[n])
            app.send(id=200 + n, method="prop.temp", params=[n])
        app.send(id=300, method="event.noise", params=[])
        app.send(id=301, method="_sync.getctrycode", params=[])
        for n in range(50):
            assert app.answer_to(100 + n)["result"] == ["queued"]
            assert app.answer_to(200 + n)["result"] == ["queued"]
        assert app.answer_to(300)["error"]["code"] == -32002
        assert app.answer_to(301)["error"]["code"] == -32002
        with Cloud(udp="127.0.0.1:%d" % port) as cloud:
            reports = cloud.wait_event("report", 52, 90)
            assert [r["params"][0] for r in reports if r["method"] == "event.n"] == list(range(50))
            assert [r["params"][0] for r in reports if r["method"] == "prop.temp"] == [49]
            assert cloud.ledger() == {"event": "ledger", "executed": 52, "repeats": 0, "answers": 0, "bad": 0}
        app.close()


def test_kept_reports_survive_kill_9(data_dir):
    rounds = 200 if SOAK else 8
    directory, dice, queued = data_dir(ot_resend_ms=300), random.Random(3), set()
    number, share = 0, 4000 // rounds  # together less than the store keeps: beyond that the oldest go, as they should
    with Cloud("--drop", "20%", "--seed", "5") as cloud:
        for round_ in range(rounds):
            away = round_ % 2 == 0
            cloud.say("!silent" if away else "!speak")
            c = client(directory, cloud.port("udp"))
            app = App(c.port("local"))
            end = time.monotonic() + dice.uniform(0.05, 1.2)
            while time.monotonic() < end and number < share * (round_ + 1):
                number += 1
                app.send(id=number, method="event.n", params=[number])
                app.poll()
            for m in app.seen:
                if m.get("result") == ["queued"]:
                    queued.add(m["id"])
            app.close()
            c.kill()
        cloud.say("!speak")
        assert queued, "nothing was ever queued: the test tests nothing"
        with client(directory, cloud.port("udp")):
            def missing():
                return queued - {r["params"][0] for r in cloud.events("report") if r["method"] == "event.n"}
            wait_for(lambda: not missing(), "the queued reports", 120)
        ledger = cloud.ledger()
        assert ledger["bad"] == 0, cloud.events("bad")


def test_forged_and_broken_packets_do_no_harm(data_dir):
    """A server that also sends rubbish, from its own address, between right answers."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(DEADLINE)
    directory = data_dir()
    hello_reply = struct.pack(">HHQI16s", 0x2131, 32, 2 ** 64 - 1, 1700000000, b"\0" * 16)
    with client(directory, server.getsockname()[1], "-l", "2") as c:
        data, device = server.recvfrom(65536)
        assert data == bytes.fromhex("21310020" + "ff" * 8 + "00" * 20)
        stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stranger.sendto(struct.pack(">HHQI16s", 0x2131, 32, 2 ** 64 - 1, 99, b"\0" * 16), device)
        server.sendto(hello_reply, device)
        data, _ = server.recvfrom(65536)
        assert struct.unpack(">I", data[12:16])[0] >= 1700000000  # the stranger's time was not taken
        dice, random_count = random.Random(1), 1000000 if SOAK else 20000
        app = App(c.port("local"))
        rubbish = [
            b"", b"!1", b"!1\0\x20", packet(KEY, DID, 1)[:31], packet(KEY, DID, 1) + b"x",
            packet("0123456789abcdef", DID, 1, b'{"id":1,"method":"evil"}'),
            packet(KEY, DID + 1, 1, b'{"id":1,"method":"evil"}'), packet(KEY, DID, 1, b"not json"),
            packet(KEY, DID, 1, b'{"id":"1","method":"evil"}'), hello_reply,
        ] + [bytes(dice.randrange(256) for _ in range(dice.randrange(1, 200))) for _ in range(200)]
        before = c.rss_kb()
        for _ in range(5):
            for r in rubbish:
                server.sendto(r, device)
        app.send(id=1, method="local.query_time")  # it has read so far
        app.answer_to_method("local.time")
        for i in range(random_count):
            server.sendto(dice.randbytes(dice.randrange(1, 100)), device)
            if i % 50 == 49:  # keeps step, so that the kernel drops few of them unseen
                app.seen.clear()
                app.send(id=2, method="local.query_time")
                app.answer_to_method("local.time")
        def good():
            server.sendto(packet(KEY, DID, 5, b'{"id":9,"method":"good","params":[]}'), device)  # may be lost in the flood
            app.poll()
            return next((m for m in app.seen if m.get("method") == "good"), None)
        command = wait_for(good, "the right command")
        app.send(id=command["id"], result=["ok"])
        assert not [m for m in app.seen if m.get("method") == "evil"]
        grown = c.rss_kb() - before
        assert grown < (20000 if is_sanitized("miio_client") else 500)
        app.close()
    state = "\n".join(c.err)
    line = next(line for line in c.err if "dropped: " in line)
    dropped = [int(n) for n in re.findall(r"\d+", line.split("dropped: ")[1])]
    print("grown by %d kB; %s" % (grown, line))
    assert 0.99 * (random_count + 5 * len(rubbish)) <= sum(dropped) <= random_count + 5 * len(rubbish)
    for counter in ("did", "json", "hello", "message"):
        assert "%s 5" % counter in state, state
    server.close()
    stranger.close()


def test_kept_reports_end_with_their_owner(data_dir):
    port = free_port(socket.SOCK_DGRAM)
    with client(data_dir(), port) as c:
        app = App(c.port("local"))
        app.send(id=1, method="event.seen_at_home", params=[])
        assert app.answer_to(1)["result"] == ["queued"]
        app.close()
    with client(data_dir(provisioning="wifi"), port) as c:  # no wifi.conf: it belongs to nobody
        c.wait_err("1 kept reports of the last owner are dropped")
    with Cloud(udp="127.0.0.1:%d" % port) as cloud, client(data_dir(), port):
        assert [r["params"] for r in cloud.wait_event("report")] == [{"ota_state": "idle"}]
        cloud.say('get_prop ["a"]')
        cloud.wait_event("answer")
        assert cloud.ledger()["executed"] == 1


def test_names_are_looked_up_and_every_address_is_tried(data_dir):
    with Cloud() as cloud, Daemon("miio_client", "-d", data_dir(), "--local", "127.0.0.1:0", "--lan", "none", "--ble",
                                  "none", "-H", "localhost", "-p", cloud.port("udp")):
        cloud.wait_event("info")  # localhost may be ::1 first, where nobody listens


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_next_address_of_a_name(data_dir, tmp_path, transport):
    """A name with two addresses, in a name space of its own; the cloud moves from one to the other and back."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n127.0.0.2 cloud.test\n127.0.0.3 cloud.test\n")
    inside = ["unshare", "-m"] if os.getuid() == 0 else ["unshare", "-mUr"]
    mount = "mount --bind %s /etc/hosts && exec \"$@\"" % hosts
    probe = subprocess.run(inside + ["sh", "-c", mount, "sh", "getent", "ahosts", "cloud.test"], stdout=subprocess.PIPE,
                           text=True)
    if "127.0.0.2" not in probe.stdout or "127.0.0.3" not in probe.stdout:
        pytest.skip("no name space of its own, or names do not come from /etc/hosts")
    directory = data_dir(ot_keepalive_ms=2000)
    with Cloud(**{transport: "127.0.0.2:0"}) as cloud:
        port = cloud.port(transport)
        c = Daemon("/usr/bin/unshare", *inside[1:], "sh", "-c", mount, "sh", os.path.join(BIN, "miio_client"), "-d",
                   directory, "--local", "127.0.0.1:0", "--lan", "none", "--ble", "none", "-H", "cloud.test", "-p", port,
                   "--transport", transport)
        cloud.wait_event("info")
        app = App(c.port("local"))
    with c:
        for address in ("127.0.0.3", "127.0.0.2"):
            with Cloud(**{transport: "%s:%d" % (address, port)}) as cloud:
                cloud.wait_event("info", deadline=120)
                app.wait(lambda m: app.statuses()[-1] == "cloud_connected", "the cloud at " + address)
                app.send(id=1, method="props", params={"a": address})
                assert app.answer_to(1)["result"] == "ok"
                app.seen[:] = [m for m in app.seen if m.get("id") != 1]
        app.close()


def test_what_the_cloud_did_not_acknowledge_goes_again(data_dir):
    """A cloud that lives but acknowledges no report: it is held back for a minute, and goes again by itself."""
    if not SOAK:
        pytest.skip("takes more than a minute")
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    server.settimeout(DEADLINE)
    key = hashlib.md5(KEY.encode()).digest()
    iv = hashlib.md5(key + KEY.encode()).digest()
    heard = []

    def serve(until, deadline):
        """Echoes keepalives and acknowledges the client's own two messages, but no report."""
        end = time.monotonic() + deadline
        while not until():
            assert time.monotonic() < end, heard[-5:]
            data, device = server.recvfrom(65536)
            if len(data) == 32 and data[4:12] == b"\xff" * 8:
                server.sendto(struct.pack(">HHQI16s", 0x2131, 32, 2 ** 64 - 1, 1700000000, b"\0" * 16), device)
            elif len(data) == 32:
                server.sendto(data, device)
            else:
                text = subprocess.run(["openssl", "enc", "-d", "-aes-128-cbc", "-K", key.hex(), "-iv", iv.hex()],
                                      input=data[32:], stdout=subprocess.PIPE, check=True).stdout
                m = json.loads(text)
                heard.append((time.monotonic(), m))
                if m["method"] != "event.x":
                    server.sendto(packet(KEY, DID, 7, b'{"id":%d,"result":"ok"}' % m["id"]), device)

    def sends():
        return [t for t, m in heard if m["method"] == "event.x"]
    with client(data_dir(ot_resend_ms=500, ot_keepalive_ms=2000), server.getsockname()[1]) as c:
        serve(lambda: any(m["method"] == "props" for _, m in heard), 30)
        app = App(c.port("local"))
        app.send(id=5, method="event.x", params=[1])
        serve(lambda: len(sends()) == 10, 30)  # five at once, and five when it has been kept
        serve(lambda: len(sends()) == 11, 100)  # nothing else happens on this device meanwhile
        assert sends()[10] - sends()[9] > 30
        app.poll()
        assert app.answer_to(5)["result"] == ["queued"]
        assert len({m["id"] for _, m in heard if m["method"] == "event.x"}) == 1
        app.close()
    server.close()


def test_a_name_without_address_is_told_and_tried_again(data_dir):
    with Daemon("miio_client", "-d", data_dir(), "--local", "127.0.0.1:0", "--lan", "none", "--ble", "none", "-H",
                "no-such-host.invalid", "-p", "8053") as c:
        app = App(c.port("local"))
        app.send(id=1, method="local.query_time")
        assert app.wait(lambda m: m.get("id") == 1, "an answer while the name is looked up")["method"] == "local.time"
        c.wait_err(r"cloud ot: .* \(no-such-host\.invalid port 8053\); trying again, next try in \d+ ms")
        app.close()


def test_a_full_store_gives_up_the_oldest(data_dir):
    port = free_port(socket.SOCK_DGRAM)
    with client(data_dir(spool_max_bytes=65536), port) as c:
        app = App(c.port("local"))
        for n in range(3000):
            app.send(id=n, method="event.n", params=[n, "x" * 60])
            if n % 100 == 99:
                assert app.answer_to(n)["result"] == ["queued"]
                app.seen.clear()
        with Cloud(udp="127.0.0.1:%d" % port) as cloud:
            cloud.wait_event("report", 500, 90)
            wait_for(lambda: any(r["params"][:1] == [2999] for r in cloud.events("report") if r["method"] == "event.n"),
                     "the last one")
            numbers = [r["params"][0] for r in cloud.events("report") if r["method"] == "event.n"]
            assert numbers == list(range(numbers[0], 3000)) and 400 < len(numbers) < 1000
        app.close()


def test_a_damaged_store_is_put_aside(data_dir):
    directory = data_dir()
    with open(os.path.join(directory, "reports.mdb"), "wb") as f:
        f.write(random.Random(1).randbytes(16384))
    port = free_port(socket.SOCK_DGRAM)
    with client(directory, port) as c:
        c.wait_err("put aside")
        app = App(c.port("local"))
        app.send(id=1, method="event.a", params=[])
        assert app.answer_to(1)["result"] == ["queued"]
        app.close()
    assert os.path.exists(os.path.join(directory, "reports.mdb.bad"))
    assert os.stat(os.path.join(directory, "reports.mdb")).st_mode & 0o777 == 0o600
