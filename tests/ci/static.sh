#!/bin/sh
# SPDX-License-Identifier: MIT
# Every program that needs no library at run time: x86-64, musl, one static file each. The libraries are built from Debian's sources,
# which apt fetches for this script alone (no list of the machine is touched); unit tests run, the static agent hands a command to a static
# application, and a table of sizes and memory is printed.
#   tests/ci/static.sh
# Left out: what opens libcurl (miio_ota, Gizwits, OneNET over HTTP), TLS on MQTT links, miio_web, whose password needs OpenSSL.
. "$(dirname "$0")/lib.sh"
need musl-gcc musl-tools
need apt-get apt
need dpkg-source dpkg-dev
SOURCES="libuv1 cjson libinih mosquitto mbedtls cmocka"
SUITES="bookworm trixie" # the second where a mirror lacks a file of the first
MIRROR=${MIRROR:-http://deb.debian.org/debian}
from=$PWD/build-ci/static-sources prefix=$PWD/build-ci/static-prefix

# apt with folders of its own
own_apt() {
    apt-get -qq -o Dir::Etc::SourceList="$from/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$from/lists" \
        -o Dir::Cache="$from/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}

# folder NAME: what apt has unpacked of it
folder() { find "$from" -maxdepth 1 -type d -name "$1-*" | head -n 1; }

fetch() {
    [ ! -e "$from/complete" ] || return 0
    rm -rf "$from"
    mkdir -p "$from/lists/partial" "$from/cache/archives/partial"
    for suite in $SUITES; do
        echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $MIRROR $suite main" >>"$from/sources.list"
    done
    own_apt update >"$from/apt.log" 2>&1 || true
    for name in $SOURCES; do
        for suite in $SUITES; do
            [ -n "$(folder "$name")" ] || (cd "$from" && own_apt source "$name/$suite") >>"$from/apt.log" 2>&1 || true
        done
        [ -n "$(folder "$name")" ] || {
            tail -5 "$from/apt.log" >&2
            echo "static.sh: nothing was linked: apt has no source of $name from $MIRROR ($SUITES)" >&2
            exit 77
        }
    done
    touch "$from/complete"
}

# pc NAME LIBRARY [INCLUDE]
pc() {
    printf 'Name: %s\nDescription: %s\nVersion: 99\nLibs: -L%s/lib -l%s\nCflags: -I%s/include\n' "$1" "$1" "$prefix" "$2" "$prefix" \
        >"$prefix/lib/pkgconfig/$1.pc"
}

# by_cmake NAME TARGET OPTION...: a library that brings a CMakeLists.txt
by_cmake() {
    src=$(folder "$1") target=$2 out=build-ci/static-$1
    shift 2
    cmake -S "$src" -B "$out" -DCMAKE_TOOLCHAIN_FILE="$PWD/tests/ci/toolchains/musl.cmake" -DMIIO_PREFIX="$prefix" -DCMAKE_BUILD_TYPE=MinSizeRel \
        -DBUILD_SHARED_LIBS=OFF "$@"
    cmake --build "$out" -j "$JOBS" --target "$target"
}

# by_hand NAME LIBRARY.a FILE...: one that is a few files
by_hand() {
    src=$(folder "$1") library=$2
    shift 2
    for file; do musl-gcc -Os -c "$src/$file" -o "$src/${file%.c}.o" && ar rcs "$prefix/lib/$library" "$src/${file%.c}.o"; done
}

libraries() {
    [ ! -e "$prefix/complete" ] || return 0
    rm -rf "$prefix"
    mkdir -p "$prefix/lib/pkgconfig" "$prefix/include/cjson"
    # the kernel's interface, and what is headers only
    for header in linux asm-generic x86_64-linux-gnu/asm msgpack msgpack.h; do
        [ -e "/usr/include/$header" ] || { echo "static.sh: /usr/include/$header is missing: linux-libc-dev, libmsgpack-dev" >&2; exit 77; }
        ln -s "/usr/include/$header" "$prefix/include/"
    done
    pc msgpack c
    by_cmake libuv1 uv_a -DBUILD_TESTING=OFF
    cp "$out/libuv_a.a" "$prefix/lib/libuv.a"
    cp -r "$src/include/." "$prefix/include/"
    pc libuv uv
    by_hand cjson libcjson.a cJSON.c
    cp "$src/cJSON.h" "$prefix/include/cjson/"
    pc libcjson cjson
    by_hand libinih libinih.a ini.c
    cp "$src/ini.h" "$prefix/include/"
    pc inih inih
    src=$(folder mosquitto)
    make -C "$src/lib" CC=musl-gcc CFLAGS=-Os WITH_TLS=no WITH_SRV=no WITH_STATIC_LIBRARIES=yes WITH_SHARED_LIBRARIES=no libmosquitto.a
    cp "$src/lib/libmosquitto.a" "$prefix/lib/"
    cp "$src"/include/mosquitto.h "$prefix/include/"
    pc libmosquitto mosquitto
    by_cmake mbedtls mbedcrypto -DENABLE_PROGRAMS=OFF -DENABLE_TESTING=OFF
    cp "$out/library/libmbedcrypto.a" "$prefix/lib/"
    cp -r "$src/include/mbedtls" "$src/include/psa" "$prefix/include/"
    by_cmake cmocka cmocka-static -DWITH_STATIC_LIB=ON -DUNIT_TESTING=OFF
    cp "$(find "$out" -name 'libcmocka*.a' | head -n 1)" "$prefix/lib/libcmocka.a"
    cp "$src"/include/*.h "$prefix/include/"
    pc cmocka cmocka
    touch "$prefix/complete"
}

route() {
    chain_open musl-gcc -static -Ilibagent/include "$dir/app.c" "$dir/lib/libagent.a" -lm
    table=$(printf 'program\tbytes\tat rest, KiB (RSS, own)\n'; row miio_agent "$daemon"; row miio_client "$client"; row miio_mcu; row miioctl)
    chain_close
}

# row PROGRAM [PID]
row() {
    strip -o "$dir/stripped" "$dir/bin/$1"
    printf '%s\t%s\t' "$1" "$(stat -c %s "$dir/stripped")"
    [ $# -lt 2 ] || awk '/^Rss:/ { rss = $2 } /^Anonymous:/ { own = $2 } END { printf "%d %d", rss, own }' "/proc/$2/smaps_rollup"
    echo
}

fetch
set +e # not "||": in what stands before that a failure does not end anything
(set -e && libraries) >build-ci/static-libraries.log 2>&1
built=$?
set -e
[ $built -eq 0 ] || { tail -20 build-ci/static-libraries.log >&2; echo "static.sh: a library was not built" >&2; exit 1; }
configure static -DCMAKE_TOOLCHAIN_FILE=tests/ci/toolchains/musl.cmake -DMIIO_PREFIX="$prefix" -DCMAKE_BUILD_TYPE=MinSizeRel -DMIIO_STATIC=ON \
    -DMIIO_HTTP=OFF -DMIIO_TLS=OFF -DMIIO_MBEDTLS=ON -DMIIO_WEB=OFF -DMIIO_MAN=OFF -DMIIO_TESTS=ON
build miio_agent miio_client miio_mcu miioctl miio_recv_line agent_static unit_tests
for program in "$dir"/bin/*; do
    ! readelf -l "$program" | grep -q INTERP || { echo "static.sh: $program is not static" >&2; exit 1; }
done
starts >/dev/null
ctest --test-dir "$dir" -R '^unit' -LE 'soak|mutants' -j "$JOBS" --output-on-failure --no-tests=error >"$dir/unit.log" || { tail -60 "$dir/unit.log" >&2; exit 1; }
route
echo "unit tests: $(sed -n 's/^100% tests passed, 0 tests failed out of //p' "$dir/unit.log") passed; set_power was routed"
printf '%s\n' "$table" | column -t -s '	' 2>/dev/null || printf '%s\n' "$table"
