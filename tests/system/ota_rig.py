# SPDX-License-Identifier: MIT
"""What the tests of miio_ota share: a Python upstream as the cloud, an HTTP server with faults, agent and miio_ota between them."""
import hashlib
import http.server
import json
import os
import re
import socket
import threading

import pytest

from support import DEADLINE, Daemon, wait_for

FIRMWARE = os.urandom(300000)
MD5 = hashlib.md5(FIRMWARE).hexdigest()
SHA256 = hashlib.sha256(FIRMWARE).hexdigest()


class Upstream:
    """What miio_client is to the agent: accepts its connection, keeps the reports, acknowledges each."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.conn, self.reports, self.answers, self.deaf = None, [], {}, False
        self.no_cloud = False  # as cloud=none
        self.holds, self.held = None, []  # a state whose report waits for its answer; ids of such
        self.changed = threading.Condition()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            with self.changed:
                self.conn = conn
                self.changed.notify_all()
            self._read(conn)

    def _read(self, conn):
        text, decoder = "", json.JSONDecoder()
        while True:
            data = conn.recv(65536)
            if not data:
                return
            text += data.decode()
            while text.strip():
                try:
                    obj, used = decoder.raw_decode(text.lstrip())
                except ValueError:
                    break
                text = text.lstrip()[used:]
                self._handle(conn, obj)

    def _handle(self, conn, obj):
        with self.changed:
            if "method" not in obj:
                self.answers[obj["id"]] = obj
            elif obj["method"] == "props":
                self.reports.append(obj["params"])
            self.changed.notify_all()
        if self.no_cloud and "id" in obj and obj.get("method") in ("props", "cloud.status"):
            word = {"result": {}} if obj["method"] == "cloud.status" else {"error": {"code": -32002, "message": "not connected"}}
            conn.sendall(json.dumps({"id": obj["id"], **word}).encode())
        elif self.holds and obj.get("params", {}).get("ota_state") == self.holds:
            self.held.append(obj["id"])
        elif "method" in obj and "id" in obj and not self.deaf:
            conn.sendall(json.dumps({"id": obj["id"], "result": ["ok"]}).encode())

    def command(self, method, params, id, key="params"):
        with self.changed:
            assert self.changed.wait_for(lambda: self.conn, DEADLINE)
        self.conn.sendall(json.dumps({"id": id, "method": method, key: params}).encode())
        with self.changed:
            assert self.changed.wait_for(lambda: id in self.answers, DEADLINE), method
            return self.answers.pop(id)

    def acknowledge(self):
        for id in self.held:
            self.conn.sendall(json.dumps({"id": id, "result": ["ok"]}).encode())

    def states(self):
        return [r["ota_state"] for r in self.reports if "ota_state" in r]

    def progress(self):
        return [r["ota_progress"] for r in self.reports if "ota_progress" in r]

    def wait(self, condition):
        with self.changed:
            assert self.changed.wait_for(condition, DEADLINE), self.reports

    def wait_state(self, state):
        self.wait(lambda: state in self.states())


class Files(http.server.BaseHTTPRequestHandler):
    """/ok, /cut (once, in the middle), /cutall, /hold (stops half way until released), /norange (cut once, no ranges),
    /insecure (sends on to server.insecure)."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        server, name = self.server, self.path.split("?")[0]
        server.requests.append((name, self.headers.get("Range")))
        body = server.firmware
        if name == "/insecure":
            self.send_response(302)
            self.send_header("Location", server.insecure)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if name == "/missing":
            return self.send_error(404)
        start, status = 0, 200
        asked = re.match(r"bytes=(\d+)-$", self.headers.get("Range", ""))
        if asked and name != "/norange":
            start, status = int(asked.group(1)), 206
            if start >= len(body):
                self.send_response(416)
                self.send_header("Content-Range", "bytes */%d" % len(body))
                self.send_header("Content-Length", "0")
                return self.end_headers()
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(body) - 1, len(body)))
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self._body(name, body[start:])

    def _body(self, name, body):
        seen = sum(1 for n, _ in self.server.requests if n == name)
        half = len(body) // 2
        if name == "/cutall" or (name in ("/cut", "/norange") and seen == 1):
            self.wfile.write(body[:half] if name != "/cutall" else b"")
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        elif name == "/hold" and seen == 1:
            self.wfile.write(body[:half])
            self.wfile.flush()
            self.server.release.wait(DEADLINE)
        else:
            for i in range(0, len(body), 30000):
                self.wfile.write(body[i:i + 30000])


class Rig:
    def __init__(self, tmp_path):
        self.dir = tmp_path / "ota"
        self.tmp = tmp_path
        self.upstream = Upstream()
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
        self.http.requests, self.http.release, self.http.firmware = [], threading.Event(), FIRMWARE
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.agent = Daemon("miio_agent", "--listen", "127.0.0.1:0", "--unix", "none",
                            "--upstream", "127.0.0.1:%d" % self.upstream.port)
        self.hook = tmp_path / "hook.sh"
        self.hook_does("exit 0")
        self.ota, self.id = None, 100

    def serve(self, firmware):
        self.http.firmware = firmware

    def hook_does(self, text):
        self.hook.write_text('#!/bin/sh\necho "$@" >>%s/hook.log\n%s\n' % (self.tmp, text))
        self.hook.chmod(0o755)

    def start(self, *args):
        self.ota = Daemon("miio_ota", "--dir", self.dir, "--agent", "tcp:" + self.agent.ready["listen"],
                          "--install-hook", self.hook, "--retry-pause", "50", "--progress-interval", "0", *args)
        self.wait_serving()
        return self

    def wait_serving(self):
        wait_for(lambda: self.call("miIO.get_ota_state", {}).get("result"), "miio_ota to be registered")

    def call(self, method, params, key="params"):
        self.id += 1
        return self.upstream.command(method, params, self.id, key)

    def url(self, name):
        return "http://127.0.0.1:%d/%s" % (self.http.server_port, name)

    def upgrade(self, name, key="params", **more):
        params = {"app_url": self.url(name), "file_md5": MD5, "proc": "dnld install", "mode": "normal"}
        params.update(more)
        return self.call("miIO.ota", {k: v for k, v in params.items() if v is not None}, key)

    def state(self):
        return self.call("miIO.get_ota_state", {})["result"][0]

    def hook_runs(self):
        try:
            return (self.tmp / "hook.log").read_text().splitlines()
        except FileNotFoundError:
            return []

    def stop(self):
        if self.ota:
            self.ota.stop()
        self.agent.stop()
        self.http.shutdown()
        self.http.server_close()
        self.upstream.listener.close()


@pytest.fixture
def rig(tmp_path):
    r = Rig(tmp_path)
    yield r
    r.http.release.set()
    r.stop()


def check_progress(values):
    assert values == sorted(values) and values[0] == 0 and values[-1] == 100, values
