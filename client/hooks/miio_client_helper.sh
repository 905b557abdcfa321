#!/bin/sh
# The platform's side of miio_client, for BusyBox sh and any other POSIX shell. Two ways to use it:
#
#   miio_client_helper.sh zone TZ | restore | reboot | identity
#       a hook of the builtin helper: run by miio_client, the exit status tells how it went
#   miio_client_helper.sh
#       the external helper: runs in the background beside "miio_client --helper=external" and speaks _internal.*
#
# Adapt the settings here, or give them in the environment.
DATA_DIR=${MIIO_DATA_DIR:-/etc/miio/}
case $DATA_DIR in */) ;; *) DATA_DIR=$DATA_DIR/ ;; esac
WIFI_START=${MIIO_WIFI_START:-${DATA_DIR}wifi_start.sh}
# /etc/localtime (glibc) or /etc/TZ (uclibc) is a link to this one, at a writable place
YOUR_LINK_TIMEZONE_FILE=${MIIO_ZONE_LINK:-/mnt/TZ}
YOUR_TIMEZONE_DIR=${MIIO_ZONE_DIR:-/usr/share/zoneinfo}
REBOOT=${MIIO_REBOOT:-reboot}
TRIES=${MIIO_JOIN_TRIES:-5}
PAUSE=${MIIO_JOIN_PAUSE:-3}
umask 077

log() { echo "miio_client_helper: $*" >&2; }

# ---- verbs ----

set_zone() {
    case $1 in
    '' | /* | *..* | *[!A-Za-z0-9_+/-]*) log "not a zone: $1" && return 1 ;;
    esac
    [ -f "$YOUR_TIMEZONE_DIR/$1" ] || { log "no zone $1" && return 1; }
    [ ! -e "$YOUR_LINK_TIMEZONE_FILE" ] || [ -L "$YOUR_LINK_TIMEZONE_FILE" ] ||
        { log "$YOUR_LINK_TIMEZONE_FILE is no link" && return 1; }
    ln -s "$YOUR_TIMEZONE_DIR/$1" "$YOUR_LINK_TIMEZONE_FILE.new" &&
        mv -f "$YOUR_LINK_TIMEZONE_FILE.new" "$YOUR_LINK_TIMEZONE_FILE"
}

case ${1-} in
zone) set_zone "${2-}" && exit 0 || exit 1 ;;
# the client has deleted its own files; delete here what else belongs to the owner
restore) exit 0 ;;
reboot) sync && exec $REBOOT ;;
# get did and key from where the maker keeps them, write device.conf, exit 0; anything else: not yet
identity) exit 1 ;;
'') ;;
*) log "unknown verb $1" && exit 2 ;;
esac

# ---- external helper ----

[ -x "$WIFI_START" ] || { log "$WIFI_START is missing" && exit 1; }

# save NAME TEXT: the file is replaced in one step
save() { printf '%s' "$2" >"$DATA_DIR$1.new" && mv -f "$DATA_DIR$1.new" "$DATA_DIR$1"; }

# string TEXT MEMBER, number TEXT MEMBER: the first value of that name; strings keep their JSON escapes, as wifi.conf does
string() { printf '%s\n' "$1" | sed -n -E 's/^.*[{,]"'"$2"'":"(([^"\\]|\\.)*)".*$/\1/p' | sed 's,\\/,/,g'; }
number() { printf '%s\n' "$1" | sed -n -E 's/^.*[{,]"'"$2"'":([0-9]+).*$/\1/p'; }
# conf NAME: the last line of that name in device.conf
conf() { sed -n "s/^[ 	]*$1[ 	]*=[ 	]*//p" "${DATA_DIR}device.conf" | tr -d '\r' | sed 's/[ 	]*$//' | tail -n 1; }

send() { miio_send_line "$1" || log "the client is not there"; }

send_dinfo() {
    text='{"method":"_internal.response_dinfo","params":{'
    did=$(conf did)
    text="$text\"did\":${did:-0}"
    for name in key vendor mac model; do
        value=$(conf $name)
        [ -z "$value" ] || text="$text,\"$name\":\"$value\""
    done
    send "$text}}"
}

send_dtoken() {
    [ -f "${DATA_DIR}wifi.conf" ] || rm -f "${DATA_DIR}device.token" "${DATA_DIR}device.country" \
        "${DATA_DIR}device.uid" "${DATA_DIR}otd_donot_trust_peer"
    token=$(head -c 16 "${DATA_DIR}device.token" 2>/dev/null)
    if [ ${#token} -ne 16 ]; then
        token=$(string "$1" ntoken)
        save device.token "$token"
    fi
    send "{\"method\":\"_internal.response_dtoken\",\"params\":\"$token\"}"
    send "{\"method\":\"_internal.response_dcountry\",\"params\":\"$(head -n 1 "${DATA_DIR}device.country" 2>/dev/null)\"}"
}

update_dtoken() {
    save device.token "$(string "$1" ntoken)"
    send "{\"method\":\"_internal.token_updated\",\"params\":\"$(cat "${DATA_DIR}device.token")\"}"
}

send_wifi_status() {
    status=0
    [ ! -f "${DATA_DIR}wifi.conf" ] || status=1
    send "{\"method\":\"_internal.res_wifi_conf_status\",\"params\":$status}"
}

send_info() {
    wlan=${MIIO_WLAN:-wlan0}
    ssid=$(sed -n 's/^ssid="\(.*\)"$/\1/p' "${DATA_DIR}wifi.conf" 2>/dev/null | head -n 1)
    bssid=$(wpa_cli -i "$wlan" status 2>/dev/null | sed -n 's/^bssid=//p' | tr a-f A-F)
    ip=$(ip -4 addr show "$wlan" 2>/dev/null | sed -n 's/.*inet \([0-9.]*\).*/\1/p' | head -n 1)
    gw=$(ip route 2>/dev/null | sed -n 's/^default via \([0-9.]*\).*/\1/p' | head -n 1)
    vendor=$(conf vendor | tr a-z A-Z)
    version=$(sed -n "s/^${vendor}_VERSION=//p" "${MIIO_OS_RELEASE:-/etc/os-release}" 2>/dev/null | tr -d "\"'" | tail -n 1)
    text='{"method":"_internal.info","partner_id":"","params":{"hw_ver":"Linux","fw_ver":"'${version:-unknown}'"'
    text="$text,\"ap\":{\"ssid\":\"$ssid\",\"bssid\":\"$bssid\"}"
    send "$text,\"netif\":{\"localIp\":\"$ip\",\"mask\":\"255.255.255.0\",\"gw\":\"$gw\"}}}"
}

save_wifi() {
    passwd=$(string "$1" passwd)
    uid=$(string "$1" uid)
    [ -n "$uid" ] || uid=$(number "$1" uid)
    # a router that renews its password knows no user: the old one stays
    case $uid in '' | 0) uid=$(head -n 1 "${DATA_DIR}device.uid" 2>/dev/null) ;; esac
    country=$(string "$1" country_domain)
    if [ -n "$country" ]; then save device.country "$country
"; else rm -f "${DATA_DIR}device.country"; fi
    [ -z "$uid" ] || save device.uid "$uid
"
    text="ssid=\"$(string "$1" ssid)\"
"
    # 64 hex digits are the key itself, which stands without quotes
    if printf '%s\n' "$passwd" | grep -Eq '^[0-9A-Fa-f]{64}$'; then text="${text}psk=$passwd
key_mgmt=WPA
"; elif [ -n "$passwd" ]; then text="${text}psk=\"$passwd\"
key_mgmt=WPA
"; else text="${text}key_mgmt=NONE
"; fi
    [ -z "$uid" ] || text="${text}uid=$uid
"
    save wifi.conf "$text"
}

wifi_start() {
    save_wifi "$1"
    zone=$(string "$1" tz)
    [ -z "$zone" ] || set_zone "$zone"
    try=1
    while ! "$WIFI_START"; do
        if [ $try -ge "$TRIES" ]; then
            rm -f "${DATA_DIR}wifi.conf" "${DATA_DIR}device.uid" "${DATA_DIR}device.country"
            "$WIFI_START" # now the access point
            send '{"method":"_internal.wifi_ap_mode","params":null}'
            return
        fi
        try=$((try + 1))
        sleep "$PAUSE"
    done
    send '{"method":"_internal.wifi_connected"}'
}

send '{"method":"_internal.helper_ready"}'
while :; do
    text=$(miio_recv_line) || { sleep 1 && continue; }
    case $text in
    *'"_internal.info"'*) send_info ;;
    *'"_internal.request_dinfo"'*) send_dinfo ;;
    *'"_internal.request_dtoken"'*) send_dtoken "$text" ;;
    *'"_internal.req_wifi_conf_status"'*) send_wifi_status ;;
    *'"_internal.update_dtoken"'*) update_dtoken "$text" ;;
    *'"_internal.wifi_start"'*) wifi_start "$text" ;;
    *'"_internal.config_tz"'*) set_zone "$(string "$text" tz)" ;;
    *) log "not known: $(printf %.40s "$text")" ;;
    esac
done
