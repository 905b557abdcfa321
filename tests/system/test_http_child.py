# SPDX-License-Identifier: MIT
"""The process that does an HTTP request for the client: what it has, what it may, and that it ends."""
import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

from several_support import Home
from support import BIN, Daemon, is_sanitized, wait_for, write_identity

KEY = "0123456789abcdef0123456789abcdef"


def children(pid):
    return [int(p) for p in os.listdir("/proc") if p.isdigit() and parent_of(p) == pid]


def parent_of(pid):
    try:
        with open("/proc/%s/stat" % pid, errors="replace") as f:
            return int(f.read().rpartition(")")[2].split()[1])
    except OSError:
        return None


def read(pid, name):
    with open("/proc/%d/%s" % (pid, name)) as f:
        return f.read()


def alive(pid):
    try:
        return "\nState:\tZ" not in read(pid, "status")
    except OSError:
        return False


class Asking:
    """A client that waits for a server which never answers."""

    def __init__(self, tmp_path, *before):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(30)
        self.dir = write_identity(tmp_path / "miio", extra=["cloud=gizwits", "gizwits_product_key=" + KEY,
                                                            "gizwits_server=127.0.0.1:%d" % self.listener.getsockname()[1]])
        self.client = Daemon(*before, os.path.join(os.path.abspath(BIN), "miio_client"), "-d", self.dir + "/", "--local", "127.0.0.1:0",
                             "--lan", "none", "--ble", "none")
        self.connection = self.listener.accept()[0]
        self.request = ""
        while "passcode=" not in self.request:
            self.request += self.connection.recv(4096).decode()
        self.child, = children(self.client.pid)

    def close(self):
        self.connection.close()
        self.listener.close()


@pytest.fixture
def asking(tmp_path):
    a = Asking(tmp_path)
    yield a
    if a.client.process.poll() is None:
        a.client.stop()
    a.close()


def test_it_has_no_secret_where_others_look_and_no_rights(asking):
    passcode = re.search(r"passcode=(\w+)", asking.request).group(1)
    for name in ("cmdline", "environ"):
        try:
            text = read(asking.child, name)
        except PermissionError:  # it cannot be looked into at all
            continue
        assert passcode not in text and KEY not in text, name
    status = read(asking.child, "status")
    assert re.search(r"^NoNewPrivs:\t1$", status, re.M), status
    assert re.findall(r"^Cap(?:Inh|Prm|Eff|Amb):\t(\w+)$", status, re.M) == ["0" * 16] * 4, status
    assert "\nUid:\t0" not in status, status


def test_it_has_no_descriptor_of_the_client_s(asking):
    try:
        mine = {os.readlink("/proc/%d/fd/%s" % (asking.child, n)) for n in os.listdir("/proc/%d/fd" % asking.child)}
    except PermissionError:
        pytest.skip("only root may look")
    theirs = {os.readlink("/proc/%d/fd/%s" % (asking.client.pid, n)) for n in os.listdir("/proc/%d/fd" % asking.client.pid)}
    log = os.readlink("/proc/%d/fd/2" % asking.client.pid)  # both say there what goes wrong
    assert {l for l in mine & theirs if l not in ("/dev/null", log)} == set()


@pytest.mark.parametrize("number", (signal.SIGKILL, signal.SIGTERM))
def test_it_ends_with_the_client(asking, number):
    asking.client.signal(number)
    wait_for(lambda: not alive(asking.child), "the end of the process")
    asking.client.wait()


def test_its_own_end_is_a_failed_request(asking):
    os.kill(asking.child, signal.SIGKILL)
    asking.client.wait_err(r"not registered: the process of the request ended early")


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="takes /proc away, which root alone may")
def test_it_is_started_without_proc(tmp_path):
    if is_sanitized("miio_client"):
        pytest.skip("the sanitizers read /proc themselves")
    asking = Asking(tmp_path, "/usr/bin/unshare", "-m", "/bin/sh", "-ec", 'mount -t tmpfs none /proc; exec "$@"', "sh")
    try:
        assert os.listdir("/proc/%d/root/proc" % asking.client.pid) == []
        assert "--http-request" in read(asking.child, "cmdline")
        asking.client.stop()
    finally:
        asking.client.process.kill()
        asking.close()


def test_by_hand_it_ends_at_once():
    assert Daemon("miio_client", "--http-request", ready=False, stdin=subprocess.DEVNULL).wait() == 1


def test_nothing_of_libcurl_is_left_in_the_client(tmp_path):
    with Home(str(tmp_path), "ot", "gizwits") as home:
        home.all_connected()
        wait_for(lambda: not children(home.client.pid), "the end of the processes")
        assert "libcurl" not in read(home.client.pid, "maps")
