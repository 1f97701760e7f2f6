# The program itself knows its flags and commands. Where none begins with what is typed, a file is meant.
function __m365_connector_exporter
    m365_connector_exporter --completion-bash (commandline -opc)[2..-1] (commandline -ct) | string match -- (commandline -ct)'*'
end
complete -c m365_connector_exporter -n '__m365_connector_exporter >/dev/null' -f -a '(__m365_connector_exporter)'
