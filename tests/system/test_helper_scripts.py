# SPDX-License-Identifier: MIT
"""Helper scripts of every kind that is known from devices, played against --helper=external: each of them gets the device
through its boot order and through joining, and none is asked in a storm."""
import json
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from support import BIN, wait_for, write_identity
from test_client import Client
from test_provisioning import Watcher, calls, hook, read

TOKEN = "a1B2c3D4e5F6g7H8"
DINFO = ('send \'{"method":"_internal.response_dinfo","params":{"did":87654321,"key":"Qw3rTy7UiOp9AsDf","vendor":"acme",'
         '"mac":"34:17:EB:9B:A7:47","model":"acme.lamp.v1","sc_type":[1],"OOB":[{"a":1}],"ota_state":"idle"}}\'')
STATUS = "n=0; [ ! -f $D/wifi.conf ] || n=1; send \"{\\\"method\\\":\\\"_internal.res_wifi_conf_status\\\",\\\"params\\\":$n}\""
DTOKEN = 'send \'{"method":"_internal.response_dtoken","params":"%s"}\'' % TOKEN
DCOUNTRY = 'send \'{"method":"_internal.response_dcountry","params":"sg"}\''
OT_CONFIG = ('send \'{"method":"_internal.res_ot_config","params":{"token":"%s","country":"sg","ssid":"home",'
             '"password":"secret12","uid":4711}}\'' % TOKEN)
CONNECTED = 'send \'{"method":"_internal.wifi_connected"}\''
JOIN = "if $D/wifi_start.sh; then %s; else %s; fi"
AP = 'send \'{"method":"_internal.wifi_ap_mode","params":null}\''

# Which requests a script knows, and what it does on them.
OLD = {"request_dinfo": DINFO, "request_dtoken": DTOKEN + "; " + DCOUNTRY, "req_wifi_conf_status": STATUS,
       "wifi_start": JOIN % (CONNECTED, "rm -f $D/wifi.conf; $D/wifi_start.sh; " + AP)}
SCRIPTS = {
    "token first": OLD,
    "country first": {**OLD, "request_dtoken": DCOUNTRY + "; " + DTOKEN},
    "no country": {**OLD, "request_dtoken": DTOKEN},
    "token in hex digits": {**OLD, "request_dtoken": DTOKEN.replace(TOKEN, TOKEN.encode().hex())},
    "newer form": {**{k: v for k, v in OLD.items() if k != "request_dtoken"}, "request_ot_config": OT_CONFIG},
    "newer form, token only": {**{k: v for k, v in OLD.items() if k != "request_dtoken"},
                               "request_ot_config": 'send \'{"method":"_internal.res_ot_config","params":{"token":"%s"}}\'' % TOKEN},
    "both forms": {**OLD, "request_ot_config": OT_CONFIG},
    "status as a string": {**OLD, "req_wifi_conf_status": STATUS.replace("$n", "\\\"$n\\\"")},
    "auto provisioning": {**OLD, "req_wifi_conf_status": STATUS.replace("n=0", "n=3")},
    "result in connected": {**OLD, "wifi_start": JOIN % (
        'send \'{"method":"_internal.wifi_connected","params":{"ssid":"s","bssid":"b","result":"ok"}}\'',
        'send \'{"method":"_internal.wifi_connected","params":{"ssid":"s","bssid":"b","result":"error"}}\'')},
    "connect_failed": {**OLD, "wifi_start": JOIN % (
        CONNECTED, 'send \'{"method":"_internal.wifi_connect_failed","params":{"ssid":"s","result":"error"}}\'')},
    "a status of its own": {**OLD, "wifi_start": JOIN % (
        CONNECTED, 'send \'{"method":"local.status","params":"wifi_ap_mode_2"}\'')},
    "more than one word": {**OLD, "wifi_start": JOIN % (CONNECTED + "; " + CONNECTED, AP + "; " + AP)},
    "events of its own": {**OLD, "request_dinfo": 'send \'{"method":"_internal.record_offline"}\'; '
                          'send \'{"method":"_internal.wifi_scan_resp","params":[]}\'; ' + DINFO},
    "takes wifi.conf away": {**OLD, "wifi_start": JOIN % ("rm -f $D/wifi.conf; " + CONNECTED, AP)},
}
LOOP = """
send() { miio_send_line "$1"; }
send '{"method":"_internal.helper_ready"}'
while :; do
  text=$(miio_recv_line) || { sleep 1; continue; }
  echo "$text" >>$D/seen
  case $text in
%s
  esac
done
"""
WIFI_START = """#!/bin/sh
[ -f "$D/wifi.conf" ] || exit 1
echo join >>"$D/calls"
grep -q 'psk="rightpass"' "$D/wifi.conf"
"""


class Script:
    def __init__(self, client, answers):
        text = LOOP % "\n".join('*\'"_internal.%s"\'*) %s ;;' % pair for pair in answers.items())
        env = {**os.environ, "PATH": BIN + ":" + os.environ["PATH"], "D": client.dir,
               "MIIO_LOCAL_PORT": str(client.port("local"))}
        self.seen_at = os.path.join(client.dir, "seen")
        self.process = subprocess.Popen(["sh", "-c", text], env=env, start_new_session=True)

    def asked(self, what):
        try:
            with open(self.seen_at) as f:
                return sum('"_internal.%s"' % what in line for line in f)
        except FileNotFoundError:
            return 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, 15)
        self.process.wait()


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(tmp_path, name):
    d = write_identity(tmp_path / "miio", token=None, wifi=False)
    hook(d, "wifi_start.sh", WIFI_START)
    with Client(d, "--helper", "external") as c, Script(c, SCRIPTS[name]) as script:
        app = Watcher(c)
        wait_for(lambda: app.state() == "ap_mode", "the boot order")
        params = {"ssid": 'a"b', "passwd": "wrongpass", "uid": 4711}
        assert c.phone("call", "miIO.config_router", json.dumps(params))[0] == 0
        app.until("wifi_failed")
        wait_for(lambda: app.state() == "ap_mode", "the access point")
        assert not os.path.exists(os.path.join(d, "wifi.conf"))
        params["passwd"] = "rightpass"
        answer = json.loads(c.phone("call", "miIO.config_router", json.dumps(params))[1])
        assert answer["result"] == ["ok"]  # not busy: the first one is over
        app.until("wifi_connected")
        wait_for(lambda: os.path.exists(os.path.join(d, "wifi.conf")) and "not joined" not in read(c, "wifi.conf"),
                 "wifi.conf")
        assert read(c, "wifi.conf") == 'ssid="a\\"b"\npsk="rightpass"\nkey_mgmt=WPA\nuid=4711\n'
        assert calls(c) == ["join", "join"]
        for question in ("request_dinfo", "request_dtoken", "request_ot_config", "req_wifi_conf_status"):
            assert script.asked(question) <= 1, question


def test_a_script_that_answers_nothing_is_not_stormed(tmp_path):
    """It comes back at once each time; three rounds of questions are five seconds each, whatever it does."""
    d = write_identity(tmp_path / "miio", token=None, wifi=True)
    with Client(d, "--helper", "external") as c, Script(c, {"request_dinfo": DINFO}) as script:
        wait_for(lambda: script.asked("request_dtoken") >= 2, "the second round")
        assert script.asked("request_dtoken") == 2 and script.asked("request_ot_config") <= 2
        assert script.asked("request_dinfo") == 1
        # in the end the files decide
        c.wait_err("does not answer _internal.request_dtoken", 60)
        app = Watcher(c)
        wait_for(lambda: app.state() == "sta_mode", "the boot order", 60)
        c.wait_err("does not answer _internal.req_wifi_conf_status", 60)
        assert len(read(c, "device.token")) == 16


def test_a_full_client_is_not_stormed(tmp_path):
    """What it says then is no text for a script, which would come back at once."""
    with Client(write_identity(tmp_path / "miio"), "--helper", "external") as c:
        apps = [c.app() for _ in range(63)]
        for app in apps:
            app.call("local.query_did")
        done = subprocess.run(["miio_recv_line"], env={**os.environ, "PATH": BIN, "MIIO_LOCAL_PORT": str(c.port("local"))},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        assert (done.returncode, done.stdout) == (1, b"") and b"too many connections" in done.stderr
        # with a place it is one as before
        apps.pop().close()
        wait_for(lambda: subprocess.run(["miio_send_line", '{"method":"_internal.helper_ready"}'], timeout=60,
                                        env={**os.environ, "PATH": BIN, "MIIO_LOCAL_PORT": str(c.port("local"))}).returncode == 0,
                 "a place")


def test_what_does_not_fit_is_told(tmp_path):
    d = write_identity(tmp_path / "miio", token=None, wifi=True)
    with Client(d, "--helper", "external") as c:
        s = c.app()
        s.send({"method": "_internal.response_dinfo", "params": [1]})
        c.wait_err("WARNING.*response_dinfo.*params do not fit")
        s.send({"method": "_internal.res_wifi_conf_status", "params": 2})
        c.wait_err("WARNING.*res_wifi_conf_status.*params do not fit")
        s.send({"id": 5, "method": "_internal.unheard_of"})
        assert s.recv()["error"]["code"] == -32601
        c.wait_err("WARNING.*unheard_of.*not known")
        for _ in range(100):
            s.send({"method": "_internal.unheard_of"})
        s.call("local.query_time")
        assert len([l for l in c.err if "unheard_of" in l]) <= 5


def test_a_helper_beside_the_builtin_one_is_told(tmp_path):
    with Client(write_identity(tmp_path / "miio")) as c:
        s = c.app()
        s.send({"id": 5, "method": "_internal.hello"})
        assert s.recv()["error"]["code"] == -32601
        c.wait_err("WARNING.*_internal.hello.*helper=builtin")
        # and the socket is an application's as before
        import threading
        t = threading.Thread(target=lambda: s.send({"id": s.recv()["id"], "result": ["mine"]}))
        t.start()
        assert json.loads(c.phone("call", "m")[1])["result"] == ["mine"]
        t.join()


def test_a_lost_network_is_no_reset(tmp_path):
    d = write_identity(tmp_path / "miio", token=None, wifi=True)
    hook(d, "wifi_start.sh", WIFI_START)
    with Client(d, "--helper", "external") as c, Script(c, OLD):
        app = Watcher(c)
        wait_for(lambda: app.state() == "sta_mode", "the boot order")
        for text in ({"method": "_internal.wifi_connect_failed", "params": {"ssid": "s"}},
                     {"method": "_internal.wifi_reconnected_failed_event"}):
            app.socket.send(text)
        assert app.state() == "sta_mode" and os.path.exists(os.path.join(d, "wifi.conf"))
