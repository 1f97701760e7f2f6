package check

import (
	"m365_connector_exporter/probes"
)

// proberChecks judge what keeps this exporter itself from seeing.
func proberChecks() []Check {
	return []Check{
		{
			Code: "vantage_blocked", Severity: Critical,
			Title:    "This host cannot reach any mail server",
			When:     "No path at all passes connect, of three hosts or more: rounds that end there prove nothing",
			Remedy:   "Check that this host may open TCP port 25 outward (many clouds block it), or use `connect_to`, another port or another place.",
			Source:   "This exporter: a probe speaks for its host's place in the network",
			Silences: []string{"connector_not_validated", "connector_validation_stale"},
			Find: func(f *Facts, report func(Finding)) {
				if f.VantageBlocked != "" {
					report(newFinding("%s", f.VantageBlocked))
				}
			},
		},
		{
			Code: "schedule_overloaded", Severity: Warning,
			Title:  "Not all paths can be probed within their intervals",
			When:   "The rounds of all paths that lead to one address do not fit into their intervals within `max_concurrent_per_address` and `min_gap_per_address`, or those of all addresses together within `max_concurrent`. Tenants are served in turn: a tenant with many paths delays its own rounds first",
			Remedy: "Lengthen the intervals of the tenant that is named first. For an address: lower `min_gap_per_address` or raise `max_concurrent_per_address` if the server permits it. In total: raise `max_concurrent`.",
			Source: "This exporter's configuration, `min_gap_per_address`, `max_concurrent_per_address`, `max_concurrent`",
			Find:   findOverload,
		},
		{
			Code: "next_hop_address_refused", Severity: Warning,
			Title:  "A next hop leads to an address that this exporter may not dial",
			When:   "DNS leads to loopback, link-local, multicast or unspecified addresses, or for Partner connectors and names in a stranger's DNS to private ones, and `allow_networks` does not allow it",
			Remedy: "If the address is right, add its network to `global.allow_networks`; if not, correct the DNS record.",
			Source: "This exporter's configuration, `allow_networks`",
			Find: eachProbed(func(_ *Facts, p *Path, report func(Finding)) {
				if p.Newest == nil {
					return
				}
				for i := range p.Newest.Endpoints {
					e := &p.Newest.Endpoints[i]
					if _, step, ok := e.FirstProblem(); ok && step.Reason == probes.ReasonAddressRefused {
						report(newFinding("%s: %s.", endpointName(e), step.Detail))
					}
				}
			}),
		},
		{
			Code: "connector_not_probeable", Severity: Info,
			Title:  "Nothing can be probed for this connector",
			When:   "It routes by MX and names no domain, a range has more than 16 addresses, or a recipient is asked for and none is configured",
			Remedy: "Outbound: add validation_recipients, or narrow the range. Inbound: list the accepted domains, or set the sender's target and recipient.",
			Source: "This exporter's configuration",
			Find: eachProbed(func(_ *Facts, p *Path, report func(Finding)) {
				if p.NotProbeable != "" {
					report(newFinding("%s.", p.NotProbeable))
				}
			}),
		},
		{
			Code: "prober_roots_incomplete", Severity: Warning,
			Title:  "This host's trusted roots do not verify Exchange Online",
			When:   "An Exchange Online host shows a chain that does not verify with the roots of this exporter",
			Remedy: "Update the host's root certificates, or `global.ca_file`: DigiCert Global Root G2 must be among them. If they are complete, something between intercepts TLS.",
			Source: "MC1224565",
			Find:   findProberRoots,
		},
	}
}

// findProberRoots is one finding for the whole exporter: its roots are the same for every path.
func findProberRoots(f *Facts, report func(Finding)) {
	eachCertificate(func(_ *Facts, _ *Path, c observedCertificate, _ func(Finding)) {
		trust := c.Verdicts[probes.VerdictTrust]
		if !c.exchangeOnline || c.client || trust.Outcome != probes.Failed || trust.Reason == probes.ReasonCertificateExpired {
			return
		}
		what := "nor with DigiCert Global Root G2 alone"
		if c.MicrosoftRoot.Outcome == probes.Passed {
			what = "but with DigiCert Global Root G2"
		}
		report(newFinding("%s: the chain of %s does not verify with this host's roots, %s.", c.source(), c.Chain[0].Subject, what))
	})(f, report)
}
