#!/bin/sh
# SPDX-License-Identifier: MIT
# x86, 32 bit; runs as it is.
. "$(dirname "$0")/small.sh"
need i686-linux-gnu-gcc gcc-i686-linux-gnu
COMPILER=i686-linux-gnu-gcc RUN=
small m32
