#!/bin/sh
# SPDX-License-Identifier: MIT
# The one layout of the C sources, by .clang-format of clang-format 14 (others lay out some lines differently).
#   tests/layers/format.sh           formats all of them
#   tests/layers/format.sh --check   says which are not formatted; 77 when there is no clang-format 14
cd "$(dirname "$0")/../.." || exit 1
tool=$(command -v clang-format-14 || command -v clang-format) || exit 77
case $("$tool" --version) in *"version 14."*) ;; *) exit 77 ;; esac
# not: what others wrote, and what miio_gen writes
files=$(git ls-files '*.c' '*.h' | grep -v -e /carried/ -e /corpus/ -e '^examples/thermostat/')
[ "$1" = --check ] || exec "$tool" -i $files
exec "$tool" --dry-run --Werror $files
