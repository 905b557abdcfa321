# SPDX-License-Identifier: MIT
"""From a phone to a joined network and back, with the builtin helper and hook programs that a test can steer."""
import json
import os
import re
import socket
import stat
import subprocess
import sys

import miio
import pytest

sys.path.insert(0, os.path.dirname(__file__))
from support import BIN, DEADLINE, SOURCE, Daemon, JsonSocket, run, wait_for, write_identity
from test_client import Client

# Joins when the password is "rightpass", or a key in hex digits; notes each call and what it found.
WIFI_START = """#!/bin/sh
if [ -f "$MIIO_DATA_DIR/wifi.conf" ]; then
    echo join >>"$MIIO_DATA_DIR/calls"
    grep -q -e 'psk="rightpass"' -e '^psk=[0-9a-f]*$' "$MIIO_DATA_DIR/wifi.conf"
    exit $?
fi
echo "ap $MIIO_AP_SSID $MIIO_HOST_NAME" >>"$MIIO_DATA_DIR/calls"
exit 1
"""
HELPER = """#!/bin/sh
echo "$*" >>"$MIIO_DATA_DIR/calls"
"""


def hook(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, 0o755)


def calls(client):
    try:
        with open(os.path.join(client.dir, "calls")) as f:
            return f.read().splitlines()
    except FileNotFoundError:
        return []


def read_file(directory, name):
    with open(os.path.join(directory, name)) as f:
        return f.read()


def read(client, name):
    return read_file(client.dir, name)


class Watcher:
    """An application that follows local.status."""

    def __init__(self, client):
        self.socket = client.app()
        self.seen = []
        self.state()

    def state(self):
        self.socket.send({"id": 99, "method": "local.query_status"})
        while True:
            m = self.socket.recv()
            if m.get("id") == 99:
                return m["params"]
            self.note(m)

    def note(self, m):
        if m.get("method") == "local.status" and "id" not in m:
            self.seen.append(m["params"])

    def until(self, word, deadline=60):
        while word not in self.seen:
            self.note(self.socket.recv(deadline))
        return self.seen


@pytest.fixture
def device(tmp_path):
    d = write_identity(tmp_path / "miio", wifi=False)
    hook(d, "wifi_start.sh", WIFI_START)
    hook(d, "miio_client_helper.sh", HELPER)
    return d


def token_of(client):
    return re.search(r"token ([0-9a-f]{32})", client.phone("hello", token=None)[1]).group(1)


def test_phone_gives_a_network(device):
    with Client(device) as c:
        app = Watcher(c)
        assert app.state() == "ap_mode"
        token = token_of(c)
        code, out, _ = c.phone("config_router", 'my "home" \\ 网', "rightpass", "4711", "SG", "Asia/Shanghai",
                               token=token)
        assert code == 0 and json.loads(out)["result"] == ["ok"]
        assert app.until("wifi_connected") == ["wifi_connecting", "wifi_connected"]
        assert app.state() == "sta_mode"
        wait_for(lambda: "join" in calls(c) and "zone Asia/Shanghai" in calls(c), "the hooks")
        assert read(c, "wifi.conf") == 'ssid="my \\"home\\" \\\\ 网"\npsk="rightpass"\nkey_mgmt=WPA\nuid=4711\n'
        assert os.stat(os.path.join(device, "wifi.conf")).st_mode & 0o777 == 0o600
        assert read(c, "device.country") == "sg\n" and read(c, "device.uid") == "4711\n"
        assert app.socket.call("local.query_country")["params"] == "sg"
        assert "token" not in c.phone("hello", token=None)[1]
        # a router that renews its password knows no user: the old one stays
        code, out, _ = c.phone("call", "miIO.config_router", '{"ssid":"new","passwd":"rightpass"}', token=token)
        assert code == 0
        wait_for(lambda: app.until("wifi_connected") and len(calls(c)) >= 3, "the second join")
        assert 'ssid="new"' in read(c, "wifi.conf") and "uid=4711" in read(c, "wifi.conf")
    with Client(device) as c:  # the token stayed, the device is provisioned
        app = Watcher(c)
        assert app.state() == "sta_mode" and c.phone("info", token=token)[0] == 0
        app.socket.close()


def test_wrong_password_ends_in_the_access_point(device):
    with Client(device) as c:
        app = Watcher(c)
        token = token_of(c)
        phone = miio.Device(c.ip, token)
        assert phone.configure_wifi("home", "wrongpass") == "ok"
        busy = json.loads(c.phone("config_router", "home", "rightpass", token=token)[1])
        assert busy["error"]["code"] == -32000
        assert app.until("wifi_ap_mode") == ["wifi_connecting", "wifi_failed", "wifi_ap_mode"]
        assert calls(c) == ["join"] * 5 + ["ap acme-lamp-v1_miapA747 acme-lamp-v1_miio87654321"]
        assert app.state() == "ap_mode" and not os.path.exists(os.path.join(device, "wifi.conf"))
        assert token_of(c) == token
        del app.seen[:]
        assert phone.configure_wifi("home", "rightpass", 12) == "ok"
        assert app.until("wifi_connected") == ["wifi_connecting", "wifi_connected"]


def test_what_is_refused(device):
    with Client(device) as c:
        token = token_of(c)

        def code_of(params, method="miIO.config_router"):
            answer = json.loads(c.phone("call", method, json.dumps(params), token=token)[1])
            return answer.get("error", {}).get("code", answer.get("result"))

        good = {"ssid": "s", "passwd": "12345678", "uid": 1}
        for bad in ({"ssid": ""}, {"ssid": "x" * 33}, {"ssid": 5}, {"ssid": "a\nb"}, {"ssid": "a\0b"},
                    {"passwd": "1234567"}, {"passwd": "x" * 65}, {"passwd": None}, {"uid": -1}, {"uid": "x"},
                    {"uid": 1.5}, {"country_domain": "../x"}, {"country_domain": 7}, {"tz": "../../etc/passwd"},
                    {"tz": "/etc/passwd"}):
            assert code_of({**good, **bad}) == -5005, bad
        assert code_of([1]) == -5005 and code_of("x") == -5005
        assert code_of({"ssid": "s", "passwd": "12345678"}) == -5005  # no uid
        assert calls(c) == [] and not os.path.exists(os.path.join(device, "wifi.conf"))
        assert code_of({"enauth": 0}, "miIO.config") == ["ERROR"]
        assert code_of({"enauth": 1}, "miIO.config") == ["OK"]
        assert code_of(good) == -32001
        app = c.app()
        assert app.call("miIO.config_router", good)["error"]["code"] == -32001


def test_bluetooth_way(device):
    with Client(device) as c:
        app = Watcher(c)
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(DEADLINE)

        def ask(text):
            s.sendto(text, ("127.0.0.1", c.port("ble")))
            return json.loads(s.recv(4096))

        assert ask(b"junk")["error"]["code"] == -32700
        assert ask(b'{"id":1,"method":"set_power"}')["error"]["code"] == -32001
        assert ask(b'{"id":7,"method":"local.ble.config_router","params":{"ssid":"h"}}')["error"]["code"] == -5005
        assert ask(b'{"id":8,"method":"local.ble.config_router","params":'
                   b'{"ssid":"h","passwd":"rightpass","uid":1}}') == {"id": 8, "result": ["ok"]}
        assert app.until("wifi_connected") == ["wifi_connecting", "wifi_connected"]


def test_restore_and_reboot_without_an_application(device):
    write_identity(device)
    with open(os.path.join(device, "otd_donot_trust_peer"), "w"), open(os.path.join(device, "device.uid"), "w"):
        pass
    with Client(device) as c:
        app = Watcher(c)
        token = bytes(read(c, "device.token"), "ascii").hex()
        # the application says "not mine", so the client does it
        import threading

        def refuse():
            for _ in range(2):
                while True:
                    m = app.socket.recv()
                    if "id" in m:
                        break
                app.socket.send({"id": m["id"], "error": {"code": -32601, "message": "no"}})
        t = threading.Thread(target=refuse)
        t.start()
        assert json.loads(c.phone("call", "miIO.reboot", token=token)[1])["result"] == ["ok"]
        wait_for(lambda: "reboot" in calls(c), "the reboot hook")
        assert json.loads(c.phone("call", "miIO.restore", token=token)[1])["result"] == ["ok"]
        t.join()
        app.until("wifi_ap_mode")
        assert app.state() == "ap_mode"
        wait_for(lambda: len(calls(c)) == 3, "hooks")
        assert calls(c)[:2] == ["reboot", "restore"] and calls(c)[2].startswith("ap ")
        assert sorted(f for f in os.listdir(device) if f not in ("calls", "wifi_start.sh", "miio_client_helper.sh")) \
            == ["device.conf", "device.token"]
        new = token_of(c)
        assert new != token and c.phone("info", token=new)[0] == 0


def test_a_reboot_waits_for_the_program_that_runs(device):
    hook(device, "wifi_start.sh", """#!/bin/sh
cd "$MIIO_DATA_DIR"
echo join begins >>calls
while [ ! -e go ]; do sleep 0.1; done
sleep 1 # longer than the client waits before it reboots
echo join ends >>calls
""")
    with Client(device) as c:
        token = token_of(c)
        assert c.phone("config_router", "home", "rightpass", "4711", token=token)[0] == 0
        wait_for(lambda: calls(c) == ["join begins"], "the program that joins")
        assert json.loads(c.phone("call", "miIO.reboot", token=token)[1])["result"] == ["ok"]
        open(os.path.join(device, "go"), "w").close()
        wait_for(lambda: calls(c) == ["join begins", "join ends", "reboot"], "the reboot")


def test_an_application_that_serves_restore_has_it(device):
    write_identity(device)
    with Client(device) as c:
        app = c.app()
        app.call("local.query_status")
        import threading
        got = []

        def serve():
            m = app.recv()
            got.append(m["method"])
            app.send({"id": m["id"], "result": ["ok"]})
        t = threading.Thread(target=serve)
        t.start()
        assert json.loads(c.phone("call", "miIO.restore")[1])["result"] == ["ok"]
        t.join()
        assert got == ["miIO.restore"] and os.path.exists(os.path.join(device, "wifi.conf"))


def test_zone_link(device, tmp_path):
    zones = tmp_path / "zoneinfo"
    (zones / "Asia").mkdir(parents=True)
    (zones / "Asia" / "Shanghai").write_text("TZif")
    os.remove(os.path.join(device, "miio_client_helper.sh"))
    link = tmp_path / "TZ"
    write_identity(device, extra=("zone_link=%s" % link, "zone_dir=%s" % zones))
    with Client(device) as c:
        app = c.app()
        assert app.call("miIO.config_tz", {"tz": "Asia/Shanghai"})["result"] == ["OK"]
        assert os.readlink(link) == str(zones / "Asia" / "Shanghai")
        for bad in ("Asia", "Asia/Nowhere", "../TZ", "/etc/passwd", "", 5):
            assert app.call("miIO.config_tz", {"tz": bad})["result"] == ["ERROR"]
        os.remove(link)
        link.write_text("a file")
        assert app.call("miIO.config_tz", {"tz": "Asia/Shanghai"})["result"] == ["ERROR"]
        assert link.read_text() == "a file"


def test_an_old_reset_leaves_no_trust_behind(device):
    """An application of old deletes wifi.conf and restarts the client: nothing of the last owner may lock the next one out."""
    write_identity(device)
    for name in ("otd_donot_trust_peer", "device.uid", "device.country"):
        open(os.path.join(device, name), "w").close()
    with Client(device) as c:
        assert "token" not in c.phone("hello", token=None)[1]
        assert json.loads(c.phone("config_router", "home", "rightpass", "1")[1])["error"]["code"] == -32001
    os.remove(os.path.join(device, "wifi.conf"))
    with Client(device) as c:
        app = Watcher(c)
        assert c.phone("config_router", "home", "rightpass", "1", token=token_of(c))[0] == 0
        assert app.until("wifi_connected") == ["wifi_connecting", "wifi_connected"]


def test_a_wrong_new_password_ends_the_cloud_too(device):
    """A device that is on the cloud is told a router's new, wrong password: the access point, and no word of the cloud."""
    write_identity(device, extra=("ot_keepalive_ms=2000", "join_pause=200"))
    with Daemon("miio_sim", "cloud", "--did", "87654321", "--key", "Qw3rTy7UiOp9AsDf", "--udp", "127.0.0.1:0",
                stdin=subprocess.PIPE) as cloud:
        with Client(device, "--host", "127.0.0.1", "--port", cloud.port("udp"), cloud="ot") as c:
            app = Watcher(c)
            wait_for(lambda: app.state() == "cloud_connected", "the cloud")
            del app.seen[:]
            assert c.phone("config_router", "home", "wrongpass")[0] == 0
            assert app.until("wifi_ap_mode") == ["wifi_connecting", "wifi_failed", "wifi_ap_mode"]
            cloud.process.stdin.write("!silent\n")
            cloud.process.stdin.flush()
            assert app.socket.nothing_within(12) and app.state() == "ap_mode"
            cloud.process.stdin.write("!speak\n")
            cloud.process.stdin.flush()
            del app.seen[:]
            assert c.phone("config_router", "home", "rightpass", "1")[0] == 0
            assert app.until("cloud_connected") == ["wifi_connecting", "wifi_connected", "cloud_connected"]


def test_from_nothing_to_the_cloud(device):
    """Unprovisioned start, a phone, cloud_connected, and the first command from the cloud."""
    with Daemon("miio_sim", "cloud", "--did", "87654321", "--key", "Qw3rTy7UiOp9AsDf", "--udp", "127.0.0.1:0",
                'get_prop ["power"]') as cloud:
        with Client(device, "--host", "127.0.0.1", "--port", cloud.port("udp"), cloud="ot") as c:
            app = Watcher(c)
            assert app.state() == "ap_mode"
            assert c.phone("config_router", "home", "rightpass", "1", token=token_of(c))[0] == 0
            assert app.until("cloud_connected") == ["wifi_connecting", "wifi_connected", "cloud_connected"]
            m = app.socket.recv()
            assert (m["method"], m["params"]) == ("get_prop", ["power"])
            app.socket.send({"id": m["id"], "result": ["on"]})
            cloud.wait_out(r'"event":"answer".*"result":\["on"\]')
            assert app.socket.call("props", {"power": "on"}, id=7)["result"]
            cloud.wait_out(r'"event":"report".*"power":"on"')
            assert app.state() == "cloud_connected"


def test_the_cloud_may_not_give_a_network(device):
    write_identity(device)
    before = read_file(device, "wifi.conf")
    with Daemon("miio_sim", "cloud", "--did", "87654321", "--key", "Qw3rTy7UiOp9AsDf", "--udp", "127.0.0.1:0",
                stdin=subprocess.PIPE) as cloud:
        with Client(device, "--host", "127.0.0.1", "--port", cloud.port("udp"), cloud="ot") as c:
            app = Watcher(c)
            wait_for(lambda: app.state() == "cloud_connected", "the cloud")
            answers = 0
            for line, what in (('miIO.config_router {"ssid":"evil","passwd":"12345678","uid":1}', '"code":-32001'),
                               ('local.ble.config_router {"ssid":"evil","passwd":"12345678","uid":1}', '"code":-32001'),
                               ('_internal.wifi_start {"ssid":"evil"}', '"code":-32001'),
                               ("local.query_status []", '"code":-32001'),
                               ('miIO.config_tz {"tz":"../../etc/shadow"}', '"ERROR"'),
                               ('miIO.config_loglevel {"loglevel":3}', '"OK"'),
                               ('miIO.config {"enauth":1}', '"OK"')):
                cloud.process.stdin.write(line + "\n")
                cloud.process.stdin.flush()
                answers += 1
                got = wait_for(lambda: [l for l in cloud.out if '"event":"answer"' in l][answers - 1:], line)
                assert what in got[0], (line, got)
            assert os.path.exists(os.path.join(device, "otd_donot_trust_peer"))
            assert calls(c) == [] and read_file(device, "wifi.conf") == before


@pytest.mark.parametrize("external", [False, True])
def test_secrets_are_not_logged(device, external):
    """At the highest log level, from nothing to the cloud, with a wrong and a right password."""
    helper = None
    with Daemon("miio_sim", "cloud", "--did", "87654321", "--key", "Qw3rTy7UiOp9AsDf", "--udp", "127.0.0.1:0") as cloud:
        with Client(device, "--host", "127.0.0.1", "--port", cloud.port("udp"), "-l", "4", "--join-pause", "0", "--helper",
                    "external" if external else "builtin", cloud="ot") as c:
            if external:
                helper = subprocess.Popen(["sh", os.path.join(SOURCE, "client/hooks/miio_client_helper.sh")],
                                          env={**os.environ, "PATH": BIN + ":" + os.environ["PATH"],
                                               "MIIO_DATA_DIR": device, "MIIO_JOIN_PAUSE": "0",
                                               "MIIO_LOCAL_PORT": str(c.port("local"))}, start_new_session=True)
            try:
                app = Watcher(c)
                wait_for(lambda: app.state() == "ap_mode", "the access point")
                token = token_of(c)
                assert c.phone("config_router", "home", "wrongpass", "1", token=token)[0] == 0
                app.until("wifi_failed")
                wait_for(lambda: app.state() == "ap_mode", "the access point")
                wait_for(lambda: c.phone("config_router", "home", "rightpass", "1", token=token)[0] == 0, "the phone")
                app.until("cloud_connected")
            finally:
                if helper:
                    os.killpg(helper.pid, 15)
                    helper.wait()
    said = "\n".join(c.out + c.err)
    for secret in ("Qw3rTy7UiOp9AsDf", token, bytes.fromhex(token).decode(), "wrongpass", "rightpass"):
        assert secret not in said


def test_a_device_whose_network_needs_no_phone(tmp_path):
    """It takes no other network, and after a reset it is on its cloud again, under a new token."""
    d = write_identity(tmp_path / "x", wifi=False, extra=("provisioning=none",))
    hook(d, "miio_client_helper.sh", HELPER)
    with Daemon("miio_sim", "cloud", "--did", "87654321", "--key", "Qw3rTy7UiOp9AsDf", "--udp", "127.0.0.1:0") as cloud:
        with Client(d, "--host", "127.0.0.1", "--port", cloud.port("udp"), cloud="ot") as c:
            app = Watcher(c)
            wait_for(lambda: app.state() == "cloud_connected", "the cloud")
            assert json.loads(c.phone("config_router", "x", "12345678", "1")[1])["error"]["code"] == -32001
            del app.seen[:]
            old = read(c, "device.token")
            app.socket.send({"id": 5, "method": "miIO.restore"})
            assert app.until("cloud_connected") == ["cloud_connected"]
            assert calls(c) == ["restore"] and read(c, "device.token") != old
            assert "token" not in c.phone("hello", token=None)[1]
            assert c.phone("--tries", "1", "--timeout", "300", "info")[0] != 0  # the last owner's token
            assert c.phone("info", token=read(c, "device.token"))[0] == 0


def test_hooks_that_hang_or_are_missing(tmp_path):
    d = write_identity(tmp_path / "x", wifi=False, extra=("join_tries=3", "join_pause=50"))
    with Client(d) as c:
        app = Watcher(c)
        token = token_of(c)
        assert json.loads(c.phone("call", "miIO.reboot", token=token)[1])["error"]["code"] == -9999
        assert c.phone("config_router", "home", "rightpass", "1", token=token)[0] == 0
        assert app.until("wifi_ap_mode") == ["wifi_connecting", "wifi_failed", "wifi_ap_mode"]
    hook(d, "wifi_start.sh", "#!/bin/sh\nsleep 600 & sleep 600\n")
    with Client(d) as c:  # leaving kills what hangs
        app = Watcher(c)
        assert c.phone("config_router", "home", "rightpass", "1", token=token_of(c))[0] == 0
        app.until("wifi_connecting")
