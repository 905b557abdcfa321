# SPDX-License-Identifier: MIT
"""The sample hook for NetworkManager: its profiles, read by the parser that NetworkManager itself uses (GLib's), have the bytes of
wifi.conf, whatever they are."""
import ctypes
import os
import shutil
import stat
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from hook_support import quoted, shell  # noqa: F401
from support import SOURCE, write_identity
from test_hooks import HEX_KEY, KEYS, NAMES, PRINTABLE

HOOK = os.path.join(SOURCE, "docs/packaging/networkmanager/wifi_start.sh")
SAMPLE = os.path.join(SOURCE, "client/hooks/wifi_start.sh")
NMCLI = """#!/bin/sh
echo "$*" >>"$CALLS"
case $* in
"connection load $MIIO_NM_PROFILES/miio.nmconnection") [ -f "$3" ] ;;
"--wait "*" connection up miio") exit "${UP-0}" ;;
*) echo "nmcli: $*?" >&2; exit 2 ;;
esac
"""


class KeyFile:
    def __init__(self, path):
        self.glib = ctypes.CDLL("libglib-2.0.so.0")
        self.glib.g_key_file_new.restype = ctypes.c_void_p
        self.glib.g_key_file_get_string.restype = ctypes.c_void_p
        self.glib.g_key_file_get_integer_list.restype = ctypes.POINTER(ctypes.c_int)
        self.file = ctypes.c_void_p(self.glib.g_key_file_new())
        assert self.glib.g_key_file_load_from_file(self.file, os.fsencode(path), 0, None), path

    def text(self, group, key):
        value = self.glib.g_key_file_get_string(self.file, group.encode(), key.encode(), None)
        return ctypes.string_at(value) if value else None

    def bytes(self, group, key):
        n = ctypes.c_size_t()
        values = self.glib.g_key_file_get_integer_list(self.file, group.encode(), key.encode(), ctypes.byref(n), None)
        return bytes(values[i] for i in range(n.value))


class Board:
    def __init__(self, tmp_path, shell):
        self.dir = write_identity(tmp_path / "data", wifi=False)
        self.calls = tmp_path / "calls"
        self.profiles = tmp_path / "profiles"
        self.profiles.mkdir()
        self.shell = shell
        tools = tmp_path / "bin"
        tools.mkdir()
        (tools / "nmcli").write_text(NMCLI)
        (tools / "nmcli").chmod(0o755)
        for tool in ("sed", "tr", "tail", "mkdir", "rm", "mv", "cat", "sleep", "hexdump"):
            os.symlink(shutil.which("busybox"), tools / tool)
        os.symlink("/bin/sh", tools / "sh")
        self.env = {"PATH": str(tools), "MIIO_DATA_DIR": self.dir, "MIIO_NM_PROFILES": str(self.profiles), "MIIO_WIFI_SAMPLE": SAMPLE,
                    "CALLS": str(self.calls), "MIIO_WLAN": "wlan7"}

    def run(self, wifi=None, **env):
        if wifi is not None:
            with open(os.path.join(self.dir, "wifi.conf"), "wb") as f:
                f.write(wifi)
        done = subprocess.run([*self.shell, HOOK], env={**self.env, **env}, capture_output=True, timeout=60)
        path = self.profiles / "miio.nmconnection"
        return done.returncode, done.stderr, KeyFile(path) if path.exists() else None

    def heard(self):
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def board(shell, tmp_path):
    return Board(tmp_path, shell)


def test_every_byte_of_names_and_keys(board):
    keys = [k for k in KEYS if all(b in PRINTABLE for b in k) and 8 <= len(k)]
    for i, name in enumerate(NAMES):
        key = keys[i % len(keys)]
        status, said, profile = board.run(b"ssid=" + quoted(name) + b"\npsk=" + quoted(key) + b"\n")
        assert status == 0, (name, key, said)
        assert profile.bytes("wifi", "ssid") == name
        assert profile.text("wifi-security", "psk") == key
        assert profile.text("wifi-security", "key-mgmt") == b"wpa-psk"
        assert profile.text("wifi", "mode") == b"infrastructure"
        assert profile.text("connection", "interface-name") == b"wlan7"
    path = board.profiles / "miio.nmconnection"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and os.listdir(board.profiles) == ["miio.nmconnection"]
    assert board.heard()[-2:] == ["connection load %s" % path, "--wait 30 connection up miio"]


def test_an_open_network_and_hex_keys(board):
    status, _, profile = board.run(b'ssid="open"\nkey_mgmt=NONE\n')
    assert status == 0 and profile.text("wifi-security", "key-mgmt") is None
    status, _, profile = board.run(b'ssid="x"\npsk=' + HEX_KEY.encode() + b"\n")
    assert status == 0 and profile.text("wifi-security", "psk") == HEX_KEY.encode()


@pytest.mark.parametrize("wifi", [b'ssid="x"\n', b'ssid="x"\npsk="short"\n', b'ssid=""\npsk="12345678"\n', b"", b'ssid="x\npsk="12345678"\n'])
def test_what_is_not_understood_opens_nothing(board, wifi):
    status, said, profile = board.run(wifi)
    assert status != 0 and profile is None and b"not understood" in said
    assert board.heard() == []


def test_not_joined_and_the_access_point(board):
    assert board.run(b'ssid="x"\npsk="12345678"\n', UP="4")[0] != 0
    os.unlink(os.path.join(board.dir, "wifi.conf"))
    status, _, profile = board.run()
    assert status == 0
    assert profile.text("wifi", "mode") == b"ap" and b"_miap" in profile.bytes("wifi", "ssid")
    assert profile.text("ipv4", "method") == b"shared" and profile.text("ipv4", "address1") == b"192.168.13.1/24"
    assert profile.text("wifi-security", "psk") is None  # the last network's key is gone
