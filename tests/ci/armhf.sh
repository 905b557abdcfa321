#!/bin/sh
# ARM, 32 bit, under qemu's user emulation.
. "$(dirname "$0")/small.sh"
need arm-linux-gnueabihf-gcc gcc-arm-linux-gnueabihf
need qemu-arm-static qemu-user-static
COMPILER=arm-linux-gnueabihf-gcc RUN=qemu-arm-static
small armhf
