#!/bin/bash
# SPDX-License-Identifier: MIT
# Every program, for other processors: built with Debian's cross compilers against Debian's libraries for that processor, unit
# tests under qemu's user emulation, one command routed by that processor's agent to that processor's application; then a table.
#   tests/ci/cross.sh [armhf arm64 mipsel s390x]      armhf and mipsel have 32 bits, s390x is big-endian
# On armhf libagent.so of a Release build has a limit: what a device of 16 MB gives for it.
. "$(dirname "$0")/lib.sh"
need debootstrap debootstrap
need dpkg-deb dpkg
LIBRARIES=libc6-dev,libuv1-dev,libcjson-dev,libmosquitto-dev,libmsgpack-dev,libcurl4-openssl-dev,libinih-dev,libssl-dev,libcmocka-dev,libmicrohttpd-dev,libglib2.0-dev,libevent-dev,uthash-dev
MIRROR=${MIRROR:-http://deb.debian.org/debian}
MOST=49152 # bytes

# known ARCH: sets triplet, qemu, package
known() {
    case $1 in
    armhf) triplet=arm-linux-gnueabihf qemu=arm package=gcc-arm-linux-gnueabihf ;;
    arm64) triplet=aarch64-linux-gnu qemu=aarch64 package=gcc-aarch64-linux-gnu ;;
    mipsel) triplet=mipsel-linux-gnu qemu=mipsel package=gcc-mipsel-linux-gnu ;;
    s390x) triplet=s390x-linux-gnu qemu=s390x package=gcc-s390x-linux-gnu ;;
    *) echo "cross.sh: $1 is none of armhf, arm64, mipsel, s390x" >&2; exit 1 ;;
    esac
    need "$triplet-gcc" "$package"
    need "qemu-$qemu-static" qemu-user-static
}

# What debootstrap would install, unpacked only: nothing of the other processor runs here.
sysroot() {
    [ ! -e "$root/complete" ] || return 0
    rm -rf "$root"
    mkdir -p "$root.get"
    debootstrap --arch="$1" --variant=minbase --download-only --include="$LIBRARIES" bookworm "$root.get" "$MIRROR" >"$root.log" 2>&1 || {
        tail -5 "$root.log" >&2
        echo "cross.sh: $MIRROR gave no packages for $1" >&2
        exit 77
    }
    mkdir -p "$root"
    # unpacked beside one another: /lib is a link in the end
    for link in bin sbin lib; do mkdir -p "$root/usr/$link"; ln -s "usr/$link" "$root/$link"; done
    for deb in "$root.get"/var/cache/apt/archives/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -C "$root" --keep-directory-symlink -xf -; done
    rm -rf "$root.get"
    touch "$root/complete"
}

route() {
    agent="$PWD/$dir/agent.sock"
    emulator="qemu-$qemu-static -L $root"
    $emulator "$dir/bin/miio_agent" --offline --listen none --unix "$agent" >"$dir/agent.log" 2>&1 &
    pids=$!
    trap 'kill $pids 2>/dev/null' EXIT
    sed -n '/^```c$/,/^```$/p' README.md | sed '/^```/d' >"$dir/app.c"
    "$triplet-gcc" --sysroot="$root" -Ilibagent/include "$dir/app.c" -L"$dir/lib" -lagent -o "$dir/app"
    MIIO_AGENT=unix:$agent LD_LIBRARY_PATH=$dir/lib $emulator -E LD_LIBRARY_PATH="$PWD/$dir/lib" "$dir/app" >"$dir/app.log" 2>&1 &
    pids="$pids $!"
    $emulator "$dir/bin/miioctl" --agent "unix:$agent" wait -t 60000 set_power
    said=$($emulator "$dir/bin/miioctl" --agent "unix:$agent" call set_power '["on"]')
    # shellcheck disable=SC2086
    kill $pids 2>/dev/null || true
    trap - EXIT
    [ "$said" = '["ok"]' ] || { echo "$1: the application answered $said" >&2; exit 1; }
}

# unit ARCH: its unit tests
unit() {
    # a program that starts itself: this machine's kernel, which is asked for it, does not know that processor's programs
    left_out='^unit\.http$'
    # /proc/net and sock_diag pass the emulation untouched, in the byte order of this machine's kernel
    [ "$1" != s390x ] || left_out='^unit\.(http|cred|udp_owner)$'
    # a few wait for what happens by itself, and beside other work the emulator may be late
    ctest --test-dir "$dir" -R '^unit' -E "$left_out" -LE 'soak|mutants' --repeat until-pass:2 -j "$JOBS" --output-on-failure --no-tests=error
}

# size FILE: bytes without symbols
size() {
    "$triplet-strip" -o "$dir/stripped" "$1"
    stat -Lc %s "$dir/stripped"
}

# tree NAME OPTION...: configured for the processor that is known
tree() {
    name=$1
    shift
    configure "$name" -DCMAKE_TOOLCHAIN_FILE=tests/ci/toolchains/cross.cmake -DMIIO_TRIPLET="$triplet" -DMIIO_QEMU="$qemu" \
        -DMIIO_SYSROOT="$root" -DMIIO_EXAMPLES=OFF -DMIIO_MAN=OFF "$@"
}

# the library as it is installed
library_fits() {
    tree cross-armhf-release -DCMAKE_BUILD_TYPE=Release
    build agent
    bytes=$(size "$dir/lib/libagent.so")
    echo "armhf, Release: libagent.so has $bytes bytes of at most $MOST"
    [ "$bytes" -le $MOST ]
}

[ $# -gt 0 ] || set -- armhf arm64 mipsel s390x
mkdir -p build-ci
table="processor	unit tests	routed	libagent	agent	client	ota	mcu	web	miioctl"
for arch; do
    known "$arch"
    root=$PWD/build-ci/sysroot-$arch
    sysroot "$arch"
    [ "$arch" != armhf ] || library_fits
    tree "cross-$arch" -DCMAKE_BUILD_TYPE=MinSizeRel -DMIIO_TESTS=ON
    build
    unit "$arch" >"$dir/unit.log" || { tail -60 "$dir/unit.log" >&2; exit 1; }
    tests=$(sed -n 's/^100% tests passed, 0 tests failed out of //p' "$dir/unit.log")
    RUN="qemu-$qemu-static -L $root" starts >/dev/null
    route "$arch"
    line="$arch	$tests passed	yes"
    for file in lib/libagent.so bin/miio_agent bin/miio_client bin/miio_ota bin/miio_mcu bin/miio_web bin/miioctl; do line="$line	$(size "$dir/$file")"; done
    printf '%s\n' "$line" >&2 # the next one takes minutes
    table="$table
$line"
done
printf '%s\n' "$table" | column -t -s '	' 2>/dev/null || printf '%s\n' "$table"
