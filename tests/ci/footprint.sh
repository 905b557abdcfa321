#!/bin/bash
# SPDX-License-Identifier: MIT
# What each build costs: bytes of each program without symbols, memory of the daemons at rest in KiB (RSS; and what no other process can
# share, whoever runs beside: heap, stack, data).
#   tests/ci/footprint.sh        docs/footprint.md has one run's table
. "$(dirname "$0")/lib.sh"
set -o pipefail
need strip binutils

# one NAME OPTION...
one() {
    name=$1
    shift
    configure "footprint-$name" -DCMAKE_BUILD_TYPE=MinSizeRel -DMIIO_EXAMPLES=OFF -DMIIO_MAN=OFF "$@"
    build
    line="$name	$(size lib/libagent.so)"
    for program in miio_agent miio_client miio_ota miio_mcu miio_web miioctl; do line="$line	$(size "bin/$program")"; done
    printf '%s	%s	%s\n' "$line" "$(at_rest miio_agent --offline --listen none --unix "$PWD/$dir/a.sock")" \
        "$(at_rest miio_client -d "$PWD/$dir/data" --cloud none --local 127.0.0.1:0 --lan none --ble none)"
}

size() {
    [ -e "$dir/$1" ] || { printf -- '-'; return; }
    strip -o "$dir/stripped" "$dir/$1"
    stat -Lc %s "$dir/stripped"
}

# at_rest PROGRAM OPTION...: "RSS own" in KiB, once it says that it is ready
at_rest() {
    mkdir -p "$dir/data"
    chmod 700 "$dir/data"
    [ -e "$dir/data/device.conf" ] || (umask 077 && printf 'did=100000001\nkey=0123456789abcdef\nmac=02:00:00:00:00:01\nvendor=demo\nmodel=demo.lamp.one\n' >"$dir/data/device.conf")
    program=$1
    shift
    mkfifo "$dir/ready"
    "$dir/bin/$program" "$@" >"$dir/ready" 2>"$dir/$program.log" &
    pid=$!
    read -r said <"$dir/ready"
    rm "$dir/ready"
    case $said in
    ready*) awk '/^Rss:/ { rss = $2 } /^Anonymous:/ { own = $2 } END { printf "%d %d", rss, own }' "/proc/$pid/smaps_rollup" ;;
    *) tail -3 "$dir/$program.log" >&2; printf -- '-' ;;
    esac
    kill "$pid" && wait "$pid" || true
}

{
    printf 'build	libagent	agent	client	ota	mcu	web	miioctl	agent at rest	client at rest\n'
    one all
    for option in $(sed -n 's/^option(\(MIIO_\(HTTP\|MQTT\|SPOOL\|TLS\|WEB\)\) .* ON)$/\1/p' CMakeLists.txt); do one "without-${option#MIIO_}" "-D$option=OFF"; done
    one MBEDTLS -DMIIO_MBEDTLS=ON -DMIIO_TLS=OFF
    # shellcheck disable=SC2046
    one nothing $(sed -n 's/^option(\(MIIO_\(HTTP\|MQTT\|SPOOL\|TLS\|WEB\)\) .* ON)$/-D\1=OFF/p' CMakeLists.txt)
} | tee build-ci/footprint.tsv
