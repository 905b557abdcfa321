#!/usr/bin/env bash
# Builds miio_agent, the reference and the load generator for release, and prints the router's figures as ratios to the
# reference, all measured in turn in one run. About two minutes. With root in a network namespace of its own.
#   tests/bench/run.sh [ROUNDS [SECONDS]]
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH=/usr/bin:$PATH
cmake -S . -B build-bench -DCMAKE_BUILD_TYPE=Release -DMIIO_TESTS=ON >/dev/null
cmake --build build-bench -j "$(nproc)" --target miio_agent relay router_bench lib_roundtrip >/dev/null
build-bench/tests/lib_roundtrip build-bench/bin/miio_agent
run=(/usr/bin/python3 tests/bench/bench.py build-bench "$@")
if [ "$(id -u)" = 0 ] && unshare -n true 2>/dev/null; then
    exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh "${run[@]}"
fi
exec "${run[@]}"
