#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The whole path on one machine: a stand-in cloud and a phone give commands, the client takes them, the agent hands each to
# the one application that asked for its method, answers and reports go back. Nothing is written but the build tree and a
# temporary directory; every port but the LAN protocol's 54321 is chosen by the kernel, all on loopback.
#
#   examples/demo.sh           builds, starts all, shows it, leaves it running for miioctl until Ctrl-C
#   examples/demo.sh --once    the same unattended: ends by itself, 0 only if all was seen
#   --web          also the device's page: opens it, or prints its address
#   --mcu          also a microcontroller on a serial line behind miio_mcu; the phone reads and sets a property of it
#   --cloud NAME[,NAME]   ot (default), gizwits, onenet, mqtt; several at once, the primary first; or none
#   --build DIR    build tree (build)      --no-install   no packages
set -euo pipefail
cd "$(dirname "$0")/.."

once=no cloud=ot build=build install=yes mcu=no web=no
while [ $# -gt 0 ]; do
    case $1 in
    --once) once=yes ;;
    --no-install) install=no ;;
    --mcu) mcu=yes ;;
    --web) web=yes ;;
    --cloud) cloud=${2:?--cloud needs a name} && shift ;;
    --build) build=${2:?--build needs a directory} && shift ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) echo "demo.sh: unknown option $1" >&2 && exit 2 ;;
    esac
    shift
done
IFS=, read -r -a clouds <<<"$cloud"
for name in "${clouds[@]}"; do
    case $name in ot | gizwits | onenet | mqtt) ;; none) [ ${#clouds[@]} = 1 ] && clouds=() && break ;;& *) echo "demo.sh: no demonstration with cloud $cloud" >&2 && exit 2 ;; esac
done
has() { case ,$cloud, in *,"$1",*) ;; *) return 1 ;; esac }

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || say() { printf '\n%s\n' "$*"; }
die() {
    echo "demo.sh: $*" >&2
    for f in "$dir"/*.log; do case $f in */build.log | */configure.log) continue ;; esac && [ -s "$f" ] && echo "--- $(basename "$f")" >&2 && tail -n 15 "$f" >&2; done
    exit 1
}

# ---- running things: each has a log, all end with this script ----
dir=$(mktemp -d)
pids=()
finish() {
    trap '' INT TERM
    trap - EXIT
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do kill "${pids[i]}" 2>/dev/null || true; done
    # a program that does not leave within five seconds must not keep this one
    for ((i = 0; i < 100; i++)); do
        kill -0 "${pids[@]}" 2>/dev/null || break
        sleep 0.05
    done
    for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$dir"
}
interrupted() {
    echo
    echo "demo.sh: interrupted, all programs are ended"
    exit 130
}
trap finish EXIT
trap interrupted INT
trap 'exit 143' TERM

# ---- build ----
# The share that is done, as make or ninja tell it: on one line of a terminal, else every quarter.
show_progress() {
    local line done=0 share
    while IFS= read -r line; do
        echo "$line" >>"$dir/build.log"
        case $line in
        '['*%']'*) share=${line#[} share=${share%%%*} ;;
        '['*/*']'*) share=${line#[} share=$((${share%%/*} * 100 / $(sed 's/[^0-9].*//' <<<"${share#*/}"))) ;;
        *) continue ;;
        esac
        if [ -t 1 ]; then
            printf '\r  %3d%%' "$share"
        elif ((share >= done + 25)); then
            done=$((share / 25 * 25))
            printf '  %d%%\n' "$done"
        fi
    done
    [ ! -t 1 ] || printf '\r        \r'
}

if [ $install = yes ]; then
    say "packages that are missing"
    case $cloud in *gizwits* | *onenet* | *mqtt*) broker=broker ;; *) broker= ;; esac
    # shellcheck disable=SC2086
    sh tests/support/install_packages.sh demo $broker
fi
export PATH=/usr/bin:$PATH
say "building in $build/"
cmake -B "$build" >"$dir/configure.log" 2>&1 || { cat "$dir/configure.log" >&2 && die "cmake cannot configure $build"; }
cmake --build "$build" -j "$(nproc)" 2>&1 | show_progress || { grep -A8 -E 'error|Error' "$dir/build.log" >&2 || true; die "the build failed"; }
bin=$(cd "$build/bin" && pwd)
python=/usr/bin/python3

# start NAME PROGRAM ARGS...: in the background, output in NAME.log
start() {
    local name=$1
    shift
    "$@" >"$dir/$name.log" 2>&1 </dev/null &
    pids+=($!)
}

# wait_line NAME PATTERN [FROM]: until the log has such a line behind line FROM; prints it
wait_line() {
    local n
    for ((n = 0; n < 600; n++)); do
        tail -n "+${3:-1}" "$dir/$1.log" 2>/dev/null | grep -m1 -E -- "$2" && return 0
        sleep 0.05
    done
    die "$1 never said: $2"
}
# phone ARGS... <SCRIPT: waited for, so that Ctrl-C ends it together with the others
phone() {
    local r=0
    $python - "$@" <&0 2>"$dir/phone.err" & # what it says of a device that Ctrl-C has ended is nobody's concern
    pids+=($!)
    wait $! || r=$?
    cat "$dir/phone.err" >&2
    unset 'pids[-1]'
    return $r
}
ready_value() { wait_line "$1" '^ready' | tr ' ' '\n' | sed -n "s/^$2=//p"; }
lines() { wc -l <"$dir/$1.log"; }

# ---- an identity that exists nowhere else ----
did=$((RANDOM * 32768 + RANDOM + 1000000))
random_text() { LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom 2>/dev/null | head -c 16 || true; }
key=$(random_text) token=$(random_text)
mkdir -m 700 "$dir/miio"
cat >"$dir/miio/device.conf" <<CONF
did=$did
key=$key
mac=34:17:EB:9B:A7:47
vendor=acme
model=acme.lamp.v1
CONF
printf %s "$token" >"$dir/miio/device.token"
printf 'ssid="home"\npsk="not a secret"\nkey_mgmt=WPA\n' >"$dir/miio/wifi.conf"

# ---- the parts ----
# stand_in NAME FD ARGS...: its orders come through FD, its journal is NAME.log
stand_in() {
    local name=$1 fd=$2
    shift 2
    mkfifo "$dir/$name.in"
    eval "exec $fd<>\"\$dir/\$name.in\""
    "$bin/miio_sim" cloud "$@" >"$dir/$name.log" 2>&1 <"$dir/$name.in" &
    pids+=($!)
}
cloud_args=(--cloud "$cloud")
if has ot; then
    stand_in ot 7 --did "$did" --key "$key" --udp 127.0.0.1:0
    cloud_at=$(ready_value ot udp)
    cloud_args+=(--host "${cloud_at%:*}" --port "${cloud_at##*:}")
fi
if has gizwits; then
    product=0123456789abcdef0123456789abcdef
    stand_in gizwits 8 --kind gizwits --product-key $product
    printf 'gizwits_product_key=%s\ngizwits_server=%s\n' $product "$(ready_value gizwits http)" >>"$dir/miio/device.conf"
fi
if has onenet; then
    stand_in onenet 9 --kind onenet --device "$did:secret" --api-key masterkey
    cat >>"$dir/miio/device.conf" <<CONF
onenet_server=$(ready_value onenet mqtt)
onenet_http=http://$(ready_value onenet http)
onenet_device_id=$did
onenet_product_id=433223
onenet_auth_info=secret
onenet_master_key=masterkey
CONF
fi
if has mqtt; then
    stand_in mqtt 6 --kind mqtt --did "$did"
    broker_at=$(ready_value mqtt broker)
    printf 'mqtt_server=%s\n' "$broker_at" >>"$dir/miio/device.conf"
    if [ ${#clouds[@]} -gt 1 ]; then
        start house mosquitto_sub -h "${broker_at%:*}" -p "${broker_at##*:}" -t "miio/$did/#" -v
    fi
fi

# phones know one port, 54321; another loopback address is free when 127.0.0.1 is taken
for ip in 127.0.0.1 127.0.0.54 127.0.5.43 127.5.43.21; do
    $python -c "import socket,sys; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).bind((sys.argv[1], 54321))" "$ip" \
        2>/dev/null && break
    echo "UDP $ip:54321 is busy, trying another address"
    ip=
done
[ -n "$ip" ] || die "UDP port 54321 is busy on every loopback address that was tried"

start client "$bin/miio_client" -d "$dir/miio" --hooks "$dir/miio" "${cloud_args[@]}" --access docs/packaging/access.conf --local 127.0.0.1:0 --lan "$ip:54321" --ble none
local_at=$(ready_value client local)
start agent "$bin/miio_agent" --access docs/packaging/access.conf --listen 127.0.0.1:0 --unix "$dir/agent.sock" --upstream "$local_at"
wait_line agent '^ready' >/dev/null
start lamp "$bin/example_lamp" --agent "unix:$dir/agent.sock"
start sensor "$bin/example_sensor" --agent "unix:$dir/agent.sock" --interval 1000
wait_line lamp 'ready' >/dev/null
wait_line agent 'connected to upstream' >/dev/null

if [ $mcu = yes ]; then
    start board "$bin/miio_sim" mcu --link "$dir/tty" --trace
    wait_line board '^ready' >/dev/null
    start mcu "$bin/miio_mcu" --tty "$dir/tty" --agent "unix:$dir/agent.sock"
    wait_line mcu 'agent connected' >/dev/null
fi

page=
if [ $web = yes ]; then
    [ -x "$bin/miio_web" ] || die "built without miio_web: it needs libmicrohttpd"
    start web "$bin/miio_web" --agent "unix:$dir/agent.sock" --listen 127.0.0.1:0 --password-file none --miioctl "$bin/miioctl"
    page=$(ready_value web url)
fi

say "running: $([ $cloud = none ] || echo "stand-in cloud${clouds[1]:+s $cloud}, ")client, agent, lamp, sensor$([ $mcu = no ] || echo ', an MCU and its bridge') (device $did)"

# ---- a phone ----
say "a phone on the LAN (python3-miio), UDP $ip:54321"
phone "$ip" "$(printf %s "$token" | od -An -tx1 | tr -d ' \n')" <<'PY' || die "the phone was not served"
import sys
import miio
device = miio.Device(sys.argv[1], sys.argv[2])
def ask(method, params, expect):
    answer = device.send(method, params)
    print("  phone -> %s %s\n  phone <- %s" % (method, params, answer))
    assert answer == expect, "expected %s" % (expect,)
ask("get_prop", ["power"], ["off"])
ask("set_power", ["on"], ["ok"])
ask("get_prop", ["power"], ["on"])
try:
    device.send("no_such_method", [])
    sys.exit("an unknown method was not refused")
except miio.exceptions.DeviceError as e:
    print("  phone -> no_such_method []\n  phone <- error %s" % (e.args[0],))
PY

# ---- the MCU ----
if [ $mcu = yes ]; then
    say "the phone and the MCU on the serial line"
    phone "$ip" "$(printf %s "$token" | od -An -tx1 | tr -d ' \n')" <<'PY' || die "the MCU did not serve the phone"
import sys
import miio
device = miio.Device(sys.argv[1], sys.argv[2])
def ask(method, params, member, expect):
    answer = device.send(method, params)
    print("  phone -> %s %s\n  phone <- %s" % (method, params, answer))
    assert answer[0]["code"] == 0 and answer[0].get(member) == expect, "expected %s" % (expect,)
brightness = {"did": "demo", "siid": 2, "piid": 2}
ask("get_properties", [brightness], "value", 50)
ask("set_properties", [{**brightness, "value": 80}], "code", 0)
ask("get_properties", [brightness], "value", 80)
PY
    wait_line board '^> properties_changed 2 2 80' >/dev/null
    echo "  on the line:"
    grep -E '_properties|^> result|properties_changed' "$dir/board.log" | sed 's/^/    /'
    ! has ot || wait_line ot '"method":"properties_changed"' | sed 's/^/  cloud: /'
    ! has onenet || wait_line onenet '"stream":"2.2"' | sed 's/^/  cloud: /'
    ! has mqtt || wait_line mqtt 'properties_changed' | sed 's/^/  cloud: /'
fi

# ---- the cloud ----
if has ot; then
    say "the cloud"
    wait_line ot '"event":"info"' >/dev/null
    from=$(lines ot)
    echo 'set_power ["off"]' >&7
    wait_line ot '"event":"answer"' "$from" | sed 's/^/  /'
    wait_line ot '"event":"answer".*"result":\["ok"\]' "$from" >/dev/null
    say "reports of the applications, as the cloud sees them"
    wait_line ot '"method":"props".*"power":"off"' | sed 's/^/  /'
    wait_line ot '"method":"props".*temperature' | sed 's/^/  /'
    wait_line lamp 'report acknowledged' | sed 's/^/  /'
fi

if has gizwits; then
    say "the cloud: registered over HTTP, logged in over MQTT 3.1; an App gives a command"
    wait_line gizwits '"event":"register"' | sed 's/^/  /'
    wait_line gizwits '"event":"ask_apps"' >/dev/null
    from=$(lines gizwits)
    echo 'cmd phone-app {"id":7,"method":"set_power","params":["off"]}' >&8
    wait_line gizwits '"cmd":"0091".*"app":"phone-app".*ok' "$from" | sed 's/^/  /'
    say "reports of the applications, as every App sees them"
    wait_line gizwits '"cmd":"0091".*"app":"".*power.*off' | sed 's/^/  /'
    wait_line gizwits '"cmd":"0091".*"app":"".*temperature' | sed 's/^/  /'
    wait_line lamp 'report acknowledged' | sed 's/^/  /'
fi
if has onenet; then
    say "the cloud: a command comes on \$creq without a subscription, the answer goes to \$crsp"
    wait_line onenet '"event":"login"' | sed 's/^/  /'
    from=$(lines onenet)
    echo "cmd $did {\"id\":1,\"method\":\"set_power\",\"params\":[\"off\"]}" >&9
    wait_line onenet '"event":"answer".*ok' "$from" | sed 's/^/  /'
    say "reports of the applications, as data points"
    wait_line onenet '"stream":"power","value":"off"' | sed 's/^/  /'
    wait_line onenet '"stream":"temperature"' | sed 's/^/  /'
    wait_line lamp 'report acknowledged' | sed 's/^/  /'
    ! grep -m1 '"event":"refused"' "$dir/onenet.log" || die "the stand-in found something to object to"
fi
if has mqtt; then
    say "the fleet's side: topics under miio/$did on a real mosquitto"
    wait_line mqtt 'status online' | sed 's/^/  /'
    from=$(lines mqtt)
    echo '{"id":1,"method":"set_power","params":["off"]}' >&6
    wait_line mqtt 'command_ack .*"ok"' "$from" | sed 's/^/  /'
    say "reports of the applications, and the retained state"
    wait_line mqtt 'report .*"power":"off"' | sed 's/^/  /'
    wait_line mqtt 'report .*temperature' | sed 's/^/  /'
    wait_line mqtt 'state .*"power":"off"' | sed 's/^/  /'
    wait_line lamp 'report acknowledged' | sed 's/^/  /'
fi

# ---- several: the same change everywhere, each command answered where it came from ----
if has mqtt && [ ${#clouds[@]} -gt 1 ]; then
    say "a command from the house (mosquitto_pub); the phone, the house and ${clouds[*]} see the same change"
    from=$(lines house)
    froms=()
    for name in "${clouds[@]}"; do froms+=("$(lines "$name")"); done
    mosquitto_pub -h "${broker_at%:*}" -p "${broker_at##*:}" -t "miio/$did/command" -m '{"id":77,"method":"set_power","params":["on"]}'
    wait_line house 'command_ack .*"id":77.*"ok"' "$from" | sed 's/^/  house: /'
    wait_line house 'report .*"power":"on"' "$from" | sed 's/^/  house: /'
    for ((i = 0; i < ${#clouds[@]}; i++)); do
        wait_line "${clouds[i]}" 'power.*on' "${froms[i]}" | sed "s/^/  ${clouds[i]}: /"
        [ "${clouds[i]}" = mqtt ] || ! tail -n "+${froms[i]}" "$dir/${clouds[i]}.log" | grep -E '"event":"answer".*:77|"id\\*":77' ||
            die "${clouds[i]} got the answer to a command of the house"
    done
    phone "$ip" "$(printf %s "$token" | od -An -tx1 | tr -d ' \n')" <<'PY' || die "the phone does not see it"
import sys
import miio
answer = miio.Device(sys.argv[1], sys.argv[2]).send("get_prop", ["power"])
print("  phone -> get_prop ['power']\n  phone <- %s" % (answer,))
assert answer == ["on"], answer
PY
fi

# ---- who woke up ----
say "who received what"
sed 's/^/  /' "$dir/lamp.log" | grep -E 'get_prop|set_power' || die "the lamp received nothing"
if grep -E 'get_prop|set_power|toggle' "$dir/sensor.log"; then
    die "the sensor was woken by a command that it never asked for"
fi
echo "  sensor: nothing, it did not wake up"

# ---- the page ----
if [ $web = yes ]; then
    say "the page"
    $python - "$page" <<'PY' || die "the page does not show the device"
import json
import sys
import time
import urllib.request
for _ in range(100):  # the sensor reports every second
    with urllib.request.urlopen(sys.argv[1] + "api/state", timeout=10) as answer:
        state = json.load(answer)
    if "temperature" in state["values"]:
        break
    time.sleep(0.1)
else:
    sys.exit("no report has come")
print("  %s\n  %s" % (sys.argv[1], state["values"]))
PY
    if [ $once = no ] && [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] && command -v xdg-open >/dev/null; then
        xdg-open "$page" >/dev/null 2>&1 || true
    fi
fi

if [ $once = yes ]; then
    say "all was seen"
    exit 0
fi
trap 'echo && echo "all programs are ended" && exit 0' INT
cat <<TRY

It goes on running.$([ $web = no ] || echo " The page: $page") In another shell:
  $bin/miioctl --agent unix:$dir/agent.sock list
  $bin/miioctl --agent unix:$dir/agent.sock monitor
  $bin/miioctl --agent unix:$dir/agent.sock call get_prop '["power","bright"]'
  $bin/miio_sim phone --address $ip:54321 --token $token call toggle
$([ $mcu = no ] || echo "  $bin/miioctl --agent unix:$dir/agent.sock call mcu.info")
Ctrl-C ends it.
TRY
wait
