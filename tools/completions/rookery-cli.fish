# rookery-cli for fish: rookery-cli --completion fish | source
function __rookery_cli
    set -l words (commandline -opc)
    $words[1] --complete $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c rookery-cli -f -a '(__rookery_cli)'
