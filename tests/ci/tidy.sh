#!/bin/sh
# SPDX-License-Identifier: MIT
# clang-tidy with the checks of .clang-tidy.
#   tests/ci/tidy.sh [FILE...]   these, else every source file of agent, client and libagent
. "$(dirname "$0")/lib.sh"
need clang-tidy clang-tidy
need clang clang
configure tidy -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug -DMIIO_EXAMPLES=OFF
[ $# -gt 0 ] || set -- $(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$dir/compile_commands.json" | sort -u)
said=$(printf '%s\n' "$@" | xargs -P "$JOBS" -n 8 clang-tidy --quiet -p "$dir" 2>/dev/null) || {
    printf '%s\n' "$said"
    exit 1
}
echo "$# files are clean"
