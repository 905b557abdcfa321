#!/bin/sh
# SPDX-License-Identifier: MIT
# clang, warnings are errors: every program and the unit tests.
. "$(dirname "$0")/lib.sh"
need clang clang
configure clang -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug -DMIIO_TESTS=ON
build
checked '^unit'
starts
