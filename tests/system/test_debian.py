# SPDX-License-Identifier: MIT
"""The Debian packages: built, looked into, installed by apt in a fresh system, used there, removed without a trace. Needs root,
debootstrap, debhelper, lintian and a Debian mirror ($MIIO_DEBIAN_MIRROR). $MIIO_DEBIAN_ROOT is a tar file of what debootstrap has made
before (minbase), $MIIO_DEBS a folder of packages that are built."""
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from support import SOURCE

DEBIAN = Path(SOURCE) / "docs/packaging/debian"
MIRROR = os.environ.get("MIIO_DEBIAN_MIRROR", "http://deb.debian.org/debian")
PROXY = {name: os.environ[name] for name in ("http_proxy", "https_proxy") if name in os.environ}
LISTS = {
    "libagent0": ["/usr/lib/*/libagent.so.0"],
    "libagentmodel0": ["/usr/lib/*/libagentmodel.so.0"],
    "libagent-dev": ["/usr/include/agent/agent.h", "/usr/include/agent/test.h", "/usr/lib/*/libagent.so", "/usr/lib/*/libagent.a",
                     "/usr/lib/*/libagenttest.so", "/usr/lib/*/pkgconfig/libagent.pc", "/usr/lib/*/cmake/agent/agentConfig.cmake"],
    "miio-common": ["/etc/miio/access.conf", "/usr/lib/sysusers.d/miio.conf", "/usr/lib/tmpfiles.d/miio.conf",
                    "/usr/share/miio/serve_asked.sh", "/lib/systemd/system/miio-hook@.path"],
    "miio-agent": ["/usr/sbin/miio_agent", "/usr/sbin/miio_mcu", "/usr/sbin/miio_ota", "/etc/init.d/miio-agent", "/etc/init.d/miio-ota",
                   "/lib/systemd/system/miio-agent.socket", "/lib/systemd/system/miio-agent.service", "/usr/share/man/man8/miio_agent.8.gz"],
    "miio-client": ["/usr/sbin/miio_client", "/usr/bin/miio_recv_line", "/etc/init.d/miio-client", "/usr/share/miio/wifi_start.sh",
                    "/lib/systemd/system/miio-wifi.service", "/usr/share/miio/ask/wifi_start.sh"],
    "miio-web": ["/usr/sbin/miio_web", "/etc/init.d/miio-web", "/lib/systemd/system/miio-web.service", "/usr/share/man/man8/miio_web.8.gz"],
    "miio-doc": ["/usr/share/doc/miio/docs/zh/README.md*", "/usr/share/doc/miio/examples/subscribe.c"],
    "miio-tools": ["/usr/bin/miioctl", "/usr/bin/miio_sim", "/usr/bin/miio_gen", "/usr/share/bash-completion/completions/miioctl"],
}


def run(*args, **more):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, **more)
    assert done.returncode == 0, "%s\n%s\n%s" % (args, done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout


def need(*programs):
    missing = [p for p in programs if not shutil.which(p)]
    if missing:
        pytest.skip("not installed: " + ", ".join(missing))


@pytest.fixture(scope="module")
def debs(tmp_path_factory):
    ready = os.environ.get("MIIO_DEBS")
    if ready:
        return Path(ready)
    need("dpkg-buildpackage", "dh", "fakeroot")
    out = tmp_path_factory.mktemp("debs")
    run(DEBIAN / "build.sh", out, env={**os.environ, "DEB_BUILD_OPTIONS": "parallel=%d nocheck" % (os.cpu_count() or 1)})
    return out


def deb(debs, name):
    found = list(debs.glob(name + "_*.deb"))
    assert len(found) == 1, name
    return found[0]


def field(path, name):
    return run("dpkg-deb", "-f", path, name)


def test_programs_are_held_to_the_symbols_they_use(debs):
    for name, symbols in (("libagent0", ["agent_open@LIBAGENT_0", "agent_timer@LIBAGENT_0_2"]), ("libagentmodel0", ["agent_model_check@LIBAGENTMODEL_0"])):
        said = run("dpkg-deb", "-I", deb(debs, name), "symbols")
        for symbol in symbols:
            assert "\n %s 0.1.0" % symbol in said, said


def test_contents(debs):
    seen = {}
    for name, files in LISTS.items():
        paths = [line.split()[5][1:] for line in run("dpkg-deb", "-c", deb(debs, name)).splitlines()]
        for wanted in files:
            assert any(Path(path).match(wanted) for path in paths), "%s: %s" % (name, wanted)
        for path in paths:
            if not path.endswith("/"):
                assert seen.setdefault(path, name) == name, "%s is in %s and %s" % (path, seen[path], name)
    assert {p.name.split("_")[0] for p in debs.glob("*.deb")} - {n + "-dbgsym" for n in LISTS} == set(LISTS)


def test_dependencies(debs):
    assert re.fullmatch(r"libc6 \(>= [\d.]+\)\n", field(deb(debs, "libagent0"), "Depends"))
    needed = field(deb(debs, "libagent-dev"), "Depends")
    assert not re.search(r"libuv|libcjson|libmosquitto|libssl|libcurl", needed), needed
    for name in ("miio-agent", "miio-client"):
        assert {"libcurl4", "miio-common"} <= {d.split()[0] for d in field(deb(debs, name), "Depends").split(",")}
    control = subprocess.run("dpkg-deb --ctrl-tarfile '%s' | tar xO ./conffiles" % deb(debs, "miio-common"), shell=True,
                             capture_output=True, text=True)
    assert control.stdout.split() == ["/etc/miio/access.conf"]


def test_lintian_has_no_errors(debs):
    need("lintian")
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error", *debs.glob("*.deb")], capture_output=True, text=True)
    print(done.stdout)
    assert done.returncode == 0, done.stdout


# ---- in a system of their own ----

class Root:
    def __init__(self, path):
        self.path = path

    def sh(self, script, check=True, network=False):
        """In the root, with a network of its own that has loopback only, or with this machine's."""
        lo = "" if network else "ip link set lo up; "
        done = subprocess.run(["unshare", *([] if network else ["-n"]), "-m", "-p", "-f", "sh", "-c",
                               lo + "mount -t proc proc '%s/proc'; exec chroot '%s' /bin/sh -ec \"$0\"" % (self.path, self.path),
                               script], capture_output=True, text=True, timeout=600,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive", **PROXY})
        assert not check or done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    def files(self):
        return set(self.sh("find / -xdev -path /proc -prune -o -path /sys -prune -o -path /packages -prune -o "
                           "\\( -type f -o -type d -o -type l -o -type s \\) -print").splitlines())


def uninteresting(path):
    """What dpkg, apt and the log of installations keep of any package."""
    return re.match(r"/var/(lib/dpkg|lib/apt|cache|log/(dpkg|apt|alternatives)|backups)|/etc/(passwd|group|shadow|gshadow|ld\.so\.cache)-?$|/tmp/?$"
                    r"|/etc/\.pwd\.lock|/root", path)


@pytest.fixture(scope="module")
def root(tmp_path_factory, debs):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    need("unshare", "ip", "chroot")
    path = tmp_path_factory.mktemp("root")
    ready = os.environ.get("MIIO_DEBIAN_ROOT")
    if ready:
        run("tar", "-C", path, "-xf", ready)
    else:
        need("debootstrap")
        done = subprocess.run(["debootstrap", "--variant=minbase", "bookworm", path, MIRROR], capture_output=True, text=True)
        if done.returncode:
            pytest.skip("debootstrap cannot make a system from %s: %s" % (MIRROR, done.stdout[-300:]))
    path.chmod(0o755)  # it becomes "/" of users other than root
    (path / "packages").mkdir()
    for name in LISTS:
        shutil.copy(deb(debs, name), path / "packages")
    text = (Path(SOURCE) / "README.md").read_text()
    (path / "root/app.c").write_text(re.search(r"^```c\n(.*?)^```$", text, re.M | re.S).group(1))
    # daemons are started by the test, not by the installation
    (path / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    (path / "usr/sbin/policy-rc.d").chmod(0o755)
    shutil.copy("/etc/resolv.conf", path / "etc/resolv.conf")
    made = Root(path)
    # what the tests use themselves, none of which a package may lean on; and what apt recommends itself, so that autoremove leaves it
    made.sh("apt-get -qq update; apt-get -qq install --no-install-recommends gcc libc6-dev pkg-config systemd procps logrotate ca-certificates",
            network=True)
    yield made
    shutil.rmtree(path, ignore_errors=True)


def test_library_alone_compiles_the_readmes_application(root):
    had = set(root.sh("dpkg-query -W -f '${Package}\\n'").split())
    root.sh("cd /packages; apt-get -y install ./libagent0_*.deb ./libagentmodel0_*.deb ./libagent-dev_*.deb", network=True)
    assert root.sh("dpkg-query -W -f '${Package}\\n'").split() == sorted(had | {"libagent0", "libagentmodel0", "libagent-dev"})
    root.sh("cd /root; cc -Wall -Werror app.c $(pkg-config --cflags --libs libagent) -o app\n"
            "ldd app | grep -q libagent.so.0; ! ldd app | grep -E 'libuv|cjson|not found'\n"
            "apt-get -y purge libagent-dev libagentmodel0 libagent0; rm app")


IDENTITY = "did=10000\nkey=EsrtdeaInabcPQM0\nmac=8C:BE:BE:AA:BB:59\nvendor=v\nmodel=v.prod.v1\ncloud=none\n"
HOOK = "#!/bin/sh\necho \"${0##*/} $* as $(id -u)\" >>/run/hooks.log\n"


def test_used_removed_and_purged(root):
    before = root.files()
    users = root.sh("cat /etc/passwd /etc/group")
    root.sh("cd /packages; apt-get -y install ./*.deb", network=True)
    assert len(re.findall(r"^miio:", root.sh("getent passwd miio; getent group miio"), re.M)) == 2
    assert root.sh("stat -c '%n %U %a' /etc/miio /etc/miio/access.conf").splitlines() == [
        "/etc/miio miio 750", "/etc/miio/access.conf root 644"]
    out = root.sh("""
printf '%s' >/etc/miio/device.conf
chmod 600 /etc/miio/device.conf
mkdir -p /etc/miio-hooks; for h in wifi_start ota_install; do printf '%s' >/etc/miio-hooks/$h.sh; done
# what stands in the data directory is user miio's: root does not run it
printf '#!/bin/sh\ntouch /run/bad\n' >/etc/miio/wifi_start.sh
chmod 755 /etc/miio-hooks/* /etc/miio/wifi_start.sh
echo 'long enough' | miio_web --set-password
stat -c '%%n %%U %%a' /etc/miio/web.password
for d in client agent ota web; do /etc/init.d/miio-$d start; done
wait_for() { n=0; until "$@"; do n=$((n + 1)); [ $n -lt 300 ] || { echo "in vain: $*"; tail -n 50 /var/log/miio/*; exit 1; }; sleep 0.1; done; }
wait_for test -S /run/miio/agent.sock
wait_for sh -c 'miioctl check 2>/dev/null | grep "ok.*miio_client"'
cd /root; cc -Wall -Werror app.c $(pkg-config --cflags --libs libagent) -o app
./app >app.out 2>&1 & app=$!
wait_for sh -c 'miioctl call set_power "[\\"on\\"]" 2>/dev/null | grep ok'
wait_for miioctl wait miIO.ota
miio_send_line "$(cat <<'X'
{"id":1,"method":"local.ble.config_router","params":{"ssid":"home","passwd":"secret12","uid":4711}}
X
)"
wait_for grep -q 'wifi_start.sh.*as 0' /run/hooks.log
for d in client agent ota web; do /etc/init.d/miio-$d reload; done
wait_for grep -q 'configuration read again' /var/log/miio/agent.log
for d in client agent ota web; do /etc/init.d/miio-$d status; done
ps -o user=,comm= -C miio_agent,miio_client,miio_ota,miio_web
for d in agent client web; do logrotate -s /run/rotated -f /etc/logrotate.d/miio-$d; done
stat -c '%%n %%U' /var/log/miio /var/log/miio/agent.log /var/log/miio/agent.log.1.gz
for d in client agent ota web; do /etc/init.d/miio-$d restart; done
wait_for sh -c 'miioctl check 2>/dev/null | grep "ok.*miio_client"'
kill $app
for d in web ota agent client; do /etc/init.d/miio-$d stop; done
! ps -C miio_agent,miio_client,miio_ota,miio_web
cat /run/hooks.log; [ ! -e /run/bad ]
rm -r app app.out /run/hooks.log /run/rotated /etc/miio-hooks/*
""" % (IDENTITY, HOOK.replace("%", "%%")))
    for line in ("miio +miio_agent", "miio +miio_web", "root +miio_client", "root +miio_ota", "/etc/miio/web.password miio 600", "/var/log/miio root",
                 "/var/log/miio/agent.log miio", r"wifi_start.sh +as 0"):
        assert re.search("^%s$" % line, out, re.M), (line, out)
    names = " ".join(LISTS)
    root.sh("apt-get -y remove " + names)
    left = {p for p in root.files() - before if not uninteresting(p)}
    assert "/etc/miio/access.conf" in left and "/etc/miio/device.conf" in left  # what was set is kept
    root.sh("apt-get -y purge '~c'; apt-get -y autoremove --purge")  # those of which there is something left, and what came with them
    left = sorted(p for p in root.files() - before if not uninteresting(p))
    assert left == []
    assert sorted(before - root.files()) == []
    assert root.sh("cat /etc/passwd /etc/group") == users


# ---- the same under systemd, which is process 1 of namespaces of its own ----

# A root that is a mount and has devices of its own: the units' own namespaces are made inside it.
BOOT = """
mount --make-rprivate / && mount --bind '{root}' '{root}' && cd '{root}'
mount -t proc proc proc && mount -t sysfs sysfs sys
for d in run tmp sys/fs/cgroup; do mount -t tmpfs tmpfs $d; done
mkdir sys/fs/cgroup/systemd && mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
mount -t tmpfs -o mode=755 dev dev && mkdir dev/shm dev/pts && ln -s pts/ptmx dev/ptmx
for d in null,3 zero,5 full,7 random,8 urandom,9; do mknod -m 666 dev/${{d%,*}} c 1 ${{d#*,}}; done
mknod -m 666 dev/tty c 5 0
ip link set lo up && mkdir -p .old && pivot_root . .old && umount -l /.old
exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system
"""


class Booted:
    def __init__(self, path):
        self.process = subprocess.Popen(["unshare", "-m", "-p", "-f", "-n", "-u", "-i", "sh", "-c", BOOT.format(root=path)], start_new_session=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.init = None
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            children = Path("/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)).read_text().split()
            if children and (Path("/proc") / children[0] / "comm").read_text().strip() == "systemd":
                self.init = children[0]
                if "running" in self.sh("systemctl is-system-running --wait || true", check=False):
                    return
            time.sleep(0.2)
        said = self.process.communicate()[0] if self.process.poll() is not None else "it did not come up"
        self.end()
        pytest.skip("systemd cannot be process 1 of a namespace here: " + said[-300:])

    def sh(self, script, check=True):
        done = subprocess.run(["nsenter", "-t", self.init, "-m", "-p", "-n", "-u", "-i", "-r", "-w", "env", "-i", "LC_ALL=C",
                               "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "sh", "-ec", script],
                              capture_output=True, text=True, timeout=300)
        assert not check or done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    def until(self, script, wanted, seconds=60):
        end = time.monotonic() + seconds
        while not re.search(wanted, self.sh(script, check=False), re.M):
            assert time.monotonic() < end, "%s\n%s\n%s" % (script, self.sh(script, check=False),
                                                         self.sh("journalctl --no-pager -u 'miio*' | tail -n 40", check=False))
            time.sleep(0.2)

    def end(self):
        if self.init and self.process.poll() is None:
            os.kill(int(self.init), signal.SIGKILL)
        self.process.kill()
        self.process.wait()


@pytest.fixture
def booted(root):
    need("nsenter", "pivot_root")
    root.sh("rm -f /usr/sbin/policy-rc.d")
    b = Booted(root.path)
    yield b
    b.end()


def test_under_systemd(booted):
    """What the hardened units take away is not missed: every part works, what only root may do is done by root, and systemd's own
    means (socket, watchdog, reload, restart) work."""
    booted.sh("cd /packages; apt-get -y install ./*.deb")  # no network here: what they depend on is in apt's cache by now
    booted.until("systemctl is-active miio-agent.service", "^active")
    assert "inactive" in booted.sh("systemctl is-active miio-client || true")  # no identity yet
    booted.sh("printf '%s' >/etc/miio/device.conf; chmod 600 /etc/miio/device.conf\n"
              "mkdir -p /etc/miio-hooks; for h in wifi_start miio_client_helper ota_install; do printf '%s' >/etc/miio-hooks/$h.sh; done\n"
              "chmod 755 /etc/miio-hooks/*; systemctl start miio-client miio-ota" % (IDENTITY, HOOK.replace("%", "%%")))
    booted.until("miioctl status", "^client.*state ap_mode")
    booted.until("miioctl list", "miio_ota .*miIO.ota")
    assert booted.sh("ps -o user=,comm= -C miio_agent,miio_client,miio_ota,miio_web | sort").split() == [
        "miio", "miio_agent", "miio", "miio_client", "miio", "miio_ota", "miio", "miio_web"]
    # every question that a daemon can be asked, so that every call of the kernel is made once
    booted.sh("miioctl check || true; miioctl stats --prom; miioctl call miIO.get_ota_state; miioctl bundle /tmp/b.tar")
    # the page, as the shipped unit starts it: for root and its own user only, before there is a password
    page = "printf 'GET %s HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' | perl -MIO::Socket -e '$s = IO::Socket::INET->new(\"127.0.0.1:8086\") or die; print $s <STDIN>; print <$s>'"
    booted.until(page % "/", "^HTTP/1.1 200")
    booted.sh("""miio_send_line "$(cat <<'X'
{"id":1,"method":"local.ble.config_router","params":{"ssid":"home","passwd":"secret12","uid":4711}}
X
)" """)
    booted.until("cat /run/hooks.log", "^wifi_start.sh .*as 0$")
    booted.until("miioctl status", "^client.*state sta_mode")
    # a microcontroller on a line: the only device that its unit may open
    booted.sh("systemd-run --unit=board miio_sim mcu --link /dev/ttyM1")
    booted.until("test -e /dev/ttyM1 && chmod 666 /dev/ttyM1 && echo yes", "^yes")
    booted.sh("systemctl start miio-mcu@ttyM1")
    booted.until("miioctl call mcu.info", "model")
    daemons = ("miio-agent", "miio-client", "miio-ota", "miio-web", "miio-mcu@ttyM1")
    for unit in daemons:
        booted.sh("systemctl reload %s" % unit)
    booted.until("journalctl --no-pager -u miio-agent", "configuration read again")
    assert booted.sh("systemctl is-active %s" % " ".join(daemons)).split() == ["active"] * len(daemons)
    # an application starts the agent by its socket
    booted.sh("systemctl stop miio-agent.service; systemctl start miio-agent.socket")
    booted.until("miioctl list", "miioctl")
    # a daemon that hangs is started again (not miio_mcu: the stand-in of a line stays locked while its other end is held open)
    for unit in daemons[:-1]:
        booted.sh("mkdir -p /run/systemd/system/%s.service.d; printf '[Service]\nWatchdogSec=2\n' >/run/systemd/system/%s.service.d/w.conf\n"
                  "systemctl daemon-reload; systemctl restart %s; kill -STOP $(systemctl show -p MainPID --value %s)" % ((unit,) * 4))
        booted.until("systemctl show -p NRestarts --value %s; systemctl is-active %s" % (unit, unit), r"^[1-9]\d*\nactive")
    # asked to end, each ends at once and well
    booted.sh("systemctl stop miio-agent.socket")
    for unit in reversed(daemons):
        booted.sh("systemctl stop %s" % unit)
        assert booted.sh("systemctl show -p Result --value %s" % unit) == "success\n", unit
    assert "status=31/SYS" not in booted.sh("journalctl --no-pager -u 'miio*'")
    booted.sh("systemctl start miio-agent miio-client miio-ota miio-web miio-mcu@ttyM1; apt-get -y purge " + " ".join(LISTS) + "; ! ps -C miio_agent,miio_client,miio_ota,miio_web,miio_mcu; systemctl stop board")
    assert booted.sh("systemctl list-units --no-legend 'miio*'") == ""
