#!/bin/sh
# SPDX-License-Identifier: MIT
# The Wi-Fi hook of miio_client where NetworkManager runs: it joins the network of wifi.conf, or opens the access point when there is
# no such file. One profile, "miio", is ours; nothing else of NetworkManager is touched. Goes into /etc/miio-hooks (under systemd) or
# the data directory, as wifi_start.sh.
#
#   with wifi.conf      exit 0 once there is an address, anything else: not connected
#   without wifi.conf   the access point; the exit status is not looked at
#
# The sample /usr/share/miio/wifi_start.sh reads wifi.conf in all its forms: it is asked here.
LC_ALL=C
export LC_ALL
WLAN=${MIIO_WLAN:-wlan0}
SAMPLE=${MIIO_WIFI_SAMPLE:-/usr/share/miio/wifi_start.sh}
PROFILES=${MIIO_NM_PROFILES:-/etc/NetworkManager/system-connections}
AP_ADDRESS=${MIIO_AP_ADDRESS:-192.168.13.1}
JOIN_SECONDS=${MIIO_JOIN_SECONDS:-30}
PROFILE=$PROFILES/miio.nmconnection
umask 077

log() { printf 'wifi_start: %s\n' "$*" >&2; }

# bytes HEX: as the list of numbers that a profile takes for a name that may not be text; in $LIST
bytes() {
    hex=$1 LIST=
    while [ -n "$hex" ]; do
        rest=${hex#??}
        LIST="$LIST$((0x${hex%"$rest"}));"
        hex=$rest
    done
}

# escaped TEXT: as a profile wants a value; in $E
escaped() {
    E=$(printf %s "$1" | sed 's/\\/\\\\/g; s/ /\\s/g; s/	/\\t/g')
}

security() {
    case $1 in
    NONE) return ;;
    '"'*) key=${1#?} && key=${key%?} ;;
    *) key=$1 ;;
    esac
    escaped "$key"
    printf '[wifi-security]\nkey-mgmt=wpa-psk\npsk=%s\n\n' "$E"
}

# profile LIST-OF-BYTES MODE: its text, without the security part
profile() {
    printf '[connection]\nid=miio\nuuid=6d696f00-0000-4000-8000-000000054321\ntype=wifi\ninterface-name=%s\nautoconnect-priority=10\n\n' "$WLAN"
    printf '[wifi]\nmode=%s\nssid=%s\n' "$2" "$1"
}

# put: standard input becomes the profile, whole or not at all
put() {
    rm -f "$PROFILE.new"
    (set -C && cat >"$PROFILE.new") && mv "$PROFILE.new" "$PROFILE" && nmcli connection load "$PROFILE"
}

join() {
    bytes "$name"
    {
        profile "$LIST" infrastructure
        printf 'hidden=true\n\n'
        security "$key"
        printf '[ipv4]\nmethod=auto\ndhcp-hostname=%s\n\n[ipv6]\nmethod=auto\n' "$host"
    } | put || return 1
    nmcli --wait "$JOIN_SECONDS" connection up miio
}

access_point() {
    bytes "$(printf %s "$ap" | hexdump -v -e '1/1 "%02x"')"
    {
        profile "$LIST" ap
        printf '\n[ipv4]\nmethod=shared\naddress1=%s/24\n\n[ipv6]\nmethod=disabled\n' "$AP_ADDRESS"
    } | put && nmcli --wait "$JOIN_SECONDS" connection up miio
}

said=$("$SAMPLE" network) || { log "the network of wifi.conf is not understood" && exit 1; }
{
    IFS= read -r name
    IFS= read -r key
    IFS= read -r ap
    IFS= read -r host
} <<EOF
$said
EOF
if [ -n "$name" ]; then join; else access_point; fi
