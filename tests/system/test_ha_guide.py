# SPDX-License-Identifier: MIT
"""docs/home-assistant.md: its commands do what it says, against a real broker; and examples/thermostat is what miio_gen makes."""
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from support import BIN, SOURCE, is_sanitized, run

GUIDE = (Path(SOURCE) / "docs/home-assistant.md").read_text()
EXAMPLE = Path(SOURCE) / "examples/thermostat"
LIB = os.environ.get("MIIO_LIB", os.path.join(os.path.dirname(BIN), "lib"))

# what the reader sees by looking: the test waits for it
SEEN = {3: "miioctl --model heat.json wait set_properties get_properties",
        4: "mosquitto_sub -h $HOST -p $PORT -t miio/4711/state -W 20 | grep -m 1 '\"2.2\":21.5'",
        6: "mosquitto_sub -h $HOST -p $PORT -t miio/4711/report -W 20 | grep -m 1 event_occured"}


def blocks():
    return re.findall(r"^```sh\n(.*?)^```", GUIDE, re.M | re.S)


def script():
    """The guide's lines one after another. What it wants of the command before stands between."""
    parts = ["set -e", "ip link set lo up", "mkdir -p /run/miio", "mount -t tmpfs none /run/miio",
             "printf 'listener 1883 127.0.0.1\\nallow_anonymous true\\n' > mosquitto.conf", "mosquitto -c mosquitto.conf 2>/dev/null & BROKER_PID=$!",
             "until mosquitto_pub -h $HOST -p $PORT -t x -n 2>/dev/null; do :; done"]
    flags = "-fsanitize=address,undefined " if is_sanitized("miio_agent") else ""
    flags += "-I%s/libagent/include -L%s -lagentmodel -lagent -Wl,-rpath,%s" % (SOURCE, LIB, LIB)
    for n, block in enumerate(blocks(), 1):
        lines = block.rstrip().replace("$(pkg-config --cflags --libs libagentmodel)", flags).replace("kill %3", "kill $DEVICE")
        lines = lines.replace("miio_client -d data &", "miio_client -d data 2>client.log & CLIENT=$!").replace("miio_agent &", "miio_agent 2>agent.log & AGENT=$!")
        lines = lines.replace("miio_sim device --model heat.json &", "miio_sim device --model heat.json >sim.log 2>&1 & DEVICE=$!")
        lines = lines.replace("./heater 100 &", "./heater 100 >heater.log 2>&1 & DEVICE=$!")
        head, _, last = lines.rpartition("\n")
        if n == 4:
            lines = "\n".join((head, SEEN[n], last))
        elif n == 6:  # listens before the last command
            lines = "%s\n( %s ) & SEEN=$!\n%s\nwait $SEEN" % (head, SEEN[n], last)
        elif n in SEEN:
            lines += "\n" + SEEN[n]
        parts.append(lines)
    parts += ["kill $DEVICE $AGENT $CLIENT $BROKER_PID", "wait"]
    return "\n".join(parts) + "\n"


def test_the_commands_of_the_guide_do_what_it_says(tmp_path):
    if subprocess.run(["unshare", "-nm", "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no networks of one's own here")
    env = {**os.environ, "PATH": BIN + ":/usr/sbin:/usr/bin:/sbin:/bin", "SOURCE": str(SOURCE), "HOST": "127.0.0.1", "PORT": "1883",
           "BROKER": "127.0.0.1:1883"}
    env = {k: v for k, v in env.items() if not k.startswith("MIIO_AGENT") and k != "MIIO_MODEL"}
    # a process id space of its own: when the shell ends, all that it started ends
    done = subprocess.run(["unshare", "-nmpf", "--mount-proc", "--kill-child", "bash", "-c", script()], cwd=tmp_path, env=env, timeout=120, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    logs = "\n".join("%s: %s" % (p.name, p.read_text()) for p in tmp_path.glob("*.log"))
    assert done.returncode == 0, done.stdout[-3000:] + logs
    assert '{"device":{"identifiers":["miio_4711"],"name":"Thermostat"' in done.stdout
    assert "thermostat.target-temperature" in done.stdout and "21.5 celsius" in done.stdout
    assert "switched on" in (tmp_path / "heater.log").read_text() and "target 16" in (tmp_path / "heater.log").read_text()
    assert '"siid":2,"eiid":1' in done.stdout
    assert "Sanitizer" not in logs and "runtime error" not in logs


def test_the_example_is_what_miio_gen_makes(tmp_path):
    assert run("miio_gen", "-o", tmp_path, EXAMPLE / "thermostat.json")[0] == 0
    made = {p.name: p.read_text() for p in tmp_path.iterdir()}
    for name in ("thermostat_model.h", "thermostat_model.c", "test_thermostat.c"):
        assert (EXAMPLE / name).read_text() == made[name], "%s: made by another miio_gen" % name
    mine = (EXAMPLE / "thermostat.c").read_text()
    own = mine[mine.index("/* ---- the maker's own"):mine.index("/* ---- what miio_gen prepared")]
    assert 30 <= own.count("\n") <= 70
    assert len(json.loads((EXAMPLE / "thermostat.json").read_text())["services"]) == 3
