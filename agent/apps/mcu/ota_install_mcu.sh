#!/bin/sh
# SPDX-License-Identifier: MIT
# An install hook of miio_ota: hands the firmware to the microcontroller behind miio_mcu and waits for the end.
#
#   miio_ota --install-hook /usr/share/miio/ota_install_mcu.sh
#
# miio_ota calls it with FILE MD5 silent|normal and takes exit status 0 for success. miioctl must be allowed to call
# mcu.update (the agent's access rules), and finds the agent by $MIIO_AGENT or in the usual places. miio_ota reports to the
# cloud, not miio_mcu; the folder of miio_ota's files must be below miio_mcu's update_dir, as it is by default.
set -eu
file=$1 md5=$2
ctl=${MIIOCTL:-miioctl}

"$ctl" call mcu.update "{\"file\":\"$file\",\"md5\":\"$md5\",\"report\":false}" >/dev/null

while :; do
    sleep 1
    info=$("$ctl" --json call mcu.info) || continue # the agent may be restarting
    case $info in
    *'"state":"idle"'*'"result":"installed"'*) exit 0 ;;
    *'"state":"idle"'*)
        echo "mcu: $(printf %s "$info" | sed -n 's/.*"update":{\([^}]*\)}.*/\1/p')" >&2
        exit 1
        ;;
    esac
done
