package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

type rehearseCommand struct {
	name                  string
	certificate, password *string
	senders               *[]string
	output                *string
}

func newRehearseCommand(app *kingpin.Application) rehearseCommand {
	cmd := app.Command("rehearse", "Before a renewal: say what would break if senders presented this certificate. No network is touched. "+
		"Exit: 0 nothing, 1 something.")
	return rehearseCommand{
		name:        cmd.FullCommand(),
		certificate: cmd.Flag("certificate", "The file of the new certificate: PEM with its chain, DER, PKCS#7 or PKCS#12.").Required().String(),
		password:    cmd.Flag("password-file", "The file that holds the password of a PKCS#12 file.").String(),
		senders: cmd.Flag("sender", "A sender's name, or TENANT[/inbound]/CONNECTOR/SENDER; repeatable. "+
			"Default: every sender that presents, or whose connector asks for, a name of the same registered domain; where there is none, every sender whose connector asks for a certificate.").Strings(),
		output: cmd.Flag("output", "Format: text or json.").Default("text").Enum("text", "json"),
	}
}

func (c rehearseCommand) run(ctx context.Context, file string, s streams) int {
	cfg, err := loadForCommand(ctx, file, s)
	if err != nil {
		return exitUsage
	}
	fail := func(err error) int {
		_, _ = fmt.Fprintf(s.err, "%s: %v\n", program, err)
		return exitUsage
	}
	now := time.Now()
	p, problems, err := readPresented(ctx, cfg, *c.certificate, *c.password, now)
	if err != nil {
		return fail(err)
	}
	tenants := evaluate.Evaluate(inventoryOf(cfg), &evaluate.Snapshot{NoNetwork: true}, now).Tenants
	chosen, err := c.choose(tenants, p)
	if err != nil {
		return fail(err)
	}
	all := mailflow.SimulateRenewal(tenants, chosen, p)
	if len(all) == 0 && len(*c.senders) == 0 {
		_, _ = fmt.Fprintln(s.err, "no sender has a name in common with this certificate: every sender whose connector asks for one is rehearsed; --sender names those that are meant")
		all = mailflow.SimulateRenewal(tenants, requiresCertificate, p)
	}
	if len(all) == 0 {
		return fail(errors.New("no sender of a connector that is turned on is asked for a certificate: name one with --sender"))
	}
	if err := c.print(s.out, *p, problems, all); err != nil {
		return exitFailed
	}
	for _, r := range all {
		if len(r.Problems) > 0 {
			return exitFailed
		}
	}
	return exitOK
}

func (c rehearseCommand) print(out io.Writer, p mailflow.ClientCertificate, problems []string, all []mailflow.RenewalSimulation) error {
	if *c.output == "json" {
		return text.RehearsalsJSON(out, p, problems, all)
	}
	return text.Rehearsals(out, p, problems, all, terminal(out))
}

// choose says which senders are meant: by name, by target, or by what their certificates have in common with the new one.
func (c rehearseCommand) choose(tenants []mailflow.Tenant, p *mailflow.ClientCertificate) (mailflow.SenderFilter, error) {
	if len(*c.senders) == 0 {
		return func(_ *mailflow.Tenant, connector *mailflow.InboundConnector, s *mailflow.Sender) bool {
			return mailflow.CertificateRelatesTo(p, connector, s)
		}, nil
	}
	var ids []probes.PathID
	for i := range tenants {
		for k := range tenants[i].Senders {
			ids = append(ids, evaluate.SenderPath(tenants[i].Name, &tenants[i].Senders[k]))
		}
	}
	meant := map[probes.PathID]bool{}
	for _, word := range *c.senders {
		found, err := matchSender(word, ids)
		if err != nil {
			return nil, fmt.Errorf("--sender %q: %w", word, err)
		}
		for _, id := range found {
			meant[id] = true
		}
	}
	return func(t *mailflow.Tenant, _ *mailflow.InboundConnector, s *mailflow.Sender) bool {
		return meant[evaluate.SenderPath(t.Name, s)]
	}, nil
}

func requiresCertificate(_ *mailflow.Tenant, c *mailflow.InboundConnector, _ *mailflow.Sender) bool {
	return c.TLSSenderCertificateName != ""
}

func matchSender(word string, ids []probes.PathID) ([]probes.PathID, error) {
	var named []probes.PathID
	for _, id := range ids {
		if id.Path == word {
			named = append(named, id)
		}
	}
	if len(named) == 1 {
		return named, nil
	}
	if len(named) > 1 {
		return nil, fmt.Errorf("several senders have this name: %s and %s; say which", named[0], named[1])
	}
	found, err := probes.Match(word, ids)
	if err == nil && len(found) == 0 {
		err = errors.New("no such sender")
	}
	return found, err
}
