# SPDX-License-Identifier: MIT
"""What the documents say is what the programs do: options, keys, functions, links, installed paths."""
import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest

SOURCE = Path(os.environ["MIIO_SOURCE"])
BIN = Path(os.environ["MIIO_BIN"])
MAN = SOURCE / "docs" / "man"
PAGES = {"miio_agent": 8, "miio_client": 8, "miio_ota": 8, "miio_mcu": 8, "miio_web": 8, "miioctl": 1, "miio_sim": 1, "miio_gen": 1}
SIM_HELPS = [["mcu"], ["phone"], ["device"], ["fleet"], ["cloud"]] + [["cloud", "--kind", k] for k in ("ot", "gizwits", "onenet", "mqtt")]

CTL_HELPS = [[c] for c in ("list", "call", "send", "listen", "monitor", "replay", "top", "wait", "stats", "check")]


def page(name):
    return next(MAN.glob(f"{name}.*.scd")).read_text()


def run(*args, **more):
    return subprocess.run([str(a) for a in args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=60, **more)


def help_of(program):
    calls = {"miio_sim": [[]] + SIM_HELPS, "miioctl": [[]] + CTL_HELPS}.get(program, [[]])
    text = ""
    for args in calls:
        done = run(BIN / program, *args, "--help")
        assert done.returncode == 0, (program, args, done.stderr)
        text += done.stdout
    if program == "miioctl":
        for command in re.findall(r"^  ([a-z]+) ", text[text.index("commands:"):], re.M):
            text += run(BIN / program, "help", command).stdout
    return text


# ---- manual pages ----

@pytest.mark.parametrize("source", sorted(MAN.glob("*.scd")), ids=lambda p: p.name)
def test_page_builds(source):
    done = subprocess.run(["scdoc"], input=source.read_bytes(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout


def test_pages_are_named_as_they_say():
    for source in MAN.glob("*.scd"):
        name, section = re.match(r"(.+)\((\d)\)$", source.read_text().splitlines()[0]).groups()
        assert source.name == f"{name}.{section}.scd"


def test_each_program_has_a_page():
    for name, section in PAGES.items():
        assert (MAN / f"{name}.{section}.scd").is_file()


@pytest.mark.parametrize("program", PAGES)
def test_options_of_help_and_page(program):
    said = help_of(program)
    written = page(program)
    long_said = set(re.findall(r"(?<![\w-])--([a-z0-9][a-z0-9-]*)", said))
    long_written = set(re.findall(r"\*--([a-z0-9][a-z0-9-]*)\*", written))
    short_said = set(re.findall(r"(?<![\w-])-([A-Za-z])(?![\w-])", said))
    short_written = set(re.findall(r"\*-([A-Za-z])\*", written))
    # every program has them, not every help of a stand-in's part repeats them
    common = {"help", "version"}
    assert long_said - long_written == set(), "in --help, not in the page"
    assert long_written - long_said - common == set(), "in the page, not in --help"
    assert short_said - short_written == set(), "in --help, not in the page"
    assert short_written - short_said - {"h", "v"} == set(), "in the page, not in --help"


def header_text(name):
    return (SOURCE / "libagent/include/agent" / name).read_text()


def declared_in(header):
    return set(re.findall(r"AGENT_API [^;]*?\b(agent_[a-z_]+)\(", header_text(header)))


def test_functions_of_the_library():
    declared = declared_in("agent.h")
    written = page("libagent")
    named = set(re.findall(r"\b(agent_[a-z_]+)\b", written))
    assert declared - named == set(), "declared, not in libagent(3)"
    assert named & {n for n in named if f"*{n}*()" in written} - declared == set(), "in libagent(3), not declared"
    for code in re.findall(r"#define AGENT_(?:CODE|E)_[A-Z_]+\s+\(?(-\d+)", header_text("agent.h")):
        assert code in written, f"code {code} is not in libagent(3)"


def test_functions_of_the_library_for_tests():
    declared = declared_in("test.h")
    written = page("libagenttest")
    named = set(re.findall(r"\*(agent_[a-z_]+)\*\(", written))
    assert declared - named - {"agent_test_here"} == set(), "declared, not in libagenttest(3)"
    assert named - declared - declared_in("agent.h") == set(), "in libagenttest(3), not declared"


def test_functions_of_the_model_library():
    header = (SOURCE / "libagent/include/agent/model.h").read_text()
    declared = set(re.findall(r"AGENT_API [^;]*?\b(agent_[a-z_]+)\(", header))
    named = set(re.findall(r"\*(agent_[a-z_]+)\*\(\)", page("libagentmodel")))
    assert declared == named
    for code in re.findall(r"#define AGENT_MODEL_[A-Z_]+\s+\(?(-\d+)", header):
        assert code in page("libagentmodel")


@pytest.mark.parametrize("library", ["libagent", "libagentmodel"])
def test_program_of_the_library_page_compiles(library):
    program = re.search(r"```\n(.*?)```", page(library), re.S).group(1).replace("\\\\", "\\")
    done = subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c", "-I",
                           str(SOURCE / "libagent/include"), "-"], input=program, text=True, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr


# ---- device.conf ----

def keys_read():
    keys = set()
    for source in (SOURCE / "client").rglob("*.[ch]"):
        text = source.read_text()
        # the functions that take a key, and any word that looks like one
        takers = "device_conf_get|device_conf_get_int|text_or|entry_find"
        if source.name.endswith("_conf.c"):
            takers += r"|read_\w+"
        keys |= set(re.findall(rf'(?:{takers})\([^;"]*?"([a-z0-9_]+)"', text))
        keys |= set(re.findall(r'"((?:ot|gizwits|onenet|mqtt|ha|spool|zone)_[a-z0-9_]+)"', text))
    options = (SOURCE / "client/options/options_table.c").read_text()
    keys |= set(re.findall(r'\[OPT_\w+\] = \{"[a-z-]+", "([a-z_]+)"', options))
    return keys - {"spool_remove", "cli2ser_req"}


def test_keys_of_device_conf():
    written = page("device.conf")
    named = set(re.findall(r"\*([a-z0-9_]+)\*", written))
    read = keys_read()
    assert len(read) > 70
    missing = sorted(k for k in read if k not in named and not is_other_word(k))
    assert missing == [], "read, not in device.conf(5)"
    source = "".join(p.read_text() for p in (SOURCE / "client").rglob("*.[ch]"))
    for key in named - {"mcu", "zone"}:
        assert f'"{key}"' in source or f'"{key}=' in source, f"{key} is in device.conf(5), nobody reads it"


def is_other_word(word):
    """Literals beside the keys: no manual page names them."""
    return word in {"homeassistant", "miio", "gizwits_type"} or word.startswith("mqtt_api_")


def limits_of_the_agent():
    """[(field, option, default)] of the list in limits.h."""
    rows = re.findall(r'X\((\w+), +"([a-z-]+)", +(\d+)u?(?: << (\d+))?,', (SOURCE / "agent/core/state/limits.h").read_text())
    return [(name, option, int(number) << int(shift or 0)) for name, option, number, shift in rows]


def keys_of_rows(source, table):
    """Of a program's table of settings, those that a file may have."""
    rows = re.search(rf"ag_option {table}\[\] = \{{(.*?)\n\}};", (SOURCE / source).read_text(), re.S).group(1)
    return re.findall(r'\{(?:NULL|"[a-z0-9-]+"), "([a-z0-9_-]+)"', rows)


def test_settings_of_the_agent():
    written = page("miio_agent")
    names = keys_of_rows("agent/settings.c", "fixed")
    limits = [option for _, option, _ in limits_of_the_agent()]
    assert len(names) == 10 and len(limits) >= 16
    section = written[written.index("# CONFIGURATION FILE"):]
    for name in names + limits:
        assert name.removeprefix("max-").replace("-", "_") in section, f"{name} is not in miio_agent(8)"


def test_defaults_of_the_limits():
    written = page("miio_agent")
    for name, option, default in limits_of_the_agent():
        if not name.endswith("_ms"):
            assert f"*--{option}*\n:  {default}\n" in written, name


def test_settings_of_the_mcu():
    written = page("miio_mcu")
    names = keys_of_rows("agent/apps/mcu/io/conf.c", "mcu_conf_rows")
    assert len(names) == 22
    for name in names:
        assert f"*{name}*" in written, f"{name} is not in miio_mcu(8)"


def test_settings_of_the_page():
    written = page("miio_web")
    section = written[written.index("# CONFIGURATION FILE"):written.index("# THE NETWORK HOOK")]
    keys = keys_of_rows("agent/apps/web/settings.c", "rows")
    assert len(keys) == 13
    for key in keys:
        assert f"*{key}*" in section, f"{key} is not in miio_web(8)"


# ---- links and paths ----

def anchors(page):
    """What a heading is called in a link."""
    titles = re.findall(r"^#+ +(.*)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}


def broken_links(top):
    bad = []
    for source in sorted(top.rglob("*.md")):
        if any(part.startswith(("build", ".")) for part in source.relative_to(top).parts):
            continue
        for target in re.findall(r"\]\(([^)\s]+)\)", source.read_text()):
            path, _, anchor = target.partition("#")
            page = source.parent / path if path else source
            if "://" in target:
                continue
            if not page.exists() or anchor and anchor not in anchors(page):
                bad.append(f"{source.relative_to(top)}: {target}")
    return bad


def test_links_between_documents():
    assert broken_links(SOURCE) == []


def test_documents_are_in_the_index():
    index = (SOURCE / "docs/README.md").read_text()
    for source in (SOURCE / "docs").glob("*.md"):
        assert source.name == "README.md" or f"({source.name})" in index, f"{source.name} is not in docs/README.md"


def test_packaging_names_installed_paths():
    build = BIN.parent
    with tempfile.TemporaryDirectory() as root:
        done = run("cmake", "--install", build, "--prefix", "/usr", env={**os.environ, "DESTDIR": root})
        assert done.returncode == 0, done.stderr
        # what OpenWrt's recipe itself puts there, under a name of its own
        own = set(re.findall(r"\$\(1\)(/usr/share/miio/[\w.]+)$", (SOURCE / "docs/packaging/openwrt/Makefile").read_text(), re.M))
        for source in (SOURCE / "docs/packaging").rglob("*"):
            if not source.is_file():
                continue
            text = source.read_text().replace("$(PKG_INSTALL_DIR)", "")
            for path in re.findall(r"(?<![\w)])/usr/(?:s?bin|share/miio)/(?!(?:env|make)\b)[\w.*-]+", text):
                assert path in own or list(Path(root).glob(path.lstrip("/"))), f"{source.name}: {path} is not installed"
            for path in re.findall(r"\./(files/[\w.]+)", text):
                assert (source.parent / path).is_file(), f"{source.name}: {path}"


def test_documents_and_examples_are_installed():
    with tempfile.TemporaryDirectory() as root:
        done = run("cmake", "--install", BIN.parent, "--prefix", "/usr", "--component", "doc", env={**os.environ, "DESTDIR": root})
        assert done.returncode == 0, done.stderr
        shared = Path(root) / "usr/share/doc"
        top = next(shared.rglob("CHANGELOG.md")).parent
        for name in ("README.md", "docs/troubleshooting.md", "docs/zh/README.md", "docs/decisions/001-cores-and-shells.md",
                     "examples/subscribe.c", "examples/python/agent.py", "docs/performance/size.svg", "docs/packaging/openwrt/Makefile"):
            assert (top / name).is_file(), name
        assert broken_links(top) == []
        assert not [p for p in top.rglob("*") if p.is_file() and os.access(p, os.X_OK) and p.stat().st_mode & 0o111]
        assert not (top / "examples/sim").exists()


def test_units_name_existing_pages():
    for unit in (SOURCE / "docs/packaging/systemd").glob("*.service"):
        for name, section in re.findall(r"man:([\w.]+)\((\d)\)", unit.read_text()):
            assert (MAN / f"{name}.{section}.scd").is_file(), unit.name


# ---- the command lines that are promised ----

AGENT_LINE = ["-D", "-l 3", "-L {dir}/log", "-O", "--listen 127.0.0.1:0", "--listen none --unix {dir}/a.sock", "--unix none",
              "--seqpacket {dir}/s.sock", "--upstream 127.0.0.1:54322", "--command-timeout 4000", "--request-timeout 30000",
              "--config {dir}/agent.conf"]
CLIENT_LINE = ["-D", "-l 3", "-L {dir}/log", "-H localhost", "-p 8053", "-i 60000", "-C sg", "--cloud none", "--transport udp",
               "--transport tcp", "--local 127.0.0.1:0", "--lan none", "--lan 0.0.0.0:54321", "--ble none", "--mqtt-api none",
               "--mqtt-api localhost:1883", "--helper builtin", "--helper external", "--hooks {dir}", "--config {dir}/client.conf"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "device.conf").write_text("did=10000\nkey=EsrtdeaInabcPQM0\nmac=8C:BE:BE:AA:BB:59\nvendor=v\nmodel=v.prod.v1\n")
    (tmp_path / "agent.conf").write_text("[agent]\nlog_level = 2\n[limits]\nconnections = 10\n[access]\nsend agent.* = *\n")
    (tmp_path / "client.conf").write_text("command-timeout = 4000\n")
    (tmp_path / "mcu.conf").write_text("queue = 16\n")
    return tmp_path


@pytest.mark.parametrize("line", AGENT_LINE)
def test_agent_takes(line, folder):
    done = run(BIN / "miio_agent", *line.format(dir=folder).split(), "--check-config")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("line", CLIENT_LINE)
def test_client_takes(line, folder):
    done = run(BIN / "miio_client", "-d", folder, *line.format(dir=folder).split(), "--check-config")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("letter", ["-e", "-E"])
def test_client_refuses_with_a_reason(letter, folder):
    done = run(BIN / "miio_client", "-d", folder, letter)
    assert done.returncode == 2 and "not available" in done.stderr


def test_applications_take(folder):
    done = run(BIN / "miio_mcu", "--tty", "/dev/ttyS1", "--agent", "tcp:127.0.0.1:54320", "--config", folder / "mcu.conf",
               "--check-config")
    assert done.returncode == 0, done.stderr
    done = run(BIN / "miio_ota", "--dir", folder, "--install-hook", "/bin/true", "--version")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("program", PAGES)
def test_version_and_usage(program):
    for option in ("-v", "--version"):
        done = run(BIN / program, option)
        assert done.returncode == 0 and done.stdout.startswith(program + " "), (done.stdout, done.stderr)
    done = run(BIN / program, "--no-such-option")
    assert done.returncode == 2 and done.stderr
