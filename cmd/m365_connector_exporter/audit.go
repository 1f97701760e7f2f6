package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/daemon"
	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/collector/web"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/spelling"
)

type auditCommand struct {
	name     string
	failOn   *string
	tenant   *string
	severity *string
	output   *string

	firewall, endpoints *string
}

func newAuditCommand(app *kingpin.Application) auditCommand {
	cmd := app.Command("audit", "Print the findings about the configuration, the exports and the certificate files, "+
		"grouped by check. Uses no network. Exit: 0 no finding at or above --fail-on, 1 at least one.")
	return auditCommand{
		name: cmd.FullCommand(),
		failOn: cmd.Flag("fail-on", "The lowest severity that causes exit status 1: info, warning or critical.").
			Default("warning").Enum("info", "warning", "critical"),
		tenant: cmd.Flag("tenant", "Only the tenants whose names match this pattern, such as contoso or 'customer-*'. "+
			"If it is one tenant, the findings name no other tenant.").PlaceHolder("GLOB").String(),
		severity: cmd.Flag("severity", "The lowest severity to print: info, warning or critical.").
			Default("info").Enum("info", "warning", "critical"),
		output: cmd.Flag("output", "Format: text, json, csv, or html, which is one file to print or to hand over.").
			Default("text").Enum("text", "json", "csv", "html"),
		firewall: cmd.Flag("firewall", "Also compare this list of the addresses that a firewall admits to port 25 with "+
			"those of Exchange Online. Each line has one or more addresses, networks or ranges. Default: firewall.file in "+
			"the configuration.").PlaceHolder("FILE").String(),
		endpoints: cmd.Flag("endpoints", "The published addresses, as https://endpoints.office.com/endpoints/worldwide "+
			"returns them. Default: those of firewall.endpoints in the configuration, as last fetched by the daemon, or those "+
			"of July 2022.").PlaceHolder("FILE").String(),
	}
}

func (c auditCommand) run(ctx context.Context, file string, s streams) int {
	cfg, err := loadForCommand(ctx, file, s)
	if err != nil {
		return exitUsage
	}
	firewall, err := daemon.ReadFirewall(ctx, cfg, *c.firewall, *c.endpoints, s.err)
	if err != nil {
		return s.usageError(err)
	}
	now := time.Now()
	audited := daemon.Audit(cfg, firewall, now)
	report := web.Document{
		Snapshot: &collector.Snapshot{Tenants: cfg.Tenants, Report: audited}, Findings: audited.Findings,
		Now: now.UTC(), Version: version.Version,
	}
	if *c.tenant != "" {
		if err := selectTenants(&report, *c.tenant); err != nil {
			return s.usageError(err)
		}
	}
	report.Least, _ = check.ParseSeverity(*c.severity) // the flag allows nothing else
	if err := c.print(s.out, report); err != nil {
		return exitFailed
	}
	threshold, _ := check.ParseSeverity(*c.failOn)
	for _, f := range report.Findings {
		if f.Suppressed == nil && f.Severity >= threshold {
			return exitFailed
		}
	}
	return exitOK
}

// selectTenants restricts a report to the exporter itself and the tenants that a pattern matches. If one tenant
// matches, the findings name no other.
func selectTenants(report *web.Document, pattern string) error {
	var matched []mailflow.Tenant
	var all []string
	for _, t := range report.Snapshot.Tenants {
		all = append(all, t.Name)
		if check.Glob(pattern, t.Name) {
			matched = append(matched, t)
		}
	}
	if len(matched) == 0 {
		if near := spelling.Nearest(pattern, all); near != "" {
			return fmt.Errorf("--tenant: no tenant matches %q; did you mean %s?", pattern, near)
		}
		return fmt.Errorf("--tenant: no tenant matches %q; known tenants: %s", pattern, text.List(all, 10))
	}
	report.Snapshot.Tenants = matched
	report.Findings = slices.DeleteFunc(report.Findings, func(f check.Finding) bool {
		return f.Tenant != "" && !check.Glob(pattern, f.Tenant)
	})
	if len(matched) == 1 {
		report.Tenant = matched[0].Name
		for i, f := range report.Findings {
			report.Findings[i] = f.OneTenant()
		}
	}
	return nil
}

func (c auditCommand) print(out io.Writer, report web.Document) error {
	switch *c.output {
	case "json":
		return text.FindingsJSON(out, slices.DeleteFunc(slices.Clone(report.Findings), func(f check.Finding) bool {
			return f.Severity < report.Least
		}))
	case "csv":
		return text.FindingsCSV(out, report.Findings, report.Least)
	case "html":
		return web.WriteReport(out, report)
	}
	return text.Findings(out, report.Findings, report.Least, terminal(out))
}
