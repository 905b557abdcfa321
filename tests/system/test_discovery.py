# SPDX-License-Identifier: MIT
"""How a device is found on the LAN: the service file for avahi-daemon, answered for by a real one in a network of its own."""
import os
import shutil
import struct
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from support import SOURCE, write_identity

SCRIPT = os.path.join(SOURCE, "client/hooks/avahi_service.sh")


def printed(*args):
    return subprocess.run(["/bin/sh", SCRIPT, *args], capture_output=True, text=True)


@pytest.mark.parametrize("line, why", [("model=", "no model"), ("model=a.b<c", "characters"), ("did=12x", "not a number"), ("did=", "not a number")])
def test_what_cannot_be_a_name_is_refused(tmp_path, line, why):
    dir = write_identity(tmp_path / "data", extra=[line])
    done = printed(dir)
    assert done.returncode == 1 and why in done.stderr and done.stdout == ""


def test_the_model_is_not_the_file_of_its_instance(tmp_path):
    dir = write_identity(tmp_path / "data", extra=["model=/etc/miio/model.json", "model=lamp.json"])
    assert "<name>acme-lamp-v1_miio87654321</name>" in printed(dir).stdout


def test_what_windows_editors_write_is_read(tmp_path):
    dir = tmp_path / "data"
    dir.mkdir()
    (dir / "device.conf").write_bytes(b"\xef\xbb\xbfdid = 87654321\r\n model =\tacme.lamp.v1 \r\n")
    assert "<name>acme-lamp-v1_miio87654321</name>" in printed(str(dir)).stdout


def test_a_long_model_leaves_the_did_whole(tmp_path):
    dir = write_identity(tmp_path / "data", extra=["model=" + "very.long." * 8 + "v1"])
    name = printed(dir).stdout.split("<name>")[1].split("</name>")[0]
    assert len(name) == 63 and name.endswith("_miio87654321")


ASK = r"""
import socket, struct, sys, time
def name(text):
    return b"".join(bytes([len(p)]) + p.encode() for p in text.split(".")) + b"\0"
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.99.0.2"))
s.bind(("10.99.0.2", 0))
s.settimeout(0.5)
def ask(what, kind):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        # a question of one shot (RFC 6762, 6.7): the answer comes to the port that asked
        s.sendto(struct.pack("!6H", 7, 0, 1, 0, 0, 0) + name(what) + struct.pack("!2H", kind, 1), ("224.0.0.251", 5353))
        try:
            sys.stdout.buffer.write(s.recv(9000))
            return
        except TimeoutError:
            pass
ask("_miio._udp.local", 12) # PTR
ask("acme-lamp-v1_miio87654321._miio._udp.local", 33) # SRV
"""
CONF = """[server]
host-name=device
use-ipv6=no
enable-dbus=no
allow-interfaces=d0
[publish]
publish-workstation=no
[rlimits]
"""


def test_avahi_announces_the_device(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root, for a network of its own")
    if not shutil.which("avahi-daemon"):
        pytest.skip("avahi-daemon is not installed")
    services = tmp_path / "services"
    services.mkdir()
    done = printed(write_identity(tmp_path / "data"))
    assert done.returncode == 0, done.stderr
    (services / "miio.service").write_text(done.stdout)
    (tmp_path / "avahi.conf").write_text(CONF)
    (tmp_path / "ask.py").write_text(ASK)
    # avahi-daemon looks into /etc/avahi/services only, and keeps its pid in /run/avahi-daemon
    script = """
mount --make-rprivate / 2>/dev/null || true # not in a changed root, where nothing is shared
mount -t proc proc /proc
mount --bind %(services)s /etc/avahi/services
mkdir -p /run/avahi-daemon && mount -t tmpfs tmpfs /run/avahi-daemon
ip link set lo up
# a wire with two ends, for the daemon and for who asks
ip link add d0 type veth peer name d1
ip addr add 10.99.0.1/24 dev d0 && ip link set d0 up
unshare -n sleep 60 & other=$!
until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
ip link set d1 netns $other
nsenter -t $other -n sh -c 'ip addr add 10.99.0.2/24 dev d1 && ip link set d1 up && ip route add 224.0.0.0/4 dev d1'
avahi-daemon --no-drop-root --no-chroot --no-proc-title -f %(tmp)s/avahi.conf >%(tmp)s/avahi.log 2>&1 & avahi=$!
nsenter -t $other -n /usr/bin/python3 %(tmp)s/ask.py
kill $avahi $other
""" % {"services": services, "tmp": tmp_path}
    done = subprocess.run(["unshare", "-n", "-m", "--propagation", "unchanged", "-p", "-f", "sh", "-ec", script], capture_output=True, timeout=90)
    log = (tmp_path / "avahi.log").read_text() if (tmp_path / "avahi.log").exists() else ""
    name = b"acme-lamp-v1_miio87654321"
    assert bytes([len(name)]) + name in done.stdout, (done.stdout, done.stderr, log)
    assert struct.pack("!H", 54321) in done.stdout
