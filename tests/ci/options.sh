#!/bin/sh
# SPDX-License-Identifier: MIT
# Each option the other way round, and what a small device has: all of them off. Programs build and start, and a command passes through
# client, agent and an application. Without link-time optimisation, which tests/ci/footprint.sh has.
#   tests/ci/options.sh [OPTION=VALUE...]   only these
. "$(dirname "$0")/lib.sh"
one() {
    echo "== $*"
    name=options-$(printf %s "$*" | cksum | cut -d ' ' -f 1)
    for o; do set -- "$@" "-D$o" && shift; done
    configure "$name" -DCMAKE_BUILD_TYPE=MinSizeRel -DMIIO_EXAMPLES=OFF -DMIIO_LTO=OFF "$@"
    build
    starts >/dev/null
    chain_open cc -Ilibagent/include "$dir/app.c" -L"$dir/lib" -lagent
    chain_close
    rm -r "$dir"
}
if [ $# -gt 0 ]; then
    one "$@"
    exit
fi
for option in $(sed -n 's/^option(\(MIIO_[A-Z]*\) .* \(ON\|OFF\))$/\1=\2/p' CMakeLists.txt docs/CMakeLists.txt); do
    case $option in
    MIIO_TESTS=* | MIIO_FUZZ=* | MIIO_WERROR=* | MIIO_COVERAGE=* | MIIO_EXAMPLES=*) continue ;;
    MIIO_STATIC=*) continue ;; # tests/ci/static.sh
    MIIO_LTO=*) continue ;;
    MIIO_MBEDTLS=*) one MIIO_MBEDTLS=ON MIIO_TLS=OFF ;;
    *=ON) one "${option%=*}=OFF" ;;
    *=OFF) one "${option%=*}=ON" ;;
    esac
done
# shellcheck disable=SC2046
one $(sed -n 's/^option(\(MIIO_[A-Z]*\) .* ON)$/\1=OFF/p' CMakeLists.txt docs/CMakeLists.txt)
