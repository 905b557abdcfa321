#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the daemons, the references and the load generators for release, and prints the router's and the client's figures as
# ratios to the references, all measured in turn in one run. About five minutes. With root in a network namespace of its own.
#   tests/bench/run.sh [--docs] [ROUNDS [SECONDS]]      --docs: also the sweeps; writes tables and charts of docs/performance.md anew
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH=/usr/bin:$PATH
docs= sweep=
[ "${1:-}" != --docs ] || { docs=1 sweep=--sweep; shift; }
out=build-bench
if [ -z "${IN_NETNS:-}" ]; then
    cmake -S . -B build-bench -DCMAKE_BUILD_TYPE=Release -DMIIO_TESTS=ON >/dev/null
    cmake --build build-bench -j "$(nproc)" --target miio_agent miio_client relay router_bench lib_roundtrip bench_phones \
        bench_floor bench_app bench_mqtt_floor >/dev/null
    build-bench/tests/lib_roundtrip build-bench/bin/miio_agent
fi
if [ "$(id -u)" = 0 ] && [ -z "${IN_NETNS:-}" ] && unshare -n true 2>/dev/null; then
    exec env IN_NETNS=1 unshare -n sh -c 'ip link set lo up && exec "$@"' sh "$PWD/tests/bench/run.sh" ${docs:+--docs} "$@"
fi
/usr/bin/python3 tests/bench/bench.py $out --rounds "${1:-3}" --seconds "${2:-1}" --json $out/router.json
/usr/bin/python3 tests/bench/client_bench.py $out --rounds "${1:-3}" $sweep --json $out/client.json
[ -z "$docs" ] || /usr/bin/python3 tests/bench/tables.py $out docs
