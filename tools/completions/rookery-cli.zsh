#compdef rookery-cli
# rookery-cli for zsh: source <(rookery-cli --completion zsh)
_rookery_cli() {
    local -a found
    found=("${(@f)$("${words[1]}" --complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    found=("${(@)found:#}")
    (( ${#found} )) || return 1
    if [[ $found[1] == /* ]]; then
        compadd -S '' -a found
    else
        compadd -a found
    fi
}
if [[ $funcstack[1] == _rookery_cli ]]; then
    _rookery_cli "$@"
else
    compdef _rookery_cli rookery-cli
fi
