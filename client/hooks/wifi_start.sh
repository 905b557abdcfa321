#!/bin/sh
# Joins the network of wifi.conf, or opens the access point when there is no such file. Called at system start, before
# miio_client, and whenever the network changes.
#
#   with wifi.conf      exit 0 once connected with an address, anything else: not connected
#   without wifi.conf   the access point <model>_miap<MAC>; the exit status is not looked at
#
# Uses wpa_supplicant, hostapd, udhcpc and udhcpd; adapt it to the platform. MIIO_DRY_RUN=1 prints the commands and the
# files instead (passwords left out).
DATA_DIR=${MIIO_DATA_DIR:-/etc/miio/}
case $DATA_DIR in */) ;; *) DATA_DIR=$DATA_DIR/ ;; esac
WLAN=${MIIO_WLAN:-wlan0}
RUN_DIR=${MIIO_RUN_DIR:-/var/run/miio}
AP_ADDRESS=${MIIO_AP_ADDRESS:-192.168.13.1}
JOIN_SECONDS=${MIIO_JOIN_SECONDS:-20}
umask 077

conf() { sed -n "s/^[ 	]*$1[ 	]*=[ 	]*//p" "${DATA_DIR}device.conf" | tr -d '\r' | sed 's/[ 	]*$//' | tail -n 1; }
model=$(conf model | tr . -)
mac=$(conf mac | tr a-f A-F | tr -d :)
ssid_ap=${MIIO_AP_SSID:-${model}_miap${mac#????????}}
host_name=${MIIO_HOST_NAME:-${model}_miio$(conf did)}

run() {
    if [ -n "${MIIO_DRY_RUN-}" ]; then echo "run: $*"; else "$@"; fi
}
# show FILE TEXT: writes a file, in a dry run its text without secrets
show() {
    if [ -n "${MIIO_DRY_RUN-}" ]; then
        echo "file: $1"
        printf '%s\n' "$2" | sed 's/psk=.*/psk=.../'
    else
        mkdir -p "$RUN_DIR" && printf '%s\n' "$2" >"$1"
    fi
}
stop() { run killall -q "$@" || :; }

# value NAME: between the first and the last quote of the line, backslash escapes undone
value() { sed -n "s/^$1=\"\(.*\)\".*/\1/p" "${DATA_DIR}wifi.conf" | head -n 1 | sed 's/\\\(.\)/\1/g'; }

join() {
    ssid=$(value ssid | tr -d '\n' | od -An -v -tx1 | tr -d ' \n')
    psk=$(value psk)
    raw_psk=$(sed -n 's/^psk=\([0-9A-Fa-f]\{64\}\)$/\1/p' "${DATA_DIR}wifi.conf" | head -n 1)
    # the SSID goes as hex digits: any byte may be in it
    network="network={
    ssid=$ssid
    scan_ssid=1"
    if [ -n "$raw_psk" ]; then
        network="$network
    psk=$raw_psk"
    elif [ -n "$psk" ]; then
        network="$network
    psk=\"$psk\""
    else
        network="$network
    key_mgmt=NONE"
    fi
    show "$RUN_DIR/wpa_supplicant.conf" "ctrl_interface=/var/run/wpa_supplicant
$network
}"
    stop hostapd udhcpd udhcpc wpa_supplicant
    run ip addr flush dev "$WLAN"
    run ip link set "$WLAN" up || return 1
    run wpa_supplicant -B -i "$WLAN" -c "$RUN_DIR/wpa_supplicant.conf" || return 1
    wait_joined || return 1
    run udhcpc -i "$WLAN" -n -q -t 5 -x "hostname:$host_name"
}

wait_joined() {
    [ -z "${MIIO_DRY_RUN-}" ] || return 0
    n=0
    while [ $n -lt "$JOIN_SECONDS" ]; do
        wpa_cli -i "$WLAN" status 2>/dev/null | grep -q '^wpa_state=COMPLETED' && return 0
        n=$((n + 1))
        sleep 1
    done
    return 1
}

access_point() {
    show "$RUN_DIR/hostapd.conf" "interface=$WLAN
driver=nl80211
ssid=$ssid_ap
hw_mode=g
channel=6"
    show "$RUN_DIR/udhcpd.conf" "interface $WLAN
start ${AP_ADDRESS%.*}.20
end ${AP_ADDRESS%.*}.200
option subnet 255.255.255.0
option router $AP_ADDRESS
lease_file $RUN_DIR/udhcpd.leases"
    stop wpa_supplicant udhcpc hostapd udhcpd
    run ip addr flush dev "$WLAN"
    run ip addr add "$AP_ADDRESS/24" dev "$WLAN"
    run ip link set "$WLAN" up
    run hostapd -B "$RUN_DIR/hostapd.conf"
    run udhcpd "$RUN_DIR/udhcpd.conf"
}

if [ -f "${DATA_DIR}wifi.conf" ]; then join; else access_point; fi
