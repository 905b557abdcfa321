# SPDX-License-Identifier: MIT
"""Yocto's recipe without bitbake: a strict reader of its language, what the recipe names beside what CMake installs, and the init
script with the real daemons and BusyBox's programs."""
import fnmatch
import hashlib
import os
import re

import pytest

from recipes_support import PACKAGING, SmallSystem, all_names, can_have_a_small_system, installed, names, options_exist
from support import SOURCE

YOCTO = PACKAGING / "yocto"
RECIPE, = YOCTO.glob("*.bb")
# variables of bitbake.conf and of the classes that are inherited, which a recipe may set
KNOWN = {"SUMMARY", "HOMEPAGE", "LICENSE", "LIC_FILES_CHKSUM", "SRC_URI", "SRCREV", "DEPENDS", "PACKAGECONFIG", "EXTRA_OECMAKE", "USERADD_PACKAGES",
         "USERADD_PARAM", "SYSTEMD_SERVICE", "INITSCRIPT_NAME", "INITSCRIPT_PARAMS", "CONFFILES", "FILES", "RDEPENDS", "RRECOMMENDS"}
CLASSES = {"cmake", "pkgconfig", "systemd", "update-rc.d", "useradd", "manpages"}
PER_PACKAGE = {"USERADD_PARAM", "SYSTEMD_SERVICE", "CONFFILES", "FILES", "RDEPENDS", "RRECOMMENDS"}  # want an override
# ${...} of the recipe, as bitbake.conf has them with usrmerge
DIRS = {"sysconfdir": "/etc", "datadir": "/usr/share", "nonarch_libdir": "/usr/lib", "systemd_system_unitdir": "/usr/lib/systemd/system",
        "bindir": "/usr/bin", "sbindir": "/usr/sbin", "libdir": "/usr/lib", "PN": "miio-linux", "BPN": "miio-linux"}
# FILES of bitbake.conf: of the package itself, and of -dev, -staticdev, -doc
FILES = ["/usr/bin/*", "/usr/sbin/*", "/usr/lib/lib*.so.*", "/etc/*", "/usr/share/miio-linux/*"]
OTHERS = ["/usr/include/*", "/usr/lib/lib*.so", "/usr/lib/pkgconfig/*", "/usr/lib/cmake/*", "/usr/lib/*.a", "/usr/share/doc/*", "/usr/share/man/*"]


def statements():
    """[(name, override or flag, operator, value)], [(function, body)] and the classes; anything else is an error."""
    values, functions, inherited = [], [], []
    text = RECIPE.read_text()
    joined, lines = "", []
    for line in text.splitlines():
        assert not re.search(r"[ \t]$", line), "%r ends with blanks" % line
        joined += line
        if joined.endswith("\\"):
            joined = joined[:-1]
            continue
        lines.append(joined)
        joined = ""
    assert joined == "", "a continuation without an end"
    body = None
    for line in lines:
        if body is not None:
            if line == "}":
                functions.append((name, body))
                body = None
            else:
                assert re.match(r"    \S", line), line
                body.append(line.strip())
        elif line.startswith("inherit "):
            inherited += line.split()[1:]
        elif re.fullmatch(r"(\w+)(:append|:prepend)?\(\) \{", line):
            name, body = line.split("(")[0], []
        elif line and not line.startswith("#"):
            match = re.fullmatch(r'([A-Z_]+)(?:\[(\w+)\]|:(\$\{PN\}))? (=|\?\?=|\+=) "([^"]*)"', line)
            assert match, "not understood: %s" % line
            values.append((match.group(1), match.group(2) or match.group(3), match.group(4), match.group(5)))
    assert body is None
    return values, functions, inherited


VALUES, FUNCTIONS, INHERITED = statements()


def value(name):
    found = [v for n, flag, _, v in VALUES if n == name and flag in (None, "${PN}")]
    assert len(found) == 1, name
    return found[0]


def expanded(text):
    return re.sub(r"\$\{(\w+)\}", lambda m: DIRS[m.group(1)], text)


def test_variables_and_classes_are_known():
    assert set(INHERITED) == CLASSES
    for name, flag, _, _ in VALUES:
        assert name in KNOWN, name
        assert (flag == "${PN}") == (name in PER_PACKAGE), name
    assert {n for n, _ in FUNCTIONS} == {"do_install:append"}
    assert RECIPE.name == "miio-linux_%s.bb" % re.search(r"project\(.*?VERSION ([\d.]+)", open(os.path.join(SOURCE, "CMakeLists.txt")).read(), re.S).group(1)


def test_licence():
    assert value("LICENSE") == "MIT AND BSD-1-Clause"
    words = value("LIC_FILES_CHKSUM").split()
    assert len(words) == 2
    for word in words:
        name, end, said = re.fullmatch(r"file://([\w/.]+)(?:;endline=(\d+))?;md5=(\w+)", word).groups()
        with open(os.path.join(SOURCE, name), "rb") as f:
            lines = f.readlines()[:int(end) if end else None]
        assert hashlib.md5(b"".join(lines)).hexdigest() == said, name
        assert not end or lines[-1] == b"*/\n"


def test_sources():
    words = value("SRC_URI").split()
    assert re.fullmatch(r"git://\S+;protocol=https;branch=\w+", words[0])
    for word in words[1:]:
        assert (YOCTO / "files" / word.removeprefix("file://")).is_file(), word
    assert value("SRCREV") and value("HOMEPAGE").startswith("https://") and len(value("SUMMARY")) <= 72


def configs():
    """PACKAGECONFIG name -> its fields: what switches it on, off, what it needs."""
    return {flag: v.split(",") for n, flag, _, v in VALUES if n == "PACKAGECONFIG" and flag}


def test_dependencies_are_recipes_of_the_layers():
    table = names("yocto")
    depends = set(value("DEPENDS").split())
    optional = {word for fields in configs().values() for word in fields[2:]}
    assert depends | optional <= all_names("yocto")
    for row in ("libuv", "cJSON", "MessagePack", "mosquitto", "OpenSSL", "libcurl", "inih"):
        assert set(table[row]) & depends, row
    assert set(table["libmicrohttpd"]) & optional and set(table["scdoc"]) & optional
    assert "libcurl" in value("RDEPENDS").split()  # opened when it is first needed: no program names it


def test_cmake_options_exist():
    known = set(re.findall(r"^(?:option|set)\((MIIO_\w+)", "".join(open(os.path.join(SOURCE, f)).read() for f in ("CMakeLists.txt", "docs/CMakeLists.txt")), re.M))
    assert set(re.findall(r"-D(MIIO_\w+)", RECIPE.read_text())) <= known
    for fields in configs().values():
        on, off = (re.fullmatch(r"-D(MIIO_\w+)=(ON|OFF)", f).groups() for f in fields[:2])
        assert on == (off[0], "ON") and off[1] == "OFF"
    for option, folder in (("UNITDIR", "${systemd_system_unitdir}"), ("SYSUSERS_DIR", "${nonarch_libdir}/sysusers.d"), ("TMPFILES_DIR", "${nonarch_libdir}/tmpfiles.d")):
        name = "MIIO_SYSTEMD_UNITDIR" if option == "UNITDIR" else "MIIO_" + option
        assert "-D%s=%s" % (name, folder) in value("EXTRA_OECMAKE").split()


def test_every_installed_file_is_in_a_package(tmp_path):
    """What bitbake calls installed-vs-shipped."""
    root = installed(tmp_path / "root")
    paths = ["/" + str(p.relative_to(root)) for p in root.rglob("*") if not p.is_dir()]
    cmake = open(os.path.join(SOURCE, "docs/CMakeLists.txt")).read()
    units = re.search(r"foreach\(unit (.*?)\$\{web\}\)", cmake, re.S).group(1).split()
    assert len(units) >= 9
    paths += ["/usr/lib/systemd/system/" + u for u in [*units, "miio-web.service"]] + ["/usr/lib/sysusers.d/miio.conf", "/usr/lib/tmpfiles.d/miio.conf"]
    own = FILES + [expanded(f) + "/*" for f in value("FILES").split()]
    for path in paths:
        path = re.sub(r"^/usr/lib/[a-z0-9_]+-linux-gnu\w*/", "/usr/lib/", path).replace("/usr/local/etc/", "/etc/")
        assert any(fnmatch.fnmatch(path, f) for f in own + OTHERS), path
    assert not any(fnmatch.fnmatch("/usr/share/doc/x", f) for f in own)


def test_units_and_user():
    for name in re.sub(r"\$\{@.*?, '([\w.-]+)', '', d\)\}", r"\1", value("SYSTEMD_SERVICE")).split():
        assert (PACKAGING / "systemd" / name).is_file(), name
    words = value("USERADD_PARAM").split()
    kind, user, _, home = re.search(r"^(u) (\S+) (\S+) .* (\S+)$", (PACKAGING / "systemd/miio.sysusers").read_text(), re.M).groups()
    assert words[-1] == user == "miio" and words[words.index("--home-dir") + 1] == home and "--system" in words and "--user-group" in words


def test_install_function():
    (_, lines), = FUNCTIONS
    for line in lines:
        source, target = re.fullmatch(r"install -D -m 0[67][45][45] (\S+) \$\{D\}(\S+)", line).groups()
        path = source.replace("${UNPACKDIR}", str(YOCTO / "files")).replace("${S}", SOURCE)
        assert os.path.isfile(path), line
        assert expanded(target).startswith("/etc/"), line
    for path in value("CONFFILES").split():
        assert any("${D}" + path in line for line in lines)
    assert any(line.endswith("${sysconfdir}/init.d/" + value("INITSCRIPT_NAME")) for line in lines)


# ---- the init script ----

def test_init_script_names_options_that_exist():
    text = (YOCTO / "files/miio.init").read_text()
    for program, name in (("miio_client", "CLIENT"), ("miio_agent", "AGENT"), ("miio_ota", "OTA"), ("miio_web", "WEB")):
        options_exist([program] + re.search(r'^%s="(.*)"' % name, text, re.M).group(1).replace("$ACCESS", "x").split())
    head = text[text.index("### BEGIN INIT INFO"):text.index("### END INIT INFO")]
    for field in ("Provides", "Required-Start", "Required-Stop", "Default-Start", "Default-Stop", "Short-Description"):
        assert re.search(r"^# %s:\s+\S" % field, head, re.M), field


def test_init_script_starts_reloads_restarts_and_stops(tmp_path):
    if not can_have_a_small_system():
        pytest.skip("needs root, namespaces and busybox")
    system = SmallSystem(tmp_path, "miio_agent", "miio_client", "miio_web", "miio_ota")
    system.identity()
    (tmp_path / "etc/miio/ota_install.sh").write_text("#!/bin/sh\n")
    (tmp_path / "etc/miio/ota_install.sh").chmod(0o755)
    script = tmp_path / "etc/miio.init"
    script.write_text((YOCTO / "files/miio.init").read_text())
    script.chmod(0o755)
    done = system.run(r"""
until_ok() { n=0; until "$@" >/dev/null 2>&1; do n=$((n + 1)); [ $n -lt 300 ]; sleep 0.1; done; }
echo 'long enough' | /usr/sbin/miio_web --set-password
/etc/miio.init start
until_ok miioctl status
miioctl wait miIO.ota
cat /var/run/miio_agent.pid >/var/log/first
until_ok test -s /var/log/miio_web.log
for d in agent web; do grep '^Uid:' /proc/$(cat /var/run/miio_$d.pid)/status; done
/etc/miio.init reload
until_ok grep -q 'configuration read again' /var/log/miio_agent.log
/etc/miio.init restart
until_ok miioctl status
[ "$(cat /var/run/miio_agent.pid)" != "$(cat /var/log/first)" ]
/etc/miio.init stop
! cat /proc/[0-9]*/comm | grep miio_
for s in /var/run/*.pid; do [ ! -e "$s" ]; done
/etc/miio.init stop
! /etc/miio.init nothing
""")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"^Uid:\s+990", done.stdout, re.M)) == 2  # agent and page are user miio
