# SPDX-License-Identifier: MIT
"""OpenWrt's recipe without OpenWrt: make reads it beside strict stand-ins of the files that it includes and carries out its install
parts, and the init script runs under a shell with procd's functions."""
import os
import re
import subprocess

import pytest

from recipes_support import PACKAGING, all_names, installed, names, needed, options_exist
from support import SOURCE

OPENWRT = PACKAGING / "openwrt"
MAKEFILE = (OPENWRT / "Makefile").read_text()

# rules.mk, package.mk and cmake.mk as the recipe sees them: what they ask for, and in which order.
RULES = """
INSTALL_DIR := install -d -m0755
INSTALL_BIN := install -m0755
INSTALL_DATA := install -m0644
INSTALL_CONF := install -m0600
CP := cp -fpR
RULES_READ := 1
"""
PACKAGE = """
$(if $(RULES_READ),,$(error rules.mk comes first))
$(foreach v,PKG_NAME PKG_VERSION PKG_RELEASE PKG_MAINTAINER PKG_LICENSE PKG_LICENSE_FILES,$(if $($(v)),,$(error $(v) is missing)))
PACKAGE_READ := 1
FIELDS := SECTION CATEGORY TITLE URL DEPENDS USERID ABI_VERSION
define BuildPackage
  $(foreach f,$(FIELDS),$(eval $(f):=))
  $(eval $(Package/$(1)))
  $(info package|$(1)|$(SECTION)|$(CATEGORY)|$(TITLE)|$(URL)|$(DEPENDS)|$(USERID)|$(ABI_VERSION))
  $(foreach f,SECTION CATEGORY TITLE URL,$(if $($(f)),,$(error $(1): $(f) is missing)))
  $(if $(Package/$(1)/description),,$(error $(1) has no description))
all: install-$(1)
install-$(1):
	$(call Package/$(1)/install,$(OUT)/$(1))
endef
all:
"""
CMAKE = "$(if $(PACKAGE_READ),,$(error package.mk comes before cmake.mk))\nCMAKE_READ := 1\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(what the recipe says of each package, the folder with their contents)"""
    tmp = tmp_path_factory.mktemp("openwrt")
    for name, text in (("rules.mk", RULES), ("package.mk", PACKAGE), ("cmake.mk", CMAKE)):
        (tmp / name).write_text(text)
    root = installed(tmp / "install")
    done = subprocess.run(["make", "-s", "--warn-undefined-variables", "-C", OPENWRT, "TOPDIR=%s" % tmp, "INCLUDE_DIR=%s" % tmp,
                           "PKG_INSTALL_DIR=%s" % root, "PKG_BUILD_DIR=%s/build" % tmp, "OUT=%s/out" % tmp,
                           "CONFIG_PACKAGE_miio-web=y", "CMAKE_OPTIONS=", "all"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    undefined = [line for line in done.stderr.splitlines() if "undefined variable" in line and "RULES_READ" not in line and "PACKAGE_READ" not in line]
    assert undefined == []
    rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("package|")]
    return {row[1]: dict(zip(("section", "category", "title", "url", "depends", "userid", "abi"), row[2:])) for row in rows}, tmp / "out"


def test_three_packages(made):
    packages, out = made
    assert set(packages) == {"miio-linux", "miio-web", "libagent"}
    for row in packages.values():
        assert row["url"].startswith("https://") and len(row["title"]) <= 60
    assert packages["miio-linux"]["userid"] == "miio:miio"  # a user, not a group alone
    assert packages["libagent"]["abi"] == "0" and packages["libagent"]["depends"] == ""


def test_dependencies_are_packages_of_the_feeds(made):
    packages, _ = made
    own = set(packages)
    for name, row in packages.items():
        for dependency in row["depends"].split():
            assert dependency.startswith("+") and dependency[1:] in all_names("openwrt") | own, "%s: %s" % (name, dependency)
    assert re.search(r"^PKG_BUILD_DEPENDS:=msgpack-c$", MAKEFILE, re.M)


def test_every_library_that_is_needed_is_a_dependency(made):
    packages, out = made
    table = names("openwrt")
    seen = set()
    for name, row in packages.items():
        have = {d[1:] for d in row["depends"].split()}
        for path in (out / name).rglob("*"):
            if path.is_file() and not path.is_symlink() and path.read_bytes()[:4] == b"\x7fELF":
                for library in needed(path):
                    assert set(table[library]) & have, "%s: %s needs %s" % (name, path.name, library)
                    seen.add(library)
    assert {"libuv", "mosquitto", "OpenSSL", "inih", "libmicrohttpd"} <= seen
    assert "+libcurl" in packages["miio-linux"]["depends"].split()  # opened when it is first needed


def test_what_is_installed(made):
    _, out = made
    main = out / "miio-linux"
    for path in ("usr/sbin/miio_agent", "usr/sbin/miio_client", "usr/sbin/miio_mcu", "usr/sbin/miio_ota", "usr/bin/miioctl", "etc/init.d/miio",
                 "usr/share/miio/wifi_start.sh", "usr/share/miio/wifi_sample.sh", "usr/share/miio/miio_client_helper.sh", "etc/config/miio",
                 "etc/miio/access.conf"):
        assert (main / path).is_file(), path
    for path in ("etc/init.d/miio", "usr/share/miio/wifi_start.sh", "usr/share/miio/wifi_sample.sh"):
        assert os.access(main / path, os.X_OK), path
    assert (main / "usr/share/miio/wifi_sample.sh").read_bytes() == open(os.path.join(SOURCE, "client/hooks/wifi_start.sh"), "rb").read()
    assert (out / "libagent/usr/lib/libagent.so.0").exists() and (out / "miio-web/usr/sbin/miio_web").is_file()
    conffiles = re.search(r"^define Package/miio-linux/conffiles\n(.*?)^endef", MAKEFILE, re.M | re.S).group(1).splitlines()
    for path in conffiles:
        assert path.startswith("/") and (main / path[1:]).exists() and (main / path[1:]).is_dir() == path.endswith("/"), path


def test_form_of_the_makefile():
    """The feed's rules: order, indents, what is not to be there."""
    lines = MAKEFILE.splitlines()
    at = [next(i for i, line in enumerate(lines) if line == wanted) for wanted in
          ("include $(TOPDIR)/rules.mk", "include $(INCLUDE_DIR)/package.mk", "include $(INCLUDE_DIR)/cmake.mk")]
    assert at == sorted(at)
    fields = [i for i, line in enumerate(lines) if line.startswith("PKG_")]
    assert at[0] < min(fields) and max(fields) < at[1]
    assert next(i for i, line in enumerate(lines) if line.startswith("CMAKE_OPTIONS")) > at[2]
    assert re.search(r"^PKG_MAINTAINER:=.+ <.+@.+>$", MAKEFILE, re.M) and "PKG_LICENSE:=MIT BSD-1-Clause" in lines
    for path in re.search(r"^PKG_LICENSE_FILES:=(.*)", MAKEFILE, re.M).group(1).split():
        assert os.path.isfile(os.path.join(SOURCE, path)), path
    inside = None
    for line in lines:
        begins = re.match(r"define (\S+)", line)
        if begins:
            inside = begins.group(1)
            assert "$(PKG_NAME)" not in line
        elif line == "endef":
            inside = None
        elif inside and line:
            assert "$(PKG_NAME)" not in line
            wanted = "" if re.search("/(conffiles|post|pre)", inside) else "\t" if inside.startswith("Build/") or inside.endswith("/install") else "  "
            assert re.match(wanted + r"\S", line), "%s: %r" % (inside, line)
    assert not re.search(r"[ \t]+$", MAKEFILE, re.M)


def test_cmake_options_exist():
    known = set(re.findall(r"^(?:option|set)\((MIIO_\w+)", "".join(open(os.path.join(SOURCE, f)).read() for f in ("CMakeLists.txt", "docs/CMakeLists.txt")), re.M))
    assert set(re.findall(r"-D(MIIO_\w+)", MAKEFILE)) <= known
    version = re.search(r"project\(.*?VERSION ([\d.]+)", open(os.path.join(SOURCE, "CMakeLists.txt")).read(), re.S).group(1)
    assert "PKG_VERSION:=" + version in MAKEFILE.splitlines()


def test_version_script(made, tmp_path):
    _, out = made
    version = re.search(r"PKG_VERSION:=(.*)", MAKEFILE).group(1)
    path = ":".join(str(out / p) for p in ("miio-linux/usr/sbin", "miio-linux/usr/bin", "miio-web/usr/sbin")) + ":/bin:/usr/bin"
    for name in ("miio-linux", "miio-web", "libagent"):
        for said, code in ((version, 0), ("9.9.9", 0 if name == "libagent" else 1)):
            done = subprocess.run(["sh", OPENWRT / "test-version.sh", name, said], env={**os.environ, "PATH": path}, capture_output=True)
            assert done.returncode == code, (name, said)


# ---- the init script, under procd's functions ----

PROCD = r"""
fail() { echo "procd: $*" >&2; exit 9; }
config_load() { [ "$1" = miio ] || fail "config $1"; }
config_get() { eval "$1=\${UCI_$2_$3:-\${4-}}"; }
config_get_bool() { config_get "$@"; }
config_foreach() { for section in $UCI_MCU; do "$1" "$section"; done; }
instance=
procd_open_instance() { [ -z "$instance" ] || fail "an instance in an instance"; instance=${1:-1}; jailed=; echo "instance $instance"; }
procd_close_instance() { [ -n "$instance" ] || fail "no instance"; instance=; }
procd_set_param() {
    [ -n "$instance" ] || fail "a parameter outside of an instance"
    case $1 in
    command | env | file | netdev | limits | nice | respawn | stdout | stderr | term_timeout | reload_signal | user | group | seccomp | capabilities | no_new_privs) ;;
    *) fail "no parameter $1" ;;
    esac
    echo "$instance $*"
}
procd_append_param() { procd_set_param "$@"; }
procd_add_jail() { [ -n "$instance" ] || fail "a jail outside"; jailed=1; echo "$instance jail $*"; }
procd_add_jail_mount() { [ -n "$jailed" ] || fail "a mount without a jail"; echo "$instance mount $*"; }
procd_add_jail_mount_rw() { procd_add_jail_mount "$@"; }
procd_add_mdns() { [ -n "$instance" ] || fail "mDNS outside"; echo "$instance mdns $MDNS_INSTANCE_NAME $*"; }
procd_add_reload_trigger() { echo "trigger $*"; }
chown() { :; }
mkdir() { :; }
"""


def start(tmp_path, device=True, **uci):
    """What the script tells procd, as lines."""
    conf = tmp_path / "device.conf"
    if isinstance(device, bytes):
        conf.write_bytes(device)
    elif device:
        conf.write_text("did=10000\nkey=EsrtdeaInabcPQM0\nmac=8C:BE:BE:AA:BB:59\nvendor=v\nmodel=a.lamp.v1\n")
    shipped = {}
    section = None
    for line in (OPENWRT / "files/miio.config").read_text().splitlines():
        words = line.replace("'", "").split()
        if words[:2] == ["config", "miio"]:
            section = words[2]
        elif words[:1] == ["option"]:
            shipped["UCI_%s_%s" % (section, words[1])] = words[2]
    text = (OPENWRT / "files/miio.init").read_text()
    assert text.startswith("#!/bin/sh /etc/rc.common\n") and "\nUSE_PROCD=1\n" in text
    text = text.replace("/etc/miio/device.conf", str(conf)).replace("[ -x /usr/sbin/miio_web ]", "true").replace("[ -x /etc/miio/ota_install.sh ]", "true")
    done = subprocess.run(["busybox", "sh", "-c", PROCD + text + "\nstart_service\n[ -z \"$instance\" ] || fail open\nservice_triggers\n"],
                          env={"PATH": "/bin:/usr/bin", **shipped, "UCI_MCU": "m", "UCI_m_tty": "/dev/ttyS1", **uci}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_init_starts_every_daemon(tmp_path):
    lines = start(tmp_path)
    instances = [line.split()[1] for line in lines if line.startswith("instance ")]
    assert instances == ["client", "agent", "ota", "web", "mcu_ttyS1"]
    for name in instances:
        own = [line.split()[1:] for line in lines if line.split()[0] == name]
        command, = [words[1:] for words in own if words[0] == "command"]
        options_exist(command)
        assert ["respawn", "3600", "5", "0"] in own and ["reload_signal", "HUP"] in own and ["stderr", "1"] in own and ["no_new_privs", "1"] in own
    for name in ("agent", "web"):
        assert "%s user miio" % name in lines and "%s group miio" % name in lines
    assert any(line.startswith("agent jail miio log") for line in lines)
    assert not any(line.startswith("client jail") or line.startswith("client user") for line in lines)  # its hooks set networks up
    assert "trigger miio" in lines
    assert any(line == "client file %s" % (tmp_path / "device.conf") for line in lines)


def test_init_follows_the_settings(tmp_path):
    assert not any(line.startswith("client") for line in start(tmp_path, device=False))  # procd has no "not on exit 78"
    assert "client mdns a-lamp-v1_miio10000 miio udp 54321" in start(tmp_path, UCI_client_mdns="1")
    lines = "\xef\xbb\xbfdid = 10000\r\nmodel = a.lamp.v1\r\n#model=no\r\nmodel=/etc/miio/model.json\r\nmodel=lamp.json\r\n"
    assert "client mdns a-lamp-v1_miio10000 miio udp 54321" in start(tmp_path, UCI_client_mdns="1", device=lines.encode("latin-1"))
    assert not any("mdns" in line for line in start(tmp_path))
    for name in ("agent", "client", "ota", "web"):
        assert "instance " + name not in start(tmp_path, **{"UCI_%s_enabled" % name: "0"})
    assert any("--listen 0.0.0.0:80" in line for line in start(tmp_path, UCI_web_listen="0.0.0.0:80"))


def test_no_background_jobs():
    """A child would keep procd's lock."""
    assert not re.search(r"&\s*$|& ", re.sub(r"&&|>&\d|\d>&-", "", (OPENWRT / "files/miio.init").read_text()), re.M)
