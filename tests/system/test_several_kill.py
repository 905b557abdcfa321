# SPDX-License-Identifier: MIT
"""kill -9 at random points with two clouds, each of them there or not: what an application was told is kept reaches both, and what
the primary acknowledged has reached it. 20 points; 200 as a soak test."""
import os
import random
import sys

sys.path.insert(0, os.path.dirname(__file__))
from several_support import Home  # noqa: E402
from support import wait_for  # noqa: E402
from test_several_clouds import kept_for  # noqa: E402

POINTS = 200 if os.environ.get("MIIO_SOAK") == "1" else 20


def report_until_killed(home, rng, first, most):
    """Reports with ids until the client dies at a random moment. Gives back the next number and what was told."""
    app, told, n = home.app(), {}, first
    try:
        for _ in range(rng.randrange(1, most)):
            app.send({"id": n, "method": "props", "params": {"n": n, "more": "x" * rng.randrange(200)}})
            n += 1
            if rng.random() < 0.3:
                app.poll()
        if rng.random() < 0.5:
            app.poll()
    finally:
        home.client.kill()
    try:
        app.poll()  # what had left before
    except (AssertionError, OSError):
        pass
    for text in app.aside:
        if "method" not in text and "result" in text:
            told[text["id"]] = text["result"]
    app.close()
    return n, told


def test_kill_at_random_points(tmp_path):
    seed = random.randrange(1 << 30)
    rng, n, told = random.Random(seed), 1, {}
    print("seed", seed)
    home = Home(tmp_path, "ot", "mqtt", extra=["spool_max_reports=100000", "spool_max_bytes=33554432"])
    there = {"ot": True, "mqtt": True}
    try:
        for _ in range(POINTS):
            for name in there:
                if rng.random() < 0.5:
                    there[name] = not there[name]
                    getattr(home[name], "start" if there[name] else "kill")()
            home.start()
            if all(there.values()) and rng.random() < 0.5:
                home.all_connected()
            n, more = report_until_killed(home, rng, n, 120)
            told.update(more)
        for name in there:
            if not there[name]:
                home[name].start()
        home.start()
        home.all_connected()
        app = home.app()
        for name in there:
            wait_for(lambda: kept_for(app, name) == 0, "all of %s" % name, 120)
        app.close()
        queued = {k for k, v in told.items() if v == ["queued"]}
        acked = set(told) - queued
        try:  # the house's own connection may be on its way back
            wait_for(lambda: not queued - set(home["mqtt"].numbers()), "what was kept")
        except AssertionError:
            pass  # told below
        got = {name: set(home[name].numbers()) for name in there}
        print("%d reports, %d queued, %d acknowledged; at ot %d, at mqtt %d" % (n - 1, len(queued), len(acked),
                                                                                len(got["ot"]), len(got["mqtt"])))
        assert len(queued) > POINTS and acked
        for name in there:
            assert not queued - got[name], (name, sorted(queued - got[name])[:20], "seed %d" % seed)
        assert not acked - got["ot"], (sorted(acked - got["ot"])[:20], "seed %d" % seed)
    finally:
        if home.client and home.client.process.poll() is None:
            home.client.stop()
        for cloud in home.clouds.values():
            cloud.close()
