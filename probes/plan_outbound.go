package probes

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// planOutbound lists the paths of a tenant's outbound connectors.
func planOutbound(t mailflow.Tenant, overrides OverridesFunc, hostname string) []Path {
	var paths []Path
	accepted, defaultDomain := mailflow.NewDomainIndex(t.AcceptedDomains), t.DefaultDomain()
	for i := range t.Outbound {
		c := &t.Outbound[i]
		s := outboundDefaults(c, hostname).withOverrides(overrides(t.Name, mailflow.Outbound, c.Name, "")...)
		base := Path{
			ID:            PathID{Tenant: t.Name, Direction: mailflow.Outbound, Connector: c.Name},
			ConnectorType: c.Type, TLSSettings: c.TLSSettings, TLSDomain: c.TLSDomain,
			MailFrom: mailFrom(s.MailFrom, defaultDomain), Recipients: c.ValidationRecipients, Settings: s,
			NotProbed: notProbed(c.Common, c.TestMode == mailflow.Yes, s),
			DANE:      !strings.EqualFold(c.SMTPDANEMode, "None"),
		}
		_, base.OwnSender = accepted.Match(domainOf(base.MailFrom))
		if s.Until >= Recipient && len(c.ValidationRecipients) == 0 {
			base.NotProbeable = "until: " + s.Until.String() + " needs validation_recipients"
		}
		first := len(paths)
		if c.UseMXRecord == mailflow.Yes || c.UseMXRecord == mailflow.Unknown && len(c.SmartHosts) == 0 {
			paths = append(paths, pathsByDomain(base, c)...)
		} else {
			paths = append(paths, pathsBySmartHost(base, c)...)
		}
		for i := first; i < len(paths); i++ {
			paths[i].Controls = outboundControls(c, &paths[i], accepted)
		}
	}
	return paths
}

// outboundDefaults returns the settings of a connector before overrides.
func outboundDefaults(c *mailflow.OutboundConnector, hostname string) Settings {
	s := DefaultSettings(mailflow.Outbound, c.Type)
	s.HelloName = hostname
	if c.Type != mailflow.Partner && len(c.ValidationRecipients) > 0 {
		s.Until = Recipient
	}
	return s
}

func pathsBySmartHost(base Path, c *mailflow.OutboundConnector) []Path {
	if len(c.SmartHosts) == 0 {
		base.NotProbeable = "the connector has no smart host"
		return []Path{base}
	}
	var paths []Path
	seen := map[string]bool{}
	for _, host := range c.SmartHosts {
		if seen[host] {
			continue
		}
		seen[host] = true
		p := base
		p.ID.Path, p.Kind = host, NextHopSmartHost
		p.NextHop = strings.TrimSuffix(strings.ToLower(strings.TrimSpace(host)), ".")
		p.DANE = p.DANE && p.UsesDNS()
		if tooWide(p.NextHop) {
			p.NotProbeable = fmt.Sprintf("the range has more than %d addresses", MaxEndpoints)
		}
		paths = append(paths, p)
	}
	return paths
}

// tooWide reports whether a smart host is a range of more than MaxEndpoints addresses: probing it would be a scan.
func tooWide(host string) bool {
	prefix, err := netip.ParsePrefix(host)
	return err == nil && prefix.Addr().BitLen()-prefix.Bits() > 4 // 2⁴ addresses
}

func pathsByDomain(base Path, c *mailflow.OutboundConnector) []Path {
	domains := domainsToResolve(c)
	if len(domains) == 0 {
		base.NotProbeable = "the connector routes by MX and names no domain: add validation_recipients"
		return []Path{base}
	}
	paths := make([]Path, 0, len(domains))
	for _, d := range domains {
		p := base
		p.ID.Path, p.Kind, p.NextHop = d, NextHopDomain, d
		p.DANE = p.DANE && p.UsesDNS()
		p.Recipients = recipientsAt(d, base.Recipients)
		if p.Settings.Until >= Recipient && len(p.Recipients) == 0 && p.NotProbeable == "" {
			p.Settings.Until = TLSStage // no validation recipient has this domain
		}
		paths = append(paths, p)
	}
	return paths
}

// domainsToResolve returns the recipient domains without wildcard, sorted, and those of the validation recipients if
// the connector has a wildcard, all accepted domains or no recipient domain at all.
func domainsToResolve(c *mailflow.OutboundConnector) []string {
	var domains []string
	fromRecipients := c.ForAcceptedDomains() == mailflow.Yes || len(c.RecipientDomains) == 0
	for _, d := range c.RecipientDomains {
		if strings.Contains(d, "*") {
			fromRecipients = true
		} else {
			domains = append(domains, strings.ToLower(d))
		}
	}
	if fromRecipients {
		for _, r := range c.ValidationRecipients {
			if domain := domainOf(r); domain != "" {
				domains = append(domains, strings.ToLower(domain))
			}
		}
	}
	slices.Sort(domains)
	return slices.Compact(domains)
}

// recipientsAt returns the recipients in a domain.
func recipientsAt(domain string, all []string) []string {
	var at []string
	for _, r := range all {
		if strings.EqualFold(domainOf(r), domain) {
			at = append(at, r)
		}
	}
	return at
}
