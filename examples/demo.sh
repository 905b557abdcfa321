#!/usr/bin/env bash
# The whole path on one machine: a stand-in cloud and a phone give commands, the client takes them, the agent hands each to
# the one application that asked for its method, answers and reports go back. Nothing is written but the build tree and a
# temporary directory; every port but the LAN protocol's 54321 is chosen by the kernel, all on loopback.
#
#   examples/demo.sh           builds, starts all, shows it, leaves it running for miioctl until Ctrl-C
#   examples/demo.sh --once    the same unattended: ends by itself, 0 only if all was seen
#   --mcu          also a microcontroller on a serial line behind miio_mcu; the phone reads and sets a property of it
#   --cloud NAME   ot (default), gizwits, onenet, mqtt or none      --build DIR   build tree (build)      --no-install   no packages
set -euo pipefail
cd "$(dirname "$0")/.."

once=no cloud=ot build=build install=yes mcu=no
while [ $# -gt 0 ]; do
    case $1 in
    --once) once=yes ;;
    --no-install) install=no ;;
    --mcu) mcu=yes ;;
    --cloud) cloud=${2:?--cloud needs a name} && shift ;;
    --build) build=${2:?--build needs a directory} && shift ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0" && exit 0 ;;
    *) echo "demo.sh: unknown option $1" >&2 && exit 2 ;;
    esac
    shift
done
case $cloud in ot | gizwits | onenet | mqtt | none) ;; *) echo "demo.sh: no demonstration with cloud $cloud" >&2 && exit 2 ;; esac

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
    case $cloud in gizwits | mqtt) broker=broker ;; *) broker= ;; esac
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
cloud_args=(--cloud none)
if [ $cloud = ot ]; then
    mkfifo "$dir/cloud.in"
    exec 7<>"$dir/cloud.in"
    "$bin/miio_sim" cloud --did "$did" --key "$key" --udp 127.0.0.1:0 >"$dir/cloud.log" 2>&1 <&7 &
    pids+=($!)
    cloud_at=$(ready_value cloud udp)
    cloud_args=(--cloud ot --host "${cloud_at%:*}" --port "${cloud_at##*:}")
elif [ $cloud = gizwits ]; then
    mkfifo "$dir/cloud.in"
    exec 7<>"$dir/cloud.in"
    product=0123456789abcdef0123456789abcdef
    "$bin/miio_sim" cloud --kind gizwits --product-key $product >"$dir/cloud.log" 2>&1 <&7 &
    pids+=($!)
    printf 'gizwits_product_key=%s\ngizwits_server=%s\n' $product "$(ready_value cloud http)" >>"$dir/miio/device.conf"
    cloud_args=(--cloud gizwits)
fi

if [ $cloud = onenet ] || [ $cloud = mqtt ]; then
    mkfifo "$dir/cloud.in"
    exec 7<>"$dir/cloud.in"
fi
if [ $cloud = onenet ]; then
    "$bin/miio_sim" cloud --kind onenet --device "$did:secret" --api-key masterkey >"$dir/cloud.log" 2>&1 <&7 &
    pids+=($!)
    cat >>"$dir/miio/device.conf" <<CONF
cloud=onenet
onenet_server=$(ready_value cloud mqtt)
onenet_http=http://$(ready_value cloud http)
onenet_device_id=$did
onenet_product_id=433223
onenet_auth_info=secret
onenet_master_key=masterkey
CONF
    cloud_args=()
fi
if [ $cloud = mqtt ]; then
    "$bin/miio_sim" cloud --kind mqtt --did "$did" >"$dir/cloud.log" 2>&1 <&7 &
    pids+=($!)
    printf 'cloud=mqtt\nmqtt_server=%s\n' "$(ready_value cloud broker)" >>"$dir/miio/device.conf"
    cloud_args=()
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

say "running: $([ $cloud = none ] || echo 'stand-in cloud, ')client, agent, lamp, sensor$([ $mcu = no ] || echo ', an MCU and its bridge') (device $did)"

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
    [ $cloud != ot ] || wait_line cloud '"method":"properties_changed"' | sed 's/^/  cloud: /'
    [ $cloud != onenet ] || wait_line cloud '"stream":"2.2"' | sed 's/^/  cloud: /'
    [ $cloud != mqtt ] || wait_line cloud 'properties_changed' | sed 's/^/  cloud: /'
fi

# ---- the cloud ----
if [ $cloud = ot ]; then
    say "the cloud"
    wait_line cloud '"event":"info"' >/dev/null
    from=$(lines cloud)
    echo 'set_power ["off"]' >&7
    wait_line cloud '"event":"answer"' "$from" | sed 's/^/  /'
    wait_line cloud '"event":"answer".*"result":\["ok"\]' "$from" >/dev/null
    say "reports of the applications, as the cloud sees them"
    wait_line cloud '"method":"props".*"power":"off"' | sed 's/^/  /'
    wait_line cloud '"method":"props".*temperature' | sed 's/^/  /'
    wait_line lamp 'report acknowledged' | sed 's/^/  /'
fi

if [ $cloud = gizwits ]; then
    say "the cloud: registered over HTTP, logged in over MQTT 3.1; an App gives a command"
    wait_line cloud '"event":"register"' | sed 's/^/  /'
    wait_line cloud '"event":"ask_apps"' >/dev/null
    from=$(lines cloud)
    echo 'cmd phone-app {"id":7,"method":"set_power","params":["off"]}' >&7
    wait_line cloud '"cmd":"0091".*"app":"phone-app".*ok' "$from" | sed 's/^/  /'
    say "reports of the applications, as every App sees them"
    wait_line cloud '"cmd":"0091".*"app":"".*power.*off' "$from" | sed 's/^/  /'
    wait_line cloud '"cmd":"0091".*"app":"".*temperature' | sed 's/^/  /'
    wait_line lamp 'report acknowledged' | sed 's/^/  /'
fi
if [ $cloud = onenet ]; then
    say "the cloud: a command comes on \$creq without a subscription, the answer goes to \$crsp"
    wait_line cloud '"event":"login"' | sed 's/^/  /'
    from=$(lines cloud)
    echo "cmd $did {\"id\":1,\"method\":\"set_power\",\"params\":[\"off\"]}" >&7
    wait_line cloud '"event":"answer".*ok' "$from" | sed 's/^/  /'
    say "reports of the applications, as data points"
    wait_line cloud '"stream":"power","value":"off"' | sed 's/^/  /'
    wait_line cloud '"stream":"temperature"' | sed 's/^/  /'
    wait_line lamp 'report acknowledged' | sed 's/^/  /'
    ! grep -m1 '"event":"refused"' "$dir/cloud.log" || die "the stand-in found something to object to"
fi
if [ $cloud = mqtt ]; then
    say "the fleet's side: topics under miio/$did on a real mosquitto"
    wait_line cloud 'status online' | sed 's/^/  /'
    from=$(lines cloud)
    echo '{"id":1,"method":"set_power","params":["off"]}' >&7
    wait_line cloud 'command_ack .*"ok"' "$from" | sed 's/^/  /'
    say "reports of the applications, and the retained state"
    wait_line cloud 'report .*"power":"off"' | sed 's/^/  /'
    wait_line cloud 'report .*temperature' | sed 's/^/  /'
    wait_line cloud 'state .*"power":"off"' | sed 's/^/  /'
    wait_line lamp 'report acknowledged' | sed 's/^/  /'
fi

# ---- who woke up ----
say "who received what"
sed 's/^/  /' "$dir/lamp.log" | grep -E 'get_prop|set_power' || die "the lamp received nothing"
if grep -E 'get_prop|set_power|toggle' "$dir/sensor.log"; then
    die "the sensor was woken by a command that it never asked for"
fi
echo "  sensor: nothing, it did not wake up"

if [ $once = yes ]; then
    say "all was seen"
    exit 0
fi
trap 'echo && echo "all programs are ended" && exit 0' INT
cat <<TRY

It goes on running. In another shell:
  $bin/miioctl --agent unix:$dir/agent.sock list
  $bin/miioctl --agent unix:$dir/agent.sock monitor
  $bin/miioctl --agent unix:$dir/agent.sock call get_prop '["power","bright"]'
  $bin/miio_sim phone --address $ip:54321 --token $token call toggle
$([ $mcu = no ] || echo "  $bin/miioctl --agent unix:$dir/agent.sock call mcu.info")
Ctrl-C ends it.
TRY
wait
