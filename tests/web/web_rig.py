# SPDX-License-Identifier: MIT
"""A device with a page: the real client, agent, a lamp and miio_web, and requests without a browser."""
import http.client
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "system"))
from support import BIN, DEADLINE, Daemon, JsonSocket, make_certificates, run, wait_for, write_identity  # noqa: E402,F401

PASSWORD = "correct horse battery"


class Device:
    """Everything on ports that the kernel chose; ends in reverse order."""

    def __init__(self, path, wifi=True, lamp=True, web=(), password=None, client=(), extra=(), model=None, hooks=None, agent=(), tls=False, run_in=None, upstream=None, start_web=True):
        self.path = str(path)
        self.all = []
        self.run_in = run_in  # a program's name -> the words that start it in a namespace
        self.data = write_identity(os.path.join(self.path, "miio"), wifi=wifi, extra=extra)
        self.client = None if upstream else self.add("miio_client", "-d", self.data, "--hooks", hooks or self.data, "--cloud", "none", "--local", "127.0.0.1:0", "--lan", "127.0.0.1:0",
                               "--ble", "none", *client)
        self.socket = os.path.join(self.path, "agent.sock")
        self.agent_args = ["miio_agent", "--listen", "127.0.0.1:0", "--unix", self.socket, "--upstream", upstream or self.client.ready["local"], *agent]
        self.agent = self.add(*self.agent_args)
        self.address = "unix:" + self.socket
        if lamp:
            self.lamp = self.add("example_lamp", "--agent", self.address, ready=False)
            self.lamp.wait_out("ready")
        if model:
            self.sim = self.add("miio_sim", "device", "--agent", self.address, "--model", model, "--still", ready=False)
        args = ["--agent", self.address, "--miioctl", os.path.join(os.path.abspath(BIN), "miioctl"), "--listen", "127.0.0.1:0"]
        if model:
            args += ["--model", model]
        args += ["--password-file", self.set_password(password) if password else "none"]
        self.web_args = ["miio_web", *args, *web]
        if not start_web:
            return
        self.web = self.add(*self.web_args)
        self.url = self.web.ready["url"]
        self.host = self.url.split("/")[2]
        self.agent.wait_err("connected to upstream")
        if not password and not tls:
            wait_for(lambda: self.state()["agent"] and self.state()["monitor"], "miio_web at the agent")

    def add(self, *args, **kw):
        words = self.run_in(args[0]) if self.run_in else [args[0]]
        d = Daemon(*words, *args[1:], **kw)
        self.all.append(d)
        return d

    def set_password(self, password):
        path = os.path.join(self.path, "web.password")
        subprocess.run([os.path.join(BIN, "miio_web"), "--set-password", "--password-file", path], input=password + "\n", text=True, check=True)
        return path

    def request(self, method, path, body=None, headers=(), host=None, cookie=None):
        """(status, headers, body); JSON is decoded."""
        c = http.client.HTTPConnection(self.host, timeout=DEADLINE)
        c.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        c.putheader("Host", host or self.host)
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            if not any(k.lower() == "content-type" for k, _ in headers):
                c.putheader("Content-Type", "application/json")
            c.putheader("Content-Length", str(len(data)))
        if cookie:
            c.putheader("Cookie", cookie)
        for name, value in headers:
            c.putheader(name, value)
        c.endheaders(data)
        r = c.getresponse()
        text = r.read()
        c.close()
        if r.getheader("Content-Type") == "application/json":
            text = json.loads(text)
        return r.status, r.headers, text

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def post(self, path, body, **kw):
        return self.request("POST", path, body, **kw)

    def state(self):
        return self.get("/api/state")[2]

    def login(self, password=PASSWORD):
        """The cookie."""
        status, headers, body = self.post("/api/login", {"password": password})
        assert status == 200, body
        return headers["Set-Cookie"].split(";")[0]

    def phone(self, *args):
        token = open(os.path.join(self.data, "device.token")).read()
        return run("miio_sim", "phone", "--address", self.client.ready["lan"], "--token", token, *args)

    def application(self, *keys):
        """A plain application on the agent's socket."""
        s = JsonSocket(self.socket)
        for i, key in enumerate(keys):
            s.send({"id": 100 + i, "method": "register", "key": key})
            assert s.recv()["result"] == ["ok"]
        return s

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for d in reversed(self.all):
            d.__exit__(kind, value, trace)


class Stream:
    """Server-sent events, as a browser reads them."""

    def __init__(self, device, query="", cookie=None):
        self.c = http.client.HTTPConnection(device.host, timeout=DEADLINE)
        self.c.request("GET", "/api/events" + query, headers={"Cookie": cookie} if cookie else {})
        self.r = self.c.getresponse()
        assert self.r.status == 200, self.r.read()

    def next(self):
        """(event, data)"""
        event = None
        while True:
            line = self.r.readline().decode()
            if not line:
                return None
            if line.startswith("event: "):
                event = line[7:].strip()
            elif line.startswith("data: "):
                return event, json.loads(line[6:])

    def wait(self, event, condition=lambda data: True):
        while True:
            got = self.next()
            assert got, "the stream has ended"
            if got[0] == event and condition(got[1]):
                return got[1]

    def close(self):
        self.c.close()
