#!/bin/sh
# SPDX-License-Identifier: MIT
# run_hook.sh NAME ARGUMENT...: the maker's program of that name, else the sample. Root runs it, so it is not looked for in the data
# directory, which is the client's.
name=$1
shift
for dir in "${MIIO_HOOKS_DIR:-/etc/miio-hooks}" "${0%/*}"; do
    [ ! -x "$dir/$name" ] || exec "$dir/$name" "$@"
done
echo "run_hook: $name is not there" >&2
exit 127
