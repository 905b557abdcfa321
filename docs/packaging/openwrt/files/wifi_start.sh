#!/bin/sh
# SPDX-License-Identifier: MIT
# The Wi-Fi hook of miio_client on OpenWrt: netifd joins the network of wifi.conf, or opens the access point when there is no such
# file; nothing of it is started or ended here. Section "miio" of /etc/config/wireless is ours, and network "miio".
#
#   with wifi.conf      exit 0 once there is an address, anything else: not connected
#   without wifi.conf   the access point; the exit status is not looked at
#
# wifi_sample.sh, the hook for boards without netifd, reads wifi.conf in all its forms and makes the names: it is asked here.
LC_ALL=C # names are bytes in any encoding
export LC_ALL
SAMPLE=${MIIO_WIFI_SAMPLE:-/usr/share/miio/wifi_sample.sh}
RADIO=${MIIO_RADIO:-radio0}
AP_ADDRESS=${MIIO_AP_ADDRESS:-192.168.13.1}
JOIN_SECONDS=${MIIO_JOIN_SECONDS:-30}
. "${MIIO_NETWORK_SH:-/lib/functions/network.sh}"

log() { echo "wifi_start: $*" >&2; }

# bytes HEX: in $B
bytes() {
	hex=$1 form=
	while [ -n "$hex" ]; do
		rest=${hex#??}
		form=$form\\$(printf %03o "0x${hex%"$rest"}")
		hex=$rest
	done
	# shellcheck disable=SC2059 # it holds nothing but octal numbers
	B=$(printf "${form}x") # a blank line at the end would be lost
	B=${B%x}
}

wireless() {
	uci -q delete wireless.miio
	uci set wireless.miio=wifi-iface
	uci set wireless.miio.device="$RADIO"
	uci set wireless.miio.network=miio
	uci set "wireless.$RADIO.disabled=0"
	uci set network.miio=interface
}

apply() {
	uci commit network && uci commit dhcp && uci commit wireless && /etc/init.d/network reload && wifi reload
}

join() {
	bytes "$name"
	wireless
	uci set wireless.miio.mode=sta
	uci set wireless.miio.ssid="$B"
	case $key in
	NONE) uci set wireless.miio.encryption=none ;;
	*)
		case $key in '"'*) key=${key#?} && key=${key%?} ;; esac
		uci set wireless.miio.encryption=psk2
		uci set wireless.miio.key="$key"
		;;
	esac
	uci -q delete network.miio.ipaddr
	uci -q delete network.miio.netmask
	uci set network.miio.proto=dhcp
	uci set network.miio.hostname="$host"
	uci -q delete dhcp.miio
	apply || return 1
	n=0
	while [ $n -lt "$JOIN_SECONDS" ]; do
		network_flush_cache
		network_get_ipaddr address miio && return 0
		n=$((n + 1))
		sleep 1
	done
	return 1
}

access_point() {
	wireless
	uci set wireless.miio.mode=ap
	uci set wireless.miio.ssid="$ap"
	uci set wireless.miio.encryption=none
	uci set network.miio.proto=static
	uci set network.miio.ipaddr="$AP_ADDRESS"
	uci set network.miio.netmask=255.255.255.0
	uci set dhcp.miio=dhcp
	uci set dhcp.miio.interface=miio
	uci set dhcp.miio.start=20
	uci set dhcp.miio.limit=180
	uci set dhcp.miio.leasetime=1h
	apply && /etc/init.d/dnsmasq reload
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
