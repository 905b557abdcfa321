# SPDX-License-Identifier: MIT
"""Every command that README and the pages for whoever sets a device up tell the reader to type, typed: on a small board of namespaces
where this build is installed. What is run by another test, or by none, stands below with the place or the reason."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support import BIN, SOURCE, is_sanitized

BUILD = os.path.dirname(os.path.abspath(BIN))
PAGES = ["README.md", "docs/porting.md", "docs/troubleshooting.md"] + sorted("docs/zh/" + p.name for p in (Path(SOURCE) / "docs/zh").glob("*.md"))

# How a command is run: to its end (exit codes, what it says), until it has said something, for the rest of the board's life, or in the shell
# itself. do: lines before it, the folder above all.
ENDS, UNTIL, STAYS, SHELL = "ends", "until", "stays", "shell"
CALL = "miioctl call set_power '[\"on\"]'"
STEPS = [
    ("sudo cmake --install build && sudo ldconfig", ENDS, {"do": "cd /root", "says": "bin/miioctl"}),
    ("sudo ldconfig", ENDS, {}),
    ("DESTDIR=$PWD/root cmake --install build-arm --strip", ENDS, {"do": "cd /root", "says": "/root/root/usr/local/sbin/miio_agent"}),
    ("ln -s /mnt/TZ root/etc/localtime", ENDS, {"do": "cd /root; mkdir -p root/etc"}),
    ("man miio_client", ENDS, {"says": "miio_client"}),
    ("man device.conf", ENDS, {"says": "did"}),
    ("man access.conf", ENDS, {"says": "access.conf"}),
    ("man miioctl", ENDS, {"says": "miioctl"}),
    # -- the client alone
    ("miio_client -d /data/miio --check-config", ENDS, {"says": "^configuration is good$"}),
    ("miio_client --check-config", ENDS, {"says": "^configuration is good$"}),
    ("miio_client -d DIR --check-config", ENDS, {"do": "cd /root; ln -s /data/miio DIR", "says": "^configuration is good$"}),
    ("miio_client -d /etc/miio/ --check-config", ENDS, {"says": "^configuration is good$"}),
    ("miio_client -d /data/miio", UNTIL, {"says": "^ready "}),
    # -- the board
    ("mosquitto -c /etc/mosquitto.conf -d", ENDS, {"needs": "mosquitto"}),
    ("/etc/miio/wifi_start.sh &", ENDS, {}),
    ("miio_client -D --access /etc/miio/access.conf", ENDS, {}),
    ("miio_agent -D --access /etc/miio/access.conf", ENDS, {}),
    ("miio_ota -D --dir /var/lib/miio-ota --install-hook /etc/miio/ota_install.sh", ENDS, {}),
    ("cc app.c $(pkg-config --cflags --libs libagent) -o app", ENDS, {"do": "cd /root/first"}),
    ("./app", STAYS, {"do": "cd /root/first", "ready": "miioctl wait set_power get_prop"}),
    ("miioctl check", ENDS, {"codes": (0, 1), "says": "^ok   miio_client is connected$"}),
    ("miioctl status", ENDS, {"says": "10000"}),
    ("miioctl stats", ENDS, {"says": "keys_refused"}),
    ("miioctl stats --prom", ENDS, {"says": "^miio_client_up 1$"}),
    ("* * * * * root miioctl stats --prom > /var/lib/node_exporter/miio.prom.new && "
     "mv /var/lib/node_exporter/miio.prom.new /var/lib/node_exporter/miio.prom", ENDS,
     {"then": "cat /var/lib/node_exporter/miio.prom", "says": "^miio_client_up 1$"}),
    ("miioctl list", ENDS, {"says": "app"}),
    ("miioctl list -v", ENDS, {"says": "set_power"}),
    ("miioctl call get_prop '[\"power\"]'", ENDS, {"says": r'^\["off"\]$'}),
    ("miioctl monitor", UNTIL, {"while": CALL, "says": "set_power"}),
    ("miioctl monitor -w record.log", UNTIL, {"do": "cd /root", "while": CALL, "says": "set_power"}),
    ("miioctl replay record.log", ENDS, {"do": "cd /root"}),
    ("miioctl send local.query_status", ENDS, {"says": r'^"\w+"$'}),
    ("miioctl bundle FILE", ENDS, {"do": "cd /root", "then": "tar -tf FILE", "says": "client.log"}),
    ("miioctl bundle", ENDS, {"codes": (2,), "says": "FILE"}),
    ("miio_sim phone -a 192.168.13.1:54321 hello", ENDS, {"says": "10000"}),
    ("miio_sim mcu", STAYS, {"ready": "grep -q ready LOG", "then": "miio_mcu --tty $(sed -n 's/^ready.*tty=//p' LOG | cut -d' ' -f1) >/dev/null 2>&1 &"}),
    ("miioctl call mcu.info", ENDS, {"do": "miioctl wait mcu.info", "says": "^{"}),
    ("MIIO_DRY_RUN=1 ./wifi_start.sh", ENDS, {"do": "cd /etc/miio", "says": "_miapBB59"}),
    ("MIIO_DRY_RUN=1 ./wifi_start.sh            # without wifi.conf", ENDS, {"do": "cd /etc/miio", "says": "_miapBB59"}),
    ("sh -x ./wifi_start.sh; echo $?", ENDS, {"do": "cd /etc/miio", "says": r"^\d+$"}),
    ("miio_client_helper.sh identity", ENDS, {"codes": (1,)}),
    ("ota_install.sh FILE MD5 normal; echo $?", ENDS, {"do": "cd /root", "says": r"^[1-9]\d*$"}),
    ("chmod 600 device.token", ENDS, {"do": "cd /etc/miio"}),
    # -- the page
    ("miio_web", UNTIL, {"says": "^ready "}),
    ("miio_web --model /etc/miio/model.json", UNTIL, {"says": "^ready "}),
    ("miio_web --set-password", ENDS, {"in": "Passw0rd-Passw0rd\\nPassw0rd-Passw0rd\\n", "then": "ls /etc/miio", "says": "web.password"}),
    ("miio_web --listen 0.0.0.0:8086 --cert /etc/miio/web.pem --key /etc/miio/web.key", UNTIL, {"says": "^ready "}),
    # -- clouds
    ("miio_sim cloud --kind gizwits --help", ENDS, {"says": "usage"}),
    # -- last of the board: it forgets its owner
    ("miio_sim phone ... call miIO.restore", ENDS, {"as": "miio_sim phone -a 192.168.13.1:54321 call miIO.restore", "says": "ok"}),
    ("miioctl send miIO.restore", ENDS, {"codes": (0, 1)}),
    # -- the first application, on an agent of its own
    ("miio_agent --offline --listen none --unix /tmp/agent.sock", STAYS, {"ready": "grep -q ^ready LOG"}),
    ("export MIIO_AGENT=unix:/tmp/agent.sock", SHELL, {}),
    ("./app", STAYS, {"do": "cd /root/first", "ready": "miioctl wait set_power get_prop"}),
    ("miioctl list", ENDS, {"says": "app"}),
    ("miioctl call set_power '[\"on\"]'", ENDS, {"says": r'^\["ok"\]$'}),
    ("miioctl call get_prop '[\"power\"]'", ENDS, {"says": r'^\["on"\]$'}),
    ("miioctl call no_such_method", ENDS, {"codes": (1,), "says": "-32601"}),
    # no other client or agent is left then
    ("miio_client -d /tmp/miio/ --lan 127.0.0.1:54321", STAYS,
     {"do": "kill $(pidof miio_client miio_agent miio_mcu); while pidof miio_client miio_agent; do sleep 0.1; done", "ready": "grep -q ^ready LOG"}),
    ("miio_agent --listen none --unix /tmp/agent.sock", STAYS, {"ready": "miioctl status | grep -q 10000", "then": "miioctl wait set_power"}),
    ("miio_sim phone -a 127.0.0.1:54321 hello", ENDS, {"says": "[0-9a-f]{32}"}),
    ("miio_sim phone -a 127.0.0.1:54321 call set_power '[\"on\"]'", ENDS, {"says": r'\["ok"\]'}),
]
# command -> the file that runs it, and what it says there
ELSEWHERE = {
    "examples/demo.sh": ("tests/system/test_demo_script.py", "start(tmp_path)"),
    "examples/demo.sh --once": ("tests/parts/client.cmake", "demo.sh --once"),
    "examples/demo.sh --web": ("tests/parts/web.cmake", "demo.sh --once --web"),
    "examples/demo.sh --cloud gizwits": ("tests/parts/gizwits.cmake", "--cloud gizwits"),
    "examples/demo.sh --cloud onenet": ("tests/parts/mqtt.cmake", "--cloud ${cloud}"),
    "examples/demo.sh --cloud mqtt": ("tests/parts/mqtt.cmake", "--cloud ${cloud}"),
    "examples/demo.sh --cloud ot,mqtt": ("tests/parts/several.cmake", "--cloud ${clouds}"),
    "cc app.c $(pkg-config --cflags --libs libagent)": ("tests/system/test_readme.py", "pkg-config --cflags --libs libagent"),
    "sh tests/support/install_packages.sh": ("examples/demo.sh", "install_packages.sh"),
    "cmake -B build-arm -DCMAKE_TOOLCHAIN_FILE=/path/to/toolchain.cmake -DCMAKE_BUILD_TYPE=MinSizeRel "
    "-DCMAKE_INSTALL_PREFIX=/usr -DMIIO_EXAMPLES=OFF": ("tests/ci/cross.sh", "-DCMAKE_TOOLCHAIN_FILE="),
    "cmake --build build-arm -j": ("tests/ci/lib.sh", "cmake --build"),
    "cmake -B build && cmake --build build -j": ("examples/demo.sh", 'cmake --build "$build" -j'),
}
CANNOT = {
    "tests/run.sh": "it runs every test, this one too",
    "tests/bench/run.sh": "measures for five minutes and wants a machine of its own",
}

HEAD = r"""
mount --make-rprivate /
mkdir -p root/etc root/run root/tmp root/data/miio root/proc root/dev root/usr root/var/lib/node_exporter root/var/log root/mnt root/root/first \
    root/run/miio "root$SOURCE" "root$BUILD" local
cp -a /etc/. root/etc
for name in bin sbin lib lib64; do ln -s "usr/$name" "root/$name"; done
ln -s /run root/var/run
mount --rbind /usr root/usr
mount --bind local root/usr/local
mount --rbind /dev root/dev
mount -t proc proc root/proc
mount --bind "$SOURCE" "root$SOURCE"
mount --bind "$BUILD" "root$BUILD"
ip link set lo up
ip address add 192.168.13.1/24 dev lo
ln -s "$BUILD" root/root/build
ln -s "$BUILD" root/root/build-arm
mkdir -p root/etc/miio
for dir in root/etc/miio root/data/miio; do
    printf 'did=10000\nkey=EsrtdeaInabcPQM0\nmac=8C:BE:BE:AA:BB:59\nvendor=v\nmodel=v.prod.v1\ncloud=none\n' >$dir/device.conf
    chmod 600 $dir/device.conf
done
grep -q ^miio: root/etc/group || echo miio:x:990: >>root/etc/group
printf 'listener 1883 127.0.0.1\nallow_anonymous true\n' >root/etc/mosquitto.conf
cp "$SOURCE/docs/packaging/access.conf" "$SOURCE/client/hooks/wifi_start.sh" "$SOURCE/agent/apps/ota/ota_install.sh" root/etc/miio/
cp "$MODEL" root/etc/miio/model.json
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=device -keyout root/etc/miio/web.key -out root/etc/miio/web.pem 2>/dev/null
chmod 600 root/etc/miio/web.key
sed -n '/^```c$/,/^```$/p' "$SOURCE/docs/zh/first-application.md" | sed '/^```/d' >root/root/first/app.c
mkdir -m 700 root/tmp/miio
sed -n '/^did=/,/^```$/p' "$SOURCE/docs/zh/first-application.md" | sed '/^```/d' >root/tmp/miio/device.conf
chmod 600 root/tmp/miio/device.conf
mv steps root/steps
exec chroot root /bin/bash /steps
"""
STEPS_HEAD = r"""
export PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/usr/local/share/miio LC_ALL=C.UTF-8 MANPAGER=cat
export MIIO_JOIN_SECONDS=1
sudo() { "$@"; }
cc() { /usr/bin/cc "$@" $FLAGS; }
# until the condition holds, as long as process $pid lives
waits() { for i in $(seq 600); do eval "$1" && return; kill -0 $pid 2>/dev/null || return 1; sleep 0.1; done; return 1; }
cd /root
"""


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def script():
    """What each step says goes to one file, its exit code to another."""
    out = [STEPS_HEAD]
    for n, (command, kind, how) in enumerate(STEPS):
        line = how.get("as", re.sub(r"^(\* ){5}root ", "", command))
        log, told = "/out.%d" % n, "echo $? >/code.%d" % n
        do = how.get("do", "cd /root").replace("LOG", log)
        feed = "printf %s | " % quoted(how["in"]) if "in" in how else ""
        given = "</dev/null" if "in" not in how else ""
        if kind == SHELL:
            out.append("%s; %s" % (line, told))
        elif kind == ENDS:
            body = "%s; %s eval %s; %s; wait; %s" % (do, feed, quoted(line), told, how.get("then", ":"))
            out.append("( %s ) >%s 2>&1 %s" % (body, log, given))
            if n == 0:
                out.append("[ $(cat /code.0) = 0 ] || { cat %s; exit 1; }" % log)  # nothing is installed
        else:
            out.append("( %s; eval %s ) >%s 2>&1 </dev/null & pid=$!" % (do, quoted("exec " + line), log))
            if kind == UNTIL:
                until = "grep -qE %s %s" % (quoted(how["says"]), log)
                if "while" in how:
                    until = "%s >/dev/null 2>&1; %s" % (how["while"], until)
                out.append("waits %s; %s; kill -INT $pid; wait $pid" % (quoted(until), told))
            else:
                out.append("waits %s; %s; %s" % (quoted(how["ready"].replace("LOG", log)), told, how.get("then", ":").replace("LOG", log)))
    return "\n".join(out) + "\n"


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """Path of the board's root after all steps."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "-n", "-p", "-f", "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("namespaces need root")
    tmp = tmp_path_factory.mktemp("board")
    (tmp / "steps").write_text(script())
    env = {**os.environ, "SOURCE": os.path.abspath(SOURCE), "BUILD": BUILD, "MODEL": str(next((Path(SOURCE).resolve() / "examples").rglob("*.json"))),
           "FLAGS": "-fsanitize=address,undefined" if is_sanitized("miio_agent") else ""}
    for name in ("MIIO_AGENT", "LD_LIBRARY_PATH", "PKG_CONFIG_PATH"):
        env.pop(name, None)
    done = subprocess.run(["unshare", "-m", "-n", "-p", "-f", "--kill-child", "sh", "-ec", HEAD], cwd=tmp, env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=600)
    assert done.returncode == 0, done.stdout
    return tmp / "root"


@pytest.mark.parametrize("n", range(len(STEPS)), ids=lambda n: STEPS[n][0][:60])
def test_it_does_what_it_says(board, n):
    command, kind, how = STEPS[n]
    for program in (how.get("needs"), "man" if command.startswith("man ") else None):
        if program and not shutil.which(program):
            pytest.skip(program + " is not installed")
    said = (board / ("out.%d" % n)).read_text(errors="replace") if kind != SHELL else ""
    code = int((board / ("code.%d" % n)).read_text())
    assert code in how.get("codes", (0,)), (command, code, said)
    assert re.search(how.get("says", ""), said, re.M), (command, said)


def commands(text):
    """Lines of sh blocks, what stands behind a prompt or in a crontab, and commands in backticks that have arguments."""
    for kind, block in re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S):
        lines = re.sub(r"\\\n\s*", "", block).splitlines()
        if kind == "":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith(("$ ", "* * "))]
        for line in lines if kind in ("", "sh") else []:
            yield re.sub(r"\s+# .*", "", line).strip()
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    for word in re.findall(r"`([^`\n]+)`", prose):
        if re.match(r"(sudo|sh|man|cc|chmod|cmake) |MIIO_\w+=\S+ \./|(examples|tests)/\S+\.sh|(miio\w*|\w+\.sh) [^|=]", word):
            yield word


def test_every_command_is_run():
    run = {re.sub(r"\s+# .*", "", step[0]) for step in STEPS}
    seen = set()
    for page in PAGES:
        for command in filter(None, commands((Path(SOURCE) / page).read_text())):
            seen.add(command)
            assert command in run or command in ELSEWHERE or command in CANNOT, "%s: nobody runs `%s`" % (page, command)
    assert (run | set(ELSEWHERE) | set(CANNOT)) - seen == set(), "no page says this any more"
    for command, (path, words) in ELSEWHERE.items():
        assert words in (Path(SOURCE) / path).read_text(), "%s does not run `%s`" % (path, command)


@pytest.mark.parametrize("page", ["README.md", "docs/zh/README.md"])
def test_it_is_shown_by_two_commands_on_one_screen(page):
    text = (Path(SOURCE) / page).read_text()
    block = re.search(r"^```sh\n(.*?)^```", text, re.M | re.S)
    assert len(block.group(1).splitlines()) == 2
    assert text[:block.end()].count("\n") <= 40
