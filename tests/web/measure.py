#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Figures of docs/web.md, from a release build: MIIO_BIN=build/bin tests/web/measure.py

Memory and wake-ups of an idle miio_web; what one open page costs the agent and miio_web at 1,000 messages a second; first paint in chromium.
"""
import os
import re
import statistics
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from web_rig import PASSWORD, Device, Stream  # noqa: E402


def private_kb(pid):
    text = open("/proc/%d/smaps_rollup" % pid).read()
    return sum(int(n) for n in re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+)", text, re.M))


def switches(pid):
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", open("/proc/%d/task/%s/status" % (pid, t)).read(), re.M).group(1)) for t in os.listdir("/proc/%d/task" % pid))


def cpu_ns(pid):
    return sum(int(open("/proc/%d/task/%s/schedstat" % (pid, t)).read().split()[0]) for t in os.listdir("/proc/%d/task" % pid))


def load(app, seconds, rate=1000):
    """Messages at an even rate, fifty a second's twentieth."""
    begin, sent = time.monotonic(), 0
    while sent < seconds * rate:
        for _ in range(rate // 20):
            app.send({"method": "event.load", "params": [sent, "a message of usual length, as an application would send it"]})
            sent += 1
        time.sleep(max(0, begin + sent / rate - time.monotonic()))


def share(d, app, seconds=10):
    agent, web, begin = cpu_ns(d.agent.pid), cpu_ns(d.web.pid), time.monotonic()
    load(app, seconds)
    took = time.monotonic() - begin
    return [(cpu_ns(pid) - before) / took / 1e7 for pid, before in ((d.agent.pid, agent), (d.web.pid, web))]


def drain(stream, seen):
    try:
        while True:
            got = stream.next()
            if not got:
                return
            if got[0] == "traffic":
                seen[0] += len(got[1]["events"])
                seen[1] += got[1]["left_out"]
    except (OSError, ValueError, AttributeError):
        pass


def paint(d):
    from browser import Browser, why_not
    if why_not():
        return print("first paint:", why_not())
    b, times = Browser(), []
    try:
        for _ in range(9):
            b.open(d, "overview")
            b.wait_text("acme.lamp.v1")
            times.append(b.js("return performance.getEntriesByName('first-contentful-paint')[0].startTime"))
    finally:
        b.close()
    print("first paint, ms: best %.0f, median %.0f of %d" % (min(times), statistics.median(times), len(times)))


def main():
    with tempfile.TemporaryDirectory() as path, Device(path, lamp=False) as d:
        time.sleep(5)  # what its start and the first question left behind
        before = switches(d.web.pid)
        time.sleep(20)
        print("idle: %d KiB private, %d wake-ups in 20 s" % (private_kb(d.web.pid), switches(d.web.pid) - before))
        app = d.application()
        share(d, app, 2)
        without = share(d, app)
        stream, seen = Stream(d, "?traffic=1"), [0, 0]
        threading.Thread(target=drain, args=(stream, seen), daemon=True).start()
        share(d, app, 2)
        seen[:] = [0, 0]
        with_page = share(d, app)
        print("1,000 messages/s: agent %.2f %% of a core, with an open page %.2f %%: the page costs %.2f %%; miio_web %.2f %%" %
              (without[0], with_page[0], with_page[0] - without[0], with_page[1]))
        print("of %d events %d were shown, %d left out; afterwards %d KiB private" % (sum(seen), seen[0], seen[1], private_kb(d.web.pid)))
        app.close()
    with tempfile.TemporaryDirectory() as path, Device(path, password=PASSWORD, lamp=False) as d:
        at = time.monotonic()
        d.login()
        print("a login takes %.0f ms; afterwards %d KiB private" % ((time.monotonic() - at) * 1000, private_kb(d.web.pid)))
    with tempfile.TemporaryDirectory() as path, Device(path) as d:
        paint(d)


if __name__ == "__main__":
    main()
