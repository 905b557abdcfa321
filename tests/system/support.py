# SPDX-License-Identifier: MIT
"""What the system tests share: starting programs, reading ready lines, waiting for events with deadlines."""
import json
import os
import random
import re
import select
import signal
import socket
import subprocess
import threading
import time

BIN = os.environ.get("MIIO_BIN", "build/bin")
SOURCE = os.environ.get("MIIO_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))
DEADLINE = 30  # seconds; generous, machines under test are slow


def free_port(kind=socket.SOCK_STREAM):
    """One that the kernel gives to nobody else in the meantime: below those that it chooses itself."""
    while True:
        with socket.socket(type=kind) as s:
            try:
                s.bind(("127.0.0.1", random.randrange(20000, 32000)))
                return s.getsockname()[1]
            except OSError:
                pass


def wait_for(condition, what, deadline=DEADLINE):
    """Polls until condition() is true; returns what it gave."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("timed out waiting for " + what)
        time.sleep(0.01)


def is_sanitized(program):
    """Address sanitizer keeps freed memory: sizes of such a program say little."""
    with open(os.path.join(BIN, program), "rb") as f:
        return b"__asan_init" in f.read()


class Daemon:
    """A program under test: reads its ready line, keeps what it says, ends it by pid and looks at how it ended."""

    def __init__(self, *args, ready=True, env=None, cwd=None, stdin=None):
        program = args[0] if os.path.sep in args[0] else os.path.join(BIN, args[0])
        self.args = (program,) + tuple(str(a) for a in args[1:])
        self.name = os.path.basename(program)
        self.process = subprocess.Popen(self.args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        stdin=stdin, env={**os.environ, **(env or {})}, cwd=cwd)
        self.out, self.err = [], []
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._collect, args=(self.process.stdout, self.out), daemon=True),
                         threading.Thread(target=self._collect, args=(self.process.stderr, self.err), daemon=True)]
        for t in self._threads:
            t.start()
        self.ready = {}
        if ready:
            line = self.wait_out(r"^ready( |$)")
            self.ready = dict(pair.split("=", 1) for pair in line.split()[1:] if "=" in pair)

    def _collect(self, stream, into):
        for line in stream:
            with self._changed:
                into.append(line.rstrip("\n"))
                self._changed.notify_all()

    def _wait_line(self, lines, pattern, deadline):
        end, rx, seen = time.monotonic() + deadline, re.compile(pattern), 0
        with self._changed:
            while True:
                for line in lines[seen:]:
                    if rx.search(line):
                        return line
                seen = len(lines)
                left = end - time.monotonic()
                if left <= 0 or (self.process.poll() is not None and left < deadline - 1):
                    raise AssertionError("%s never said %r; out %r err %r" % (self.name, pattern, self.out[-20:],
                                                                              self.err[-20:]))
                self._changed.wait(min(left, 0.5))

    def wait_out(self, pattern, deadline=DEADLINE):
        return self._wait_line(self.out, pattern, deadline)

    def wait_err(self, pattern, deadline=DEADLINE):
        return self._wait_line(self.err, pattern, deadline)

    def port(self, key):
        return int(self.ready[key].rsplit(":", 1)[1])

    @property
    def pid(self):
        return self.process.pid

    def rss_kb(self):
        with open("/proc/%d/status" % self.pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, deadline=DEADLINE):
        code = self.process.wait(deadline)
        for t in self._threads:
            t.join(5)
        return code

    def kill(self):
        """kill -9, for tests of crashes."""
        self.process.kill()
        self.wait()

    def stop(self):
        """SIGTERM; must leave with 0 and without a sanitizer's complaint."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError("%s did not leave on SIGTERM; err %r" % (self.name, self.err[-20:]))
        text = "\n".join(self.err)
        assert "Sanitizer" not in text and "runtime error" not in text, text
        assert code == 0, "%s left with %d: %s" % (self.name, code, text[-2000:])

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
        elif self.process.poll() is None:
            self.process.kill()
            self.wait()
            print(self.name, "said:", *self.err[-30:], sep="\n  ")


def run(*args, deadline=DEADLINE, **kw):
    """A program that ends by itself: (exit code, standard output, standard error)."""
    program = args[0] if os.path.sep in args[0] else os.path.join(BIN, args[0])
    done = subprocess.run((program,) + tuple(str(a) for a in args[1:]), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=deadline, **kw)
    assert "Sanitizer" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def make_certificates(path):
    """ca.pem, and server.pem with server.key for 127.0.0.1 signed by it, in the folder path."""
    subprocess.run(["sh", "-ec", """
        k='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'
        openssl req -x509 $k -keyout ca.key -out ca.pem -subj /CN=ca
        openssl req $k -keyout server.key -out server.csr -subj /CN=127.0.0.1
        printf subjectAltName=IP:127.0.0.1 >ext
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile ext
        """], cwd=path, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class JsonSocket:
    """A plain socket that speaks JSON texts back to back."""

    def __init__(self, address, kind=socket.SOCK_STREAM):
        if isinstance(address, int):
            address = ("127.0.0.1", address)
        family = socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX
        self.s = socket.socket(family, kind)
        self.s.settimeout(DEADLINE)
        self.s.connect(address)
        self.buffer = ""

    def send(self, obj):
        self.s.sendall(json.dumps(obj, separators=(",", ":")).encode() if not isinstance(obj, (bytes, bytearray))
                       else obj)

    def recv(self, deadline=DEADLINE):
        """The next text; None at the end of the stream."""
        decoder, end = json.JSONDecoder(), time.monotonic() + deadline
        while True:
            text = self.buffer.lstrip(" \t\r\n\0")
            if text:
                try:
                    obj, used = decoder.raw_decode(text)
                    self.buffer = text[used:]
                    return obj
                except ValueError:
                    pass
            left = end - time.monotonic()
            if left <= 0:
                raise AssertionError("nothing came within %s s; so far %r" % (deadline, self.buffer[:200]))
            if not select.select([self.s], [], [], left)[0]:
                continue
            try:
                data = self.s.recv(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.buffer += data.decode()

    def call(self, method, params=None, id=1, deadline=DEADLINE):
        self.send({"id": id, "method": method, "params": [] if params is None else params})
        return self.recv(deadline)

    def nothing_within(self, seconds):
        """True when no text comes; for "this one did not wake up", after another one has been seen to."""
        if self.buffer.strip():
            return False
        return not select.select([self.s], [], [], seconds)[0]

    def close(self):
        self.s.close()


def write_identity(path, did=87654321, key="Qw3rTy7UiOp9AsDf", token="a1B2c3D4e5F6g7H8", wifi=True, extra=()):
    """A data directory as a factory and a phone would leave it. Returns its path."""
    path = str(path)
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, "device.conf"), "w") as f:
        f.write("did=%d\nkey=%s\nmac=34:17:EB:9B:A7:47\nvendor=acme\nmodel=acme.lamp.v1\n" % (did, key))
        f.writelines(line + "\n" for line in extra)
    if token:
        with open(os.path.join(path, "device.token"), "w") as f:
            f.write(token)
    if wifi:
        with open(os.path.join(path, "wifi.conf"), "w") as f:
            f.write('ssid="home"\npsk="secret12"\nkey_mgmt=WPA\nuid=4711\n')
    return path
