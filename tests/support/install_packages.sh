#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what tests/packages.txt names and this machine lacks. Needs root only when something is missing.
#   install_packages.sh               all
#   install_packages.sh demo [broker] what examples/demo.sh needs
set -eu
list=$(dirname "$0")/../packages.txt
wanted() {
    case ${1:-} in
    demo) sed -n -e '1,/^# -- tests/{/# run$/!p;}' -e '/# demo$/p' ${2:+-e "/# demo-$2\$/p"} "$list" ;;
    *) cat "$list" ;;
    esac | sed 's/#.*//' | sort -u
}
missing=
for name in $(wanted "$@"); do
    dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $name"
done
[ -n "$missing" ] || exit 0
echo "installing with apt:$missing"
run=
[ "$(id -u)" = 0 ] || run=sudo
export DEBIAN_FRONTEND=noninteractive
$run apt-get update -q >/dev/null
# a broker or server started by a package's install script would hold ports that the tests want
# shellcheck disable=SC2086
$run env RUNLEVEL=1 apt-get install -q -y --no-install-recommends $missing >/dev/null
