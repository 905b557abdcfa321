#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs `miio_sim fleet` against real NATS nodes and prints what the fleet and the nodes did.
  tests/bench/fleet.py --nodes 3 --kill 2 -- --devices 100 --rounds 3     (behind -- : of miio_sim fleet)
--kill I: node I is killed at the beginning of round 2. --roll: each node is stopped and started again, one after the other,
from round 2 on. --mqtt TEXT: further settings of the nodes' mqtt block. What the nodes cost is printed after the logins and at the
end. MIIO_BIN: where the programs are (build/bin)."""
import argparse
import os
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
os.environ.setdefault("MIIO_BIN", os.path.join(ROOT, "build", "bin"))
sys.path.insert(0, os.path.join(ROOT, "tests", "system"))
from nats_cluster import Cluster  # noqa: E402
from support import wait_for  # noqa: E402


def roll(cluster):
    for i in range(len(cluster.nodes)):
        cluster.stop(i)
        time.sleep(1)
        cluster.start(i)
        wait_for(cluster.is_ready, "node %d to be back" % i, 60)
        time.sleep(3)


def print_nodes(cluster, before, when):
    for i, p in enumerate(cluster.processes):
        if p.poll() is None:
            print("node %d %s: %d MB (%d before), %.1f s of processor" % (i, when, cluster.rss_mb(i), before[i], cluster.cpu_s(i)), flush=True)
    print("disk of all nodes %s: %d MB" % (when, cluster.disk_mb()), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--kill", type=int)
    parser.add_argument("--roll", action="store_true")
    parser.add_argument("--mqtt", default="")
    parser.add_argument("fleet", nargs="*", help="options of miio_sim fleet")
    args = parser.parse_args()
    cluster, helper = Cluster(args.nodes, args.mqtt), None
    try:
        before = [cluster.rss_mb(i) for i in range(args.nodes)]
        fleet = subprocess.Popen([os.path.join(os.environ["MIIO_BIN"], "miio_sim"), "fleet", "--server", cluster.servers(), *args.fleet],
                                 stdout=subprocess.PIPE, text=True)
        for line in fleet.stdout:
            print(line, end="", flush=True)
            if " logged in after " in line:
                print_nodes(cluster, before, "after the logins")
            if line.startswith("round 2 begins") and args.kill is not None:
                cluster.kill(args.kill)
                print("node %d killed" % args.kill, flush=True)
            if line.startswith("round 2 begins") and args.roll:
                helper = threading.Thread(target=roll, args=(cluster,))
                helper.start()
        code = fleet.wait()
        if helper:
            helper.join()
        print_nodes(cluster, before, "at the end")
        return code
    finally:
        cluster.close()


if __name__ == "__main__":
    sys.exit(main())
