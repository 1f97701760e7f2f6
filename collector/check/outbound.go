package check

import (
	"slices"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// outboundChecks judge the next hop and the TLS settings of an outbound connector.
func outboundChecks() []Check {
	return slices.Concat(smartHostChecks(), tlsSettingsChecks())
}

func smartHostChecks() []Check {
	return []Check{
		{
			Code: "smart_hosts_missing", Severity: Critical, Scope: ScopeOutbound,
			Title:    "A connector that does not use the MX record has no smart host",
			When:     "UseMXRecord is false and SmartHosts is empty",
			Remedy:   "Add a smart host, or set UseMXRecord to true.",
			Source:   "Set-OutboundConnector, SmartHosts: required if UseMXRecord is false",
			Silences: []string{"connector_not_probeable", "connector_not_validated", "connector_validation_stale"},
			Find: eachOutbound(func(_ *Facts, _ *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
				if c.UseMXRecord == mailflow.No && len(c.SmartHosts) == 0 && c.IsKnown("smart_hosts") {
					report(newFinding("UseMXRecord is false and SmartHosts is empty."))
				}
			}),
		},
		{
			Code: "smart_hosts_ignored", Severity: Warning, Scope: ScopeOutbound,
			Title:  "A connector that uses the MX record also has smart hosts",
			When:   "UseMXRecord is true and SmartHosts is not empty",
			Remedy: "Remove the smart hosts, or set UseMXRecord to false if mail should go to them.",
			Source: "Set-OutboundConnector, UseMXRecord",
			Find: eachOutbound(func(_ *Facts, _ *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
				if c.UseMXRecord == mailflow.Yes && len(c.SmartHosts) > 0 {
					report(newFinding("UseMXRecord is true, so these smart hosts are not used: %s.", list(c.SmartHosts)))
				}
			}),
		},
		{
			Code: "smart_host_is_exchange_online", Severity: Critical, Scope: ScopeOutbound,
			Title: "A smart host is Exchange Online itself",
			When: "A smart host is an address in a range of Exchange Online, or the tenant's own MX, which makes a loop: " +
				"critical. A smart host is the Exchange Online host of another tenant: info",
			Remedy: "Enter the intended mail server. To reach another tenant, use its MX name " +
				"(<domain>.mail.protection.outlook.com) and never an address, because addresses change.",
			Source: "\"Mail sent to the wrong Office 365 region\" (wrong-office-365-region-exo); 5.4.14 routing loop detected",
			Find:   eachOutbound(findExchangeSmartHost),
		},
		{
			Code: "smart_host_private_address", Severity: Warning, Scope: ScopeOutbound,
			Title: "A smart host is an address that Exchange Online cannot reach",
			When: "A smart host is a private, carrier-grade NAT, loopback, link-local or reserved address or range. Names are " +
				"not judged: this host's DNS may answer differently from Microsoft's",
			Remedy: "Enter the mail server's public address or name.",
			Source: "Set-OutboundConnector, SmartHosts; RFC 1918; RFC 6890",
			Find: eachOutbound(func(_ *Facts, _ *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
				for _, host := range usedSmartHosts(c) {
					if r, ok := literal(host); ok && notPubliclyRoutable(r) != "" {
						report(newFinding("The smart host %s is %s.", host, notPubliclyRoutable(r)))
					}
				}
			}),
		},
	}
}

func tlsSettingsChecks() []Check {
	return []Check{
		{
			Code: "tls_opportunistic", Severity: Warning, Scope: ScopeOutbound,
			Title: "Mail to your own servers may be sent unencrypted",
			When:  "TlsSettings of an OnPremises connector is null",
			Remedy: "Set TlsSettings to DomainValidation and TlsDomain to the server's name, as the Hybrid Configuration " +
				"Wizard does, or at least TlsSettings to EncryptionOnly.",
			Source: "Set-OutboundConnector, TlsSettings; set-up-connectors-to-route-mail, prerequisites",
			Find: eachOutbound(func(_ *Facts, _ *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
				if c.Type == mailflow.OnPremises && c.TLSSettings == mailflow.Opportunistic && c.IsKnown("tls_settings") {
					report(newFinding("TlsSettings is null: Exchange Online tries TLS and sends without it if that fails."))
				}
			}),
		},
		{
			Code: "tls_domain_missing", Severity: Critical, Scope: ScopeOutbound,
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
			Code: "tls_domain_ignored", Severity: Warning, Scope: ScopeOutbound,
			Title:  "TlsDomain is set but not validated",
			When:   "TlsDomain is set and TlsSettings is not DomainValidation",
			Remedy: "Set TlsSettings to DomainValidation, or remove TlsDomain.",
			Source: "Set-OutboundConnector, TlsDomain: only with DomainValidation",
			Find: eachOutbound(func(_ *Facts, _ *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
				if c.TLSDomain != "" && c.TLSSettings != mailflow.DomainValidation && c.IsKnown("tls_settings") {
					report(newFinding("TlsDomain is %s, but TlsSettings is %s.", c.TLSDomain, formatTLSSettings(c.TLSSettings)))
				}
			}),
		},
	}
}

// formatTLSSettings returns the value as PowerShell shows it.
func formatTLSSettings(s mailflow.TLSSettings) string {
	if s == mailflow.Opportunistic {
		return "null"
	}
	return string(s)
}

// usedSmartHosts returns the smart hosts that mail goes to.
func usedSmartHosts(c *mailflow.OutboundConnector) []string {
	if c.UseMXRecord == mailflow.Yes {
		return nil
	}
	return c.SmartHosts
}

func findExchangeSmartHost(f *Facts, t *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
	for _, host := range usedSmartHosts(c) {
		if r, ok := literal(host); ok {
			if published, ok := mailflow.ExchangeOnlineRange(r); ok {
				report(newFinding("The smart host %s is in %s, a range of Exchange Online.", host, published))
			}
			continue
		}
		if domain, ok := t.ownMX(host); ok {
			report(newFinding("The smart host %s is the MX of %s, an accepted domain of this tenant: mail loops.",
				host, domain))
		} else if mailflow.IsExchangeOnline(host, f.ExchangeHosts) {
			report(newFinding("The smart host %s is a host of Exchange Online.", host).withSeverity(Info))
		}
	}
}

// ownMX returns the accepted domain whose MX the host is, if it is an Exchange Online host: by the name that Exchange
// Online gives the domain's MX, and by DNS if it was queried.
func (t *tenant) ownMX(host string) (domain string, ok bool) {
	host = plainHost(host)
	if domain, ok = t.exchangeMX[host]; ok || !mailflow.IsExchangeOnline(host, nil) {
		return domain, ok
	}
	label, _, _ := strings.Cut(host, ".")
	domain, ok = t.exchangeMX[label]
	return domain, ok
}

func plainHost(host string) string {
	return strings.ToLower(strings.TrimSuffix(strings.TrimSpace(host), "."))
}

// literal parses a smart host that is an address, with or without brackets, or a range.
func literal(host string) (mailflow.Range, bool) {
	address := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(host), "["), "]")
	r, problem := mailflow.ParseRange(address)
	return r, problem != mailflow.RangeUnreadable
}

// notPubliclyRoutable returns the kind of special-purpose range that makes r unreachable from the internet; "" if it is
// reachable. Documentation ranges count as reachable: they occur in examples only.
func notPubliclyRoutable(r mailflow.Range) string {
	if kind := r.Special(); kind.Use != mailflow.Public && kind.Use != mailflow.Documentation {
		return kind.String()
	}
	return ""
}
