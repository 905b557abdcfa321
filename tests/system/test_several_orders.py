# SPDX-License-Identifier: MIT
"""Random lists and settings at SIGHUP, with clouds that go and come: each application is told once, each cloud has what was reported while
it was in the list, each command is answered where it came from, and miioctl says what is the case. Two seeds; 20 random ones as a soak
test; MIIO_SEED is a seed of one's own."""
import json
import os
import random
import re
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from several_support import Home  # noqa: E402
from support import Daemon, run, wait_for  # noqa: E402
from test_check import parse_open_metrics  # noqa: E402

ALL = ("ot", "gizwits", "onenet", "mqtt")
STEPS = 100
SEEDS = ([int(os.environ["MIIO_SEED"])] if os.environ.get("MIIO_SEED") else
         random.sample(range(1 << 30), 20) if os.environ.get("MIIO_SOAK") == "1" else [1, 2])
# of each cloud a line that it may have, one that it does not take, and what nobody takes
SETTINGS = {"ot": "ot_keepalive_ms=%d000", "gizwits": "gizwits_keepalive=12%d", "onenet": "onenet_keepalive=%d00",
            "mqtt": "mqtt_keepalive=%d0"}
WRONG = {"ot": "ot_keepalive_ms=soon", "gizwits": "gizwits_keepalive=1", "onenet": "onenet_keepalive=1", "mqtt": "mqtt_qos=9"}
BAD = ("cloud=ot,ot", "route.props=nobody", "spool=perhaps", "a line without an equals sign")


class Run:
    def __init__(self, home, agent, rng):
        self.home, self.rng = home, rng
        self.at = ("miioctl", "--agent", "tcp:" + agent.ready["listen"])
        self.n, self.n_commands, self.told, self.down, self.settings = 0, 0, {}, set(), {}
        self.apps = [home.app(), home.app()]
        self.list = list(ALL)
        self.listed_since = {name: 1 for name in ALL}

    def hup(self, word):
        mark = len(self.home.client.err)
        self.home.client.signal(signal.SIGHUP)
        wait_for(lambda: any(word in line for line in self.home.client.err[mark:]), "%s; %r" % (word, self.home.client.err[mark:]))

    def write(self, *more):
        self.home.write(",".join(self.list), ["spool=all", *self.settings.values(), *more])

    def another_list(self):
        self.list = self.rng.sample(ALL, self.rng.randint(1, len(ALL)))
        for name in ALL:
            if name not in self.list:
                self.listed_since.pop(name, None)
            else:
                self.listed_since.setdefault(name, self.n + 1)
        self.write()
        self.hup("configuration read again")

    def other_settings(self):
        name = self.rng.choice(ALL)
        self.settings[name] = SETTINGS[name] % self.rng.randint(2, 9)
        self.write()
        self.hup("configuration read again")

    def bad_file(self):
        self.write(self.rng.choice(BAD + tuple(WRONG[name] for name in self.list)))
        self.hup("configuration kept as it was")
        self.write()

    def go_or_come(self):
        name = self.rng.choice(("ot", "onenet", "mqtt"))  # gizwits has nothing that acknowledges
        if name in self.down:
            self.home[name].start()
            self.down.remove(name)
        else:
            self.home[name].kill()
            self.down.add(name)

    def report(self):
        """A batch; both applications, mixed."""
        waits = {}
        for _ in range(self.rng.randint(1, 40)):
            self.n += 1
            app = self.rng.choice(self.apps)
            app.send({"id": self.n, "method": "props", "params": {"n": self.n}})
            waits[self.n] = app
        while waits:
            app = waits[next(iter(waits))]
            text = app.next(60)
            if "method" in text:
                continue
            assert waits.pop(text["id"]) is app and text["id"] not in self.told, text
            assert text.get("result") in ("ok", ["ok"], ["queued"]), text
            self.told[text["id"]] = text["result"]

    def is_up(self, name):
        words = self.apps[0].ask("cloud.status", [], id=1 << 20).get("result", {})
        return words.get(name) == "cloud_connected"

    def command(self):
        up = [name for name in self.list if name not in self.down]
        if not up:
            return
        name = self.rng.choice(up)
        wait_for(lambda: self.is_up(name), name + " is connected", 60)
        self.n_commands += 1
        method, mark = "do_%d" % self.n_commands, "for %s %d" % (name, self.n_commands)
        self.home[name].command(method, self.n_commands)
        for app in self.apps:
            while True:
                text = app.next()
                if text.get("method") == method:
                    break
            if app is self.apps[-1]:
                app.send({"id": text["id"], "result": [mark]})
        wait_for(lambda: [mark] in self.home[name].answers(), "the answer at %s; %r" % (name, self.home[name].answers()[-3:]))
        for other in ALL:
            assert other == name or [mark] not in self.home[other].answers(), (name, other)

    def look(self):
        """All of miioctl's words can be read, and are of the clouds in the list."""
        status = json.loads(run(*self.at, "--json", "status")[1])
        assert [c["name"] for c in status["client"]["clouds"]] == self.list
        text = run(*self.at, "status")[1]
        assert re.findall(r"^cloud +(\S+) ", text, re.M) == self.list, text
        _, samples = parse_open_metrics(run(*self.at, "stats", "--prom")[1])
        assert {labels for name, labels in samples if name == "miio_cloud_connected"} == {'{cloud="%s"}' % c for c in self.list}
        code, out, err = run(*self.at, "--json", "check")
        found = json.loads(out)["troubles"]
        assert err == "" and code == (1 if found else 0)
        for trouble in found:
            named = [c for c in ALL if re.search(r"\bcloud %s\b" % c, trouble["text"])]
            assert all(c in self.list for c in named), trouble
        assert run(*self.at, "stats")[0] == 0 and run(*self.at, "-j", "stats")[0] == 0

    def step(self):
        act = self.rng.choice([self.another_list, self.another_list, self.other_settings, self.bad_file, self.go_or_come, self.report,
                               self.report, self.report, self.command, self.look])
        print(act.__name__, ",".join(self.list), "down", sorted(self.down), "n", self.n, flush=True)
        act()

    def finish(self):
        for name in self.down:
            self.home[name].start()
        self.down = set()
        for name in self.list:
            wait_for(lambda: self.is_up(name), name + " is connected", 90)
        self.report()
        for name in self.list:
            wanted = set(range(self.listed_since[name], self.n + 1))
            wait_for(lambda: not wanted - set(self.home[name].numbers()),
                     "%s misses %r" % (name, sorted(wanted - set(self.home[name].numbers()))[:20]), 60)
        for app in self.apps:
            app.poll()
            assert not [t for t in app.aside if "method" not in t], app.aside[:5]  # nobody is told twice
            app.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_any_order(tmp_path, seed):
    with Home(tmp_path, *ALL, extra=["spool=all"], options=("--request-timeout", "60000")) as home, \
            Daemon("miio_agent", "--listen", "127.0.0.1:0", "--unix", "none", "--upstream", home.client.ready["local"]) as agent:
        agent.wait_err("connected to upstream")
        home.all_connected()
        work = Run(home, agent, random.Random(seed))
        for _ in range(STEPS):
            work.step()
        work.finish()
