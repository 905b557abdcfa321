# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What the scripts of this folder share. Each one runs here as on the forge, in a build folder of its own; it ends with 0 (good),
# 1 (not good) or 77 (something is missing on this machine, and it said what).
set -eu
cd "$(dirname "$0")/../.."
export PATH=/usr/bin:$PATH
command -v ccache >/dev/null && export CMAKE_C_COMPILER_LAUNCHER=ccache
JOBS=${JOBS:-$(nproc)}
[ "$JOBS" -le 4 ] || JOBS=4

# need PROGRAM PACKAGE
need() {
    command -v "$1" >/dev/null && return
    echo "$(basename "$0"): $1 is missing: install the package $2" >&2
    exit 77
}

# configure NAME OPTION...: into build-ci/NAME
configure() {
    dir=build-ci/$1
    shift
    cmake -S . -B "$dir" -DMIIO_WERROR=ON "$@" >"$dir.log" 2>&1 || {
        cat "$dir.log" >&2
        exit 1
    }
}

# build [TARGET...]: the tree that was configured last; shows what the compiler said when it fails
build() {
    [ $# -eq 0 ] || set -- --target "$@"
    cmake --build "$dir" -j "$JOBS" "$@" >"$dir.log" 2>&1 || {
        grep -B2 -A12 -E 'error|Error' "$dir.log" | head -80 >&2
        exit 1
    }
}

# checked REGEX: the tests of that tree whose names match
checked() {
    ctest --test-dir "$dir" -R "$1" -LE "soak|mutants" -j "$JOBS" --output-on-failure --no-tests=error
}

# starts [DIR]: every program of the tree says its version
starts() {
    for program in "$dir"/bin/miio*; do
        case $program in *_line) continue ;; esac
        $RUN "$program" --version || return 1
    done
}

RUN=
mkdir -p build-ci
