# SPDX-License-Identifier: MIT
"""miio_web without a browser: what its API does, and what it refuses to whom."""
import io
import json
import os
import select
import shutil
import socket
import ssl
import stat
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request

import pytest

from web_rig import BIN, DEADLINE, PASSWORD, Daemon, Device, Stream, make_certificates, run, wait_for


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    with Device(tmp_path_factory.mktemp("open")) as d:
        yield d


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    with Device(tmp_path_factory.mktemp("locked"), password=PASSWORD) as d:
        yield d


def raw(device, data, deadline=DEADLINE):
    """What a server answers to these bytes, until it closes or falls silent behind an answer."""
    with socket.create_connection(device.host.split(":"), timeout=deadline) as s:
        s.sendall(data)
        out = b""
        try:
            while True:
                part = s.recv(65536)
                if not part:
                    return out
                out += part
                head, _, body = out.partition(b"\r\n\r\n")
                size = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
                if size and len(body) >= int(size[0].split(b":")[1]):
                    return out
        except ConnectionResetError:
            return out


# ---- what it does ----

def test_the_page_and_its_files(device):
    status, headers, page = device.get("/")
    assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"<script type=\"module\" src=\"app.js\"" in page
    total = len(page)
    for name, kind in (("style.css", "text/css"), ("icon.svg", "image/svg+xml"), *((n + ".js", "text/javascript") for n in
                       ("app", "base", "words", "device", "traffic", "setup"))):
        status, headers, body = device.get("/" + name)
        assert status == 200 and headers["Content-Type"].startswith(kind), name
        total += len(body)
        tag = headers["ETag"]
        status, headers, body = device.get("/" + name, headers=[("If-None-Match", tag)])
        assert (status, body) == (304, b"")
    print("page weight", total)
    assert total <= 60000
    assert device.request("HEAD", "/")[0] == 200


def test_every_answer_has_the_headers(device):
    for path in ("/", "/app.js", "/api/state", "/api/nothing", "/nothing"):
        headers = device.get(path)[1]
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "script-src 'self';" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer" and headers["Access-Control-Allow-Origin"] is None
    assert device.get("/api/state")[1]["Cache-Control"] == "no-store"


def test_a_command_and_its_answer(device):
    assert device.post("/api/call", {"method": "set_bright", "params": [42]})[2] == {"result": ["ok"]}
    assert device.post("/api/call", {"method": "get_prop", "params": ["bright"]})[2] == {"result": [42]}
    assert device.post("/api/call", {"method": "no_such"})[2]["error"]["code"] == -32601
    assert device.post("/api/call", {"method": "local.query_status", "to": "client"})[2]["result"]
    status, _, body = device.post("/api/call", {"method": "a", "params": 7})
    assert status == 400 and "params" in body["error"]


def test_an_application_that_does_not_answer(device):
    app = device.application("mute")
    assert device.post("/api/call", {"method": "mute", "timeout_ms": 200})[2]["error"]["code"] == -9999
    app.close()


def test_values_and_curve_follow_reports(device):
    stream = Stream(device)
    stream.wait("state")
    app = device.application()
    for value in (20.5, 30, 25):
        app.send({"method": "props", "params": {"temperature": value, "mood": "good"}})
    assert stream.wait("values", lambda v: v.get("temperature") == 25)
    state = device.state()
    assert state["values"]["temperature"] == 25 and state["values"]["mood"] == "good" and "temperature" in state["curves"]
    curve = device.get("/api/history?name=temperature")[2]
    assert curve["step_s"] == 20 and curve["points"][0][2:] == [20.5, 30] and curve["points"][-1][1] == 25
    assert device.get("/api/history?name=mood")[0] == 404
    assert device.get("/api/history?name=%00")[0] == 404
    stream.close()
    app.close()


def test_traffic_is_seen_filtered_and_sampled(device):
    app = device.application("noise", "signal")
    every, some = Stream(device, "?traffic=1"), Stream(device, "?traffic=1&filter=signal")
    every.wait("state")
    some.wait("state")
    wait_for(lambda: device.post("/api/call", {"method": "agent.info", "to": "client"})[0] == 200, "an answer")
    # until a command is seen the agent has not begun to show everything
    for _ in range(100):
        device.post("/api/call", {"method": "get_prop", "params": ["power"]})
        if select.select([every.r.fp], [], [], 0.3)[0] and every.next()[0] == "traffic":
            break
    for i in range(3000):
        app.send({"method": "props", "params": {"noise": i}})
    app.send({"method": "event.signal", "params": [1]})
    got = some.wait("traffic")
    assert [json.loads(e["text"])["method"] for e in got["events"]] == ["event.signal"] and got["left_out"] == 0
    shown = out = 0
    while shown + out < 3000:
        data = every.wait("traffic")
        assert len(data["events"]) <= 25
        shown += len(data["events"])
        out += data["left_out"]
    assert out > 1000
    every.close()
    some.close()
    app.close()


def test_keys_do_not_pass_the_traffic(device):
    stream = Stream(device, "?traffic=1")
    stream.wait("state")
    stream.wait("peers")
    app = device.application("probe")
    app.send({"method": "local.ble.config_router", "params": {"ssid": "", "passwd": "geheimgeheim"}})
    app.send({"method": "event.after", "params": []})
    while True:
        data = stream.wait("traffic")
        assert "geheimgeheim" not in json.dumps(data)
        if "event.after" in json.dumps(data):
            break
    stream.close()
    app.close()


def test_logs_and_archive(device):
    for of in ("client", "agent"):
        result = device.get("/api/log?of=%s&from=0" % of)[2]["result"]
        assert result["lines"] and result["next"] >= len(result["lines"])
    status, headers, body = device.get("/api/bundle")
    assert status == 200 and "miio-bundle.tar" in headers["Content-Disposition"]
    names = tarfile.open(fileobj=io.BytesIO(body)).getnames()
    assert {"client-status.json", "list.json", "device.conf", "agent.log"} <= set(names)
    assert b"Qw3rTy7UiOp9AsDf" not in body and b"secret12" not in body


def test_who_is_connected(device):
    state = wait_for(lambda: (lambda s: s if s["apps"] else (Stream(device).wait("peers") and None))(device.state()), "the list of applications")
    names = set(state["apps"]["names"].values())
    assert "example_lamp" in names and "miio_web" in names


def test_the_agent_goes_and_comes_back(tmp_path):
    with Device(tmp_path) as d:
        stream = Stream(d)
        stream.wait("state")
        d.agent.stop()
        stream.wait("agent", lambda up: up is False)
        status, _, body = d.post("/api/call", {"method": "get_prop", "params": ["power"]})
        assert status == 200 and body["error"]["code"] == -32002
        assert d.get("/")[0] == 200
        d.agent = d.add(*d.agent_args)
        stream.wait("agent", lambda up: up is True)
        stream.wait("status", lambda s: s is not None)
        wait_for(lambda: "result" in d.post("/api/call", {"method": "get_prop", "params": ["power"]})[2], "the lamp")
        app = d.application()
        wait_for(lambda: d.state()["monitor"], "the monitor")
        app.send({"method": "props", "params": {"again": 1}})
        stream.wait("values", lambda v: v.get("again") == 1)
        stream.close()
        app.close()


def test_it_leaves_while_something_is_under_way(tmp_path):
    """An open page, a command without an answer, a program that runs: all end, and nothing is leaked."""
    hook = tmp_path / "slow.sh"
    hook.write_text("#!/bin/sh\nexec sleep 30\n")
    hook.chmod(0o755)
    with Device(tmp_path, web=["--networks", hook]) as d:
        app = d.application("mute")
        stream = Stream(d)
        waiting = []
        for data in (b"GET /api/networks HTTP/1.1\r\nHost: localhost\r\n\r\n",
                     b"POST /api/call HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"method\":\"mute\"}"):
            s = socket.create_connection(d.host.split(":"))
            s.sendall(data)
            waiting.append(s)
        assert app.recv()["method"] == "mute"
        d.web.stop()
        for s in waiting:
            s.close()
        stream.close()
        app.close()


def test_set_up_by_the_api(tmp_path):
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("wifi_start.sh", "miio_client_helper.sh"):
        (hooks / name).write_text("#!/bin/sh\nexit 0\n")
        (hooks / name).chmod(0o755)
    nets = tmp_path / "nets.sh"
    nets.write_text("#!/bin/sh\nprintf -- '-40\\twpa2\\tmynet\\n-50\\topen\\tcafe\\n'\n")
    nets.chmod(0o755)
    with Device(tmp_path, wifi=False, hooks=str(hooks), web=["--networks", nets], client=["--cloud", "ot", "--host", "127.0.0.1", "--port", "9"]) as d:
        stream = Stream(d)
        stream.wait("status", lambda s: s and s["state"] == "ap_mode")
        assert [n["ssid"] for n in d.get("/api/networks")[2]] == ["mynet", "cafe"]
        form = {"ssid": "mynet", "passwd": "short", "uid": 0}
        answer = d.post("/api/setup", form)[2]
        assert answer["ok"] is False and {c["name"] for c in answer["checks"] if c["state"] == "bad"} == {"passwd"}
        form["passwd"] = "goodpass"
        assert d.post("/api/setup", {**form, "check": True})[2]["ok"] is True
        assert not os.path.exists(os.path.join(d.data, "wifi.conf"))
        assert d.post("/api/setup", form)[2] == {"result": ["ok"]}
        stream.wait("status", lambda s: s and s["setup"]["joined"] == 1)
        assert 'ssid="mynet"' in open(os.path.join(d.data, "wifi.conf")).read()
        stream.close()
        assert "goodpass" not in "\n".join(d.web.err)


# ---- what it refuses ----

def test_no_password_beyond_loopback(tmp_path):
    for address in ("0.0.0.0:0", "[::]:0"):
        code, _, err = run("miio_web", "--listen", address, "--password-file", tmp_path / "absent")
        assert code == 78 and "absent" in err
        code, _, err = run("miio_web", "--listen", address, "--password-file", "none")
        assert code == 78 and "a password is needed" in err


def test_with_a_password_beyond_loopback(tmp_path):
    with Device(tmp_path, password=PASSWORD, web=["--listen", "0.0.0.0:0"]) as d:
        d.host = "127.0.0.1:" + d.host.split(":")[1]
        assert d.get("/api/state")[0] == 401
        cookie = d.login()
        assert d.get("/api/state", cookie=cookie)[0] == 200
        d.web.wait_err("without TLS")


def test_nothing_without_login(locked):
    assert locked.get("/api/session")[2] == {"in": False, "password": True}
    for path in ("state", "events", "model", "history?name=a", "log", "bundle", "networks"):
        status, _, body = locked.get("/api/" + path)
        assert (status, body) == (401, {"error": "log in first"}), path
    for path in ("call", "setup", "logout"):
        assert locked.post("/api/" + path, {})[0] == 401
    for cookie in ("miio_session=", "miio_session=" + "0" * 64, "miio_session=../../etc", "x=1"):
        assert locked.get("/api/state", cookie=cookie)[0] == 401


def test_login_and_logout(locked):
    status, headers, _ = locked.post("/api/login", {"password": PASSWORD})
    cookie = headers["Set-Cookie"]
    assert status == 200 and "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie and "Max-Age=" in cookie
    one, two = cookie.split(";")[0], locked.login()
    assert one != two and locked.get("/api/state", cookie=one)[0] == 200
    stream = Stream(locked, cookie=one)
    stream.wait("state")
    assert locked.post("/api/logout", {}, cookie=one)[0] == 200
    assert locked.get("/api/state", cookie=one)[0] == 401
    assert locked.get("/api/state", cookie=two)[0] == 200
    while stream.next():  # its open page ends too
        pass


def test_the_file_of_the_password(locked):
    path = os.path.join(locked.path, "web.password")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    text = open(path).read()
    assert text.startswith("scrypt:") and PASSWORD not in text
    done = subprocess.run([os.path.join(BIN, "miio_web"), "--set-password", "--password-file", path], input="short\n", text=True, capture_output=True)
    assert done.returncode == 1 and "8 to 256" in done.stderr and open(path).read() == text


@pytest.mark.skipif(os.geteuid() != 0, reason="root gives it away")
def test_the_file_of_the_password_is_its_readers():
    """Set by root in the folder of the user that miio_web runs under."""
    folder = tempfile.mkdtemp()
    os.chown(folder, 4711, 4712)
    try:
        path = os.path.join(folder, "web.password")
        done = subprocess.run([os.path.join(BIN, "miio_web"), "--set-password", "--password-file", path], input=PASSWORD + "\n", text=True, capture_output=True,
                              env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})  # whoever was root cannot be looked into
        assert (done.returncode, done.stderr) == (0, "")
        st = os.stat(path)
        assert (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) == (4711, 4712, 0o600)
    finally:
        shutil.rmtree(folder)


def test_wrong_password_100_times(tmp_path):
    with Device(tmp_path, password=PASSWORD, lamp=False) as d:
        got = [d.post("/api/login", {"password": "wrong %d" % i})[0] for i in range(100)]
        assert got[:5] == [403] * 5 and got[5:] == [429] * 95
        status, headers, _ = d.post("/api/login", {"password": PASSWORD})
        assert status == 429 and 1 <= int(headers["Retry-After"]) <= 60
        assert d.get("/api/session")[0] == 200
        assert "wrong 1" not in "\n".join(d.web.err) and PASSWORD not in "\n".join(d.web.err)


ORIGINS = [[("Origin", "http://evil.example")], [("Origin", "null")], [("Origin", "http://127.0.0.1:1")], [("Sec-Fetch-Site", "cross-site")],
           [("Sec-Fetch-Site", "same-site")], [("Origin", "file://")]]


@pytest.mark.parametrize("headers", ORIGINS, ids=str)
def test_another_origin(device, headers):
    before = device.post("/api/call", {"method": "get_prop", "params": ["bright"]})[2]["result"]
    assert device.post("/api/call", {"method": "set_bright", "params": [99]}, headers=headers)[0] == 403
    assert device.get("/api/state", headers=headers)[0] == 403
    assert device.get("/api/events", headers=headers)[0] == 403
    assert device.post("/api/call", {"method": "get_prop", "params": ["bright"]})[2]["result"] == before


def test_a_form_of_another_page(device):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert device.post("/api/call", b'{"method":"toggle"}', headers=[("Content-Type", kind)])[0] == 415


def test_dns_rebinding(device):
    port = device.host.split(":")[1]
    for host in ("evil.example", "evil.example:" + port, "127.0.0.1.evil.example", "localhost.evil.example", "a:b:c", "lamp@evil.example"):
        for path in ("/", "/api/state", "/api/session"):
            assert device.get(path, host=host)[0] == 421, host
        assert device.post("/api/call", {"method": "toggle"}, host=host, headers=[("Origin", "http://" + host)])[0] == 421
    for host in ("localhost:" + port, "127.0.0.1", "[::1]:" + port, socket.gethostname()):
        assert device.get("/api/session", host=host)[0] == 200, host
    assert b" 421 " in raw(device, b"GET /api/state HTTP/1.1\r\n\r\n").split(b"\r\n")[0]
    assert b" 421 " in raw(device, b"GET /api/state HTTP/1.0\r\n\r\n").split(b"\r\n")[0]


@pytest.mark.parametrize("path", ["/../../../../etc/passwd", "/..%2f..%2fetc/passwd", "//etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/style.css/../../etc/passwd",
                                  "/.%00/etc/passwd", "/app.js%00.html", "/index.html", "/etc/passwd", "/api/../etc/passwd", "/" + "a/" * 400])
def test_path_traversal(device, path):
    answer = raw(device, b"GET " + path.encode() + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.split(b" ")[1] in (b"404", b"414", b"400") and b"root:" not in answer


def test_sizes(device):
    assert device.get("/" + "a" * 2000)[0] == 414
    big = raw(device, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100000 + b"\r\n\r\n")
    assert not big or big.split(b" ")[1] in (b"431", b"413", b"400")
    many = raw(device, b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X%d: y\r\n" % i for i in range(5000)) + b"\r\n")
    assert not many or many.split(b" ")[1] in (b"431", b"413", b"400")
    head = b"POST /api/call HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    assert raw(device, head + b"Content-Length: 1000000\r\n\r\n").split(b" ")[1] == b"413"
    assert raw(device, head + b"Content-Length: 99999999999999999999\r\n\r\n").split(b" ")[1] in (b"413", b"400")
    chunk = b"1000\r\n" + b"a" * 4096 + b"\r\n"
    assert raw(device, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 20 + b"0\r\n\r\n").split(b" ")[1] == b"413"
    ok = raw(device, head + b"Transfer-Encoding: chunked\r\n\r\n" + b"11\r\n{\"method\":\"nada\"}\r\n0\r\n\r\n")
    assert ok.split(b" ")[1] == b"200" and b"-32601" in ok
    assert device.get("/api/session")[0] == 200


def test_garbage_is_no_request(device):
    for data in (b"\x16\x03\x01\x02\x00", b"GARBAGE\r\n\r\n", b"\0" * 5000, b"GET / HTTP/9.9\r\n\r\n", b"{\"id\":1,\"method\":\"toggle\"}\n"):
        with socket.create_connection(device.host.split(":")) as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            while s.recv(4096):
                pass
    assert device.get("/api/session")[0] == 200


def test_500_connections_and_slow_ones(tmp_path):
    """Half of them say nothing, half send a byte now and then. Others are served all the time, memory stays, and all are closed in the end."""
    with Device(tmp_path) as d:
        stream = Stream(d)
        stream.wait("state")
        d.get("/")
        before = d.web.rss_kb()
        sockets = []
        for i in range(500):
            s = socket.create_connection(d.host.split(":"), timeout=DEADLINE)
            if i % 2:
                s.sendall(b"GET / HTTP/1.1\r\nHost: loc")
            sockets.append(s)
            if i % 50 == 0:
                assert d.get("/api/session")[0] == 200
        assert d.get("/")[0] == 200
        grown = d.web.rss_kb() - before
        print("grown by", grown, "KiB")
        assert grown < 8192
        open_ones = sockets
        end = time.monotonic() + 2 * DEADLINE
        while open_ones and time.monotonic() < end:
            for s in open_ones:
                try:
                    s.send(b"a")
                except OSError:
                    pass
            closed = set()
            for s in open_ones:
                try:
                    if s.recv(4096, socket.MSG_DONTWAIT) == b"":
                        closed.add(s)
                except BlockingIOError:
                    pass
                except OSError:
                    closed.add(s)
            open_ones = [s for s in open_ones if s not in closed]
            assert d.get("/api/session")[0] == 200
            time.sleep(0.2)
        assert not open_ones
        stream.wait("peers")  # a page that was open is still
        stream.close()
        for s in sockets:
            s.close()


def test_too_many_pages(device):
    streams = []
    while True:
        try:
            streams.append(Stream(device))
        except AssertionError as e:
            assert "too many open pages" in str(e)
            break
    assert 10 <= len(streams) <= 12
    for s in streams:
        s.close()
    # a page that is gone is noticed by itself
    again = wait_for(lambda: device.get("/api/session")[0] == 200, "an answer")
    assert again


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv to be somebody else")
def test_another_user_of_this_machine(device, tmp_path):
    script = "import urllib.request,sys\ntry: print(urllib.request.urlopen(sys.argv[1]).status)\nexcept urllib.error.HTTPError as e: print(e.code)"

    def as_nobody(url):
        return subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", "import urllib.error\n" + script, url],
                              capture_output=True, text=True, check=True, cwd="/").stdout.strip()

    assert as_nobody(device.url + "api/state") == "401"
    assert device.get("/api/state")[0] == 200
    with Device(tmp_path, web=["--any-local-user"]) as d:
        assert as_nobody(d.url + "api/state") == "200"


def test_tls(tmp_path):
    make_certificates(tmp_path)
    os.chmod(tmp_path / "server.key", 0o600)
    with Device(tmp_path, web=["--cert", tmp_path / "server.pem", "--key", tmp_path / "server.key"], lamp=False, tls=True) as d:
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        with urllib.request.urlopen(d.url + "api/state", context=context, timeout=DEADLINE) as r:
            assert r.status == 200 and json.load(r)["version"]
    with pytest.raises(AssertionError):
        Daemon("miio_web", "--listen", "127.0.0.1:0", "--cert", tmp_path / "server.pem", "--key", tmp_path / "ca.key")


def test_options():
    for args, word in ((["--listen", "name:80"], "listen"), (["--session-minutes", "0"], "session-minutes"), (["--name", "a:80"], "name"), (["--cert", "x"], "belong together"),
                       (["x"], "unexpected argument"), (["--password-file", "/dev/null"], "no line of")):
        code, _, err = run("miio_web", *args)
        assert code in (2, 78) and word in err, args


def test_a_broken_model(tmp_path):
    (tmp_path / "m.json").write_text("{")
    code, _, err = run("miio_web", "--listen", "127.0.0.1:0", "--model", tmp_path / "m.json")
    assert code == 1 and "m.json" in err


if __name__ == "__main__":
    sys.exit(pytest.main([__file__]))


# ---- its file ----

def check(path, *options, **files):
    """Exit code and what is said of a file with these lines, in a folder with these files."""
    for name, text in files.items():
        (path / name).write_text(text)
    done = run("miio_web", "--config", str(path / "web.conf"), "--check-config", *options)
    return done[0], (done[1] + done[2]).strip()


def test_a_file_of_options(tmp_path):
    with Device(tmp_path, start_web=False) as d:
        (tmp_path / "web.conf").write_text("# the page\nlisten = 127.0.0.1:0\npassword_file = none\nagent = %s\nname = Lamp.Example\n"
                                           "session_minutes = 5\nlog_level = 3\nany_local_user = no\n" % d.address)
        web = d.add("miio_web", "--config", str(tmp_path / "web.conf"))
        d.host = web.ready["url"].split("/")[2]
        wait_for(lambda: d.state()["agent"], "miio_web at the agent")
        port = d.host.split(":")[1]
        assert d.request("GET", "/", host="lamp.example:" + port)[0] == 200
        assert d.request("GET", "/", host="other.example:" + port)[0] == 421
        web.stop()
        # the command line wins, wherever it stands
        code, said = check(tmp_path, "--listen", "192.0.2.1:80")
        assert code == 78 and "--listen 192.0.2.1:80: beyond loopback a password is needed" in said


@pytest.mark.parametrize("text, code, said", [
    ("listen = 127.0.0.1:0\npassword_file = none", 0, "configuration is good"),
    ("password_file = none\nlisten = here", 78, "web.conf:2: listen: "),
    ("session_minutes = 0", 78, "web.conf:1: session_minutes: must be a number from 1 to 10080"),
    ("any_local_user = true", 78, "web.conf:1: any_local_user: must be yes or no"),
    ("nane = x", 78, "web.conf:1: unknown name 'nane'"),
    ("[web]\nname = x", 78, "web.conf:2: there are no sections in this file"),
    ("\n".join("name = n%d" % i for i in range(7)), 78, "web.conf:7: name: "),
    ("password_file = none\ncert = c.pem", 2, "--cert and --key belong together"),
    ("password_file = no/such", 78, "no/such: No such file"),
    ("password_file = none\nmodel = bad.json", 78, "bad.json:"),
    ("password_file = none\nkey = no.key\ncert = no.pem", 78, "no.pem: No such file"),
])
def test_check_config(tmp_path, monkeypatch, text, code, said):
    monkeypatch.chdir(tmp_path)
    got = check(tmp_path, **{"web.conf": text + "\n", "bad.json": "{"})
    assert got[0] == code and said in got[1], got


def test_no_such_file(tmp_path):
    assert check(tmp_path) == (78, "miio_web: %s/web.conf: No such file or directory" % tmp_path)
