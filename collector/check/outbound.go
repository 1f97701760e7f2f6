package check

import (
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// outboundChecks judge the next hop and the TLS of an outbound connector as configured.
func outboundChecks() []Check {
	return []Check{
		{
			Code: "smart_hosts_missing", Severity: Critical,
			Title:    "A connector that does not use the MX record has no smart host",
			When:     "UseMXRecord is false and SmartHosts is empty",
			Remedy:   "Add a smart host, or set UseMXRecord to true.",
			Source:   "Set-OutboundConnector, SmartHosts: required when UseMXRecord is false",
			Silences: []string{"connector_not_probeable", "connector_not_validated", "connector_validation_stale"},
			Find: eachOutbound(func(_ *Facts, _ *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
				if c.UseMXRecord == mailflow.No && len(c.SmartHosts) == 0 && c.IsKnown("smart_hosts") {
					report(newFinding("UseMXRecord is false and SmartHosts is empty."))
				}
			}),
		},
		{
			Code: "smart_hosts_ignored", Severity: Warning,
			Title:  "A connector that uses the MX record also has smart hosts",
			When:   "UseMXRecord is true and SmartHosts is not empty",
			Remedy: "Remove the smart hosts, or set UseMXRecord to false if mail is meant to go to them.",
			Source: "Set-OutboundConnector, UseMXRecord",
			Find: eachOutbound(func(_ *Facts, _ *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
				if c.UseMXRecord == mailflow.Yes && len(c.SmartHosts) > 0 {
					report(newFinding("UseMXRecord is true, so these smart hosts are not used: %s.", list(c.SmartHosts)))
				}
			}),
		},
		{
			Code: "smart_host_is_exchange_online", Severity: Critical,
			Title:  "A smart host is Exchange Online itself",
			When:   "A smart host is an address in a range of Exchange Online, or the tenant's own MX, which makes a loop: critical. It is the Exchange Online host of another tenant: info",
			Remedy: "Enter the mail server that is meant. To reach another tenant, use its MX name (<domain>.mail.protection.outlook.com), never an address: they change.",
			Source: "\"Mail sent to the wrong Office 365 region\" (wrong-office-365-region-exo); 5.4.14 routing loop detected",
			Find:   eachOutbound(findExchangeSmartHost),
		},
		{
			Code: "smart_host_private_address", Severity: Warning,
			Title:  "A smart host is an address that Exchange Online cannot reach",
			When:   "A smart host is a literal address or range that is private, shared by carriers, loopback, link-local or reserved. Names are not judged: this host's DNS may answer otherwise than Microsoft's",
			Remedy: "Enter the public address or name of the mail server.",
			Source: "Set-OutboundConnector, SmartHosts; RFC 1918; RFC 6890",
			Find: eachOutbound(func(_ *Facts, _ *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
				for _, host := range usedSmartHosts(c) {
					if r, ok := literal(host); ok && notPubliclyRoutable(r) != "" {
						report(newFinding("The smart host %s is %s.", host, notPubliclyRoutable(r)))
					}
				}
			}),
		},
		{
			Code: "tls_opportunistic", Severity: Warning,
			Title:  "Mail to the own servers may be sent in clear text",
			When:   "An OnPremises connector's TlsSettings is null",
			Remedy: "Set TlsSettings to DomainValidation with the server's name in TlsDomain, as the Hybrid Configuration Wizard does, or at least to EncryptionOnly.",
			Source: "Set-OutboundConnector, TlsSettings; set-up-connectors-to-route-mail, prerequisites",
			Find: eachOutbound(func(_ *Facts, _ *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
				if c.Type == mailflow.OnPremises && c.TLSSettings == mailflow.Opportunistic && c.IsKnown("tls_settings") {
					report(newFinding("TlsSettings is null: TLS is tried, and mail goes out without it where it fails."))
				}
			}),
		},
		{
			Code: "tls_domain_missing", Severity: Critical,
			Title:    "DomainValidation has no name to validate",
			When:     "TlsSettings is DomainValidation and TlsDomain is empty",
			Remedy:   "Set TlsDomain to the name in the server's certificate.",
			Source:   "Set-OutboundConnector, TlsDomain",
			Silences: []string{"certificate_name_mismatch"},
			Find: eachOutbound(func(_ *Facts, _ *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
				if c.TLSSettings == mailflow.DomainValidation && c.TLSDomain == "" && c.IsKnown("tls_domain") {
					report(newFinding("TlsSettings is DomainValidation and TlsDomain is empty."))
				}
			}),
		},
		{
			Code: "tls_domain_ignored", Severity: Warning,
			Title:  "A name is configured that nothing validates",
			When:   "TlsDomain is set and TlsSettings is not DomainValidation",
			Remedy: "Set TlsSettings to DomainValidation, or remove TlsDomain.",
			Source: "Set-OutboundConnector, TlsDomain: only with DomainValidation",
			Find: eachOutbound(func(_ *Facts, _ *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
				if c.TLSDomain != "" && c.TLSSettings != mailflow.DomainValidation && c.IsKnown("tls_settings") {
					report(newFinding("TlsDomain is %s, but TlsSettings is %s.", c.TLSDomain, settingsWord(c.TLSSettings)))
				}
			}),
		},
	}
}

func settingsWord(s mailflow.TLSSettings) string {
	if s == mailflow.Opportunistic {
		return "null"
	}
	return string(s)
}

// usedSmartHosts are the smart hosts that mail goes to.
func usedSmartHosts(c *mailflow.OutboundConnector) []string {
	if c.UseMXRecord == mailflow.Yes {
		return nil
	}
	return c.SmartHosts
}

func findExchangeSmartHost(f *Facts, t *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
	for _, host := range usedSmartHosts(c) {
		if r, ok := literal(host); ok {
			if known, ok := mailflow.ExchangeOnlineRange(r); ok {
				report(newFinding("The smart host %s lies in %s, a range of Exchange Online.", host, known))
			}
			continue
		}
		if domain, ok := f.ownMX(t, host); ok {
			report(newFinding("The smart host %s is the MX of %s, an accepted domain of this tenant: mail comes back.", host, domain))
		} else if mailflow.IsExchangeOnline(host, f.ExchangeHosts) {
			report(newFinding("The smart host %s is a host of Exchange Online.", host).withSeverity(Info))
		}
	}
}

// ownMX tells of which accepted domain a host is Exchange Online's MX: by DNS where it was asked, and by the name that Exchange Online
// gives to it.
func (f *Facts) ownMX(t *tenant, host string) (domain string, ok bool) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, d := range t.AcceptedDomains {
		if mailflow.IsExchangeOnlineMXOf(host, d.Name) {
			return d.Name, true
		}
		for _, mx := range f.MX[d.Name] {
			if strings.EqualFold(strings.TrimSuffix(mx, "."), host) && mailflow.IsExchangeOnline(mx, f.ExchangeHosts) {
				return d.Name, true
			}
		}
	}
	return "", false
}

// literal reads a smart host that is an address, in brackets or not, or a range.
func literal(host string) (mailflow.Range, bool) {
	r, fault := mailflow.ParseRange(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(host), "["), "]"))
	return r, fault != mailflow.RangeUnreadable
}

// notPubliclyRoutable says why no mail server on the internet has an address of this range; "" where it may. Ranges for documentation stand
// in examples and nowhere else: they are nobody's mistake.
func notPubliclyRoutable(r mailflow.Range) string {
	if kind := r.Special(); kind != mailflow.SpecialDocumentation {
		return kind
	}
	return ""
}
