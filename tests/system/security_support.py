# SPDX-License-Identifier: MIT
"""What the tests of who may do what share: the closed methods, processes that run as other users, and the table they print."""
import base64
import json
import os
import subprocess

# Kept for root and the daemon's own user once rules are on; and what lies beside them and is open.
CLOSED = ["_internal.hello", "_internal.x", "miIO.ota", "miIO.reboot", "miIO.restore", "miIO.config", "miIO.config_router",
          "miIO.config_loglevel", "miIO.info_x", "miIO.", "local.ble.config_router", "local.ble.x", "agent.x"]
OPEN = ["get_prop", "miIO.info", "local.blex", "local.query_time", "_internalx", "agentx"]

ROOT, DAEMON, NOBODY = 0, 1, 65534
needs_root = os.getuid() != 0

# A process of another user. One JSON object a line: {"to":["tcp",PORT]|["unix",PATH]|["seqpacket",PATH], "send":[base64],
# "until":base64, "hold":bool}. It connects again, sends, and answers a line with all that came up to "until" (base64); with
# "until" null it closes at once. "hold" keeps the connection open for the life of the process.
ACTOR = r"""
import base64, json, socket, sys
kinds = {"tcp": (socket.AF_INET, socket.SOCK_STREAM), "unix": (socket.AF_UNIX, socket.SOCK_STREAM),
         "seqpacket": (socket.AF_UNIX, socket.SOCK_SEQPACKET)}
held = []
for line in sys.stdin:
    job = json.loads(line)
    kind, where = job["to"]
    s = socket.socket(*kinds[kind])
    s.settimeout(30)
    got = b""
    try:
        s.connect(("127.0.0.1", where) if kind == "tcp" else where)
        for piece in job["send"]:
            s.sendall(base64.b64decode(piece))
        until = job["until"] and base64.b64decode(job["until"])
        while until and until not in got:
            data = s.recv(65536)
            if not data:
                break
            got += data
    except OSError as e:
        got += b"!" + type(e).__name__.encode()
    if job.get("hold"):
        held.append(s)
    else:
        s.close()
    print(base64.b64encode(got).decode(), flush=True)
"""


class Actor:
    """Runs as uid; talk() opens a connection of that user."""

    def __init__(self, uid, gid=None, groups=()):
        self.uid = uid
        self.process = subprocess.Popen(["/usr/bin/python3", "-c", ACTOR], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, user=uid, group=uid if gid is None else gid, extra_groups=list(groups))

    def talk(self, to, *pieces, until=None, hold=False):
        job = {"to": to, "send": [base64.b64encode(p).decode() for p in pieces],
               "until": None if until is None else base64.b64encode(until).decode(), "hold": hold}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the other user's process has ended"
        return base64.b64decode(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Table:
    """Ways in by users; a cell counts what was let through and what was refused."""

    def __init__(self, title):
        self.title, self.cells, self.whos = title, {}, []

    def note(self, way, who, passed):
        cell = self.cells.setdefault(way, {}).setdefault(who, [0, 0])
        cell[0 if passed else 1] += 1
        if who not in self.whos:
            self.whos.append(who)

    def __str__(self):
        lines = ["", self.title, "%-34s" % "way in" + "".join("%22s" % w for w in self.whos)]
        for way, row in self.cells.items():
            cells = ["%d passed %d refused" % tuple(row[w]) if w in row else "-" for w in self.whos]
            lines.append("%-34s" % way + "".join("%22s" % c for c in cells))
        return "\n".join(lines)
