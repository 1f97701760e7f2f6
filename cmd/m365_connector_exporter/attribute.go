package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/cmd/m365_connector_exporter/internal/daemon"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes/mailflow"
)

type attributeCommand struct {
	name                     string
	ip, mailFrom, rcptTo     *string
	names                    *[]string
	certificate, password    *string
	output                   *string
	mailFromGiven, rcptGiven bool
}

func newAttributeCommand(app *kingpin.Application) *attributeCommand {
	cmd := app.Command("attribute", "Predict to which tenant and connector Exchange Online attributes a message, "+
		"step by step, and whether it relays it. Only the configured tenants are known. Uses no network. "+
		"Exit: 0 one tenant, 1 none, 3 ambiguous.")
	c := &attributeCommand{
		name: cmd.FullCommand(),
		ip:   cmd.Flag("ip", "The address that connects to Exchange Online.").PlaceHolder("ADDRESS").String(),
		names: cmd.Flag("certificate-name", "A name of the client certificate, the CN first; repeatable. "+
			"The certificate is assumed to be valid.").PlaceHolder("NAME").Strings(),
		certificate: cmd.Flag("certificate-file", "The client certificate: PEM, DER, PKCS#7 or PKCS#12.").
			PlaceHolder("FILE").String(),
		password: cmd.Flag("password-file", "A file with the password of a PKCS#12 file.").PlaceHolder("FILE").String(),
		output:   cmd.Flag("output", "Format: text or json.").Default("text").Enum("text", "json"),
	}
	c.mailFrom = cmd.Flag("mail-from", "MAIL FROM: an address, a domain or <>. Default: the null sender.").
		PlaceHolder("ADDRESS").IsSetByUser(&c.mailFromGiven).String()
	c.rcptTo = cmd.Flag("rcpt-to", "RCPT TO: an address or a domain. Default: a recipient outside every tenant.").
		PlaceHolder("ADDRESS").IsSetByUser(&c.rcptGiven).String()
	return c
}

func (c *attributeCommand) run(ctx context.Context, file string, s streams) int {
	cfg, err := loadForCommand(ctx, file, s)
	if err != nil {
		return exitUsage
	}
	message, err := c.message(ctx, cfg, time.Now())
	if err != nil {
		return s.usageError(err)
	}
	a := mailflow.Attribute(cfg.Tenants, message)
	if err := c.print(s.out, a); err != nil {
		return exitFailed
	}
	switch len(a.Tenants) {
	case 0:
		return exitFailed
	case 1:
		return exitOK
	default:
		return exitInconclusive
	}
}

func (c *attributeCommand) print(out io.Writer, a mailflow.Attribution) error {
	if *c.output == "json" {
		return text.AttributionJSON(out, a)
	}
	return text.Attribution(out, a, terminal(out))
}

// message returns the message that the flags describe.
func (c *attributeCommand) message(
	ctx context.Context, cfg *config.Config, now time.Time,
) (m mailflow.InboundMessage, err error) {
	if *c.password != "" && *c.certificate == "" {
		return m, errors.New("--password-file needs --certificate-file")
	}
	if *c.ip == "" && len(*c.names) == 0 && *c.certificate == "" && !c.mailFromGiven && !c.rcptGiven {
		return m, errors.New("nothing to attribute: give at least one of --ip, --certificate-name, --certificate-file, " +
			"--mail-from and --rcpt-to")
	}
	if *c.certificate != "" && len(*c.names) > 0 {
		return m, errors.New("--certificate-name and --certificate-file cannot be combined")
	}
	described := mailflow.MessageText{IP: *c.ip, CertificateNames: *c.names, MailFrom: *c.mailFrom, RcptTo: *c.rcptTo}
	if m, err = described.Parse(); err != nil {
		return m, fmt.Errorf("--%w", err)
	}
	if *c.certificate != "" {
		m.Certificate, _, err = daemon.ReadClientCertificate(ctx, cfg, *c.certificate, *c.password, now)
	}
	return m, err
}
