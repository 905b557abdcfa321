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
if [ "$(id -u)" != 0 ]; then
    run=sudo
    command -v sudo >/dev/null || {
        echo "only root can install them, and sudo is not there: as root, apt-get install$missing" >&2
        exit 1
    }
fi

# The share that is done, as apt tells it: on one line of a terminal, else every quarter. Fails where apt has failed.
show_progress() {
    quarter=0
    while IFS=: read -r what _ share _; do
        case $what in
        dlstatus) doing=downloaded ;;
        pmstatus) doing=installed ;;
        failed) return 1 ;;
        *) continue ;;
        esac
        share=${share%%.*}
        if [ -t 1 ]; then
            printf '\r  %3d%% %-10s' "$share" $doing
        elif [ "$doing $((share / 25))" != "$quarter" ]; then
            quarter="$doing $((share / 25))"
            [ "$share" -lt 25 ] || printf '  %d%% %s\n' $((share / 25 * 25)) $doing
        fi
    done
    [ ! -t 1 ] || printf '\r                  \r'
}
export DEBIAN_FRONTEND=noninteractive
$run apt-get update -q >/dev/null
# a broker or server started by a package's install script would hold ports that the tests want
# shellcheck disable=SC2086
{ $run env RUNLEVEL=1 apt-get install -q -y --no-install-recommends -o APT::Status-Fd=1 $missing || echo failed:; } | show_progress
