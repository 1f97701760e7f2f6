package probes_test

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// controlRow is a control as the tables of these tests write it: kind, sender > recipient, then a certificate, and a
// question mark if it is uncertain.
func controlRows(controls []probes.Control) (rows []string) {
	for _, c := range controls {
		row := string(c.Kind) + " " + c.MailFrom + " > " + c.Recipient
		if c.Certificate != "" {
			row += " " + c.Certificate
		}
		if c.Uncertain != "" {
			row += " ?"
		}
		rows = append(rows, row)
	}
	return rows
}

const (
	validation = "O365ConnectorValidation@contoso.com"
	foreign    = "negative-control@example.com"
)

// controlsOf plans the controls of the first inbound path of a tenant with one connector.
func controlsOf(change func(*mailflow.Tenant, *mailflow.InboundConnector, *mailflow.Sender), o probes.SettingsOverride,
) []probes.Control {
	on := true
	o.NegativeControls = &on
	c := mailflow.InboundConnector{}
	c.Name, c.Type = "From outside", mailflow.OnPremises
	c.TLSSenderCertificateName, c.RequireTLS = "*.contoso.com", mailflow.Yes
	s := mailflow.Sender{Name: "edge-1", Connector: c.Name}
	t := mailflow.Tenant{Name: "contoso", AcceptedDomains: []mailflow.AcceptedDomain{{Name: "contoso.com"}}}
	if change != nil {
		change(&t, &c, &s)
	}
	t.Inbound, t.Senders = append(t.Inbound, c), append(t.Senders, s)
	sections := func(string, mailflow.Direction, string, string) []probes.SettingsOverride {
		return []probes.SettingsOverride{o}
	}
	return probes.Plan([]mailflow.Tenant{t}, sections, "prober.example")[0].Controls
}

func byAddress(c *mailflow.InboundConnector, addresses ...string) {
	c.TLSSenderCertificateName, c.SenderIPAddresses = "", addresses
}

func partner(c *mailflow.InboundConnector, domains ...string) {
	c.Type, c.SenderDomains, c.RequireTLS, c.TLSSenderCertificateName = mailflow.Partner, domains, mailflow.No, ""
}

func TestControlsTowardsExchangeOnline(t *testing.T) {
	public, relay := netip.MustParseAddr("20.30.40.50"), []string{
		"no_certificate " + validation + " > " + foreign,
		"self_signed_certificate " + validation + " > " + foreign + " *.contoso.com",
		"clear_text " + validation + " > " + foreign,
		"foreign_recipient  > " + foreign,
	}
	uncertainRelay := []string{relay[0] + " ?", relay[1] + " ?", relay[2] + " ?", relay[3]}
	nullSender := relay[3:]
	for name, c := range map[string]struct {
		change  func(*mailflow.Tenant, *mailflow.InboundConnector, *mailflow.Sender)
		section probes.SettingsOverride
		want    []string
	}{
		"a certificate is demanded": {want: relay},
		"TLS is not demanded": {
			change: func(_ *mailflow.Tenant, c *mailflow.InboundConnector, _ *mailflow.Sender) { c.RequireTLS = mailflow.No },
			want:   []string{relay[0], relay[1], relay[3]},
		},
		"another connector admits addresses, this host's is not known": {
			change: func(t *mailflow.Tenant, _ *mailflow.InboundConnector, _ *mailflow.Sender) {
				t.Inbound = []mailflow.InboundConnector{{SenderIPAddresses: []string{"20.30.40.0/24"}}}
			},
			want: uncertainRelay,
		},
		"a disabled connector admits nobody": {
			change: func(t *mailflow.Tenant, _ *mailflow.InboundConnector, _ *mailflow.Sender) {
				other := mailflow.InboundConnector{SenderIPAddresses: []string{"20.30.40.0/24"}}
				other.Enabled = mailflow.No
				t.Inbound = []mailflow.InboundConnector{other}
			},
			want: relay,
		},
		"the addresses of a connector are not in the export": {
			change: func(_ *mailflow.Tenant, c *mailflow.InboundConnector, _ *mailflow.Sender) {
				c.MissingProperties = []string{"sender_ip_addresses"}
			},
			section: probes.SettingsOverride{SourceAddress: &public},
			want:    uncertainRelay,
		},
		"this host's address is known and not listed": {
			change: func(_ *mailflow.Tenant, c *mailflow.InboundConnector, _ *mailflow.Sender) {
				c.SenderIPAddresses = []string{"20.30.41.0/24"}
			},
			section: probes.SettingsOverride{SourceAddress: &public},
			want:    relay,
		},
		"this host's address is listed: it relays rightly": {
			change: func(_ *mailflow.Tenant, c *mailflow.InboundConnector, _ *mailflow.Sender) {
				c.SenderIPAddresses = []string{"20.30.40.0/24"}
			},
			section: probes.SettingsOverride{SourceAddress: &public},
			want:    nullSender,
		},
		"addresses alone authenticate: no certificate is nothing wrong": {
			change: func(_ *mailflow.Tenant, c *mailflow.InboundConnector, _ *mailflow.Sender) {
				byAddress(c, "20.30.40.0/24")
			},
			want: nullSender,
		},
		"clear text from a listed address": {
			change: func(_ *mailflow.Tenant, c *mailflow.InboundConnector, _ *mailflow.Sender) {
				byAddress(c, "20.30.40.0/24")
			},
			section: probes.SettingsOverride{SourceAddress: &public},
			want:    []string{relay[2] + " ?", relay[3]},
		},
		"a partner without a restriction": {
			change: func(_ *mailflow.Tenant, c *mailflow.InboundConnector, _ *mailflow.Sender) { partner(c, "fabrikam.com") },
			want:   nullSender,
		},
		"a partner that must use TLS and a certificate": {
			change: func(_ *mailflow.Tenant, c *mailflow.InboundConnector, s *mailflow.Sender) {
				partner(c, "smtp:fabrikam.com;1")
				c.RequireTLS, c.RestrictDomainsToCertificate = mailflow.Yes, mailflow.Yes
				c.TLSSenderCertificateName, s.Recipient = "mail.fabrikam.com", "probe@contoso.com"
			},
			want: []string{
				"no_certificate O365ConnectorValidation@fabrikam.com > probe@contoso.com",
				"self_signed_certificate O365ConnectorValidation@fabrikam.com > probe@contoso.com mail.fabrikam.com",
				"clear_text O365ConnectorValidation@fabrikam.com > probe@contoso.com",
				relay[3],
			},
		},
		"a lock-down behind a gateway, by certificate: the own domain is covered": {
			change: func(_ *mailflow.Tenant, c *mailflow.InboundConnector, s *mailflow.Sender) {
				partner(c, "*")
				c.RestrictDomainsToCertificate, s.MailFromDomains = mailflow.Yes, []string{"customer.example"}
			},
			want: []string{
				"no_certificate O365ConnectorValidation@customer.example > postmaster@contoso.com",
				"spoofed_own_domain " + validation + " > postmaster@contoso.com",
				relay[3],
			},
		},
		"a lock-down by address: this host may be the gateway": {
			change: func(_ *mailflow.Tenant, c *mailflow.InboundConnector, _ *mailflow.Sender) {
				partner(c, "*")
				c.RestrictDomainsToIPAddresses, c.SenderIPAddresses = mailflow.Yes, []string{"20.30.40.50"}
			},
			want: []string{"spoofed_own_domain " + validation + " > postmaster@contoso.com ?", relay[3]},
		},
		"a lock-down by address, seen from outside": {
			change: func(_ *mailflow.Tenant, c *mailflow.InboundConnector, _ *mailflow.Sender) {
				partner(c, "*")
				c.RestrictDomainsToIPAddresses, c.SenderIPAddresses = mailflow.Yes, []string{"20.30.40.51"}
			},
			section: probes.SettingsOverride{SourceAddress: &public},
			want:    []string{"spoofed_own_domain " + validation + " > postmaster@contoso.com", relay[3]},
		},
		"it is not documented that *.contoso.com covers contoso.com": {
			change: func(_ *mailflow.Tenant, c *mailflow.InboundConnector, _ *mailflow.Sender) {
				partner(c, "*.contoso.com")
				c.RestrictDomainsToIPAddresses, c.SenderIPAddresses = mailflow.Yes, []string{"20.30.40.51"}
			},
			section: probes.SettingsOverride{SourceAddress: &public},
			want:    nullSender,
		},
		"Direct Send is rejected, the step is not documented": {
			change: func(t *mailflow.Tenant, c *mailflow.InboundConnector, _ *mailflow.Sender) {
				t.Organization.RejectDirectSend = mailflow.Yes
				byAddress(c, "20.30.40.0/24")
			},
			want: []string{relay[3], "spoofed_own_domain " + validation + " > postmaster@contoso.com ?"},
		},
		"the tenant owns example.com": {
			change: func(t *mailflow.Tenant, c *mailflow.InboundConnector, _ *mailflow.Sender) {
				t.AcceptedDomains = append(t.AcceptedDomains, mailflow.AcceptedDomain{Name: "example.com"})
				byAddress(c, "20.30.40.0/24")
			},
			want: []string{"foreign_recipient  > negative-control@example.net"},
		},
		"what an unknown type must refuse is unknown": {
			change: func(_ *mailflow.Tenant, c *mailflow.InboundConnector, _ *mailflow.Sender) { c.Type = "" },
		},
		"trusted organizations are recognised by neither": {
			change: func(_ *mailflow.Tenant, c *mailflow.InboundConnector, _ *mailflow.Sender) {
				c.TrustedOrganizations = []string{"fabrikam.onmicrosoft.com"}
			},
		},
		"a disabled connector is not probed": {
			change: func(_ *mailflow.Tenant, c *mailflow.InboundConnector, _ *mailflow.Sender) { c.Enabled = mailflow.No },
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, controlRows(controlsOf(c.change, c.section))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOnlyOneControlOfDirectSendPerTenant(t *testing.T) {
	controls := controlsOf(func(t *mailflow.Tenant, _ *mailflow.InboundConnector, _ *mailflow.Sender) {
		t.Organization.RejectDirectSend = mailflow.Yes
		t.Senders = []mailflow.Sender{{Name: "first", Connector: "From outside"}}
	}, probes.SettingsOverride{})
	if !strings.Contains(strings.Join(controlRows(controls), "\n"), "spoofed_own_domain") {
		t.Error("the first path has no control of Direct Send")
	}
	on := true
	c := mailflow.InboundConnector{TLSSenderCertificateName: "mail.contoso.com"}
	c.Name, c.Type = "From outside", mailflow.OnPremises
	tenant := mailflow.Tenant{
		Name: "contoso", AcceptedDomains: []mailflow.AcceptedDomain{{Name: "contoso.com"}},
		Inbound:      []mailflow.InboundConnector{c},
		Senders:      []mailflow.Sender{{Name: "a", Connector: c.Name}, {Name: "b", Connector: c.Name}},
		Organization: mailflow.Organization{RejectDirectSend: mailflow.Yes},
	}
	sections := func(string, mailflow.Direction, string, string) []probes.SettingsOverride {
		return []probes.SettingsOverride{{NegativeControls: &on}}
	}
	paths := probes.Plan([]mailflow.Tenant{tenant}, sections, "prober.example")
	if n := strings.Count(strings.Join(append(controlRows(paths[0].Controls), controlRows(paths[1].Controls)...), "\n"),
		"spoofed_own_domain"); n != 1 {
		t.Errorf("%d controls of Direct Send, want 1", n)
	}
}

func TestControlsOfOwnServers(t *testing.T) {
	on, off := true, false
	relay := "foreign_recipient " + validation + " > " + foreign
	for name, c := range map[string]struct {
		change  func(*mailflow.OutboundConnector)
		section probes.SettingsOverride
		want    []string
	}{
		"an own server": {section: probes.SettingsOverride{NegativeControls: &on}, want: []string{relay}},
		"TLS is demanded of it": {
			change:  func(c *mailflow.OutboundConnector) { c.TLSSettings = mailflow.EncryptionOnly },
			section: probes.SettingsOverride{NegativeControls: &on},
			want:    []string{"clear_text " + validation + " > probe@contoso.com ?", relay},
		},
		"a partner's server": {
			change:  func(c *mailflow.OutboundConnector) { c.Type = mailflow.Partner },
			section: probes.SettingsOverride{NegativeControls: &on},
		},
		"switched off":  {section: probes.SettingsOverride{NegativeControls: &off}},
		"off otherwise": {},
	} {
		t.Run(name, func(t *testing.T) {
			connector := mailflow.OutboundConnector{
				SmartHosts: []string{"mail.contoso.com"}, ValidationRecipients: []string{"probe@contoso.com"},
			}
			connector.Type = mailflow.OnPremises
			if c.change != nil {
				c.change(&connector)
			}
			tenant := mailflow.Tenant{
				AcceptedDomains: []mailflow.AcceptedDomain{{Name: "contoso.com"}},
				Outbound:        []mailflow.OutboundConnector{connector},
			}
			sections := func(string, mailflow.Direction, string, string) []probes.SettingsOverride {
				return []probes.SettingsOverride{c.section}
			}
			path := probes.Plan([]mailflow.Tenant{tenant}, sections, "h")[0]
			if diff := cmp.Diff(c.want, controlRows(path.Controls)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestControlOutcome(t *testing.T) {
	refused := func(reason probes.Reason) probes.Step { return probes.NewStep(reason, "") }
	for name, c := range map[string]struct {
		rule  probes.ControlRule
		stage probes.Stage
		step  probes.Step
		want  probes.ControlOutcome
	}{
		"the recipient is accepted": {probes.RefuseRelay, probes.Recipient, probes.NewStep("", ""), probes.ControlAdmitted},
		"relaying is denied": {
			probes.RefuseRelay, probes.Recipient, refused(probes.ReasonTenantAttribution), probes.ControlRefused,
		},
		"the certificate is refused in the handshake": {
			probes.RefuseRelay, probes.TLSStage, refused(probes.ReasonClientCertificateUntrusted), probes.ControlRefused,
		},
		"an unknown recipient is no relaying": {
			probes.RefuseRelay, probes.Recipient, refused(probes.ReasonRecipientUnknown), probes.ControlRefused,
		},
		"an unknown recipient says nothing about a restriction": {
			probes.RefuseRestriction, probes.Recipient, refused(probes.ReasonRecipientUnknown), probes.ControlInconclusive,
		},
		"greylisting": {
			probes.RefuseRelay, probes.Recipient, refused(probes.ReasonTemporaryRejection), probes.ControlInconclusive,
		},
		"throttling": {
			probes.RefuseClearText, probes.EHLO, refused(probes.ReasonThrottled), probes.ControlInconclusive,
		},
		"a block list": {
			probes.RefuseRelay, probes.Recipient, refused(probes.ReasonBannedAddress), probes.ControlInconclusive,
		},
		"clear text is refused as Exchange Online words it": {
			probes.RefuseClearText, probes.Recipient, refused(probes.ReasonClientCertificateUntrusted), probes.ControlRefused,
		},
		"clear text is refused": {
			probes.RefuseClearText, probes.Recipient, refused(probes.ReasonTLSRequired), probes.ControlRefused,
		},
		"Direct Send is rejected": {
			probes.RefuseDirectSend, probes.Recipient, refused(probes.ReasonDirectSendRejected), probes.ControlRefused,
		},
		"the connection is lost": {
			probes.RefuseRelay, probes.Recipient, refused(probes.ReasonConnectionClosed), probes.ControlInconclusive,
		},
	} {
		r := probes.ControlResult{Control: probes.Control{MustRefuse: c.rule}}
		if r.Judge(c.stage, c.step); r.Outcome != c.want {
			t.Errorf("%s: %s, want %s", name, r.Outcome, c.want)
		}
	}
}

func TestRemediesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/negative-controls.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range probes.Controls {
		if row := "| `" + string(c.Kind) + "` | " + c.Remedy + " |"; !strings.Contains(string(text), row) {
			t.Errorf("docs/negative-controls.md lacks the line %s", row)
		}
	}
}
