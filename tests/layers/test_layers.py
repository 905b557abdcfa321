# SPDX-License-Identifier: MIT
"""The shape of the tree: cores are pure, headers stand alone, nothing is left half done."""
import os
import pathlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import graph  # noqa: E402

ROOT = pathlib.Path(os.environ.get("MIIO_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
PARTS = ["agent", "client", "libagent", "examples", "tests"]

# What a core may not see: loops, sockets, clouds, cryptography.
FORBIDDEN = re.compile(
    r"uv\.h|mosquitto\w*\.h|curl/|microhttpd|openssl/|lmdb\.h|ini\.h|pthread\.h|poll\.h|signal\.h|termios\.h|"
    r"arpa/|net/|netdb\.h|netinet/|linux/|sys/(socket|un|epoll|poll|select|ioctl|inotify|timerfd|eventfd|stat|mman)\.h|"
    r"unistd\.h|fcntl\.h|dirent\.h|agent/uv\.h"
)
# and may not call: files, clocks, the log
CALLS = re.compile(r"\b(fopen|popen|system|fork|clock_gettime|gettimeofday|time|usleep|sleep|ag_log)\s*\(")
MAY_INCLUDE = {"client/lan/core/crypt.c": "openssl/", "client/lan/core/crypt_evp.c": "openssl/"}
MAY_CALL = {"libagent/core/log/log.c", "libagent/core/log/log.h"}  # the log itself is shared by the shells

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def core_files():
    for folder in sorted(ROOT.glob("**/core")):
        if folder.relative_to(ROOT).parts[0] in ("agent", "client", "libagent"):
            yield from sorted(folder.rglob("*.[ch]"))


def without_comments(text):
    return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S))


def reached(path, seen):
    """path and every file of ours that it includes, directly or not."""
    if path in seen or not path.exists():
        return
    seen.add(path)
    for kind, name in INCLUDE.findall(path.read_text()):
        if kind == '"':
            reached(ROOT / name, seen)
            reached(path.parent / name, seen)


def test_cores_exist():
    assert len(list(core_files())) > 20


def test_cores_include_no_io():
    bad = []
    for path in core_files():
        files = set()
        reached(path, files)
        allowed = MAY_INCLUDE.get(str(path.relative_to(ROOT)))
        for file in files:
            for kind, name in INCLUDE.findall(file.read_text()):
                if kind == "<" and FORBIDDEN.match(name) and not (allowed and name.startswith(allowed)):
                    bad.append(f"{path.relative_to(ROOT)}: <{name}> by {file.relative_to(ROOT)}")
                if kind == '"' and re.search(r"(^|/)io/", name):
                    bad.append(f"{path.relative_to(ROOT)}: {name} by {file.relative_to(ROOT)}")
    assert not bad, "\n".join(bad)


def test_cores_call_no_io():
    bad = []
    for path in core_files():
        name = str(path.relative_to(ROOT))
        if name not in MAY_CALL:
            bad += [f"{name}: {call}()" for call in CALLS.findall(without_comments(path.read_text()))]
    assert not bad, "\n".join(bad)


def test_libagent_core_points_at_nothing_else():
    bad = []
    for path in (ROOT / "libagent" / "core").rglob("*.[ch]"):
        bad += [f"{path.name}: {n}" for k, n in INCLUDE.findall(path.read_text()) if k == '"' and not n.startswith("libagent/core/")]
    assert not bad, "\n".join(bad)


def flags():
    packages = ["libuv", "libcjson", "libmosquitto", "libcrypto", "inih", "libcurl", "glib-2.0", "libevent"]
    done = subprocess.run(["pkg-config", "--cflags", *packages], capture_output=True, text=True)
    return done.stdout.split() if done.returncode == 0 else []


def compile_alone(header, extra):
    text = f'#include "{header.relative_to(ROOT)}"\n#include "{header.relative_to(ROOT)}"\nextern int not_empty;\n'
    command = [os.environ.get("CC", "cc"), "-std=gnu11", "-D_GNU_SOURCE", '-DMIIO_VERSION="0"', "-Wall", "-Wextra",
               "-Werror", "-Wno-unused-function", "-fsyntax-only", f"-I{ROOT}", f"-I{ROOT}/libagent/include", *extra,
               "-x", "c", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    return "" if done.returncode == 0 else f"{header.relative_to(ROOT)}:\n{done.stderr}"


def test_headers_stand_alone():
    extra = flags()
    headers = [h for part in PARTS for h in sorted((ROOT / part).rglob("*.h"))]
    with ThreadPoolExecutor(2) as pool:
        bad = [text for text in pool.map(lambda h: compile_alone(h, extra), headers) if text]
    assert len(headers) > 30 and not bad, "\n".join(bad)


def text_files():
    for part in [*PARTS, "docs"]:
        for path in sorted((ROOT / part).rglob("*")):
            if path.is_file() and not {"corpus", "carried"} & set(path.parts) and "__pycache__" not in path.parts:
                yield path


def test_nothing_is_left_for_later():
    marks = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]) + r")\b")
    bad = []
    for path in text_files():
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if marks.search(line) and "XXXXXX" not in line:
                bad.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert not bad, "\n".join(bad)


def test_every_source_file_names_its_licence():
    """In its first lines. Not: what others wrote, what miio_gen writes, and data of tests."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True)
    names = listed.stdout.split("\0") if listed.returncode == 0 else [str(p.relative_to(ROOT)) for p in text_files()]
    bad = []
    for name in names:
        path = ROOT / name
        if re.search(r"/carried/|/corpus/|^tests/data/|^examples/thermostat/", name) or not path.is_file():
            continue
        with open(path, errors="replace") as f:
            head = [f.readline() for _ in range(2)]
        source = re.search(r"\.(c|h|css|js|lua|py|sh|cmake)$|CMakeLists\.txt$", name) or head[0].startswith("#!")
        if source and "SPDX-License-Identifier: MIT" not in head[0] + head[1]:
            bad.append(name)
    assert bad == []


def test_comments_keep_the_line_width():
    """clang-format leaves comments as they are. Not: what others wrote, and what miio_gen writes."""
    bad = []
    for part in PARTS:
        for path in sorted((ROOT / part).rglob("*.[ch]")):
            if path.parent.name in ("carried", "thermostat"):
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if len(line) > 130 and re.match(r"\s*(/\*|\*|//)", line):
                    bad.append(f"{path.relative_to(ROOT)}:{number}: {len(line)}")
    assert not bad, "\n".join(bad)


def test_no_file_is_a_giant():
    """700 lines of code hold more than one concept; of tests, more than one subject."""
    bad = []
    for part in ["agent", "client", "libagent", "examples", "tests/bench", "tests/fuzz", "tests/support", "tests/unit"]:
        for path in (ROOT / part).rglob("*.[ch]"):
            n = len(path.read_text().splitlines())
            if n > 700 and path.parent.name != "carried":  # of others, as they wrote it
                bad.append(f"{path.relative_to(ROOT)}: {n} lines")
    assert not bad, "\n".join(bad)


# ---- folders ----

def test_no_circle_between_rooms():
    edges = graph.arrows()
    assert len(edges) > 20
    assert graph.circles(edges) == [], "tests/layers/graph.py shows the files behind each arrow"


def test_no_circle_between_folders():
    """Finer than rooms: a core, an io and each cloud are folders of their own."""
    edges = graph.all_folders()
    assert len(edges) > 100
    assert graph.circles(edges) == []


def test_the_device_includes_no_other_room_of_the_client():
    assert [b for a, b in graph.arrows() if a == "client/device" and b.startswith("client/")] == []


def test_the_stand_ins_have_codecs_of_their_own():
    """A fault that both sides of a line share shows in no test. The fleet is no other side: it is the client itself, many times."""
    bad = [name for (a, b), files in graph.arrows().items() if a == "examples/sim" and b.split("/")[0] in ("client", "agent")
           for name, _ in files if not name.startswith("examples/sim/fleet/fleet_device.")]
    assert bad == []
    plain = {"libagent/core/util.h", "libagent/core/buf.h", "libagent/core/list.h", "libagent/core/log/log.h"}  # that read nothing
    bad = [(name, to) for (a, b), files in graph.arrows().items() if a == "examples/sim" and b == "libagent/core"
           for name, to in files if to not in plain and not name.startswith("examples/sim/fleet/fleet_device.")]
    assert bad == []


# The board is whatever the firmware is ported to: the lesson of the example.
NO_CIRCLE = {"examples/mcu_lamp", "examples/mcu_lamp_linux"}


def test_no_circle_of_files():
    """By what files include, and by the functions that they use of each other. A .c and its .h are one module, and so is what shares
    a private header."""
    included, called = graph.module_arrows(""), graph.call_arrows("")
    assert len(included) > 900 and len(called) > 900
    assert graph.circles(included) == [], "tests/layers/graph.py --files"
    assert [way for way in graph.circles(called) if not set(way) <= NO_CIRCLE] == [], "tests/layers/graph.py --calls"


def test_private_headers_are_private():
    """They are included in their own folder, by files that belong together: so no circle can hide behind one. Tests may look in."""
    headers = graph.private_headers("")
    used = [(name, included) for name, included in graph.includes("") if included in headers]
    assert len(headers) > 10 and {included for _, included in used} == set(headers)
    assert [f"{name}: {included}" for name, included in used if os.path.dirname(name) != os.path.dirname(included)] == []


# The largest today is the MQTT link. A circle inside a module is not looked for, so a module may not grow round one.
MODULE_MAX = 10


def test_modules_are_small_and_in_one_folder():
    extents = graph.extents("")
    assert len(extents) > 300 and max(map(len, extents.values())) <= MODULE_MAX, "tests/layers/graph.py --modules"
    assert [module for module, files in extents.items() if len({os.path.dirname(name) for name in files}) > 1] == []


# Who may see the whole client: what starts it and what wires it, the fleet that runs many of them, and tests of all of it.
KNOW_THE_CLIENT = {"client/client.c", "client/client_hosts.c", "client/client_priv.h", "client/main.c",
                   "examples/sim/fleet/fleet_device.h", "tests/unit/client/client_rig.c", "tests/unit/client/test_client_cloud.c"}


def test_only_its_wiring_knows_the_whole_client():
    headers = ("client/client.h", "client/client_priv.h")
    know = {name for part in PARTS for name, included in graph.includes(part) if included in headers}
    assert know <= KNOW_THE_CLIENT
    named = {str(path.relative_to(ROOT)) for path in (ROOT / "client").rglob("*.[ch]")
             if re.search(r"\bstruct client\b", without_comments(path.read_text()))}
    assert "client/client.h" in named and named <= KNOW_THE_CLIENT | {"client/client.h"}


def test_the_client_has_no_concerns_at_its_top_level():
    """Start, stop and wiring; everything else has a room."""
    assert {path.name for path in (ROOT / "client").glob("*.[ch]")} == {"main.c", "client.c", "client.h", "client_hosts.c", "client_priv.h"}


def test_no_folder_is_crowded():
    """More than 25 files are more than one concern; tests/fuzz is a list of entry points."""
    files = {}
    for part in PARTS:
        for path in (ROOT / part).rglob("*.[ch]"):
            folder = str(path.parent.relative_to(ROOT))
            files[folder] = files.get(folder, 0) + 1
    full = {folder: n for folder, n in files.items() if n > 25 and folder != "tests/fuzz"}
    assert full == {}
