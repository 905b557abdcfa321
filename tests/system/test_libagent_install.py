# SPDX-License-Identifier: MIT
"""libagent as a distribution sees it: symbols, headers, pkg-config, the CMake package."""
import os
import re
import subprocess

import pytest

BIN = os.environ["MIIO_BIN"]
LIB = os.environ["MIIO_LIB"]
SOURCE = os.environ["MIIO_SOURCE"]
INCLUDE = os.path.join(SOURCE, "libagent", "include")
HEADERS = ["agent/agent.h", "agent/uv.h", "agent/cjson.h", "agent/event.h", "agent/glib.h", "agent/model.h", "agent/test.h"]


def run(*args, **kw):
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, **kw)
    assert done.returncode == 0, done.stdout
    return done.stdout


def exported(*args):
    return {line.split()[-1].split("@")[0] for line in run("nm", "--defined-only", *args).splitlines()
            if re.match(r"[0-9a-f]+ [TDBRVW] ", line)}


def sanitizers():
    """The library under test may be built with them; whoever links it then needs them too."""
    return ["-fsanitize=address,undefined"] if "__asan_" in run("nm", "-D", os.path.join(LIB, "libagent.so")) else []


def declared(*path):
    with open(os.path.join(SOURCE, "libagent", *path)) as f:
        return set(re.findall(r"AGENT_API[^;]*?\b(agent_\w+)\(", f.read()))


def mapped(*path):
    """{node: its symbols}"""
    with open(os.path.join(SOURCE, "libagent", *path)) as f:
        return {node: set(re.findall(r"^\s+(agent_\w+);", symbols, re.M))
                for node, symbols in re.findall(r"^(\w+) \{(.*?)^\}", f.read(), re.M | re.S)}


def nodes(library):
    """The same of a shared library."""
    table = run("nm", "-D", "--defined-only", "--with-symbol-versions", os.path.join(LIB, library))
    found = {}
    for symbol, node in re.findall(r" T (\w+)@@(\w+)", table):
        found.setdefault(node, set()).add(symbol)
    assert set().union(*found.values()) == exported("-D", os.path.join(LIB, library)) - set(found)
    return found


def test_exports_are_the_map_are_the_header():
    there = nodes("libagent.so")
    assert there == mapped("libagent.map")
    for_tests = there.pop("LIBAGENT_TEST_0")
    assert set().union(*there.values()) == declared("include", "agent", "agent.h")
    assert for_tests == declared("conn", "seam.h") == {"agent_seam_set", "agent_seam_in_callback"}


def test_exports_of_the_library_for_tests():
    there = nodes("libagenttest.so")
    assert there == mapped("test", "libagenttest.map") == {"LIBAGENTTEST_0": declared("include", "agent", "test.h")}


def test_the_hooks_of_tests_are_no_part_of_the_api(installed):
    for d, _, files in os.walk(os.path.join(installed[0], "include")):
        for name in files:
            with open(os.path.join(d, name)) as f:
                assert name != "seam.h" and "agent_seam" not in f.read()
    users = [so for so in ("libagentmodel.so", "libagenttest.so") if "agent_seam_set" in
             run("nm", "-D", "--undefined-only", os.path.join(LIB, so))]
    assert users == ["libagenttest.so"]


# What 0.1.0 had; a program linked to it runs with every later library.
FIRST_NODE = """
bind call call_sync close error_code follow_status get_events get_fd get_state get_timeout_ms new notify open process
query_country query_status query_time ref reply reply_error report_event report_miot_event report_prop report_property
report_props request_conn request_from request_id request_ignore request_method request_params request_ref request_text
request_unref request_unrefp run send set_encoding set_log set_on_bound set_on_state set_queue_limit set_reconnect
slot_ref slot_unref slot_unrefp stop strerror subscribe subscribe_mode unref unrefp version wait wake
""".split()


def test_the_first_node_of_the_map_is_frozen():
    table = run("nm", "-D", "--defined-only", "--with-symbol-versions", os.path.join(LIB, "libagent.so"))
    node = dict(re.findall(r" T (agent_\w+)@@(\w+)", table))
    assert sorted(n for n in node if node[n] == "LIBAGENT_0") == sorted("agent_" + n for n in FIRST_NODE)
    assert set(node.values()) == {"LIBAGENT_0", "LIBAGENT_0_2", "LIBAGENT_TEST_0"}


@pytest.mark.parametrize("library, has", [("libagent.a", "agent_new"), ("libagenttest.a", "agent_test_new")])
def test_static_library_claims_no_foreign_name(library, has):
    names = exported("-g", os.path.join(LIB, library))
    assert has in names
    assert [n for n in names if not n.startswith(("agent_", "ag_", "__odr_asan"))] == []


@pytest.mark.parametrize("library", ["libagent.so", "libagenttest.so"])
def test_shared_library_has_its_version(library):
    assert library + ".0" in run("readelf", "-d", os.path.join(LIB, library))


STANDARDS = ["c99", "gnu99", "c11", "c17", "gnu17", "c++98", "c++03", "c++11", "c++14", "c++17", "c++20"]


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("standard", STANDARDS)
def test_headers_stand_alone(header, standard):
    compiler = ["c++", "-xc++"] if "++" in standard else ["cc", "-xc"]
    flags = ["-std=" + standard, "-Wall", "-Wextra", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Wformat=2", "-Werror",
             "-fsyntax-only", "-I" + INCLUDE]
    if header == "agent/agent.h" or standard not in ("c++98", "c++03"):
        flags.append("-pedantic")  # libuv and cJSON use long long, which those standards do not know
    if standard in ("c99", "c11", "c17"):
        flags.append("-D_POSIX_C_SOURCE=200809L")  # libuv's own header asks for it
    if "glib" in header:
        flags += run("pkg-config", "--cflags", "glib-2.0").replace("-I", "-isystem").split()  # its own headers are not that strict
    run(*compiler, *flags, "-", input="#include <%s>\n#include <%s>\nint main(void) { return 0; }\n" % (header, header))


WRONG_FORMATS = ['"[%s]", 1', '"[%d]", "x"', '"[%d]", (long long) 1', '"[%f]", 1', '"[%d,%d]", 1', '"[%p]", 1', '"[%q]", 1']


@pytest.mark.parametrize("arguments", WRONG_FORMATS)
def test_the_compiler_finds_wrong_formats(arguments):
    done = subprocess.run(["cc", "-xc", "-Wall", "-Werror", "-fsyntax-only", "-I" + INCLUDE, "-"], text=True, timeout=60,
                          stderr=subprocess.PIPE, input="#include <agent/agent.h>\nint f(agent_request *r) { return "
                          "agent_replyf(r, %s); }\n" % arguments)
    assert done.returncode != 0 and "format" in done.stderr


APP = """
#include <agent/agent.h>
#include <stdio.h>
static int on_x(agent_request *req, void *user) { (void) user; return agent_reply(req, NULL); }
int main(void)
{
    agent_conn *conn = NULL;
    if (agent_new(&conn) < 0 || agent_subscribe(conn, NULL, "x", on_x, NULL) < 0)
        return 1;
    conn = agent_unref(conn);
    puts(agent_version());
    return 0;
}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", os.path.join(BIN, ".."), "--component", "libagent", "--prefix", str(prefix))
    pc = [os.path.join(d, f) for d, _, files in os.walk(prefix) for f in files if f == "libagent.pc"]
    assert len(pc) == 1
    return str(prefix), os.path.dirname(pc[0])


def pkg_config(installed, *args):
    """The installed file as it is: the prefix differs from the configured one."""
    env = {**os.environ, "PKG_CONFIG_PATH": installed[1] + ":" + os.environ.get("PKG_CONFIG_PATH", "")}
    return run("pkg-config", *args, "libagent", env=env).split()


def test_nothing_else_is_needed(installed, tmp_path):
    """As on a machine where libagent alone is installed: no other .pc file can be found."""
    libdir = os.path.dirname(installed[1])
    env = {**os.environ, "PKG_CONFIG_LIBDIR": installed[1], "PKG_CONFIG_PATH": ""}
    flags = run("pkg-config", "--cflags", "--libs", "libagent", env=env).split()
    static = run("pkg-config", "--static", "--libs", "libagent", env=env)
    assert "msgpack" not in static
    for d, _, files in os.walk(installed[0]):
        for name in files:
            if name.endswith((".pc", ".cmake")):
                with open(os.path.join(d, name)) as f:
                    assert "msgpack" not in f.read(), name
    (tmp_path / "app.c").write_text(APP)
    run("cc", "-o", str(tmp_path / "app"), str(tmp_path / "app.c"), *sanitizers(), *flags)
    try_out(tmp_path / "app", libdir)
    needed = re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-d", os.path.join(LIB, "libagent.so")))
    assert [n for n in needed if not n.startswith(("libc.so", "libm.so", "libasan", "libubsan", "ld-linux"))] == []


def try_out(program, libdir):
    out = run(str(program), env={**os.environ, "LD_LIBRARY_PATH": libdir})
    assert re.match(r"\d+\.\d+\.\d+$", out.strip())


def test_pkg_config_consumer(installed, tmp_path):
    libdir = os.path.dirname(installed[1])
    (tmp_path / "app.c").write_text(APP)
    run("cc", "-o", str(tmp_path / "app"), str(tmp_path / "app.c"), *sanitizers(),
        *pkg_config(installed, "--cflags", "--libs"))
    try_out(tmp_path / "app", libdir)
    assert "libagent.so.0" in run("readelf", "-d", str(tmp_path / "app"))


def test_static_consumer(installed, tmp_path):
    libdir = os.path.dirname(installed[1])
    (tmp_path / "app.c").write_text(APP)
    libs = ["-l:libagent.a" if flag == "-lagent" else flag for flag in pkg_config(installed, "--static", "--libs")]
    run("cc", "-o", str(tmp_path / "app"), str(tmp_path / "app.c"), *sanitizers(), *pkg_config(installed, "--cflags"),
        *libs)
    try_out(tmp_path / "app", libdir)
    assert "libagent.so" not in run("readelf", "-d", str(tmp_path / "app"))


@pytest.mark.parametrize("target", ["agent", "agent_static"])
def test_cmake_consumer(installed, tmp_path, target):
    (tmp_path / "app.c").write_text(APP)
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(app C)\nfind_package(agent 0.1 REQUIRED)\n"
        "add_executable(app app.c)\ntarget_link_libraries(app agent::%s)\n" % target)
    env = {**os.environ, "CFLAGS": " ".join(sanitizers())}
    run("cmake", "-S", str(tmp_path), "-B", str(tmp_path / "b"), "-DCMAKE_PREFIX_PATH=" + installed[0], env=env)
    run("cmake", "--build", str(tmp_path / "b"), env=env)
    try_out(tmp_path / "b" / "app", os.path.dirname(installed[1]))


# ---- an application's unit test ----

APP_TEST = """
#include <agent/test.h>
#include <stdio.h>
static int on_x(agent_request *req, void *user) { (void) user; return agent_reply(req, agent_request_params(req)); }
int main(void)
{
    agent_conn *conn = NULL;
    agent_test *t;
    if (agent_new(&conn) < 0)
        return 1;
    t = agent_test_new(conn, NULL);
    if (agent_subscribe(conn, NULL, "x", on_x, NULL) < 0 || agent_open(conn, NULL) < 0)
        return 1;
    agent_test_expect_result(t, agent_test_command(t, "x", "[1]"), " [ 1 ] ");
    conn = agent_unref(conn);
    t = agent_test_free(t);
    puts(agent_version());
    return 0;
}
"""


@pytest.mark.parametrize("static", [False, True])
def test_pkg_config_test_program(installed, tmp_path, static):
    libdir = os.path.dirname(installed[1])
    env = {**os.environ, "PKG_CONFIG_PATH": installed[1] + ":" + os.environ.get("PKG_CONFIG_PATH", "")}
    flags = run("pkg-config", "--cflags", "--libs", *(["--static"] if static else []), "libagenttest", env=env).split()
    if static:
        flags = ["-l:lib%s.a" % flag[2:] if flag in ("-lagent", "-lagenttest") else flag for flag in flags]
    (tmp_path / "app.c").write_text(APP_TEST)
    run("cc", "-o", str(tmp_path / "app"), str(tmp_path / "app.c"), *sanitizers(), *flags)
    try_out(tmp_path / "app", libdir)
    assert ("libagent" in run("readelf", "-d", str(tmp_path / "app"))) != static


@pytest.mark.parametrize("target", ["agenttest", "agenttest_static"])
def test_cmake_test_program(installed, tmp_path, target):
    (tmp_path / "app.c").write_text(APP_TEST)
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(app C)\nfind_package(agent 0.1 REQUIRED)\n"
        "add_executable(app app.c)\ntarget_link_libraries(app agent::%s)\n" % target)
    env = {**os.environ, "CFLAGS": " ".join(sanitizers())}
    run("cmake", "-S", str(tmp_path), "-B", str(tmp_path / "b"), "-DCMAKE_PREFIX_PATH=" + installed[0], env=env)
    run("cmake", "--build", str(tmp_path / "b"), env=env)
    try_out(tmp_path / "b" / "app", os.path.dirname(installed[1]))


def test_the_manuals_test_program(installed, tmp_path):
    with open(os.path.join(SOURCE, "docs", "man", "libagenttest.3.scd")) as f:
        program = re.search(r"```\n(.*?)```", f.read(), re.S).group(1).replace("\\\\", "\\")
    (tmp_path / "app.c").write_text(program)
    env = {**os.environ, "PKG_CONFIG_PATH": installed[1] + ":" + os.environ.get("PKG_CONFIG_PATH", "")}
    flags = run("pkg-config", "--cflags", "--libs", "libagenttest", "cmocka", env=env).split()

    def build():
        run("cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-o", str(tmp_path / "app"), str(tmp_path / "app.c"), *sanitizers(), *flags)
        return subprocess.run([str(tmp_path / "app")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                              env={**os.environ, "LD_LIBRARY_PATH": os.path.dirname(installed[1]), "ASAN_OPTIONS": "detect_leaks=0"})

    done = build()
    assert done.returncode == 0, done.stdout
    assert "[  PASSED  ] 1 test(s)." in done.stdout
    wrong = program.replace('"power", word)', '"power", "blue")', 1)
    assert wrong != program
    (tmp_path / "app.c").write_text(wrong)
    done = build()
    assert done.returncode == 1 and "expected the report props" in done.stdout, done.stdout
    assert re.search(r"app\.c:\d+", done.stdout)


THROWING = """
#include <agent/test.h>
#include <cstdio>
#include <stdexcept>
static void failed(const char *text, const char *, int) { throw std::runtime_error(text); }
int main()
{
    agent_conn *conn = NULL;
    if (agent_new(&conn) < 0)
        return 1;
    agent_test *t = agent_test_new(conn, failed);
    try {
        agent_test_expect_report(t, "props", NULL);
    } catch (const std::runtime_error &e) {
        std::puts(e.what());
    }
    agent_unref(conn);
    agent_test_free(t);
}
"""


def test_failing_may_be_an_exception(installed, tmp_path):
    (tmp_path / "app.cc").write_text(THROWING)
    env = {**os.environ, "PKG_CONFIG_PATH": installed[1] + ":" + os.environ.get("PKG_CONFIG_PATH", "")}
    flags = run("pkg-config", "--cflags", "--libs", "libagenttest", env=env).split()
    run("c++", "-Wall", "-Wextra", "-Werror", "-o", str(tmp_path / "app"), str(tmp_path / "app.cc"), *sanitizers(), *flags)
    out = run(str(tmp_path / "app"), env={**os.environ, "LD_LIBRARY_PATH": os.path.dirname(installed[1])})
    assert out == "expected the report props; the application sent nothing\n"
