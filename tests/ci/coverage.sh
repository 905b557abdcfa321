#!/bin/sh
# SPDX-License-Identifier: MIT
# Line coverage: of each folder's core by unit tests alone (95% and more), then of the whole by all tests but the long ones
# (88% and more). `coverage.sh unit` stops after the first. `python3 tests/ci/coverage.py build-cover --lines FILE` shows what
# nobody ran.
. "$(dirname "$0")/lib.sh"
need gcov gcc
cmake --preset cover >/dev/null
cmake --build --preset cover -j "$JOBS" >build-cover/build.log 2>&1 || {
    tail -40 build-cover/build.log >&2
    exit 1
}
find build-cover -name '*.gcda' -delete
ctest --test-dir build-cover -L unit -j "$JOBS" --output-on-failure --no-tests=error >build-cover/unit.log || {
    cat build-cover/unit.log >&2
    exit 1
}
python3 tests/ci/coverage.py build-cover --cores
[ "${1:-all}" != unit ] || exit 0
# not those that measure size, memory or cost, link without gcov, or run as a user who may not write the counts
ctest --test-dir build-cover -L 'system|fuzz|web' -LE 'soak|mutants' -E '^exact[.]|_install$|client_memory|^layers|^web[.]http$' \
      -j "$JOBS" --output-on-failure >build-cover/all.log || {
    tail -60 build-cover/all.log >&2
    exit 1
}
python3 tests/ci/coverage.py build-cover --whole
