package probes_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// line is a path as one comparable row: what is resolved, how far, from whom, to whom, and why not.
type line struct {
	Target, Hop, Until, From, Why string
	To                            []string
}

func plan(t *testing.T, c mailflow.OutboundConnector, layers ...probes.SettingsOverride) []line {
	t.Helper()
	tenant := mailflow.Tenant{
		Name:            "contoso",
		AcceptedDomains: []mailflow.AcceptedDomain{{Name: "contoso.com", Default: mailflow.Yes}},
		Outbound:        []mailflow.OutboundConnector{c},
	}
	var rows []line
	all := func(string, mailflow.Direction, string, string) []probes.SettingsOverride { return layers }
	for _, p := range probes.Plan([]mailflow.Tenant{tenant}, all, "prober.example") {
		rows = append(rows, line{p.ID.String(), p.NextHop, p.Settings.Until.String(), p.MailFrom, p.NotProbed + p.NotProbeable, p.Recipients})
	}
	return rows
}

func TestPlan(t *testing.T) {
	const from = "O365ConnectorValidation@contoso.com"
	connector := func(change func(*mailflow.OutboundConnector)) mailflow.OutboundConnector {
		c := mailflow.OutboundConnector{UseMXRecord: mailflow.No, SmartHosts: []string{"Mail.Contoso.com."}}
		c.Name, c.Type = "To on-premises", mailflow.OnPremises
		change(&c)
		return c
	}
	off, null, until := false, "<>", probes.Message
	tests := []struct {
		name   string
		change func(*mailflow.OutboundConnector)
		layers []probes.SettingsOverride
		want   []line
	}{
		{"smart host", func(*mailflow.OutboundConnector) {}, nil, []line{
			{Target: "contoso/outbound/To%20on-premises/Mail.Contoso.com.", Hop: "mail.contoso.com", Until: "tls", From: from},
		}},
		{"recipients ask for the recipient stage", func(c *mailflow.OutboundConnector) {
			c.ValidationRecipients = []string{"a@contoso.com"}
		}, nil, []line{
			{"contoso/outbound/To%20on-premises/Mail.Contoso.com.", "mail.contoso.com", "recipient", from, "", []string{"a@contoso.com"}},
		}},
		{"by MX, a path per plain domain, wildcards by their recipients", func(c *mailflow.OutboundConnector) {
			c.UseMXRecord, c.SmartHosts = mailflow.Yes, nil
			c.RecipientDomains = []string{"*.fabrikam.com", "b.example"}
			c.ValidationRecipients = []string{"x@eu.fabrikam.com"}
		}, nil, []line{
			{"contoso/outbound/To%20on-premises/b.example", "b.example", "tls", from, "", nil},
			{"contoso/outbound/To%20on-premises/eu.fabrikam.com", "eu.fabrikam.com", "recipient", from, "", []string{"x@eu.fabrikam.com"}},
		}},
		{"by MX and nobody to ask", func(c *mailflow.OutboundConnector) {
			c.UseMXRecord, c.RecipientDomains = mailflow.Yes, []string{"*"}
		}, nil, []line{
			{Target: "contoso/outbound/To%20on-premises/", Until: "tls", From: from, Why: "it routes by MX and names no domain: add validation_recipients"},
		}},
		{"disabled", func(c *mailflow.OutboundConnector) { c.Enabled = mailflow.No }, nil, []line{
			{Target: "contoso/outbound/To%20on-premises/Mail.Contoso.com.", Hop: "mail.contoso.com", Until: "tls", From: from, Why: "the connector is disabled"},
		}},
		{"test mode", func(c *mailflow.OutboundConnector) { c.TestMode = mailflow.Yes }, nil, []line{
			{Target: "contoso/outbound/To%20on-premises/Mail.Contoso.com.", Hop: "mail.contoso.com", Until: "tls", From: from, Why: "the connector is in test mode"},
		}},
		{"switched off, null sender", func(*mailflow.OutboundConnector) {}, []probes.SettingsOverride{{Enabled: &off}, {MailFrom: &null}}, []line{
			{Target: "contoso/outbound/To%20on-premises/Mail.Contoso.com.", Hop: "mail.contoso.com", Until: "tls", Why: "probing is switched off (probe.enabled: false)"},
		}},
		{"a message needs a recipient", func(*mailflow.OutboundConnector) {}, []probes.SettingsOverride{{Until: &until}}, []line{
			{Target: "contoso/outbound/To%20on-premises/Mail.Contoso.com.", Hop: "mail.contoso.com", Until: "message", From: from, Why: "until: message needs validation_recipients"},
		}},
		{"a range too wide, a range that fits", func(c *mailflow.OutboundConnector) {
			c.SmartHosts = []string{"192.0.2.0/27", "192.0.2.0/28"}
		}, nil, []line{
			{Target: "contoso/outbound/To%20on-premises/192.0.2.0%2F27", Hop: "192.0.2.0/27", Until: "tls", From: from, Why: "the range has more than 16 addresses"},
			{Target: "contoso/outbound/To%20on-premises/192.0.2.0%2F28", Hop: "192.0.2.0/28", Until: "tls", From: from},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, plan(t, connector(test.change), test.layers...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNearestLayerWins(t *testing.T) {
	minute, port := time.Minute, uint16(2525)
	hour := time.Hour
	layers := func(string, mailflow.Direction, string, string) []probes.SettingsOverride {
		return []probes.SettingsOverride{{Interval: &hour, Port: &port}, {Interval: &minute}}
	}
	c := mailflow.OutboundConnector{SmartHosts: []string{"192.0.2.1"}}
	c.Type = mailflow.Partner
	got := probes.Plan([]mailflow.Tenant{{Outbound: []mailflow.OutboundConnector{c}}}, layers, "h")[0].Settings
	if got.Interval != minute || got.Port != port || got.Timeout != 30*time.Second {
		t.Errorf("settings = %+v", got)
	}
}

func TestMatch(t *testing.T) {
	id := func(c, p string) probes.PathID {
		return probes.PathID{Tenant: "contoso", Direction: mailflow.Outbound, Connector: c, Path: p}
	}
	ids := []probes.PathID{id("A/B", "h1"), id("A/B", "h2"), id("C", "h1")}
	for target, want := range map[string]int{
		"contoso": 3, "contoso/outbound": 3, "contoso/A%2FB": 2, "contoso/outbound/A%2FB/h1": 1, "contoso/C/h1": 1, "nobody": 0, "contoso/A/B": 0,
	} {
		got, err := probes.Match(target, ids)
		if err != nil || len(got) != want {
			t.Errorf("Match(%q) = %v, %v; want %d", target, got, err, want)
		}
	}
	for _, bad := range []string{"", "a//b", "a/outbound//h1", "a/b/c/d/e", "%zz"} {
		if _, err := probes.Match(bad, ids); err == nil {
			t.Errorf("Match(%q): no error", bad)
		}
	}
	for _, want := range ids {
		if got, err := probes.Match(want.String(), ids); err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("Match(%q) = %v, %v", want.String(), got, err)
		}
	}
}

func TestReasonsAreComplete(t *testing.T) {
	seen := map[probes.Reason]bool{}
	for _, r := range probes.Reasons {
		if seen[r.Reason] || r.Sentence == "" || r.Remedy == "" || r.Outcome != probes.Failed && r.Outcome != probes.Inconclusive {
			t.Errorf("catalogue line %+v", r)
		}
		seen[r.Reason] = true
	}
}

// TestOutcomeOfNoStage: an until that is no stage is read as the last one.
func TestOutcomeOfNoStage(t *testing.T) {
	var e probes.Endpoint
	for i := range e.Steps {
		e.Steps[i].Outcome = probes.Passed
	}
	for _, until := range []probes.Stage{probes.NumStages, 200} {
		if got := e.Outcome(until); got != probes.Passed {
			t.Errorf("%d: %s", until, got)
		}
	}
}
