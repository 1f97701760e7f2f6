package check

import (
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"m365_connector_exporter/probes/mailflow"
)

// inboundChecks judge how an inbound connector knows its senders.
func inboundChecks() []Check {
	return []Check{
		{
			Code: "no_authentication", Severity: Critical,
			Title:    "The connector knows its senders by nothing",
			When:     "An OnPremises connector has neither TlsSenderCertificateName nor SenderIPAddresses, nor TrustedOrganizations: it matches no message",
			Remedy:   "Set TlsSenderCertificateName, or SenderIPAddresses where the sender cannot present a certificate.",
			Source:   "Set-InboundConnector; Updated Requirements for SMTP Relay through Exchange Online (3851357)",
			Silences: []string{"attribution_relay_denied", "null_sender_relay_denied", "attribution_fragile", "inbound_connector_without_sender", "presented_certificate_not_configured"},
			Find: eachSource(func(_ *Facts, _ *tenant, c *mailflow.InboundConnector, report func(Finding)) {
				if c.TLSSenderCertificateName == "" && len(c.SenderIPAddresses) == 0 && c.IsKnown("tls_sender_certificate_name") && c.IsKnown("sender_ip_addresses") {
					report(newFinding("TlsSenderCertificateName and SenderIPAddresses are empty."))
				}
			}),
		},
		{
			Code: "certificate_name_too_broad", Severity: Critical,
			Title:    "The certificate name covers certificates of strangers",
			When:     "TlsSenderCertificateName of an OnPremises connector is *, a public suffix or a wildcard below one, *.onmicrosoft.com, or a domain of Microsoft. A wildcard of an accepted domain never is",
			Remedy:   "Set TlsSenderCertificateName to a name of a domain of your own.",
			Source:   "Set-InboundConnector, TlsSenderCertificateName; MC1226222",
			Silences: []string{"certificate_domain_not_accepted"},
			Find: eachSource(func(_ *Facts, t *tenant, c *mailflow.InboundConnector, report func(Finding)) {
				if why := tooBroad(t, c.TLSSenderCertificateName); why != "" {
					report(newFinding("TlsSenderCertificateName is %s: %s.", c.TLSSenderCertificateName, why))
				}
			}),
		},
		{
			Code: "ip_authentication_only", Severity: Info,
			Title:  "The connector knows its senders by address alone",
			When:   "An OnPremises connector has SenderIPAddresses and no TlsSenderCertificateName. Silent where all its senders relay to own recipients only",
			Remedy: "Where the sender can present a certificate of an accepted domain, set TlsSenderCertificateName: Microsoft prefers it. Without one, mail with the null sender and of foreign senders is not relayed.",
			Source: "MC1226222; KB 3169958",
			Find: eachSource(func(_ *Facts, t *tenant, c *mailflow.InboundConnector, report func(Finding)) {
				if byAddressAlone(c) && c.IsKnown("tls_sender_certificate_name") && !allInternal(t.senders[c.Name]) {
					report(newFinding("TlsSenderCertificateName is empty; SenderIPAddresses: %s.", list(c.SenderIPAddresses)))
				}
			}),
		},
		{
			Code: "sender_address_invalid", Severity: Critical,
			Title:  "Exchange Online does not take an address of the connector",
			When:   "One of SenderIPAddresses is an IPv6 address, wider than /24, or no address",
			Remedy: "Enter IPv4 addresses, or ranges of /24 to /32.",
			Source: "Set-InboundConnector, SenderIPAddresses: \"Valid subnet mask values are /24 through /32\", \"IPv6 addresses are not supported\"",
			Find: eachInbound(func(_ *Facts, _ *tenant, c *mailflow.InboundConnector, report func(Finding)) {
				for _, text := range c.SenderIPAddresses {
					if _, fault := mailflow.ParseRange(text); fault != "" {
						report(newFinding("SenderIPAddresses has %s: %s.", text, fault))
					}
				}
			}),
		},
		{
			Code: "sender_address_private", Severity: Warning,
			Title:  "Exchange Online never sees an address of the connector",
			When:   "One of SenderIPAddresses is private, shared by carriers, loopback, link-local or reserved. Judged as written, never by DNS",
			Remedy: "Enter the public address behind which the sender reaches the internet.",
			Source: "RFC 1918; RFC 6890; Set-InboundConnector, SenderIPAddresses",
			Find: eachInbound(func(_ *Facts, _ *tenant, c *mailflow.InboundConnector, report func(Finding)) {
				for _, text := range c.SenderIPAddresses {
					if r, fault := mailflow.ParseRange(text); fault != mailflow.RangeUnreadable && notPubliclyRoutable(r) != "" {
						report(newFinding("SenderIPAddresses has %s: it is %s.", text, notPubliclyRoutable(r)))
					}
				}
			}),
		},
		{
			Code: "inbound_connector_without_sender", Severity: Info,
			Title:  "No sender is known behind the connector",
			When:   "An OnPremises connector has no sender, and nothing could be implied: it has no address, and the tenant has no OnPremises outbound connector whose servers would show a certificate",
			Remedy: "Add a sender to the configuration, so that its mail can be judged.",
			Source: "This exporter's configuration, `senders`",
			Find: eachSource(func(_ *Facts, t *tenant, c *mailflow.InboundConnector, report func(Finding)) {
				for _, s := range t.senders[c.Name] {
					if !s.Assumed || len(s.Addresses) > 0 || s.ClientCertificate != nil || hasOwnServers(t) {
						return
					}
				}
				report(newFinding("No sender is configured, and neither an address nor a certificate can be assumed."))
			}),
		},
	}
}

// byAddressAlone tells a connector that no certificate can match.
func byAddressAlone(c *mailflow.InboundConnector) bool {
	return c.TLSSenderCertificateName == "" && len(c.SenderIPAddresses) > 0
}

func allInternal(senders []*mailflow.Sender) bool {
	for _, s := range senders {
		if s.Relays != "internal" {
			return false
		}
	}
	return len(senders) > 0
}

// hasOwnServers tells that mail goes to servers of the tenant's own, which show a certificate.
func hasOwnServers(t *tenant) bool {
	return slices.ContainsFunc(t.Outbound, func(c mailflow.OutboundConnector) bool { return judgedOutbound(&c) && c.Type == mailflow.OnPremises })
}

// microsoft are the domains of Microsoft whose certificates are on servers that everybody's mail passes.
var microsoft = [...]string{
	"microsoft.com", "onmicrosoft.com", "onmicrosoft.us", "outlook.com", "office365.com", "office365.us", "office.com", "hotmail.com", "live.com",
	"microsoftonline.com", "mx.microsoft", "outlook.cn", "onmschina.cn",
}

// tooBroad says whose certificates a TlsSenderCertificateName covers besides the tenant's; "" where there is nothing to say.
func tooBroad(t *tenant, value string) string {
	name, ok := mailflow.NormaliseDomain(value)
	base := strings.TrimPrefix(name, "*.")
	if !ok {
		return ""
	}
	if name == "*" {
		return "it covers every certificate"
	}
	if _, own := t.domains.Match(base); own {
		return ""
	}
	for _, domain := range microsoft {
		initial := mailflow.IsInitialDomain(base) // a tenant's own is no name of Microsoft's servers
		if base == domain || strings.HasSuffix(base, "."+domain) && !initial {
			return domain + " is Microsoft's"
		}
	}
	if suffix, listed := publicsuffix.PublicSuffix(base); suffix == base && (listed || strings.Contains(base, ".")) {
		return base + " is a public suffix, under which anybody can have a domain"
	}
	return ""
}
