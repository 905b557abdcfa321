#!/bin/sh
# SPDX-License-Identifier: MIT
# gcc, sanitizers, warnings are errors: unit tests, corpora, layers.
. "$(dirname "$0")/lib.sh"
need gcc gcc
configure gcc -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Debug -DMIIO_TESTS=ON -DMIIO_SANITIZE=address,undefined
build
checked '^(unit|fuzz|layers)'
