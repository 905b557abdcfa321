# SPDX-License-Identifier: MIT
"""miio_gen: what it writes compiles without a warning, for real models and for hostile ones, and is the device it says."""
import json
import os
import pathlib
import subprocess

import pytest
import support

BIN, SOURCE = pathlib.Path(support.BIN), pathlib.Path(support.SOURCE)
LIB = pathlib.Path(os.environ.get("MIIO_LIB", BIN.parent / "lib"))

MODELS = sorted((SOURCE / "tests/data/miot-spec").glob("*.json"))
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror"]


def urn(kind, name):
    return f"urn:miot-spec-v2:{kind}:{name}:00000001:a-b:1"


def prop(iid, name, **more):
    return {"iid": iid, "type": urn("property", name), "description": "", "format": "bool", "access": ["read", "write", "notify"], **more}


def choices(*pairs):
    return [{"value": value, "description": text} for value, text in pairs]


def hostile():
    """Names that are keywords, digits, Chinese, equal; comments and literals that would end theirs; every format."""
    keywords = ["int", "switch", "default", "NULL", "register", "class", "new", "errno", "main", "printf"]
    props = [prop(i + 1, name) for i, name in enumerate(keywords)]
    props += [prop(20, "2"), prop(21, "2"), prop(22, "温度"), prop(23, "湿度"), prop(24, "a.b"), prop(25, "a-b"), prop(26, "a_b"),
              prop(27, "___"), prop(28, "x" * 96), prop(29, "x" * 95 + "y")]
    odd = '*/ int broken; /* ??/ "\\ \n%s%n // ' + "é"
    props.append(prop(30, "odd", description=odd, unit=odd))
    formats = ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float", "string", "hex", "none"]
    props += [prop(40 + i, "f", format=f) for i, f in enumerate(formats)]
    props += [prop(60, "range", format="float", **{"value-range": [-2.5, -0.5, 0.1]}),
              prop(61, "range", format="uint32", **{"value-range": [4294967290, 4294967295, 1]}),
              prop(62, "range", format="int64", **{"value-range": [-9223372036854775808, -9223372036854775807, 1]}),
              prop(63, "list", format="int32", **{"value-list": choices((1, ""), (2, ""), (3, "Auto"), (4, "auto"), (-5, "Auto"), (6, "自动"),
                                                                        (-2147483648, odd), (7, "Value 1"), (8, "5"))}),
              prop(64, "list", format="int64", **{"value-list": choices((9223372036854775807, "max"))}),
              prop(65, "list", format="float", **{"value-list": choices((0.5, "half"), (1, "one"))}),
              prop(66, "hidden", access=[]), prop(67, "write-only", access=["write"], format="string"), prop(68, "read-only", access=["read"])]
    actions = [{"iid": 1, "type": urn("action", "do"), "in": [1, 1, 40, 49, 51, 63], "out": [30, 66]}, {"iid": 2, "type": urn("action", "do")},
               {"iid": 3, "type": urn("action", "for")}]
    events = [{"iid": 1, "type": urn("event", "while"), "arguments": [1, 49, 63]}, {"iid": 2, "type": urn("event", "while")}]
    services = [{"iid": 2, "type": urn("service", "struct"), "description": odd, "properties": props, "actions": actions, "events": events},
                {"iid": 3, "type": urn("service", "struct"), "properties": [prop(1, "int")]},
                {"iid": 4, "type": urn("service", "服务"), "properties": [prop(1, "开关")]}]
    return {"type": urn("device", "union"), "description": odd, "services": services}


def large():
    services = [{"iid": s + 2, "type": urn("service", "sweep"), "properties": [prop(i + 1, "same", format="uint8") for i in range(30)]} for s in range(10)]
    return {"type": urn("device", "vacuum"), "services": services}


@pytest.fixture(params=[*[m.stem for m in MODELS], "hostile", "large", "digits"])
def model(request, tmp_path):
    made = {"hostile": hostile, "large": large, "digits": lambda: {**large(), "type": urn("device", "4")}}
    if request.param in made:
        path = tmp_path / f"{request.param}.json"
        path.write_text(json.dumps(made[request.param](), ensure_ascii=request.param == "large", indent=1))
        return path
    return SOURCE / f"tests/data/miot-spec/{request.param}.json"


def run(*command, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def generate(model, folder, *more):
    run(BIN / "miio_gen", "-o", folder, *more, model)
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def compile_args(out, *sources):
    sanitize = ["-fsanitize=address,undefined"] if b"__asan_init" in (LIB / "libagentmodel.so").read_bytes() else []
    return ["cc", "-std=c99", *WARNINGS, *sanitize, f"-I{SOURCE}/libagent/include", "-o", out, *sources, f"-L{LIB}", "-lagentmodel", "-lagent",
            f"-Wl,-rpath,{LIB}"]


def test_what_is_made_compiles_and_keeps_its_word(model, tmp_path):
    folder = tmp_path / "out"
    files = generate(model, folder)
    name = next(n for n in files if n.endswith("_model.h"))[:-len("_model.h")]
    assert set(files) == {f"{name}_model.h", f"{name}_model.c", f"{name}.c", f"test_{name}.c"}
    run(*compile_args(tmp_path / "app", folder / f"{name}.c", folder / f"{name}_model.c"))
    run(*compile_args(tmp_path / "test", folder / f"test_{name}.c", folder / f"{name}_model.c"))
    assert run(tmp_path / "test") == "ok\n"
    for made in (f"{name}_model.h", f"{name}_model.c", f"test_{name}.c"):
        assert files[made].startswith(b"/* SPDX-License-Identifier: MIT */\n")
    header = folder / f"{name}_model.h"
    for standard in ("c++98", "c++20"):
        run("c++", f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{SOURCE}/libagent/include", "-x", "c++", header,
            *(["-include", "stdint.h"] if standard == "c++98" else []))
    run("c++", "-std=c++17", *WARNINGS, "-fsyntax-only", f"-I{SOURCE}/libagent/include", "-x", "c++", folder / f"{name}_model.c")


def test_made_again_it_is_the_same_and_leaves_the_makers_file(tmp_path):
    folder = tmp_path / "out"
    first = generate(MODELS[0], folder, "--name", "purifier")
    mine = folder / "purifier.c"
    mine.write_text("/* mine */\n")
    header = folder / "purifier_model.h"
    before = header.stat()
    again = generate(MODELS[0], folder, "--name", "purifier")
    assert mine.read_text() == "/* mine */\n"
    assert {n: t for n, t in again.items() if n != "purifier.c"} == {n: t for n, t in first.items() if n != "purifier.c"}
    assert header.stat().st_mtime_ns == before.st_mtime_ns, "what did not change is not written"


def test_names_stay_when_a_model_grows(tmp_path):
    small = {"type": urn("device", "lamp"), "services": [{"iid": 2, "type": urn("service", "light"), "properties": [prop(1, "on")]}]}
    grown = json.loads(json.dumps(small))
    grown["services"][0]["properties"].insert(0, prop(5, "on"))
    grown["services"].insert(0, {"iid": 9, "type": urn("service", "light"), "properties": [prop(1, "on")]})
    for name, value in (("small", small), ("grown", grown)):
        (tmp_path / f"{name}.json").write_text(json.dumps(value))
    a = generate(tmp_path / "small.json", tmp_path / "a")["lamp_model.h"]
    b = generate(tmp_path / "grown.json", tmp_path / "b")["lamp_model.h"]
    assert b"/* light.on (2.1)" in a and b"/* light.on (2.1)" in b
    assert b"lamp_set_light_on(" in b and b"lamp_set_light_on_5(" in b and b"lamp_set_light_9_on(" in b


@pytest.mark.parametrize("text, why", [
    ("{", "not one JSON object"),
    ('{"type":"x","services":[]}', "1: type \"x\": is not a URN"),
    ('{"type":"urn:a:device:b:00000001",\n"services":[\n{"iid":0}]}', "3: iid of a service"),
])
def test_a_wrong_model_is_refused_with_its_line(tmp_path, text, why):
    path = tmp_path / "m.json"
    path.write_text(text)
    done = subprocess.run([BIN / "miio_gen", "-o", tmp_path / "out", path], capture_output=True, text=True)
    assert done.returncode == 1 and f"miio_gen: {path}:" in done.stderr and why in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("args, code", [([], 2), (["-o", "x"], 2), (["-o", "x", "a", "b"], 2), (["--nothing"], 2), (["--help"], 0), (["-v"], 0)])
def test_command_line(args, code, tmp_path):
    assert subprocess.run([BIN / "miio_gen", *args], capture_output=True, cwd=tmp_path).returncode == code


def test_a_name_that_is_no_identifier_is_refused(tmp_path):
    done = subprocess.run([BIN / "miio_gen", "-o", tmp_path, "-n", "a-b", MODELS[0]], capture_output=True, text=True)
    assert done.returncode == 2 and "not a C identifier" in done.stderr


def test_a_missing_file_is_named(tmp_path):
    done = subprocess.run([BIN / "miio_gen", "-o", tmp_path, tmp_path / "none.json"], capture_output=True, text=True)
    assert done.returncode == 1 and "none.json: No such file" in done.stderr


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    done = subprocess.run([BIN / "miio_gen", "-o", tmp_path / "file" / "x", MODELS[0]], capture_output=True, text=True)
    assert done.returncode == 1 and "Not a directory" in done.stderr
