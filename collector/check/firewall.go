package check

import (
	"cmp"

	"m365_connector_exporter/probes/mailflow"
)

// Firewall is a list of addresses that may connect to the mail servers, compared with those of Exchange Online.
type Firewall struct {
	File      string // the list
	Endpoints string // the file with the published ranges; "" for the built-in ones
	Missing   []mailflow.Uncovered
}

// firewallChecks judge a firewall's list that `audit` was given.
func firewallChecks() []Check {
	return []Check{{
		Code: "firewall_incomplete", Severity: Warning, Scope: ScopeExporter,
		Title: "The firewall's list lacks address ranges of Exchange Online",
		When: "`audit --firewall FILE`: an address range that Microsoft publishes for Exchange Online and TCP port 25 is " +
			"not in the list, or only a part of it. UNCERTAIN without `--endpoints FILE`: the built-in ranges are those of " +
			"July 2022",
		Remedy: "Allow the ranges to connect to TCP port 25 of the mail servers. Ranges of IPv6 matter where a smart host " +
			"or MX has an AAAA record: Exchange Online prefers IPv6. Keep a file of the current ranges: " +
			"https://endpoints.office.com/endpoints/worldwide?clientrequestid=GUID.",
		Source: "Microsoft 365 URLs and IP address ranges, Exchange Online; Microsoft 365 IP Address and URL web service",
		Find:   findFirewallIncomplete,
	}}
}

func findFirewallIncomplete(f *Facts, report func(Finding)) {
	if f.Firewall == nil {
		return
	}
	uncertain := ""
	if f.Firewall.Endpoints == "" {
		uncertain = "the published ranges are those of July 2022"
	}
	for _, m := range f.Firewall.Missing {
		family := "IPv6"
		if m.Range.Addr().Is4() {
			family = "IPv4"
		}
		what := "does not contain"
		if m.Partly {
			what = "contains only a part of"
		}
		report(newFinding("%s %s %s (%s), which %s has.", f.Firewall.File, what, m.Range, family,
			cmp.Or(f.Firewall.Endpoints, "the built-in list")).uncertain(uncertain))
	}
}
