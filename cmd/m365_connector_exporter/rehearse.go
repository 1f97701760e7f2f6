package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
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
	dane, mtaSTS          *string
	targets               *[]string
	output                *string
}

func newRehearseCommand(app *kingpin.Application) rehearseCommand {
	cmd := app.Command("rehearse", "Predict what a change breaks, before you make it. With --certificate: senders that "+
		"present this certificate, and servers with a name in it, whose TLSA records are looked up if the configuration "+
		"names a resolver that validates DNSSEC. With --dane or --mta-sts: mail that Exchange Online would hold if outbound "+
		"connectors had this mode; their paths are probed once, up to TLS. Exit: 0 nothing breaks, 1 something does.")
	return rehearseCommand{
		name: cmd.FullCommand(),
		certificate: cmd.Flag("certificate", "The new certificate: PEM with its chain, DER, PKCS#7 or PKCS#12.").
			PlaceHolder("FILE").String(),
		password: cmd.Flag("password-file", "A file with the password of a PKCS#12 file.").PlaceHolder("FILE").String(),
		senders: cmd.Flag("sender", "A sender's name, or TENANT[/inbound]/CONNECTOR/SENDER; repeatable. "+
			"Default: every sender that presents, or whose connector requires, a name of the same registered domain; "+
			"where there is none, every sender whose connector requires a certificate.").PlaceHolder("NAME").Strings(),
		dane: cmd.Flag("dane", "The SmtpDaneMode of outbound connectors: Mandatory, Opportunistic or None. Needs a resolver "+
			"that validates DNSSEC: on loopback, or named in probe.dnssec.").
			PlaceHolder("MODE").Enum("Mandatory", "Opportunistic", "None"),
		mtaSTS: cmd.Flag("mta-sts", "The MtaStsMode of outbound connectors: Opportunistic or None.").
			PlaceHolder("MODE").Enum("Opportunistic", "None"),
		targets: cmd.Arg("target", "With --dane or --mta-sts: a tenant, a connector or a path, as for validate. Default: "+
			"every outbound path that the daemon probes.").Strings(),
		output: cmd.Flag("output", "Format: text or json.").Default("text").Enum("text", "json"),
	}
}

func (c rehearseCommand) run(ctx context.Context, file string, s streams) int {
	modes := daemon.DeliveryModes{DANE: *c.dane, MTASTS: *c.mtaSTS}
	if err := c.check(modes); err != nil {
		return s.usageError(err)
	}
	if *c.certificate == "" {
		return c.runDelivery(ctx, file, modes, s)
	}
	cfg, err := loadForCommand(ctx, file, s)
	if err != nil {
		return exitUsage
	}
	now := time.Now()
	certificate, problems, err := daemon.ReadClientCertificate(ctx, cfg, *c.certificate, *c.password, now)
	if err != nil {
		return s.usageError(err)
	}
	tlsa, err := daemon.RehearseTLSA(ctx, cfg, *c.certificate, *c.password)
	if err != nil {
		return s.usageError(err)
	}
	renewal, err := daemon.SimulateRenewal(cfg, certificate, *c.senders, now)
	if renewal.Fallback {
		_, _ = fmt.Fprintln(s.err, "no sender shares a name with this certificate: simulating it for every sender whose "+
			"connector requires a certificate; --sender selects senders")
	}
	if err != nil && (len(tlsa) == 0 || len(*c.senders) > 0) {
		return s.usageError(err)
	}
	if err := c.print(s.out, *certificate, problems, renewal.Simulations, tlsa); err != nil {
		return exitFailed
	}
	breaks := slices.ContainsFunc(renewal.Simulations, func(r mailflow.RenewalSimulation) bool {
		return len(r.Problems) > 0
	})
	if breaks || slices.ContainsFunc(tlsa, text.TLSARehearsal.Breaks) {
		return exitFailed
	}
	return exitOK
}

// check returns an error for flags that cannot be combined.
func (c rehearseCommand) check(modes daemon.DeliveryModes) error {
	change := modes != daemon.DeliveryModes{}
	switch {
	case *c.certificate == "" && !change:
		return errors.New("nothing to rehearse: give --certificate, --dane or --mta-sts")
	case *c.certificate != "" && (change || len(*c.targets) > 0):
		return errors.New("--certificate cannot be combined with --dane, --mta-sts or targets; --sender selects senders")
	case *c.certificate == "" && (len(*c.senders) > 0 || *c.password != ""):
		return errors.New("--sender and --password-file need --certificate")
	}
	return nil
}

// runDelivery predicts what Exchange Online does with mail if outbound connectors have other modes.
func (c rehearseCommand) runDelivery(ctx context.Context, file string, modes daemon.DeliveryModes, s streams) int {
	cfg, err := readForCommand(ctx, file, s)
	if err != nil {
		return exitUsage
	}
	items, err := daemon.RehearseDelivery(ctx, cfg, *c.targets, modes, s.hostname(), func(paths int) func() {
		return newProgress(s.err, paths)
	})
	if err != nil {
		return s.usageError(err)
	}
	if *c.output == "json" {
		err = text.ValidationJSON(s.out, items)
	} else {
		err = text.Deliveries(s.out, items, terminal(s.out))
	}
	if err != nil || slices.ContainsFunc(items, func(i text.Item) bool { return text.Held(i.Predictions) }) {
		return exitFailed
	}
	return exitOK
}

func (c rehearseCommand) print(
	out io.Writer, p mailflow.ClientCertificate, problems []string, all []mailflow.RenewalSimulation,
	tlsa []text.TLSARehearsal,
) error {
	if *c.output == "json" {
		return text.RehearsalsJSON(out, p, problems, all, tlsa)
	}
	return text.Rehearsals(out, p, problems, all, tlsa, terminal(out))
}
