#!/bin/sh
# SPDX-License-Identifier: MIT
# own_files.sh DIR USER: what the maker, or root on the device, has put into the user's data directory becomes the user's; systemd-tmpfiles
# does not, since below a folder that is not root's it touches nothing of root's. Neither links nor files with a second name, which
# may be something else of root's, are touched, and only files that the daemons keep there.
cd "$1" || exit 0
for name in device.conf wifi.conf device.token device.uid device.country web.password; do
    [ -f "$name" ] && [ ! -L "$name" ] && [ -O "$name" ] || continue
    # shellcheck disable=SC2012,SC2046 # mode, then how many names it has
    set -- "$1" "$2" $(ls -ln "$name")
    [ "$4" = 1 ] || continue
    chown -h "$2:$2" "$name" && chmod 600 "$name"
    set -- "$1" "$2"
done
exit 0
