# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# For another processor or another libc, where none of the daemons' libraries need be there: the core, the router and libagent are
# compiled, their corpora are replayed, and README's application, linked with them, answers a command through this machine's agent.
#   COMPILER (with options) and RUN are set by who reads this file in
. "$(dirname "$0")/lib.sh"
SMALL='json framer splice pack router libagent model model_serve'

small() {
    name=$1
    configure host -DCMAKE_BUILD_TYPE=Release -DMIIO_EXAMPLES=OFF
    build miio_agent miioctl
    out=build-ci/$name
    mkdir -p "$out/include" "$out/o"
    for header in msgpack msgpack.h uthash.h; do # what has no processor in it
        [ -e "/usr/include/$header" ] || { echo "$name: /usr/include/$header is missing: libmsgpack-dev, uthash-dev" >&2; exit 77; }
        ln -sfn "/usr/include/$header" "$out/include/$header"
    done
    compile
    replay
    route
}

# The sources that CMake lists, so that there is one list.
listed() { sed -n "/^\(set($2\|add_library($2 STATIC\)\$/,/^)\$/s#^ *\([a-z0-9_/]*\.c\)\$#$1/\1#p" "$1/CMakeLists.txt"; }

compile() {
    sources=$(listed libagent AGCORE_SOURCES; listed libagent LIBAGENT_SOURCES; listed libagent agmodel_core; listed agent agentcore)
    # shellcheck disable=SC2086
    printf '%s\n' $sources | xargs -P "$JOBS" -I{} sh -ec '
        o='"$out"'/o/$(printf %s {} | tr / _).o
        '"$COMPILER"' -std=gnu11 -O1 -g -Wall -Wextra -Werror -fno-strict-aliasing -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
            -D_TIME_BITS=64 -DMIIO_VERSION=\"0\" -I. -Ilibagent/include -isystem '"$out"'/include -c {} -o "$o"'
    rm -f "$out/all.a"
    ar rcs "$out/all.a" "$out"/o/*.o
}

# link SOURCE... PROGRAM
link_test() {
    program=$1
    shift
    $COMPILER -std=gnu11 -O1 -UNDEBUG -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -DMIIO_VERSION=\"0\" -I. -Ilibagent/include -isystem "$out/include" -static "$@" \
        "$out/all.a" -lm -o "$program"
}

replay() {
    for target in $SMALL; do
        more=
        case $target in
        json) more=examples/sim/wire/sim_json.c ;;
        router) more=tests/unit/agent/rig.c ;;
        esac
        # shellcheck disable=SC2086
        link_test "$out/fuzz_$target" "tests/fuzz/fuzz_$target.c" tests/fuzz/replay_main.c $more
        printf '%-12s ' "$target"
        # shellcheck disable=SC2086
        $RUN "$out/fuzz_$target" "tests/fuzz/corpus/$target"
    done
}

route() {
    sed -n '/^```c$/,/^```$/p' README.md | sed '/^```/d' >"$out/app.c"
    link_test "$out/app" "$out/app.c"
    socket=unix:$PWD/$out/agent.sock
    "$dir/bin/miio_agent" --offline --listen none --unix "$PWD/$out/agent.sock" 2>"$out/agent.log" &
    pids=$!
    trap 'kill $pids 2>/dev/null' EXIT
    MIIO_AGENT=$socket $RUN "$out/app" >"$out/app.log" 2>&1 &
    pids="$pids $!"
    "$dir/bin/miioctl" --agent "$socket" wait -t 60000 set_power
    said=$("$dir/bin/miioctl" --agent "$socket" call set_power '["on"]')
    kill $pids 2>/dev/null || true
    trap - EXIT
    [ "$said" = '["ok"]' ] || { echo "the application answered $said" >&2; exit 1; }
    echo "one command was routed: set_power [\"on\"] -> $said"
}
