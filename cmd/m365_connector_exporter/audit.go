package main

import (
	"context"
	"io"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/daemon"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/text"
)

type auditCommand struct {
	name   string
	failOn *string
	output *string
}

func newAuditCommand(app *kingpin.Application) auditCommand {
	cmd := app.Command("audit", "Print the findings about the configuration, the exports and the certificate files. "+
		"Uses no network. Exit: 0 no finding at or above --fail-on, 1 at least one.")
	return auditCommand{
		name: cmd.FullCommand(),
		failOn: cmd.Flag("fail-on", "The lowest severity that causes exit status 1: info, warning or critical.").
			Default("warning").Enum("info", "warning", "critical"),
		output: cmd.Flag("output", "Format: text or json.").Default("text").Enum("text", "json"),
	}
}

func (c auditCommand) run(ctx context.Context, file string, s streams) int {
	cfg, err := loadForCommand(ctx, file, s)
	if err != nil {
		return exitUsage
	}
	findings := daemon.Audit(cfg, time.Now()).Findings
	if err := c.print(s.out, findings); err != nil {
		return exitFailed
	}
	threshold, _ := check.ParseSeverity(*c.failOn) // the flag allows nothing else
	for _, f := range findings {
		if f.Suppressed == nil && f.Severity >= threshold {
			return exitFailed
		}
	}
	return exitOK
}

func (c auditCommand) print(out io.Writer, findings []check.Finding) error {
	if *c.output == "json" {
		return text.FindingsJSON(out, findings)
	}
	return text.Findings(out, findings, terminal(out))
}
