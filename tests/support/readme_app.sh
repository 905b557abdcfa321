#!/bin/sh
# SPDX-License-Identifier: MIT
# Compiles the program that README.md shows, as a reader would: readme_app.sh README.md INCLUDE_DIR LIBRARY [CC FLAGS...]
set -eu
readme=$1 include=$2 library=$3
shift 3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
sed -n '/^```c$/,/^```$/p' "$readme" | sed '/^```/d' >"$dir/app.c"
grep -q agent_subscribe "$dir/app.c"
cc -std=c99 -pedantic -Wall -Wextra -Werror -I"$include" "$dir/app.c" "$library" "$@" -o "$dir/app"
