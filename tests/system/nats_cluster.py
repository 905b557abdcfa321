# SPDX-License-Identifier: MIT
"""Real NATS nodes with JetStream and their MQTT gateways, on loopback."""
import json
import os
import shutil
import subprocess
import tempfile
import urllib.request

from mqtt_support import free_port
from support import wait_for

CONF = """server_name: n%(i)d
listen: 127.0.0.1:%(client)d
http: 127.0.0.1:%(http)d
jetstream { store_dir: "%(dir)s/js%(i)d", max_mem: 256M, max_file: 4G }
%(cluster_part)s
mqtt { listen: 127.0.0.1:%(mqtt)d, ack_wait: "10s", max_ack_pending: 1000 %(mqtt_more)s }
"""


class Cluster:
    def __init__(self, n=3, mqtt_more=""):
        self.dir = tempfile.mkdtemp(prefix="miio-nats-")
        self.nodes = [{k: free_port() for k in ("client", "http", "cluster", "mqtt")} for _ in range(n)]
        self.processes = [None] * n
        routes = ", ".join('"nats://127.0.0.1:%d"' % node["cluster"] for node in self.nodes)
        for i, node in enumerate(self.nodes):
            part = "cluster { name: fleet, listen: 127.0.0.1:%d, routes: [%s] }" % (node["cluster"], routes) if n > 1 else ""
            with open(self.path(i, "conf"), "w") as f:
                f.write(CONF % dict(node, i=i, dir=self.dir, cluster_part=part, mqtt_more=mqtt_more))
            self.start(i)
        wait_for(self.is_ready, "JetStream", 60)

    def path(self, i, end):
        return "%s/n%d.%s" % (self.dir, i, end)

    def start(self, i):
        with open(self.path(i, "log"), "a") as log:
            self.processes[i] = subprocess.Popen(["nats-server", "-c", self.path(i, "conf")], cwd=self.dir, stdout=subprocess.DEVNULL, stderr=log)

    def ask(self, i, what):
        try:
            return json.load(urllib.request.urlopen("http://127.0.0.1:%d/%s" % (self.nodes[i]["http"], what), timeout=2))
        except OSError:
            return {}

    def is_ready(self):
        if len(self.nodes) == 1:
            return "config" in self.ask(0, "jsz")
        meta = [self.ask(i, "jsz").get("meta_cluster") or {} for i in range(len(self.nodes))]
        return all(m.get("leader") and m.get("cluster_size") == len(self.nodes) for m in meta)

    def servers(self):
        return ",".join("127.0.0.1:%d" % node["mqtt"] for node in self.nodes)

    def kill(self, i):
        self.processes[i].kill()
        self.processes[i].wait()

    def stop(self, i):
        """In order, as an update does it."""
        self.processes[i].terminate()
        self.processes[i].wait()

    def rss_mb(self, i):
        with open("/proc/%d/status" % self.processes[i].pid) as f:
            return int(next(line.split()[1] for line in f if line.startswith("VmRSS"))) // 1024

    def cpu_s(self, i):
        with open("/proc/%d/stat" % self.processes[i].pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def disk_mb(self):
        out = subprocess.run(["du", "-sm", self.dir], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout  # files come and go
        return int(out.split()[0])

    def close(self):
        for p in self.processes:
            if p.poll() is None:
                p.kill()
            p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
