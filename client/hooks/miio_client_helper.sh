#!/bin/sh
# SPDX-License-Identifier: MIT
# The platform's side of miio_client, for BusyBox sh and any other POSIX shell. Two ways to use it:
#
#   miio_client_helper.sh zone TZ | restore | reboot | identity
#       a hook of the builtin helper: run by miio_client, the exit status tells how it went
#   miio_client_helper.sh
#       the external helper: runs in the background beside "miio_client --helper=external" and speaks _internal.*
#
# Adapt the settings here, or give them in the environment.
LC_ALL=C # names are bytes in any encoding
export LC_ALL
DATA_DIR=${MIIO_DATA_DIR:-/etc/miio/}
case $DATA_DIR in */) ;; *) DATA_DIR=$DATA_DIR/ ;; esac
WIFI_START=${MIIO_WIFI_START:-${DATA_DIR}wifi_start.sh}
# /etc/localtime (glibc) or /etc/TZ (uclibc) is a link to this one, at a writable place
YOUR_LINK_TIMEZONE_FILE=${MIIO_ZONE_LINK:-/mnt/TZ}
YOUR_TIMEZONE_DIR=${MIIO_ZONE_DIR:-/usr/share/zoneinfo}
REBOOT=${MIIO_REBOOT:-reboot}
TRIES=${MIIO_JOIN_TRIES:-5}
PAUSE=${MIIO_JOIN_PAUSE:-3}
TAB=$(printf '\t')
MARK=$(printf '\357\273\277') # in front of files of some editors
NL='
'
umask 077

log() { printf 'miio_client_helper: %s\n' "$*" >&2; }

# ---- verbs ----

set_zone() {
    case $1 in
    '' | /* | *..* | *[!A-Za-z0-9_+/-]*) log "not a zone: $1" && return 1 ;;
    esac
    [ -f "$YOUR_TIMEZONE_DIR/$1" ] || { log "no zone $1" && return 1; }
    [ ! -e "$YOUR_LINK_TIMEZONE_FILE" ] || [ -L "$YOUR_LINK_TIMEZONE_FILE" ] ||
        { log "$YOUR_LINK_TIMEZONE_FILE is no link" && return 1; }
    rm -f "$YOUR_LINK_TIMEZONE_FILE.new" # of one that was cut off
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

# ---- external helper: files ----

[ -x "$WIFI_START" ] || { log "$WIFI_START is missing" && exit 1; }

# save NAME TEXT: the file is replaced in one step, and is on the disk then; a link in its place is not followed
save() {
    rm -f "$DATA_DIR$1.new"
    (set -C && printf '%s' "$2" >"$DATA_DIR$1.new") && sync && mv -f "$DATA_DIR$1.new" "$DATA_DIR$1" && sync && return 0
    log "$DATA_DIR$1 cannot be written"
    rm -f "$DATA_DIR$1.new"
    return 1
}
# remove NAME...: and what is left of writers that were cut off
remove() {
    for file in "$@"; do rm -f "$DATA_DIR$file" "$DATA_DIR$file.new"; done
    sync
}
for file in wifi.conf device.token device.uid device.country; do rm -f "$DATA_DIR$file.new"; done

# conf NAME: the last line of that name in device.conf; of model one that is no file's name
conf() {
    sed -n "1s/^$MARK//;s/^[ $TAB]*$1[ $TAB]*=[ $TAB]*//p" "${DATA_DIR}device.conf" | tr -d '\r' |
        sed -e "s/[ $TAB]*\$//" -e "$([ "$1" != model ] || echo '/\//d;/.\.json$/d')" | tail -n 1
}
# word_of NAME: the first word of a small file
word_of() { tr -d '\000\r' 2>/dev/null <"$DATA_DIR$1" | sed -n "1s/^$MARK//;1s/^[ $TAB]*\\([^ $TAB]*\\).*\$/\\1/p"; }

# ---- JSON ----

# utf8 NUMBER: the character of that number below 65536
utf8() {
    if [ "$1" -lt 128 ]; then printf "\\$(printf %03o "$1")"
    elif [ "$1" -lt 2048 ]; then printf "\\$(printf %03o $((192 + $1 / 64)))\\$(printf %03o $((128 + $1 % 64)))"
    else
        printf "\\$(printf %03o $((224 + $1 / 4096)))\\$(printf %03o $((128 + $1 / 64 % 64)))"
        printf "\\$(printf %03o $((128 + $1 % 64)))"
    fi
}

# plain TEXT: a JSON string's content without its escapes, in $P
plain() {
    P= e=$1
    while :; do
        part=${e%%\\*}
        P=$P$part
        [ "$part" != "$e" ] || return 0
        e=${e#"$part"?}
        c=${e%"${e#?}"}
        e=${e#?}
        case $c in
        n) c=$NL ;;
        t) c=$TAB ;;
        r) c=$(printf '\r') ;;
        b) c=$(printf '\b') ;;
        f) c=$(printf '\f') ;;
        u)
            c=$(utf8 $((0x${e%"${e#????}"})))
            e=${e#????}
            ;;
        esac
        P=$P$c
    done
}

# string TEXT MEMBER: that member in $P, empty when it is not there; number TEXT MEMBER prints digits
string() { plain "$(printf '%s\n' "$1" | sed -n -E 's/^.*[{,]"'"$2"'":"(([^"\\]|\\.)*)".*$/\1/p')"; }
number() { printf '%s\n' "$1" | sed -n -E 's/^.*[{,]"'"$2"'":([0-9]+).*$/\1/p'; }

# escaped TEXT: a backslash before each quote and backslash, in $E: the form of wifi.conf and of JSON
escaped() {
    E= e=$1
    while :; do
        part=${e%%[\\\"]*}
        E=$E$part
        [ "$part" != "$e" ] || return 0
        e=${e#"$part"}
        c=${e%"${e#?}"}
        E=$E\\$c
        e=${e#?}
    done
}

# unescape TEXT: of wifi.conf, in $U without its backslashes; a text that nobody has escaped stays as it is
unescape() {
    U=$1 e=$1 out=
    while :; do
        part=${e%%[\\\"]*}
        out=$out$part
        [ "$part" != "$e" ] || break
        e=${e#"$part"}
        case $e in
        '\"'* | '\\'* | '\/'*) ;;
        *) return 0 ;;
        esac
        e=${e#?}
        out=$out${e%"${e#?}"}
        e=${e#?}
    done
    U=$out
}

# quoted TEXT: a JSON string with its quotes in $Q; what is not UTF-8 becomes U+FFFD, a control character \u00XX
quoted() {
    escaped "$1"
    e=$E Q=\" left=0 held=
    while [ -n "$e" ]; do
        c=${e%"${e#?}"}
        e=${e#?}
        n=$(($(printf %d "'$c") & 255))
        if [ $left -gt 0 ] && [ $n -ge $low ] && [ $n -le $high ]; then
            held=$held$c left=$((left - 1)) low=128 high=191
            [ $left -gt 0 ] || { Q=$Q$held held=; }
            continue
        fi
        [ -z "$held" ] || Q=$Q'\ufffd'
        held= left=0 low=128 high=191
        if [ $n -lt 32 ] || [ $n -eq 127 ]; then Q=$Q$(printf '\\u%04x' $n)
        elif [ $n -lt 128 ]; then Q=$Q$c
        elif [ $n -ge 194 ] && [ $n -le 244 ]; then
            held=$c left=$((n < 224 ? 1 : n < 240 ? 2 : 3))
            case $n in 224) low=160 ;; 237) high=159 ;; 240) low=144 ;; 244) high=143 ;; esac
        else Q=$Q'\ufffd'
        fi
    done
    [ -z "$held" ] || Q=$Q'\ufffd'
    Q=$Q\"
}

send() { miio_send_line "$1" || log "the client is not there"; }

# ---- external helper: answers ----

send_dinfo() {
    did=$(conf did)
    case $did in '' | *[!0-9]*) did=0 ;; esac
    text='{"method":"_internal.response_dinfo","params":{"did":'$did
    for name in key vendor mac model; do
        value=$(conf $name)
        [ -n "$value" ] || continue
        quoted "$value"
        text="$text,\"$name\":$Q"
    done
    send "$text}}"
}

# provisioned: a link to a file that is not there now counts as one
provisioned() { [ -e "${DATA_DIR}wifi.conf" ] || [ -L "${DATA_DIR}wifi.conf" ]; }

# read_token: in $token what device.token holds; fails when it is there and cannot be read
read_token() {
    token=
    [ -e "${DATA_DIR}device.token" ] || [ -L "${DATA_DIR}device.token" ] || return 0
    token=$(tr -d '\000\r\n' 2>/dev/null <"${DATA_DIR}device.token") || return 1
    token=${token#"$MARK"}
    [ ${#token} -eq 16 ] || token=$(printf '%s' "$token" | sed "s/[ $TAB]*\$//")
}

unsaved=
# The token in $token: of device.token, 16 characters or 32 hex digits; or the one that the client offers
settle_token() {
    provisioned || remove device.token device.country device.uid otd_donot_trust_peer
    if read_token; then why='neither 16 printable characters nor 32 hex digits'
    else why='cannot be read' token=-
    fi
    case ${#token}:$token in
    16:*[!\ -~]* | 32:*[!0-9A-Fa-f]*) ;;
    16:* | 32:*) unsaved= && return ;;
    esac
    string "$1" ntoken
    if [ -n "$token" ]; then
        log "${DATA_DIR}device.token: $why: kept as it is"
    elif save device.token "$P"; then unsaved=
    else unsaved=$P # the disk takes nothing now: it is stored with the network
    fi
    token=$P
}

send_dtoken() {
    settle_token "$1"
    quoted "$token"
    send "{\"method\":\"_internal.response_dtoken\",\"params\":$Q}"
    send_country
}

send_country() {
    quoted "$(word_of device.country)"
    send "{\"method\":\"_internal.response_dcountry\",\"params\":$Q}"
}

send_ot_config() {
    settle_token "$1"
    quoted "$token"
    text="{\"method\":\"_internal.res_ot_config\",\"params\":{\"token\":$Q"
    quoted "$(word_of device.country)"
    send "$text,\"country\":$Q}}"
}

update_dtoken() {
    string "$1" ntoken
    if save device.token "$P"; then unsaved=; else unsaved=$P; fi
    quoted "$P"
    send "{\"method\":\"_internal.token_updated\",\"params\":$Q}"
}

send_wifi_status() {
    status=0
    ! provisioned || status=1
    send "{\"method\":\"_internal.res_wifi_conf_status\",\"params\":$status}"
}

# mask LENGTH: 24 is 255.255.255.0
mask() {
    left=$1 text=
    for dot in '' . . .; do
        bits=$((left < 0 ? 0 : left > 8 ? 8 : left))
        text=$text$dot$((256 - (1 << (8 - bits))))
        left=$((left - 8))
    done
    printf %s "$text"
}

# shell_text 'TEXT': in $U; each quote of the text is written as '\''
shell_text() {
    e=${1#?} U=
    e=${e%?}
    while :; do
        part=${e%%"'\\''"*}
        U=$U$part
        [ "$part" != "$e" ] || return 0
        U=$U"'"
        e=${e#"$part'\\''"}
    done
}

# network_name: that of wifi.conf in $U, with or without quotes there
network_name() {
    U=$(sed -n "1s/^$MARK//;s/^[ $TAB]*ssid[ $TAB]*=[ $TAB]*//p" "${DATA_DIR}wifi.conf" 2>/dev/null | tr -d '\r' |
        sed "s/[ $TAB]*\$//" | tail -n 1)
    case $U in
    '"'*'"'*) U=${U#?} && unescape "${U%\"*}" ;;
    "'"*"'") shell_text "$U" ;;
    esac
}

send_info() {
    wlan=${MIIO_WLAN:-wlan0}
    network_name
    quoted "$U"
    ssid=$Q
    bssid=$(wpa_cli -i "$wlan" status 2>/dev/null | sed -n 's/^bssid=//p' | tr a-f A-F)
    address=$(ip -4 addr show "$wlan" 2>/dev/null | sed -n 's/.*inet \([0-9.]*\/[0-9]*\).*/\1/p' | head -n 1)
    gw=$(ip route 2>/dev/null | sed -n 's/^default via \([0-9.]*\).*/\1/p' | head -n 1)
    vendor=$(conf vendor | tr a-z A-Z)
    version=$(sed -n "s/^${vendor}_VERSION=//p" "${MIIO_OS_RELEASE:-/etc/os-release}" 2>/dev/null | tr -d "\"'\r" | tail -n 1)
    quoted "${version:-unknown}"
    text="{\"method\":\"_internal.info\",\"partner_id\":\"\",\"params\":{\"hw_ver\":\"Linux\",\"fw_ver\":$Q"
    text="$text,\"ap\":{\"ssid\":$ssid,\"bssid\":\"$bssid\"},\"netif\":{\"localIp\":\"${address%/*}\""
    send "$text,\"mask\":\"$([ -z "$address" ] || mask "${address#*/}")\",\"gw\":\"$gw\"}}}"
}

# ---- external helper: joining ----

# A router that renews its password knows neither user nor country: those of before stay.
save_owner() {
    old=$(word_of device.uid)
    string "$1" uid
    uid=${P:-$(number "$1" uid)}
    case $uid in '' | 0 | *[!0-9]*) uid=$old ;; esac
    string "$1" country_domain
    if [ -n "$P" ]; then save device.country "$P$NL"
    elif ! provisioned || [ "$uid" != "$old" ]; then remove device.country
    fi
    [ -z "$uid" ] || save device.uid "$uid$NL"
}

# The client may have written it already, with a mark that it is not joined yet.
save_wifi() {
    save_owner "$1"
    string "$1" ssid
    escaped "$P"
    text="ssid=\"$E\"$NL"
    string "$1" passwd
    escaped "$P"
    case ${#P}:$P in
    0:) text="${text}key_mgmt=NONE$NL" ;;
    64:*[!0-9A-Fa-f]*) text="${text}psk=\"$E\"${NL}key_mgmt=WPA$NL" ;;
    64:*) text="${text}psk=$P${NL}key_mgmt=WPA$NL" ;; # the key itself is written without quotes
    *) text="${text}psk=\"$E\"${NL}key_mgmt=WPA$NL" ;;
    esac
    [ -z "$uid" ] || text="${text}uid=$uid$NL"
    [ "$(sed '/^# not joined yet/d' "${DATA_DIR}wifi.conf" 2>/dev/null)$NL" = "$text" ] || save wifi.conf "$text"
}

wifi_start() {
    [ -z "$unsaved" ] || { save device.token "$unsaved" && unsaved=; }
    save_wifi "$1"
    string "$1" tz
    [ -z "$P" ] || set_zone "$P"
    try=1
    while ! "$WIFI_START"; do
        if [ $try -ge "$TRIES" ]; then
            remove wifi.conf device.uid device.country
            "$WIFI_START" # now the access point
            send '{"method":"_internal.wifi_ap_mode","params":null}'
            return
        fi
        try=$((try + 1))
        sleep "$PAUSE"
    done
    send '{"method":"_internal.wifi_connected"}'
}

# ---- external helper: the loop ----

send '{"method":"_internal.helper_ready"}'
while :; do
    text=$(miio_recv_line) || { sleep 1 && continue; }
    string "$text" method
    case $P in
    _internal.info) send_info ;;
    _internal.request_dinfo) send_dinfo ;;
    _internal.request_dtoken) send_dtoken "$text" ;;
    _internal.request_ot_config) send_ot_config "$text" ;;
    _internal.request_dcountry) send_country ;;
    _internal.req_wifi_conf_status) send_wifi_status ;;
    _internal.update_dtoken) update_dtoken "$text" ;;
    _internal.wifi_start) wifi_start "$text" ;;
    _internal.config_tz) string "$text" tz && set_zone "$P" ;;
    *) log "not known: $P" ;;
    esac
done
