# rookery-cli for bash: source <(rookery-cli --completion bash)
_rookery_cli() {
    local line=${COMP_LINE:0:COMP_POINT} IFS=$'\n'
    local -a words
    IFS=$' \t' read -r -a words <<<"$line"
    [[ $line == *[$' \t'] ]] && words+=("")
    local last=${words[-1]}
    mapfile -t COMPREPLY < <("${words[0]}" --complete "${words[@]:1}" 2>/dev/null)
    # Colons end a word for readline: what stands before them stays.
    local colon=${last%"${last##*:}"}
    [[ $COMP_WORDBREAKS == *:* && -n $colon ]] && COMPREPLY=("${COMPREPLY[@]#"$colon"}")
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == /* ]] && compopt -o nospace
    # Names of nodes are put into the line as they are: nothing of them is for the shell.
    local i
    for i in "${!COMPREPLY[@]}"; do printf -v COMPREPLY[i] %q "${COMPREPLY[i]}"; done
    return 0
}
complete -F _rookery_cli rookery-cli
