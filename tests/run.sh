#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, builds with sanitizers, runs every test under ctest.
#   tests/run.sh            everything that ends within minutes
#   tests/run.sh --soak     also the long tests (label soak)
#   tests/run.sh --package  also the Debian packages, in a system of their own (label package; root and a mirror)
#   tests/run.sh --fuzz N   instead, with clang: every corpus once, then each libFuzzer target for N seconds
set -euo pipefail
cd "$(dirname "$0")/.."
sh tests/support/install_packages.sh
export PATH=/usr/bin:$PATH
jobs=$(nproc)
case "${1:-}" in
--fuzz)
    sh tests/support/replay_corpora.sh
    for target in build-fuzz/bin/fuzz_*; do
        name=${target##*/fuzz_}
        mkdir -p "build-fuzz/corpus/$name"
        "$target" -max_total_time="${2:-60}" -rss_limit_mb=2048 "build-fuzz/corpus/$name" "tests/fuzz/corpus/$name"
    done
    exit 0
    ;;
--soak) exclude=(-LE 'mutants|package') ;;
--package) exclude=(-LE 'soak|mutants') ;;
*) exclude=(-LE 'soak|mutants|package') ;;
esac
cmake --preset dev >/dev/null
cmake --build build-dev -j "$jobs"
cmake --preset release >/dev/null
cmake --build build -j "$jobs"
# On a shared machine that nobody watches a test that fails is run once more; ctest says so, and it is a fault of the test all the same.
again=()
[ "${CI:-}" != true ] || again=(--repeat until-pass:2)
ctest --test-dir build-dev --output-on-failure --timeout 300 -j "$jobs" "${again[@]}" "${exclude[@]}"
