package smtpprobe

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"strings"
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
	"m365_connector_exporter/probes/mailflow"
)

// foreignCAs are self-signed authorities that have nothing to do with any leaf.
func foreignCAs(t *testing.T, n int) (all []*certtest.Issued) {
	t.Helper()
	for i := range n {
		all = append(all, certtest.Issue(t, nil, x509.Certificate{
			Subject: pkix.Name{CommonName: fmt.Sprintf("Foreign CA %d", i)}, IsCA: true,
		}))
	}
	return all
}

// Whatever a server sends is evaluated as a whole. A limit that is reached proves nothing.
func TestLongChains(t *testing.T) {
	ca := certtest.New(t)
	leaf := ca.Leaf(t, "mail.test")
	foreign := foreignCAs(t, 100)
	chain := func(more ...*certtest.Issued) script { return healthy(certtest.ServerConfig(leaf, more...)) }
	for _, tt := range []struct {
		name     string
		server   script
		settings mailflow.TLSSettings
		reason   probes.Reason
	}{
		{
			"the intermediate behind 12 foreign CAs", chain(append(foreign[:12:12], ca.Inter)...), mailflow.DomainValidation,
			"",
		},
		{
			"the intermediate behind 60 foreign CAs", chain(append(foreign[:60:60], ca.Inter)...), mailflow.DomainValidation,
			"",
		},
		{
			"12 foreign CAs and no intermediate", chain(foreign[:12]...), mailflow.DomainValidation,
			probes.ReasonCertificateChainIncomplete,
		},
		{
			"the intermediate behind the limit", chain(append(foreign[:100:100], ca.Inter)...), mailflow.CertificateValidation,
			probes.ReasonProberLimit,
		},
		{"behind the limit, not demanded", chain(append(foreign[:100:100], ca.Inter)...), mailflow.EncryptionOnly, ""},
		{
			"the limit behind the intermediate", chain(append([]*certtest.Issued{ca.Inter}, foreign...)...),
			mailflow.DomainValidation, "",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at, _ := serve(t, tt.server)
			e := probeOne(t, testProber(ca.Roots), testPath(at, probes.TLSStage, tt.settings))
			step := e.Steps[probes.TLSStage]
			if step.Reason != tt.reason || step.Outcome != probes.NewStep(tt.reason, "").Outcome {
				t.Errorf("%+v", step)
			}
			if e.TLS == nil || len(e.TLS.Chain) > probes.MaxChain {
				t.Errorf("recorded: %+v", e.TLS)
			}
		})
	}
}

// Only what is displayed of a reply is cut.
func TestLongReplies(t *testing.T) {
	ca := certtest.New(t)
	good := healthy(certtest.ServerConfig(ca.Leaf(t, "mail.test"), ca.Inter))
	lines := func(n, width int, prefix, last string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "%s-X-CAPABILITY-%d %s\r\n", prefix, i, strings.Repeat("p", width))
		}
		return b.String() + prefix + " " + last + "\r\n"
	}
	for _, tt := range []struct {
		name   string
		server script
		stage  probes.Stage
		reason probes.Reason
	}{
		{"STARTTLS behind 29 lines", good.with("EHLO", lines(29, 20, "250", "STARTTLS")), probes.TLSStage, ""},
		{"STARTTLS behind 29 wide lines", good.with("EHLO", lines(29, 500, "250", "STARTTLS")), probes.TLSStage, ""},
		{"STARTTLS behind 900 lines", good.with("EHLO", lines(900, 20, "250", "STARTTLS")), probes.TLSStage, ""},
		{"a line of 3,000 bytes", good.with("EHLO", lines(1, 3000, "250", "STARTTLS")), probes.TLSStage, ""},
		{
			"no STARTTLS in 29 lines", good.with("EHLO", lines(29, 40, "250", "HELP")), probes.TLSStage,
			probes.ReasonSTARTTLSNotOffered,
		},
		{
			"the refusal speaks in its last line", good.with("RCPT", lines(29, 60, "550", "unable to relay")), probes.Recipient,
			probes.ReasonRelayDenied,
		},
		{
			"more than 1,000 lines", good.with("EHLO", lines(1000, 1, "250", "STARTTLS")), probes.EHLO,
			probes.ReasonReplyTooLong,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at, _ := serve(t, tt.server)
			e := probeOne(t, testProber(ca.Roots), testPath(at, probes.Recipient, mailflow.EncryptionOnly))
			if step := e.Steps[tt.stage]; step.Reason != tt.reason || len(step.Reply.Text) > maxReplyText+len("…") {
				t.Errorf("%.300q", fmt.Sprintf("%+v", step))
			}
			if got := e.Outcome(probes.Recipient) == probes.Passed; got != (tt.reason == "") {
				t.Errorf("passed: %v", got)
			}
		})
	}
}
