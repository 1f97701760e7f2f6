package mailflow

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestSimulateRenewal(t *testing.T) {
	contoso := tenant("contoso", "contoso.com", onPremises("exact", "mail.contoso.com", ""), onPremises("wide",
		"*.contoso.com", ""),
		onPremises("ip", "-", "198.51.100.10"), with(onPremises("off", "mail.contoso.com", ""), disabled))
	fabrikam := tenant("fabrikam", "fabrikam.com", onPremises("gateway", "*.fabrikam.com", ""))
	now := certificate("mail.contoso.com")
	invalid := certificate("mail.contoso.com")
	invalid.Valid = No
	for _, test := range []struct {
		name      string
		connector string
		before    *ClientCertificate
		after     *ClientCertificate
		problems  string // parts of the sentences, in order; "" none
	}{
		{"the same names", "exact", now, certificate("mail.contoso.com"), ""},
		{
			"another name", "exact", now, certificate("edge.contoso.com"),
			"requires mail.contoso.com, the certificate contains edge.contoso.com|mail from contoso.com is refused: 550 " +
				"5.7.64|null sender is refused",
		},
		{
			"another name, the present one unknown", "exact", nil, certificate("edge.contoso.com"),
			"requires mail.contoso.com|mail from contoso.com is refused",
		},
		{
			"it did not match before either", "exact", certificate("old.contoso.com"),
			certificate("edge.contoso.com"), "the present certificate does not match either",
		},
		{"another name under a wildcard", "wide", now, certificate("edge.contoso.com"), ""},
		{"not valid", "exact", now, invalid, "is not valid|mail from contoso.com is refused|null sender"},
		{"by address", "ip", now, certificate("anything.example"), "null sender is refused"},
		{
			"by address, never relayed the null sender", "ip", certificate("other.example"),
			certificate("anything.example"), "",
		},
		{
			"another tenant's", "wide", now, certificate("mail.contoso.com mail.fabrikam.com"),
			"mail from contoso.com is attributed ambiguously to contoso, fabrikam|null sender",
		},
		{
			"another tenant's alone", "ip", now, certificate("mail.fabrikam.com"),
			"mail from contoso.com is attributed to fabrikam by certificate|null sender is attributed to fabrikam",
		},
	} {
		contoso.Senders = []Sender{
			{
				Name: "s", Connector: test.connector, ClientCertificate: test.before,
				MailFromDomains: []string{"contoso.com"},
				Addresses:       []netip.Prefix{netip.MustParsePrefix("198.51.100.10/32")},
			},
			{Name: "off", Connector: "off"},
			{Name: "gone", Connector: "gone"},
			{Name: "not chosen", Connector: "wide"},
		}
		tenants := []Tenant{contoso, fabrikam}
		tenants[0].Inbound = slices.DeleteFunc(slices.Clone(contoso.Inbound), func(c InboundConnector) bool {
			return c.Name != test.connector && c.Name != "off" // else one connector would carry the other's mail
		})
		got := SimulateRenewal(tenants, func(_ *Tenant, _ *InboundConnector,
			s *Sender,
		) bool {
			return s.Name != "not chosen"
		}, test.after)
		if len(got) != 1 || got[0].Sender != "s" {
			t.Fatalf("%s: %+v", test.name, got)
		}
		parts := strings.FieldsFunc(test.problems, func(c rune) bool { return c == '|' })
		if len(parts) != len(got[0].Problems) {
			t.Errorf("%s: %q, want %q", test.name, got[0].Problems, parts)
			continue
		}
		for i, part := range parts {
			if !strings.Contains(got[0].Problems[i], part) {
				t.Errorf("%s: %q, want %q", test.name, got[0].Problems[i], part)
			}
		}
	}
}

func TestCertificateRelatesTo(t *testing.T) {
	for _, test := range []struct {
		required, presented, names string
		want                       bool
	}{
		{"*.contoso.co.uk", "", "edge.contoso.co.uk", true},
		{"*.contoso.co.uk", "", "edge.fabrikam.co.uk", false},
		{"", "mail.contoso.com", "other.example edge.contoso.com", true},
		{"", "", "edge.contoso.com", false},
		{"", "localhost", "localhost", false},
	} {
		c := onPremises("c", test.required, "")
		if got := CertificateRelatesTo(certificate(test.names), &c,
			&Sender{ClientCertificate: certificate(test.presented)}); got != test.want {
			t.Errorf("%+v: %t", test, got)
		}
	}
}

// TestSimulateRenewalOfSmartHosts: a name that an outbound connector requires of its smart hosts, and that the
// present certificate contains, is missing in the new one.
func TestSimulateRenewalOfSmartHosts(t *testing.T) {
	out := OutboundConnector{
		Common: Common{Name: "out", Type: OnPremises}, TLSSettings: DomainValidation,
		TLSDomain: "mail.contoso.com",
	}
	change := func(change func(*OutboundConnector)) OutboundConnector { c := out; change(&c); return c }
	both := certificate("edge.contoso.com mail.contoso.com")
	for _, test := range []struct {
		name          string
		out           OutboundConnector
		before, after *ClientCertificate
		problems      bool
	}{
		{"lost", out, both, certificate("edge.contoso.com"), true},
		{"kept", out, both, certificate("edge.contoso.com mail.contoso.com"), false},
		{"kept under a wildcard", out, both, certificate("edge.contoso.com *.contoso.com"), false},
		{"another certificate does that", out, certificate("edge.contoso.com"), certificate("edge.contoso.com"), false},
		{"the present one is unknown", out, nil, certificate("edge.contoso.com"), false},
		{
			"no name is required", change(func(c *OutboundConnector) { c.TLSSettings = CertificateValidation }),
			both, certificate("edge.contoso.com"), false,
		},
		{
			"a partner's", change(func(c *OutboundConnector) { c.Type = Partner }), both,
			certificate("edge.contoso.com"), false,
		},
		{"disabled", change(func(c *OutboundConnector) { c.Enabled = No }), both, certificate("edge.contoso.com"), false},
	} {
		contoso := tenant("contoso", "contoso.com", onPremises("in", "edge.contoso.com", ""))
		contoso.Outbound = []OutboundConnector{test.out}
		contoso.Senders = []Sender{{
			Name: "s", Connector: "in", ClientCertificate: test.before,
			MailFromDomains: []string{"contoso.com"},
		}}
		got := SimulateRenewal([]Tenant{contoso}, func(*Tenant, *InboundConnector, *Sender) bool { return true },
			test.after)[0].Problems
		if len(got) > 0 != test.problems || test.problems && !strings.Contains(got[0],
			`outbound connector "out" present this certificate too`) {
			t.Errorf("%s: %q", test.name, got)
		}
	}
}
