# SPDX-License-Identifier: MIT
"""What the logs say to whoever looks for a fault: what passes, what was refused and why, where a line was to lead."""
import http.server
import os
import re
import signal
import socket
import ssl
import subprocess
import threading

import pytest

from agent_rig import Agent
from ota_rig import rig  # noqa: F401
from support import BIN, Daemon, JsonSocket, make_certificates, run, write_identity

TOKEN = "a1B2c3D4e5F6g7H8"


def client(tmp_path, *options, extra=()):
    data = write_identity(tmp_path / "data", wifi=False, extra=["provisioning=none", *extra])
    return Daemon("miio_client", "-d", data, "--local", "127.0.0.1:0", "--ble", "none", *options)


def phone(c, *args, token=TOKEN, code=0):
    done = run("miio_sim", "phone", "-a", c.ready["lan"], "-t", token, "--timeout", "300", "--tries", "1", *args)
    assert code is None or done[0] == code, done
    return done


def test_level_4_shows_every_message_and_no_params(tmp_path):
    with client(tmp_path, "--lan", "127.0.0.1:0", "--cloud", "none", "-l", "4") as c:
        app = JsonSocket(("127.0.0.1", int(c.port("local"))))
        c.wait_err("local peer 0 connected")
        asked = threading.Thread(target=phone, args=(c, "call", "set_power", '["hunter2"]'))
        asked.start()
        command = app.recv()
        assert command["method"] == "set_power"
        app.send({"id": command["id"], "result": ["hunter3"]})
        asked.join()
        app.send({"id": 5, "method": "local.query_status", "params": "hunter4"})
        assert app.recv()["method"] == "local.status"
        app.send({"id": 6, "method": "props", "params": {"hunter5": 1}})
        c.wait_err(r"from LAN \(request \d+\): set_power, id \d+, \d+ bytes")
        c.wait_err(r"to local peer 0: set_power, id %d, \d+ bytes" % command["id"])
        c.wait_err(r"from local peer 0: result, id %d, \d+ bytes" % command["id"])
        c.wait_err(r"to LAN \(request \d+\): result, id \d+, \d+ bytes")
        c.wait_err(r"from local peer 0: local\.query_status, id 5, \d+ bytes")
        c.wait_err(r"to local peer 0: local\.status, id 5, \d+ bytes")
        c.wait_err(r"from local peer 0: props, id 6, \d+ bytes")
        app.close()
    assert "hunter" not in "\n".join(c.err)
    assert any("terminating on signal 15" in line for line in c.err)


def test_level_2_shows_none_of_it(tmp_path):
    with client(tmp_path, "--lan", "127.0.0.1:0", "--cloud", "none") as c:
        phone(c, "call", "nobody", code=None)
        phone(c, "info", token="0" * 16, code=1)
    assert not [line for line in c.err if "bytes" in line or "refused" in line]


def test_a_refused_phone_is_told_of_with_the_reason(tmp_path):
    with client(tmp_path, "--lan", "127.0.0.1:0", "--cloud", "none", "-l", "3") as c:
        phone(c, "info", token="0" * 16, code=1)
        c.wait_err(r"LAN request from 127\.0\.0\.1 port \d+ refused: wrong token, or damaged \(checksum\)")
        phone(c, "info")  # and the right one is served


def test_the_agent_shows_what_comes(tmp_path):
    with Agent("-l", "4") as agent:
        app = agent.app()
        app.send({"id": 1, "method": "register", "key": "m"})
        assert app.get()["result"] == ["ok"]
        agent.up.send({"id": 7, "method": "m", "params": ["hunter2"]})
        assert app.get()["id"] == 7
        app.send({"id": 7, "result": ["hunter3"]})
        assert agent.up.get()["id"] == 7
        agent.wait_err(r"from .*: register, id 1, \d+ bytes")
        agent.wait_err(r"from .*: m, id 7, \d+ bytes")
        agent.wait_err(r"from .*: result, id 7, \d+ bytes")
        assert "hunter" not in "\n".join(agent.err)


@pytest.mark.parametrize("cloud,extra", [
    ("ot", ["cloud=ot"]),
    ("mqtt", ["cloud=mqtt", "mqtt_server=127.0.0.1:1"]),
])
def test_a_cloud_that_is_not_reached_is_named_with_the_next_try(tmp_path, cloud, extra):
    options = ("-H", "127.0.0.1", "-p", "1", "--transport", "tcp") if cloud == "ot" else ()
    with client(tmp_path, "--lan", "none", *options, extra=extra) as c:
        c.wait_err(r"cloud %s: .* \(127\.0\.0\.1( port |:)1\); trying again, next try in \d+ ms" % cloud)


def accept_tls(tmp_path):
    """A TLS server that nobody's certificate store knows."""
    make_certificates(tmp_path)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    server.handle_error = lambda *args: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def test_a_broker_with_a_foreign_certificate_is_named_with_openssls_reason(tmp_path):
    server = accept_tls(tmp_path)
    try:
        with client(tmp_path, "--lan", "none", extra=["cloud=mqtt", "mqtt_server=127.0.0.1:%d" % server.server_port,
                                                      "mqtt_tls=1"]) as c:
            c.wait_err(r"cloud mqtt: TLS: certificate verify failed \(127\.0\.0\.1:%d\); trying again, next try in" % server.server_port)
    finally:
        server.shutdown()
        server.server_close()


def test_a_firmware_server_with_a_foreign_certificate_is_named_with_the_reason(rig):
    server = accept_tls(rig.tmp)
    try:
        rig.start("--retries", "0")
        rig.upgrade("", app_url="https://127.0.0.1:%d/x" % server.server_port)
        rig.upstream.wait_state("failed|-33003|connect error")
        rig.ota.wait_err("certificate")
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("program,args", [("miio_agent", ("--listen", "127.0.0.1:0", "--unix", "none")),
                                          ("miio_ota", ("--agent", "tcp:127.0.0.1:1", "--dir")),
                                          ("miio_mcu", ("--agent", "tcp:127.0.0.1:1", "--tty"))])
def test_each_daemon_says_why_it_leaves(tmp_path, program, args):
    args += (tmp_path / "x",) if len(args) == 3 else ()
    for number in (signal.SIGTERM, signal.SIGINT):
        d = Daemon(program, *args)
        d.signal(number)
        assert d.wait() == 0
        d.wait_err("terminating on signal %d" % number)


def test_settings_and_programs_that_others_can_write_are_told(tmp_path):
    conf, hook = tmp_path / "mcu.conf", tmp_path / "hook.sh"
    hook.write_text("#!/bin/sh\n")
    hook.chmod(0o777)
    conf.write_text("tty = %s\nagent = tcp:127.0.0.1:1\nhook_restore = %s\n" % (tmp_path / "tty", hook))
    conf.chmod(0o666)
    with Daemon("miio_mcu", "--config", conf) as mcu:
        mcu.wait_err("mcu.conf: mode 0666 lets others write it: chmod go-w")
        mcu.wait_err("hook.sh: mode 0777 lets others write it: chmod go-w")
    conf.write_text("command-timeout = 4000\n")
    for mode in (0o666, 0o644):
        conf.chmod(mode)
        with Daemon("miio_agent", "--listen", "127.0.0.1:0", "--unix", "none", "--upstream", "127.0.0.1:1", "--config", conf) as agent:
            agent.wait_err("no connection to upstream")  # behind it
        assert any("mcu.conf: mode 0666" in line for line in agent.err) == (mode == 0o666)


def test_the_journal_gets_priorities(tmp_path):
    with open(tmp_path / "journal", "wb") as f:
        st = os.fstat(f.fileno())
        done = subprocess.Popen([os.path.join(BIN, "miio_agent"), "--listen", "127.0.0.1:0", "--unix",
                                 str(tmp_path / "a.sock"), "--offline"], stdout=subprocess.PIPE, stderr=f, text=True,
                                env={**os.environ, "JOURNAL_STREAM": "%d:%d" % (st.st_dev, st.st_ino)})
        assert done.stdout.readline().startswith("ready ")
        done.send_signal(signal.SIGTERM)
        assert done.wait(30) == 0
    said = (tmp_path / "journal").read_text().splitlines()
    assert any(line.startswith("<6>[INFO] terminating on signal") for line in said)
    assert all(re.match(r"<(3>\[ERROR|4>\[WARNING|6>\[INFO)\] ", line) for line in said), said  # the journal knows the time


@pytest.mark.parametrize("program", ["miio_agent", "miio_client", "miio_ota", "miio_mcu"])
def test_the_watchdog_of_systemd_is_fed(tmp_path, program):
    args = {"miio_agent": ["--listen", "127.0.0.1:0", "--unix", str(tmp_path / "a.sock"), "--offline"],
            "miio_client": ["-d", str(write_identity(tmp_path / "d", wifi=False, extra=["provisioning=none"])), "--local",
                            "127.0.0.1:0", "--lan", "none", "--ble", "none", "--cloud", "none"],
            "miio_ota": ["--dir", str(tmp_path / "ota"), "--agent", "tcp:127.0.0.1:1"],
            "miio_mcu": ["--tty", str(tmp_path / "tty"), "--agent", "tcp:127.0.0.1:1"]}[program]
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.bind(str(tmp_path / "notify"))
    ear.settimeout(30)
    with Daemon(program, *args, env={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "100000"}):
        heard = [ear.recv(100) for _ in range(3)]
    assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
    ear.close()


def test_lines_that_others_can_cause_are_few(tmp_path):
    """An application says a thousand times what would be a line each time."""
    d = write_identity(tmp_path / "miio", wifi=False, extra=("cloud=none",))
    script = os.path.join(d, "wifi_start.sh")
    with open(script, "w") as f:
        f.write('#!/bin/sh\n[ ! -f "%s/wifi.conf" ] || exec sleep 600\n' % d)
    os.chmod(script, 0o755)
    with Daemon("miio_client", "-d", d, "--local", "127.0.0.1:0", "--lan", "none", "--ble", "none", "-l", "2") as c:
        app = JsonSocket(c.port("local"))
        network = {"ssid": "net", "passwd": "password", "uid": 1}
        for i in range(1000):
            app.send({"id": 1, "method": "local.ble.config_router", "params": network})
            app.send({"id": 2, "method": "local.mcu_info", "params": {"model": "a.b.c%d" % (i % 2), "mcu_fw_ver": "0001"}})
        app.send({"id": 3, "method": "local.query_did"})
        while app.recv().get("id") != 3:
            pass
        c.wait_err("config_router: ")
        c.wait_err("MCU: model a.b.c")
        assert len(c.err) < 100
