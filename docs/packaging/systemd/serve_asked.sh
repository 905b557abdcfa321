#!/bin/sh
# SPDX-License-Identifier: MIT
# serve_asked.sh NAME: runs as root what a daemon has asked for through ask.sh. Nothing of a request is believed: it may hold the
# words below and no others.
ask=${MIIO_ASK_DIR:-/run/miio-ask} asked=${MIIO_ASKED_DIR:-/run/miio-asked} here=${0%/*}
name=$1 taken=$asked/$1.taken
firmware=${MIIO_FIRMWARE:-/var/lib/miio-ota/firmware.bin}
umask 022

# out of the asker's reach first: what is looked at below cannot be exchanged any more
rm -rf "$taken"
mv -f "$ask/$name.request" "$taken" || exit 1
id= one= two= three= four=
if [ -f "$taken" ] && [ ! -L "$taken" ]; then
    { read -r id && read -r one && read -r two && read -r three && read -r four; } <"$taken"
fi
rm -rf "$taken"
case $id in '' | *[!0-9.]*) echo "serve_asked: $name: not a request" >&2 && exit 1 ;; esac

is_hex() { case $1 in *[!0-9A-Fa-f]*) return 1 ;; esac; [ ${#1} -eq 32 ]; }
allowed() {
    case $name:$one in
    wifi_start:) ;;
    miio_client_helper:restore | miio_client_helper:reboot | miio_client_helper:identity) ;;
    miio_client_helper:zone) case $two in '' | /* | *..* | *[!A-Za-z0-9_+/-]*) return 1 ;; esac ;;
    ota_install:"$firmware")
        is_hex "$two" || return 1
        case $three in silent | normal) ;; *) return 1 ;; esac
        ;;
    *) return 1 ;;
    esac
    case $name:$one in
    ota_install:*) [ -z "$four" ] ;;
    *:zone) [ -z "$three$four" ] ;;
    *) [ -z "$two$three$four" ] ;;
    esac
}

if allowed; then
    "$here/run_hook.sh" "$name.sh" ${one:+"$one"} ${two:+"$two"} ${three:+"$three"}
    status=$?
else
    echo "serve_asked: $name: refused" >&2
    status=126
fi
# the client has to read what root has written for it
[ "$one" != identity ] || chown -h miio:miio /etc/miio/device.conf
printf '%s %s\n' "$id" $status >"$asked/$name.status.new" && mv -f "$asked/$name.status.new" "$asked/$name.status"
