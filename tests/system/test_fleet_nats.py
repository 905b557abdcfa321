# SPDX-License-Identifier: MIT
"""A fleet of real clients (miio_sim fleet): its ledger, with a broker that ends; and past one machine: three NATS JetStream nodes
with their MQTT gateways, and one that dies. MIIO_FLEET sets how many devices (60)."""
import os
import re
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from mqtt_support import Broker
from nats_cluster import Cluster
from support import Daemon, run, wait_for

DEVICES = int(os.environ.get("MIIO_FLEET", "60"))
LONG = 240 + DEVICES


class Fleet(Daemon):
    def __init__(self, server, *args):
        super().__init__("miio_sim", "fleet", "--server", server, *map(str, args))

    def wait_round(self, n):
        self.wait_out("^round %d begins" % n, LONG)

    def end(self):
        """The exit code, and the rows of the table."""
        code = self.process.wait(LONG)
        wait_for(lambda: any(re.search("online: ", line) for line in self.out), "the last line; %r" % self.out[-3:])
        return code, [list(map(int, line.split()[:13])) for line in self.out if re.match(r"^\d+ +\d+ ", line) and " of " not in line]

    def stop(self):
        """Its own end, whatever it counted."""
        if self.process.poll() is None:
            super().stop()
        assert "Sanitizer" not in "\n".join(self.err) and "runtime error" not in "\n".join(self.err), self.err

    def last_words(self):
        return self.out[-2], self.out[-1]


def test_restarts_lose_nothing():
    """Each round a third of the devices reboot with reports under way; their applications say again what has no answer."""
    with Broker() as broker, Fleet("127.0.0.1:%d" % broker.port, "--devices", 24, "--rounds", 3, "--reports", 6, "--period", 100,
                                   "--commands", 2, "--restart", 34, "--per-second", 0) as fleet:
        code, rows = fleet.end()
        assert code == 0, fleet.last_words()
        assert [r[1] for r in rows] == [144, 144, 144] and [r[5] for r in rows] == [0, 0, 0] and [r[8] for r in rows] == [48, 48, 48]
        assert fleet.out[-2].startswith("432 reports heard once, ") and fleet.out[-1].endswith("24 of 24 online: the count is exact")


def test_the_ledger_sees_what_is_missing():
    with Broker() as broker, Fleet("127.0.0.1:%d" % broker.port, "--devices", 3, "--rounds", 2, "--reports", 20, "--period", 50,
                                   "--patience", 4) as fleet:
        fleet.wait_round(2)
        broker.kill()
        code, rows = fleet.end()
        assert code == 1 and rows[0][5] == 0 and rows[1][5] + rows[1][1] - rows[1][2] - rows[1][3] > 0
        assert fleet.out[-1].endswith("0 of 3 online: not all is well")


@pytest.mark.parametrize("args,word", [([], "usage"), (["--devices", "0", "--server", "h"], "a number from 1"), (["--devices", "1"], "usage"),
                                       (["--devices", "1", "--server", "h:0"], "--server"), (["--devices", "9x", "--server", "h"], "a number"),
                                       (["--devices", "1", "--server", "h", "--reports", "1000", "--rounds", "100"], "usage")])
def test_wrong_usage(args, word):
    code, _, err = run("miio_sim", "fleet", *args)
    assert code == 2 and word in err


def test_a_node_dies_and_nothing_is_lost():
    cluster = Cluster(3)
    try:
        with Fleet(cluster.servers(), "--devices", DEVICES, "--rounds", 3, "--reports", 5, "--period", 400, "--patience", LONG // 3) as fleet:
            fleet.wait_round(2)
            cluster.kill(2)  # with reports and commands on their way
            code, rows = fleet.end()
            assert code == 0, fleet.last_words()
            assert [r[1] for r in rows] == [5 * DEVICES] * 3
            assert fleet.out[-2].startswith("%d reports heard once, " % (15 * DEVICES))
            print("\n".join(fleet.out))
    finally:
        cluster.close()
