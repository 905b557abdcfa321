# SPDX-License-Identifier: MIT
"""Who may do what at miio_client: every way in (54322, the MQTT API, the Bluetooth port, phones, every cloud) by every closed
method and root, the client's own user, another user, a peer that has closed. The client runs as a user of its own."""
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from mqtt_support import Broker, Listener, counters
from security_support import CLOSED, DAEMON, NOBODY, OPEN, ROOT, Table, needs_root
from support import BIN, Daemon, JsonSocket, run, wait_for, write_identity
import test_one_app_every_cloud as stand_ins
from test_client import TOKEN, Client, lan_address
from test_helper import Helper

pytestmark = pytest.mark.skipif(needs_root, reason="needs root to become other users")

NAMES = {ROOT: "root", DAEMON: "own user", NOBODY: "another user"}
RULES = "serve * = @console\nserve open.* = *\n"
NOT_FROM_HERE = {"miIO.config_router"}  # phones only, whoever asks
# What neither phone nor cloud may ever do, with rules and without; the rest is the owner's to do. The last one ends the pairing.
FROM_OUTSIDE = [m for m in CLOSED + OPEN + ["agent.call", "agent.info", "_internal.accepted"] if m != "miIO.restore"] + ["miIO.restore"]
BUT_RESET = [m for m in CLOSED + OPEN if m != "miIO.restore"]
NEVER_FROM_OUTSIDE = {m for m in FROM_OUTSIDE if m.startswith(("_internal.", "local.", "agent."))}


def of_user(uid, make):
    """A socket that a process of that user has made, in our hands."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            made = make()
            socket.send_fds(theirs, [b"x"], [made.fileno()])
        finally:
            os._exit(0)
    theirs.close()
    _, fds, _, _ = socket.recv_fds(ours, 1, 1)
    os.waitpid(pid, 0)
    ours.close()
    s = socket.socket(fileno=fds[0])
    s.settimeout(30)
    return s


def text_socket(s):
    j = JsonSocket.__new__(JsonSocket)
    j.s, j.buffer = s, ""
    return j


def app_of(uid, port):
    return text_socket(of_user(uid, lambda: socket.create_connection(("127.0.0.1", port))))


def udp_of(uid):
    def make():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("127.0.0.1", 0))
        return s
    return of_user(uid, make)


def answer_to(app, method, id=7):
    app.send({"id": id, "method": method, "params": []})
    while True:
        text = app.recv()
        assert text is not None, method
        if text.get("id") == id:
            return text


def is_refused(text):
    return text.get("error", {}).get("code") == -32001


class Rig:
    def __init__(self, rules, *args):
        self.stack = contextlib.ExitStack()
        self.dir = tempfile.mkdtemp(prefix="miio-sec-")
        self.stack.callback(shutil.rmtree, self.dir, ignore_errors=True)
        os.chmod(self.dir, 0o755)
        self.cloud, self.local = self.stack.enter_context(Broker()), self.stack.enter_context(Broker())
        data = write_identity(os.path.join(self.dir, "d"), did=1001,
                              extra=("cloud=mqtt", "mqtt_server=127.0.0.1:%d" % self.cloud.port, "provisioning=wifi"))
        for path in (data, *(os.path.join(data, n) for n in os.listdir(data))):
            os.chown(path, DAEMON, DAEMON)
        shutil.copy(os.path.join(BIN, "miio_client"), self.dir)
        more = []
        if rules is not None:
            self.rules = os.path.join(self.dir, "access.conf")
            with open(self.rules, "w") as f:
                f.write(rules)
            more = ["--access", self.rules]
        self.ip = lan_address()
        self.client = self.stack.enter_context(Daemon(
            "/usr/bin/setpriv", "--reuid=%d" % DAEMON, "--regid=%d" % DAEMON, "--clear-groups",
            os.path.join(self.dir, "miio_client"), "-d", data, "--local", "127.0.0.1:0", "--lan", self.ip + ":54321",
            "--ble", "127.0.0.1:0", "--mqtt-api", "127.0.0.1:%d" % self.local.port, "--hooks", self.dir, "-l", "3", *more, *args))
        self.client.wait_err("cloud mqtt connected")
        self.client.wait_err("MQTT API: connected")
        self.port = self.client.port("local")

    def app(self, uid):
        return app_of(uid, self.port)

    def phone(self, method, params="[]"):
        out = run("miio_sim", "phone", "--address", self.ip + ":54321", "--token", TOKEN, "call", method, params)[1]
        return json.loads(out)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.stack.__exit__(*what)


def by_socket(rig, uid, methods):
    app = rig.app(uid)
    yield from ((m, is_refused(answer_to(app, m))) for m in methods)


def by_mqtt_api(rig, methods):
    with Listener(rig.local.port, "miio/report_ack", "miio/command") as app:
        for i, method in enumerate(methods):
            app.publish("miio/report", {"id": i, "method": method, "params": []})
            while True:
                text = json.loads(app.next()[1])
                if text.get("id") == i:  # local.time comes as a command would
                    break
            yield method, is_refused(text)


def by_phone(rig):
    for method in FROM_OUTSIDE:
        yield method, is_refused(rig.phone(method))


def ot_answer(cloud, i, method):
    cloud.cloud.say(method + " []")
    return json.loads(cloud.cloud.wait_nth(i, '"event":"answer"'))


def gizwits_answer(cloud, i, method):
    cloud.cloud.say("cmd phone " + json.dumps({"id": i, "method": method, "params": []}))
    line = json.loads(cloud.cloud.wait_nth(i, '"event":"frame"', '"cmd":"0091"', '"app":"phone"'))
    return next(json.loads(v) for v in line.values() if str(v).startswith("{"))


def onenet_answer(cloud, i, method):
    cloud.cloud.say("cmd 1001 " + json.dumps({"id": i, "method": method, "params": []}))
    line = json.loads(cloud.cloud.wait_nth(i, '"event":"answer"'))
    return next(json.loads(v) for v in line.values() if str(v).startswith("{"))


def mqtt_answer(cloud, i, method):
    topic = "miio/%d/command" % stand_ins.DID
    cloud.wait_heard(lambda t, p: t.endswith("/status") and p == "online")  # commands can come
    cloud.client.publish(topic, json.dumps({"id": i, "method": method, "params": []}), 1)
    return wait_for(lambda: next((t for name, t in list(cloud.heard) if name == topic + "_ack" and t["id"] == i), None), "an answer to " + method)


def by_cloud(kind, answer_of, rules):
    """The client with that cloud's stand-in and no application, until the device is reset."""
    with contextlib.ExitStack() as parts:
        folder = parts.enter_context(tempfile.TemporaryDirectory())
        cloud = kind()
        parts.callback(cloud.stop)
        extra = ()
        if rules is not None:
            extra = ("--access", os.path.join(folder, "access.conf"))
            with open(extra[1], "w") as f:
                f.write(rules)
        data = write_identity(os.path.join(folder, "d"), did=stand_ins.DID, key=stand_ins.DEVICE_KEY, extra=cloud.conf)
        c = parts.enter_context(Daemon(
            "miio_client", "-d", data, "--local", "127.0.0.1:0", "--lan", "none", "--ble", "none", "--hooks", folder,
            "--command-timeout", "200", *extra, *cloud.args))
        c.wait_err("cloud %s connected" % kind.__name__.lower())
        for i, method in enumerate(FROM_OUTSIDE):
            yield method, is_refused(answer_of(cloud, i, method))
        wait_for(lambda: not os.path.exists(os.path.join(data, "wifi.conf")), "the reset")


def reset_by(way, rules, *whose):
    """A reset that is done ends the pairing: a client of its own."""
    with Rig(rules, "--command-timeout", "200") as rig:
        yield from way(rig, *whose, ["miIO.restore"])
        wait_for(lambda: not os.path.exists(os.path.join(rig.dir, "d", "wifi.conf")), "the reset")


def by_ble(rig, uid):
    s = udp_of(uid)
    s.sendto(b'{"id":7,"method":"local.ble.config_router","params":[]}', ("127.0.0.1", rig.client.port("ble")))
    yield "local.ble.config_router", is_refused(json.loads(s.recv(2048)))
    s.close()


@pytest.mark.parametrize("rules", [None, RULES], ids=["rules off", "rules on"])
def test_every_way_in(rules, capsys):
    table = Table("miio_client, rules %s" % ("on" if rules else "off"))
    wrong = []

    def walk(way, who, cases, expected):
        for method, refused in cases:
            table.note(way, who, not refused)
            if refused != expected(method):
                wrong.append((way, who, method, refused))

    with Rig(rules, "--command-timeout", "200") as rig:
        root = rig.app(ROOT)  # it gets what is for applications, and is silent
        root.call("local.query_did")
        for uid in (ROOT, DAEMON, NOBODY):
            closed = set(CLOSED) if rules and uid == NOBODY else set()
            methods = CLOSED + OPEN if closed else BUT_RESET
            walk("54322", NAMES[uid], by_socket(rig, uid, methods), lambda m: m in closed | NOT_FROM_HERE)
            walk("Bluetooth port", NAMES[uid], by_ble(rig, uid), lambda m: m in closed)
        closed = set(CLOSED) if rules else set()
        methods = CLOSED + OPEN if rules else BUT_RESET
        walk("MQTT API", "whoever", by_mqtt_api(rig, methods), lambda m: m in closed | NOT_FROM_HERE)
        never = NEVER_FROM_OUTSIDE
        walk("phone with the token", "the owner's line", by_phone(rig), lambda m: m in never)
        root.close()
    for uid in (ROOT, DAEMON) if rules else (ROOT, DAEMON, NOBODY):
        walk("54322", NAMES[uid], reset_by(by_socket, rules, uid), lambda m: False)
    if not rules:
        walk("MQTT API", "whoever", reset_by(by_mqtt_api, rules), lambda m: False)
    clouds = {stand_ins.Ot: ot_answer, stand_ins.Gizwits: gizwits_answer, stand_ins.OneNet: onenet_answer, stand_ins.Mqtt: mqtt_answer}
    for kind, answer_of in clouds.items():
        walk("cloud " + kind.__name__.lower(), "the owner's line", by_cloud(kind, answer_of, rules),
             lambda m: m in never | NOT_FROM_HERE)
    with capsys.disabled():
        print(table)
    assert not wrong, wrong


def test_a_peer_that_has_closed_is_nobody():
    """Root's own text, but nobody can be asked any more when the client comes to it."""
    with Rig(RULES) as rig:
        before = counters(rig.client).get("text.not_permitted", 0)
        rig.client.signal(signal.SIGSTOP)
        for method in CLOSED:
            s = socket.create_connection(("127.0.0.1", rig.port))
            s.sendall(json.dumps({"method": method, "params": []}).encode())
            s.close()
        s = udp_of(ROOT)
        s.sendto(b'{"method":"local.ble.config_router","params":[]}', ("127.0.0.1", rig.client.port("ble")))
        s.close()
        rig.client.signal(signal.SIGCONT)
        wait_for(lambda: counters(rig.client).get("text.not_permitted", 0) == before + len(CLOSED) + 1, "the refusals")
        assert os.path.exists(os.path.join(rig.dir, "d", "wifi.conf"))


def test_who_may_not_serve_sees_nothing():
    with Rig(RULES) as rig:
        stranger, root = rig.app(NOBODY), rig.app(ROOT)
        for app in (stranger, root):
            assert answer_to(app, "local.query_did")["params"] == 1001
        with Listener(rig.cloud.port, "miio/1001/command_ack") as fleet:
            fleet.publish("miio/1001/command", {"id": 1, "method": "set_power", "params": ["on"]})
            seen = root.recv()
            # a stranger who guesses the id is not heard
            stranger.send({"id": seen["id"], "result": ["stolen"]})
            answer_to(stranger, "local.query_did")
            root.send({"id": seen["id"], "result": ["ok"]})
            assert json.loads(fleet.next()[1]) == {"id": 1, "result": ["ok"]}
            fleet.publish("miio/1001/command", {"id": 2, "method": "open.door", "params": []})
            assert (stranger.recv()["method"], root.recv()["method"]) == ("open.door", "open.door")
            rig.cloud.kill()  # local.status is broadcast to those who may serve it
            assert root.recv()["method"] == "local.status"
            answer_to(stranger, "local.query_did")
            assert stranger.nothing_within(0)


def test_the_agents_user_is_trusted():
    with Rig(RULES, "--agent-user", str(NOBODY)) as rig:
        agent = rig.app(NOBODY)
        assert not any(is_refused(answer_to(agent, m)) for m in CLOSED if m not in NOT_FROM_HERE | {"miIO.restore"})
        with Listener(rig.cloud.port, "miio/1001/command_ack") as fleet:
            fleet.publish("miio/1001/command", {"id": 1, "method": "set_power", "params": []})
            agent.send({"id": agent.recv()["id"], "result": ["ok"]})
            assert json.loads(fleet.next()[1]) == {"id": 1, "result": ["ok"]}


def test_the_channels_see_what_is_not_closed():
    """Rules or not: who switches the MQTT API on wants commands there."""
    with Rig(RULES, "--command-timeout", "200") as rig:
        with Listener(rig.cloud.port, "miio/1001/command_ack") as fleet, \
                Listener(rig.local.port, "miio/command") as channel:
            fleet.publish("miio/1001/command", {"id": 1, "method": "miIO.ota", "params": []})
            assert json.loads(fleet.next()[1])["error"]["code"] == -9999
            fleet.publish("miio/1001/command", {"id": 2, "method": "set_power", "params": []})
            while True:
                text = json.loads(channel.next()[1])
                assert text["method"] != "miIO.ota"
                if text["method"] == "set_power":
                    break


def test_reload_and_mistakes():
    with Rig(RULES) as rig:
        stranger = rig.app(NOBODY)
        assert is_refused(answer_to(stranger, "miIO.config_loglevel"))
        for bad, said in (("nonsense\n", "configuration kept"), ("", "kept as they were")):
            mark = len(rig.client.err)
            with open(rig.rules, "w") as f:
                f.write(bad)
            rig.client.signal(signal.SIGHUP)
            wait_for(lambda: any(said in line for line in rig.client.err[mark:]), said)
            assert is_refused(answer_to(stranger, "miIO.config_loglevel"))
        with open(rig.rules, "w") as f:
            f.write("call miIO.config_loglevel = *\n")
        mark = len(rig.client.err)
        rig.client.signal(signal.SIGHUP)
        wait_for(lambda: any("read again" in line for line in rig.client.err[mark:]), "the reload")
        assert answer_to(stranger, "miIO.config_loglevel")["result"] == ["ERROR"]
        assert is_refused(answer_to(stranger, "miIO.config"))
        rig.client.wait_err("miIO.config of uid %d is not permitted" % NOBODY)


def test_without_rules_it_is_said(tmp_path):
    with Client(write_identity(tmp_path / "d")) as c:
        c.wait_err("no access rules: every local user may do everything")
    for args, what in ((["--access", "/no/such"], "/no/such"), (["--agent-user", "nobody-at-all"], "no such user")):
        code, _, err = run("miio_client", "-d", str(tmp_path / "d"), "--cloud", "none", "--check-config", *args)
        assert code in (2, 78) and what in err


@pytest.mark.parametrize("uid", [NOBODY, ROOT])
def test_idle_sockets_keep_nobody_out(uid):
    """As many sockets as there are places, and more, that never say a word."""
    with Rig(None) as rig:
        idle = [rig.app(uid) for _ in range(70)]
        for late in (ROOT, DAEMON):
            app = rig.app(late)
            assert answer_to(app, "local.query_did")["params"] == 1001
            with Listener(rig.cloud.port, "miio/1001/command_ack") as fleet:
                fleet.publish("miio/1001/command", {"id": 1, "method": "set_power", "params": ["on"]})
                app.send({"id": app.recv()["id"], "result": ["ok"]})
                assert json.loads(fleet.next()[1]) == {"id": 1, "result": ["ok"]}
            app.close()
        for s in idle:
            s.close()


@pytest.mark.parametrize("first", ["question", "hello"])
@pytest.mark.parametrize("helper", ["builtin", "external"])
def test_an_application_behind_the_agent_is_no_helper(tmp_path, helper, first):
    """One _internal.hello through the agent must not cut the others off from phones and cloud; not as the very first text either."""
    external = ("--helper", "external") if helper == "external" else ()
    with Client(write_identity(tmp_path / "d"), *external) as c:
        if external:
            Helper(c).boot(provisioned=True, token=TOKEN)
        with Daemon("miio_agent", "--listen", "127.0.0.1:0", "--unix", "none", "--upstream",
                    "127.0.0.1:%d" % c.port("local")) as agent:
            app, rogue = JsonSocket(agent.port("listen")), JsonSocket(agent.port("listen"))
            app.send({"id": 1, "method": "register", "key": "set_power"})
            assert app.recv()["result"] == ["ok"]
            if first == "hello":
                wait_for(lambda: any("connected to upstream" in line for line in agent.err), "the agent's connection")
            else:
                assert wait_for(lambda: answer_to(rogue, "local.query_did").get("params"), "the agent's connection")
            for method in ("_internal.hello", "_internal.response_dtoken", "_internal.wifi_ap_mode"):
                rogue.send({"method": method, "params": "XXXXXXXXXXXXXXXX"})
            answer_to(rogue, "local.query_did" if first == "question" else "_internal.sync")
            with_phone = Daemon("miio_sim", "phone", "--address", c.ip + ":54321", "--token", TOKEN, "call", "set_power",
                                '["on"]', ready=False)
            command = app.recv()
            assert command["method"] == "set_power"
            app.send({"id": command["id"], "result": ["ok"]})
            with_phone.wait_out('"result"')
            with_phone.wait()


@pytest.mark.parametrize("rules", [None, RULES], ids=["rules off", "rules on"])
def test_a_helper_that_has_left_before_it_is_looked_at(tmp_path, rules):
    """The vendor's miio_send_line closes at once, so the kernel cannot say whose it was. Without rules it is heard as it always was."""
    extra = ()
    if rules:
        (tmp_path / "access.conf").write_text(rules)
        extra = ("--access", tmp_path / "access.conf")
    told = {"method": "_internal.response_dinfo", "params": {"did": 12345678, "key": "K" * 16, "vendor": "acme", "mac": "34:17:eb:9b:a7:47",
                                                             "model": "acme.cam.v2"}}
    with Client(write_identity(tmp_path / "d", token=None, wifi=False), "--helper", "external", *extra) as c:
        assert Helper(c).recv_line().startswith('{"method":"_internal.request_dinfo"')
        c.signal(signal.SIGSTOP)
        with socket.create_connection(("127.0.0.1", c.port("local"))) as s:
            s.sendall(json.dumps(told).encode())
        c.signal(signal.SIGCONT)
        if rules:
            c.wait_err("_internal.response_dinfo of somebody unknown is not permitted")
        else:
            wait_for(lambda: answer_to(c.app(), "local.query_did")["params"] == 12345678, "the helper's word")


def test_the_external_helper_is_root_or_the_own_user(tmp_path):
    with Client(write_identity(tmp_path / "d"), "--helper", "external") as c:
        stranger = app_of(NOBODY, c.port("local"))
        for method in ("_internal.hello", "_internal.response_dinfo", "_internal.response_dtoken", "_internal.info",
                       "_internal.wifi_connected", "local.status"):
            assert is_refused(answer_to(stranger, method)), method
        Helper(c).boot(provisioned=True, token=TOKEN)
        assert is_refused(answer_to(stranger, "_internal.wifi_ap_mode"))
        assert answer_to(stranger, "local.query_status")["params"] != "ap_mode"
        # who has spoken as an application is none either, root or not
        root = c.app()
        answer_to(root, "local.query_did")
        assert is_refused(answer_to(root, "_internal.wifi_ap_mode"))
