#!/bin/sh
# SPDX-License-Identifier: MIT
case "$1" in
miio-linux)
	# miio_recv_line and miio_send_line have no options
	for program in miio_agent miio_client miio_mcu miio_ota miioctl; do
		"$program" --version | grep -F "$2" || exit 1
	done
	;;
miio-web)
	miio_web --version | grep -F "$2"
	;;
esac
