# fish completion for the miio programs; installed once under each of their names
set -g __miio_complete (dirname (status filename))/complete.sh
test -f $__miio_complete; or set -g __miio_complete (dirname (status filename))/../../miio/complete.sh

function __miio_candidates
    set -l words (commandline -opc)
    set -l cur (commandline -ct)
    for line in (sh $__miio_complete $words "$cur")
        switch $line
            case @file
                __fish_complete_path "$cur"
            case @dir
                __fish_complete_directories "$cur"
            case '*'
                echo $line
        end
    end
end

for program in miio_agent miio_client miio_mcu miio_ota miio_web miioctl miio_sim miio_gen
    complete -c $program -f -a '(__miio_candidates)'
end
