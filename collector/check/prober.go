package check

import (
	"m365_connector_exporter/probes"
)

// proberChecks judge what limits this exporter itself.
func proberChecks() []Check {
	return []Check{
		{
			Code: "vantage_blocked", Severity: Critical, Scope: ScopeExporter,
			Title: "This host cannot connect to any mail server",
			When:  "With three hosts or more, no path passes connect: rounds that end there are inconclusive",
			Remedy: "Check that this host may open connections to TCP port 25 (many clouds block it), or use `connect_to`, " +
				"another port or another host.",
			Source:   "This exporter: results reflect the network location of its host",
			Silences: []string{"connector_not_validated", "connector_validation_stale"},
			Find: func(f *Facts, report func(Finding)) {
				if f.VantageBlocked {
					report(newFinding("No path passes connect, and there are at least three hosts."))
				}
			},
		},
		{
			Code: "state_file_unusable", Severity: Warning, Scope: ScopeExporter,
			Title: "Test messages cannot be sent, and negative controls not run",
			When: "A path with `until: message` or `negative_controls` is probed, but the state file cannot be read, locked " +
				"or written: no message is sent and no control is run, because its time could not be recorded",
			Remedy: "Create the folder of `global.state_file`, make it writable for this exporter, and free space on its " +
				"file system.",
			Source: "This exporter's configuration, `state_file`",
			Find:   findStateFile,
		},
		{
			Code: "schedule_overloaded", Severity: Warning, Scope: ScopeTenant,
			Title: "Not all paths can be probed within their intervals",
			When: "The rounds of all paths to one address take longer than their intervals within " +
				"`max_concurrent_per_address` and `min_gap_per_address`, or those of all addresses together within " +
				"`max_concurrent`. Tenants are served in turn: a tenant with many paths delays its own rounds first. The " +
				"finding is about the exporter if the paths belong to several tenants",
			Remedy: "Lengthen the intervals of the tenant that is named first. For an address: lower `min_gap_per_address` or " +
				"raise `max_concurrent_per_address` if the server permits it. In total: raise `max_concurrent`.",
			Source: "This exporter's configuration, `min_gap_per_address`, `max_concurrent_per_address`, `max_concurrent`",
			Find:   findOverload,
		},
	}
}

// probingChecks judge what keeps a path from being probed.
func probingChecks() []Check {
	return []Check{
		{
			Code: "next_hop_address_refused", Severity: Warning, Scope: ScopePath,
			Title: "A next hop resolves to an address that this exporter must not connect to",
			When: "DNS returns an address of a special-purpose range (IANA): loopback, link-local, multicast, unspecified or " +
				"reserved, or, for Partner connectors and names in other organizations' DNS, also private, for documentation " +
				"or for benchmarks; or an IPv6 address that contains such an IPv4 address; and `allow_networks` does not " +
				"contain it",
			Remedy: "If the address is right, add its network to `global.allow_networks`; if not, correct the DNS record.",
			Source: "This exporter's configuration, `allow_networks`; RFC 6890",
			Find:   eachProbed(findRefusedAddress),
		},
		{
			Code: "connector_not_probeable", Severity: Info, Scope: ScopePath,
			Title: "The connector cannot be probed",
			When: "It routes by MX and names no domain, a range has more than 16 addresses, or the probe needs a recipient " +
				"and none is configured",
			Remedy: "Outbound: add validation_recipients, or narrow the range. Inbound: list the accepted domains, or " +
				"configure the sender's target and recipient.",
			Source: "This exporter's configuration",
			Find: eachProbed(func(_ *Facts, p *Path, report func(Finding)) {
				if p.NotProbeable != "" {
					report(newFinding("%s.", p.NotProbeable))
				}
			}),
		},
		{
			Code: "prober_roots_incomplete", Severity: Warning, Scope: ScopeExporter,
			Title: "This host's trusted roots do not verify Exchange Online's certificate",
			When:  "A host of Exchange Online shows a chain that does not verify with this exporter's trusted roots",
			Remedy: "Update the host's root certificates, or `global.ca_file`, so that they include DigiCert Global Root G2. " +
				"If they do, a device in between intercepts TLS.",
			Source: "MC1224565",
			Find:   findProberRoots,
		},
	}
}

func findRefusedAddress(_ *Facts, p *Path, report func(Finding)) {
	if p.Newest == nil {
		return
	}
	for i := range p.Newest.Endpoints {
		e := &p.Newest.Endpoints[i]
		if _, step, ok := e.FirstProblem(); ok && step.Reason == probes.ReasonAddressRefused {
			report(newFinding("%s: %s.", endpointName(e), step.Detail))
		}
	}
}

// findStateFile reports one finding for the whole exporter, if a path sends test messages or has negative controls.
func findStateFile(f *Facts, report func(Finding)) {
	if f.StateFileError == "" {
		return
	}
	var paths []string
	for i := range f.Paths {
		if p := &f.Paths[i]; p.Scheduled() && (p.Settings.Until == probes.Message || len(p.Controls) > 0) {
			paths = append(paths, p.ID.DisplayName())
		}
	}
	if len(paths) > 0 {
		report(newFinding("%s. Paths: %s.", f.StateFileError, list(paths)))
	}
}

// findProberRoots reports one finding for the whole exporter: its roots are the same for every path.
func findProberRoots(f *Facts, report func(Finding)) {
	eachCertificate(func(_ *Facts, c observedCertificate, _ func(Finding)) {
		trust := c.Verdicts[probes.VerdictTrust]
		if !c.exchangeOnline || trust.Outcome != probes.Failed || trust.Reason == probes.ReasonCertificateExpired {
			return
		}
		withG2 := "nor with DigiCert Global Root G2 alone"
		if c.MicrosoftRoot.Outcome == probes.Passed {
			withG2 = "but it does with DigiCert Global Root G2"
		}
		report(newFinding("%s: the chain of %s does not verify with this host's roots, %s.",
			c.source(), c.Chain[0].Subject, withG2))
	})(f, report)
}
