# SPDX-License-Identifier: MIT
"""Buildroot's recipe without Buildroot: its manual's rules as check-package states them, make reads the .mk beside strict stand-ins,
and the init scripts start, reload and stop the real daemons with BusyBox's programs."""
import hashlib
import os
import re
import subprocess

import pytest

from recipes_support import PACKAGING, SmallSystem, all_names, can_have_a_small_system, installed, names, options_exist
from support import SOURCE

BUILDROOT = PACKAGING / "buildroot"
CONFIG = (BUILDROOT / "Config.in").read_text()
MK = (BUILDROOT / "miio-linux.mk").read_text()
SCRIPTS = sorted(BUILDROOT.glob("S*"))
ORDER = ["type", "default", "depends", "select", "help"]
TOOLCHAIN = {"BR2_USE_MMU", "BR2_TOOLCHAIN_HAS_SYNC_4", "BR2_TOOLCHAIN_HAS_THREADS_NPTL", "BR2_TOOLCHAIN_GCC_AT_LEAST_4_9", "BR2_STATIC_LIBS"}


def entries():
    """[(kind and name, [(attribute, value)])] of Config.in; every line must be one that is understood."""
    found = []
    helping = False
    for line in CONFIG.splitlines():
        if re.match(r"(config|comment|if|endif)\b", line):
            helping = False
            found.append((line, []))
        elif helping and (line == "" or re.match(r"\t  \S", line)):
            found[-1][1][-1][1].append(line[3:])
        elif line == "" or re.match(r"\t\t\S", line):
            assert line == "" or found[-1][1][-1][1][-1].endswith("\\")
            if line:
                found[-1][1][-1][1].append(line.strip())
        else:
            match = re.fullmatch(r"\t(bool|string|default|depends on|select|help)(?: (.*))?", line)
            assert match, "Config.in: %r" % line
            helping = match.group(1) == "help"
            found[-1][1].append((match.group(1), [] if helping else [match.group(2)]))
    return found


def test_config_attributes_are_in_order():
    for head, attributes in entries():
        if head.startswith("config"):
            kinds = ["type" if a in ("bool", "string") else a.split()[0] for a, _ in attributes]
            assert kinds == sorted(kinds, key=ORDER.index) and kinds[0] == "type" and kinds[-1] == "help", head
            assert ("default", ["n"]) not in attributes
            selected = [v[0] for a, v in attributes if a == "select"]
            assert selected == sorted(selected), head


def test_config_help():
    main = dict(entries())["config BR2_PACKAGE_MIIO_LINUX"]
    text = dict(main)["help"]
    assert all(len(line) <= 62 for _, attributes in entries() for a, lines in attributes if a == "help" for line in lines)
    assert re.match(r"https?://", text[-2] if text[-1] == "" else text[-1]) and "" in text
    assert not re.search(r"[ \t]+$", CONFIG, re.M)


def test_config_repeats_what_select_does_not_carry():
    main = dict(entries())["config BR2_PACKAGE_MIIO_LINUX"]
    wanted = {v[0].split(" #")[0].lstrip("!") for a, v in main if a == "depends on"}
    assert wanted == TOOLCHAIN
    comment, = [(head, attributes) for head, attributes in entries() if head.startswith("comment")]
    assert comment[0] == 'comment "miio-linux needs a toolchain w/ NPTL, dynamic library, gcc >= 4.9"'
    said = set(re.findall(r"BR2_\w+", " ".join(word for _, v in comment[1] for word in v)))
    assert said == TOOLCHAIN
    selected = {v[0] for a, v in main if a == "select"}
    assert {"BR2_PACKAGE_LIBCURL_FORCE_TLS", "BR2_PACKAGE_OPENSSL", "BR2_PACKAGE_LIBCURL"} <= selected


def select_of(config):
    return {v[0].removeprefix("BR2_PACKAGE_").lower().replace("_", "-") for a, v in dict(entries())[config] if a == "select"} - {"libcurl-force-tls"}


# ---- Config.in, by a real reader of the language ----

# What Buildroot knows of the toolchain and of the packages that are selected, with the conditions that each has there.
AROUND = """
config BR2_USE_MMU
	bool "MMU"
config BR2_TOOLCHAIN_HAS_THREADS
	bool "threads"
config BR2_TOOLCHAIN_HAS_THREADS_NPTL
	bool "NPTL"
	select BR2_TOOLCHAIN_HAS_THREADS
config BR2_TOOLCHAIN_HAS_SYNC_4
	bool "sync 4"
config BR2_TOOLCHAIN_GCC_AT_LEAST_4_9
	bool "gcc"
config BR2_STATIC_LIBS
	bool "static"
config BR2_PACKAGE_CJSON
	bool "cjson"
config BR2_PACKAGE_INIH
	bool "inih"
config BR2_PACKAGE_LIBCURL
	bool "libcurl"
config BR2_PACKAGE_LIBCURL_FORCE_TLS
	bool "force"
	depends on BR2_PACKAGE_LIBCURL
config BR2_PACKAGE_LIBMICROHTTPD
	bool "libmicrohttpd"
	depends on BR2_TOOLCHAIN_HAS_THREADS
config BR2_PACKAGE_LIBUV
	bool "libuv"
	depends on BR2_USE_MMU && BR2_TOOLCHAIN_HAS_THREADS_NPTL && BR2_TOOLCHAIN_HAS_SYNC_4
	depends on BR2_TOOLCHAIN_GCC_AT_LEAST_4_9 && !BR2_STATIC_LIBS
config BR2_PACKAGE_MOSQUITTO
	bool "mosquitto"
	depends on BR2_USE_MMU && BR2_TOOLCHAIN_HAS_SYNC_4 && !BR2_STATIC_LIBS
config BR2_PACKAGE_MSGPACK_C
	bool "msgpack-c"
config BR2_PACKAGE_OPENSSL
	bool "openssl"
source "Config.in"
"""


@pytest.fixture
def menu(tmp_path, monkeypatch):
    kconfiglib = pytest.importorskip("kconfiglib")
    (tmp_path / "around").write_text(AROUND)
    monkeypatch.setenv("srctree", str(tmp_path))
    (tmp_path / "Config.in").write_text(CONFIG)
    read = kconfiglib.Kconfig(str(tmp_path / "around"), suppress_traceback=True, warn_to_stderr=False)
    for name in TOOLCHAIN - {"BR2_STATIC_LIBS"}:
        read.syms[name].set_value("y")
    return read


def shown(menu):
    """Whether the package is offered, and whether the comment says what it needs."""
    import kconfiglib
    return menu.syms["BR2_PACKAGE_MIIO_LINUX"].visibility == 2, kconfiglib.expr_value(menu.comments[0].prompt[1]) == 2


def test_config_selects_what_can_be_selected(tmp_path, menu):
    assert shown(menu) == (True, False)
    menu.syms["BR2_PACKAGE_MIIO_LINUX"].set_value("y")
    menu.syms["BR2_PACKAGE_MIIO_LINUX_WEB"].set_value("y")
    for name in ("LIBUV", "MOSQUITTO", "OPENSSL", "LIBCURL_FORCE_TLS", "LIBMICROHTTPD", "MSGPACK_C", "CJSON", "INIH"):
        assert menu.syms["BR2_PACKAGE_" + name].str_value == "y", name
    menu.write_config(str(tmp_path / "config"))
    assert menu.warnings == []  # such as a symbol that nobody defines, or a choice whose conditions are not met


@pytest.mark.parametrize("name, value, told", [("BR2_TOOLCHAIN_HAS_THREADS_NPTL", "n", True), ("BR2_TOOLCHAIN_GCC_AT_LEAST_4_9", "n", True),
                                               ("BR2_STATIC_LIBS", "y", True), ("BR2_USE_MMU", "n", False), ("BR2_TOOLCHAIN_HAS_SYNC_4", "n", False)])
def test_config_is_not_offered_without_its_toolchain(menu, name, value, told):
    menu.syms[name].set_value(value)
    assert shown(menu) == (False, told)


# ---- miio-linux.mk ----

def evaluate(tmp_path, *given, target="print"):
    """make with the stand-ins: variables as it sees them, or the named install part carried out."""
    (tmp_path / "main.mk").write_text("""
qstrip = $(strip $(subst ",,$(1)))
cmake-package = $(eval SEEN := 1)
INSTALL := install
include %s/miio-linux.mk
$(if $(SEEN),,$(error no $$(eval $$(cmake-package))))
print:
	@: $(foreach v,$(sort $(filter MIIO%%,$(.VARIABLES))),$(info $(v)=$(value $(v))))
	@: $(info =depends $(MIIO_LINUX_DEPENDENCIES))$(info =options $(MIIO_LINUX_CONF_OPTS))$(info =site $(MIIO_LINUX_SITE))
# $(@D) is the folder of the sources, as with Buildroot's stamps
%s/.stamp_installed:
	$(MIIO_LINUX_INSTALL_$(PART))
""" % (BUILDROOT, SOURCE))
    done = subprocess.run(["make", "-s", "--warn-undefined-variables", "-f", tmp_path / "main.mk", *given, target],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    undefined = {line for line in done.stderr.splitlines() if "undefined variable" in line} - {""}
    assert not [u for u in undefined if "BR2_" not in u and "SEEN" not in u and "PART" not in u and "MIIO_LINUX_INSTALL_'" not in u
                and "MIIO_LINUX_PKGDIR" not in u and "TARGET_DIR" not in u], undefined
    return done.stdout


ALL = ["BR2_INIT_SYSTEMD=y", "BR2_PACKAGE_MIIO_LINUX_WEB=y", 'BR2_PACKAGE_MIIO_LINUX_SRC="/src/miio"']


def test_mk_says_what_the_build_needs(tmp_path):
    said = evaluate(tmp_path, *ALL)
    depends = set(re.search(r"^=depends (.*)", said, re.M).group(1).split())
    assert depends - {"host-pkgconf"} == select_of("config BR2_PACKAGE_MIIO_LINUX") | select_of("config BR2_PACKAGE_MIIO_LINUX_WEB")
    assert depends - {"host-pkgconf"} <= all_names("buildroot")
    for row in ("libuv", "cJSON", "MessagePack", "mosquitto", "OpenSSL", "libcurl", "inih", "libmicrohttpd"):
        assert set(names("buildroot")[row]) & depends, row
    assert "=site /src/miio" in said.splitlines()
    options = set(re.findall(r"-D(MIIO_\w+)=(?:ON|OFF)", said))
    known = set(re.findall(r"^(?:option|set)\((MIIO_\w+)", "".join(open(os.path.join(SOURCE, f)).read() for f in ("CMakeLists.txt", "docs/CMakeLists.txt")), re.M))
    assert {"MIIO_SYSTEMD", "MIIO_WEB", "MIIO_EXAMPLES"} <= options <= known


def test_mk_switches_off_what_is_not_chosen(tmp_path):
    options = re.search(r"^=options (.*)", evaluate(tmp_path), re.M).group(1).split()
    assert {"-DMIIO_SYSTEMD=OFF", "-DMIIO_WEB=OFF"} <= set(options)
    options = re.search(r"^=options (.*)", evaluate(tmp_path, *ALL), re.M).group(1).split()
    assert {"-DMIIO_SYSTEMD=ON", "-DMIIO_WEB=ON"} <= set(options)


def test_form_of_the_mk():
    lines = MK.splitlines()
    assert lines[:6] == ["#" * 80, "#", "# miio-linux", "#", "#" * 80, ""] and lines[-1] == "$(eval $(cmake-package))"
    defining = False
    for line in lines[6:-1]:
        if line.startswith("define "):
            assert re.fullmatch(r"define MIIO_LINUX_[A-Z_]+", line)
            defining = True
        elif line == "endef":
            defining = False
        elif defining:
            assert re.match(r"\t\S", line) or re.match(r"\t\t\S", line), line
        elif line.startswith("\t"):
            pass
        elif line and not line.startswith("#"):
            assert re.match(r"(ifeq|else|endif)\b|MIIO_LINUX_[A-Z_]+ \+?= \S|MIIO_LINUX_[A-Z_]+ = \\$", line), line
    assert "ifdef" not in MK and not re.search(r"[ \t]+$", MK, re.M) and not re.search(r"\$\{", MK)
    fields = ["VERSION", "SITE", "SITE_METHOD", "LICENSE", "LICENSE_FILES", "INSTALL_STAGING", "DEPENDENCIES", "CONF_OPTS"]
    assert [m for m in re.findall(r"^MIIO_LINUX_([A-Z_]+) = ", MK, re.M)] == fields


def test_hashes_of_the_licences():
    lines = ["# Locally computed:"]
    for name in re.search(r"^MIIO_LINUX_LICENSE_FILES = (.*)", MK, re.M).group(1).split():
        with open(os.path.join(SOURCE, name), "rb") as f:
            lines.append("sha256  %s  %s" % (hashlib.sha256(f.read()).hexdigest(), name))
    assert len(lines) == 3 and (BUILDROOT / "miio-linux.hash").read_text().splitlines() == lines


def test_users():
    user, uid, group, gid, password, home, shell, groups, comment = re.search(r"define MIIO_LINUX_USERS\n\t(.*)", MK).group(1).split(None, 8)
    assert (user, uid, group, gid, password, home, shell, groups) == ("miio", "-1", "miio", "-1", "*", "-", "-", "-") and comment


@pytest.mark.parametrize("part, files", [
    ("INIT_SYSV", ["etc/init.d/S60miio_client", "etc/init.d/S61miio_agent", "etc/init.d/S62miio_ota", "etc/init.d/S63miio_web"]),
    ("INIT_SYSTEMD", ["usr/lib/systemd/system-preset/80-miio.preset"]), ("ACCESS", ["etc/miio/access.conf"])])
def test_install_parts(tmp_path, part, files):
    out = tmp_path / "target"
    evaluate(tmp_path, *ALL, "MIIO_LINUX_PKGDIR=%s" % BUILDROOT, "TARGET_DIR=%s" % out, "PART=" + part, target=SOURCE + "/.stamp_installed")
    got = sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file())
    assert got == files
    assert all(os.access(out / f, os.X_OK) == f.startswith("etc/init.d") for f in got)


def test_presets_name_units():
    for line in (BUILDROOT / "80-miio.preset").read_text().splitlines():
        assert line.startswith("#") or (PACKAGING / "systemd" / re.fullmatch(r"disable (\S+)", line).group(1)).is_file()


# ---- the init scripts ----

@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_form_of_a_script(script):
    text = script.read_text()
    daemon = re.fullmatch(r"S[4-9]\d(\w+)", script.name).group(1)
    lines = text.splitlines()
    at = [lines.index(wanted) for wanted in ('DAEMON="%s"' % daemon, 'PIDFILE="/var/run/$DAEMON.pid"')]
    assert at == sorted(at) and '"/etc/default/$DAEMON"' in text
    assert not re.search(r"^ ", text, re.M) and "start-stop-daemon -" in text and not re.search(r"start-stop-daemon -\w\b", text)
    for verb in ("start", "stop", "restart", "reload"):
        assert re.search(r"^%s\(\) \{" % verb, text, re.M)
    options_exist([daemon] + re.search(r'^ARGS="(.*)"', text, re.M).group(1).split())


def test_check_package_order_of_numbers():
    assert [p.name for p in SCRIPTS] == ["S60miio_client", "S61miio_agent", "S62miio_ota", "S63miio_web"]


@pytest.fixture
def system(tmp_path):
    if not can_have_a_small_system():
        pytest.skip("needs root, namespaces and busybox")
    small = SmallSystem(tmp_path, "miio_agent", "miio_client", "miio_web", "miio_ota")
    for script in SCRIPTS:
        (tmp_path / "etc/init.d").mkdir(exist_ok=True)
        (tmp_path / "etc/init.d" / script.name).write_text(script.read_text())
        (tmp_path / "etc/init.d" / script.name).chmod(0o755)
    return small


def test_scripts_start_reload_restart_and_stop(system):
    done = system.run("/etc/init.d/S60miio_client start; /etc/init.d/S62miio_ota start")
    assert done.stdout.count("SKIPPED") == 2, done.stdout + done.stderr  # no identity, no hook
    system.identity()
    (system.tmp / "etc/miio/ota_install.sh").write_text("#!/bin/sh\n")
    (system.tmp / "etc/miio/ota_install.sh").chmod(0o755)
    done = system.run(r"""
until_ok() { n=0; until "$@" >/dev/null 2>&1; do n=$((n + 1)); [ $n -lt 300 ]; sleep 0.1; done; }
echo 'long enough' | /usr/sbin/miio_web --set-password
for s in /etc/init.d/S*; do "$s" start; done
until_ok miioctl status
miioctl wait miIO.ota
cat /var/run/miio_agent.pid >/var/log/first
until_ok test -s /var/log/miio_web.log
for d in agent web; do grep '^Uid:' /proc/$(cat /var/run/miio_$d.pid)/status; done
for s in /etc/init.d/S*; do "$s" reload; done
until_ok grep -q 'configuration read again' /var/log/miio_agent.log
for s in /etc/init.d/S*; do "$s" restart; done
until_ok miioctl status
[ "$(cat /var/run/miio_agent.pid)" != "$(cat /var/log/first)" ]
for s in /etc/init.d/S*; do "$s" stop; done
! cat /proc/[0-9]*/comm | grep miio_
for s in /var/run/*.pid; do [ ! -e "$s" ]; done
""")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout and done.stdout.count("OK") == 4 + 4 + 8 + 4, done.stdout
    assert len(re.findall(r"^Uid:\s+990", done.stdout, re.M)) == 2  # agent and page are user miio
