# SPDX-License-Identifier: MIT
"""The shipped hook programs under every shell of a device: what they make of wifi.conf and of the client's words, byte by
byte, and what they need of the platform."""
import json
import os
import shutil
import stat
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from support import BIN, SOURCE, wait_for, write_identity
from test_client import Client
from test_provisioning import Watcher, read, token_of

SHELLS = [["busybox", "sh"], ["dash"], ["bash"]]
HOOKS = os.path.join(SOURCE, "client/hooks")
HEX_KEY = "0123456789abcdefABCDEF0123456789abcdef0123456789abcdef0123456789"

# Every byte that a name may hold, by thirty, and texts that shells, sed and printf stumble over.
ALL = bytes(b for b in range(1, 256) if b not in b"\r\n")
NAMES = [ALL[i:i + 30] for i in range(0, len(ALL), 30)] + [
    b"x", b" a ", b"\t", b"-n", b"%s%n", b"$(id)`id`${x}", b"a*?[b]", b"\\", b"\"", b"\"\"", b"\\\\\\", b"a\\/b", b"a/b\\",
    b"a\\\"b", b"'\"'\"'", b"#x", b"# not joined yet", b"a=b", b"\xc4\xe3\xba\xc3", "网络-é".encode(), b"\\u0041\\x41\\n",
    b"_internal.info", b"\"_internal.info\"", b"x" * 32, b"\xff" * 32, b"\"" * 32, b"\\" * 32]
PRINTABLE = bytes(range(0x20, 0x7f))
KEYS = [PRINTABLE[i:i + 19] for i in range(0, 95, 19)] + [
    b"12345678", b"x" * 63, b"\"" * 63, b"\\" * 8, b"\"secret\"", b"a\\\"b\\/c\\", b"        ", b"%s%d%n$(id)", b"pass#word",
    "schlüssel".encode(), b"\\x41\\x42\\", HEX_KEY.encode(), HEX_KEY[:63].encode()]


@pytest.fixture(params=SHELLS, ids=lambda s: s[0])
def shell(request):
    if not shutil.which(request.param[0]):
        pytest.skip("%s is not installed" % request.param[0])
    return request.param


# Stand-ins for what joins networks: functions, which go before the programs that BusyBox has inside.
STUBS = """
noted() { echo "$*" >>"$MIIO_RUN_DIR/../calls"; }
ip() { noted ip "$@"; }
wpa_supplicant() { noted wpa_supplicant "$@"; }
hostapd() { noted hostapd "$@"; }
udhcpc() { noted udhcpc "$@"; }
wpa_cli() { echo wpa_state=${STATE-COMPLETED}; }
"""


class Board:
    """A folder with nothing but a few programs of BusyBox, the stand-ins, and a data directory."""

    def __init__(self, shell, tmp_path):
        self.tmp = tmp_path
        self.dir = write_identity(tmp_path / "data", wifi=False)
        self.bin = tmp_path / "bin"
        self.bin.mkdir()
        for tool in ("sed", "tr", "tail", "mkdir", "rm", "sleep"):
            os.symlink(shutil.which("busybox"), self.bin / tool)
        self.shell = " ".join([shutil.which(shell[0])] + shell[1:])
        self.stubs = STUBS + "udhcpd() { noted udhcpd; }\n"
        self.env = {"PATH": str(self.bin), "MIIO_DATA_DIR": self.dir, "MIIO_RUN_DIR": str(tmp_path / "run"),
                    "MIIO_JOIN_SECONDS": "1", "LC_ALL": "C.UTF-8"}

    def words(self):
        (self.tmp / "script").write_text(self.stubs + '. "%s"\n' % os.path.join(HOOKS, "wifi_start.sh"))
        return self.shell.split() + [str(self.tmp / "script")]

    def start(self, wifi, **env):
        """wifi_start.sh with that wifi.conf: status, what it said, its wpa_supplicant.conf."""
        if wifi is not None:
            with open(os.path.join(self.dir, "wifi.conf"), "wb") as f:
                f.write(wifi)
        made = self.tmp / "run" / "wpa_supplicant.conf"
        if made.exists():
            made.unlink()
        done = subprocess.run(self.words(), env={**self.env, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=60)
        return done.returncode, done.stdout + done.stderr, made.read_bytes() if made.exists() else None

    def calls(self):
        path = self.tmp / "calls"
        return path.read_text().splitlines() if path.exists() else []


def escaped(text):
    return text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def network(conf):
    """(name, key as wpa_supplicant reads it or None, key_mgmt) of a wpa_supplicant.conf."""
    lines = [l.strip() for l in conf.split(b"\n")]
    ssid = bytes.fromhex([l for l in lines if l.startswith(b"ssid=")][0][5:].decode())
    psk = [l[4:] for l in lines if l.startswith(b"psk=")]
    mgmt = [l[9:].decode() for l in lines if l.startswith(b"key_mgmt=")]
    if psk and psk[0].startswith(b'"'):
        psk = [psk[0][1:psk[0].rindex(b'"')]]
    return ssid, psk[0] if psk else None, mgmt[0] if mgmt else None


def test_every_byte_of_names_and_keys(shell, tmp_path):
    board = Board(shell, tmp_path)
    for i in range(max(len(NAMES), len(KEYS))):
        name, key = NAMES[i % len(NAMES)], KEYS[i % len(KEYS)]
        value = key if len(key) == 64 else b'"' + escaped(key) + b'"'
        code, said, made = board.start(b'ssid="' + escaped(name) + b'"\npsk=' + value + b"\nkey_mgmt=WPA\n")
        assert code == 0, (name, key, said)
        assert network(made) == (name, key, None)
    assert not os.path.exists(board.tmp / "data" / "x")


def test_names_of_the_device(shell, tmp_path):
    """As at boot, without the client's environment; in device.conf a file of the model, and what Windows editors leave."""
    board = Board(shell, tmp_path)
    with open(os.path.join(board.dir, "device.conf"), "wb") as f:
        f.write(b"\xef\xbb\xbfdid = 87654321\r\n model =\tacme.lamp.v1 \r\nmac=34:17:eb:9b:a7:47\r\n#model=no\r\nmodel=/etc/miio/m.json\r\nmodel=lamp.json\r\n")
    done = subprocess.run(board.words() + ["network"], env=board.env, stdout=subprocess.PIPE, timeout=60)
    assert done.stdout.splitlines()[2:] == [b"acme-lamp-v1_miapA747", b"acme-lamp-v1_miio87654321"]


@pytest.mark.parametrize("crlf", [False, True])
def test_forms_of_old_scripts(shell, tmp_path, crlf):
    board = Board(shell, tmp_path)
    hexkey = HEX_KEY.encode()
    rows = [
        (b'ssid="a"b"\npsk="sec"ret"12"\nkey_mgmt=WPA', (b'a"b', b'sec"ret"12', None)),          # not escaped
        (b'ssid="a\\b"\npsk="sec\\ret12"', (b"a\\b", b"sec\\ret12", None)),
        (b'ssid="a\\\\b"\npsk="sec\\\\ret12"', (b"a\\b", b"sec\\ret12", None)),                  # escaped
        (b'ssid="a\\/b"\npsk="sec\\/ret12"', (b"a/b", b"sec/ret12", None)),                      # by a JSON printer
        (b'ssid="a\\"\npsk="secret1\\"', (b"a\\", b"secret1\\", None)),
        (b"ssid=my net\npsk=secret12\nkey_mgmt=WPA", (b"my net", b"secret12", None)),            # no quotes
        (b'# c\n\tssid = "a " \nkey_mgmt = WPA\n psk = "secret12"', (b"a ", b"secret12", None)),
        (b'ssid="a"\npsk=' + hexkey, (b"a", hexkey, None)),
        (b'ssid="a"\npsk="' + hexkey + b'"', (b"a", hexkey, None)),
        (b'ssid="a"\nssid_5g="b"\npsk_5g="x"\npsk="secret12"\nuid=5', (b"a", b"secret12", None)),
        (b'key_mgmt=NONE\nssid="open"', (b"open", None, "NONE")),
        (b'ssid="open"\npsk=""\nkey_mgmt="NONE"', (b"open", None, "NONE")),
        (b'ssid="a"\nkey_mgmt=NONE\npsk="secret12"', (b"a", b"secret12", None)),                 # the safer one
        (b'ssid="\xc4\xe3"\npsk="secret12"', (b"\xc4\xe3", b"secret12", None)),
        (b'ssid="a"\npsk="secret12"\n# not joined yet', (b"a", b"secret12", None)),
        (b'\xef\xbb\xbfssid="a"\npsk="secret12"', (b"a", b"secret12", None)),                     # of an editor
        (b"ssid='my net'\npsk='sec\"r\\et'\nkey_mgmt='WPA'", (b"my net", b'sec"r\\et', None)),    # as a shell reads it
        (b"ssid='Bob'\\''s'\npsk=''\\''\\'\\''secret'", (b"Bob's", b"'\\'secret", None)),
        (b"ssid='open'\npsk=''\nkey_mgmt=NONE", (b"open", None, "NONE")),
    ]
    for text, want in rows:
        code, said, made = board.start((text.replace(b"\n", b"\r\n") + b"\r\n") if crlf else text)
        assert code == 0 and network(made) == want, (text, said, made)


@pytest.mark.parametrize("text", [
    b'ssid="a"\npsk="short"\nkey_mgmt=WPA', b'ssid="a"\npsk="short"\nkey_mgmt=NONE', b'ssid="a"\nkey_mgmt=WPA',
    b'ssid="a"', b'ssid="a"\npsk="secr', b'ssid="a"\npsk=x' + HEX_KEY[1:].encode(), b'ssid="a"\npsk="' + b"x" * 64 + b'"',
    b'ssid="a"\npsk="se\x01cret12"\nkey_mgmt=NONE', b'ssid="a"\nkey_mgmt=NONE\nwep_key0="abcde"', b'psk="secret12"',
    b'ssid="' + b"x" * 33 + b'"\nkey_mgmt=NONE', b'ssid="\nkey_mgmt=NONE', b"", b"\n\n", b"\0\0"])
def test_what_is_not_understood_opens_nothing(shell, tmp_path, text):
    board = Board(shell, tmp_path)
    code, said, made = board.start(text)
    assert code != 0 and b"wifi.conf" in said
    assert made is None and board.calls() == []


def test_lease_and_own_processes_only(shell, tmp_path):
    board = Board(shell, tmp_path)
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        assert board.start(b'ssid="a"\npsk="secret12"\n')[0] == 0
        lease = [c for c in board.calls() if c.startswith("udhcpc")][0].split()
        assert "-q" not in lease and "-p" in lease and "hostname:acme-lamp-v1_miio87654321" in lease
        # a pid file that names another program's process: left alone
        (tmp_path / "run" / "udhcpc.pid").write_text("%d\n" % stranger.pid)
        assert board.start(b'ssid="a"\npsk="secret12"\n')[0] == 0 and stranger.poll() is None
        # its own one is ended
        own = subprocess.Popen([shutil.which("busybox"), "sleep", "600"])
        (tmp_path / "run" / "udhcpc.pid").write_text("%d\n" % own.pid)
        assert board.start(b'ssid="a"\npsk="secret12"\n')[0] == 0
        assert own.wait(30) != 0
    finally:
        stranger.kill()
        stranger.wait()


def test_access_point_leaves_no_key_and_follows_no_link(shell, tmp_path):
    board = Board(shell, tmp_path)
    assert board.start(b'ssid="a"\npsk="secret12"\n')[2]
    run = tmp_path / "run"
    assert stat.S_IMODE(os.stat(run / "wpa_supplicant.conf").st_mode) == 0o600
    os.remove(os.path.join(board.dir, "wifi.conf"))
    (tmp_path / "bait").write_text("bait")
    os.symlink(tmp_path / "bait", run / "hostapd.conf")
    code, said, made = board.start(None)
    assert made is None and (tmp_path / "bait").read_text() == "bait"
    assert "ssid=acme-lamp-v1_miapA747" in (run / "hostapd.conf").read_text().splitlines()
    assert [c for c in board.calls() if c.startswith("udhcpd")]
    if "busybox" in board.shell:
        return  # it has udhcpd inside
    board.stubs = STUBS + 'dnsmasq() { noted dnsmasq "$@"; }\n'
    board.start(None)
    assert [c for c in board.calls() if c.startswith("dnsmasq") and "192.168.13.20,192.168.13.200" in c]


def test_not_joined(shell, tmp_path):
    board = Board(shell, tmp_path)
    assert board.start(b'ssid="a"\npsk="secret12"\n', STATE="SCANNING")[0] != 0
    assert not [c for c in board.calls() if c.startswith("udhcpc")]


WIFI_START = """#!/bin/sh
[ -f "%s/wifi.conf" ] || exit 1
%s exec %s
"""


@pytest.mark.parametrize("external", [False, True], ids=["builtin", "external"])
def test_from_the_phone_to_wpa_supplicant(shell, tmp_path, external):
    """Names and keys as a phone sends them, through the client and, when there is one, the helper script."""
    board = Board(shell, tmp_path)
    hook = os.path.join(board.dir, "wifi_start.sh")
    with open(hook, "w") as f:
        f.write(WIFI_START % (board.dir, " ".join("%s=%s" % pair for pair in board.env.items()), " ".join(board.words())))
    os.chmod(hook, 0o755)
    # as JSON carries them: characters, not bytes
    names = ["".join(chr(c) for c in range(1, 0x30) if c not in (10, 13))[:31], "".join(map(chr, range(0x30, 0x4f))),
             "".join(map(chr, range(0x4f, 0x6e))), "".join(map(chr, range(0x6e, 0x80))) + "é网", "a\\/b", "a/b\\", "\\\"\\/",
             "# not joined yet", "x"]
    keys = [bytes(k).decode() for k in KEYS]
    env = {**os.environ, "PATH": BIN + ":" + os.environ["PATH"], "MIIO_DATA_DIR": board.dir, "MIIO_JOIN_PAUSE": "0",
           "MIIO_JOIN_TRIES": "1", "LC_ALL": "C.UTF-8"}
    helper = None
    try:
        with Client(board.dir, "--helper", "external" if external else "builtin", "--join-tries", "1") as c:
            if external:
                env["MIIO_LOCAL_PORT"] = str(c.port("local"))
                helper = subprocess.Popen(board.shell.split() + [os.path.join(HOOKS, "miio_client_helper.sh")], env=env,
                                          start_new_session=True)
            app = Watcher(c)
            wait_for(lambda: app.state() == "ap_mode", "the access point")
            token = token_of(c)
            for i in range(max(len(names), len(keys))):
                name, key = names[i % len(names)], keys[i % len(keys)]
                params = json.dumps({"ssid": name, "passwd": key, "uid": 5})
                del app.seen[:]
                code, out, _ = c.phone("call", "miIO.config_router", params, token=token)
                assert code == 0, (name, key, out)
                assert app.until("wifi_connected") == ["wifi_connecting", "wifi_connected"], (name, key)
                made = (tmp_path / "run" / "wpa_supplicant.conf").read_bytes()
                assert network(made) == (name.encode(), key.encode(), None)
                assert "not joined" not in read(c, "wifi.conf").replace('ssid="# not joined yet"', "")
    finally:
        if helper:
            os.killpg(helper.pid, 15)
            helper.wait()
