# SPDX-License-Identifier: MIT
"""miioctl --model: a device by the names of its model."""
import json
import os
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest
from agent_rig import Agent
from support import SOURCE, Daemon, run, wait_for

DATA = Path(SOURCE) / "tests/data/miot-spec"


@contextmanager
def device(name):
    with Agent() as agent:
        address = "unix:" + agent.unix
        sim = Daemon("miio_sim", "device", "--still", "--model", DATA / f"{name}.json", env={"MIIO_AGENT": address}, ready=False)

        def ctl(*args, env=None):
            return run("miioctl", *args, env={**os.environ, "MIIO_AGENT": address, "MIIO_MODEL": str(DATA / f"{name}.json"), **(env or {})})

        ctl.agent, ctl.sim, ctl.address = agent, sim, address
        try:
            assert ctl("wait", "get_properties", "set_properties", "action")[0] == 0
            yield ctl
        finally:
            sim.signal(signal.SIGTERM)
            assert sim.wait() == 0


def test_get_set_and_do():
    with device("thermostat") as ctl:
        assert ctl("get", "thermostat.mode") == (0, "thermostat.mode                  0 Cool\n", "")
        assert ctl("set", "thermostat.mode", "heat", "thermostat.on", "on", "thermostat.target-temperature", "22") == (0, "", "")
        assert ctl("-j", "get", "thermostat.mode", "2.3", "thermostat.target-temperature")[1] == \
            '{"thermostat.mode":1,"thermostat.on":true,"thermostat.target-temperature":22}\n'
        wait_for(lambda: ctl.sim.out[1:] == ["set thermostat.mode 1", "set thermostat.on true", "set thermostat.target-temperature 22"], "the device")
        everything = json.loads(ctl("-j", "get")[1])
        assert len(everything) == 22 and everything["function.parameter"] == 2147483648
        assert set(json.loads(ctl("-j", "get", "environment", "2.1")[1])) == {"environment.temperature", "thermostat.mode"}


def test_actions():
    with device("air-purifier") as ctl:
        assert ctl("do", "air-purifier.toggle") == (0, "", "")
        assert ctl("do", "filter.reset-filter-life", "100") == (0, "", "")
        assert json.loads(ctl("-j", "do", "4.1", "7")[1])["code"] == 0
        code, out, err = ctl("do", "filter.reset-filter-life")
        assert code == 1 and "takes filter-used-time" in err
        code, out, err = ctl("do", "filter.reset-filter-life", "1001")
        assert code == 1 and "out of range: 0 to 1000 by 1" in err
        wait_for(lambda: ctl.sim.out[1:] == ["do air-purifier.toggle", "do filter.reset-filter-life 100", "do filter.reset-filter-life 7"], "the device")


@pytest.mark.parametrize("args, why", [
    (["set", "thermostat.mode", "warm"], "thermostat.mode: warm is none of 0 Cool, 1 Heat, 2 Ventilation"),
    (["set", "thermostat.mode", "7"], "7 is none of 0 Cool"),
    (["set", "thermostat.target-temperature", "99"], "99 is out of range: 16 to 32 by 1"),
    (["set", "thermostat.target-temperature", "20.5"], "wanted is uint32"),
    (["set", "thermostat.on", "maybe"], "maybe is of the wrong type: wanted is bool"),
    (["set", "thermostat.on", 'true,"x":1'], "of the wrong type"),
    (["set", "environment.temperature", "5"], "environment.temperature: cannot be written"),
    (["set", "nothing", "5"], "nothing: no such property"),
    (["get", "nothing"], "nothing: no such property"),
    (["do", "nothing"], "nothing: no such action"),
])
def test_what_cannot_be_is_said_and_not_sent(args, why):
    with device("thermostat") as ctl:
        code, out, err = ctl(*args)
        assert (code, out) == (1, "") and why in err
        assert ctl("get", "thermostat.on")[0] == 0
        assert not any(line.startswith(("set", "do")) for line in ctl.sim.out)


@pytest.mark.parametrize("args", [["set"], ["set", "a"], ["set", "a", "1", "b"], ["do"], ["watch", "-n", "x"]])
def test_wrong_usage(args):
    code, out, err = run("miioctl", "-m", DATA / "thermostat.json", *args)
    assert code == 2 and "usage: miioctl " + args[0] in err


@pytest.mark.parametrize("command", [["get"], ["set", "a", "1"], ["do", "a"], ["watch"]])
def test_without_a_model(command):
    code, out, err = run("miioctl", *command, env={k: v for k, v in os.environ.items() if k != "MIIO_MODEL"})
    assert code == 2 and "--model FILE is needed" in err


def test_a_model_that_is_none(tmp_path):
    (tmp_path / "m.json").write_text('{"type":"x",\n"services":[]}')
    code, out, err = run("miioctl", "-m", tmp_path / "m.json", "get")
    assert code == 1 and "m.json:1: type \"x\": is not a URN" in err
    code, out, err = run("miioctl", "-m", tmp_path / "none.json", "get")
    assert code == 1 and "none.json: No such file" in err


def test_watch_and_names_in_monitor_and_list():
    with device("bath-heater") as ctl:
        env = {"MIIO_AGENT": ctl.address, "MIIO_MODEL": str(DATA / "bath-heater.json")}
        watch = Daemon("miioctl", "watch", "-n", "2", "light.on", "light.brightness", env=env, ready=False)
        monitor = Daemon("miioctl", "monitor", "set_properties", env=env, ready=False)
        watch.wait_err("watching")
        monitor.wait_err("monitoring")
        assert ctl("set", "light.on", "true", "ptc-bath-heater.heating", "on", "light.brightness", "50")[0] == 0
        assert watch.wait() == 0 and watch.out == ["light.on                         true", "light.brightness                 50 percentage"]
        line = monitor.wait_out("set_properties")
        assert line.endswith("}]}  light.on ptc-bath-heater.heating light.brightness")
        monitor.signal(signal.SIGTERM)
        monitor.wait()
        listed = ctl("list", "-v")[1]
        assert "      set_properties\n        2.1    light.on\n        2.2    light.mode\n" in listed and "3.1    ptc-bath-heater.stop-working\n" in listed
        assert "light.mode" not in listed.split("      set_properties")[0], "write-only is not read"
