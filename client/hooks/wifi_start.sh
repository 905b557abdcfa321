#!/bin/sh
# SPDX-License-Identifier: MIT
# Joins the network of wifi.conf, or opens the access point when there is no such file. Called at system start, before
# miio_client, and whenever the network changes.
#
#   with wifi.conf      exit 0 once connected with an address, anything else: not connected
#   without wifi.conf   the access point <model>_miap<MAC>; the exit status is not looked at
#   wifi_start.sh network   changes nothing: prints the network of wifi.conf for another program, first its name as hex digits,
#                           then the key: a text in quotes, 64 hex digits without, or NONE; in the third line the access point's
#                           name, in the fourth this device's
#
# Uses wpa_supplicant, hostapd, udhcpc, and udhcpd or dnsmasq; adapt it to the platform. Needs a POSIX shell (BusyBox ash,
# dash, bash) and of other programs sed, tr, tail, mkdir, rm, sleep and ip only. MIIO_DRY_RUN=1 prints the commands and
# the files instead (passwords left out).
LC_ALL=C # names are bytes in any encoding
export LC_ALL
DATA_DIR=${MIIO_DATA_DIR:-/etc/miio/}
case $DATA_DIR in */) ;; *) DATA_DIR=$DATA_DIR/ ;; esac
WLAN=${MIIO_WLAN:-wlan0}
RUN_DIR=${MIIO_RUN_DIR:-/var/run/miio-wifi}
AP_ADDRESS=${MIIO_AP_ADDRESS:-192.168.13.1}
JOIN_SECONDS=${MIIO_JOIN_SECONDS:-20}
TAB=$(printf '\t')
MARK=$(printf '\357\273\277') # in front of files of some editors
CR=$(printf '\r')
umask 077

log() { printf 'wifi_start: %s\n' "$*" >&2; }

# conf NAME: the last line of that name in device.conf; of model one that is no file's name
conf() {
    sed -n "1s/^$MARK//;s/^[ $TAB]*$1[ $TAB]*=[ $TAB]*//p" "${DATA_DIR}device.conf" | tr -d '\r' |
        sed -e "s/[ $TAB]*\$//" -e "$([ "$1" != model ] || echo '/\//d;/.\.json$/d')" | tail -n 1
}
model=$(conf model | tr . -)
mac=$(conf mac | tr a-f A-F | tr -d :)
mac=${mac#????????}
ssid_ap=${MIIO_AP_SSID:-${model}_miap${mac:-0000}}
host_name=${MIIO_HOST_NAME:-${model}_miio$(conf did)}

run() {
    if [ -n "${MIIO_DRY_RUN-}" ]; then echo "run: $*"; else "$@"; fi
}
# show FILE TEXT: makes a file again (a link in its place is not followed), in a dry run its text without secrets
show() {
    if [ -n "${MIIO_DRY_RUN-}" ]; then
        echo "file: $1"
        printf '%s\n' "$2" | sed 's/psk=.*/psk=.../'
    else
        mkdir -p "$RUN_DIR" && rm -f "$1" && (set -C && printf '%s\n' "$2" >"$1")
    fi
}
# stop NAME...: ends what an earlier run has started for this interface, and nothing else of that name
stop() {
    for name in "$@"; do
        pid= comm=
        read -r pid 2>/dev/null <"$RUN_DIR/$name.pid"
        case $pid in '' | *[!0-9]*) continue ;; esac
        read -r comm 2>/dev/null <"/proc/$pid/comm"
        [ "$comm" = "$name" ] || [ "$comm" = busybox ] || continue
        run kill "$pid"
        n=0
        while [ -z "${MIIO_DRY_RUN-}" ] && [ $n -lt 5 ] && kill -0 "$pid" 2>/dev/null; do
            n=$((n + 1))
            sleep 1
        done
        run rm -f "$RUN_DIR/$name.pid"
    done
}

# ---- wifi.conf ----

# trim TEXT: blanks and CR around it go; in $T
trim() {
    T=$1
    while :; do
        case $T in
        [" $TAB"]*) T=${T#?} ;;
        *[" $TAB$CR"]) T=${T%?} ;;
        *) return 0 ;;
        esac
    done
}

# unescape TEXT: in $U without its backslashes; a text that nobody has escaped stays as it is
unescape() {
    U=$1 e=$1 out=
    while :; do
        part=${e%%[\\\"]*}
        out=$out$part
        [ "$part" != "$e" ] || break
        e=${e#"$part"}
        case $e in
        '\"'* | '\\'* | '\/'*) ;;
        *) return 0 ;; # a quote alone, or a backslash before a letter: written unchanged
        esac
        e=${e#?}
        out=$out${e%"${e#?}"}
        e=${e#?}
    done
    U=$out
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

# text_of VALUE: in $U, with or without quotes around it; fails when they do not match
text_of() {
    case $1 in
    "'"*"'") shell_text "$1" ;;
    '"'*'"'*) U=${1#?} && unescape "${U%\"*}" ;;
    '"'*) return 1 ;;
    *) U=$1 ;;
    esac
}

# bytes_of TEXT: in $hex as hex digits; $controls says whether control characters are among them
bytes_of() {
    s=$1 hex= controls=
    while [ -n "$s" ]; do
        rest=${s#?}
        byte=$(printf %d "'${s%"$rest"}")
        byte=$((byte & 255))
        [ $byte -ge 32 ] && [ $byte -ne 127 ] || controls=1
        hex=$hex$(printf %02x $byte)
        s=$rest
    done
}

read_wifi_conf() {
    name_value= key_value= open= wep=
    while IFS= read -r line || [ -n "$line" ]; do
        trim "${line#"$MARK"}"
        line=$T
        case $line in
        '#'*) continue ;;
        *=*) ;;
        *) continue ;;
        esac
        trim "${line#*=}"
        value=$T
        trim "${line%%=*}"
        case $T in
        ssid) name_value=$value ;;
        psk) key_value=$value ;;
        key_mgmt) case $value in *NONE*) open=1 ;; *) open= ;; esac ;;
        wep_key*) wep=1 ;;
        esac
    done <"${DATA_DIR}wifi.conf"
}

# The network in the words of wpa_supplicant, in $network. What is not understood is refused: never an open network
# in place of one with a key.
make_network() {
    read_wifi_conf
    text_of "$name_value" || { log "wifi.conf: the name is not understood" && return 1; }
    bytes_of "$U"
    [ -n "$hex" ] && [ ${#hex} -le 64 ] || { log "wifi.conf: ssid must have 1 to 32 bytes" && return 1; }
    name_hex=$hex key=NONE
    network="network={
    ssid=$hex
    scan_ssid=1"
    text_of "$key_value" || { log "wifi.conf: the key is not understood" && return 1; }
    if [ -z "$U" ]; then
        [ -n "$open" ] && [ -z "$wep" ] || { log "wifi.conf: no key, and not key_mgmt=NONE" && return 1; }
        network="$network
    key_mgmt=NONE
}"
        return 0
    fi
    key=$U
    bytes_of "$key"
    if [ ${#hex} -eq 128 ] && case $key in *[!0-9A-Fa-f]*) false ;; esac; then
        : # 64 hex digits are the key itself
    elif [ ${#hex} -ge 16 ] && [ ${#hex} -le 126 ] && [ -z "$controls" ]; then
        key="\"$key\"" # wpa_supplicant takes all up to the last quote, and knows no escapes
    else
        log "wifi.conf: psk must have 8 to 63 bytes, or 64 hex digits"
        return 1
    fi
    network="$network
    psk=$key
}"
}

# ---- joining ----

join() {
    make_network || return 1
    show "$RUN_DIR/wpa_supplicant.conf" "ctrl_interface=/var/run/wpa_supplicant
$network" || return 1
    stop hostapd udhcpd dnsmasq udhcpc wpa_supplicant
    run ip addr flush dev "$WLAN"
    run ip link set "$WLAN" up || return 1
    run wpa_supplicant -B -P "$RUN_DIR/wpa_supplicant.pid" -i "$WLAN" -c "$RUN_DIR/wpa_supplicant.conf" || return 1
    wait_joined || return 1
    # goes to the background with the lease, and renews it
    run udhcpc -i "$WLAN" -n -R -t 5 -p "$RUN_DIR/udhcpc.pid" -x "hostname:$host_name"
}

is_joined() {
    state=
    if command -v wpa_cli >/dev/null; then
        case $(wpa_cli -i "$WLAN" status 2>/dev/null) in *wpa_state=COMPLETED*) return 0 ;; *) return 1 ;; esac
    fi
    read -r state 2>/dev/null <"/sys/class/net/$WLAN/operstate"
    [ "$state" = up ]
}

wait_joined() {
    [ -z "${MIIO_DRY_RUN-}" ] || return 0
    n=0
    while [ $n -lt "$JOIN_SECONDS" ]; do
        is_joined && return 0
        n=$((n + 1))
        sleep 1
    done
    return 1
}

# ---- the access point ----

give_addresses() {
    from=${AP_ADDRESS%.*}.20 to=${AP_ADDRESS%.*}.200
    if ! command -v udhcpd >/dev/null && command -v dnsmasq >/dev/null; then
        run dnsmasq --conf-file=/dev/null --port=0 --interface="$WLAN" --bind-interfaces \
            --dhcp-range="$from,$to,255.255.255.0,1h" --dhcp-option="3,$AP_ADDRESS" \
            --dhcp-leasefile="$RUN_DIR/dnsmasq.leases" --pid-file="$RUN_DIR/dnsmasq.pid"
        return
    fi
    show "$RUN_DIR/udhcpd.conf" "interface $WLAN
start $from
end $to
option subnet 255.255.255.0
option router $AP_ADDRESS
pidfile $RUN_DIR/udhcpd.pid
lease_file $RUN_DIR/udhcpd.leases"
    run udhcpd "$RUN_DIR/udhcpd.conf"
}

access_point() {
    run rm -f "$RUN_DIR/wpa_supplicant.conf" # the last network's key
    show "$RUN_DIR/hostapd.conf" "interface=$WLAN
driver=nl80211
ssid=$ssid_ap
hw_mode=g
channel=6"
    stop wpa_supplicant udhcpc hostapd udhcpd dnsmasq
    run ip addr flush dev "$WLAN"
    run ip addr add "$AP_ADDRESS/24" dev "$WLAN"
    run ip link set "$WLAN" up
    run hostapd -B -P "$RUN_DIR/hostapd.pid" "$RUN_DIR/hostapd.conf"
    give_addresses
}

case ${1-} in
network)
    name_hex= key=NONE
    if [ -f "${DATA_DIR}wifi.conf" ]; then make_network || exit 1; fi
    printf '%s\n%s\n%s\n%s\n' "$name_hex" "$key" "$ssid_ap" "$host_name"
    ;;
*) if [ -f "${DATA_DIR}wifi.conf" ]; then join; else access_point; fi ;;
esac
