#!/bin/sh
# SPDX-License-Identifier: MIT
# Networks in reach for miio_web --networks, from wpa_supplicant: SIGNAL TAB SECURITY TAB NAME, a line each.
# The user of miio_web needs wpa_supplicant's control socket (ctrl_interface=DIR=/run/wpa_supplicant GROUP=miio).
interface=${WIFI_INTERFACE:-wlan0}
cli() { wpa_cli -i "$interface" "$@" 2>/dev/null; }

cli scan >/dev/null || exit 1
n=0
# a look around takes a few seconds; the list is there when wpa_supplicant has left the state SCANNING
while [ $n -lt 10 ] && { sleep 1; cli status | grep -q '^wpa_state=SCANNING'; }; do n=$((n + 1)); done
cli scan_results | awk -F '\t' 'NR > 1 && NF == 5 {
    security = "open"
    if ($4 ~ /WEP/) security = "wep"
    if ($4 ~ /WPA-/) security = "wpa"
    if ($4 ~ /WPA2-|RSN-/) security = "wpa2"
    if ($4 ~ /SAE/) security = "wpa3"
    if ($4 ~ /EAP/) security = "enterprise"
    printf "%s\t%s\t%s\n", $3, security, $5
}'
