#!/bin/sh
# SPDX-License-Identifier: MIT
# libagent against the last release: no function is gone, none has changed; new ones are welcome. Headers say what is public.
#   tests/ci/abi.sh --write   libagent.abi again, for a release
. "$(dirname "$0")/lib.sh"
need abidiff abigail-tools
configure abi -DCMAKE_BUILD_TYPE=Debug -DMIIO_EXAMPLES=OFF
build agent
library=$dir/lib/libagent.so.0
if [ "${1:-}" = --write ]; then
    exec abidw --headers-dir libagent/include --drop-private-types --no-comp-dir-path --no-corpus-path --no-show-locs \
        --out-file tests/ci/libagent.abi "$library"
fi
abidiff --no-added-syms --headers-dir2 libagent/include tests/ci/libagent.abi "$library"
echo "the ABI of the last release is kept"
