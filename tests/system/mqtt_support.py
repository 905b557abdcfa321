# SPDX-License-Identifier: MIT
"""A real mosquitto and paho clients for the tests of the MQTT parts."""
import atexit
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid

import paho.mqtt.client as mqtt

from support import DEADLINE, Daemon, JsonSocket, free_port, wait_for, write_identity


class Broker:
    """mosquitto with persistence, so that it can be killed and go on."""

    def __init__(self, extra="", port=None):
        self.dir = tempfile.mkdtemp(prefix="miio-broker-")
        self.port = port or free_port()
        with open(os.path.join(self.dir, "mosquitto.conf"), "w") as f:
            f.write("user %s\nlistener %d 127.0.0.1\n" % ("root" if os.getuid() == 0 else "nobody", self.port))
            if "allow_anonymous" not in extra:
                f.write("allow_anonymous true\n")
            f.write("max_queued_messages 0\npersistence true\npersistence_location %s/\nautosave_interval 1\n"
                    "autosave_on_changes true\nset_tcp_nodelay true\n%s\n" % (self.dir, extra))
        self.process = None
        self.start()

    def start(self):
        env = dict(os.environ, PATH="/usr/sbin:/usr/bin:/sbin:/bin")
        self.process = subprocess.Popen(["mosquitto", "-c", self.dir + "/mosquitto.conf"], env=env,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self._answers, "mosquitto")

    def _answers(self):
        assert self.process.poll() is None, "mosquitto ended"
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def terminate(self):
        def ended():
            self.process.terminate()  # one that has just begun to listen may not heed it yet
            return self.process.poll() is not None
        wait_for(ended, "mosquitto's end")

    def close(self):
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Listener:
    """A paho client that keeps what it hears. It has a session at the broker, so that one of its connections that goes
    loses nothing."""

    def __init__(self, port, *topics, host="127.0.0.1", client_id=None, qos=1, clean=False, tls=None, login=None):
        self.heard = queue.Queue()
        self.all = []
        self._subscribed = 0
        self.client = mqtt.Client(client_id=client_id or "listener-%s" % uuid.uuid4().hex, clean_session=clean)
        if login:
            self.client.username_pw_set(*login)
        if tls:
            self.client.tls_set(**tls)
        self.client.on_message = self._on_message
        self.client.on_subscribe = self._on_subscribe
        self.topics, self.qos = topics, qos
        self.client.on_connect = self._on_connect
        self.client.connect(host, port, 30)
        self.client.loop_start()
        wait_for(lambda: self.client.is_connected() and self._subscribed >= len(topics), "paho")

    def _on_connect(self, client, user, flags, rc):
        if self._subscribed < len(self.topics) or not flags.get("session present"):
            for t in self.topics:
                client.subscribe(t, self.qos)

    def _on_subscribe(self, client, user, mid, granted):
        self._subscribed += 1

    def _on_message(self, client, user, m):
        self.all.append((m.topic, m.payload, m.qos, m.retain))
        self.heard.put((m.topic, m.payload, m.qos, m.retain))

    def publish(self, topic, payload, qos=1, retain=False):
        if not isinstance(payload, (bytes, str)):
            payload = json.dumps(payload)
        info = self.client.publish(topic, payload, qos, retain)
        info.wait_for_publish(DEADLINE)

    def next(self, topic=None, deadline=DEADLINE):
        end = time.monotonic() + deadline
        while True:
            try:
                m = self.heard.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError("nothing on %s; heard %r" % (topic, self.all[-10:]))
            if topic is None or m[0] == topic:
                return m

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def client(directory, *args, cloud, did=1001, extra=(), wifi=True):
    """miio_client with that cloud, without LAN."""
    write_identity(directory, did=did, extra=("cloud=" + cloud,) + tuple(extra), wifi=wifi)
    daemon = Daemon("miio_client", "-d", directory, "--local", "127.0.0.1:0", "--lan", "none", "--ble", "none", "-l", "3",
                    *args)
    # a test that fails outside of a with block leaves nothing running
    atexit.register(lambda: daemon.process.poll() is None and daemon.process.kill())
    return daemon


def counters(daemon):
    """What miio_client says on SIGUSR1. The lines come in one go; the first of a second go marks their end."""
    marks = []
    for _ in range(2):
        marks.append(len(daemon.err))
        daemon.signal(signal.SIGUSR1)
        wait_for(lambda: any(" state " in line for line in daemon.err[marks[-1]:]), "counters")
    lines = [line.rsplit("  ", 1)[-1].split() for line in daemon.err[marks[0]:]]
    return {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}


class App(JsonSocket):
    """A plain-socket application: broadcasts of the client's state are set aside."""

    def __init__(self, daemon):
        super().__init__(daemon.port("local"))
        self.status, self.aside = [], []
        self.send({"method": "local.query_status"})  # answered: the client knows this socket, and commands find it
        while not self.status:
            self._take(super().recv(DEADLINE))

    def _take(self, text):
        assert text is not None, "the client closed the socket"
        if text.get("method") == "local.status":
            self.status.append(text["params"])
        else:
            self.aside.append(text)

    def next(self, deadline=DEADLINE):
        if self.aside:
            return self.aside.pop(0)
        while True:
            text = super().recv(deadline)
            if text and text.get("method") == "local.status":
                self.status.append(text["params"])
                continue
            return text

    def ask(self, method, params, id=1):
        """Calls and waits for the answer; what comes before it is kept for next()."""
        self.send({"id": id, "method": method, "params": params})
        aside, self.aside = self.aside, []
        while True:
            text = self.next()
            if text.get("id") == id and "method" not in text:
                self.aside = aside
                return text
            aside.append(text)


def report_while_the_broker_dies(c, broker, n, heard):
    """An application reports n times, at most 200 of them open, and each is answered; the broker is killed twice. heard(): the
    numbers that have come out of the broker. It is killed when all that it has acknowledged has: it keeps what waits in it for
    a slow listener only as well as it saves it."""
    app, acked, passed_on, sent, kills = App(c), set(), set(), 0, 0
    end = time.monotonic() + 300

    def take(deadline=DEADLINE):
        try:
            text = app.next(deadline)
        except AssertionError:
            if deadline < DEADLINE:
                return False
            raise AssertionError("%d acknowledged, no word of %r; %r"
                                 % (len(acked), sorted(set(range(1, sent + 1)) - acked)[:20], counters(c)))
        assert text.get("result"), text
        assert text["id"] not in acked, text
        acked.add(text["id"])
        if text["result"] == ["ok"]:
            passed_on.add(text["id"])
        return True

    def kill():
        broker.process.send_signal(signal.SIGSTOP)
        while take(0.3):
            pass
        wait_for(lambda: passed_on <= heard(), "what the broker has acknowledged")
        broker.kill()
        broker.start()

    while len(acked) < n:
        assert time.monotonic() < end, "%d of %d acknowledged" % (len(acked), n)
        while sent < n and sent - len(acked) < 200:
            sent += 1
            app.send({"id": sent, "method": "props", "params": {"n": sent}})
        if kills < 2 and len(acked) > n // 3 * (kills + 1):
            kills += 1
            kill()
            continue  # perhaps none is open any more
        take()
