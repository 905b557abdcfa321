#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Exact costs of libagentmodel's release build, on x86-64: what a checked set of one property adds to a plain subscription in
instructions, allocations of a check, memory of a device of 300 properties, and the size of the library.

The instructions are counted with N and with 2 N commands; the difference leaves out start and end. Counts do not depend on the
machine's load, so they are asserted.

usage: model_cost.py SOURCE_DIR BUILD_DIR CC     $MIIO_RELEASE_BIN is the bin of another release build; exit 77: no release build of the library, no valgrind, or another processor
"""
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile

N = 500
INSTRUCTIONS, MEMORY, SIZE = 3000, 64 * 1024, 40 * 1024
SET = '{"id":%d,"method":"set_properties","params":[{"did":"1","siid":2,"piid":5,"value":21.5}]}'


def instance(n, **more):
    """n properties, 30 a service; piid 5 of service 2 takes 16 to 32 in halves."""
    def one(i):
        return {"iid": i % 30 + 1, "type": "urn:x:property:some-long-name-%d:00000001" % i, "description": "The property %d" % i,
                "format": "float", "access": ["read", "write", "notify"], "unit": "percentage", "value-range": [16, 32, 0.5]}
    return {"type": "urn:x:device:vacuum:00000001", "services": [
        {"iid": s + 2, "type": "urn:x:service:sweep-%d:00000001" % s, "description": "Robot Cleaner",
         "properties": [one(i) for i in range(30 * s, min(30 * s + 30, n))]} for s in range((n + 29) // 30)]}


class Texts:
    """JSON texts back to back, from the application."""

    def __init__(self, sock):
        self.sock, self.buffer = sock, ""

    def get(self):
        while True:
            try:
                obj, used = json.JSONDecoder().raw_decode(self.buffer)
                self.buffer = self.buffer[used:].lstrip()
                return obj
            except ValueError:
                data = self.sock.recv(65536).decode()
                assert data, "the application left"
                self.buffer = (self.buffer + data).lstrip()

    def say(self, text):
        self.sock.sendall(text.encode())

    def answer_to(self, number):
        """Answers what the application asks meanwhile: its registrations, and what it wants to know of the client."""
        while True:
            got = self.get()
            if "method" not in got:
                if got.get("id") == number:
                    return got
            elif "id" in got:
                known = got["method"] in ("register", "bind")
                self.say(json.dumps({"id": got["id"], **({"result": ["ok"]} if known else {"error": {"code": -32601, "message": "no"}})}))


def serve(program, kind, model, n, tool):
    """The program inside a valgrind tool, given n commands; what valgrind said."""
    with tempfile.TemporaryDirectory() as scratch:
        path, log = os.path.join(scratch, "agent"), os.path.join(scratch, "log")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(120)
        app = subprocess.Popen(["valgrind", "--tool=" + tool, "--log-file=" + log, "--callgrind-out-file=%s/out" % scratch,
                                program, kind, model], env={**os.environ, "MIIO_AGENT": "unix:" + path})
        try:
            peer, _ = listener.accept()
            peer.settimeout(120)
            texts = Texts(peer)
            for i in range(2, n + 2):
                texts.say(SET % i)
                got = texts.answer_to(i)
                assert got["result"] == [{"did": "1", "siid": 2, "piid": 5, "code": 0}], got
            texts.say('{"id":1,"method":"done"}')
            assert app.wait(120) == 0
        finally:
            app.kill()
            app.wait()
            listener.close()
        with open(log) as f:
            return f.read()


def instructions(*args):
    return int(re.search(r"Collected : (\d+)", serve(*args, "callgrind")).group(1))


def memcheck(program, *args):
    done = subprocess.run(["valgrind", "--leak-check=full", "--error-exitcode=9", program, *args], stderr=subprocess.PIPE, timeout=300)
    text = done.stderr.decode()
    assert done.returncode == 0, text
    return int(re.search(r"total heap usage: ([\d,]+) allocs", text).group(1).replace(",", ""))


def main():
    source, build, cc = sys.argv[1:4]
    build = os.path.dirname(os.environ.get("MIIO_RELEASE_BIN", os.path.join(build, "bin")).rstrip("/"))
    library = os.path.join(build, "lib", "libagentmodel.so.0")
    if platform.machine() != "x86_64" or not os.path.exists(library) or not all(map(shutil.which, ["valgrind", "strip"])):
        print("skipped: needs an x86-64, %s, valgrind and strip" % library)
        return 77
    bad = 0

    def told(name, value, most, unit):
        nonlocal bad
        bad += value > most
        print("%s: %d %s (at most %d)%s" % (name, value, unit, most, ": TOO MUCH" if value > most else ""))

    with tempfile.TemporaryDirectory() as scratch:
        program, small, large = (os.path.join(scratch, name) for name in ("model_cost", "small.json", "large.json"))
        for path, n in ((small, 12), (large, 300)):
            with open(path, "w") as f:
                json.dump(instance(n), f)
        subprocess.run([cc, "-O2", "-I" + source + "/libagent/include", source + "/tests/bench/model_cost.c", "-o", program,
                        "-L" + build + "/lib", "-Wl,-rpath," + os.path.abspath(build) + "/lib", "-lagentmodel", "-lagent"], check=True)
        subprocess.run(["strip", "-o", os.path.join(scratch, "stripped"), library], check=True)
        told("libagentmodel.so, stripped", os.path.getsize(os.path.join(scratch, "stripped")), SIZE, "bytes")
        cost = {kind: (instructions(program, kind, small, 2 * N) - instructions(program, kind, small, N)) / N for kind in ("plain", "model")}
        print("a plain set_properties: %d instructions" % cost["plain"])
        told("a checked set of one property adds", cost["model"] - cost["plain"], INSTRUCTIONS, "instructions")
        told("allocations of 4,000 checks", memcheck(program, "check", small, "1000") - memcheck(program, "check", small, "0"), 0, "")
        model, device = subprocess.run([program, "memory", large], check=True, stdout=subprocess.PIPE).stdout.split()
        told("a model of 300 properties", int(model), MEMORY, "bytes")
        print("with a device that holds them all: %d bytes" % int(device))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
