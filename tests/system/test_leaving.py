# SPDX-License-Identifier: MIT
"""SIGTERM while a line hangs: each daemon leaves with 0, long before the line would let it go."""
import hashlib
import itertools
import json
import os
import signal
import socket
import stat
import subprocess
import threading

import pytest

from mcu_support import Line, Upstream
from support import BIN, Daemon, JsonSocket, wait_for, write_identity

MUTE = {"LD_PRELOAD": os.path.join(BIN, "..", "tests", "mute_names.so"), "ASAN_OPTIONS": "verify_asan_link_order=0"}
IDS = itertools.count(100)
LEAVES = 6  # seconds that a loaded machine may need for what is to take one; the lines hang for minutes


def leave(daemon, number=signal.SIGTERM):
    daemon.signal(number)
    try:
        code = daemon.process.wait(LEAVES)
    except subprocess.TimeoutExpired:
        daemon.process.kill()
        raise AssertionError("%s hangs; %r" % (daemon.name, daemon.err[-10:]))
    assert code == 0
    assert "Sanitizer" not in "\n".join(daemon.err)


def client(tmp_path, *args, env=None, **settings):
    extra = ["%s=%s" % pair for pair in settings.items()]
    write_identity(tmp_path, extra=extra)
    return Daemon("miio_client", "-d", tmp_path, "--local", "127.0.0.1:0", "--lan", "127.0.0.1:0", "--ble", "none",
                  "-l", "3", *args, env=env)


CLOUDS = {
    "ot": dict(cloud="ot", ot_host="ot.example.test"),
    "ot over tcp": dict(cloud="ot", ot_transport="tcp", ot_host="ot.example.test"),
    "mqtt": dict(cloud="mqtt", mqtt_server="mq.example.test"),
    "onenet": dict(cloud="onenet", onenet_server="o.example.test", onenet_device_id="1", onenet_product_id="2",
                   onenet_auth_info="x"),
    "gizwits": dict(cloud="gizwits", gizwits_server="g.example.test", gizwits_product_key="0" * 32),
    "the MQTT API": dict(cloud="none", mqtt_api="a.example.test:1883"),
}


@pytest.mark.parametrize("what", CLOUDS)
def test_silent_name_server(tmp_path, what):
    c = client(tmp_path, env=MUTE, **CLOUDS[what])
    c.wait_err("lookup: no answer")
    leave(c)


def test_reports_are_kept_although_a_lookup_hangs(tmp_path):
    """Leaving quickly is not leaving in disorder."""
    c = client(tmp_path, env=MUTE, **CLOUDS["mqtt"])
    c.wait_err("lookup: no answer")
    app = JsonSocket(c.port("local"))
    app.send({"id": 7, "method": "event.door", "params": ["open"]})
    assert app.recv() == {"id": 7, "result": ["queued"]}
    leave(c)
    again = client(tmp_path, env=MUTE, **CLOUDS["mqtt"])
    again.signal(signal.SIGUSR1)
    again.wait_err(r"(kept|spool|waiting)\D*[1-9]")
    leave(again)


def encrypted_key(tmp_path):
    subprocess.run("openssl req -x509 -newkey rsa:2048 -passout pass:secret -keyout k.pem -out c.pem -subj /CN=x -days 2",
                   shell=True, cwd=tmp_path, check=True, stderr=subprocess.DEVNULL)
    return str(tmp_path / "c.pem"), str(tmp_path / "k.pem")


def test_encrypted_key_on_a_terminal(tmp_path):
    """OpenSSL would ask the terminal for the pass phrase, and wait."""
    cert, key = encrypted_key(tmp_path)
    listener = socket.create_server(("127.0.0.1", 0))
    write_identity(tmp_path, extra=["cloud=mqtt", "mqtt_server=127.0.0.1:%d" % listener.getsockname()[1], "mqtt_tls=1",
                                    "mqtt_ca=" + cert, "mqtt_cert=" + cert, "mqtt_key=" + key])
    pid, terminal = os.forkpty()
    if pid == 0:
        os.execv(os.path.join(BIN, "miio_client"), ["miio_client", "-d", str(tmp_path), "--local", "127.0.0.1:0", "--lan",
                                                    "none", "--ble", "none", "-l", "3"])
    seen = b""
    while b"pass phrase" not in seen and b"PEM" not in seen:
        seen += os.read(terminal, 4096)
    assert b"encrypted" in seen, seen
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid, "the client's end", LEAVES)
    os.close(terminal)


class DeafServer:
    """Takes connections and never says a word."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.conns = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                self.conns.append(self.server.accept()[0])
            except OSError:
                return


@pytest.mark.parametrize("cloud", ["ot", "mqtt", "mqtt with TLS", "onenet", "the MQTT API"])
def test_deaf_server(tmp_path, cloud):
    s = DeafServer()
    settings = {
        "ot": dict(cloud="ot", ot_transport="tcp", ot_host="127.0.0.1", ot_port=s.port),
        "mqtt": dict(cloud="mqtt", mqtt_server="127.0.0.1:%d" % s.port),
        "mqtt with TLS": dict(cloud="mqtt", mqtt_server="127.0.0.1:%d" % s.port, mqtt_tls=1),
        "onenet": dict(cloud="onenet", onenet_server="127.0.0.1:%d" % s.port, onenet_device_id="1", onenet_product_id="2",
                       onenet_auth_info="x"),
        "the MQTT API": dict(cloud="none", mqtt_api="127.0.0.1:%d" % s.port),
    }[cloud]
    c = client(tmp_path, **settings)
    wait_for(lambda: s.conns, "a connection")
    leave(c)


def program(path, text):
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_hook_that_hangs(tmp_path):
    """Of the client: joining a network takes for ever, and does not care for signals."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    program(hooks / "wifi_start.sh", "trap '' TERM INT HUP\necho begun >%s\nwhile :; do sleep 1; done\n" % (tmp_path / "said"))
    write_identity(tmp_path / "d", wifi=False, extra=["cloud=none"])
    c = Daemon("miio_client", "-d", tmp_path / "d", "--hooks", hooks, "--local", "127.0.0.1:0", "--lan", "127.0.0.1:0",
               "--ble", "127.0.0.1:0", "-l", "3")
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(json.dumps({"id": 1, "method": "local.ble.config_router",
                         "params": {"ssid": "net", "passwd": "password", "uid": 1}}).encode(), ("127.0.0.1", c.port("ble")))
    wait_for(lambda: (tmp_path / "said").exists(), "the hook")
    leave(c)


def agent(tmp_path, *args):
    return Daemon("miio_agent", "--listen", "127.0.0.1:0", "--unix", tmp_path / "a.sock", *args)


def test_peer_that_does_not_read(tmp_path):
    """Of the agent: an application with a full socket, upstream that connects to nothing."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        a = agent(tmp_path, "--upstream", "127.0.0.1:%d" % hole.getsockname()[1])
        s = JsonSocket(a.port("listen"))
        s.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for n in range(200):
            s.send({"id": n, "method": "agent.info", "params": ["x" * 8000]})
        wait_for(lambda: s.s.recv(1, socket.MSG_PEEK), "an answer")
        leave(a)


def test_peer_of_the_client_that_does_not_read(tmp_path):
    c = client(tmp_path, cloud="none")
    s = JsonSocket(c.port("local"))
    for n in range(2000):
        s.send({"id": n, "method": "miIO.info", "params": []})
    wait_for(lambda: s.s.recv(1, socket.MSG_PEEK), "an answer")
    leave(c)


@pytest.fixture
def behind(tmp_path):
    """An agent with a stand-in client above it."""
    up = Upstream()
    with agent(tmp_path, "--upstream", "127.0.0.1:%d" % up.port):
        yield up, "unix:%s" % (tmp_path / "a.sock")


def test_mcu_that_takes_nothing(tmp_path, behind):
    up, address = behind
    line = Line(tmp_path / "tty")
    image = tmp_path / "mcu.bin"
    image.write_bytes(os.urandom(65536))
    m = Daemon("miio_mcu", "--tty", tmp_path / "tty", "--agent", address, "-o", "update_dir=%s" % tmp_path, "-o",
               "announce_net=no", "-o", "ask_version=no")
    line.next_down("down MIIO_net_change cloud")
    update = {"file": str(image), "md5": hashlib.md5(image.read_bytes()).hexdigest()}
    assert up.call(5, "mcu.update", update)["result"] == ["ok"]
    line.next_down("down update_fw")
    line.write(b"result \"ready\"\r")
    leave(m)
    line.close()


def test_command_under_way_at_the_mcu(tmp_path, behind):
    """Whoever asked is told why, by miio_mcu itself: not by the agent, who only sees that it has gone."""
    up, address = behind
    line = Line(tmp_path / "tty")
    m = Daemon("miio_mcu", "--tty", tmp_path / "tty", "--agent", address, "-o", "announce_net=no", "-o", "ask_version=no")
    m.wait_err("agent connected")
    line.next_down("down MIIO_net_change cloud")
    up.send({"id": 7, "method": "get_properties", "params": [{"did": "1", "siid": 1, "piid": 2}]})
    line.next_down("down get_properties 1 2")
    leave(m)
    up.wait(lambda: 7 in up.answers, "the answer")
    assert up.answers[7][0]["error"]["code"] == -32003 and len(up.answers[7]) == 1
    line.close()


def test_hook_of_the_mcu_that_hangs(tmp_path, behind):
    line = Line(tmp_path / "tty")
    said = tmp_path / "said"
    hook = program(tmp_path / "hook", "trap '' TERM\necho begun >%s\nwhile [ -e %s ]; do sleep 1; done\n" % (said, said))
    m = Daemon("miio_mcu", "--tty", tmp_path / "tty", "--agent", behind[1], "-o", "hook_restore=" + hook, "-o",
               "announce_net=no", "-o", "ask_version=no")
    line.write(b"restore\r")
    wait_for(said.exists, "the hook")
    leave(m)
    said.unlink()  # it goes on without its program: a restore that has begun is not cut short
    line.close()


def ota(tmp_path, address, *args, env=None):
    return Daemon("miio_ota", "--dir", tmp_path / "ota", "--agent", address, *args, env=env)


def ask_for_firmware(up, url):
    params = {"app_url": url, "file_md5": "0" * 32, "proc": "dnld install", "mode": "normal"}
    wait_for(lambda: up.call(next(IDS), "miIO.ota", params).get("result") == ["OK"], "the registration")


@pytest.mark.parametrize("line", ["name server", "web server"])
def test_download_under_way(tmp_path, behind, line):
    up, address = behind
    hook = program(tmp_path / "install", "exit 0\n")
    s = DeafServer()
    with_names = line == "name server"
    o = ota(tmp_path, address, "--install-hook", hook, env=MUTE if with_names else None)
    ask_for_firmware(up, "http://fw.example.test/f" if with_names else "http://127.0.0.1:%d/f" % s.port)
    if with_names:
        o.wait_err("lookup: no answer")
    else:
        wait_for(lambda: s.conns, "the download")
    leave(o)
