package probes_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

func TestPlanInbound(t *testing.T) {
	const ours, foreign, target = "a@contoso.com", "a@fabrikam.com", "contoso-com.mail.protection.outlook.com"
	const acceptance = "the recipient is in the tenant: this tests acceptance, not relay"
	const relay = "the recipient is outside the tenant: this tests relay"
	const from = "O365ConnectorValidation@eu.contoso.com"
	own := netip.MustParseAddr("198.51.100.10")
	message, recipient, tls := probes.Message, probes.Recipient, probes.TLSStage
	withKey := func(s *mailflow.Sender) { s.Recipient, s.PresentCertificate = ours, true }
	for name, c := range map[string]struct {
		sender   func(*mailflow.Sender)
		section  probes.SettingsOverride
		disabled bool
		want     row
		hint     string
	}{
		"without key and address: the handshake only": {
			sender:  func(s *mailflow.Sender) { s.Recipient = ours },
			section: probes.SettingsOverride{Until: &recipient},
			want:    row{NextHop: "contoso.com", Until: "tls", From: from},
		},
		"with the sender's key: the recipient": {
			sender: withKey,
			want:   row{NextHop: "contoso.com", Until: "recipient", From: from, To: []string{ours}}, hint: acceptance,
		},
		"from the sender's address: the recipient, outside the tenant": {
			sender:  func(s *mailflow.Sender) { s.Recipient = foreign },
			section: probes.SettingsOverride{SourceAddress: &own},
			want:    row{NextHop: "contoso.com", Until: "recipient", From: from, To: []string{foreign}}, hint: relay,
		},
		"a message is never sent": {
			sender:  withKey,
			section: probes.SettingsOverride{Until: &message},
			want:    row{NextHop: "contoso.com", Until: "recipient", From: from, To: []string{ours}}, hint: acceptance,
		},
		"the configuration may stop earlier": {
			sender:  withKey,
			section: probes.SettingsOverride{Until: &tls},
			want:    row{NextHop: "contoso.com", Until: "tls", From: from},
		},
		"a target instead of the MX": {
			sender: func(s *mailflow.Sender) { s.Target = "Contoso-com.mail.protection.outlook.com." },
			want:   row{NextHop: target, Until: "tls", From: from},
		},
		"no MAIL FROM domain: the default domain": {
			sender: func(s *mailflow.Sender) { s.MailFromDomains = nil },
			want:   row{NextHop: "contoso.com", Until: "tls", From: "O365ConnectorValidation@contoso.com"},
		},
		"a disabled connector is listed": {
			disabled: true,
			want:     row{NextHop: "contoso.com", Until: "tls", From: from, Why: "the connector is disabled"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := mailflow.Sender{
				Name: "edge-1", Connector: "From on-premises", MailFromDomains: []string{"eu.contoso.com"},
				Addresses: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/28")},
			}
			if c.sender != nil {
				c.sender(&s)
			}
			connector := mailflow.InboundConnector{}
			connector.Name, connector.Type, connector.Enabled = s.Connector, mailflow.OnPremises, mailflow.TriOf(!c.disabled)
			tenant := mailflow.Tenant{
				Name: "contoso", AcceptedDomains: []mailflow.AcceptedDomain{{Name: "contoso.com"}},
				Inbound: []mailflow.InboundConnector{connector}, Senders: []mailflow.Sender{s, {Connector: "unknown"}},
			}
			all := func(string, mailflow.Direction, string, string) []probes.SettingsOverride {
				return []probes.SettingsOverride{c.section}
			}
			paths := probes.Plan([]mailflow.Tenant{tenant}, all, "prober.example")
			if len(paths) != 1 {
				t.Fatalf("%d paths, want 1", len(paths))
			}
			c.want.Path = "edge-1"
			if diff := cmp.Diff(c.want, rowOf(paths[0])); diff != "" || paths[0].Hint != c.hint {
				t.Errorf("hint %q, want %q; %s", paths[0].Hint, c.hint, diff)
			}
		})
	}
}

func TestPlanInboundWithoutAnyDomain(t *testing.T) {
	connector := mailflow.InboundConnector{}
	connector.Name = "From on-premises"
	tenant := mailflow.Tenant{
		Name: "contoso", Inbound: []mailflow.InboundConnector{connector},
		Senders: []mailflow.Sender{{Name: "edge-1", Connector: connector.Name}},
	}
	none := func(string, mailflow.Direction, string, string) []probes.SettingsOverride { return nil }
	got := rowOf(probes.Plan([]mailflow.Tenant{tenant}, none, "prober.example")[0])
	want := row{
		Path: "edge-1", Until: "tls",
		Why: "the tenant has no accepted domain whose MX leads to Exchange Online: set target",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
