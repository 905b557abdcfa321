#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints the service file that makes avahi-daemon announce this device on the LAN, as miIO devices do: _miio._udp, under the name
# <model with dashes>_miio<did>. Nothing is announced before somebody puts it into avahi's folder:
#
#   avahi_service.sh [DATA_DIR [PORT]] >/etc/avahi/services/miio.service      (under systemd: systemctl enable --now miio-discovery)
#
# Needs a POSIX shell, sed, tr, tail and cat.
DATA_DIR=${1:-${MIIO_DATA_DIR:-/etc/miio/}}
case $DATA_DIR in */) ;; *) DATA_DIR=$DATA_DIR/ ;; esac
PORT=${2:-54321}
BLANK='[ 	]*'

BOM=$(printf '\357\273\277')
LC_ALL=C
export LC_ALL

# conf NAME: the last line of that name in device.conf; of model one that is no file's name
conf() {
    sed -n "1s/^$BOM//;s/^$BLANK$1$BLANK=$BLANK//p" "${DATA_DIR}device.conf" | tr -d '\r' |
        sed -e "s/$BLANK\$//" -e "$([ "$1" != model ] || echo '/\//d;/.\.json$/d')" | tail -n 1
}

model=$(conf model | tr . -)
did=$(conf did)
case $model in '' | *[!A-Za-z0-9_-]*)
    echo "avahi_service: ${DATA_DIR}device.conf: no model, or characters in it that no model has" >&2
    exit 1
    ;;
esac
case $did in '' | *[!0-9]*)
    echo "avahi_service: ${DATA_DIR}device.conf: did is not a number" >&2
    exit 1
    ;;
esac
case $PORT in '' | *[!0-9]*)
    echo "avahi_service: $PORT is no port" >&2
    exit 2
    ;;
esac
# a label of DNS has 63 bytes
name=${model}_miio$did
while [ ${#name} -gt 63 ]; do
    model=${model%?}
    name=${model}_miio$did
done
cat <<EOF
<?xml version="1.0" standalone='no'?>
<!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group>
  <name>$name</name>
  <service>
    <type>_miio._udp</type>
    <port>$PORT</port>
  </service>
</service-group>
EOF
