# SPDX-License-Identifier: MIT
"""Several clouds at one client: the strict stand-ins and a real mosquitto, each with what can befall it."""
import json
import os
import signal
import subprocess
import time

from mqtt_support import App, Broker, Listener, free_port
from support import DEADLINE, Daemon, wait_for, write_identity

DID, KEY = 87654321, "Qw3rTy7UiOp9AsDf"
PRODUCT_KEY = "0123456789abcdef0123456789abcdef"


class StandIn:
    """A miio_sim that can be killed and started again on the same ports; the journal goes on."""

    def __init__(self):
        self.journal, self.daemon = [], None
        self.start()

    def start(self):
        self.daemon = Daemon("miio_sim", "cloud", *self.args(), stdin=subprocess.PIPE)
        self.ports(self.daemon.ready)

    def kill(self):
        self.daemon.kill()
        self.journal += self.daemon.out
        self.daemon = None

    def lines(self):
        return self.journal + (list(self.daemon.out) if self.daemon else [])

    def say(self, line):
        self.daemon.process.stdin.write(line + "\n")
        self.daemon.process.stdin.flush()

    def wait_line(self, *parts):
        return wait_for(lambda: next((l for l in self.lines() if all(p in l for p in parts)), None),
                        "%r in the journal, which ends %r" % (parts, self.lines()[-5:]))

    def events(self, kind):
        return [json.loads(l) for l in self.lines() if l.startswith("{") and '"event":"%s"' % kind in l]

    def mute(self):
        self.daemon.signal(signal.SIGSTOP)

    def speak(self):
        self.daemon.signal(signal.SIGCONT)

    def close(self):
        if self.daemon:
            self.speak()
            self.daemon.stop()


class Ot(StandIn):
    name, port, key = "ot", 0, KEY

    def args(self):
        return ["--did", DID, "--key", self.key, "--udp", "127.0.0.1:%d" % self.port]

    def ports(self, ready):
        self.port = int(ready["udp"].rsplit(":", 1)[1])

    def conf(self):
        return ["ot_host=127.0.0.1", "ot_port=%d" % self.port]

    def command(self, method, id):
        wait_for(lambda: any('"event":"info"' in line for line in self.daemon.out), "the device at this server")  # the one before is forgotten
        self.say("%s [%d]" % (method, id))

    def answers(self):
        return [e["result"] for e in self.events("answer") if "result" in e]

    def numbers(self):
        return [e["params"]["n"] for e in self.events("report") if e["method"] == "props" and "n" in e["params"]]

    def refuse(self):
        """A server that does not know this device's key."""
        self.kill()
        self.key = "0123456789abcdeF"
        self.start()

    def accept(self):
        self.kill()
        self.key = KEY
        self.start()


class Gizwits(StandIn):
    name, http, mqtt = "gizwits", 0, 0

    def __init__(self):
        self.broker = Broker()
        super().__init__()

    def args(self):
        return ["--kind", "gizwits", "--product-key", PRODUCT_KEY, "--http", self.http, "--mqtt", self.mqtt, "--broker",
                "127.0.0.1:%d" % self.broker.port]

    def ports(self, ready):
        self.http, self.mqtt = (int(ready[k].rsplit(":", 1)[1]) for k in ("http", "mqtt"))

    def conf(self):
        return ["gizwits_product_key=" + PRODUCT_KEY, "gizwits_server=127.0.0.1:%d" % self.http, "gizwits_retry=200",
                "gizwits_retry_max=1000"]

    def command(self, method, id):
        self.wait_line('"event":"ask_apps"')
        self.say("cmd phone " + json.dumps({"id": id, "method": method, "params": [id]}))

    def _texts(self, app):
        return [json.loads(e["text"]) for e in self.events("frame") if e.get("cmd") == "0091" and e.get("app") == app]

    def answers(self):
        return [t["result"] for t in self._texts("phone") if "result" in t]

    def numbers(self):
        return [t["params"]["n"] for t in self._texts("") if t.get("method") == "props" and "n" in t["params"]]

    def kill(self):
        """Its server forgets its devices with the process, so it is the broker behind that is killed."""
        self.broker.kill()

    def start(self):
        if self.daemon is None:
            super().start()
        else:  # nothing is acknowledged at QoS 0: what a device sends before its server has subscribed again is gone
            n = len(self.events("apps_ready"))
            self.say("!refuse on")
            self.broker.start()
            wait_for(lambda: len(self.events("apps_ready")) > n, "the server's session with its broker")
            self.say("!refuse off")

    def refuse(self):
        self.say("!refuse on")
        self.say("!drop")

    def accept(self):
        self.say("!refuse off")

    def close(self):
        super().close()
        self.broker.close()


class OneNet(StandIn):
    name, listen, http, auth = "onenet", 0, 0, "s3cret"

    def args(self):
        return ["--kind", "onenet", "--device", "1001:" + self.auth, "--listen", "127.0.0.1:%d" % self.listen, "--http",
                self.http]

    def ports(self, ready):
        self.listen, self.http = (int(ready[k].rsplit(":", 1)[1]) for k in ("mqtt", "http"))

    def conf(self):
        return ["onenet_server=127.0.0.1:%d" % self.listen, "onenet_device_id=1001", "onenet_product_id=433223",
                "onenet_auth_info=s3cret"]

    def command(self, method, id):
        self.wait_line('"event":"login"')
        self.say("cmd 1001 " + json.dumps({"id": id, "method": method, "params": [id]}))

    def answers(self):
        return [json.loads(e["payload"])["result"] for e in self.events("answer")]

    def numbers(self):
        return [e["value"] for e in self.events("point") if e["stream"] == "n"]

    def refuse(self):
        self.kill()
        self.auth = "another"
        self.start()

    def accept(self):
        self.kill()
        self.auth = "s3cret"
        self.start()


class Mqtt:
    """A real broker, with a listener that has a session there."""
    name = "mqtt"

    def __init__(self):
        self.broker = Broker()
        self.listen()

    def listen(self):
        self.listener = Listener(self.broker.port, "miio/%d/command_ack" % DID, "miio/%d/report" % DID,
                                 "miio/%d/status" % DID, client_id="house")
        self.listener.client.reconnect_delay_set(1, 1)

    def conf(self):
        return ["mqtt_server=127.0.0.1:%d" % self.broker.port]

    def wait_online(self):
        wait_for(lambda: any(m[0].endswith("/status") and b"online" in m[1] for m in self.listener.all), "online")

    def command(self, method, id):
        self.wait_online()
        try:
            self.listener.publish("miio/%d/command" % DID, {"id": id, "method": method, "params": [id]})
        except RuntimeError:
            pass  # the house is on its way back, and says it then

    def _texts(self, topic):
        return [json.loads(m[1]) for m in list(self.listener.all) if m[0].endswith(topic)]

    def answers(self):
        return [t["result"] for t in self._texts("/command_ack") if "result" in t]

    def numbers(self):
        return [t["params"]["n"] for t in self._texts("/report") if t["method"] == "props" and "n" in t["params"]]

    def kill(self):
        """By SIGTERM: it has acknowledged what it has not given to the listener yet, and writes that to its disk."""
        self.broker.terminate()

    def start(self):
        self.broker.start()

    def mute(self):
        self.broker.process.send_signal(signal.SIGSTOP)

    def speak(self):
        self.broker.process.send_signal(signal.SIGCONT)

    def _login_needed(self, yes):
        path = os.path.join(self.broker.dir, "mosquitto.conf")
        with open(path) as f:
            text = f.read()
        a, b = ("true", "false") if yes else ("false", "true")
        with open(path, "w") as f:
            f.write(text.replace("allow_anonymous " + a, "allow_anonymous " + b))
        self.broker.terminate()
        self.broker.start()

    def refuse(self):
        self._login_needed(True)

    def accept(self):
        self._login_needed(False)

    def close(self):
        self.speak()
        self.listener.close()
        self.broker.close()


KINDS = {k.name: k for k in (Ot, Gizwits, OneNet, Mqtt)}


class Home:
    """A client with these clouds; its application speaks to it directly."""

    def __init__(self, tmp_path, *names, extra=(), options=()):
        self.clouds = {name: KINDS[name]() for name in names}
        self.dir, self.options, self.client = os.path.join(str(tmp_path), "miio", ""), options, None
        self.extra = list(extra)
        self.write(",".join(names))

    def write(self, list_of_clouds, extra=None):
        lines = ["cloud=" + list_of_clouds, "provisioning=none"] + list(self.extra if extra is None else extra)
        for cloud in self.clouds.values():
            lines += cloud.conf()
        write_identity(self.dir, did=DID, key=KEY, extra=lines)

    def __getitem__(self, name):
        return self.clouds[name]

    def start(self):
        self.client = Daemon("miio_client", "-d", self.dir, "--local", "127.0.0.1:0", "--lan", "none", "--ble", "none", "-l",
                             "3", *self.options)
        return self.client

    def all_connected(self, *names):
        for name in names or self.clouds:
            self.client.wait_err("cloud %s connected" % name)

    def app(self):
        return Teller(self.client)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, value, trace):
        if self.client:
            self.client.__exit__(kind, value, trace)
        for cloud in self.clouds.values():
            if kind is None:
                cloud.close()
            else:
                try:
                    cloud.close()
                except Exception as e:  # the first fault counts
                    print("closing:", e)


class Teller(App):
    """An application that also hears cloud.status."""

    def __init__(self, daemon):
        self.words = []
        super().__init__(daemon)

    def recv(self, deadline=DEADLINE):
        while True:
            text = super().recv(deadline)
            if text and text.get("method") == "cloud.status":
                self.words.append(text["params"])
                continue
            return text

    def _take(self, text):
        if text and text.get("method") == "cloud.status":
            self.words.append(text["params"])
        else:
            super()._take(text)

    def poll(self):
        """What has come already, into aside, status and words."""
        import select
        while self.buffer.strip() or select.select([self.s], [], [], 0.02)[0]:
            try:
                text = super().recv(0.2)
            except AssertionError:
                return
            assert text is not None, "the client closed the socket"
            self._take(text)

    def wait_words(self, condition, what):
        def look():
            self.poll()
            return next((w for w in self.words if condition(w)), None)
        return wait_for(look, what + "; told %r" % self.words)


def first_of_each(numbers):
    return list(dict.fromkeys(numbers))


def now_ms():
    return time.monotonic() * 1000
