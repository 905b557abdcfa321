# SPDX-License-Identifier: MIT
"""Starts miio_client and what stands round it, for client_bench.py and client_cost.py: release builds, loopback only."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

DID, KEY, TOKEN = "87654321", "Qw3rTy7UiOp9AsDf", "0123456789abcdef"
MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(path, word, what, seconds=30):
    """Until word stands in the file; whoever says it has been started by us."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with open(path, errors="replace") as f:
            for line in f:
                if word in line:
                    return line
        time.sleep(0.01)
    with open(path, errors="replace") as f:
        raise SystemExit(f"{what} never said {word!r}; its last words: {f.read()[-500:]}")


class Part:
    """One process; ended by the rig that started it."""

    def __init__(self, scratch, name, command, core=None, env=None, ready=None, on_err=False):
        self.name, self.out, self.err = name, f"{scratch}/{name}.out", f"{scratch}/{name}.err"
        pin = ["taskset", "-c", str(core)] if core is not None and shutil.which("taskset") else []
        with open(self.out, "w") as out, open(self.err, "w") as err:
            self.process = subprocess.Popen(pin + command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            env={**os.environ, **(env or {})})
        self.pid = self.process.pid
        self.ready = wait_for(self.err if on_err else self.out, ready, name) if ready else ""

    def address(self, key):
        return next(w.split("=", 1)[1] for w in self.ready.split() if w.startswith(key + "="))

    def port(self, key):
        return self.address(key).rsplit(":", 1)[1]

    def end(self):
        """strace, told to end, would let its program live on: the program is told, and strace ends with it."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as f:
            told = [int(f.read().split()[0])] if "strace" in self.process.args else [self.pid]
        for pid in told:
            os.kill(pid, signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Rig:
    """product: folder of the release programs; tools: folder of the drivers. Ends all parts when left."""

    def __init__(self, product, tools, server_core=None, load_core=None):
        self.product, self.tools, self.server_core, self.load_core = product, tools, server_core, load_core
        self.scratch, self.parts = tempfile.mkdtemp(prefix="client_bench."), []
        self.agent_address = f"unix:{self.scratch}/agent.sock"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end_all()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def start(self, name, command, **how):
        part = Part(self.scratch, name, command, **how)
        self.parts.append(part)
        return part

    def end(self, *parts):
        for part in parts:
            self.parts.remove(part)
            part.end()

    def end_all(self):
        self.end(*reversed(self.parts))

    def tool(self, name):
        return f"{self.tools}/bench_{name}"

    def data(self, name, *lines):
        folder = f"{self.scratch}/{name}"
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        own = [f"did={DID}", f"key={KEY}", "mac=AA:BB:CC:DD:EE:FF", "vendor=cool", "model=cool.prod.v1", "provisioning=none"]
        for file, text in (("device.conf", "\n".join([*own, *lines]) + "\n"), ("device.token", TOKEN)):
            with open(f"{folder}/{file}", "w") as f:
                f.write(text)
            os.chmod(f"{folder}/{file}", 0o600)
        return folder

    def client(self, folder, *options, wrap=(), cloud=None):
        client = self.start("client", [*wrap, f"{self.product}/miio_client", "-d", folder + "/", "--local", "127.0.0.1:0", "--lan",
                                       "127.0.0.1:0", "--ble", "none", *options], core=self.server_core, ready="ready")
        for name in cloud.split(",") if cloud else ():
            wait_for(client.err, f"cloud {name} connected", "miio_client")
        return client

    def agent(self, client):
        agent = self.start("agent", [f"{self.product}/miio_agent", "--listen", "none", "--unix", f"{self.scratch}/agent.sock",
                                     "--upstream", client.address("local")], core=self.server_core, ready="ready")
        wait_for(agent.err, "connected to upstream", "miio_agent")
        return agent

    def app(self):
        return self.start("app", [self.tool("app"), "serve", self.agent_address], core=self.server_core, ready="ready")

    def broker(self, port=None):
        port = port or free_port()
        with open(f"{self.scratch}/mosquitto.conf", "w") as f:
            f.write(f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nmax_inflight_messages 0\n"
                    "max_queued_messages 0\nlog_type error\nlog_type information\n")
        broker = self.start("broker", [MOSQUITTO, "-c", f"{self.scratch}/mosquitto.conf"], core=self.load_core,
                            ready=" running", on_err=True)
        broker.tcp = port
        return broker

    def floor(self, name, *args):
        """UDP floors take no connection: asked until they answer would cost more than it tells, so they say so."""
        return self.start(name, [self.tool("floor"), *map(str, args)], core=self.server_core, ready="ready")

    def load(self, name, *args, beside=False):
        """A driver that ends by itself: its line of figures as a dictionary. beside: on the core of what is measured."""
        core = self.server_core if beside else self.load_core
        pin = ["taskset", "-c", str(core)] if core is not None and shutil.which("taskset") else []
        done = subprocess.run([*pin, self.tool(name), *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=240)
        if done.returncode or not done.stdout:
            raise SystemExit(f"bench_{name} {' '.join(map(str, args))} failed: {done.stderr}")
        return {k: float(v) for k, v in (w.split("=") for w in done.stdout.split())}
