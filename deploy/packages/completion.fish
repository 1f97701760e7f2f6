# The program itself knows its flags and commands.
complete -c m365_connector_exporter -f -a '(m365_connector_exporter --completion-bash (commandline -opc)[2..-1] (commandline -ct))'
