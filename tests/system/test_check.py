# SPDX-License-Identifier: MIT
"""miioctl status, check and stats --prom over the real agent and client: each trouble is made, and named."""
import json
import os
import re
import subprocess
import sys
import tarfile

sys.path.insert(0, os.path.dirname(__file__))
from fake_mqtt import FakeServer  # noqa: E402
from mqtt_support import App, Broker, free_port  # noqa: E402
from support import BIN, Daemon, JsonSocket, make_certificates, run, wait_for, write_identity  # noqa: E402
from test_spool import in_a_mount, needs_mount  # noqa: E402


class Stack:
    """miio_client and miio_agent above it."""

    def __init__(self, path, *args, cloud="none", extra=(), wifi=True, lan="none", hooks=True, wrap=(), did=1001, env=None):
        self.dir = str(path / "d")
        write_identity(self.dir, did=did, extra=("cloud=" + cloud,) + tuple(extra), wifi=wifi)
        os.chmod(os.path.join(self.dir, "device.token"), 0o600)
        if hooks:
            for name in ("wifi_start.sh", "miio_client_helper.sh"):
                with open(os.path.join(self.dir, name), "w") as f:
                    f.write("#!/bin/sh\n")
                os.chmod(f.name, 0o755)
        program = wrap + (os.path.join(os.path.abspath(BIN), "miio_client"),) if wrap else ("miio_client",)
        self.client = Daemon(*program, "-d", self.dir, "--local", "127.0.0.1:0", "--lan", lan, "--ble", "none", *args,
                             env=env)
        self.unix = str(path / "agent.sock")
        self.agent = Daemon("miio_agent", "--listen", "127.0.0.1:0", "--unix", self.unix, "--upstream",
                            "127.0.0.1:%d" % self.client.port("local"), "--command-timeout", "50")
        wait_for(lambda: json.loads(self.ctl("--json", "check")[1])["status"], "the client")

    def ctl(self, *args):
        return run("miioctl", "--agent", "unix:" + self.unix, *args)

    def troubles(self):
        code, out, err = self.ctl("--json", "check")
        assert err == ""
        found = {t["trouble"]: t for t in json.loads(out)["troubles"]}
        assert code == (1 if found else 0)
        assert all(t["cure"] and t["text"] for t in found.values())
        return found

    def wait_trouble(self, name):
        wait_for(lambda: name in self.troubles(), name)
        found = self.troubles()[name]
        lines = [line for line in self.ctl("check")[1].splitlines() if line.startswith("FAIL ") and line.endswith("(%s)" % name)]
        assert len(lines) == 1 and found["cure"] in lines[0]
        return found

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.agent.stop()
        if self.client.process.poll() is None:
            self.client.stop()


def mqtt(port, *more):
    return ("mqtt_server=127.0.0.1:%d" % port,) + more


def test_all_is_well(tmp_path):
    with Broker() as b, Stack(tmp_path, cloud="mqtt", extra=mqtt(b.port)) as s:
        wait_for(lambda: "cloud_connected" in s.ctl("status")[1], "the cloud")
        assert s.troubles() == {}
        code, out, err = s.ctl("status")
        assert (code, err) == (0, "") and len(out.splitlines()) <= 24
        assert re.search(r"^cloud +mqtt cloud_connected at 127.0.0.1:%d" % b.port, out, re.M)
        assert re.search(r"^device .*did 1001", out, re.M)
        both = json.loads(s.ctl("--json", "status")[1])
        assert both["agent"]["upstream"] is True and both["client"]["state"] == "cloud_connected"


def test_client_missing(tmp_path):
    with Stack(tmp_path) as s:
        s.client.stop()
        s.wait_trouble("client.missing")
        assert s.ctl("status")[0] == 1


def test_two_clients(tmp_path):
    with Stack(tmp_path) as s:
        assert "client.twice" not in s.troubles()
        for how in (["-d", s.dir], ["-d" + s.dir], ["--datadir", s.dir], ["--datadir=" + s.dir], ["-d", os.path.relpath(s.dir)]):
            with Daemon("miio_client", *how, "--local", "127.0.0.1:0", "--lan", "none", "--ble", "none"):
                s.wait_trouble("client.twice")
            wait_for(lambda: "client.twice" not in s.troubles(), "one of them")


def test_broker_down_login_and_subscription(tmp_path):
    with Stack(tmp_path, cloud="mqtt", extra=mqtt(free_port())) as s:
        assert "refused" in s.wait_trouble("cloud.unreachable")["text"]
        assert "last error" in s.ctl("status")[1]
    (tmp_path / "2").mkdir()
    with Broker("allow_anonymous false") as b, Stack(tmp_path / "2", cloud="mqtt", extra=mqtt(b.port)) as s:
        s.wait_trouble("cloud.login")
    (tmp_path / "3").mkdir()
    with FakeServer(suback=lambda topic, qos: 0x80) as b, Stack(tmp_path / "3", cloud="mqtt", extra=mqtt(b.port)) as s:
        assert "miio/1001/command" in s.wait_trouble("cloud.subscription")["text"]
        assert "nothing comes from miio/1001/command: the subscription was refused\n" in s.ctl("status")[1]
    (tmp_path / "4").mkdir()
    with FakeServer(suback=lambda topic, qos: None) as b, Stack(tmp_path / "4", cloud="mqtt", extra=mqtt(b.port)) as s:
        assert "does not answer" in s.wait_trouble("cloud.subscription")["text"]
        assert "nothing comes from miio/1001/command: the subscription was not answered\n" in s.ctl("status")[1]


def test_tls(tmp_path):
    certs = tmp_path / "certs"
    certs.mkdir()
    make_certificates(certs)
    other = tmp_path / "other"
    other.mkdir()
    make_certificates(other)
    port = free_port()
    extra = "listener %d 127.0.0.1\ncertfile %s/server.pem\nkeyfile %s/server.key\nallow_anonymous true" % (port, certs, certs)
    with Broker(extra), Stack(tmp_path, cloud="mqtt", extra=mqtt(port, "mqtt_tls=1", "mqtt_ca=%s/ca.pem" % other)) as s:
        assert "certificate" in s.wait_trouble("cloud.tls")["text"]


def test_spool_fills_and_is_full(tmp_path):
    with Stack(tmp_path, cloud="mqtt", extra=mqtt(free_port(), "spool_max_reports=10")) as s:
        app = App(s.client)
        for i in range(6):
            assert app.ask("props", {"a": i}, id=i + 1)["result"] == ["queued"]
        s.wait_trouble("spool.filling")
        for i in range(6, 12):
            assert app.ask("props", {"a": i}, id=i + 1)["result"] == ["queued"]
        s.wait_trouble("spool.full")


@needs_mount
def test_disk_full(tmp_path):
    directory = str(tmp_path / "d")
    wrap = in_a_mount(directory, "size=128k", "cat /dev/zero > %s/full 2>/dev/null" % directory)
    with Stack(tmp_path, cloud="mqtt", extra=mqtt(free_port()), wrap=wrap) as s:
        assert "error" in App(s.client).ask("props", {"a": 1}, id=1)
        assert "No space" in s.wait_trouble("disk.full")["text"]


@needs_mount
def test_data_directory_that_cannot_be_written(tmp_path):
    directory = str(tmp_path / "d")
    with Stack(tmp_path, cloud="mqtt", extra=mqtt(free_port()),
               wrap=in_a_mount(directory, "size=1m", "mount -o remount,ro %s" % directory)) as s:
        assert "error" in App(s.client).ask("props", {"a": 1}, id=1)
        assert "Read-only" in s.wait_trouble("spool.error")["text"]


class Ot(Daemon):
    """The OT cloud's stand-in: it tells the time."""

    def __init__(self):
        super().__init__("miio_sim", "cloud", "--did", 1001, "--key", "Qw3rTy7UiOp9AsDf", "--udp", "127.0.0.1:0", stdin=subprocess.PIPE)
        self.args_of_client = ("-H", "127.0.0.1", "-p", str(self.port("udp")))


def clock(off):
    return {"LD_PRELOAD": os.path.abspath(os.path.join(BIN, "..", "tests", "other_clock.so")), "OTHER_CLOCK_S": off,
            "ASAN_OPTIONS": "verify_asan_link_order=0"}


def test_clock(tmp_path):
    for number, (off, name, text) in enumerate((("3600", "clock.wrong", "ahead of"), ("-86400", "clock.wrong", "behind"),
                                                ("unset", "clock.unset", "the cloud's time is used"))):
        (tmp_path / str(number)).mkdir()
        with Ot() as ot, Stack(tmp_path / str(number), *ot.args_of_client, cloud="ot", env=clock(off)) as s:
            wait_for(lambda: text in s.troubles().get(name, {"text": ""})["text"], name)
            s.wait_trouble(name)


def test_two_devices_with_one_identity(tmp_path):
    """Each one's login ends the other's session, as MQTT has it."""
    with Broker() as b, Stack(tmp_path, cloud="mqtt", extra=mqtt(b.port)) as s:
        wait_for(lambda: "cloud_connected" in s.ctl("status")[1], "the cloud")
        assert "cloud.twins" not in s.troubles()
        twin = str(tmp_path / "twin")
        write_identity(twin, did=1001, extra=("cloud=mqtt",) + mqtt(b.port))
        with Daemon("miio_client", "-d", twin, "--local", "127.0.0.1:0", "--lan", "none", "--ble", "none"):
            assert "same identity" in s.wait_trouble("cloud.twins")["text"]


def test_external_helper_that_does_not_come(tmp_path):
    with Stack(tmp_path, "--helper", "external") as s:
        s.wait_trouble("helper.missing")
        helper = JsonSocket(s.client.port("local"))
        helper.send({"method": "_internal.hello"})
        wait_for(lambda: "helper.missing" not in s.troubles(), "it has come")
        helper.close()


def test_gizwits_registration_refused(tmp_path):
    with Daemon("miio_sim", "cloud", "--kind", "gizwits", "--product-key", "f" * 32, stdin=subprocess.PIPE) as sim, \
         Stack(tmp_path, cloud="gizwits", extra=("gizwits_product_key=" + "0" * 32, "gizwits_server=" + sim.ready["http"])) as s:
        assert "cloud gizwits" in s.wait_trouble("cloud.register")["text"]


def test_bundle_of_several_clouds_holds_no_secret(tmp_path):
    """Every secret that this device has, of whatever cloud."""
    secrets = {"gizwits_product_key": "0123456789abcdef0123456789abcdef", "onenet_auth_info": "auth-info-of-1001",
               "onenet_api_key": "api-key-0123456789", "onenet_master_key": "master-key-9876", "mqtt_user": "user-of-broker",
               "mqtt_password": "pw-of-the-broker"}
    plain = ("gizwits_server=127.0.0.1:1", "onenet_server=127.0.0.1:1", "onenet_device_id=1001", "onenet_product_id=433223",
             "mqtt_server=127.0.0.1:1")
    with Stack(tmp_path, "-l", "4", "-H", "127.0.0.1", "-p", "1", cloud="ot,gizwits,onenet,mqtt",
               extra=plain + tuple("%s=%s" % kv for kv in secrets.items())) as s:
        for name in ("gizwits", "onenet", "mqtt"):
            wait_for(lambda: any("cloud %s at" % name in t["text"] for t in json.loads(s.ctl("--json", "check")[1])["troubles"]), name)
        app = App(s.client)
        assert app.ask("props", {"said": "by-an-application-only"}, id=1)["result"] == ["queued"]
        path = str(tmp_path / "b.tar")
        assert s.ctl("bundle", path) == (0, "", "")
        everything = open(path, "rb").read()
        token = open(os.path.join(s.dir, "device.token")).read().strip()
        for secret in list(secrets.values()) + [token, token.encode().hex(), "Qw3rTy7UiOp9AsDf", "secret12", "by-an-application-only"]:
            assert secret.encode() not in everything, secret
        assert b"cloud=ot,gizwits,onenet,mqtt" in everything


def test_hooks_missing_and_token_in_the_open(tmp_path):
    with Stack(tmp_path, wifi=False, hooks=False) as s:
        assert "miio_client_helper.sh" in json.dumps(s.troubles()) and "wifi_start.sh" in s.ctl("check")[1]
        assert "hooks.missing" in s.troubles() and "token.open" in s.troubles()


def test_token_mode(tmp_path):
    with Stack(tmp_path) as s:
        assert "token.mode" not in s.troubles()
        os.chmod(os.path.join(s.dir, "device.token"), 0o644)
        assert "0644" in s.wait_trouble("token.mode")["text"]


def test_wrong_token_on_the_lan(tmp_path):
    import socket
    with Stack(tmp_path, lan="127.0.0.1:0") as s:
        u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        head = bytes.fromhex("21310030") + bytes(4) + (1001).to_bytes(4, "big") + bytes(4)
        u.sendto(head + b"x" * 16 + b"y" * 16, ("127.0.0.1", s.client.port("lan")))
        s.wait_trouble("lan.token")


def test_silent_application_and_key_without_one(tmp_path):
    with Stack(tmp_path) as s:
        app = JsonSocket(s.unix)
        app.send({"id": 1, "method": "register", "key": "mute"})
        assert app.recv()["result"] == ["ok"]
        assert s.ctl("call", "mute")[0] == 1
        assert "mute" in s.wait_trouble("app.silent")["text"]
        assert s.ctl("call", "nobody.here")[0] == 1
        assert "nobody.here" in s.wait_trouble("key.unserved")["text"]
        app.send({"id": 2, "method": "register", "key": "nobody.*"})
        while "result" not in app.recv():  # the command that it does not answer came before
            pass
        assert "key.unserved" not in s.troubles()


def parse_open_metrics(text):
    """Samples of a text, which must keep to the format: types before samples, each family once and in one piece, EOF last."""
    assert text.endswith("# EOF\n")
    families, samples, family = {}, {}, None
    for line in text.splitlines()[:-1]:
        m = re.fullmatch(r"# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge)", line)
        if m:
            assert m[1] not in families
            family = m[1]
            families[family] = m[2]
            continue
        m = re.fullmatch(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-z_]+="(?:[^"\\\n]|\\["\\n])*"\})? (-?[0-9]+(?:\.[0-9]+)?)', line)
        assert m, line
        assert m[1] == family + ("_total" if families[family] == "counter" else "")
        assert (m[1], m[2]) not in samples
        samples[m[1], m[2]] = float(m[3])
    return families, samples


def test_open_metrics(tmp_path):
    with Broker() as b, Stack(tmp_path, cloud="mqtt", extra=mqtt(b.port)) as s:
        wait_for(lambda: "cloud_connected" in s.ctl("status")[1], "the cloud")
        code, out, err = s.ctl("stats", "--prom")
        assert (code, err) == (0, "")
        families, samples = parse_open_metrics(out)
        assert samples["miio_cloud_connected", '{cloud="mqtt"}'] == 1 and samples["miio_client_up", None] == 1
        assert samples["miio_client_uplink_submitted_total", None] == 0
        assert all(families["miio_client_" + name] == "gauge" for name in ("spool_waiting", "command_open", "uplink_open"))
        assert samples["miio_agent_texts_from_apps_total", None] > 0
        told = json.loads(s.ctl("--json", "send", "client.counters")[1])["result"]
        assert all(("miio_client_" + re.sub("[^a-zA-Z0-9]", "_", name)) in families for name in told)
        s.client.stop()
        wait_for(lambda: not json.loads(s.ctl("--json", "check")[1])["info"]["upstream"], "its end")
        _, samples = parse_open_metrics(s.ctl("stats", "--prom")[1])
        assert samples["miio_client_up", None] == 0


def test_bundle_holds_no_secret(tmp_path):
    secrets = {"mqtt_password": "pw-of-the-broker", "mqtt_user": "user-of-broker", "onenet_api_key": "api-key-0123456789",
               "bind_key": "bind-key-abcdef"}
    with Broker("allow_anonymous false") as b, \
         Stack(tmp_path, "-l", "4", cloud="mqtt", extra=mqtt(b.port, "# onenet_master_key=yesterdays-key",
                                                            *("%s=%s" % kv for kv in secrets.items()))) as s:
        with open(os.path.join(s.dir, "wifi.conf"), "a") as f:
            f.write("psk=\"wlan-password-1\"\n")
        s.wait_trouble("cloud.login")
        token = open(os.path.join(s.dir, "device.token")).read().strip()
        app = App(s.client)
        app.ask("props", {"said": "by-an-application-only"}, id=1)
        # an application may put what it likes into a method's name, and so into the log and the counters
        s.ctl("call", "x." + secrets["mqtt_password"])
        path = str(tmp_path / "b.tar")
        assert s.ctl("bundle", path) == (0, "", "")
        assert os.stat(path).st_mode & 0o777 == 0o600
        with tarfile.open(path) as tar:
            files = {m.name: tar.extractfile(m).read().decode() for m in tar.getmembers()}
        assert {"versions.txt", "agent-info.json", "agent-stats.json", "list.json", "client-status.json", "client-counters.json",
                "device.conf", "client.log", "agent.log"} == set(files)
        everything = open(path, "rb").read()
        for secret in list(secrets.values()) + [token, token.encode().hex(), "Qw3rTy7UiOp9AsDf", "wlan-password-1",
                                                "yesterdays-key", "by-an-application-only"]:
            assert secret.encode() not in everything, secret
        assert "mqtt_password=***" in files["device.conf"] and "mqtt_server=127.0.0.1:%d" % b.port in files["device.conf"]
        assert "cloud mqtt" in files["client.log"] and json.loads(files["client-status.json"])["clouds"][0]["name"] == "mqtt"
        assert s.ctl("bundle", "/nonexistent/b.tar")[0] == 1
        assert s.ctl("bundle")[0] == 2


def test_the_logs_are_the_owners(tmp_path):
    with Stack(tmp_path, "-l", "3") as s:
        direct = JsonSocket(s.client.port("local"))
        mine = direct.call("client.log", {"from": 0})["result"]
        assert mine["lines"] and mine["more"] is False
        assert direct.call("client.log", {"from": mine["next"]})["result"]["lines"] == []
        code, out, _ = s.ctl("--json", "send", "agent.log")
        assert code == 0 and json.loads(out)["result"]["lines"]
        if os.geteuid() != 0:
            return
        for port, methods in ((s.agent.port("listen"), ("client.log", "agent.log", "client\\u002elog")), (s.client.port("local"), ("client.log",))):
            for method in methods:
                assert ask_as_nobody(port, method)["error"]["code"] == -32001, method
        assert "result" in ask_as_nobody(s.client.port("local"), "client.status")


def ask_as_nobody(port, method):
    """The answer to somebody without any right; no rules are on."""
    program = ("import os, socket, sys\nos.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
               "s = socket.create_connection(('127.0.0.1', %d))\n"
               "s.sendall(b'{\"id\":7,\"method\":\"%s\"}')\nb = b''\n"
               "while b'\"id\":7' not in b or not b.rstrip().endswith(b'}'): b += s.recv(65536)\nprint(b.decode())" % (port, method))
    text = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True).stdout
    return next(t for t in every_text(text) if t.get("id") == 7)


def every_text(text):
    decoder, text = json.JSONDecoder(), text.strip()
    while text:
        obj, used = decoder.raw_decode(text)
        yield obj
        text = text[used:].strip()
