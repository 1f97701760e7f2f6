#compdef m365_connector_exporter
# The program itself knows its flags and commands. Where it knows of none, a file is meant. Not the script that the program prints:
# as a file for fpath that one does nothing when it is called for the first time.
local -a known=(${(f)"$($words[1] --completion-bash "${(@)words[2,CURRENT]}")"})
compadd -a known || [[ $words[CURRENT] == -* ]] || _files
