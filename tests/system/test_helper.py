# SPDX-License-Identifier: MIT
"""--helper=external: the _internal.* handshake, by hand and with the shipped script under BusyBox sh and dash; a device
without an identity."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from support import BIN, DEADLINE, SOURCE, Daemon, JsonSocket, run, wait_for, write_identity
from test_client import Client
from test_provisioning import WIFI_START, Watcher, calls, hook, read, token_of

TOKEN = "QrStUvWxYz012345"


class Helper:
    """What a helper does, step by step."""

    def __init__(self, client):
        self.client = client

    def hello(self):
        s = self.client.app()
        s.send(b'{"method":"_internal.hello"}')
        return s

    def recv_line(self):
        s = self.hello()
        data = b""
        while not data.endswith(b"}"):
            data += s.s.recv(4096)
        s.close()
        return data.decode()

    def send_line(self, method, params):
        s = self.client.app()
        assert s.call("_internal.accepted")["result"] == ["ok"]  # who has closed when it is looked at is not known
        s.send({"method": method, "params": params})
        s.s.shutdown(socket.SHUT_WR)
        while s.s.recv(100):
            pass
        s.close()

    def boot(self, provisioned, token=TOKEN):
        d = self.client.dir if self.client.dir.endswith("/") else self.client.dir + "/"
        assert self.recv_line() == '{"method":"_internal.request_dinfo","params":"%s"}' % d
        assert self.recv_line() == '{"method":"_internal.request_dinfo","params":"%s"}' % d  # it was lost: asked again
        self.send_line("_internal.response_dinfo", {"did": 12345678, "key": "K" * 16, "vendor": "acme",
                                                    "mac": "34:17:eb:9b:a7:47", "model": "acme.cam.v2", "OOB": [1]})
        m = re.fullmatch(r'{"method":"_internal.request_dtoken","params":{"dir":"(.*)","ntoken":"([A-Za-z0-9]{16})"}}',
                         self.recv_line())
        assert m.group(1) == d
        self.send_line("_internal.response_dcountry", "de")  # either order
        self.send_line("_internal.response_dtoken", token or m.group(2))
        assert self.recv_line() == '{"method":"_internal.req_wifi_conf_status","params":"%s"}' % d
        self.send_line("_internal.res_wifi_conf_status", int(provisioned))
        return m.group(2)


@pytest.fixture
def external(tmp_path):
    with Client(write_identity(tmp_path / "miio", token=None, wifi=False), "--helper", "external") as c:
        yield c


def test_boot_and_join_by_hand(external):
    c, helper, app = external, Helper(external), Watcher(external)
    assert app.state() == "device_init"
    assert not os.path.exists(os.path.join(c.dir, "device.token"))  # the helper's business
    ntoken = helper.boot(provisioned=False, token=None)
    assert app.state() == "ap_mode" and app.seen == ["wifi_ap_mode"]
    assert "did 12345678 " in c.phone("hello", token=None)[1] and token_of(c) == ntoken.encode().hex()
    assert app.socket.call("local.query_country")["params"] == "de"
    # held until the next hello
    assert helper.recv_line() == '{"method":"_internal.info"}'
    helper.send_line("_internal.info", {"hw_ver": "Linux", "fw_ver": "1.2.3_0001", "ap": {"ssid": "x", "bssid": "B",
                                                                                        "rssi": "-50"},
                                       "netif": {"localIp": "10.0.0.2", "mask": "m", "gw": "g"}, "bind_key": "b"})
    info = json.loads(c.phone("info", token=ntoken)[1])["result"]
    assert info["model"] == "acme.cam.v2" and info["ap"]["rssi"] == "-50" and info["bind_key"] == "b"
    # pushed to a socket that waits, which gets nothing else
    waiting = helper.hello()
    assert json.loads(c.phone("config_router", 'a"b/c', "secret12", "77", "sg", "Asia/Shanghai", token=ntoken)[1])
    text = b""
    while not text.endswith(b"}}"):
        text += waiting.s.recv(4096)
    assert text.decode() == ('{"method":"_internal.wifi_start","params":{"datadir":"%s","ssid":"a\\"b/c",'
                             '"passwd":"secret12","uid":"77","country_domain":"sg","tz":"Asia/Shanghai"}}'
                             % (c.dir + "/"))
    assert c.phone("config_router", "x", "secret12", "77", token=ntoken)[0] == 1  # busy
    helper.send_line("_internal.wifi_ap_mode", None)
    assert app.until("wifi_failed") and app.until("wifi_ap_mode")
    wait_for(lambda: app.state() == "ap_mode" and app.seen == ["wifi_ap_mode", "wifi_connecting", "wifi_failed",
                                                               "wifi_ap_mode"], "the access point again")
    assert c.phone("config_router", "x", "secret12", "77", token=ntoken)[0] == 0
    helper.send_line("_internal.wifi_connected", {"ssid": "x", "result": "ok"})
    app.until("wifi_connected")
    assert app.state() == "sta_mode"
    assert app.socket.call("miIO.config_tz", {"tz": "Europe/Berlin"})["result"] == ["OK"]
    got = [helper.recv_line() for _ in range(3)]
    assert '{"method":"_internal.config_tz","params":{"tz":"Europe/Berlin"}}' in got
    assert waiting.nothing_within(0.2)


def test_internal_sockets_get_no_commands(external):
    helper, app = Helper(external), Watcher(external)
    helper.boot(provisioned=True)
    assert app.state() == "sta_mode" and app.seen == []
    helper.recv_line()
    internal = helper.hello()
    wait_for(lambda: app.socket.call("local.query_time"), "the client")
    import threading
    t = threading.Thread(target=lambda: app.socket.send({"id": app.socket.recv()["id"], "result": ["ok"]}))
    t.start()
    assert json.loads(external.phone("call", "m", token=TOKEN)[1])["result"] == ["ok"]
    t.join()
    assert internal.nothing_within(0.1)


def test_no_helper_is_told(tmp_path):
    with Client(tmp_path / "empty", "--helper", "external") as c:  # not even a device.conf
        c.wait_err("no helper has come")
        assert Watcher(c).state() == "device_init"


@pytest.mark.parametrize("shell", [["busybox", "sh"], ["dash"]])
def test_shipped_helper_script(tmp_path, shell):
    if not shutil.which(shell[0]):
        pytest.skip("%s is not installed" % shell[0])
    d = write_identity(tmp_path / "miio", token=None, wifi=False, extra=["model=%s/tests/data/miot-spec/air-purifier.json" % SOURCE])
    zones = tmp_path / "zones"
    (zones / "Asia").mkdir(parents=True)
    (zones / "Asia" / "Shanghai").write_text("TZif")
    hook(d, "wifi_start.sh", WIFI_START)
    env = {"PATH": BIN + ":" + os.environ["PATH"], "MIIO_DATA_DIR": d, "MIIO_JOIN_PAUSE": "0",
           "MIIO_ZONE_DIR": str(zones), "MIIO_ZONE_LINK": str(tmp_path / "TZ")}
    with Client(d, "--helper", "external") as c:
        env["MIIO_LOCAL_PORT"] = str(c.port("local"))
        helper = subprocess.Popen(shell + [os.path.join(SOURCE, "client/hooks/miio_client_helper.sh")],
                                  env={**os.environ, **env}, start_new_session=True)
        try:
            app = Watcher(c)
            wait_for(lambda: app.state() == "ap_mode", "the boot order")
            token = token_of(c)
            assert read(c, "device.token").encode().hex() == token
            wait_for(lambda: json.loads(c.phone("info", token=token)[1])["result"]["hw_ver"] == "Linux", "info")
            assert json.loads(c.phone("info", token=token)[1])["result"]["model"] == "acme.lamp.v1"
            del app.seen[:]
            assert c.phone("config_router", 'a"b\\c/d', "wrongpass", "1", token=token)[0] == 0
            assert app.until("wifi_ap_mode") == ["wifi_connecting", "wifi_failed", "wifi_ap_mode"]
            assert [l.split()[0] for l in calls(c)] == ["join"] * 5 + ["ap"]
            del app.seen[:]
            assert c.phone("config_router", 'a"b\\c/d', "rightpass", "4711", "SG", "Asia/Shanghai", token=token)[0] == 0
            assert app.until("wifi_connected") == ["wifi_connecting", "wifi_connected"]
            assert read(c, "wifi.conf") == 'ssid="a\\"b\\\\c/d"\npsk="rightpass"\nkey_mgmt=WPA\nuid=4711\n'
            assert os.stat(os.path.join(d, "wifi.conf")).st_mode & 0o777 == 0o600
            assert (read(c, "device.country"), read(c, "device.uid")) == ("sg\n", "4711\n")
            wait_for(lambda: os.path.islink(tmp_path / "TZ"), "the zone")
        finally:
            os.killpg(helper.pid, 15)
            helper.wait()


@pytest.mark.parametrize("shell", [["busybox", "sh"], ["dash"]])
def test_shipped_helper_script_on_a_provisioned_device(tmp_path, shell):
    """The boot order to the cloud, a router's new password, an old-style reset, and the next owner."""
    if not shutil.which(shell[0]):
        pytest.skip("%s is not installed" % shell[0])
    d = write_identity(tmp_path / "miio", extra=("ot_keepalive_ms=2000",))
    hook(d, "wifi_start.sh", WIFI_START)
    for name, text in (("device.country", "sg\n"), ("device.uid", "4711\n"), ("otd_donot_trust_peer", "")):
        with open(os.path.join(d, name), "w") as f:
            f.write(text)
    (tmp_path / "os-release").write_text('NAME="x"\nACME_VERSION="2.1.1_9527"\n')
    env = {"PATH": BIN + ":" + os.environ["PATH"], "MIIO_DATA_DIR": d, "MIIO_JOIN_PAUSE": "0",
           "MIIO_OS_RELEASE": str(tmp_path / "os-release")}

    def start_helper(c):
        env["MIIO_LOCAL_PORT"] = str(c.port("local"))
        return subprocess.Popen(shell + [os.path.join(SOURCE, "client/hooks/miio_client_helper.sh")],
                                env={**os.environ, **env}, start_new_session=True)

    def end(helper):
        os.killpg(helper.pid, 15)
        helper.wait()

    with Daemon("miio_sim", "cloud", "--did", "87654321", "--key", "Qw3rTy7UiOp9AsDf", "--udp", "127.0.0.1:0") as cloud:
        options = ("--helper", "external", "--host", "127.0.0.1", "--port", cloud.port("udp"))
        with Client(d, *options, cloud="ot") as c:
            app = Watcher(c)
            assert app.state() == "device_init"
            helper = start_helper(c)
            try:
                assert app.until("cloud_connected") == ["cloud_connected"]
                cloud.wait_out(r'"ota_state":"idle"')
                assert app.socket.call("local.query_country")["params"] == "sg"
                assert "token" not in c.phone("hello", token=None)[1]
                assert json.loads(c.phone("config_router", "x", "rightpass", "1")[1])["error"]["code"] == -32001
                wait_for(lambda: json.loads(c.phone("info")[1])["result"]["fw_ver"] == "2.1.1_9527", "the version")
                os.remove(os.path.join(d, "otd_donot_trust_peer"))
                del app.seen[:]
                assert c.phone("config_router", "new", "rightpass", "0")[0] == 0
                app.until("wifi_connected")
                assert "uid=4711\n" in read(c, "wifi.conf") and 'ssid="new"' in read(c, "wifi.conf")
                del app.seen[:]
                assert c.phone("config_router", "by key", "0123456789abcdef" * 4, "0")[0] == 0
                app.until("wifi_connected")
                assert "\npsk=" + "0123456789abcdef" * 4 + "\nkey_mgmt=WPA\n" in read(c, "wifi.conf")
            finally:
                end(helper)
        os.remove(os.path.join(d, "wifi.conf"))
        open(os.path.join(d, "otd_donot_trust_peer"), "w").close()
        with Client(d, *options, cloud="ot") as c:
            app = Watcher(c)
            helper = start_helper(c)
            try:
                assert app.until("wifi_ap_mode") == ["wifi_ap_mode"]
                assert c.phone("config_router", "home", "rightpass", "12", token=token_of(c))[0] == 0
                app.until("cloud_connected")
                assert app.seen == ["wifi_ap_mode", "wifi_connecting", "wifi_connected", "cloud_connected"]
                assert read(c, "device.uid") == "12\n" and not os.path.exists(os.path.join(d, "device.country"))
            finally:
                end(helper)


@pytest.mark.parametrize("shell", [["busybox", "sh"], ["dash"]])
def test_wifi_start_dry_run(tmp_path, shell):
    if not shutil.which(shell[0]):
        pytest.skip("%s is not installed" % shell[0])
    d = write_identity(tmp_path / "miio", wifi=False)

    def start():
        done = subprocess.run(shell + [os.path.join(SOURCE, "client/hooks/wifi_start.sh")], stdout=subprocess.PIPE,
                              text=True, env={**os.environ, "MIIO_DATA_DIR": d, "MIIO_DRY_RUN": "1"})
        assert done.returncode == 0
        return done.stdout

    assert "ssid=acme-lamp-v1_miapA747" in start()
    with open(os.path.join(d, "wifi.conf"), "w") as f:
        f.write('ssid="a\\"b"\npsk="top secret"\nkey_mgmt=WPA\n')
    out = start()
    assert "ssid=612262" in out and "top secret" not in out and "psk=..." in out
    assert "hostname:acme-lamp-v1_miio87654321" in out and "hostapd -B" not in out


@pytest.mark.parametrize("did", [0, 1])
def test_identity_on_request(tmp_path, did):
    d = write_identity(tmp_path / "miio", did=did, wifi=False, extra=("identity_pause=100",))
    hook(d, "wifi_start.sh", WIFI_START)
    hook(d, "miio_client_helper.sh", """#!/bin/sh
echo "$1" >>"$MIIO_DATA_DIR/calls"
[ "$(grep -c identity "$MIIO_DATA_DIR/calls")" -ge 3 ] || exit 1
sed -i -e 's/^did=.*/did=87654321/' -e 's/^key=.*/key=Qw3rTy7UiOp9AsDf/' "$MIIO_DATA_DIR/device.conf"
""")
    with Daemon("miio_sim", "cloud", "--did", "87654321", "--key", "Qw3rTy7UiOp9AsDf", "--udp", "127.0.0.1:0") as cloud:
        with Client(d, "--host", "127.0.0.1", "--port", cloud.port("udp"), cloud="ot") as c:
            app = Watcher(c)
            if did == 1:
                assert app.state() == "ap_mode"
                assert c.phone("config_router", "home", "rightpass", "1", token=token_of(c))[0] == 0
            wait_for(lambda: app.state() == "cloud_connected", "the cloud")
            assert app.until("cloud_connected")[-1] == "cloud_connected"
            assert calls(c).count("identity") == 3
            assert "did 87654321 " in c.phone("hello", token=None)[1]
