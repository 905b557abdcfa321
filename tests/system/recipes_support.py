# SPDX-License-Identifier: MIT
"""What tests of the recipes share: an installed tree, the names that docs/packaging/README.md gives, and a small system to run init
scripts in."""
import os
import re
import shutil
import subprocess
from pathlib import Path

from support import BIN, SOURCE

PACKAGING = Path(SOURCE) / "docs/packaging"
BUILD = Path(os.path.abspath(BIN)).parent
SYSTEMS = ("openwrt", "buildroot", "yocto", "debian")
# what the programs name as needed, and which row of the README's table that is
LIBRARIES = {"libuv": "libuv", "libcjson": "cJSON", "libmosquitto": "mosquitto", "libcrypto": "OpenSSL", "libssl": "OpenSSL",
             "libinih": "inih", "libmicrohttpd": "libmicrohttpd", "libcurl": "libcurl"}
OF_THE_SYSTEM = re.compile(r"libc\.so|libm\.so|libpthread|libdl|librt|ld-linux|lib(a|ub|t|l)san|libgcc_s|libagent")


def names(system):
    """Row of the README's table -> the package's names there; empty: there is none."""
    rows = {}
    text = (PACKAGING / "README.md").read_text()
    table = text[text.index("## Names"):].split("\n\n")[1]
    for line in table.splitlines()[2:]:
        cells = [c.strip() for c in line.strip("|").split("|")]
        cell = cells[1 + SYSTEMS.index(system)]
        rows[cells[0].split(",")[0]] = [] if re.match("none|carried|not used", cell) else re.findall(r"`([^`(]+)`", re.sub(r"\([^)]*\)", "", cell))
    return rows


def all_names(system):
    return {name for found in names(system).values() for name in found}


def installed(root):
    done = subprocess.run(["cmake", "--install", str(BUILD), "--prefix", "/usr"], env={**os.environ, "DESTDIR": str(root)}, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    return Path(root)


def needed(program):
    """Rows of the README's table that a program names as needed."""
    out = subprocess.run(["readelf", "-d", str(program)], capture_output=True, text=True).stdout
    found = set()
    for library in re.findall(r"\(NEEDED\).*\[(.*)\]", out):
        if not OF_THE_SYSTEM.match(library):
            found.add(LIBRARIES[library.split(".")[0]])
    return found


def options_exist(words):
    """Options of a daemon's command line, in its own --help."""
    text = subprocess.run([os.path.join(BIN, os.path.basename(words[0])), "--help"], capture_output=True, text=True).stdout
    for word in words[1:]:
        if re.match(r"--?[a-z]", word):
            assert re.search(r"(?<![\w-])%s\b" % re.escape(word.split("=")[0]), text), "%s: %s" % (words[0], word)


class SmallSystem:
    """Namespaces in which /usr/sbin has our daemons only, /etc, /run, /var/run and /var/log are empty but for what is given, the network is
    loopback, and the programs are BusyBox's."""

    def __init__(self, tmp_path, *daemons):
        self.tmp = tmp_path
        for name in ("etc", "run", "log", "sbin", "bin"):
            (tmp_path / name).mkdir()
        for name in daemons:
            shutil.copy(os.path.join(BIN, name), tmp_path / "sbin" / name)
        for name in ("miioctl",):
            os.symlink(os.path.join(os.path.abspath(BIN), name), tmp_path / "bin" / name)
        for name in ("sh", "mkdir", "chown", "touch", "rm", "sleep", "start-stop-daemon", "cat", "ps", "kill", "grep"):
            os.symlink("/bin/busybox", tmp_path / "bin" / name)
        (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nmiio:x:990:990::/etc/miio:/bin/false\n")
        (tmp_path / "etc/group").write_text("root:x:0:\nmiio:x:990:\n")
        (tmp_path / "etc/miio").mkdir()
        shutil.copy(PACKAGING / "access.conf", tmp_path / "etc/miio/access.conf")
        (tmp_path / "etc/ld.so.cache").write_bytes(Path("/etc/ld.so.cache").read_bytes())

    def identity(self):
        path = self.tmp / "etc/miio/device.conf"
        path.write_text("did=10000\nkey=EsrtdeaInabcPQM0\nmac=8C:BE:BE:AA:BB:59\nvendor=v\nmodel=v.prod.v1\ncloud=none\nprovisioning=none\n")
        path.chmod(0o600)

    def run(self, script, timeout=120):
        """Of sh -e; what is still running when it ends is ended."""
        binds = "".join("mount --bind '%s/%s' %s; " % (self.tmp, a, b) for a, b in
                        (("etc", "/etc"), ("run", "/run"), ("log", "/var/log"), ("sbin", "/usr/sbin"))) + "ip link set lo up; "
        if not os.path.islink("/var/run"):
            binds += "mount --bind '%s/run' /var/run; " % self.tmp
        text = "%s exec env PATH='%s/bin' /bin/busybox sh -ec \"$0\"" % (binds, self.tmp)
        return subprocess.run(["unshare", "-m", "-n", "-p", "-f", "--mount-proc", "sh", "-ec", text, script], capture_output=True, text=True,
                              timeout=timeout, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})


def can_have_a_small_system():
    return os.geteuid() == 0 and shutil.which("busybox") and not subprocess.run(["unshare", "-m", "-n", "-p", "-f", "true"],
                                                                                   stderr=subprocess.DEVNULL).returncode
