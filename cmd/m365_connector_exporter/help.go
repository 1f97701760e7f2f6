package main

import (
	"strings"

	"github.com/alecthomas/kingpin/v2"
)

// examples are lines that each command accepts. The help of the command ends with them.
var examples = map[string][]string{
	"serve": {
		"--config.check --config.file=" + packagedConfig,
		"--config.file=config.yaml --web.listen-address=127.0.0.1:10587",
	},
	"validate": {
		"validate contoso",
		"validate 'contoso/outbound/To on-premises' --until=tls",
		"validate --smart-host=mail.contoso.com --tls-domain=mail.contoso.com",
	},
	"audit": {
		"audit --severity=warning",
		"audit --tenant=contoso --output=html >contoso.html",
	},
	"attribute": {
		"attribute --ip=198.51.100.10 --mail-from=contoso.com",
		"attribute --certificate-name=mail.contoso.com --mail-from=contoso.com --rcpt-to=fabrikam.com",
	},
	"rehearse": {
		"rehearse --certificate=new.pem --sender=edge-1",
		"rehearse --dane=Mandatory contoso",
	},
	"fetch": {
		"fetch --check",
		"fetch --output=exports contoso",
	},
	"demo": {
		"demo",
		"demo --web.listen-address=127.0.0.1:10588",
	},
}

const examplesTemplate = `{{with .Context.SelectedCommand}}{{if .HelpLong}}
Examples:
{{.HelpLong}}{{end}}{{end}}`

// addExamples adds the examples to the help of the commands.
func addExamples(app *kingpin.Application) {
	for command, lines := range examples {
		var text strings.Builder
		for _, line := range lines {
			text.WriteString("  " + program + " " + line + "\n")
		}
		app.GetCommand(command).HelpLong(text.String())
	}
	app.UsageTemplate(kingpin.DefaultUsageTemplate + examplesTemplate)
}
