#!/bin/sh
# SPDX-License-Identifier: MIT
# The Wi-Fi hook of miio_client on OpenWrt: netifd joins the network of wifi.conf, or opens the access point when there is no such
# file; nothing of it is started or ended here. Section "miio" of /etc/config/wireless is ours, and network "miio".
#
#   with wifi.conf      exit 0 once there is an address, anything else: not connected
#   without wifi.conf   the access point $MIIO_AP_SSID
DATA_DIR=${MIIO_DATA_DIR:-/etc/miio/}
case $DATA_DIR in */) ;; *) DATA_DIR=$DATA_DIR/ ;; esac
RADIO=${MIIO_RADIO:-radio0}
SECONDS_TO_JOIN=${MIIO_JOIN_SECONDS:-30}
. "${MIIO_NETWORK_SH:-/lib/functions/network.sh}"

log() { echo "wifi_start: $*" >&2; }

# value NAME: of wifi.conf without its quotes and backslashes, in $V
value() {
	V=$(sed -n "s/^$1=//p" "${DATA_DIR}wifi.conf" | tr -d '\r' | tail -n 1)
	case $V in
	'"'*'"')
		V=${V#?}
		V=$(printf '%s' "${V%?}" | sed 's/\\\(["\\/]\)/\1/g')
		;;
	esac
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
	value ssid
	ssid=$V
	value psk
	key=$V
	value key_mgmt
	[ -n "$ssid" ] || { log "wifi.conf: no name" && return 1; }
	[ -n "$key" ] || [ "$V" = NONE ] || { log "wifi.conf: no key, and not key_mgmt=NONE" && return 1; }
	wireless
	uci set wireless.miio.mode=sta
	uci set wireless.miio.ssid="$ssid"
	if [ -n "$key" ]; then
		uci set wireless.miio.encryption=psk2
		uci set wireless.miio.key="$key"
	else
		uci set wireless.miio.encryption=none
	fi
	uci -q delete network.miio.ipaddr
	uci -q delete network.miio.netmask
	uci set network.miio.proto=dhcp
	uci set network.miio.hostname="${MIIO_HOST_NAME:-miio}"
	uci -q delete dhcp.miio
	apply || return 1
	n=0
	while [ $n -lt "$SECONDS_TO_JOIN" ]; do
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
	uci set wireless.miio.ssid="${MIIO_AP_SSID:-miio}"
	uci set wireless.miio.encryption=none
	uci set network.miio.proto=static
	uci set network.miio.ipaddr=192.168.13.1
	uci set network.miio.netmask=255.255.255.0
	uci set dhcp.miio=dhcp
	uci set dhcp.miio.interface=miio
	uci set dhcp.miio.start=20
	uci set dhcp.miio.limit=180
	uci set dhcp.miio.leasetime=1h
	apply && /etc/init.d/dnsmasq reload
}

if [ -f "${DATA_DIR}wifi.conf" ]; then join; else access_point; fi
