package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"m365_connector_exporter/probes/mailflow"
)

// serverChecks judge servers that hand mail to Exchange Online, and the connector that Exchange Online uses for a
// domain.
func serverChecks() []Check {
	return []Check{
		{
			Code: "server_out_of_date", Severity: Critical, Scope: ScopeTenant,
			Title: "Exchange Online throttles or blocks mail from an outdated Exchange server",
			When: "Get-OnPremServerReportInfo has a date for a server on which throttling or blocking begins: warning; " +
				"critical from 14 days before blocking. A pause (Get-TenantExemptionInfo) postpones blocking; one whose end is " +
				"not known lowers the severity to warning. Not judged without Get-OnPremServerReportInfo",
			Remedy: "Install one of the recommended builds, or migrate the server to Exchange Server SE. If that takes " +
				"longer, pause the enforcement with New-TenantExemptionInfo: at most 90 days in a year, and it cannot be ended " +
				"early.",
			Source: "\"Throttling and Blocking Email from Persistently Vulnerable Exchange Servers to Exchange Online\" " +
				"(4007169); 450 4.7.230, 550 5.7.230",
			Needs: mailflow.GetOnPremServerReport,
			Find:  eachTenant(findOutOfDate),
		},
		{
			Code: "connector_differs_from_microsoft", Severity: Warning, Scope: ScopeTenant,
			Title: "Exchange Online uses another connector for a domain than the documented order gives",
			When: "Get-OutboundConnectorReport names a connector for a domain that the documented order (exact domain, all " +
				"accepted domains, longest wildcard) does not give. UNCERTAIN where that order is not clear. Connectors that " +
				"mail flow rules select are not compared. Not judged without Get-OutboundConnectorReport",
			Remedy: "Compare the connectors' RecipientDomains with the domain. If a connector was changed within the last " +
				"hour, wait and export again; otherwise the connector that Exchange Online names is the one that counts.",
			Source: "Get-OutboundConnectorReport; set-up-connectors-to-route-mail, \"What happens when I have multiple " +
				"connectors\"",
			Needs: mailflow.GetOutboundReport,
			Find:  eachTenant(findDifferentRoute),
		},
	}
}

// beforeBlocking is how long before blocking a finding becomes critical.
const beforeBlocking = 14 * 24 * time.Hour

func findOutOfDate(f *Facts, t *tenant, report func(Finding)) {
	until, paused := t.Organization.PausedAt(f.Now)
	for i := range t.Organization.Servers {
		s := &t.Organization.Servers[i]
		blocked := s.Blocked
		if blocked.IsZero() && s.Throttled.IsZero() {
			continue // up to date
		}
		one := newFinding("%s", serverEvidence(s, f.Now)).withSeverity(Warning)
		if paused {
			one.Evidence[0] += " " + pauseEvidence(until)
			blocked = latest(blocked, until)
		}
		endKnown := !paused || !until.IsZero()
		if !blocked.IsZero() && endKnown && !f.Now.Before(blocked.Add(-beforeBlocking)) {
			one = one.withSeverity(Critical)
		}
		report(one)
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func pauseEvidence(until time.Time) string {
	if until.IsZero() {
		return "Enforcement is paused; the end of the pause is not known."
	}
	return "Enforcement is paused until " + day(until) + "."
}

func serverEvidence(s *mailflow.OnPremServer, now time.Time) string {
	var parts []string
	for _, stage := range []struct {
		at            time.Time
		future, since string
	}{
		{s.Throttled, "throttles it from", "throttles it since"},
		{s.Blocked, "blocks it from", "blocks it since"},
	} {
		if stage.at.IsZero() {
			continue
		}
		verb := stage.future
		if !now.Before(stage.at) {
			verb = stage.since
		}
		parts = append(parts, verb+" "+day(stage.at))
	}
	text := fmt.Sprintf("%s has build %s: Exchange Online %s.", s.Name, cmp.Or(s.Build, "unknown"),
		strings.Join(parts, " and "))
	if len(s.RecommendedBuilds) > 0 {
		text += " Recommended: " + list(s.RecommendedBuilds) + "."
	}
	return text
}

func findDifferentRoute(_ *Facts, t *tenant, report func(Finding)) {
	if len(t.Organization.Routes) == 0 {
		return
	}
	routes, ids := mailflow.NewRoutes(t.Tenant), t.outboundIDs()
	if !routes.Known {
		return
	}
	for _, r := range t.Organization.Routes {
		predicted := routes.Predict(r.Domain)
		named := ids.comparable(append([]string{r.Connector}, r.More...))
		if len(named) == 0 || slices.ContainsFunc(named, func(name string) bool {
			return slices.ContainsFunc(predicted.Connectors, func(p string) bool { return strings.EqualFold(p, name) })
		}) {
			continue
		}
		expected := "no connector"
		if len(predicted.Connectors) > 0 {
			expected = list(predicted.Connectors)
		}
		report(newFinding("For %s Exchange Online names %s; the documented order gives %s.", r.Domain, list(named), expected).
			uncertain(predicted.Uncertain))
	}
}

// comparable returns the connectors that the documented order can give: not those that mail flow rules select, nor
// those that get all mail of the tenant.
func (ids outboundIDs) comparable(names []string) []string {
	return slices.DeleteFunc(names, func(name string) bool {
		c := ids.find(name)
		return name == "" || c != nil && (c.IsTransportRuleScoped == mailflow.Yes ||
			c.RouteAllMessagesViaOnPremises == mailflow.Yes)
	})
}
