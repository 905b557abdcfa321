#!/bin/sh
# SPDX-License-Identifier: MIT
# build.sh OUT: builds the Debian packages of this tree, without touching it, and leaves them in OUT.
set -eu
out=$1
source=$(cd "$(dirname "$0")/../../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out" "$work/miio-linux"
tar -C "$source" --exclude=./.git --exclude='./build*' -cf - . | tar -C "$work/miio-linux" -xf -
cp -r "$source/docs/packaging/debian" "$work/miio-linux/debian"
rm "$work/miio-linux/debian/build.sh"
(cd "$work/miio-linux" && dpkg-buildpackage -b -us -uc)
cp "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo "$out/"
