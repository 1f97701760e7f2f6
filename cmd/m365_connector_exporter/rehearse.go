package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/daemon"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes/mailflow"
)

type rehearseCommand struct {
	name                  string
	certificate, password *string
	senders               *[]string
	output                *string
}

func newRehearseCommand(app *kingpin.Application) rehearseCommand {
	cmd := app.Command("rehearse", "Before a renewal: predict what breaks if senders present this certificate. "+
		"Uses no network. Exit: 0 nothing breaks, 1 something does.")
	return rehearseCommand{
		name: cmd.FullCommand(),
		certificate: cmd.Flag("certificate", "The new certificate: PEM with its chain, DER, PKCS#7 or PKCS#12.").
			Required().String(),
		password: cmd.Flag("password-file", "The password of a PKCS#12 file.").String(),
		senders: cmd.Flag("sender", "A sender's name, or TENANT[/inbound]/CONNECTOR/SENDER; repeatable. "+
			"Default: every sender that presents, or whose connector requires, a name of the same registered domain; "+
			"where there is none, every sender whose connector requires a certificate.").Strings(),
		output: cmd.Flag("output", "Format: text or json.").Default("text").Enum("text", "json"),
	}
}

func (c rehearseCommand) run(ctx context.Context, file string, s streams) int {
	cfg, err := loadForCommand(ctx, file, s)
	if err != nil {
		return exitUsage
	}
	now := time.Now()
	certificate, problems, err := daemon.ReadClientCertificate(ctx, cfg, *c.certificate, *c.password, now)
	if err != nil {
		return s.usageError(err)
	}
	renewal, err := daemon.SimulateRenewal(cfg, certificate, *c.senders, now)
	if renewal.Fallback {
		_, _ = fmt.Fprintln(s.err, "no sender has a name in common with this certificate: simulating it for every sender "+
			"whose connector requires a certificate; --sender selects senders")
	}
	if err != nil {
		return s.usageError(err)
	}
	if err := c.print(s.out, *certificate, problems, renewal.Simulations); err != nil {
		return exitFailed
	}
	for _, r := range renewal.Simulations {
		if len(r.Problems) > 0 {
			return exitFailed
		}
	}
	return exitOK
}

func (c rehearseCommand) print(
	out io.Writer, p mailflow.ClientCertificate, problems []string, all []mailflow.RenewalSimulation,
) error {
	if *c.output == "json" {
		return text.RehearsalsJSON(out, p, problems, all)
	}
	return text.Rehearsals(out, p, problems, all, terminal(out))
}
