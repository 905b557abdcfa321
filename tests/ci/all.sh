#!/bin/sh
# SPDX-License-Identifier: MIT
# Every script of this folder, one after the other; a table at the end.
cd "$(dirname "$0")" || exit 1
table= bad=0
for script in gcc.sh clang.sh threads.sh options.sh abi.sh tidy.sh m32.sh musl.sh static.sh cross.sh footprint.sh coverage.sh; do
    echo "---- $script"
    ./"$script"
    case $? in
    0) said=good ;;
    77) said='not run: see above' ;;
    *) said=FAILED bad=1 ;;
    esac
    table="$table$script	$said
"
done
printf '\n%s' "$table"
exit $bad
