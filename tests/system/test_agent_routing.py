# SPDX-License-Identifier: MIT
"""What the agent promises to applications and upstream, on the real program."""
import json
import os
import signal
import socket
import subprocess
import sys
import time

import msgpack
import pytest

sys.path.insert(0, os.path.dirname(__file__))
from agent_rig import ENV, Agent, Texts  # noqa: E402
from support import BIN, DEADLINE, Daemon, wait_for  # noqa: E402

NOT_CONNECTED = {"code": -32002, "message": "not connected"}


def run(*args):
    return subprocess.run([os.path.join(BIN, "miio_agent"), *args], capture_output=True, text=True, timeout=DEADLINE)


def test_version_and_help():
    assert run("-v").stdout.startswith("miio_agent ")
    assert run("-v").returncode == 0
    r = run("--help")
    assert r.returncode == 0 and "--command-timeout" in r.stdout and "--max-queue" in r.stdout


@pytest.mark.parametrize("args, word", [
    (["--nonsense"], "unknown option"), (["-l", "7"], "0 to 4"), (["--listen", "localhost"], "--listen"),
    (["--upstream", "none"], "ADDR:PORT"), (["--max-text", "12x"], "number"), (["extra"], "unexpected"),
    (["--max-text"], "value"), (["--listen", "none", "--unix", "none"], "nothing to listen")])
def test_bad_command_line(args, word):
    r = run(*args)
    assert r.returncode == 2
    assert word in r.stderr and r.stderr.count("\n") == 1


@pytest.mark.parametrize("text, line, word", [
    ("[agent]\nlisten = nowhere\n", 2, "listen"), ("[agent]\nfoo = 1\n", 2, "foo"), ("[limits]\ntext = -1\n", 2, "number"),
    ("[agent]\ncommand_timeout = 0\n", 2, "number"), ("[access]\nregister x = nosuchuser\n", 2, "no user"),
    ("[access]\nfrobnicate x = root\n", 2, "VERB"), ("[other]\na = b\n", 2, "section"), ("[agent]\nnonsense\n", 2, "")])
def test_bad_config(tmp_path, text, line, word):
    f = tmp_path / "agent.conf"
    f.write_text(text)
    for extra in ([], ["--check-config"]):
        r = run("--config", str(f), *extra)
        assert r.returncode == 78
        assert "%s:%d" % (f, line) in r.stderr and word in r.stderr and r.stderr.count("\n") == 1


def test_check_config(tmp_path):
    f = tmp_path / "agent.conf"
    f.write_text("# a comment\n[agent]\ncommand_timeout = 100\n[limits]\nkeys_per_peer = 5\n[access]\nany lamp.* = @0 1000\n")
    r = run("--config", str(f), "--check-config")
    assert r.returncode == 0, r.stderr
    assert run("--config", str(tmp_path / "none")).returncode == 78


@pytest.mark.parametrize("args", [["--max-text", "2000000", "--max-queue", "4000000"], ["--max-depth", "200"]], ids=lambda a: a[0])
def test_limits_that_upstream_does_not_share_are_told(args):
    with Agent(*args) as a:
        a.wait_err(r"WARNING.*miio_client takes texts of 1048576 bytes")
    with Agent() as a:
        a.wait_err("connected to upstream")  # said after it
        assert not [line for line in a.err if "miio_client takes" in line]


def test_command_reaches_the_subscriber_only():
    with Agent() as a:
        lamp, other, by_unix = a.app("set_power", "get_prop"), a.app("other"), a.unix_app("third")
        text = '{ "id":1,"method":"set_power","params":["on", 1.0, 12345678901234567890],"x":"\\/\\u00e9" }'
        a.up.send(text)
        assert lamp.raw() == text.encode()
        assert other.silent() and by_unix.silent()
        lamp.send('{"result":["ok"],"id":1}')
        assert a.up.raw() == b'{"result":["ok"],"id":1}'
        a.up.send('{"id":2,"method":"third"}\n\r\0 {"id":3,"method":"nobody"}')
        assert by_unix.get() == {"id": 2, "method": "third"}
        assert a.up.get() == {"id": 3, "error": {"code": -32601, "message": "Method not found."}}


def test_two_applications_use_the_same_ids():
    with Agent() as a:
        x, y = a.app(), a.app()
        x.send('{"id":0,"method":"q","params":"x"}')
        first = a.up.get()
        y.send('{"id":0,"method":"q","params":"y"}')
        second = a.up.get()
        assert first["id"] != second["id"] and 0 < first["id"] < 1 << 31
        a.up.send({"id": second["id"], "result": "y"})
        a.up.send({"id": first["id"], "result": "x"})
        assert x.get() == {"id": 0, "result": "x"} and y.get() == {"id": 0, "result": "y"}


def test_silent_and_dying_subscribers():
    with Agent("--command-timeout", "500") as a:
        app = a.app("m")
        a.up.send('{"id":1,"method":"m"}')
        assert app.get()["id"] == 1
        start = time.monotonic()
        assert a.up.get() == {"id": 1, "error": {"code": -9999, "message": "user ack timeout"}}
        assert time.monotonic() - start > 0.3
        app.send('{"id":1,"result":"late"}')
        a.up.send('{"id":2,"method":"m"}')
        assert app.get()["id"] == 2
        app.close()
        assert a.up.get() == {"id": 2, "error": {"code": -9999, "message": "user ack timeout", "data": "subscriber gone"}}
        s = a.stats()
        assert s["command_timeouts"] == 1 and s["unasked_replies"] == 1 and s["subscriber_gone"] == 1


def test_upstream_silent():
    with Agent("--request-timeout", "200") as a:
        app = a.app()
        assert app.ask("q")["error"] == {"code": -30011, "message": "OT server noack"}


def test_offline():
    with Agent("-O", connect=False) as a:
        assert a.app().ask("local.query_time")["error"] == NOT_CONNECTED
        a.listener.settimeout(0.3)
        with pytest.raises(socket.timeout):
            a.listener.accept()


def test_last_words_of_an_application_that_closes():
    with Agent() as a:
        app = a.app()
        app.send('{"method":"props","params":{"last":1}}')
        app.close()
        assert a.up.get() == {"method": "props", "params": {"last": 1}}


def test_last_words_of_one_that_left_its_mail_unread():
    with Agent() as a:
        app = a.unix_app("m")
        a.up.send('{"method":"m"}' * 10)
        app.send('{"id":1,"method":"agent.info"}')
        app.get()
        app.send('{"method":"props","params":{"last":1}}' * 100)
        app.close()
        for _ in range(100):
            assert a.up.get() == {"method": "props", "params": {"last": 1}}
        wait_for(lambda: a.info()["peers"] == 1, "it to be gone")


@pytest.mark.parametrize("kind", ["app", "unix_app"])
def test_last_words_that_take_several_reads_while_a_command_is_due(kind):
    last = {"method": "props", "params": {"last": 1}}
    with Agent() as a:
        app = getattr(a, kind)("m")
        a.signal(signal.SIGSTOP)
        app.send(json.dumps(last) * 3000)
        app.close()
        a.up.send('{"method":"m"}')
        a.signal(signal.SIGCONT)
        for _ in range(3000):
            assert a.up.get() == last
        wait_for(lambda: a.info()["peers"] == 1, "it to be gone")


def test_one_that_reads_no_more_is_let_go():
    with Agent() as a:
        app = a.unix_app("m")
        app.sock.shutdown(socket.SHUT_RD)
        a.up.send('{"id":1,"method":"m"}')
        wait_for(lambda: a.info()["peers"] == 1, "it to be let go")
        assert a.up.get()["error"]["code"] == -9999
        app.close()


def test_half_closed_asker_gets_its_answer():
    with Agent() as a:
        app = a.app()
        app.send('{"id":5,"method":"q"}')
        app.sock.shutdown(socket.SHUT_WR)
        a.up.send({"id": a.up.get()["id"], "result": 1})
        assert app.get() == {"id": 5, "result": 1}
        assert app.closed()


def test_seqpacket_and_addresses():
    with Agent(seqpacket=True) as a:
        x = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        x.connect(a.packet)
        x.settimeout(DEADLINE)
        x.send(b'{"id":1,"method":"bind","address":4}\n')
        assert x.recv(4096) == b'{"id":1,"result":["ok"]}'
        x.send(b'{"id":2,"method":"register","key":"m"}')
        assert x.recv(4096) == b'{"id":2,"result":["ok"]}'
        y = a.app()
        assert y.ask("bind", id=3) == {"id": 3, "error": {"code": -32602, "message": "address must be an unsigned 32-bit integer"}}
        y.send('{"method":"bind","address":2}{"id":9,"_to":4,"method":"hello"}{"_to":6}')
        assert x.recv(4096) == b'{"id":9,"_from":2,"method":"hello"}'
        assert x.recv(4096) == b'{"_from":2}'
        x.send(b'{"id":9,"_to":2,"result":["ok"]}')
        assert y.get() == {"id": 9, "_from": 4, "result": ["ok"]}
        a.up.send('{"method":"m"}{"method":"m","params":[2]}')
        assert x.recv(4096) == b'{"method":"m"}'
        assert x.recv(4096) == b'{"method":"m","params":[2]}'
        big = b'{"method":"props","params":"' + b"x" * 60000 + b'"}'
        x.send(big)
        assert a.up.raw() == big
        x.send(b'{"half":')
        assert json.loads(x.recv(4096))["error"]["code"] == -32700
        assert x.recv(4096) == b""


def test_msgpack_peers():
    with Agent() as a:
        s = a.app().sock
        unpacker = msgpack.Unpacker(raw=False)

        def get():
            for m in unpacker:
                return m
            while True:
                unpacker.feed(s.recv(65536))
                for m in unpacker:
                    return m

        s2 = socket.create_connection(s.getpeername())
        s2.settimeout(DEADLINE)
        s = s2
        s.sendall(msgpack.packb([0, 1, "register", {"key": "m"}]))
        assert get() == [1, 1, None, ["ok"]]
        a.up.send('{"id":7,"method":"m","params":{"a":[1,-2,1.5,null,true,"\\u00e9"]}}')
        assert get() == [0, 7, "m", {"a": [1, -2, 1.5, None, True, "é"]}]
        s.sendall(msgpack.packb([1, 7, {"code": -5001, "message": "no"}, None]))
        assert a.up.get() == {"id": 7, "error": {"code": -5001, "message": "no"}}
        s.sendall(msgpack.packb([0, 2, "q", [1]]))
        m = a.up.get()
        assert m["method"] == "q" and m["params"] == [1]
        a.up.send({"id": m["id"], "result": {"x": 1}})
        assert get() == [1, 2, None, {"x": 1}]
        s.sendall(msgpack.packb([2, "props", {"p": 1}]))
        assert a.up.get() == {"method": "props", "params": {"p": 1}}
        s.sendall(b"\xc1")
        while s.recv(4096):
            pass


def test_introspection_and_monitor():
    with Agent() as a:
        app, boss = a.app("m"), a.unix_app()
        peers = boss.ask("agent.peers")["result"]
        assert [p["keys"] for p in peers] == [["m"], []] and {p["uid"] for p in peers} == {os.getuid()}
        assert peers[1]["pid"] == os.getpid()
        assert boss.ask("agent.monitor", {"keys": ["m"]})["result"] == ["ok"]
        boss.send('{"id":8,"method":"agent.call","params":{"method":"m","params":[1]}}')
        m = app.get()
        assert m["method"] == "m" and m["params"] == [1]
        app.send({"id": m["id"], "result": "fine"})
        texts = [boss.get() for _ in range(3)]
        assert {"id": 8, "result": "fine"} in texts
        kinds = [t["params"]["kind"] for t in texts if t.get("method") == "agent.event"]
        assert kinds == ["command", "answer"]


def test_events_follow_the_clock(tmp_path):
    """The clock is set while somebody watches: each event has the time of now."""
    clock = tmp_path / "clock"
    clock.write_text("unset")
    env = {"LD_PRELOAD": os.path.abspath(os.path.join(BIN, "..", "tests", "other_clock.so")), "OTHER_CLOCK_S": str(clock),
           "ASAN_OPTIONS": "verify_asan_link_order=0"}
    with Agent(env=env) as a:
        boss = a.unix_app()
        assert boss.ask("agent.monitor", {"keys": ["m"]})["result"] == ["ok"]
        seen = []
        for word in ("unset", "0", "-86400"):
            clock.write_text(word)
            boss.send('{"method":"agent.call","params":{"method":"m"}}')
            seen.append(boss.get()["params"]["at"] / 1000)
        assert seen[0] < 1000 and abs(seen[1] - time.time()) < 60 and abs(seen[2] - time.time() + 86400) < 60


NOBODY = """
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1]))) if sys.argv[1].isdigit() else socket.socket(socket.AF_UNIX)
if not sys.argv[1].isdigit():
    s.connect(sys.argv[1])
s.settimeout(20)
for text in sys.argv[2:]:
    s.sendall(text.encode())
    print(s.recv(65536).decode(), flush=True)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become another user")
def test_access_rules_know_the_user(tmp_path):
    conf = tmp_path / "agent.conf"
    conf.write_text("[access]\nregister cam.* = nobody\nregister lamp.* = root\n")
    with Agent("--config", str(conf)) as a:
        os.chmod(a.dir.name, 0o755)
        os.chmod(a.unix, 0o666)
        for where in (str(a.port("listen")), a.unix):
            r = subprocess.run(["/usr/bin/python3", "-c", NOBODY, where] + [
                '{"id":1,"method":"register","key":"%s"}' % k for k in ("cam.x", "lamp.x", "miIO.ota", "free", "*")] + [
                '{"id":1,"method":"_internal.info"}', '{"id":1,"method":"agent.call","params":{"method":"free"}}'],
                capture_output=True, text=True, timeout=60, user="nobody", extra_groups=[])
            codes = [json.loads(x).get("error", {}).get("code", 0) for x in r.stdout.strip().split("\n")]
            assert codes == [0, -32001, -32001, 0, -32001, -32001, -32001], (where, r.stdout, r.stderr)
        # a reload takes a right away; a broken file changes nothing
        app = a.app("cam.y")
        conf.write_text("[access]\nnonsense\n")
        a.signal(signal.SIGHUP)
        a.wait_err("configuration kept as it was")
        a.up.send('{"id":3,"method":"cam.y"}')
        assert app.get()["id"] == 3
        conf.write_text("[agent]\ncommand_timeout = 77\n")
        a.signal(signal.SIGHUP)
        a.wait_err("configuration read again")
        assert a.info()["limits"]["command_timeout_ms"] == 77
        for switch, code in (("yes", -32001), ("no", 0)):
            conf.write_text("[access]\nenabled = %s\n" % switch)
            a.signal(signal.SIGHUP)
            wait_for(lambda: sum("read again" in e for e in a.err) == (2 if switch == "yes" else 3), "the reload")
            r = subprocess.run(["/usr/bin/python3", "-c", NOBODY, a.unix, '{"id":1,"method":"register","key":"miIO.ota"}'],
                               capture_output=True, text=True, timeout=60, user="nobody", extra_groups=[])
            assert json.loads(r.stdout).get("error", {}).get("code", 0) == code


def test_sigusr1_tells_the_state():
    with Agent() as a:
        a.app("m")
        a.signal(signal.SIGUSR1)
        a.wait_err(r"state: upstream connected, \d+ peers")
        a.wait_err(r"  connections [23]$")


def test_sigterm_answers_what_is_open():
    a = Agent()
    with a:
        app, asker = a.app("m"), a.app()
        a.up.send('{"id":1,"method":"m"}')
        assert app.get()["id"] == 1
        asker.send('{"id":5,"method":"q"}')
        a.up.get()
        a.signal(signal.SIGTERM)
        assert asker.get() == {"id": 5, "error": {"code": -32003, "message": "shutting down"}}
        assert a.up.get() == {"id": 1, "error": {"code": -32003, "message": "shutting down"}}
        assert asker.closed() and a.up.closed()
        assert a.wait() == 0
        assert not os.path.exists(a.unix)


def test_exclusive_owner_and_standby():
    with Agent() as a:
        owner, heir = a.app(), a.app()
        owner.register("m", mode="exclusive")
        heir.send('{"id":1,"method":"register","key":"m"}')
        assert heir.get()["error"]["code"] == -32004
        heir.register("m", mode="standby")
        owner.close()
        wait_for(lambda: a.info()["peers"] == 2, "the owner to be gone")
        a.up.send('{"id":2,"method":"m"}')
        assert heir.get()["id"] == 2


def test_the_socket_is_for_the_group_only(tmp_path):
    with Agent() as a:
        assert os.stat(a.unix).st_mode & 0o777 == 0o660
        # a second one does not take the path away
        r = run("--listen", "none", "--unix", a.unix)
        assert r.returncode == 1 and "in use" in r.stderr
        assert a.unix_app("m")
    stale = tmp_path / "stale.sock"
    s = socket.socket(socket.AF_UNIX)
    s.bind(str(stale))
    s.close()
    with Daemon("miio_agent", "--listen", "none", "--unix", str(stale), "-O", env=ENV) as d:
        assert d.ready["unix"] == str(stale) and d.ready["listen"] == "none"


def test_sockets_from_the_service_manager(tmp_path):
    tcp = socket.socket()
    tcp.bind(("127.0.0.1", 0))
    tcp.listen()
    script = 'import os,sys;os.dup2(int(sys.argv[1]),3);os.environ.update(LISTEN_FDS="1",LISTEN_PID=str(os.getpid()));' \
             'os.execv(sys.argv[2],sys.argv[2:])'
    os.set_inheritable(tcp.fileno(), True)
    p = subprocess.Popen(["/usr/bin/python3", "-c", script, str(tcp.fileno()), os.path.join(BIN, "miio_agent"), "-O",
                          "--unix", "none"], close_fds=False, stdout=subprocess.PIPE, text=True)
    try:
        assert "listen=127.0.0.1:%d" % tcp.getsockname()[1] in p.stdout.readline()
        t = Texts(socket.create_connection(tcp.getsockname())).register("m")
        t.close()
    finally:
        p.terminate()
        assert p.wait(DEADLINE) == 0


@pytest.mark.parametrize("kind", ["connected", "datagram", "unbound", "file"])
def test_a_wrong_descriptor_from_the_service_manager(kind, tmp_path):
    """It would be readable for ever and never give a connection."""
    a, b = socket.socketpair()
    a.send(b"x")
    given = {"connected": b, "datagram": socket.socket(socket.AF_INET, socket.SOCK_DGRAM), "unbound": socket.socket(),
             "file": open(tmp_path / "f", "w")}[kind]
    script = 'import os,sys;os.dup2(int(sys.argv[1]),3);os.environ.update(LISTEN_FDS="1",LISTEN_PID=str(os.getpid()));' \
             'os.execv(sys.argv[2],sys.argv[2:])'
    os.set_inheritable(given.fileno(), True)
    r = subprocess.run(["/usr/bin/python3", "-c", script, str(given.fileno()), os.path.join(BIN, "miio_agent"), "-O",
                        "--listen", "127.0.0.1:0", "--unix", "none"], close_fds=False, capture_output=True, text=True, timeout=60)
    assert r.returncode == 1 and "descriptor 3 of the service manager" in r.stderr and r.stderr.count("ERROR") == 1


def test_gone_peers_make_room():
    """1,100 that ask and leave, while upstream is silent: a new application is served at once."""
    with Agent("--max-connections", "64") as a:
        for i in range(1100):
            s = socket.create_connection(("127.0.0.1", a.port("listen")))
            s.sendall(b'{"id":1,"method":"q"}')
            s.close()
        app = a.app("m")
        a.up.sock.settimeout(30)
        stats = app.ask("agent.stats")["result"]
        assert stats["half_closed_dropped"] > 0 and stats["connections_refused"] == 0
        a.up.send('{"id":1,"method":"m"}')
        while app.get().get("method") != "m":
            pass
        living = [a.app() for _ in range(60)]
        one_more = Texts(socket.create_connection(("127.0.0.1", a.port("listen"))))
        assert one_more.ask("agent.info")["result"]
        for s in living:
            s.close()


def test_nobody_waits_for_a_flood():
    """64 peers with 96 KiB each on the way: one that connects now is answered long before all of it has been read."""
    text = b'{"id":7,"result":["ok"]}'
    flood = text * (96 * 1024 // len(text))
    with Agent() as a:
        peers = [a.app() for _ in range(64)]
        before = a.stats()["texts_from_apps"]
        a.signal(signal.SIGSTOP)
        for p in peers:
            p.send(flood)
        app = Texts(socket.create_connection(("127.0.0.1", a.port("listen"))))
        app.send({"id": 1, "method": "agent.stats", "params": []})
        a.signal(signal.SIGCONT)
        whole = len(peers) * len(flood) // len(text)
        assert app.get()["result"]["texts_from_apps"] - before < whole // 2
        wait_for(lambda: a.stats()["unasked_replies"] == whole, "all of it to be read")
        for p in (*peers, app):
            p.close()


def test_a_restarting_application_gets_what_came_meanwhile():
    with Agent() as a:
        a.app("m").close()
        wait_for(lambda: a.info()["keys"] == 0, "the application to be gone")
        a.up.send('{"id":5,"method":"m"}{"id":6,"method":"nobody"}')
        assert a.up.get() == {"id": 6, "error": {"code": -32601, "message": "Method not found."}}
        app = a.app()
        app.send('{"method":"register","key":"m"}')
        assert app.get() == {"id": 5, "method": "m"}
        app.send('{"id":5,"result":["ok"]}')
        assert a.up.get() == {"id": 5, "result": ["ok"]}
        app.close()
    with Agent("--command-grace", "0") as a:
        a.app("m").close()
        wait_for(lambda: a.info()["keys"] == 0, "the application to be gone")
        a.up.send('{"id":5,"method":"m"}')
        assert a.up.get()["error"]["code"] == -32601
        assert a.stats()["commands_waited"] == 0


def test_notify_socket(tmp_path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(str(tmp_path / "notify"))
    s.settimeout(DEADLINE)
    with Agent(env={"NOTIFY_SOCKET": str(tmp_path / "notify")}):
        assert b"READY=1" in s.recv(4096)
    assert b"STOPPING=1" in s.recv(4096)


def test_daemonize(tmp_path):
    log = tmp_path / "log"
    r = run("-D", "-O", "-L", str(log), "--listen", "127.0.0.1:0", "--unix", str(tmp_path / "s"))
    assert r.returncode == 0 and r.stdout.startswith("ready listen=127.0.0.1:")
    s = socket.socket(socket.AF_UNIX)
    s.connect(str(tmp_path / "s"))
    t = Texts(s)
    pid = t.ask("agent.info")["result"]["pid"]
    log.rename(tmp_path / "log.1")
    os.kill(pid, signal.SIGHUP)
    wait_for(lambda: log.exists() and "read again" in log.read_text(), "the new log")
    os.kill(pid, signal.SIGTERM)
    assert t.closed()


SELF = """
import subprocess, sys, time
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as f:
    f.write("54322 54323")
p = subprocess.Popen([sys.argv[1], "--listen", "none", "--unix", sys.argv[2], "-l", "4"], stderr=subprocess.PIPE, text=True)
end = time.monotonic() + 20
found = False
while not found and time.monotonic() < end:
    found = "reached itself" in p.stderr.readline()
p.terminate()
sys.exit(0 if p.wait(20) == 0 and found else 1)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="needs a network namespace")
def test_never_connects_to_itself(tmp_path):
    r = subprocess.run(["unshare", "-n", "/usr/bin/python3", "-c", SELF, os.path.join(BIN, "miio_agent"),
                        str(tmp_path / "s")], timeout=90, capture_output=True, text=True)
    assert r.returncode == 0, r.stderr
