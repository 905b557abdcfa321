#!/bin/sh
# SPDX-License-Identifier: MIT
# What may stand in place of the last word of a command line:
#
#   complete.sh PROGRAM [WORD...] CURRENT
#
# prints candidates that begin with CURRENT, one a line, or @file or @dir where a path is wanted. Options, commands and
# values are read from the programs' own --help, names of methods from the agent, so nothing here goes out of date. The
# files for bash, zsh and fish ask this one.
program=$1
[ $# -ge 2 ] || exit 0
shift
name=${program##*/} sub='' kind='' prev='' cur='' wants='' help=''

# The placeholder of an option, "" when it takes no value: "  -w, --write FILE   text" -> FILE
placeholder() {
    case $1 in
    --kind) echo NAME; return ;;
    -l | --loglevel) echo 0..4; return ;;
    esac
    printf '%s\n' "$help" | awk -v o="$1" '
        { for (i = 1; i <= NF && i <= 4; i++) { w = $i; sub(/,$/, "", w)
            if (w == o) { n = i + 1; if ($n ~ /^--/) n++; break } }
          if (n) { line = $0; v = $n; if (v ~ /^([A-Z][A-Z:=|a-z]*(\[,[A-Z]+\])?|[a-z]+\|[a-z|]+|[0-9]+\.\.[0-9]+)$/ && v !~ /^[A-Z][a-z]/) print v; exit } }'
}

read_help() {
    case $name:$sub in
    miioctl:?*) help=$("$program" help "$sub" 2>/dev/null; echo '  -h, --help') ;;
    miio_sim:cloud) help=$("$program" cloud ${kind:+--kind "$kind"} --help 2>/dev/null) ;;
    miio_sim:?*) help=$("$program" "$sub" --help 2>/dev/null) ;;
    *) help=$("$program" --help 2>/dev/null) ;;
    esac
}

offer() {
    for one; do
        case $one in "$cur"*) printf '%s\n' "$one" ;; esac
    done
}

# Long ones wherever they are mentioned, short ones where they are explained.
options() {
    # shellcheck disable=SC2046
    offer $(printf '%s\n' "$help" | tr -c 'A-Za-z0-9\n-' ' ' | awk '
        { for (i = 1; i <= NF; i++) if ($i ~ /^--[a-z][a-z0-9-]*$/ || (i == 1 && $i ~ /^-[A-Za-z]$/)) print $i }' | sort -u)
}

commands() {
    # shellcheck disable=SC2046
    offer $(printf '%s\n' "$help" | sed -n '/^commands/,$s/^  \([a-z][a-z]*\) .*/\1/p')
}

methods() {
    # shellcheck disable=SC2046
    offer $("$program" ${agent:+--agent "$agent"} list 2>/dev/null |
        awk 'NR > 1 { for (i = 10; i <= NF && $i != "and"; i++) { sub(/\(standby\)$/, "", $i); print $i } }' | sort -u)
}

values() {
    case $prev:$1 in
    --cloud:*)
        case $cur in
        *,*) first=${cur%,*}, && offer "${first}ot" "${first}gizwits" "${first}onenet" "${first}mqtt" ;;
        *) offer ot gizwits onenet mqtt none ;;
        esac
        ;;
    --kind:*) offer ot gizwits onenet mqtt ;;
    *:*[0-9]..[0-9]*)
        i=${1%%..*}
        while [ "$i" -le "${1##*..}" ] && [ "$i" -lt 10 ]; do
            offer "$i"
            i=$((i + 1))
        done
        ;;
    *:DIR) echo @dir ;;
    *:FILE | *:PATH* | *:PROG | *:DEV) echo @file ;;
    *:*\|*)
        # shellcheck disable=SC2046
        offer $(printf '%s' "$1" | tr '|' '\n' | grep -E '^[a-z]+$')
        ;;
    esac
}

read_help
agent=''
while [ $# -gt 1 ]; do
    if [ -n "$wants" ]; then
        case $prev in
        --kind) kind=$1; read_help ;;
        -a | --agent) agent=$1 ;;
        esac
        wants='' prev=''
    else
        prev=$1
        case $1 in
        -*) wants=$(placeholder "$1") ;;
        *)
            case $name in
            miioctl | miio_sim) [ -n "$sub" ] || { sub=$1; read_help; } ;;
            esac
            ;;
        esac
    fi
    shift
done
cur=$1
if [ -n "$wants" ]; then
    values "$wants"
    exit 0
fi
case $cur in
-*) options; exit 0 ;;
esac
case $name:$sub in
miioctl: | miio_sim:) commands ;;
miioctl:help) sub=''; read_help; commands ;;
miioctl:call | miioctl:listen | miioctl:monitor | miioctl:wait) methods ;;
miioctl:replay) echo @file ;;
esac
