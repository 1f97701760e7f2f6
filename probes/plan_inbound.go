package probes

import (
	"net/netip"
	"slices"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// planInbound lists one path for each sender of a known connector.
func planInbound(t mailflow.Tenant, overrides OverridesFunc, hostname string) []Path {
	connectors := t.InboundByName()
	accepted, defaultDomain := mailflow.NewDomainIndex(t.AcceptedDomains), t.DefaultDomain()
	controls := inboundPlanner{tenant: &t, accepted: accepted, defaultDomain: defaultDomain}
	var paths []Path
	for i := range t.Senders {
		s := &t.Senders[i]
		c := connectors[s.Connector]
		if c == nil {
			continue
		}
		settings := DefaultSettings(mailflow.Inbound, c.Type)
		settings.HelloName = hostname
		settings = settings.withOverrides(overrides(t.Name, mailflow.Inbound, c.Name, s.Name)...)
		p := inboundPath(t.Name, defaultDomain, c, s, settings)
		if len(p.Recipients) > 0 {
			p.Hint = recipientHint(accepted, s.Recipient)
		}
		p.Controls = controls.controls(c, s, &p)
		paths = append(paths, p)
	}
	return paths
}

// inboundPath plans the path of a sender to Exchange Online. Exchange Online accepts recipients only from the sender's
// certificate or addresses, so the probe continues after the tls stage only if it uses one of them. It never sends a
// test message.
func inboundPath(tenant, defaultDomain string, c *mailflow.InboundConnector, s *mailflow.Sender,
	settings Settings,
) Path {
	p := Path{
		ID:   PathID{Tenant: tenant, Direction: mailflow.Inbound, Connector: c.Name, Path: s.Name},
		Kind: NextHopSender, ConnectorType: c.Type, TLSSettings: mailflow.EncryptionOnly,
		MailFrom: mailFrom(settings.MailFrom, senderDomain(s, defaultDomain)), UseClientCertificate: s.PresentCertificate,
		NotProbed: notProbed(c.Common, false, settings),
	}
	p.NextHop = strings.ToLower(strings.TrimSuffix(s.Target, "."))
	if p.NextHop == "" {
		p.NextHop = defaultDomain
	}
	if p.NextHop == "" {
		p.NotProbeable = "the tenant has no accepted domain whose MX leads to Exchange Online: set target"
	}
	settings.Until = min(settings.Until, Recipient)
	actsAsSender := s.PresentCertificate || contains(s.Addresses, settings.SourceAddress)
	switch {
	case settings.Until < Recipient:
	case !actsAsSender || s.Recipient == "":
		settings.Until = TLSStage
	default:
		p.Recipients = []string{s.Recipient}
	}
	p.Settings = settings
	return p
}

func contains(prefixes []netip.Prefix, a netip.Addr) bool {
	a = a.Unmap()
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

// senderDomain returns the domain of the probe's MAIL FROM.
func senderDomain(s *mailflow.Sender, defaultDomain string) string {
	if len(s.MailFromDomains) > 0 {
		return s.MailFromDomains[0]
	}
	return defaultDomain
}

// recipientHint explains what an accepted recipient proves: only mail to domains of others needs permission to relay.
func recipientHint(accepted mailflow.DomainIndex, recipient string) string {
	if _, own := accepted.Match(domainOf(recipient)); own {
		return "the recipient is in the tenant: this tests acceptance, not relay"
	}
	return "the recipient is outside the tenant: this tests relay"
}
