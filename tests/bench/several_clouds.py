# SPDX-License-Identifier: MIT
"""What further clouds cost: latency of the primary's acknowledgement with a second cloud that lives, is dead or mute; private memory and
wake-ups of an idle client with one to four clouds. Prints figures, asserts nothing. MIIO_BIN names the programs."""
import os
import re
import signal
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from several_support import Home  # noqa: E402

REPORTS, ROUNDS, IDLE_S = 4000, 10, 20
LIST = ("ot", "mqtt", "onenet", "gizwits")


def latencies_ms(app, n, first):
    took = []
    for i in range(first, first + n):
        began = time.perf_counter()
        app.send({"id": i, "method": "props", "params": {"n": i}})
        while app.next().get("id") != i:
            pass
        took.append((time.perf_counter() - began) * 1000)
    return took


def private_kb(pid):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return sum(int(n) for n in re.findall(r"^Private_\w+:\s+(\d+)", f.read(), re.M))


def switches(pid):
    total = 0
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/status" % (pid, task)) as f:
            total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", f.read(), re.M).group(1))
    return total


def latency():
    """Rounds of the cases in turn, each time another one first, so that a busy machine is busy for all of them. The first case
    is there twice: what the two differ by is what the figures of this run are worth."""
    cases = {"ot alone": (("ot",), None), "ot alone, again": (("ot",), None), "ot, mqtt": (("ot", "mqtt"), None), "ot, mqtt dead": (("ot", "mqtt"), "kill"),
             "ot, mqtt mute": (("ot", "mqtt"), "mute")}
    took = {name: [] for name in cases}
    order = list(cases)
    for _ in range(ROUNDS):
        order.append(order.pop(0))
        for name in order:
            names, fault = cases[name]
            with tempfile.TemporaryDirectory() as d, Home(d, *names, extra=["spool_max_reports=1000000"]) as home:
                home.all_connected()
                app = home.app()
                if fault:
                    getattr(home["mqtt"], fault)()
                    time.sleep(0.2)
                latencies_ms(app, 100, 1)
                took[name] += latencies_ms(app, REPORTS // ROUNDS, 1000)
                app.close()
                if fault == "kill":
                    home["mqtt"].start()
    base = statistics.median(took["ot alone"])
    for name, all_of in took.items():
        p50 = statistics.median(all_of)
        print("%-16s p50 %.3f ms (%+.1f%%)  p99 %.3f ms" % (name, p50, (p50 / base - 1) * 100, sorted(all_of)[int(len(all_of) * 0.99)]))


def idle():
    last = None
    for n in range(1, len(LIST) + 1):
        with tempfile.TemporaryDirectory() as d, Home(d, *LIST[:n]) as home:
            home.all_connected()
            time.sleep(3)
            kb, before = private_kb(home.client.pid), switches(home.client.pid)
            time.sleep(IDLE_S)
            print("%-28s private %5d KB%s  %.2f wake-ups/s" % (", ".join(LIST[:n]), kb, "" if last is None else " (+%d)" % (kb - last),
                                                               (switches(home.client.pid) - before) / IDLE_S))
            last = kb


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    latency()
    idle()
