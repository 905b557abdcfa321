#!/bin/sh
# SPDX-License-Identifier: MIT
# Another libc: musl, linked statically.
. "$(dirname "$0")/small.sh"
need musl-gcc musl-tools
COMPILER=musl-gcc RUN=
small musl
