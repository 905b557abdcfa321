# SPDX-License-Identifier: MIT
"""libagentmodel as a distribution sees it: symbols, size, pkg-config, the CMake package."""
import os
import re
import subprocess

import pytest
from support import BIN, SOURCE

LIB = os.environ["MIIO_LIB"]
BUILD = os.path.dirname(BIN)
HEADER = os.path.join(SOURCE, "libagent/include/agent/model.h")
APP = r"""
#include <agent/model.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    static const char text[] = "{\"type\":\"urn:x:device:lamp:00000001\",\"services\":[{\"iid\":2,\"type\":\"urn:x:service:light:00000001\","
                               "\"properties\":[{\"iid\":1,\"type\":\"urn:x:property:on:00000001\",\"format\":\"bool\",\"access\":[\"read\"]}]}]}";
    struct agent_model_error why;
    agent_model *model = NULL;
    agent_device *device = NULL;
    agent_conn *conn = NULL;
    struct agent_value v;
    int r = agent_model_parse(&model, text, strlen(text), &why);

    if (r >= 0)
        r = agent_new(&conn);
    if (r >= 0)
        r = agent_device_new(&device, conn, model);
    if (r >= 0)
        r = agent_device_set_bool(device, "light.on", 1);
    if (r >= 0)
        r = agent_device_get(device, "2.1", &v);
    printf("%s %s %d\n", agent_model_type(model), r < 0 ? agent_strerror(r) : "ok", r < 0 ? 0 : v.b);
    agent_device_free(device);
    agent_unref(conn);
    agent_model_unref(model);
    return r < 0;
}
"""


def run(*args, **kw):
    done = subprocess.run([str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, **kw)
    assert done.returncode == 0, done.stdout
    return done.stdout


def exported(*args):
    return {line.split()[-1].split("@")[0] for line in run("nm", "--defined-only", *args).splitlines() if re.match(r"[0-9a-f]+ [TDBRVW] ", line)}


def sanitizers():
    return ["-fsanitize=address,undefined"] if "__asan_" in run("nm", "-D", os.path.join(LIB, "libagentmodel.so")) else []


def test_exports_are_the_map_are_the_header():
    with open(HEADER) as f:
        header = set(re.findall(r"AGENT_API[^;]*?\b(agent_\w+)\(", f.read()))
    with open(os.path.join(SOURCE, "libagent/model/libagentmodel.map")) as f:
        mapped = set(re.findall(r"^\s+(agent_\w+);", f.read(), re.M))
    assert exported("-D", os.path.join(LIB, "libagentmodel.so")) - {"LIBAGENTMODEL_0"} == mapped == header


def test_static_library_claims_no_foreign_name():
    names = exported("-g", os.path.join(LIB, "libagentmodel.a"))
    assert "agent_device_new" in names and [n for n in names if not n.startswith(("agent_", "ag_", "__odr_asan"))] == []


def test_what_it_needs_is_libagent_and_libc():
    needed = set(re.findall(r"NEEDED.*\[(\S+?)\.so", run("readelf", "-d", os.path.join(LIB, "libagentmodel.so"))))
    assert needed - {"libasan", "libubsan"} <= {"libagent", "libc", "libm"}
    assert "libagentmodel.so.0" in run("readelf", "-d", os.path.join(LIB, "libagentmodel.so"))


@pytest.mark.skipif(bool(sanitizers()), reason="a sanitized build says nothing of sizes")
def test_size_of_this_build(tmp_path):
    run("strip", "-o", tmp_path / "stripped.so", os.path.join(LIB, "libagentmodel.so"))
    assert os.path.getsize(tmp_path / "stripped.so") <= 40 * 1024


@pytest.mark.parametrize("standard", ["c++98", "c++11", "c++20"])
def test_header_in_cpp(standard):
    extra = ["-include", "stdint.h"] if standard == "c++98" else []
    run("c++", "-std=" + standard, "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsyntax-only", *extra,
        "-I" + os.path.join(SOURCE, "libagent/include"), "-xc++", HEADER)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    root = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", BUILD, "--component", "libagent", "--prefix", root)
    return root


def try_out(app, *libdirs):
    env = {**os.environ, "LD_LIBRARY_PATH": ":".join(str(d) for d in libdirs)}
    assert run(app, env=env) == "lamp ok 1\n"


@pytest.mark.parametrize("static", [False, True])
def test_pkg_config_consumer(installed, static, tmp_path):
    pc = next(installed.rglob("libagentmodel.pc"))
    env = {**os.environ, "PKG_CONFIG_PATH": str(pc.parent)}
    flags = run("pkg-config", "--cflags", "--libs", *(["--static"] if static else []), "libagentmodel", env=env).split()
    if static:
        flags = [f"-l:lib{f[2:]}.a" if f in ("-lagent", "-lagentmodel") else f for f in flags]
    (tmp_path / "app.c").write_text(APP)
    run("cc", "-std=c99", "-o", tmp_path / "app", tmp_path / "app.c", *sanitizers(), *flags)
    try_out(tmp_path / "app", pc.parent.parent)


def test_cmake_consumer(installed, tmp_path):
    config = next(installed.rglob("agentConfig.cmake"))
    (tmp_path / "app.c").write_text(APP)
    (tmp_path / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.16)\nproject(app C)\nfind_package(agent REQUIRED)\n"
                                             "add_executable(app app.c)\ntarget_link_libraries(app PRIVATE agent::agentmodel)\n"
                                             f"target_link_options(app PRIVATE {' '.join(sanitizers())})\n")
    run("cmake", "-S", tmp_path, "-B", tmp_path / "b", f"-Dagent_DIR={config.parent}")
    run("cmake", "--build", tmp_path / "b")
    try_out(tmp_path / "b" / "app")
