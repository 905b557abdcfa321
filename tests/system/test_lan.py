# SPDX-License-Identifier: MIT
"""The LAN side as the network sees it: addresses, replays, programs that start over. Packets are built here, byte by byte."""
import hashlib
import json
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from support import BIN, DEADLINE, SOURCE, Daemon, JsonSocket, is_sanitized, wait_for, write_identity

DID, TOKEN = 87654321, b"a1B2c3D4e5F6g7H8"
HELLO = bytes.fromhex("21310020" + "ff" * 28)
KEY = hashlib.md5(TOKEN).digest()
IV = hashlib.md5(KEY + TOKEN).digest()


def seal(stamp, obj):
    text = json.dumps(obj, separators=(",", ":")).encode()
    pad = 16 - len(text) % 16
    e = Cipher(algorithms.AES(KEY), modes.CBC(IV)).encryptor()
    body = e.update(text + bytes([pad]) * pad) + e.finalize()
    head = struct.pack(">HHQI", 0x2131, 32 + len(body), DID, stamp & 0xffffffff)
    return head + hashlib.md5(head + TOKEN + body).digest() + body


def unseal(packet):
    d = Cipher(algorithms.AES(KEY), modes.CBC(IV)).decryptor()
    plain = d.update(packet[32:]) + d.finalize()
    return plain[:-plain[-1]]


class Phone:
    def __init__(self, port, host="127.0.0.1", bind=None, connected=False):
        self.s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self.s.settimeout(DEADLINE)
        self.to, self.connected = (host, port), connected
        if bind:
            self.s.bind(bind)
        if connected:
            self.s.connect(self.to)

    def send(self, packet):
        if self.connected:
            self.s.send(packet)
        else:
            self.s.sendto(packet, self.to)

    def hello(self):
        self.send(HELLO)
        reply = self.s.recv(2048)
        assert len(reply) == 32
        return struct.unpack(">I", reply[12:16])[0]

    def call(self, stamp, obj):
        self.send(seal(stamp, obj))
        return self.s.recv(65536)


class App:
    """Counts commands and answers each with how many there were."""

    def __init__(self, port):
        self.s, self.got = JsonSocket(port), []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            m = self.s.recv(3600)
            if m is None:
                return
            if "id" in m and "method" in m:
                self.got.append(m)
                self.s.send({"id": m["id"], "result": [len(self.got)]})


def start(tmp_path, lan="127.0.0.1:0", **kw):
    write_identity(tmp_path, extra=["cloud=none"])
    return Daemon("miio_client", "-d", tmp_path, "--local", "127.0.0.1:0", "--lan", lan, "--ble", "none", **kw)


@pytest.fixture
def device(tmp_path):
    with start(tmp_path) as c:
        c.app = App(c.port("local"))
        yield c


def test_one_zero_byte_behind_each_answer(device):
    p = Phone(device.port("lan"))
    stamp = p.hello()
    for n, obj in enumerate(({"id": 1, "method": "toggle"}, {"id": 2, "method": "miIO.info"},
                             {"id": 3, "method": "local.nothing"})):
        plain = unseal(p.call(stamp + n, obj))
        assert plain.endswith(b"}\0") and not plain.endswith(b"\0\0")
        assert json.loads(plain[:-1])["id"] == obj["id"]
        assert unseal(p.call(stamp + n, obj)) == plain or n == 1  # from memory; miIO.info tells the uptime


def test_a_program_starts_over_on_the_same_port(device):
    p = Phone(device.port("lan"), bind=("127.0.0.1", 0))
    for n in range(1, 6):  # hello, id 1, the same command, and again
        stamp = p.hello()
        assert json.loads(unseal(p.call(stamp + 1, {"id": 1, "method": "toggle"}))[:-1]) == {"id": 1, "result": [n]}
    assert len(device.app.got) == 5


def test_two_programs_begin_alike(device):
    """Hello, stamp, id 1, in one second: the second one's command is no replay of the first one's."""
    for n in range(1, 6):
        p = Phone(device.port("lan"))
        assert json.loads(unseal(p.call(p.hello() + 1, {"id": 1, "method": "toggle"}))[:-1])["result"] == [n]


def test_replays(device, count=100000, sources=2000):
    """Somebody has listened, and sends everything again from everywhere."""
    port, honest = device.port("lan"), Phone(device.port("lan"))
    stamp = honest.hello()
    captured = [seal(stamp + 1 + n, {"id": n, "method": "toggle"} if n % 4 else {"method": "toggle", "n": n})
                for n in range(400)]
    for n, packet in enumerate(captured):
        honest.send(packet)
        if n % 4:
            assert len(honest.s.recv(2048)) > 32
    executed = len(device.app.got)
    assert executed == 300  # those with an id
    rss = device.rss_kb()
    s = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(50)]
    served = 0
    for first in range(0, sources, len(s)):  # fifty at a time, each with an address of its own
        for n, one in enumerate(s):
            one.close()
            s[n] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s[n].bind(("127.1.%d.%d" % divmod(first + n, 250), 0))
        for n in range(count * len(s) // sources):
            s[n % len(s)].sendto(captured[n % len(captured)], ("127.0.0.1", port))
            if n % 50 == 49:  # the phone's answer also says that the kernel has dropped nothing unseen
                served += 1
                answer = honest.call(stamp + 500, {"id": 100000 + served, "method": "get"})
                assert json.loads(unseal(answer)[:-1])["result"] == [executed + served]
    counters = state(device)
    assert len(device.app.got) == executed + served
    assert counters["lan.dropped.replayed"] + counters.get("lan.repeats", 0) == count
    assert not any(select.select(s, [], [], 0)[0]), "a stranger was answered"
    assert "lan.dropped.full" not in counters
    assert device.rss_kb() - rss < (40000 if is_sanitized("miio_client") else 1000)


def test_captured_before_a_restart(tmp_path):
    """Killed and started again at once: nothing of before is executed; a phone that goes on is answered."""
    c = start(tmp_path)
    app = App(c.port("local"))
    phone, port = Phone(c.port("lan")), c.port("lan")
    wait_for(lambda: time.sleep(0.3) or phone.hello() <= time.time() + 1, "the end of the seconds after the start")
    captured = []
    for n in range(3):
        time.sleep(1.1)  # hellos are told stamps a second apart: none ahead of the clock
        captured.append(seal(phone.hello() + 1, {"id": n, "method": "toggle"}))
        phone.send(captured[-1])
        phone.s.recv(2048)
    assert len(app.got) == 3
    c.kill()
    time.sleep(2)  # the stamps are of the past
    with start(tmp_path, "127.0.0.1:%d" % port) as c:
        app = App(c.port("local"))
        thief = Phone(port)
        for packet in captured:
            thief.send(packet)
            phone.send(packet)
        stamp = phone.hello()
        assert json.loads(unseal(phone.call(stamp, {"id": 99, "method": "get"}))[:-1])["result"] == [1]
        assert json.loads(unseal(phone.call(stamp + 1, {"id": 100, "method": "get"}))[:-1])["result"] == [2]
        assert state(c)["lan.dropped.stamp"] == 6
        time.sleep(1.2)
        counts = Phone(port)  # it says no hello and counts on from before the restart
        assert json.loads(unseal(counts.call(int(time.time()), {"id": 101, "method": "get"}))[:-1])["result"] == [3]


def test_phones_over_the_first_setting_of_the_clock(tmp_path):
    """1970 at the start, then the time: a phone that counts on from its hello, one that says the stamp of the hello again and
    again, and one that copies each answer's are answered all the while."""
    clock = tmp_path / "clock"
    clock.write_text("unset")
    env = {"LD_PRELOAD": os.path.abspath(os.path.join(BIN, "..", "tests", "other_clock.so")),
           "OTHER_CLOCK_S": str(clock), "ASAN_OPTIONS": "verify_asan_link_order=0"}
    with start(tmp_path, env=env) as c:
        App(c.port("local"))
        counts, stays, copies = (Phone(c.port("lan")) for _ in range(3))
        began, first, still, copied = time.monotonic(), counts.hello(), stays.hello(), copies.hello()
        assert max(first, still, copied) < 1577836800
        for n in range(60):
            if n == 20:
                clock.write_text("0")
            for k, p, stamp in ((1, counts, first + int(time.monotonic() - began)), (2, stays, still + 1), (3, copies, copied)):
                reply = p.call(stamp, {"id": 3 * n + k, "method": "get"})
                assert json.loads(unseal(reply)[:-1])["id"] == 3 * n + k
                told = struct.unpack(">I", reply[12:16])[0]
            copied = told
            time.sleep(0.02)  # some of them before, some after the step, however long that takes
        assert abs(copied - time.time()) < 60
        assert "lan.dropped.stamp" not in state(c)


def state(device):
    seen = len(device.err)
    for _ in range(2):  # the lines come in one go; the first of a second go marks their end
        mark = len(device.err)
        device.signal(10)
        wait_for(lambda: any("lan.datagrams" in line for line in device.err[mark:]), "counters")
    return {line.split()[-2].rstrip("="): int(line.split()[-1]) for line in device.err[seen:] if " lan." in line}


@pytest.mark.parametrize("lan", ["0.0.0.0:0", "[::]:0", "127.0.0.1:0"])
def test_answers_leave_from_the_address_that_was_asked(tmp_path, lan):
    """Connected sockets, NAT and firewalls take nothing else. Every address of 127/8 is the device's."""
    hosts = ["127.0.0.1"] if lan.startswith("127") else ["127.0.0.1", "127.0.0.2", "127.9.8.7"]
    if lan.startswith("["):
        hosts += ["::1"]
    with start(tmp_path, lan) as c:
        App(c.port("local"))
        for host in hosts:
            p = Phone(c.port("lan"), host, connected=True)
            stamp = p.hello()
            assert json.loads(unseal(p.call(stamp, {"id": 1, "method": "toggle"}))[:-1])["id"] == 1
            assert json.loads(unseal(p.call(stamp, {"id": 1, "method": "toggle"}))[:-1])["id"] == 1


SECOND = """
import os, socket, sys
sys.path.insert(0, os.path.join(os.environ["MIIO_SOURCE"], "tests", "system"))
import test_lan as t, pathlib, tempfile
with t.start(pathlib.Path(tempfile.mkdtemp()), "[::]:54321") as c:
    t.App(c.port("local"))
    for host in ("10.9.0.1", "10.9.0.2", "fd00::1", "fd00::2"):
        p = t.Phone(54321, host, connected=True)
        p.call(p.hello(), {"id": 1, "method": "toggle"})
    link = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    link.settimeout(t.DEADLINE)
    link.connect(("fe80::9", 54321, 0, socket.if_nametoindex("d0")))
    link.send(t.HELLO)
    assert len(link.recv(100)) == 32
    for target in ("10.9.0.255", "255.255.255.255"):
        b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        b.settimeout(t.DEADLINE)
        b.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        b.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"d0")
        b.bind(("10.9.0.1", 0))
        b.sendto(t.HELLO, (target, 54321))
        answer, sender = b.recvfrom(100)
        assert sender[0].startswith("10.9.0.") and len(answer) == 32
"""


def test_two_addresses_on_one_interface():
    """In a network of its own: also IPv6, addresses of one link, and broadcasts."""
    if subprocess.run(["unshare", "-n", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("no network namespaces here")
    setup = ("ip link set lo up; ip link add d0 type veth peer name d1; ip link set d0 up; ip link set d1 up; "
             "for a in 10.9.0.1/24 10.9.0.2/24; do ip addr add $a brd + dev d0; done; "
             "for a in fd00::1 fd00::2 fe80::9; do ip addr add $a/64 dev d0 nodad; done; exec %s -c '%s'"
             % (sys.executable, SECOND.replace("'", "'\\''")))
    r = subprocess.run(["unshare", "-n", "sh", "-c", setup], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       env={**os.environ, "MIIO_SOURCE": SOURCE}, timeout=100)
    assert r.returncode == 0, r.stdout[-3000:]
