#!/bin/sh
# Installs what tests/packages.txt names and this machine lacks. Needs root only when something is missing.
set -eu
list=$(dirname "$0")/../packages.txt
missing=
for name in $(sed 's/#.*//' "$list"); do
    dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $name"
done
[ -n "$missing" ] || exit 0
echo "installing:$missing"
run=
[ "$(id -u)" = 0 ] || run=sudo
export DEBIAN_FRONTEND=noninteractive
$run apt-get update -q >/dev/null
# a broker or server started by a package's install script would hold ports that the tests want
# shellcheck disable=SC2086
$run env RUNLEVEL=1 apt-get install -q -y --no-install-recommends $missing >/dev/null
