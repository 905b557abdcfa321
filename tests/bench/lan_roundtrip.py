#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a LAN request through miio_client, miio_agent and an application adds to a UDP echo, and what an idle miio_client
holds in memory. usage: MIIO_BIN=build/bin tests/bench/lan_roundtrip.py [COUNT]"""
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "system"))
from support import BIN, Daemon  # noqa: E402

count = sys.argv[1] if len(sys.argv) > 1 else "5000"
did, key, token = "87654321", "Qw3rTy7UiOp9AsDf", "a1B2c3D4e5F6g7H8"
with tempfile.TemporaryDirectory() as directory:
    with open(directory + "/device.conf", "w") as f:
        f.write("did=%s\nkey=%s\nmac=AA:BB:CC:DD:EE:FF\nvendor=cool\nmodel=cool.prod.v1\nprovisioning=none\n" % (did, key))
    with open(directory + "/device.token", "w") as f:
        f.write(token)
    with Daemon("miio_sim", "cloud", "--did", did, "--key", key, "--udp", "127.0.0.1:0") as cloud, \
            Daemon("miio_client", "-d", directory, "--local", "127.0.0.1:0", "--lan", "127.0.0.1:0", "--ble", "none",
                   "-H", "127.0.0.1", "-p", cloud.port("udp")) as client, \
            Daemon("miio_agent", "--listen", "127.0.0.1:0", "--unix", "none", "--upstream",
                   client.ready["local"]) as agent:
        cloud.wait_out('"event":"report"')
        agent.wait_err("connected to upstream")
        time.sleep(0.5)
        idle = client.rss_kb()
        out = subprocess.run([os.path.join(BIN, "..", "tests", "lan_roundtrip"), str(client.port("lan")),
                              str(agent.port("listen")), did, token, count], check=True, capture_output=True, text=True)
        result = json.loads(out.stdout)
        result["miio_client_idle_rss_kb"] = idle
        result["miio_client_rss_kb"] = client.rss_kb()
        print(json.dumps(result))
