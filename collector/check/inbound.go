package check

import (
	"slices"

	"m365_connector_exporter/probes/mailflow"
)

// inboundChecks judge how an inbound connector authenticates its senders.
func inboundChecks() []Check {
	return slices.Concat(authenticationChecks(), senderAddressChecks())
}

func authenticationChecks() []Check {
	return []Check{
		{
			Code: "no_authentication", Severity: Critical, Scope: ScopeInbound,
			Title: "The connector has no sender authentication (no certificate, no IP address)",
			When: "An OnPremises connector has no TlsSenderCertificateName, no SenderIPAddresses and no " +
				"TrustedOrganizations: it matches no message",
			Remedy: "Set TlsSenderCertificateName, or SenderIPAddresses if the sender cannot present a certificate.",
			Source: "Set-InboundConnector; Updated Requirements for SMTP Relay through Exchange Online (3851357)",
			Silences: append(trustConsequences(),
				"inbound_connector_without_sender", "presented_certificate_not_configured"),
			Find: eachAttributing(findNoAuthentication),
		},
		{
			Code: "certificate_name_too_broad", Severity: Critical, Scope: ScopeInbound,
			Title: "TlsSenderCertificateName matches certificates of other organizations",
			When: "TlsSenderCertificateName of an OnPremises connector is *, a public suffix or a wildcard below one, " +
				"*.onmicrosoft.com, or in a domain of Microsoft. The wildcard of an accepted domain is never too broad",
			Remedy:   "Set TlsSenderCertificateName to a name in one of your own domains.",
			Source:   "Set-InboundConnector, TlsSenderCertificateName; MC1226222",
			Silences: []string{"certificate_domain_not_accepted"},
			Find: eachAttributing(func(_ *Facts, t *tenant, c *mailflow.InboundConnector, report func(Finding)) {
				if reason, broad := t.domains.TooBroad(c.TLSSenderCertificateName); broad {
					report(newFinding("TlsSenderCertificateName is %s: %s.", c.TLSSenderCertificateName, reason))
				}
			}),
		},
		{
			Code: "ip_authentication_only", Severity: Info, Scope: ScopeInbound,
			Title: "The connector authenticates its senders by IP address alone",
			When: "An OnPremises connector has SenderIPAddresses and no TlsSenderCertificateName. Not reported if all its " +
				"senders only send to the tenant's own recipients",
			Remedy: "If the sender can present a certificate with a name in an accepted domain, set TlsSenderCertificateName: " +
				"Microsoft prefers it. Without one, Exchange Online does not relay mail with the null sender or from other " +
				"domains.",
			Source: "MC1226222; KB 3169958",
			Find: eachAttributing(func(_ *Facts, t *tenant, c *mailflow.InboundConnector, report func(Finding)) {
				if byAddressAlone(c) && c.IsKnown("tls_sender_certificate_name") && !allInternal(t.senders[c.Name]) {
					report(newFinding("TlsSenderCertificateName is empty; SenderIPAddresses: %s.", list(c.SenderIPAddresses)))
				}
			}),
		},
		{
			Code: "inbound_connector_without_sender", Severity: Info, Scope: ScopeInbound,
			Title: "No sender is known for the connector",
			When: "An OnPremises connector has no configured sender and none can be assumed: the connector has no address, " +
				"and the tenant has no OnPremises outbound connector whose servers would show a certificate",
			Remedy: "Add a sender to the configuration so that its mail can be judged.",
			Source: "This exporter's configuration, `senders`",
			Find:   eachAttributing(findNoSender),
		},
	}
}

func senderAddressChecks() []Check {
	return []Check{
		{
			Code: "sender_address_invalid", Severity: Critical, Scope: ScopeInbound,
			Title:  "Exchange Online does not accept an address in SenderIPAddresses",
			When:   "SenderIPAddresses contains an IPv6 address, a range wider than /24, or something that is not an address",
			Remedy: "Enter IPv4 addresses, or ranges from /24 to /32.",
			Source: "Set-InboundConnector, SenderIPAddresses: \"Valid subnet mask values are /24 through /32\", \"IPv6 " +
				"addresses are not supported\"",
			Find: eachInbound(func(_ *Facts, _ *tenant, c *mailflow.InboundConnector, report func(Finding)) {
				for _, text := range c.SenderIPAddresses {
					if _, problem := mailflow.ParseRange(text); problem != "" {
						report(newFinding("SenderIPAddresses contains %s: %s.", text, problem))
					}
				}
			}),
		},
		{
			Code: "exchange_online_address_as_sender", Severity: Critical, Scope: ScopeInbound,
			Title: "SenderIPAddresses contains addresses of Exchange Online",
			When: "SenderIPAddresses of an OnPremises connector contains an address in a published range of Exchange Online. " +
				"All tenants send from there, so any of them can relay through this tenant",
			Remedy: "Remove the addresses. Mail from another tenant needs a connector that authenticates it by certificate.",
			Source: "MC1226222; Office 365 URLs and IP address ranges",
			Find: eachAttributing(func(_ *Facts, _ *tenant, c *mailflow.InboundConnector, report func(Finding)) {
				for _, text := range c.SenderIPAddresses {
					r, problem := mailflow.ParseRange(text)
					published, ok := mailflow.ExchangeOnlineRange(r)
					if problem != mailflow.RangeUnreadable && ok {
						report(newFinding("SenderIPAddresses contains %s, which is in %s, a range of Exchange Online.", text, published))
					}
				}
			}),
		},
		{
			Code: "sender_address_private", Severity: Warning, Scope: ScopeInbound,
			Title: "An address in SenderIPAddresses is not publicly routable",
			When: "SenderIPAddresses contains a private, carrier-grade NAT, loopback, link-local or reserved address. " +
				"Judged as written, without DNS",
			Remedy: "Enter the public address that the sender's connections come from.",
			Source: "RFC 1918; RFC 6890; Set-InboundConnector, SenderIPAddresses",
			Find: eachInbound(func(_ *Facts, _ *tenant, c *mailflow.InboundConnector, report func(Finding)) {
				for _, text := range c.SenderIPAddresses {
					r, problem := mailflow.ParseRange(text)
					if kind := notPubliclyRoutable(r); problem != mailflow.RangeUnreadable && kind != "" {
						report(newFinding("SenderIPAddresses contains %s, which is %s.", text, kind))
					}
				}
			}),
		},
	}
}

func findNoAuthentication(_ *Facts, _ *tenant, c *mailflow.InboundConnector, report func(Finding)) {
	known := c.IsKnown("tls_sender_certificate_name") && c.IsKnown("sender_ip_addresses")
	if known && c.TLSSenderCertificateName == "" && len(c.SenderIPAddresses) == 0 {
		report(newFinding("TlsSenderCertificateName and SenderIPAddresses are empty."))
	}
}

func findNoSender(_ *Facts, t *tenant, c *mailflow.InboundConnector, report func(Finding)) {
	for _, s := range t.senders[c.Name] {
		if !s.Assumed || len(s.Addresses) > 0 || s.ClientCertificate != nil || hasOwnServers(t) {
			return
		}
	}
	report(newFinding("No sender is configured, and neither an address nor a certificate can be assumed."))
}

// byAddressAlone reports whether no certificate can match the connector.
func byAddressAlone(c *mailflow.InboundConnector) bool {
	return c.TLSSenderCertificateName == "" && len(c.SenderIPAddresses) > 0
}

// allInternal reports whether there are senders and all of them send only to the tenant's own recipients.
func allInternal(senders []*mailflow.Sender) bool {
	return len(senders) > 0 &&
		!slices.ContainsFunc(senders, func(s *mailflow.Sender) bool { return s.Relays != "internal" })
}

// hasOwnServers reports whether mail goes to servers of the tenant's own, which show a certificate.
func hasOwnServers(t *tenant) bool {
	return slices.ContainsFunc(t.Outbound, func(c mailflow.OutboundConnector) bool {
		return judgedOutbound(&c) && c.Type == mailflow.OnPremises
	})
}
