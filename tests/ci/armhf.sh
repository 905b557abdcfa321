#!/bin/sh
# SPDX-License-Identifier: MIT
# ARM, 32 bit, under qemu's user emulation; and how large the library is there.
. "$(dirname "$0")/small.sh"
need arm-linux-gnueabihf-gcc gcc-arm-linux-gnueabihf
need qemu-arm-static qemu-user-static
COMPILER=arm-linux-gnueabihf-gcc RUN=qemu-arm-static
small armhf

# The shared library as it is installed, stripped: what a device of 16 MB gives for it.
MOST=49152
configure armhf-lib -DCMAKE_BUILD_TYPE=Release -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=arm -DMIIO_EXAMPLES=OFF \
    -DCMAKE_C_COMPILER=$COMPILER -DCMAKE_C_FLAGS="-isystem $PWD/build-ci/armhf/include"
build agent
arm-linux-gnueabihf-strip -o "$dir/libagent.stripped" "$dir/lib/libagent.so.0"
size=$(stat -c %s "$dir/libagent.stripped")
echo "libagent.so, stripped: $size bytes of at most $MOST"
[ "$size" -le $MOST ]
