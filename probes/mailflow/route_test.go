package mailflow_test

import (
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes/mailflow"
)

func TestPredictRoute(t *testing.T) {
	out := func(name string, domains ...string) mailflow.OutboundConnector {
		return mailflow.OutboundConnector{
			Common: mailflow.Common{Name: name}, RecipientDomains: domains, IsTransportRuleScoped: mailflow.No,
		}
	}
	all := out("all")
	all.AllAcceptedDomains = mailflow.Yes
	byRule, disabled, testMode := out("rule", "contoso.com"), out("off", "contoso.com"), out("test", "contoso.com")
	byRule.IsTransportRuleScoped, disabled.Enabled, testMode.TestMode = mailflow.Yes, mailflow.No, mailflow.Yes
	type those []mailflow.OutboundConnector
	for name, c := range map[string]struct {
		connectors those
		domain     string
		want       string
		uncertain  bool
	}{
		"exact":                    {those{all, out("a", "contoso.com"), out("b", "*")}, "Contoso.com", "a", false},
		"all accepted":             {those{all}, "contoso.com", "all", false},
		"all accepted, foreign":    {those{all}, "example.net", "", false},
		"longest wildcard":         {those{out("a", "*.net"), out("b", "*.example.net")}, "x.example.net", "b", false},
		"wildcard of the domain":   {those{out("b", "*.example.net")}, "example.net", "b", true},
		"accepted or wildcard":     {those{all, out("b", "*")}, "contoso.com", "all b", true},
		"two of one rank":          {those{out("a", "contoso.com"), out("b", "contoso.com")}, "contoso.com", "a b", true},
		"rules, disabled and test": {those{byRule, disabled, testMode}, "contoso.com", "", false},
		"none":                     {nil, "contoso.com", "", false},
	} {
		tenant := mailflow.Tenant{
			AcceptedDomains: []mailflow.AcceptedDomain{{Name: "contoso.com"}}, Outbound: c.connectors,
		}
		r := mailflow.NewRoutes(&tenant)
		got := r.Predict(c.domain)
		if strings.Join(got.Connectors, " ") != c.want || (got.Uncertain != "") != c.uncertain || !r.Known {
			t.Errorf("%s: %q, uncertain %q, known %t; want %s", name, got.Connectors, got.Uncertain, r.Known, c.want)
		}
	}
	unknown := out("x")
	unknown.MissingProperties = []string{"recipient_domains"}
	if mailflow.NewRoutes(&mailflow.Tenant{Outbound: []mailflow.OutboundConnector{unknown}}).Known {
		t.Error("the domains of a connector that lacks them are known")
	}
}

func TestRuleAppliesAt(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		rule mailflow.TransportRule
		want mailflow.Tri
	}{
		"enabled":      {mailflow.TransportRule{State: "Enabled", Mode: "Enforce"}, mailflow.Yes},
		"disabled":     {mailflow.TransportRule{State: "Disabled", Mode: "Enforce"}, mailflow.No},
		"audit":        {mailflow.TransportRule{State: "Enabled", Mode: "AuditAndNotify"}, mailflow.No},
		"expired":      {mailflow.TransportRule{State: "Enabled", Mode: "Enforce", Expiry: now}, mailflow.No},
		"later":        {mailflow.TransportRule{State: "Enabled", Mode: "Enforce", Activation: now.Add(1)}, mailflow.No},
		"mode missing": {mailflow.TransportRule{State: "Enabled"}, mailflow.Unknown},
	} {
		if got := c.rule.AppliesAt(now); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
