package probes_test

import (
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// A refusal of the tenant's own domain as a sender from outside is about the prober only if MAIL FROM is of an accepted
// domain.
func TestOwnSender(t *testing.T) {
	const defaultSender = ""
	for _, tt := range []struct {
		from   string // probe.mail_from
		module string // mail_from of a module of /probe
		want   bool
	}{
		{defaultSender, "", true},
		{"probe@contoso.com", "", true},
		{"probe@MAIL.contoso.com", "", true},
		{"probe@contoso.com.example", "", false},
		{"probe@fabrikam.com", "", false},
		{"<>", "", false},
		{defaultSender, "other@contoso.com", true},
		{defaultSender, "other@fabrikam.com", false},
		{defaultSender, "<>", false},
	} {
		tenant := mailflow.Tenant{
			Name: "contoso",
			AcceptedDomains: []mailflow.AcceptedDomain{
				{Name: "contoso.com", Default: mailflow.Yes, MatchSubDomains: mailflow.Yes},
			},
			Outbound: []mailflow.OutboundConnector{{
				Common: mailflow.Common{Name: "c"}, SmartHosts: []string{"mail.contoso.com"},
			}},
		}
		sections := []probes.SettingsOverride{{MailFrom: &tt.from}}
		all := func(string, mailflow.Direction, string, string) []probes.SettingsOverride { return sections }
		p := probes.Plan([]mailflow.Tenant{tenant}, all, "prober.example")[0]
		if tt.module != "" {
			p = p.WithOverride(probes.SettingsOverride{MailFrom: &tt.module})
		}
		if p.OwnSender != tt.want {
			t.Errorf("mail_from %q, module %q: MAIL FROM:<%s> is own: %v, want %v", tt.from, tt.module, p.MailFrom,
				p.OwnSender, tt.want)
		}
	}
}
