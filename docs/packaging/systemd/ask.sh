#!/bin/sh
# SPDX-License-Identifier: MIT
# Stands in for a hook where the daemons are not root: installed under the hook's name, it leaves a request where systemd sees it
# (miio-hook@NAME.path), and ends as the hook has ended there.
ask=${MIIO_ASK_DIR:-/run/miio-ask} asked=${MIIO_ASKED_DIR:-/run/miio-asked}
name=${0##*/}
name=${name%.sh}
umask 077
case $* in
*'
'*) echo "$name: a line break in the arguments" >&2 && exit 2 ;;
esac
id=$$.$(date +%s)
# in one step, so that no half of it is read
printf '%s\n' "$id" "$@" >"$ask/$name.$$" && mv -f "$ask/$name.$$" "$ask/$name.request" || exit 1
seconds=0
while [ $seconds -lt "${MIIO_ASK_SECONDS:-660}" ]; do
    told= status=
    read -r told status 2>/dev/null <"$asked/$name.status"
    [ "$told" != "$id" ] || exit "$status"
    seconds=$((seconds + 1))
    sleep 1
done
echo "$name: nobody has run it" >&2
exit 1
