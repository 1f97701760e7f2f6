# Types a line and the tab key into an interactive zsh, as a person does, and prints what then stands on the line:
# zsh complete.zsh FOLDER LINE, where FOLDER holds completion functions.
zmodload zsh/zpty
typeset seen result=$(mktemp)
zpty shell 'zsh -f -i'
zpty -w shell "fpath=(${(q)1} \$fpath); autoload -Uz compinit; compinit -u -D; show() { print -r -- \$BUFFER >${(q)result}; exit }"
zpty -w shell "zle -N show; bindkey '^X' show; bindkey '^I' complete-word; PROMPT='rea''dy'"
zpty -r shell seen '*ready'
zpty -w -n shell "$2"$'\t\x18'
while zpty -r shell seen; do :; done
print -r -- "$(<$result)"
rm -f $result
