package probes

import (
	"net/netip"
	"strings"
	"time"

	"m365_connector_exporter/probes/mailflow"
)

// planInbound lists the ways of a tenant's senders to Exchange Online, in the order of the senders.
func planInbound(t mailflow.Tenant, layers OverridesFunc, hostname string) []Path {
	connectors := make(map[string]*mailflow.InboundConnector, len(t.Inbound))
	for i := range t.Inbound {
		connectors[t.Inbound[i].Name] = &t.Inbound[i]
	}
	var paths []Path
	for i := range t.Senders {
		s := &t.Senders[i]
		if c := connectors[s.Connector]; c != nil {
			paths = append(paths, inboundPath(t, c, s, inboundSettings(layers(t.Name, mailflow.Inbound, c.Name, s.Name), hostname)))
		}
	}
	return paths
}

func inboundSettings(layers []SettingsOverride, hostname string) Settings {
	s := resolveSettings(layers, Settings{
		Enabled: true, Interval: time.Hour, Timeout: 30 * time.Second, Until: Recipient, Port: 25,
		HelloName: hostname, Protocol: IPAny, MessageMinInterval: time.Hour,
	})
	s.Until = min(s.Until, Recipient) // never DATA: it would be mail
	return s
}

// inboundPath goes as far as contract section 6 allows: past the handshake only as somebody who may, which is whoever presents
// the sender's certificate or stands at one of its addresses.
func inboundPath(t mailflow.Tenant, c *mailflow.InboundConnector, s *mailflow.Sender, settings Settings) Path {
	p := Path{
		ID:   PathID{Tenant: t.Name, Direction: mailflow.Inbound, Connector: c.Name, Path: s.Name},
		Kind: NextHopSender, ConnectorType: c.Type, TLSSettings: mailflow.EncryptionOnly, UseClientCertificate: s.PresentCertificate,
		MailFrom: inboundFrom(t, s, settings.MailFrom), NotProbed: notProbed(c.Common, false, settings),
	}
	p.NextHop = strings.ToLower(strings.TrimSuffix(s.Target, "."))
	if p.NextHop == "" {
		p.NextHop = t.DefaultDomain()
	}
	if p.NextHop == "" {
		p.NotProbeable = "the tenant has no accepted domain whose MX would lead to Exchange Online: set target"
	}
	mayAsk := s.PresentCertificate || contains(s.Addresses, settings.SourceAddress)
	switch {
	case settings.Until < Recipient:
	case !mayAsk || s.Recipient == "":
		settings.Until = TLSStage
	default:
		p.Recipients = []string{s.Recipient}
		p.Hint = whatIsTested(t, s.Recipient)
	}
	p.Settings = settings
	return p
}

func contains(prefixes []netip.Prefix, a netip.Addr) bool {
	for _, p := range prefixes {
		if a.IsValid() && p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

func inboundFrom(t mailflow.Tenant, s *mailflow.Sender, configured string) string {
	if configured == "" && len(s.MailFromDomains) > 0 {
		return "O365ConnectorValidation@" + s.MailFromDomains[0]
	}
	return mailFrom(configured, t)
}

// whatIsTested tells a reader what an accepted recipient proves: only mail to strangers needs the right to relay.
func whatIsTested(t mailflow.Tenant, recipient string) string {
	_, domain, _ := strings.Cut(recipient, "@")
	for _, d := range t.AcceptedDomains {
		if strings.EqualFold(d.Name, domain) || d.MatchSubDomains == mailflow.Yes && strings.HasSuffix(strings.ToLower(domain), "."+d.Name) {
			return "the recipient is the tenant's own: this tests acceptance, not relay"
		}
	}
	return "the recipient is outside the tenant: this tests relay"
}
