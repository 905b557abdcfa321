# SPDX-License-Identifier: MIT
"""Every program refuses wrong options alike: exit code 2, and one line that says who refuses what, and which limit it has."""
import os

import pytest

from support import BIN, run, write_identity

MCU = ("--tty", "/dev/null")
NUMBERS = {  # program: what it needs beside, options with their limits; each is one that takes a number
    "miio_agent": ((), {"--loglevel": (0, 4), "--command-timeout": (1, 86400000), "--max-text": (256, 268435456)}),
    "miio_client": ((), {"--loglevel": (0, 4), "--command-timeout": (100, 600000), "--memory-limit": (4, 1024), "--port": (1, 65535)}),
    "miio_mcu": (MCU, {"--loglevel": (0, 4)}),
    "miio_ota": ((), {"--loglevel": (0, 4), "--install-timeout": (0, 86400000), "--retries": (0, 86400000)}),
    "miio_web": ((), {"--loglevel": (0, 4), "--session-minutes": (1, 10080)}),
    "miioctl": ((), {"--timeout": (1, 86400000)}),
}
PROGRAMS = [p for p in NUMBERS if os.path.exists(os.path.join(BIN, p))]


def refusal(tmp_path, program, *args):
    """The one line on standard error."""
    args = (*(NUMBERS[program][0]), *args)
    if program == "miio_client":
        args = ("-d", write_identity(tmp_path / "data", wifi=False), *args)
    code, out, err = run(program, *args)
    assert code == 2 and out == "", (code, out, err)
    assert err.count("\n") == 1 and err.endswith("\n"), err
    return err[:-1]


def below_and_above(least, most):
    return ([str(least - 1)] if least > 0 else []) + [str(most + 1)]


@pytest.mark.parametrize("program", PROGRAMS)
def test_numbers(program, tmp_path):
    for option, (least, most) in NUMBERS[program][1].items():
        good = str(max(least, 1))
        for bad in ("", " " + good, "+" + good, good + " ", good + "x", "-1", "1e3", "0x10", "9" * 30, *below_and_above(least, most)):
            said = refusal(tmp_path, program, option, bad)
            assert said == "%s: %s %s: must be a number from %d to %d" % (program, option, bad, least, most)


@pytest.mark.parametrize("program", PROGRAMS)
def test_unknown_options_missing_values_and_arguments(program, tmp_path):
    see = "; see %s --help" % program
    option = next(iter(NUMBERS[program][1]))
    assert refusal(tmp_path, program, "--bogus") == "%s: --bogus: unknown option%s" % (program, see)
    assert refusal(tmp_path, program, "--bogus=1") == "%s: --bogus=1: unknown option%s" % (program, see)
    assert refusal(tmp_path, program, "-Z") == "%s: -Z: unknown option%s" % (program, see)
    assert refusal(tmp_path, program, option) == "%s: %s: needs a value%s" % (program, option, see)
    assert refusal(tmp_path, program, "--help=1") == "%s: --help=1: takes no value%s" % (program, see)
    if program != "miioctl":  # its arguments are commands
        assert refusal(tmp_path, program, "word") == '%s: unexpected argument "word"%s' % (program, see)
        assert refusal(tmp_path, program, "-DZ") == "%s: -Z: unknown option%s" % (program, see)
        assert refusal(tmp_path, program, "-l") == "%s: -l: needs a value%s" % (program, see)


@pytest.mark.parametrize("command, option, letter, least, most, words", [
    ("listen", "count", "n", 1, 4294967295, ("x",)), ("listen", "time", "t", 1, 86400000, ("x",)),
    ("monitor", "count", "n", 1, 4294967295, ()), ("watch", "time", "t", 1, 86400000, ()),
    ("top", "interval", "i", 10, 3600000, ()), ("wait", "time", "t", 1, 86400000, ("x",))])
def test_options_of_miioctls_commands(command, option, letter, least, most, words):
    def refused(*args):
        code, out, err = run("miioctl", "--model", "", command, *args)
        said, usage = err.splitlines()
        assert code == 2 and out == "" and usage.startswith("usage: miioctl " + command)
        return said

    me = "miioctl " + command
    for bad in ("", "x", *below_and_above(least, most)):
        for args in (("--" + option, bad, *words), ("-" + letter, bad, *words), (*words, "--%s=%s" % (option, bad))):
            assert refused(*args) == "%s: --%s %s: must be a number from %d to %d" % (me, option, bad, least, most)
    assert refused(*words, "--" + option) == "%s: --%s: needs a value; see %s --help" % (me, option, me)
    assert refused(*words, "-Z") == "%s: -Z: unknown option; see %s --help" % (me, me)
    assert refused("--bogus=1", *words) == "%s: --bogus=1: unknown option; see %s --help" % (me, me)


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_and_version(program):
    for option in ("-h", "--help"):
        code, out, err = run(program, option)
        assert code == 0 and out.startswith("usage: %s " % program) and err == ""
    for option in ("-v", "--version"):
        code, out, err = run(program, option)
        assert code == 0 and out.startswith(program + " ") and err == ""


@pytest.mark.parametrize("program, name, least, most", [
    ("miio_agent", "command_timeout", 1, 86400000), ("miio_client", "command-timeout", 100, 600000),
    ("miio_mcu", "command_timeout_ms", 100, 60000), ("miio_web", "session_minutes", 1, 10080)])
def test_numbers_of_a_file(program, name, least, most, tmp_path):
    if program not in PROGRAMS:
        pytest.skip(program + " is not built")
    file = tmp_path / "settings.conf"
    args = (*NUMBERS[program][0], "--check-config", "--config", str(file))
    if program == "miio_client":
        args += ("-d", write_identity(tmp_path / "data", wifi=False))
    for bad in ("", "+5000", "5000x", *below_and_above(least, most)):
        file.write_text("\n%s = %s\n" % (name, bad))
        code, out, err = run(program, *args)
        assert (code, out) == (78, "") and \
            err == "%s: %s:2: %s: must be a number from %d to %d\n" % (program, file, name, least, most)
    file.write_text("%s = %d\n" % (name, most))
    assert run(program, *args)[0] == 0
