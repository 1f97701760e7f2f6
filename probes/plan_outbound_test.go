package probes_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// row is a planned path: its path name, next hop, last stage, MAIL FROM and recipients, and why it is not probed.
type row struct {
	Path, NextHop, Until, From, Why string
	To                              []string
}

func rowOf(p probes.Path) row {
	return row{p.ID.Path, p.NextHop, p.Settings.Until.String(), p.MailFrom, p.NotProbed + p.NotProbeable, p.Recipients}
}

func plan(c mailflow.OutboundConnector, sections ...probes.SettingsOverride) []row {
	tenant := mailflow.Tenant{
		Name:            "contoso",
		AcceptedDomains: []mailflow.AcceptedDomain{{Name: "contoso.com", Default: mailflow.Yes}},
		Outbound:        []mailflow.OutboundConnector{c},
	}
	all := func(string, mailflow.Direction, string, string) []probes.SettingsOverride { return sections }
	var rows []row
	for _, p := range probes.Plan([]mailflow.Tenant{tenant}, all, "prober.example") {
		rows = append(rows, rowOf(p))
	}
	return rows
}

// TestPathsThatDANECanApplyTo: those with a name that is looked up, of connectors whose mode is not None.
func TestPathsThatDANECanApplyTo(t *testing.T) {
	for name, c := range map[string]struct {
		change    func(*mailflow.OutboundConnector)
		connectTo []netip.Addr
		want      []bool
	}{
		"mode None":  {func(c *mailflow.OutboundConnector) { c.SMTPDANEMode = "none" }, nil, []bool{false}},
		"a name":     {func(*mailflow.OutboundConnector) {}, nil, []bool{true}},
		"connect_to": {func(*mailflow.OutboundConnector) {}, []netip.Addr{netip.MustParseAddr("192.0.2.1")}, []bool{false}},
		"by MX":      {func(c *mailflow.OutboundConnector) { c.UseMXRecord = mailflow.Yes }, nil, []bool{true}},
		"no addresses": {
			func(c *mailflow.OutboundConnector) {
				c.SmartHosts = []string{"192.0.2.1", "[192.0.2.1]", "192.0.2.0/28", "2001:db8::1", "[IPv6:2001:db8::1]"}
			}, nil, []bool{false, false, false, false, false},
		},
	} {
		connector := mailflow.OutboundConnector{
			UseMXRecord: mailflow.No, SmartHosts: []string{"mail.contoso.com"}, RecipientDomains: []string{"a.example"},
		}
		c.change(&connector)
		tenants := []mailflow.Tenant{{Name: "contoso", Outbound: []mailflow.OutboundConnector{connector}}}
		overrides := func(string, mailflow.Direction, string, string) []probes.SettingsOverride {
			return []probes.SettingsOverride{{ConnectTo: c.connectTo}}
		}
		var got []bool
		for _, p := range probes.Plan(tenants, overrides, "prober.example") {
			got = append(got, p.DANE)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestPlanOutbound(t *testing.T) {
	const from = "O365ConnectorValidation@contoso.com"
	const asConfigured, resolved = "Mail.Contoso.com.", "mail.contoso.com"
	off, null, message := false, "<>", probes.Message
	for name, c := range map[string]struct {
		change   func(*mailflow.OutboundConnector)
		sections []probes.SettingsOverride
		want     []row
	}{
		"a smart host": {
			want: []row{{Path: asConfigured, NextHop: resolved, Until: "tls", From: from}},
		},
		"a smart host that is listed twice": {
			change: func(c *mailflow.OutboundConnector) { c.SmartHosts = []string{asConfigured, asConfigured} },
			want:   []row{{Path: asConfigured, NextHop: resolved, Until: "tls", From: from}},
		},
		"validation recipients lead to the recipient stage": {
			change: func(c *mailflow.OutboundConnector) { c.ValidationRecipients = []string{"a@contoso.com"} },
			want: []row{
				{Path: asConfigured, NextHop: resolved, Until: "recipient", From: from, To: []string{"a@contoso.com"}},
			},
		},
		"a Partner connector ends at tls": {
			change: func(c *mailflow.OutboundConnector) {
				c.Type, c.ValidationRecipients = mailflow.Partner, []string{"a@contoso.com"}
			},
			want: []row{{Path: asConfigured, NextHop: resolved, Until: "tls", From: from, To: []string{"a@contoso.com"}}},
		},
		"by MX: a path for each domain, for wildcards those of their recipients": {
			change: func(c *mailflow.OutboundConnector) {
				c.UseMXRecord, c.SmartHosts = mailflow.Yes, nil
				c.RecipientDomains = []string{"*.fabrikam.com", "b.example"}
				c.ValidationRecipients = []string{"x@eu.fabrikam.com"}
			},
			want: []row{
				{Path: "b.example", NextHop: "b.example", Until: "tls", From: from},
				{
					Path: "eu.fabrikam.com", NextHop: "eu.fabrikam.com", Until: "recipient", From: from,
					To: []string{"x@eu.fabrikam.com"},
				},
			},
		},
		"by MX without a domain": {
			change: func(c *mailflow.OutboundConnector) {
				c.UseMXRecord, c.RecipientDomains = mailflow.Yes, []string{"*"}
			},
			want: []row{{
				Until: "tls", From: from,
				Why: "the connector routes by MX and names no domain: add validation_recipients",
			}},
		},
		"no smart host": {
			change: func(c *mailflow.OutboundConnector) { c.SmartHosts = nil },
			want:   []row{{Until: "tls", From: from, Why: "the connector has no smart host"}},
		},
		"disabled": {
			change: func(c *mailflow.OutboundConnector) { c.Enabled = mailflow.No },
			want: []row{
				{Path: asConfigured, NextHop: resolved, Until: "tls", From: from, Why: "the connector is disabled"},
			},
		},
		"in no export": {
			change: func(c *mailflow.OutboundConnector) { c.NotExported = true },
			want: []row{{
				Path: asConfigured, NextHop: resolved, Until: "tls", From: from,
				Why: "the connector is in no export of the tenant (see standalone)",
			}},
		},
		"in test mode": {
			change: func(c *mailflow.OutboundConnector) { c.TestMode = mailflow.Yes },
			want: []row{
				{Path: asConfigured, NextHop: resolved, Until: "tls", From: from, Why: "the connector is in test mode"},
			},
		},
		"switched off, null sender": {
			sections: []probes.SettingsOverride{{Enabled: &off}, {MailFrom: &null}},
			want: []row{{
				Path: asConfigured, NextHop: resolved, Until: "tls",
				Why: "probing is switched off (probe.enabled: false)",
			}},
		},
		"a message without a recipient": {
			sections: []probes.SettingsOverride{{Until: &message}},
			want: []row{{
				Path: asConfigured, NextHop: resolved, Until: "message", From: from,
				Why: "until: message needs validation_recipients",
			}},
		},
		"a range that is too wide, and one that is not": {
			change: func(c *mailflow.OutboundConnector) { c.SmartHosts = []string{"192.0.2.0/27", "192.0.2.0/28"} },
			want: []row{
				{
					Path: "192.0.2.0/27", NextHop: "192.0.2.0/27", Until: "tls", From: from,
					Why: "the range has more than 16 addresses",
				},
				{Path: "192.0.2.0/28", NextHop: "192.0.2.0/28", Until: "tls", From: from},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			connector := mailflow.OutboundConnector{UseMXRecord: mailflow.No, SmartHosts: []string{asConfigured}}
			connector.Name, connector.Type = "To on-premises", mailflow.OnPremises
			if c.change != nil {
				c.change(&connector)
			}
			if diff := cmp.Diff(c.want, plan(connector, c.sections...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
