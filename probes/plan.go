package probes

import (
	"net/netip"
	"slices"
	"sort"
	"strings"
	"time"

	"m365_connector_exporter/probes/mailflow"
)

// OverridesFunc returns what the configuration says about probing a connector (and, inbound, a sender), outermost first: global,
// tenant, connector, sender. sender is "" for outbound paths.
type OverridesFunc func(tenant string, direction mailflow.Direction, connector, sender string) []SettingsOverride

// Plan lists every path of the tenants' connectors. Outbound: one per smart host, or one per recipient domain where the
// connector routes by MX. Inbound: one per sender. Paths that are not probed are listed too and say why. The order is that of the
// configuration, outbound before inbound.
//
// hostname is what the prober calls itself in EHLO where nothing else is configured.
func Plan(tenants []mailflow.Tenant, layers OverridesFunc, hostname string) []Path {
	var paths []Path
	for _, t := range tenants {
		for i := range t.Outbound {
			c := &t.Outbound[i]
			settings := resolveSettings(layers(t.Name, mailflow.Outbound, c.Name, ""), outboundDefaults(c, hostname))
			paths = append(paths, planOutbound(t, c, settings)...)
		}
		paths = append(paths, planInbound(t, layers, hostname)...)
	}
	return slices.Clone(paths) // without the spare room that appending left: a daemon holds them
}

func outboundDefaults(c *mailflow.OutboundConnector, hostname string) Settings {
	s := Settings{
		Enabled: true, Interval: 5 * time.Minute, Timeout: 30 * time.Second, Until: TLSStage, Port: 25,
		HelloName: hostname, Protocol: IPAny, MessageMinInterval: time.Hour,
	}
	if c.Type == mailflow.Partner {
		s.Interval = 30 * time.Minute
	} else if len(c.ValidationRecipients) > 0 {
		s.Until = Recipient
	}
	return s
}

func resolveSettings(layers []SettingsOverride, s Settings) Settings {
	for _, l := range layers {
		override(&s.Enabled, l.Enabled)
		override(&s.Interval, l.Interval)
		override(&s.Timeout, l.Timeout)
		override(&s.Until, l.Until)
		override(&s.Port, l.Port)
		override(&s.HelloName, l.HelloName)
		override(&s.MailFrom, l.MailFrom)
		override(&s.SourceAddress, l.SourceAddress)
		override(&s.Protocol, l.Protocol)
		override(&s.MessageMinInterval, l.MessageMinInterval)
		if l.DNSServers != nil {
			s.DNSServers = l.DNSServers
		}
		if l.ConnectTo != nil {
			s.ConnectTo = l.ConnectTo
		}
	}
	return s
}

// WithOverride is the path with other settings on top: a module of /probe. What only a recipient could prove is not asked where there
// is none.
func (p Path) WithOverride(l SettingsOverride) Path {
	p.Settings = resolveSettings([]SettingsOverride{l}, p.Settings)
	switch {
	case l.MailFrom == nil || *l.MailFrom == "":
	case *l.MailFrom == "<>":
		p.MailFrom = ""
	default:
		p.MailFrom = *l.MailFrom
	}
	if len(p.Recipients) == 0 {
		p.Settings.Until = min(p.Settings.Until, TLSStage)
	}
	return p
}

func override[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func planOutbound(t mailflow.Tenant, c *mailflow.OutboundConnector, s Settings) []Path {
	base := Path{
		ID:            PathID{Tenant: t.Name, Direction: mailflow.Outbound, Connector: c.Name},
		ConnectorType: c.Type, TLSSettings: c.TLSSettings, TLSDomain: c.TLSDomain,
		MailFrom: mailFrom(s.MailFrom, t), Recipients: c.ValidationRecipients, Settings: s,
		NotProbed: notProbed(c.Common, c.TestMode == mailflow.Yes, s),
	}
	if s.Until >= Recipient && len(c.ValidationRecipients) == 0 {
		base.NotProbeable = "until: " + s.Until.String() + " needs validation_recipients"
	}
	if c.UseMXRecord == mailflow.Yes || c.UseMXRecord == mailflow.Unknown && len(c.SmartHosts) == 0 {
		return byDomain(base, c)
	}
	return bySmartHost(base, c)
}

// mailFrom follows Microsoft's own validation, whose sender is O365ConnectorValidation at the tenant's domain (facts, 2.2).
func mailFrom(configured string, t mailflow.Tenant) string {
	switch {
	case configured == "<>":
		return ""
	case configured != "":
		return configured
	case t.DefaultDomain() != "":
		return "O365ConnectorValidation@" + t.DefaultDomain()
	default:
		return ""
	}
}

func notProbed(c mailflow.Common, testMode bool, s Settings) string {
	switch {
	case !c.IsEnabled():
		return "the connector is disabled"
	case testMode:
		return "the connector is in test mode"
	case !s.Enabled:
		return "probing is switched off (probe.enabled: false)"
	default:
		return ""
	}
}

func bySmartHost(base Path, c *mailflow.OutboundConnector) []Path {
	if len(c.SmartHosts) == 0 {
		return []Path{unroutable(base, "the connector has no smart host")}
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
		if why := tooWide(p.NextHop); why != "" {
			p.NotProbeable = why
		}
		paths = append(paths, p)
	}
	return paths
}

// tooWide refuses ranges of more than MaxEndpoints addresses: probing them would be a scan.
func tooWide(hop string) string {
	prefix, err := netip.ParsePrefix(hop)
	if err != nil || prefix.Addr().BitLen()-prefix.Bits() <= 4 {
		return ""
	}
	return "the range has more than 16 addresses"
}

func byDomain(base Path, c *mailflow.OutboundConnector) []Path {
	domains := hopDomains(c)
	if len(domains) == 0 {
		return []Path{unroutable(base, "it routes by MX and names no domain: add validation_recipients")}
	}
	paths := make([]Path, 0, len(domains))
	for _, d := range domains {
		p := base
		p.ID.Path, p.Kind, p.NextHop = d, NextHopDomain, d
		p.Recipients = recipientsAt(d, base.Recipients)
		if p.Settings.Until >= Recipient && len(p.Recipients) == 0 && p.NotProbeable == "" {
			p.Settings.Until = TLSStage // nobody to ask for at this domain
		}
		paths = append(paths, p)
	}
	return paths
}

func unroutable(base Path, why string) Path {
	base.NotProbeable = why
	return base
}

// hopDomains are the plain recipient domains, and for wildcards the domains of the validation recipients (contract, 2).
func hopDomains(c *mailflow.OutboundConnector) []string {
	set := map[string]bool{}
	wild := false
	for _, d := range c.RecipientDomains {
		if strings.Contains(d, "*") {
			wild = true
		} else {
			set[strings.ToLower(d)] = true
		}
	}
	if wild || c.AllAcceptedDomains == mailflow.Yes || len(c.RecipientDomains) == 0 {
		for _, r := range c.ValidationRecipients {
			if _, domain, ok := strings.Cut(r, "@"); ok {
				set[strings.ToLower(domain)] = true
			}
		}
	}
	domains := make([]string, 0, len(set))
	for d := range set {
		domains = append(domains, d)
	}
	sort.Strings(domains)
	return domains
}

func recipientsAt(domain string, all []string) []string {
	var at []string
	for _, r := range all {
		if _, d, ok := strings.Cut(r, "@"); ok && strings.EqualFold(d, domain) {
			at = append(at, r)
		}
	}
	return at
}
