package text_test

import (
	"net/netip"
	"strings"
	"testing"

	"m365_connector_exporter/collector/internal/golden"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// messages are an attribution of each kind, with names that a hostile export or certificate could hold.
func messages() []mailflow.Attribution {
	const evil = "\x1b[31m\u009b2J\x7f\u202e\xff"
	from := mailflow.InboundMessage{
		Address: netip.MustParseAddr("198.51.100.10"), TLS: true, MailFrom: "contoso.com", RcptTo: mailflow.ExternalDomain,
	}
	shown := from
	shown.Certificate = &mailflow.ClientCertificate{
		CommonName: "mail" + evil, DNSNames: []string{"mail.contoso.com"}, Fingerprint: "ab", Valid: mailflow.Yes,
		Source: "edge.pem" + evil,
	}
	null := from
	null.MailFrom, null.RcptTo = "", "contoso.com"
	return []mailflow.Attribution{
		{
			Message: shown, Tenants: []string{"contoso" + evil}, Connector: "Hybrid" + evil, AlsoMatching: []string{"Other"},
			Basis: mailflow.BasisCertificate, Relay: true,
			Risk: "only the parent is accepted" + evil, Uncertain: []string{"KB 4019940" + evil},
			Trace: []string{"a step" + evil, "another"},
		},
		{Message: from, Tenants: []string{"contoso", "fabrikam"}, Basis: mailflow.BasisMailFrom, Relay: true},
		{
			Message: null, Tenants: []string{"contoso"}, Basis: mailflow.BasisRcptTo,
			Reply: "550 5.7.51 TenantInboundAttribution",
		},
		{Message: from, Basis: mailflow.BasisNone, Reply: "550 5.7.64 TenantAttribution; Relay Access Denied"},
	}
}

func rehearsals() []mailflow.RenewalSimulation {
	all := messages()
	p := all[0].Message.Certificate
	works := mailflow.CertificateOutcome{
		Certificate: p,
		Match: mailflow.NameMatch{
			Matched: true, Name: "mail.contoso.com", Rule: "it contains mail.contoso.com", Uncertain: "SAN only",
		},
		Attributions: []mailflow.Attribution{all[0], all[2], all[0], all[0], all[0], all[0], all[0], all[0], all[0], all[0]},
	}
	fails := mailflow.CertificateOutcome{
		Certificate: p, Match: mailflow.NameMatch{Rule: "it contains another name"}, Attributions: all[3:],
	}
	return []mailflow.RenewalSimulation{
		{
			Tenant: "contoso", Connector: "Hybrid", Sender: "edge/1", RequiredName: "*.contoso.com", Before: works, After: works,
		},
		{
			Tenant: "contoso", Connector: "Hybrid", Sender: "edge-2", Assumed: true, RequiredName: "x", After: fails,
			Problems: []string{"it contains another name", "mail is refused"},
		},
	}
}

func tlsaRehearsals() []text.TLSARehearsal {
	const evil = "\x1b[31m"
	return []text.TLSARehearsal{
		{Host: "mx1.contoso.com", Owner: "_25._tcp.mx1.contoso.com", DANE: &probes.DANE{
			Status: probes.DANEMismatch, TLS: true, Total: 1, Records: []string{"3 1 1 00" + evil}, Detail: "another one" + evil,
		}, Publish: "3 1 1 8d02"},
		{Host: "mx2.contoso.com" + evil, Owner: "_25._tcp.mx2.contoso.com" + evil, DANE: &probes.DANE{
			Status: probes.DANEMatch, TLS: true, Total: 1, Records: []string{"2 1 1 00"}, Matched: "2 1 1 00",
		}},
		{Host: "mx3.contoso.com"},
	}
}

func TestAttributionGolden(t *testing.T) {
	color := text.Options{Color: true, Width: 80}
	certificate := *messages()[0].Message.Certificate
	problems := []string{"chain: no issuer\x1b[31m"}
	for file, print := range map[string]func(*strings.Builder) error{
		"attribution.txt": func(b *strings.Builder) error {
			for _, a := range messages() {
				if err := text.Attribution(b, a, text.Options{}); err != nil {
					return err
				}
			}
			return nil
		},
		"attribution.json": func(b *strings.Builder) error { return text.AttributionJSON(b, messages()[0]) },
		"rehearsals.txt": func(b *strings.Builder) error {
			return text.Rehearsals(b, certificate, problems, rehearsals(), tlsaRehearsals(), text.Options{})
		},
		"rehearsals-color.txt": func(b *strings.Builder) error {
			return text.Rehearsals(b, certificate, nil, rehearsals()[1:], tlsaRehearsals(), color)
		},
		"rehearsals.json": func(b *strings.Builder) error {
			return text.RehearsalsJSON(b, certificate, problems, rehearsals()[1:], tlsaRehearsals())
		},
	} {
		var b strings.Builder
		if err := print(&b); err != nil {
			t.Fatal(err)
		}
		golden.Check(t, "testdata/"+file, b.String())
		if bare := strings.NewReplacer(
			"\x1b[31m", "", "\x1b[32m", "", "\x1b[0m", "",
		).Replace(b.String()); strings.ContainsAny(bare, "\x1b\x7f\u009b\u202e") {
			t.Errorf("%s: an escape came through", file)
		}
	}
}
