#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Looks for tests that need luck: runs each system test of the dev build that ends within some seconds again and again, several at a
# time, until it has failed or passed often enough, and prints a table. What failed said why in the log. 0: all passed each time.
#   tests/ci/steady.sh [-n TIMES] [-s SECONDS] [-j JOBS] [-R REGEX]        20 times, up to 30 s, four at a time, every test
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH=/usr/bin:$PATH
times=20 seconds=30 jobs=4 only=.
while getopts n:s:j:R: o; do
    case $o in
    n) times=$OPTARG ;;
    s) seconds=$OPTARG ;;
    j) jobs=$OPTARG ;;
    R) only=$OPTARG ;;
    *) sed -n '2,4s/^# //p' "$0" >&2; exit 2 ;;
    esac
done
log=build-dev/steady.log costs=build-dev/Testing/Temporary/CTestCostData.txt
cmake --preset dev >/dev/null
cmake --build build-dev -j "$(nproc)" | grep -E 'warning|error' || :
names=$(ctest --test-dir build-dev -N -L system -R "$only" | sed -n 's/^ *Test *#[0-9]*: //p')
# how long each takes is known once it has run
unknown=$(for n in $names; do grep -q "^$n [1-9]" "$costs" 2>/dev/null || printf '|%s' "${n//./[.]}"; done)
[ -z "$unknown" ] || ctest --test-dir build-dev -j "$jobs" -R "^(${unknown#|})\$" >/dev/null || :
chosen=$(for n in $names; do awk -v n="$n" -v s="$seconds" '$1 == n && $3 <= s { gsub(/[.]/, "[.]", n); printf "|%s", n }' "$costs"; done)
[ -n "$chosen" ] || { echo "steady.sh: no such test" >&2; exit 2; }
ctest --test-dir build-dev -j "$jobs" -R "^(${chosen#|})\$" --repeat "until-fail:$times" --output-on-failure --timeout 300 >"$log" 2>&1 || :
awk '/ Test +#[0-9]+: / || /^ *[0-9]+\/[0-9]+ +Test +#/ {
         name = $0; sub(/.*Test +#[0-9]+: /, "", name); sub(/ .*/, "", name)
         if (/ Passed /) { passed[name]++; seen[name] = 1 } else if (/(Failed|Timeout|Exception|Not Run)/) { failed[name]++; seen[name] = 1 }
     }
     END { printf "%-28s %6s %6s\n", "test", "passed", "failed"
           for (n in seen) printf "%-28s %6d %6d\n", n, passed[n], failed[n] | "sort -k3,3nr -k1,1"
           close("sort -k3,3nr -k1,1")
           for (n in seen) bad += failed[n] > 0
           printf "%d test(s) failed; the log is '"$log"'\n", bad; exit bad > 0 }' "$log"
