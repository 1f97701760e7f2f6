package check

import (
	"cmp"
	"time"

	"m365_connector_exporter/probes/mailflow"
)

// Firewall is a list of addresses that may connect to the mail servers, compared with those of Exchange Online.
type Firewall struct {
	File      string // the list
	Endpoints string // the file or URL that the published ranges are of; "" for the built-in ones
	Missing   []mailflow.Uncovered

	Fetched time.Time // when they were fetched from the URL; zero for a file, and while they could not be
	URL     string    // that they are to be fetched from; "" if they are not
	Problem string    // why the latest attempt failed; "" if it did not
}

// Ages of fetched ranges. They are fetched daily and change about once a month.
const (
	endpointsLate = 3 * 24 * time.Hour
	endpointsOld  = 35 * 24 * time.Hour
)

// firewallChecks judge a firewall's list that is configured, or that `audit` was given.
func firewallChecks() []Check {
	return []Check{{
		Code: "firewall_incomplete", Severity: Warning, Scope: ScopeExporter,
		Title: "The firewall's list lacks address ranges of Exchange Online",
		When: "An address range that Microsoft publishes for Exchange Online and TCP port 25 is not in the list of " +
			"`firewall.file` or `audit --firewall FILE`, or only a part of it. UNCERTAIN without `firewall.endpoints` or " +
			"`--endpoints FILE`, because the built-in ranges are those of July 2022, and if the published ranges were " +
			"fetched more than 35 days ago",
		Remedy: "Allow the ranges to connect to TCP port 25 of the mail servers. IPv6 ranges matter if a smart host or MX " +
			"has an AAAA record, because Exchange Online prefers IPv6. To compare with the current ranges, save the answer " +
			"of https://endpoints.office.com/endpoints/worldwide?clientrequestid=GUID to a file, or let the daemon fetch it.",
		Source: "Microsoft 365 URLs and IP address ranges, Exchange Online; Microsoft 365 IP Address and URL web service",
		Find:   findFirewallIncomplete,
	}, {
		Code: "endpoints_not_read", Severity: Info, Scope: ScopeExporter,
		Title: "The published address ranges of Exchange Online cannot be fetched",
		When: "The URL of `firewall.endpoints` has not been read successfully for three days, or never. The ranges of the " +
			"last good answer stay in use, or those of July 2022",
		Remedy: "Allow this host to connect to endpoints.office.com, TCP port 443, without a proxy; or keep a file of the " +
			"answer and name it in `firewall.endpoints`.",
		Source: "This exporter's configuration, `firewall.endpoints`; Microsoft 365 IP Address and URL web service",
		Find: func(f *Facts, report func(Finding)) {
			switch compared := f.Firewall; {
			case compared == nil || compared.Problem == "":
			case compared.Fetched.IsZero():
				report(newFinding("%s has never been read: %s.", compared.URL, compared.Problem))
			case f.Now.Sub(compared.Fetched) > endpointsLate:
				report(newFinding("%s was last read on %s. The latest attempt failed: %s.",
					compared.URL, day(compared.Fetched), compared.Problem))
			}
		},
	}}
}

func findFirewallIncomplete(f *Facts, report func(Finding)) {
	if f.Firewall == nil {
		return
	}
	uncertain := ""
	switch at := f.Firewall.Fetched; {
	case f.Firewall.Endpoints == "":
		uncertain = "the published ranges are those of July 2022"
	case !at.IsZero() && f.Now.Sub(at) > endpointsOld:
		uncertain = "the published ranges are those of " + day(at)
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
		report(newFinding("%s %s %s (%s), which is in %s.", f.Firewall.File, what, m.Range, family,
			cmp.Or(f.Firewall.Endpoints, "the built-in list")).uncertain(uncertain))
	}
}
