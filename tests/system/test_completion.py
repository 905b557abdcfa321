# SPDX-License-Identifier: MIT
"""Completion in bash, zsh and fish: what is offered is what the programs have, and it works where it is installed."""
import os
import re
import shutil
import subprocess
import tempfile

import pytest

from agent_rig import Agent
from support import BIN, SOURCE, Daemon

HERE = os.path.join(SOURCE, "docs", "packaging", "completion")
PROGRAMS = ("miio_agent", "miio_client", "miio_mcu", "miio_ota", "miio_web", "miioctl", "miio_sim", "miio_gen")
ENV = {**os.environ, "PATH": os.path.abspath(BIN) + ":" + os.environ["PATH"], "LC_ALL": "C.UTF-8"}


def output(*args):
    with tempfile.TemporaryDirectory() as home:  # fish keeps files of its own
        done = subprocess.run([str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                              text=True, env={**ENV, "HOME": home}, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout.split("\n")[:-1]


def candidates(*words, shell=("sh",)):
    return output(*shell, os.path.join(HERE, "complete.sh"), *words)


# ---- the candidates ----

@pytest.mark.parametrize("program", PROGRAMS)
def test_every_option_is_offered(program):
    for words in [()] if program != "miio_sim" else [("mcu",), ("phone",), ("device",), ("fleet",)] + [("cloud", "--kind", k) for k in
                                                                             ("ot", "gizwits", "onenet", "mqtt")]:
        text = "\n".join(output(program, *words, "--help"))
        options = set(re.findall(r"(?<![\w-])(--[a-z][a-z0-9-]*)", text)) | set(re.findall(r"^  (-\w)\b", text, re.M))
        assert options and options <= set(candidates(program, *words, "-")), (program, words)


def test_commands_values_and_paths():
    commands = candidates("miioctl", "")
    assert {"list", "call", "wait", "help"} <= set(commands)
    assert candidates("miioctl", "-j", "-t", "5", "li") == ["list", "listen"]
    assert set(candidates("miioctl", "help", "")) == set(commands)
    assert "--reply" in candidates("miioctl", "listen", "-") and "--agent" not in candidates("miioctl", "listen", "-")
    assert candidates("miio_client", "--cloud", "o") == ["ot", "onenet"]
    assert candidates("miio_client", "--cloud", "ot,m") == ["ot,mqtt"]
    assert candidates("miio_client", "--transport", "") == ["udp", "tcp"]
    assert candidates("miio_client", "--lan", "") == ["none"]
    assert candidates("miio_agent", "-l", "") == candidates("miio_mcu", "--loglevel", "") == list("01234")
    assert candidates("miio_ota", "--dir", "x") == candidates("miio_client", "-d", "") == ["@dir"]
    assert candidates("miio_ota", "--install-hook", "") == candidates("miioctl", "replay", "") == ["@file"]
    assert candidates("miioctl", "monitor", "-w", "") == ["@file"]
    assert candidates("miio_sim", "") == ["mcu", "cloud", "phone", "fleet", "device"]
    assert candidates("miio_sim", "cloud", "--kind", "o") == ["ot", "onenet"]
    assert candidates("miio_client", "-D", "x") == candidates("miio_agent") == []
    assert candidates("miio_client", "--port", "") == []  # a value, but none that we could know


@pytest.mark.parametrize("shell", [("dash",), ("bash", "--posix"), ("busybox", "ash")], ids=lambda s: s[0])
def test_any_shell_will_do(shell):
    assert candidates("miioctl", "mon", shell=shell) == ["monitor"]
    assert candidates("miio_client", "--cloud", "m", shell=shell) == ["mqtt"]


def test_methods_come_from_the_agent():
    with Agent() as agent, Daemon("example_lamp", "--agent", "unix:" + agent.unix, ready=False) as app:
        app.wait_out("ready")
        for command in ("call", "listen", "monitor", "wait"):
            assert candidates("miioctl", "-a", "unix:" + agent.unix, command, "set_") == ["set_bright", "set_power"]
    assert candidates("miioctl", "-a", "unix:/nonexistent", "call", "") == []


# ---- the shells ----

BASH = """
source %s
COMP_WORDS=(%s) COMP_CWORD=%d
_miio 2>/dev/null
[ ${#COMPREPLY[@]} = 0 ] || printf '%%s\\n' "${COMPREPLY[@]}"
"""


def in_bash(file, *words):
    return output("bash", "--norc", "-c", BASH % (file, " ".join("'%s'" % w for w in words), len(words) - 1))


ZSH = """
compadd() { print -l -- "${(@P)@[-1]}" }
_files() { print -l -- "files $*" }
fpath=(%s $fpath)
autoload -Uz _miio
words=(%s) CURRENT=%d
_miio
"""


def in_zsh(folder, *words):
    return output("zsh", "-f", "-c", ZSH % (folder, " ".join("'%s'" % w for w in words), len(words)))


def in_fish(file, *words):
    lines = output("fish", "--no-config", "-c", "source %s; complete -C '%s'" % (file, " ".join(words)))
    return [line.split("\t")[0] for line in lines]


def check_bash(file, folder):
    assert in_bash(file, "miioctl", "li") == ["list", "listen"]
    assert in_bash(file, "miio_client", "--cl") == ["--cloud"]
    assert in_bash(file, "miio_client", "-d", str(folder) + "/subf") == [str(folder) + "/subfolder"]
    assert in_bash(file, "miio_client", "-L", str(folder) + "/su") == [str(folder) + "/subfolder"]


def check_zsh(functions, folder):
    assert in_zsh(functions, "miioctl", "li") == ["list", "listen"]
    assert in_zsh(functions, "miio_client", "--cloud", "") == ["ot", "gizwits", "onenet", "mqtt", "none"]
    assert in_zsh(functions, "miio_ota", "--dir", "x")[0] == "files -/"


def check_fish(file, folder):
    assert in_fish(file, "miioctl", "li") == ["list", "listen"]
    assert in_fish(file, "miio_client", "--cl") == ["--cloud"]
    assert in_fish(file, "miio_client", "-d", str(folder) + "/subf") == [str(folder) + "/subfolder/"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "subfolder").mkdir()
    return tmp_path


needs = {name: pytest.mark.skipif(not shutil.which(name), reason="no " + name) for name in ("bash", "zsh", "fish")}
SHELLS = [pytest.param("bash", check_bash, "miio.bash", marks=needs["bash"]),
          pytest.param("zsh", check_zsh, "", marks=needs["zsh"]),
          pytest.param("fish", check_fish, "miio.fish", marks=needs["fish"])]


@pytest.mark.parametrize("shell,check,file", SHELLS)
def test_from_the_source_folder(folder, shell, check, file):
    check(os.path.join(HERE, file), folder)


INSTALLED = {"bash": "share/bash-completion/completions/miioctl", "zsh": "share/zsh/site-functions",
             "fish": "share/fish/vendor_completions.d/miioctl.fish"}


@pytest.mark.parametrize("shell,check,file", SHELLS)
def test_installed(folder, shell, check, file):
    prefix = folder / "prefix"
    output("cmake", "--install", os.path.dirname(os.path.abspath(BIN)), "--prefix", prefix, "--component", "completion")
    check(prefix / INSTALLED[shell], folder)
    for program in PROGRAMS:
        assert (prefix / "share/bash-completion/completions" / program).is_file()
        assert (prefix / "share/fish/vendor_completions.d" / (program + ".fish")).is_file()
