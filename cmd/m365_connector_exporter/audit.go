package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/collector/text"
)

type auditCommand struct {
	name   string
	failOn *string
	output *string
}

func newAuditCommand(app *kingpin.Application) auditCommand {
	cmd := app.Command("audit", "Print what is wrong with the configuration, the exports and the certificate files. No network is touched. "+
		"Exit: 0 nothing at or above --fail-on, 1 something.")
	return auditCommand{
		name:   cmd.FullCommand(),
		failOn: cmd.Flag("fail-on", "The lowest severity to exit 1 for: info, warning or critical.").Default("warning").Enum("info", "warning", "critical"),
		output: cmd.Flag("output", "Format: text or json.").Default("text").Enum("text", "json"),
	}
}

func (c auditCommand) run(ctx context.Context, file string, s streams) int {
	cfg, err := config.Load(ctx, file)
	if err != nil {
		_, _ = fmt.Fprintln(s.err, err)
		return exitUsage
	}
	for _, problem := range cfg.Problems() {
		_, _ = fmt.Fprintln(s.err, "not loaded:", problem)
	}
	findings := audit(cfg, time.Now())
	if err := c.print(s.out, findings); err != nil {
		return exitFailed
	}
	threshold, _ := check.ParseSeverity(*c.failOn) // one of the words that the flag allows
	for _, f := range findings {
		if f.Suppressed == nil && f.Severity >= threshold {
			return exitFailed
		}
	}
	return exitOK
}

// audit evaluates what needs no network.
func audit(cfg *config.Config, now time.Time) []check.Finding {
	snapshot := &evaluate.Snapshot{NoNetwork: true}
	for _, p := range plan(cfg, "") {
		snapshot.Paths = append(snapshot.Paths, check.Path{Path: &p})
	}
	return evaluate.Evaluate(inventoryOf(cfg), snapshot, now).Findings
}

func (c auditCommand) print(out io.Writer, findings []check.Finding) error {
	if *c.output == "json" {
		return text.FindingsJSON(out, findings)
	}
	return text.Findings(out, findings, terminal(out))
}
