#!/bin/sh
# SPDX-License-Identifier: MIT
# conform.sh REAL OURS: both traces, and whether they are the same.
a=$("$1") && b=$("$2") || exit 1
printf 'real libuv\n%s\nthe world'\''s\n%s\n' "$a" "$b"
test "$a" = "$b"
