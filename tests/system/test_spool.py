# SPDX-License-Identifier: MIT
"""Kept reports on disks that are damaged, full, read-only, failing or somebody else's: whatever it is, miio_client starts, serves
LAN and cloud, and says at ERROR what it did with the file."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(__file__))
from support import BIN, DEADLINE, Daemon, is_sanitized, wait_for  # noqa: E402
from test_ot import DID, KEY, App, Cloud  # noqa: E402

HELLO = bytes.fromhex("21310020" + "ff" * 28)
PAGE = 4096
REPORTS = 900


def identity(directory):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "device.conf"), "w") as f:
        f.write("did=%d\nkey=%s\nmac=AA:BB:CC:DD:EE:FF\nvendor=cool\nmodel=cool.prod.v1\nprovisioning=none\n"
                "ot_window=4096\n" % (DID, KEY))
    with open(os.path.join(directory, "device.token"), "w") as f:
        f.write("a1B2c3D4e5F6g7H8")
    for name in ("device.conf", "device.token"):
        os.chmod(os.path.join(directory, name), 0o600)
    return directory


ARGS = ("--local", "127.0.0.1:0", "--lan", "127.0.0.1:0", "--ble", "none", "-H", "127.0.0.1")


class Client(Daemon):
    def __init__(self, directory, port, *around, **kw):
        super().__init__(*around, os.path.join(BIN, "miio_client"), "-d", directory, "-p", port, *ARGS, **kw)
        self.app = App(self.port("local"))
        self.number = 0

    def report(self):
        """One report with an id; the answer of the client."""
        self.number += 1
        self.app.send(id=self.number, method="event.new", params=[self.number])
        return self.app.answer_to(self.number)

    def says_hello(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(DEADLINE)
        s.sendto(HELLO, ("127.0.0.1", self.port("lan")))
        assert s.recv(100)[:4] == HELLO[:4]
        s.close()

    def errors(self, *words):
        """What it has said at ERROR about reports, once one of those lines has the words: the log comes by a pipe of its
        own, maybe after the answer."""
        for word in words:
            self.wait_err(r"\[ERROR\].*" + re.escape(word))
        return [line for line in self.err if "[ERROR]" in line and "reports" in line]

    def serves(self):
        self.says_hello()
        wait_for(lambda: self.report().get("result") == "ok" or None, "a report that reaches the cloud")

    def stop(self):
        self.app.sock.close()
        super().stop()


def numbers(cloud):
    return [r["params"][0] for r in cloud.events("report") if r["method"] == "event.kept"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A directory with many kept reports, and the port on which there was no cloud."""
    directory = identity(str(tmp_path_factory.mktemp("kept")))
    with Cloud() as first:
        port = first.port("udp")
    with Client(directory, port) as c:
        for n in range(REPORTS):
            c.app.send(id=10000 + n, method="event.kept", params=[n, "x" * (n % 90)])
        assert c.app.answer_to(10000 + REPORTS - 1)["result"] == ["queued"]
    assert os.path.getsize(os.path.join(directory, "reports.mdb")) > 30 * PAGE
    return directory, port


def put(path, data):
    with open(path, "wb") as f:
        f.write(data)


def changed(data, at, piece):
    return data[:at] + piece + data[at + len(piece):]


def damages(data):
    """(name, what makes it of the path)"""
    rows = []

    def row(name, new):
        if new != data:
            rows.append((name, lambda path: put(path, new)))

    for at in range(0, len(data), PAGE):
        page, n = at // PAGE, min(PAGE, len(data) - at)
        row("cut before page %d" % page, data[:at])
        row("cut within page %d" % page, data[:at + n // 2])
        row("byte of page %d flipped" % page, changed(data, at + n // 3, bytes([data[at + n // 3] ^ 0x40])))
        row("page %d zeroed" % page, changed(data, at, bytes(n)))
        row("page %d of flash that was never written" % page, changed(data, at, b"\xff" * n))
    row("first version byte", changed(data, 8, b"\x02"))
    row("both version bytes", changed(changed(data, 8, b"\x02"), 40, b"\x02"))
    row("head gone", bytes(64) + data[64:])
    row("one byte more", data + b"x")
    row("a page more", data + bytes(PAGE))
    row("twice", data + data)
    row("text", b"hello\n")
    rows.append(("a folder", os.mkdir))
    rows.append(("a link", lambda path: os.symlink("/etc/hostname", path)))
    rows.append(("a link to nothing", lambda path: os.symlink("nothing", path)))
    rows.append(("a pipe", os.mkfifo))
    return rows


def test_every_damage(kept, tmp_path):
    source, port = kept
    with open(os.path.join(source, "reports.mdb"), "rb") as f:
        rows = damages(f.read())
    assert len(rows) >= 165
    with Cloud(udp="127.0.0.1:%d" % port):
        for i, (name, make) in enumerate(rows):
            directory = identity(str(tmp_path / str(i)))
            path = os.path.join(directory, "reports.mdb")
            make(path)
            with Client(directory, port) as c:
                c.serves()
                said = [line for line in c.errors("put aside") if "put aside" in line]
                assert len(said) == 1, "%s: %r" % (name, c.err)
            assert os.path.lexists(path + ".bad"), name
            assert len([f for f in os.listdir(directory) if f.startswith("reports")]) <= 2, name
            shutil.rmtree(directory)


def test_damage_in_the_middle_costs_what_stands_there(kept, tmp_path):
    source, port = kept
    directory = identity(str(tmp_path / "d"))
    with open(os.path.join(source, "reports.mdb"), "rb") as f:
        data = f.read()
    put(os.path.join(directory, "reports.mdb"), changed(data, 5 * PAGE, bytes(PAGE)))
    with Cloud(udp="127.0.0.1:%d" % port) as cloud:
        with Client(directory, port) as c:
            line = c.wait_err("put aside as")
            saved = int(re.search(r"(\d+) reports saved", line).group(1))
            assert REPORTS - 50 < saved < REPORTS
            wait_for(lambda: len(numbers(cloud)) >= saved, "the saved ones")
            got = numbers(cloud)
            assert got == sorted(set(got)) and got[0] == 0 and got[-1] == REPORTS - 1


# ---- disks ----

def in_a_mount(directory, options, then, **kw):
    """What stands before miio_client: a tmpfs of its own on the directory, filled by a line of shell."""
    script = ("cp -a %(d)s %(d)s.saved && mount -t tmpfs -o %(o)s none %(d)s && cp -a %(d)s.saved/. %(d)s && %(t)s; exec \"$@\""
              % {"d": directory, "o": options, "t": then})
    return ("/usr/bin/unshare", "-m", "sh", "-c", script, "sh")


def may_mount():
    done = subprocess.run(["unshare", "-m", "sh", "-c", "mount -t tmpfs none /mnt"], stderr=subprocess.DEVNULL)
    return done.returncode == 0


needs_mount = pytest.mark.skipif(not may_mount(), reason="needs a mount namespace")


@needs_mount
def test_full_disk_with_no_file(tmp_path):
    directory = identity(str(tmp_path / "d"))
    with Cloud() as first:
        port = first.port("udp")
    with Client(directory, port, *in_a_mount(directory, "size=128k", "cat /dev/zero > %s/full 2>/dev/null" % directory)) as c:
        c.says_hello()
        for _ in range(20):
            error = c.report()["error"]
            assert error["code"] == -32000 and "No space left" in error["message"]
        assert len(c.errors("No space left")) == 1
        os.unlink("/proc/%d/root%s/full" % (c.pid, directory))
        assert c.report()["result"] == ["queued"]
        c.wait_err("reports are kept again")
        with Cloud(udp="127.0.0.1:%d" % port):
            c.serves()


@needs_mount
def test_full_disk_with_kept_reports(kept, tmp_path):
    """They go to the cloud and are removed; not one gives way to those that are refused meanwhile."""
    source, port = kept
    directory = identity(str(tmp_path / "d"))
    shutil.copy(os.path.join(source, "reports.mdb"), directory)
    with Client(directory, port, *in_a_mount(directory, "size=1m", "cat /dev/zero > %s/full 2>/dev/null" % directory)) as c:
        c.says_hello()
        refused = 0
        for _ in range(100):
            refused += "error" in c.report()
        assert refused >= 50
        with Cloud(udp="127.0.0.1:%d" % port) as cloud:
            wait_for(lambda: len(set(numbers(cloud))) == REPORTS, "all of them")
            assert numbers(cloud) == list(range(REPORTS))
            c.serves()
            inside = "/proc/%d/root%s/reports.mdb" % (c.pid, directory)
            wait_for(lambda: open(inside, "rb").read().count(b"live") == 0 or None, "that they are taken out")


@needs_mount
def test_read_only_disk(kept, tmp_path):
    source, port = kept
    directory = identity(str(tmp_path / "d"))
    shutil.copy(os.path.join(source, "reports.mdb"), directory)
    with Client(directory, port, *in_a_mount(directory, "size=1m", "mount -o remount,ro %s" % directory)) as c:
        c.says_hello()
        c.errors("Read-only")
        error = c.report()["error"]
        assert error["code"] == -32000 and "Read-only" in error["message"]
        with Cloud(udp="127.0.0.1:%d" % port) as cloud:
            wait_for(lambda: len(set(numbers(cloud))) == REPORTS, "all of them")
            c.serves()
        assert len(c.errors()) <= 3, c.errors()


@needs_mount
def test_read_only_and_damaged_or_empty(kept, tmp_path):
    source, port = kept
    with open(os.path.join(source, "reports.mdb"), "rb") as f:
        data = f.read()
    for i, content in enumerate((changed(data, 9000, bytes(500)), b"", b"junk" * 5000, None)):
        directory = identity(str(tmp_path / str(i)))
        if content is not None:
            put(os.path.join(directory, "reports.mdb"), content)
        with Client(directory, port, *in_a_mount(directory, "size=1m", "mount -o remount,ro %s" % directory)) as c:
            c.says_hello()
            assert c.report()["error"]["code"] == -32000
            assert c.errors("reports")
            with Cloud(udp="127.0.0.1:%d" % port):
                c.serves()


SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int bad(int fd, const char *call)
{
    const char *which = getenv("BAD_DISK");
    char link[64], path[4096];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    if (n <= 0 || !which || !strstr(which, call))
        return 0;
    path[n] = '\0';
    errno = EIO;
    return strstr(path, "reports.mdb") != NULL;
}

#define CALL(type, name, word, params, args)                                                                 \
    type name params;                                                                                        \
    type name params                                                                                         \
    {                                                                                                        \
        type(*real) params = (type(*) params) dlsym(RTLD_NEXT, #name);                                       \
        return bad(fd, word) ? -1 : real args;                                                               \
    }

CALL(ssize_t, pread, "read", (int fd, void *p, size_t n, off_t at), (fd, p, n, at))
CALL(ssize_t, pread64, "read", (int fd, void *p, size_t n, off_t at), (fd, p, n, at))
CALL(ssize_t, pwrite, "write", (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
CALL(ssize_t, pwrite64, "write", (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
CALL(int, fdatasync, "sync", (int fd), (fd))
CALL(int, fsync, "sync", (int fd), (fd))
"""


@pytest.mark.parametrize("calls", ["read", "write", "sync", "read write sync"])
def test_failing_disk(kept, tmp_path, calls):
    source, port = kept
    (tmp_path / "shim.c").write_text(SHIM)
    shim = str(tmp_path / "shim.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, str(tmp_path / "shim.c"), "-ldl"], check=True)
    preload = [shim]
    if is_sanitized("miio_client"):
        preload.insert(0, subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True,
                                         check=True).stdout.strip())
    directory = identity(str(tmp_path / "d"))
    shutil.copy(os.path.join(source, "reports.mdb"), directory)
    with Client(directory, port, env={"LD_PRELOAD": ":".join(preload), "BAD_DISK": calls}) as c:
        c.says_hello()
        answer = c.report()
        if calls != "read":
            assert answer["error"]["code"] == -32000 and "Input/output" in answer["error"]["message"]
        assert c.errors("reports")
        with Cloud(udp="127.0.0.1:%d" % port):
            c.serves()


def test_two_clients_one_directory(tmp_path):
    directory = identity(str(tmp_path / "d"))
    with Cloud() as first:
        port = first.port("udp")
    with Client(directory, port) as a:
        assert a.report()["result"] == ["queued"]
        with Client(directory, port) as b:
            b.wait_err("another process has this folder")
            assert b.report()["error"]["code"] == -32000
            b.says_hello()
            assert a.report()["result"] == ["queued"]
            a.stop()
            end = time.monotonic() + DEADLINE
            while "error" in b.report():  # it takes over when it next looks
                assert time.monotonic() < end
                time.sleep(0.1)
            with Cloud(udp="127.0.0.1:%d" % port) as cloud:
                wait_for(lambda: len([r for r in cloud.events("report") if r["method"] == "event.new"]) >= 3 or None,
                         "the reports of both")


def test_removed_while_it_is_in_use(tmp_path):
    directory = identity(str(tmp_path / "d"))
    with Cloud() as first:
        port = first.port("udp")
    c = Client(directory, port)
    assert c.report()["result"] == ["queued"]
    os.unlink(os.path.join(directory, "reports.mdb"))
    assert c.report()["result"] == ["queued"]
    assert len(c.errors("removed, replaced or cut")) == 1
    c.kill()
    with Client(directory, port), Cloud(udp="127.0.0.1:%d" % port) as cloud:
        wait_for(lambda: len([r for r in cloud.events("report") if r["method"] == "event.new"]) == 2 or None, "both")
