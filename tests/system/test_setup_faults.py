# SPDX-License-Identifier: MIT
"""Setting up and resetting when something is against it: the disk, a power cut, a stranger, another phone, a damaged
file."""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from support import BIN, SOURCE, Daemon, is_sanitized, run, wait_for, write_identity
from test_client import Client, lan_address
from test_helper import Helper
from test_provisioning import HELPER, WIFI_START, Watcher, calls, hook, read, token_of

TOKEN = "a1B2c3D4e5F6g7H8"
OWNED = ("wifi.conf", "device.token", "device.country", "device.uid", "otd_donot_trust_peer", ".wifi.conf.AbC123",
         ".device.token.zzzzzz", "wifi.conf.new", "device.token.new", ".gizwits.state.000000")


def can_mount():
    return subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


class OnDisk(Client):
    """The client with its data directory on a disk of its own, which a test may fill or make read-only."""

    def __init__(self, directory, *args, size="256k", read_only=False, cloud="none"):
        self.dir, self.ip, self.disk = str(directory), lan_address(), str(directory) + ".disk"
        os.makedirs(self.disk, exist_ok=True)
        script = ('mount -t tmpfs -o size=%s none "$1" && cp -a "$2"/. "$1" && %s shift 2 && exec "$@"'
                  % (size, 'mount -o remount,ro "$1" &&' if read_only else ""))
        Daemon.__init__(self, "/usr/bin/unshare", "-m", "sh", "-c", script, "sh", self.disk, self.dir,
                        os.path.join(BIN, "miio_client"), "-d", self.disk, "--cloud", cloud, "--local", "127.0.0.1:0",
                        "--lan", self.ip + ":54321", "--ble", "127.0.0.1:0", "-l", "3", *args)
        self.dir = "/proc/%d/root%s" % (self.pid, self.disk)

    def remount(self, how):
        subprocess.run(["nsenter", "-t", str(self.pid), "-m", "mount", "-o", "remount," + how, self.disk], check=True)

    def files(self):
        return {name: open(os.path.join(self.dir, name), "rb").read() for name in sorted(os.listdir(self.dir))
                if "reports" not in name}


needs_mount = pytest.mark.skipif(not can_mount(), reason="no file systems can be mounted here")


def owned_device(path, **kw):
    d = write_identity(path, **kw)
    hook(d, "wifi_start.sh", WIFI_START)
    hook(d, "miio_client_helper.sh", HELPER)
    for name in OWNED[2:]:
        with open(os.path.join(d, name), "w") as f:
            f.write({"device.country": "sg\n", "device.uid": "4711\n"}.get(name, "secret"))
    return d


def left(directory):
    return sorted(n for n in os.listdir(directory) if n in OWNED or ".new" in n or n.startswith("."))


# ---- reset ----

@pytest.mark.parametrize("way", ["application", "phone"])
def test_reset_is_on_the_disk_before_it_is_told(tmp_path, way):
    d = owned_device(tmp_path / "miio")
    with Client(d) as c:
        if way == "application":
            assert c.app().call("miIO.restore")["result"] == ["ok"]
        else:
            no = threading.Thread(target=lambda s: s.send({"id": s.recv()["id"], "error": {"code": -32601}}),
                                  args=(Watcher(c).socket,))
            no.start()
            assert json.loads(c.phone("call", "miIO.restore")[1])["result"] == ["ok"]
            no.join()
        c.process.send_signal(signal.SIGSTOP)  # nothing more is done
        assert left(d) == ["device.token"] and read(c, "device.token") != TOKEN
        c.kill()
        c.process.returncode = 0  # as it was meant to


@needs_mount
def test_a_token_that_the_disk_did_not_take_is_stored_with_the_network(tmp_path):
    d = write_identity(tmp_path / "miio", wifi=False)
    hook(d, "wifi_start.sh", WIFI_START)
    with OnDisk(d, read_only=True) as c:
        token = token_of(c)
        assert c.files().get("device.token", b"").hex() != token
        c.remount("rw")
        code, out, _ = c.phone("config_router", "home", "rightpass", "4711", token=token)
        assert code == 0 and json.loads(out)["result"] == ["ok"]
        assert c.files()["device.token"].hex() == token and "wifi.conf" in c.files()


@needs_mount
def test_a_disk_that_takes_nothing_refuses_the_reset(tmp_path):
    d = owned_device(tmp_path / "miio")
    with OnDisk(d) as c:
        app, before = c.app(), c.files()
        c.remount("ro")
        answer = app.call("miIO.restore")
        assert answer["error"]["code"] == -33020 and c.files() == before
        assert "token" not in c.phone("hello", token=None)[1] and c.phone("info")[0] == 0
        assert app.call("local.query_status")["params"] == "sta_mode"
        c.wait_err("reset: .*refused")
        c.remount("rw")
        assert app.call("miIO.restore")["result"] == ["ok"]
        assert "wifi.conf" not in c.files() and c.files()["device.token"] != before["device.token"]


@needs_mount
@pytest.mark.parametrize("wifi", [False, True])
def test_start_on_a_disk_that_takes_nothing(tmp_path, wifi):
    d = write_identity(tmp_path / "miio", wifi=wifi)
    hook(d, "wifi_start.sh", WIFI_START)
    with OnDisk(d, read_only=True) as c:
        if wifi:
            assert c.phone("info")[0] == 0
            return
        token = bytes.fromhex(token_of(c)).decode()
        assert token != TOKEN == read(c, "device.token")  # the last owner's opens nothing
        c.wait_err("ERROR.*read-only|ERROR.*Read-only")
        assert c.phone("info", token=token)[0] == 0
        answer = json.loads(c.phone("config_router", "home", "rightpass", "1", token=token)[1])
        assert answer["error"]["code"] == -33020
        assert c.app().call("local.query_status")["params"] == "ap_mode"


def fill(client):
    ballast = os.open(os.path.join(client.dir, "ballast"), os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError):
        while True:
            os.write(ballast, b"x" * 4096)
    os.close(ballast)


@needs_mount
def test_a_full_disk_can_be_reset(tmp_path):
    d = owned_device(tmp_path / "miio")
    with OnDisk(d) as c:
        fill(c)
        app = Watcher(c)
        app.socket.send({"id": 6, "method": "miIO.restore"})
        assert next(m for m in iter(app.socket.recv, None) if m.get("id") == 6)["result"] == ["ok"]
        assert c.files().get("device.token", b"") != TOKEN.encode() and "wifi.conf" not in c.files()
        app.until("wifi_ap_mode")
        assert c.phone("info", token=bytes.fromhex(token_of(c)).decode())[0] == 0


@needs_mount
def test_a_full_disk_changes_no_file_of_a_network(tmp_path):
    d = owned_device(tmp_path / "miio")
    with OnDisk(d) as c:
        fill(c)
        before = c.files()
        assert json.loads(c.phone("config_router", "other", "rightpass", "4711", "de")[1])["error"]["code"] == -33020
        assert c.files() == before
        assert c.app().call("local.query_country")["params"] == "sg"
        os.remove(os.path.join(c.dir, "ballast"))
        assert c.phone("config_router", "other", "rightpass", "4711", "de")[0] == 0


def test_what_killed_writers_left_goes_at_the_start(tmp_path):
    d = owned_device(tmp_path / "miio")
    with Client(d) as c:
        assert left(d) == ["device.country", "device.token", "device.uid", "otd_donot_trust_peer", "wifi.conf"]
        assert read(c, "device.token") == TOKEN


def test_a_planted_link_is_not_followed(tmp_path):
    d = owned_device(tmp_path / "miio")
    bait = tmp_path / "bait"
    bait.write_text("bait")
    for name in ("device.uid", "otd_donot_trust_peer", "wifi.conf.new"):
        path = os.path.join(d, name)
        if os.path.exists(path):
            os.remove(path)
        os.symlink(bait, path)
    os.remove(os.path.join(d, "otd_donot_trust_peer"))
    with Client(d) as c:
        assert c.phone("config_router", "home", "rightpass", "7")[0] == 0
        app = Watcher(c)
        wait_for(lambda: "not joined" not in read(c, "wifi.conf"), "the network")
        assert bait.read_text() == "bait" and read(c, "device.uid") == "7\n"
        os.symlink(bait, os.path.join(d, "otd_donot_trust_peer"))
        app.socket.send({"id": 6, "method": "miIO.restore"})
        assert next(m for m in iter(app.socket.recv, None) if m.get("id") == 6)["result"] == ["ok"]
        assert left(d) == ["device.token"] and bait.read_text() == "bait"


@pytest.mark.parametrize("external", [False, True], ids=["builtin", "external"])
def test_reports_of_the_last_owner_are_dropped(tmp_path, external):
    d = write_identity(tmp_path / "miio", extra=("ot_host=127.0.0.1", "ot_port=1"))
    hook(d, "wifi_start.sh", WIFI_START)
    with Client(d, "--helper", "external" if external else "builtin", cloud="ot") as c:
        if external:
            Helper(c).boot(provisioned=True)
        app = Watcher(c)
        app.socket.send({"id": 5, "method": "props", "params": {"power": "on"}})
        answer = wait_for(lambda: next((m for m in iter(app.socket.recv, None) if m.get("id") == 5), None), "the answer")
        assert answer["result"] == ["queued"]
        if external:
            Helper(c).send_line("_internal.wifi_ap_mode", None)
        else:
            app.socket.send({"id": 6, "method": "miIO.restore"})
        app.until("wifi_ap_mode")
        assert c.counters().get("spool.dropped.owner") == 1


# ---- power cuts ----

CUT = """#!/bin/sh
[ -e "$MIIO_DATA_DIR/cut" ] || { touch "$MIIO_DATA_DIR/cut"; kill -9 $PPID; exit 1; }
""" + WIFI_START


@pytest.mark.parametrize("owned", [False, True], ids=["first", "next"])
@pytest.mark.parametrize("password", ["rightpass", "wrongpass"])
def test_power_goes_while_a_network_is_joined(tmp_path, owned, password):
    """The next start goes on joining: the device is not taken for one that has a network, nor is a new token drawn."""
    d = write_identity(tmp_path / "miio", wifi=owned)
    hook(d, "wifi_start.sh", CUT)
    with Client(d, "--join-pause", "50") as c:
        token = TOKEN if owned else bytes.fromhex(token_of(c)).decode()
        assert c.phone("config_router", "home", password, "4711", token=token)[0] == 0
        assert c.wait() == -signal.SIGKILL
        assert "# not joined yet" in read(c, "wifi.conf")
        c.process.returncode = 0
    with Client(d, "--join-pause", "50") as c:
        app = Watcher(c)
        assert ("token" in c.phone("hello", token=None)[1]) == (not owned)
        assert read(c, "device.token") == token
        if password == "rightpass":
            wait_for(lambda: app.state() == "sta_mode" and "# not joined" not in read(c, "wifi.conf"), "the network")
            assert "token" not in c.phone("hello", token=None)[1] and 'ssid="home"' in read(c, "wifi.conf")
        else:
            app.until("wifi_ap_mode")
            assert not os.path.exists(os.path.join(d, "wifi.conf"))
            assert c.phone("config_router", "home", "rightpass", "4711", token=token)[0] == 0


# ---- tokens ----

@pytest.mark.parametrize("text", [b"a1B2c3D4e5F6g7H", b"a1B2c3D4e5F6g7H89", bytes(range(1, 17)), b"x" * 31, b"\xff" * 16,
                                  b"{\"token\":1}", b"x" * 70000], ids=len)
def test_a_token_that_is_not_understood_stays(tmp_path, text):
    d = write_identity(tmp_path / "miio", token=None)
    with open(os.path.join(d, "device.token"), "wb") as f:
        f.write(text)
    with Client(d) as c:
        c.wait_err(r"ERROR.*device\.token")
        assert c.app().call("local.query_status")["params"] == "sta_mode"
        assert open(os.path.join(d, "device.token"), "rb").read() == text


@pytest.mark.parametrize("text", [None, b"", b" \n"], ids=["none", "empty", "blank"])
def test_a_token_that_is_gone_is_told(tmp_path, text):
    d = write_identity(tmp_path / "miio", token=None)
    if text is not None:
        with open(os.path.join(d, "device.token"), "wb") as f:
            f.write(text)
    with Client(d) as c:
        c.wait_err("device.token: .*a new token is drawn")
        assert len(read(c, "device.token")) == 16


@pytest.mark.parametrize("tail", [b"", b"\n", b" \r\n", b"\0"], ids=["plain", "newline", "blank", "nul"])
def test_tokens_in_hex_and_with_tails(tmp_path, tail):
    for text, token in ((TOKEN.encode(), TOKEN), (TOKEN.encode().hex().encode(), TOKEN),
                        (b"00ff01fe02fd03fc04fb05fa06f907f8", "00ff01fe02fd03fc04fb05fa06f907f8")):
        d = write_identity(tmp_path / token, token=None)
        with open(os.path.join(d, "device.token"), "wb") as f:
            f.write(text + tail)
        with Client(d) as c:
            assert c.phone("info", token=token)[0] == 0
            assert open(os.path.join(d, "device.token"), "rb").read() == text + tail


@pytest.mark.parametrize("target", ["wifi.conf", "../not/mounted"], ids=["loop", "missing"])
def test_a_network_that_cannot_be_looked_at_is_one(tmp_path, target):
    """A file system that is late or fails: the owner is not forgotten for that."""
    d = write_identity(tmp_path / "miio", wifi=False, extra=("cloud=none",))
    for name in ("device.country", "device.uid"):
        with open(os.path.join(d, name), "w") as f:
            f.write("5\n")
    os.symlink(target, os.path.join(d, "wifi.conf"))
    with Client(d) as c:
        assert c.app().call("local.query_status")["params"] == "sta_mode"
        assert "token" not in c.phone("hello", token=None)[1]
    assert sorted(os.listdir(d)) == ["device.conf", "device.country", "device.token", "device.uid", "wifi.conf"]
    assert open(os.path.join(d, "device.token")).read() == TOKEN


def test_a_token_that_is_a_link_to_nothing_stays_one(tmp_path):
    d = write_identity(tmp_path / "miio", token=None)
    os.symlink("../not/mounted", os.path.join(d, "device.token"))
    with Client(d) as c:
        c.wait_err(r"ERROR.*device\.token: a link to a file that is not there")
    assert os.path.islink(os.path.join(d, "device.token"))


# ---- one owner ----

@pytest.mark.parametrize("uid,code", [(None, None), (0, None), ("0", None), (4711, None), ("4711", None), (5, -32001),
                                      ("5", -32001)])
@pytest.mark.parametrize("where", ["device.uid", "wifi.conf"])
def test_who_may_give_a_network_after_enauth(tmp_path, where, uid, code):
    d = owned_device(tmp_path / "miio")
    if where == "wifi.conf":
        os.remove(os.path.join(d, "device.uid"))
    with Client(d) as c:
        params = {"ssid": "new", "passwd": "rightpass"}
        if uid is not None:
            params["uid"] = uid
        ble = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ble.settimeout(30)
        ble.sendto(json.dumps({"id": 1, "method": "local.ble.config_router", "params": params}).encode(),
                   ("127.0.0.1", c.port("ble")))
        assert json.loads(ble.recv(4096))["error"]["code"] == -32001  # who is near need not know the token
        answer = json.loads(c.phone("call", "miIO.config_router", json.dumps(params))[1])
        assert answer.get("error", {}).get("code") == code
        if code is None:
            wait_for(lambda: "not joined" not in read(c, "wifi.conf") and 'ssid="new"' in read(c, "wifi.conf"), "it")
            assert "uid=4711\n" in read(c, "wifi.conf") and read(c, "device.country") == "sg\n"


def test_the_owner_comes_back_after_a_wrong_renewal(tmp_path):
    d = owned_device(tmp_path / "miio", extra=("join_pause=20",))
    with Client(d) as c:
        app = Watcher(c)
        assert c.phone("call", "miIO.config_router", '{"ssid":"new","passwd":"wrongpass"}')[0] == 0
        app.until("wifi_ap_mode")
        wait_for(lambda: any(l.startswith("ap ") for l in calls(c)), "the access point")

        def answer(uid):
            return json.loads(c.phone("config_router", "home", "rightpass", uid)[1])
        assert wait_for(lambda: [a for a in [answer("5")] if a["error"]["code"] != -32000], "it")[0]["error"]["code"] == -32001
        assert answer("4711")["result"] == ["ok"]
        app.until("wifi_connected")
        assert "uid=4711\n" in read(c, "wifi.conf")


def test_two_phones_at_once(tmp_path):
    d = write_identity(tmp_path / "miio", wifi=False)
    hook(d, "wifi_start.sh", WIFI_START.replace("echo join", 'while [ ! -e "$MIIO_DATA_DIR/go" ]; do sleep 0.05; done\n echo join'))
    with Client(d) as c:
        app, token = Watcher(c), token_of(c)
        answers = []
        phones = [threading.Thread(target=lambda i=i: answers.append(
            json.loads(c.phone("config_router", "net%d" % i, "rightpass", str(i + 1), token=token)[1]))) for i in range(2)]
        for t in phones:
            t.start()
        for t in phones:
            t.join()
        assert sorted("result" in a for a in answers) == [False, True]
        assert [a["error"]["code"] for a in answers if "error" in a] == [-32000]
        open(os.path.join(d, "go"), "w").close()
        app.until("wifi_connected")
        text = read(c, "wifi.conf")
        assert ('ssid="net0"' in text and "uid=1\n" in text) or ('ssid="net1"' in text and "uid=2\n" in text)


# ---- country ----

def test_country(tmp_path):
    """A renewal keeps it, an owner's phone changes it, and the running client follows."""
    d = owned_device(tmp_path / "miio", extra=("ot_keepalive_ms=2000",))
    os.remove(os.path.join(d, "otd_donot_trust_peer"))
    with Client(d, cloud="ot") as c:
        app = Watcher(c)

        def country():
            app.socket.send({"id": 7, "method": "local.query_country"})
            return next(m for m in iter(app.socket.recv, None) if m.get("id") == 7)["params"]

        def network(params):
            joined = len(calls(c))
            answer = wait_for(lambda: [a for a in [json.loads(c.phone("call", "miIO.config_router", json.dumps(params))[1])]
                                       if a.get("error", {}).get("code") != -32000], "an answer")[0]
            assert answer["result"] == ["ok"], answer
            wait_for(lambda: len(calls(c)) > joined and "not joined" not in read(c, "wifi.conf"), "the network")

        c.wait_err(r"cloud.*\bsg\.ot\.io\.mi\.com")
        assert country() == "sg"
        network({"ssid": "a", "passwd": "rightpass"})
        assert country() == "sg" and read(c, "device.country") == "sg\n"
        network({"ssid": "b", "passwd": "rightpass", "uid": 4711, "country_domain": "de"})
        c.wait_err(r"cloud.*\bde\.ot\.io\.mi\.com")
        wait_for(lambda: country() == "de", "the country")
        network({"ssid": "c", "passwd": "rightpass", "uid": 0})
        assert country() == "de" and read(c, "device.country") == "de\n"
        network({"ssid": "d", "passwd": "rightpass", "uid": 12})  # another owner, on the mainland
        wait_for(lambda: country() == "prc", "the country")
        assert not os.path.exists(os.path.join(d, "device.country"))
        with open(os.path.join(d, "device.country"), "w") as f:
            f.write("us\n")
        c.signal(signal.SIGHUP)
        c.wait_err(r"cloud.*\bus\.ot\.io\.mi\.com")
        assert country() == "us"


def test_a_given_country_is_the_one_that_is_told(tmp_path):
    with Client(owned_device(tmp_path / "miio"), "-C", "de") as c:
        assert c.app().call("local.query_country")["params"] == "de"


# ---- what is missing ----

def test_hooks_that_are_missing_in_ap_mode(tmp_path):
    with Client(write_identity(tmp_path / "miio", wifi=False)) as c:
        c.wait_err(r"WARNING.*wifi_start\.sh: No such file")
        c.wait_err(r"miio_client_helper\.sh: No such file")


def test_modes_are_told(tmp_path):
    d = write_identity(tmp_path / "miio")
    for name, mode in (("device.conf", 0o640), ("device.token", 0o604), ("wifi.conf", 0o600)):
        os.chmod(os.path.join(d, name), mode)
    os.chmod(d, 0o777)
    key = tmp_path / "key.pem"
    key.write_text("secret")
    os.chmod(key, 0o644)
    with open(os.path.join(d, "device.conf"), "a") as f:
        f.write("mqtt_key=%s\n" % key)
    with Client(d) as c:
        c.wait_err(r"WARNING.*key\.pem: mode 0644")
        c.wait_err(r"WARNING.*device\.conf: mode 0640")
        c.wait_err(r"WARNING.*device\.token: mode 0604")
        c.wait_err(r"WARNING.*/miio/: mode 0777")
        assert not [l for l in c.err if "wifi.conf" in l]


def test_keys_that_nobody_knows(tmp_path):
    d = write_identity(tmp_path / "miio", extra=("cluod=none", "spool.prop.*=latest", "favourite_colour=blue"))
    with Client(d) as c:
        c.wait_err(r"WARNING.*device\.conf:6: cluod: nobody knows this name; is cloud meant\?")
        c.wait_err(r"WARNING.*device\.conf:8: favourite_colour: nobody knows this name$")
        assert len([l for l in c.err if "nobody knows" in l]) == 2
    code, out, err = run("miio_client", "-d", d, "--check-config")
    assert code == 0 and "configuration is good" in out and "device.conf:6: cluod" in err


def table():
    text = open(os.path.join(SOURCE, "client/device/core/conf_keys.c")).read()
    return re.findall(r'"([A-Za-z0-9_]+)"', text[text.index("known[] = {"):text.index("prefixes[] = {")])


def test_every_key_of_the_manual_is_known():
    page = open(os.path.join(SOURCE, "docs/man/device.conf.5.scd")).read()
    page = page[page.index("# IDENTITY"):page.index("# FILES") if "# FILES" in page else len(page)]
    keys = {k for line in page.splitlines() if line.startswith("*") for k in re.findall(r"\*([a-z][a-z0-9_]*)\*", line)}
    for folder, _, names in os.walk(os.path.join(SOURCE, "client")):
        for text in (open(os.path.join(folder, n)).read() for n in names if n.endswith(".c")):
            keys.update(re.findall(r'device_conf_get(?:_int)?\([^",]*,\s*"([a-z0-9_]+)"', text))
            keys.update(re.findall(r'conf_(?:text|int)\([^",]*,\s*"([a-z0-9_]+)"', text))
    assert len(keys) > 80
    assert keys - set(table()) <= {"miio_client", "otd_donot_trust_peer"}  # a program and a file


# ---- memory ----

def found_in_memory(pid, secrets):
    """Which of them stand where the process may write, each with the region and what is around it."""
    found = []
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in maps:
            span, mode = line.split()[:2]
            start, end = (int(x, 16) for x in span.split("-"))
            if not mode.startswith("rw") or end - start > 1 << 28 or "[v" in line:
                continue
            try:
                mem.seek(start)
                region = mem.read(end - start)
            except (OSError, ValueError):
                continue
            for secret in secrets:
                for at in re.finditer(re.escape(secret), region):
                    found.append((line.split()[-1], hex(start + at.start()), region[max(at.start() - 32, 0):at.end() + 16]))
    return found


PSK = "correct horse battery"


@pytest.mark.skipif(is_sanitized("miio_client"), reason="the sanitizer keeps copies of its own")
@pytest.mark.parametrize("way", ["phone", "bluetooth", "application", "helper"])
def test_no_key_stays_in_memory(tmp_path, way):
    d = write_identity(tmp_path / "miio", wifi=False)
    hook(d, "wifi_start.sh", WIFI_START.replace("rightpass", PSK))
    with Client(d, "--helper", "external" if way == "helper" else "builtin") as c:
        if way == "helper":
            helper = Helper(c)
            helper.boot(provisioned=False)
        app, token = Watcher(c), token_of(c)
        params = {"ssid": "home", "passwd": PSK, "uid": 1}
        if way == "phone":
            assert c.phone("config_router", "home", PSK, "1", token=token)[0] == 0
        elif way == "helper":
            assert c.phone("config_router", "home", PSK, "1", token=token)[0] == 0
            while PSK not in helper.recv_line():
                pass
            helper.send_line("_internal.wifi_connected", None)
        elif way == "bluetooth":
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.sendto(json.dumps({"id": 1, "method": "local.ble.config_router", "params": params}).encode(),
                     ("127.0.0.1", c.port("ble")))
            assert json.loads(s.recv(4096))["result"] == ["ok"]
        else:
            app.socket.send({"id": 1, "method": "local.ble.config_router", "params": params})
        app.until("wifi_connected")
        assert app.state() == "sta_mode"
        assert found_in_memory(c.pid, [PSK.encode(), PSK[8:].encode()]) == []


@pytest.mark.skipif(is_sanitized("miio_client"), reason="the sanitizer keeps copies of its own")
@pytest.mark.parametrize("cloud", ["none", "ot"])
def test_a_reset_leaves_no_token_in_memory(tmp_path, cloud):
    d = write_identity(tmp_path / "miio")
    hook(d, "wifi_start.sh", WIFI_START)
    with Daemon("miio_sim", "cloud", "--did", "87654321", "--key", "Qw3rTy7UiOp9AsDf", "--udp", "127.0.0.1:0") as sim, \
            Client(d, "--host", "127.0.0.1", "--port", sim.port("udp"), cloud=cloud) as c:
        app = Watcher(c)
        assert c.phone("info")[0] == 0  # the answer holds it in hex digits
        wait_for(lambda: app.state() == ("cloud_connected" if cloud == "ot" else "sta_mode"), "the cloud")
        if cloud == "ot":
            sim.wait_out("_otc.info|idle")
        app.socket.send({"id": 6, "method": "miIO.restore"})
        app.until("wifi_ap_mode")
        assert app.state() == "ap_mode"
        assert found_in_memory(c.pid, [TOKEN.encode(), TOKEN.encode().hex().encode()]) == []
