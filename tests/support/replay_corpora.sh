#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the fuzz targets with clang and feeds each its own corpus once, under ASan and UBSan: clang's see what gcc's do
# not, such as NULL + 0. 77: there is no clang.
set -u
cd "$(dirname "$0")/../.."
export PATH=/usr/bin:$PATH
command -v clang >/dev/null || { echo "no clang: not tried"; exit 77; }
cmake --preset fuzz >/dev/null && cmake --build build-fuzz -j "$(nproc)" --target fuzz_targets >/dev/null || exit 1
bad=0 n=0
for target in build-fuzz/bin/fuzz_*; do
    name=${target##*/fuzz_}
    n=$((n + 1))
    said=$("$target" -runs=0 "tests/fuzz/corpus/$name" 2>&1) && case $said in *"runtime error"*) false ;; esac && continue
    echo "$name:"
    echo "$said" | tail -40
    bad=$((bad + 1))
done
echo "$n targets, $bad with findings"
[ "$n" -gt 0 ] && [ "$bad" -eq 0 ]
