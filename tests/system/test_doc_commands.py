# SPDX-License-Identifier: MIT
"""Commands in the documents are commands that exist: options, verbs, scripts, presets."""
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from agent_rig import Agent
from support import is_sanitized, run

SOURCE = Path(os.environ["MIIO_SOURCE"])
BIN = Path(os.environ["MIIO_BIN"])
PAGES = [SOURCE / p for p in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/packaging/README.md")] + \
    sorted((SOURCE / "docs").glob("*.md")) + sorted((SOURCE / "docs/zh").glob("*.md"))
PROGRAMS = ("miioctl", "miio_client", "miio_agent", "miio_ota", "miio_mcu", "miio_web", "miio_sim", "miio_gen")
helps = {}


def help_of(*args):
    if args not in helps:
        done = subprocess.run([str(BIN / args[0]), *args[1:], "--help"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60)
        assert done.returncode == 0, (args, done.stdout)
        helps[args] = done.stdout
    return helps[args]


def commands(page):
    """Command lines of sh blocks, and what stands in backticks and begins with a program or a script."""
    text = page.read_text()
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S)
    lines = []
    for kind, block in blocks:
        block = block.replace("\\\n", " ")
        if kind == "sh":
            lines += block.splitlines()
        elif kind == "":
            lines += [line[2:] for line in block.splitlines() if line.startswith("$ ")]
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    lines += [word for word in re.findall(r"`([^`\n]+)`", prose) if " " in word or word.endswith(".sh")]
    for line in lines:
        for part in re.split(r"\s(?:&&|\|\||\||;|&)\s|;|\s#\s", line + " "):
            try:
                words = shlex.split(part, comments=True)
            except ValueError:
                continue
            while words and (re.match(r"^[A-Z_]+=", words[0]) or words[0] in ("sudo", "exec", "sh", "sh -x", "-x")):
                words = words[1:]
            if words:
                yield words


def check_options(words, text, what):
    for word in words:
        if word == "--":
            return
        if re.match(r"^--?[A-Za-z]", word):
            option = word.split("=")[0]
            assert option in ("--help", "--version") or re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text), \
                f"{what}: {option} is not in its --help"


def check_program(words):
    name = words[0].rsplit("/", 1)[-1]
    rest = words[1:]
    text = help_of(name)
    if name == "miioctl":
        verbs = re.findall(r"^  ([a-z]+) ", text[text.index("commands:"):], re.M)
        used = [w for w in rest if w in verbs]
        if rest and not all(w.startswith("-") for w in rest):
            assert used, f"{words}: no verb of miioctl"
            text += subprocess.run([str(BIN / name), "help", used[0]], stdout=subprocess.PIPE, text=True, timeout=60).stdout
    elif name == "miio_sim" and rest and not rest[0].startswith("-"):
        text = help_of(name, rest[0])
        if "--kind" in rest:
            text += help_of(name, rest[0], "--kind", rest[rest.index("--kind") + 1]) if rest[rest.index("--kind") + 1].islower() else ""
        if rest[0] == "phone" and len(rest) > 1:
            assert {"hello", "info", "config_router", "call"} & set(rest), words
    plain = [w for w in rest if not (w.startswith("[") or w.startswith("{"))]
    check_options(plain, text, name)


def check(words):
    program = words[0]
    name = program.rsplit("/", 1)[-1]
    if name in PROGRAMS:
        check_program(words)
    elif program.startswith(("examples/", "tests/", "docs/")):
        path = SOURCE / program
        assert path.is_file(), program
        check_options(words[1:], path.read_text(), program)
    elif program in ("ctest", "cmake") and "--preset" in words:
        preset = words[words.index("--preset") + 1]
        assert f'"name": "{preset}"' in (SOURCE / "CMakePresets.json").read_text(), words
    else:
        return 0
    return 1


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_commands_exist(page):
    n = sum(check(words) for words in commands(page))
    assert n > 0 or page.name in ("SECURITY.md", "fleet.md", "protocol.md")  # these have none


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_cmake_options_exist(page):
    known = set(re.findall(r"^(?:option|set)\((MIIO_\w+)", (SOURCE / "CMakeLists.txt").read_text(), re.M))
    assert set(re.findall(r"-D(MIIO_\w+)", page.read_text())) - known == set()


def test_languages_have_the_same_pages():
    index = (SOURCE / "docs/zh/README.md").read_text()
    for page in (SOURCE / "docs/zh").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index, page.name
    assert "docs/zh/README.md" in "\n".join((SOURCE / "README.md").read_text().splitlines()[:20])


def test_languages_have_the_same_symptoms():
    """Headings, findings of miioctl check, states, answers and counters: what stands in one stands in the other."""
    pages = [(SOURCE / p / "troubleshooting.md").read_text() for p in ("docs", "docs/zh")]
    assert len(set(len(re.findall(r"^## ", text, re.M)) for text in pages)) == 1
    findings = set(re.findall(r'"((?:agent|app|client|cloud|clock|disk|helper|hooks|key|lan|spool|token)\.\w+)"',
                              (SOURCE / "agent/ctl/findings.c").read_text())) - {"client.status"}
    assert len(findings) > 20
    for text in pages:
        assert {f for f in findings if "`%s`" % f not in text} == set()
    words = [set(re.findall(r"`([a-z_]+(?:\.[a-z_.*]+)?|-\d+|-D\w+=\w+)`", text)) for text in pages]
    assert words[0] ^ words[1] == set()


def test_chinese_programs_compile():
    """C programs in the Chinese pages are programs."""
    for page in (SOURCE / "docs/zh").glob("*.md"):
        for program in re.findall(r"^```c\n(.*?)^```", page.read_text(), re.M | re.S):
            done = subprocess.run(["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c",
                                   f"-I{SOURCE}/libagent/include", "-"], input=program, text=True, stderr=subprocess.PIPE)
            assert done.returncode == 0, (page.name, done.stderr)


def test_first_application_does_what_its_page_says(tmp_path):
    """The Chinese first application: compiled, started, and its miioctl lines answered as their comments say."""
    page = (SOURCE / "docs/zh/first-application.md").read_text()
    program = re.search(r"^```c\n(.*?)^```", page, re.M | re.S).group(1)
    (tmp_path / "app.c").write_text(program)
    flags = ["-fsanitize=address,undefined"] if is_sanitized("miio_agent") else []
    subprocess.run(["cc", "app.c", f"-I{SOURCE}/libagent/include", f"{os.environ['MIIO_LIB']}/libagent.so", *flags, "-o", "app"],
                   cwd=tmp_path, check=True)
    with Agent() as agent:
        at = "unix:" + agent.unix
        app = subprocess.Popen([str(tmp_path / "app")], env={**os.environ, "MIIO_AGENT": at, "LD_LIBRARY_PATH": os.environ["MIIO_LIB"]},
                               stdout=subprocess.DEVNULL)
        try:
            assert run("miioctl", "--agent", at, "wait", "set_power", "get_prop")[0] == 0
            lines = re.findall(r"^miioctl (call .*?)\s+# (.*)$", page, re.M)
            assert len(lines) == 3
            for line, comment in lines:
                code, out, err = run("miioctl", "--agent", at, *shlex.split(line))
                wanted = re.search(r"(\[.*\]|-\d+)", comment).group(1)
                assert wanted in out + err, (line, out, err)
        finally:
            app.kill()
            app.wait()


@pytest.mark.parametrize("page", sorted((SOURCE / "docs").glob("*.md")) + sorted((SOURCE / "docs/zh").glob("*.md")),
                         ids=lambda p: str(p.relative_to(SOURCE)))
def test_configurations_are_taken(page, tmp_path):
    """Blocks of KEY=VALUE lines: miio_client takes each without a word."""
    identity = {"did": "10000", "key": "EsrtdeaInabcPQM0", "mac": "8C:BE:BE:AA:BB:59", "vendor": "v", "model": "v.prod.v1"}
    for section in re.split(r"^## ", page.read_text(), flags=re.M):
        lines = {}
        for block in re.findall(r"^```\n((?:[a-z][\w.*]*=[^\n]*\n)+)```", section, re.M):
            for name in re.findall(r"/etc/miio/([\w.-]+\.(?:pem|key))$", block, re.M):
                (tmp_path / name).write_text("")
                (tmp_path / name).chmod(0o600)
                block = block.replace("/etc/miio/" + name, str(tmp_path / name))
            own = dict(line.split("=", 1) for line in block.replace(":PORT", ":8080").splitlines())
            lines = own if "cloud" in own else lines | own  # one without a cloud goes on from the one before
            conf = tmp_path / "device.conf"
            conf.write_text("".join("%s=%s\n" % item for item in (identity | lines).items()))
            conf.chmod(0o600)
            done = subprocess.run([str(BIN / "miio_client"), "-d", str(tmp_path) + "/", "--check-config"], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=60)
            assert done.stdout == "configuration is good\n", (block, done.stdout)
