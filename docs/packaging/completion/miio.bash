# bash completion for the miio programs; installed once under each of their names
_miio() {
    local cur=${COMP_WORDS[COMP_CWORD]} line
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
        @file) mapfile -t COMPREPLY < <(compgen -f -- "$cur") && compopt -o filenames 2>/dev/null ;;
        @dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur") && compopt -o filenames 2>/dev/null ;;
        *) COMPREPLY+=("$line") ;;
        esac
    done < <(sh "$_miio_complete" "${COMP_WORDS[@]:0:COMP_CWORD}" "$cur")
}
_miio_complete=${BASH_SOURCE[0]%/*}/complete.sh
[ -f "$_miio_complete" ] || _miio_complete=${BASH_SOURCE[0]%/*}/../../miio/complete.sh
complete -F _miio miio_agent miio_client miio_mcu miio_ota miio_web miioctl miio_sim miio_gen
