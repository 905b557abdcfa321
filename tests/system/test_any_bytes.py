# SPDX-License-Identifier: MIT
"""Bytes that are no UTF-8, from the radio and from files: what the programs say stays UTF-8 and is answered."""
import json
import os
import subprocess
import sys

import pytest

from support import BIN, SOURCE, Daemon, JsonSocket, wait_for, write_identity
from test_lan import Phone, unseal

NAMES = {"utf-8": "Café".encode(), "gb2312": bytes.fromhex("ced2b5c457494649"), "latin-1": b"Caf\xe9",
         "cut in a character": ("é" * 16).encode()[:31], "all bytes": bytes(range(128, 160)), "quotes": b'"\\\x01\xff'}


def shown(name):
    """One U+FFFD for each byte that belongs to no character."""
    out, i = "", 0
    while i < len(name):
        for n in (1, 2, 3, 4):
            try:
                out += name[i:i + n].decode()
                break
            except UnicodeDecodeError:
                pass
        else:
            out, n = out + "\ufffd", 1
        i += n
    return out


def info_of_phone(c):
    p = Phone(c.port("lan"))
    return json.loads(unseal(p.call(p.hello(), {"id": 1, "method": "miIO.info", "params": []}))[:-1].decode())["result"]


def test_names_from_the_radio(tmp_path):
    """In a network of its own, with an interface that has the default route."""
    if subprocess.run(["unshare", "-n", "true"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("no network namespaces here")
    setup = ("ip link set lo up; ip link add wlan0 type veth peer name w1; ip addr add 10.8.0.1/24 dev wlan0; "
             "ip link set wlan0 up; ip link set w1 up; ip route add default via 10.8.0.2; exec %s %s %s"
             % (sys.executable, __file__, tmp_path))
    r = subprocess.run(["unshare", "-n", "sh", "-c", setup], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       env={**os.environ, "MIIO_SOURCE": SOURCE}, timeout=100)
    assert r.returncode == 0, r.stdout[-3000:]


def check_names_from_the_radio(tmp_path):
    for n, name in enumerate(NAMES.values()):
        env = {"LD_PRELOAD": os.path.abspath(os.path.join(BIN, "..", "tests", "fake_wifi.so")), "FAKE_SSID": name.hex(),
               "ASAN_OPTIONS": "verify_asan_link_order=0"}
        cloud = Daemon("miio_sim", "cloud", "--udp", "127.0.0.1:0", "--key", "Qw3rTy7UiOp9AsDf", "--did",
                       "87654321")
        d = os.path.join(tmp_path, str(n))
        write_identity(d, extra=["cloud=ot", "ot_host=127.0.0.1", "ot_port=%d" % cloud.port("udp")])
        with cloud, Daemon("miio_client", "-d", d, "--local", "127.0.0.1:0", "--lan", "127.0.0.1:0", "--ble", "none",
                           env=env) as c:
            assert info_of_phone(c)["ap"]["ssid"] == shown(name)
            wait_for(lambda: JsonSocket(c.port("local")).call("local.query_status")["params"] == "cloud_connected",
                     "the cloud")


@pytest.mark.parametrize("name", NAMES)
def test_version_from_a_file(tmp_path, name):
    release = tmp_path / "os-release"
    release.write_bytes(b"ACME_VERSION='" + NAMES[name].replace(b'"', b"").replace(b"\\", b"").replace(b"\x01", b"") + b"'\n")
    write_identity(tmp_path / "d", extra=["cloud=none"])
    with Daemon("miio_client", "-d", tmp_path / "d", "--local", "127.0.0.1:0", "--lan", "127.0.0.1:0", "--ble", "none",
                "--os-release", release) as c:
        assert info_of_phone(c)["fw_ver"]
        assert JsonSocket(c.port("local")).call("miIO.info")["result"]["fw_ver"]


def test_names_of_programs(tmp_path):
    """A peer's name comes from /proc."""
    with Daemon("miio_agent", "--listen", "127.0.0.1:0", "--unix", tmp_path / "a.sock", "-O"):
        rename = ("import ctypes, socket, sys; ctypes.CDLL(None).prctl(15, b'\\xce\\xd2\\\"', 0, 0, 0); s = socket.socket(1); "
                  "s.connect(sys.argv[1]); s.send(b'{\"id\":1,\"method\":\"agent.peers\"}'); "
                  "sys.stdout.buffer.write(s.recv(65536)); sys.stdout.flush(); sys.stdin.read()")
        r = subprocess.run([sys.executable, "-c", rename, str(tmp_path / "a.sock")], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, timeout=60)
        assert "result" in json.loads(r.stdout.decode())


if __name__ == "__main__":
    check_names_from_the_radio(sys.argv[1])
