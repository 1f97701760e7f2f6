package probes_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

func TestPlanInbound(t *testing.T) {
	const own, foreign = "a@contoso.com", "a@fabrikam.com"
	const ownNote, foreignNote = "the recipient is the tenant's own: this tests acceptance, not relay", "the recipient is outside the tenant: this tests relay"
	here, message := netip.MustParseAddr("198.51.100.10"), probes.Message
	until, tlsOnly := probes.Recipient, probes.TLSStage
	tests := map[string]struct {
		sender  func(*mailflow.Sender)
		layers  []probes.SettingsOverride
		disable bool
		want    line
		note    string
	}{
		"a stranger goes to the handshake only": {
			func(s *mailflow.Sender) { s.Recipient = own },
			[]probes.SettingsOverride{{Until: &until}},
			false,
			line{Hop: "contoso.com", Until: "tls", From: "O365ConnectorValidation@eu.contoso.com"},
			"",
		},
		"with the sender's key the recipient is asked": {
			func(s *mailflow.Sender) { s.Recipient, s.PresentCertificate = own, true }, nil, false,
			line{Hop: "contoso.com", Until: "recipient", From: "O365ConnectorValidation@eu.contoso.com", To: []string{own}},
			ownNote,
		},
		"from the sender's own address too, and a stranger's domain tests relay": {
			func(s *mailflow.Sender) { s.Recipient = foreign },
			[]probes.SettingsOverride{{SourceAddress: &here}},
			false,
			line{Hop: "contoso.com", Until: "recipient", From: "O365ConnectorValidation@eu.contoso.com", To: []string{foreign}},
			foreignNote,
		},
		"never a message": {
			func(s *mailflow.Sender) { s.Recipient, s.PresentCertificate = own, true },
			[]probes.SettingsOverride{{Until: &message}},
			false,
			line{Hop: "contoso.com", Until: "recipient", From: "O365ConnectorValidation@eu.contoso.com", To: []string{own}},
			ownNote,
		},
		"the configuration may stop earlier": {
			func(s *mailflow.Sender) { s.Recipient, s.PresentCertificate = own, true },
			[]probes.SettingsOverride{{Until: &tlsOnly}},
			false,
			line{Hop: "contoso.com", Until: "tls", From: "O365ConnectorValidation@eu.contoso.com"},
			"",
		},
		"target instead of the MX": {
			func(s *mailflow.Sender) { s.Target = "Contoso-com.mail.protection.outlook.com." }, nil, false,
			line{Hop: "contoso-com.mail.protection.outlook.com", Until: "tls", From: "O365ConnectorValidation@eu.contoso.com"},
			"",
		},
		"a disabled connector is listed": {
			func(*mailflow.Sender) {}, nil, true,
			line{Hop: "contoso.com", Until: "tls", From: "O365ConnectorValidation@eu.contoso.com", Why: "the connector is disabled"},
			"",
		},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			s := mailflow.Sender{
				Name: "edge-1", Connector: "From on-premises", MailFromDomains: []string{"eu.contoso.com"},
				Addresses: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/28")},
			}
			c.sender(&s)
			connector := mailflow.InboundConnector{Common: mailflow.Common{Name: "From on-premises", Type: mailflow.OnPremises, Enabled: mailflow.TriOf(!c.disable)}}
			tenant := mailflow.Tenant{
				Name: "contoso", AcceptedDomains: []mailflow.AcceptedDomain{{Name: "contoso.com"}},
				Inbound: []mailflow.InboundConnector{connector}, Senders: []mailflow.Sender{s},
			}
			all := func(string, mailflow.Direction, string, string) []probes.SettingsOverride { return c.layers }
			paths := probes.Plan([]mailflow.Tenant{tenant}, all, "prober.example")
			if len(paths) != 1 {
				t.Fatalf("%d paths, want 1", len(paths))
			}
			p := paths[0]
			c.want.Target = "contoso/inbound/From%20on-premises/edge-1"
			got := line{p.ID.String(), p.NextHop, p.Settings.Until.String(), p.MailFrom, p.NotProbed + p.NotProbeable, p.Recipients}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if p.Hint != c.note {
				t.Errorf("note %q, want %q", p.Hint, c.note)
			}
		})
	}
}
