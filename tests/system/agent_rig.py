# SPDX-License-Identifier: MIT
"""miio_agent with a stand-in for upstream and plain-socket applications, for the system tests of the agent."""
import json
import os
import socket
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(__file__))
from support import BIN, DEADLINE, Daemon, wait_for  # noqa: E402

# Freed memory that ASan keeps back would be counted as growth.
ENV = {"ASAN_OPTIONS": "quarantine_size_mb=1:malloc_context_size=2:" + os.environ.get("ASAN_OPTIONS", "")}


class Texts:
    """A socket that carries JSON texts; gives them out one by one, as bytes or parsed."""

    def __init__(self, sock):
        self.sock, self.buf = sock, b""
        sock.settimeout(DEADLINE)

    def send(self, data):
        if isinstance(data, dict):
            data = json.dumps(data, separators=(",", ":"))
        self.sock.sendall(data.encode() if isinstance(data, str) else data)

    def _cut(self):
        """Length of the first whole text in buf, or None. Knows strings and depth, nothing else."""
        depth, in_string, i = 0, False, 0
        buf, n = self.buf, len(self.buf)
        while i < n:
            c = buf[i]
            if in_string:
                if c == 0x5c:
                    i += 1
                elif c == 0x22:
                    in_string = False
                else:
                    quote, slash = buf.find(b'"', i), buf.find(b"\\", i)
                    ends = [x for x in (quote, slash) if x >= 0]
                    if not ends:
                        return None
                    i = min(ends)
                    continue
            elif c == 0x22:
                in_string = True
            elif c in b"{[":
                depth += 1
            elif c in b"}]":
                depth -= 1
                if depth == 0:
                    return i + 1
            i += 1
        return None

    def raw(self, timeout=DEADLINE):
        """The next text's bytes; None at the end of the stream."""
        end = time.monotonic() + timeout
        while True:
            n = self._cut()
            if n is not None:
                text, self.buf = self.buf[:n], self.buf[n:]
                return text
            self.sock.settimeout(max(0.01, end - time.monotonic()))
            try:
                data = self.sock.recv(1 << 20)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.buf += data

    def get(self, timeout=DEADLINE):
        text = self.raw(timeout)
        return None if text is None else json.loads(text)

    def ask(self, method, params=None, id=4242):
        """A request, and the next text that is its answer."""
        self.send({"id": id, "method": method, "params": [] if params is None else params})
        while True:
            t = self.get()
            assert t is not None, "closed while waiting for the answer to " + method
            if t.get("id") == id and "method" not in t:
                return t

    def register(self, *keys, mode=None):
        for key in keys:
            m = {"id": 99, "method": "register", "key": key}
            if mode:
                m["mode"] = mode
            self.send(m)
            assert self.get() == {"id": 99, "result": ["ok"]}
        return self

    def silent(self, seconds=0.05):
        """Nothing arrives within a moment, nor has any."""
        self.sock.settimeout(seconds)
        try:
            data = self.sock.recv(4096)
        except (socket.timeout, BlockingIOError):
            data = None
        return self.buf == b"" and data is None

    def closed(self, timeout=DEADLINE):
        """True when the other side has closed; what comes before that is dropped."""
        self.sock.settimeout(timeout)
        try:
            while self.sock.recv(1 << 16):
                pass
            return True
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False

    def close(self):
        self.sock.close()


class Agent(Daemon):
    """The agent between a listening stand-in for upstream and a scratch folder for its sockets."""

    def __init__(self, *args, upstream=True, connect=True, env=None, seqpacket=False, shell=None):
        self.dir = tempfile.TemporaryDirectory(prefix="agent")
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 0))
        self.up_port = self.listener.getsockname()[1]
        self.up = None
        if upstream:
            self.listener.listen(64)
        self.unix = os.path.join(self.dir.name, "agent.sock")
        self.packet = os.path.join(self.dir.name, "agent.seq")
        extra = ["--seqpacket", self.packet] if seqpacket else []
        program = ["/bin/sh", "-c", shell, "sh", os.path.join(BIN, "miio_agent")] if shell else ["miio_agent"]
        super().__init__(*program, "--listen", "127.0.0.1:0", "--unix", self.unix, "--upstream",
                         "127.0.0.1:%d" % self.up_port, *extra, *args, env={**ENV, **(env or {})})
        if upstream and connect:
            self.accept()

    def accept(self, deadline=DEADLINE):
        self.listener.settimeout(deadline)
        sock, _ = self.listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.up = Texts(sock)
        # the agent may not have noticed yet that it is connected
        app = self.app()
        wait_for(lambda: app.ask("agent.info")["result"]["upstream"], "upstream")
        app.close()
        return self.up

    def app(self, *keys):
        sock = socket.create_connection(("127.0.0.1", self.port("listen")))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Texts(sock).register(*keys)

    def unix_app(self, *keys):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(self.unix)
        return Texts(sock).register(*keys)

    def stats(self):
        app = self.app()
        s = app.ask("agent.stats")["result"]
        app.close()
        return s

    def info(self):
        app = self.app()
        s = app.ask("agent.info")["result"]
        app.close()
        return s

    def check_serves(self, key="probe"):
        """Others are served."""
        app = self.app(key)
        self.up.send({"id": 77, "method": key, "params": [1]})
        assert app.get() == {"id": 77, "method": key, "params": [1]}
        app.send({"id": 77, "result": ["ok"]})
        while self.up.get() != {"id": 77, "result": ["ok"]}:
            pass
        app.close()

    def __exit__(self, kind, value, trace):
        try:
            super().__exit__(kind, value, trace)
        finally:
            self.listener.close()
            self.dir.cleanup()
