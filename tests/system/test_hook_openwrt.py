# SPDX-License-Identifier: MIT
"""The hook for OpenWrt: what it tells uci has the bytes of wifi.conf, whatever they are, and it starts nothing of its own."""
import os
import re
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from hook_support import quoted, shell  # noqa: F401
from support import SOURCE, write_identity
from test_hooks import HEX_KEY, KEYS, NAMES, PRINTABLE

HOOK = os.path.join(SOURCE, "docs/packaging/openwrt/files/wifi_start.sh")
SAMPLE = os.path.join(SOURCE, "client/hooks/wifi_start.sh")
# Strict stand-ins for what OpenWrt has: an option belongs to a section that was made before, a network is asked for after a flush.
UCI = """#!/bin/sh
printf '%s\\n' "$*" >>"$CALLS"
case $1 in -q) shift ;; esac
case $1 in
set) case $2 in
    wireless.miio=wifi-iface | network.miio=interface | dhcp.miio=dhcp) : >"$SECTIONS/${2%%=*}" ;;
    wireless.radio1.disabled=0) ;;
    wireless.miio.*=* | network.miio.*=* | dhcp.miio.*=*) name=${2%%=*}; [ -e "$SECTIONS/${name%.*}" ] ;;
    *) echo "uci: Invalid argument: $2" >&2; exit 1 ;;
    esac ;;
delete) [ -e "$SECTIONS/$2" ] && rm "$SECTIONS/$2" ;;
commit) case $2 in network | dhcp | wireless) [ -z "${READ_ONLY-}" ] ;; *) exit 1 ;; esac ;;
*) exit 1 ;;
esac
"""
NETWORK_SH = """network_flush_cache() { flushed=1; }
network_get_ipaddr() { [ "$flushed" = 1 ] && [ "$2" = miio ] && [ -z "${NO_LEASE-}" ] && eval "$1=192.0.2.7"; }
"""


class Board:
    def __init__(self, tmp_path, shell):
        self.dir = write_identity(tmp_path / "data", wifi=False)
        self.calls = tmp_path / "calls"
        (tmp_path / "sections").mkdir()
        (tmp_path / "network.sh").write_text(NETWORK_SH)
        tools = tmp_path / "bin"
        tools.mkdir()
        for name, text in (("uci", UCI), ("wifi", "#!/bin/sh\necho \"wifi $*\" >>\"$CALLS\"\n")):
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        for tool in ("sed", "tr", "tail", "mkdir", "rm", "sleep"):  # what wifi_start.sh says that it needs
            os.symlink(shutil.which("busybox"), tools / tool)
        os.symlink("/bin/sh", tools / "sh")
        # /etc/init.d/network and dnsmasq are called by their path
        text = open(HOOK).read()
        text = re.sub(r"/etc/init\.d/(\w+) reload", r'echo "init.d/\1 reload" >>"$CALLS"', text)
        (tmp_path / "hook").write_text(text)
        self.words = [*shell, str(tmp_path / "hook")]
        self.env = {"PATH": str(tools), "MIIO_DATA_DIR": self.dir, "MIIO_WIFI_SAMPLE": SAMPLE, "MIIO_NETWORK_SH": str(tmp_path / "network.sh"),
                    "CALLS": str(self.calls), "SECTIONS": str(tmp_path / "sections"), "MIIO_RADIO": "radio1"}

    def run(self, wifi=None, **env):
        """Status, what was said, the calls as lines."""
        if wifi is not None:
            with open(os.path.join(self.dir, "wifi.conf"), "wb") as f:
                f.write(wifi)
        if self.calls.exists():
            self.calls.unlink()
        done = subprocess.run(self.words, env={**self.env, **env}, capture_output=True, timeout=60)
        return done.returncode, done.stdout + done.stderr, self.calls.read_bytes().split(b"\n")[:-1] if self.calls.exists() else []


@pytest.fixture
def board(shell, tmp_path):
    return Board(tmp_path, shell)


def test_every_byte_of_names_and_keys(board):
    keys = [k for k in KEYS if all(b in PRINTABLE for b in k) and 8 <= len(k)]
    for i, name in enumerate(NAMES):
        key = keys[i % len(keys)]
        status, said, calls = board.run(b"ssid=" + quoted(name) + b"\npsk=" + quoted(key) + b"\n")
        assert (status, said) == (0, b""), (name, key, said)
        assert b"set wireless.miio.ssid=" + name in calls
        assert b"set wireless.miio.key=" + key in calls and b"set wireless.miio.encryption=psk2" in calls
    assert calls[-4:] == [b"commit dhcp", b"commit wireless", b"init.d/network reload", b"wifi reload"]


def test_an_open_network_and_hex_keys(board):
    status, _, calls = board.run(b'ssid="open"\nkey_mgmt=NONE\n')
    assert status == 0 and b"set wireless.miio.encryption=none" in calls and b"miio.key" not in b" ".join(calls)
    status, _, calls = board.run(b'ssid=x\r\npsk=' + HEX_KEY.encode() + b"\r\n")
    assert status == 0 and b"set wireless.miio.key=" + HEX_KEY.encode() in calls and b"set wireless.miio.ssid=x" in calls


@pytest.mark.parametrize("wifi", [b'ssid="x"\n', b'ssid="x"\npsk="short"\n', b'ssid=""\npsk="12345678"\n', b"", b'ssid="x\npsk="12345678"\n'])
def test_what_is_not_understood_changes_nothing(board, wifi):
    status, said, calls = board.run(wifi)
    assert status != 0 and b"not understood" in said and calls == []


def test_not_joined(board):
    wifi = b'ssid="x"\npsk="12345678"\n'
    assert board.run(wifi, NO_LEASE="1", MIIO_JOIN_SECONDS="0")[0] != 0
    status, _, calls = board.run(wifi, READ_ONLY="1")
    assert status != 0 and b"wifi reload" not in calls


def test_the_access_point(board):
    status, said, calls = board.run()
    assert (status, said) == (0, b"")
    ssid, = [c for c in calls if c.startswith(b"set wireless.miio.ssid=")]
    assert re.fullmatch(rb"set wireless\.miio\.ssid=[\w-]+_miap[0-9A-F]{4}", ssid)  # of device.conf, at boot too
    assert {b"set wireless.miio.mode=ap", b"set network.miio.ipaddr=192.168.13.1", b"set dhcp.miio.interface=miio"} <= set(calls)
    assert calls[-1] == b"init.d/dnsmasq reload"
