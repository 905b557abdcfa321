# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What the scripts of this folder share. Each one runs here as on the forge, in a build folder of its own; it ends with 0 (good),
# 1 (not good) or 77 (something is missing on this machine, and it said what).
set -eu
cd "$(dirname "$0")/../.."
export PATH=/usr/bin:$PATH
command -v ccache >/dev/null && export CMAKE_C_COMPILER_LAUNCHER=ccache
JOBS=${JOBS:-$(nproc)}
[ "$JOBS" -le 4 ] || JOBS=4

# need PROGRAM PACKAGE
need() {
    command -v "$1" >/dev/null && return
    echo "$(basename "$0"): $1 is missing: install the package $2" >&2
    exit 77
}

# configure NAME OPTION...: into build-ci/NAME
configure() {
    dir=build-ci/$1
    shift
    cmake -S . -B "$dir" -DMIIO_WERROR=ON "$@" >"$dir.log" 2>&1 || {
        cat "$dir.log" >&2
        exit 1
    }
}

# build [TARGET...]: the tree that was configured last; shows what the compiler said when it fails
build() {
    [ $# -eq 0 ] || set -- --target "$@"
    cmake --build "$dir" -j "$JOBS" "$@" >"$dir.log" 2>&1 || {
        grep -B2 -A12 -E 'error|Error' "$dir.log" | head -80 >&2
        exit 1
    }
}

# checked REGEX: the tests of that tree whose names match
checked() {
    ctest --test-dir "$dir" -R "$1" -LE "soak|mutants" -j "$JOBS" --output-on-failure --no-tests=error
}

# starts [DIR]: every program of the tree says its version
starts() {
    for program in "$dir"/bin/miio*; do
        case $program in *_line) continue ;; esac
        $RUN "$program" --version || return 1
    done
}

# chain_open COMPILER OPTION...: client, agent and README's application ($dir/app.c, compiled by that line), and a command through them.
# Sets client and daemon, process ids.
chain_open() {
    sed -n '/^```c$/,/^```$/p' README.md | sed '/^```/d' >"$dir/app.c"
    "$@" -o "$dir/app"
    mkdir -p "$dir/data"
    (umask 077 && printf 'did=100000001\nkey=0123456789abcdef\nmac=02:00:00:00:00:01\nvendor=demo\nmodel=demo.lamp.one\n' >"$dir/data/device.conf")
    chmod 700 "$dir/data"
    rm -f "$dir/ready"
    mkfifo "$dir/ready"
    "$dir/bin/miio_client" -d "$PWD/$dir/data" --hooks "$PWD/$dir/data" --cloud none --local 127.0.0.1:0 --lan none --ble none >"$dir/ready" 2>"$dir/client.log" &
    client=$!
    pids=$client
    trap 'kill $pids 2>/dev/null' EXIT
    read -r said <"$dir/ready"
    rm "$dir/ready"
    local=$(printf %s "$said" | tr ' ' '\n' | sed -n 's/^local=//p')
    "$dir/bin/miio_agent" --listen none --unix "$PWD/$dir/agent.sock" --upstream "$local" >"$dir/agent.log" 2>&1 &
    daemon=$!
    pids="$pids $daemon"
    MIIO_AGENT=unix:$PWD/$dir/agent.sock LD_LIBRARY_PATH=$dir/lib "$dir/app" >"$dir/app.log" 2>&1 &
    pids="$pids $!"
    "$dir/bin/miioctl" --agent "unix:$PWD/$dir/agent.sock" wait -t 60000 set_power
    said=$("$dir/bin/miioctl" --agent "unix:$PWD/$dir/agent.sock" call set_power '["on"]')
    status=$("$dir/bin/miioctl" --agent "unix:$PWD/$dir/agent.sock" status)
}

chain_close() {
    # shellcheck disable=SC2086
    kill $pids
    wait
    trap - EXIT
    [ "$said" = '["ok"]' ] || { echo "$(basename "$0"): the application answered $said" >&2; exit 1; }
    case $status in *client*) ;; *) echo "$(basename "$0"): miioctl status knows no client: $status" >&2; exit 1 ;; esac
}

RUN=
mkdir -p build-ci
