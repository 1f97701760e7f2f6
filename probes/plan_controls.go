package probes

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// foreignDomains are domains that receive no mail: IANA reserves them (RFC 2606, section 3), and because of their null
// MX (RFC 7505) a server that relays gives up before it connects to any host.
var foreignDomains = []string{"example.com", "example.net", "example.org"}

const (
	foreignLocalPart = "negative-control@"
	// postmaster is the one recipient that every domain should have (RFC 5321, section 4.5.1).
	postmaster = "postmaster@"
)

// Reasons why a server may admit a control although it is configured as intended.
const (
	uncertainDirectSend = "Microsoft does not document the SMTP step at which Direct Send is rejected: it may be after " +
		"DATA, which is never sent"
	uncertainRequireTLS = "Microsoft documents RequireTls for Partner connectors only"
	uncertainOwnServer  = "TlsSettings bind Exchange Online as the sender: whether this server must refuse clear text " +
		"from others is decided by its own configuration"
)

// foreignRecipient returns a recipient that is in none of the tenant's domains, "" if there is none.
func foreignRecipient(accepted mailflow.DomainIndex) string {
	for _, domain := range foreignDomains {
		if _, own := accepted.Match(domain); !own {
			return foreignLocalPart + domain
		}
	}
	return ""
}

// outboundControls returns the controls of a path to one of your own servers. Servers of a partner are not tested.
//
// TlsSettings are what Exchange Online requires of the server, not what the server requires of other clients. If it
// accepts clear text, that is therefore uncertain.
func outboundControls(c *mailflow.OutboundConnector, p *Path, accepted mailflow.DomainIndex) []Control {
	if !p.Settings.NegativeControls || c.Type != mailflow.OnPremises {
		return nil
	}
	var controls []Control
	if p.TLSSettings.RequiresTLS() && len(p.Recipients) > 0 {
		controls = append(controls, Control{
			Kind: ControlClearText, MailFrom: p.MailFrom, Recipient: p.Recipients[0], MustRefuse: RefuseClearText,
			Connector: c.Name, Uncertain: uncertainOwnServer,
		})
	}
	if to := foreignRecipient(accepted); to != "" {
		controls = append(controls, Control{
			Kind: ControlForeignRecipient, MailFrom: p.MailFrom, Recipient: to, MustRefuse: RefuseRelay,
		})
	}
	return controls
}

// inboundPlanner plans the controls of the inbound paths of one tenant.
type inboundPlanner struct {
	tenant        *mailflow.Tenant
	accepted      mailflow.DomainIndex
	defaultDomain string
	directSend    bool // the control of Direct Send, one per tenant, is planned
}

// inboundTrial plans the controls of one path.
type inboundTrial struct {
	*inboundPlanner
	connector *mailflow.InboundConnector
	sender    *mailflow.Sender
	path      *Path
	ownSender string // MAIL FROM in an accepted domain
	own       string // a recipient in the tenant
	foreign   string // a recipient outside the tenant; "" if there is none
	address   string // why the address of this host may be accepted; "" if it is not
	listed    bool   // the address of this host is rightly accepted
}

// controls returns the controls of a path to Exchange Online.
//
// What Exchange Online must refuse is documented in Set-InboundConnector (Restrict…, RequireTls), in "Updated
// Requirements for SMTP Relay through Exchange Online" (2023) and in Set-OrganizationConfig (RejectDirectSend). A
// connector of type OnPremises that requires a certificate relays only for that certificate, one with addresses only
// for these addresses, and none relays for the null sender without a certificate. A connector of type Partner never
// relays, and restricts only its sender domains.
func (x *inboundPlanner) controls(c *mailflow.InboundConnector, s *mailflow.Sender, p *Path) []Control {
	if !p.Settings.NegativeControls || !p.Scheduled() || x.defaultDomain == "" || len(c.TrustedOrganizations) > 0 {
		return nil
	}
	t := inboundTrial{
		inboundPlanner: x, connector: c, sender: s, path: p, ownSender: validationSender + x.defaultDomain,
		own: postmaster + x.defaultDomain, foreign: foreignRecipient(x.accepted),
	}
	if _, own := x.accepted.Match(domainOf(p.MailFrom)); own {
		t.ownSender = p.MailFrom
	}
	if _, own := x.accepted.Match(domainOf(s.Recipient)); own {
		t.own = s.Recipient
	}
	t.address, t.listed = x.admittedByAddress(c, p.Settings.SourceAddress)
	var controls []Control
	switch c.Type {
	case mailflow.OnPremises:
		controls = t.onPremises()
	case mailflow.Partner:
		controls = t.partner()
	default:
		return nil // it is not known what an unknown type must refuse
	}
	if t.foreign != "" {
		controls = append(controls, Control{
			Kind: ControlForeignRecipient, Recipient: t.foreign, MustRefuse: RefuseRelay,
		})
	}
	return append(controls, t.directSendControl()...)
}

// onPremises returns the controls of a connector that lets its senders relay.
func (t *inboundTrial) onPremises() []Control {
	c := t.connector
	relay := Control{
		MailFrom: t.ownSender, Recipient: t.foreign, MustRefuse: RefuseRelay, Connector: c.Name, Uncertain: t.address,
	}
	switch {
	case t.foreign == "":
		return nil
	case c.TLSSenderCertificateName == "":
		return t.byAddressInClearText(relay)
	case t.listed:
		return nil
	}
	return slices.Concat(
		[]Control{relay.with(ControlNoCertificate), relay.selfSigned(c)}, relay.onlyIf(c.RequireTLS, ControlClearText))
}

// byAddressInClearText tries clear text if the address of this host is known to match the connector.
func (t *inboundTrial) byAddressInClearText(relay Control) []Control {
	if !t.listed {
		return nil
	}
	relay.MustRefuse, relay.Uncertain = RefuseClearText, uncertainRequireTLS
	return relay.onlyIf(t.connector.RequireTLS, ControlClearText)
}

// partner returns the controls of a connector that restricts its sender domains.
func (t *inboundTrial) partner() []Control {
	c := t.connector
	from := t.partnerSender()
	if from == "" || t.listed {
		return nil
	}
	restricted := Control{
		MailFrom: from, Recipient: t.own, MustRefuse: RefuseRestriction, Connector: c.Name, Uncertain: t.address,
	}
	var controls []Control
	if c.RestrictDomainsToCertificate == mailflow.Yes {
		controls = append(controls, restricted.with(ControlNoCertificate))
		if c.TLSSenderCertificateName != "" {
			controls = append(controls, restricted.selfSigned(c))
		}
	}
	unencrypted := restricted
	unencrypted.MustRefuse = RefuseClearText
	controls = append(controls, unencrypted.onlyIf(c.RequireTLS, ControlClearText)...)
	return append(controls, t.spoofed(restricted)...)
}

// spoofed tries the tenant's own domain if the connector restricts its sender domains, and these cover it.
func (t *inboundTrial) spoofed(restricted Control) []Control {
	c := t.connector
	byCertificate := c.RestrictDomainsToCertificate == mailflow.Yes
	restricts := byCertificate || c.RestrictDomainsToIPAddresses == mailflow.Yes
	if !restricts || !coversSender(c, domainOf(t.ownSender)) || byCertificate && restricted.MailFrom == t.ownSender {
		return nil // not covered, or the same as without a certificate
	}
	restricted.MailFrom = t.ownSender
	return []Control{restricted.with(ControlSpoofedDomain)}
}

// directSendControl tries the tenant's own domain if RejectDirectSend refuses it, on the first path of the tenant.
func (t *inboundTrial) directSendControl() []Control {
	if t.tenant.Organization.RejectDirectSend != mailflow.Yes || t.directSend {
		return nil
	}
	t.directSend = true
	return []Control{{
		Kind: ControlSpoofedDomain, MailFrom: t.ownSender, Recipient: t.own, MustRefuse: RefuseDirectSend,
		Uncertain: uncertainDirectSend,
	}}
}

// partnerSender returns a MAIL FROM that the connector's sender domains cover, "" if there is none.
func (t *inboundTrial) partnerSender() string {
	domains := slices.Concat(t.sender.MailFromDomains, t.connector.SenderDomains, []string{t.defaultDomain})
	for _, domain := range domains {
		domain, ok := mailflow.NormaliseDomain(domain)
		switch {
		case !ok || strings.HasPrefix(domain, "*") || !coversSender(t.connector, domain):
		case domain == domainOf(t.ownSender):
			return t.ownSender
		default:
			return validationSender + domain
		}
	}
	return ""
}

// coversSender reports whether the sender domains of a connector cover a domain. That *.contoso.com covers contoso.com
// itself is not documented.
func coversSender(c *mailflow.InboundConnector, domain string) bool {
	patterns := slices.AppendSeq([]string{domain}, mailflow.Wildcards(domain))
	patterns = slices.DeleteFunc(patterns, func(p string) bool { return p == "*."+domain })
	return slices.ContainsFunc(c.SenderDomains, func(d string) bool {
		d, ok := mailflow.NormaliseDomain(d)
		return ok && slices.Contains(patterns, d)
	})
}

// admittedByAddress reports whether the address of this host is in the SenderIPAddresses of c or of any enabled
// connector of type OnPremises. The address that Exchange Online sees is known only if source_address is a public one.
// If it is not known, and such a connector lists addresses, why explains that one of them may be this host's.
func (x *inboundPlanner) admittedByAddress(c *mailflow.InboundConnector, source netip.Addr) (why string, listed bool) {
	source = source.Unmap()
	known := source.IsValid() && mailflow.SpecialUse(source) == mailflow.Public
	for i := range x.tenant.Inbound {
		other := &x.tenant.Inbound[i]
		counts := other.Type != mailflow.Partner ||
			other.Name == c.Name && other.RestrictDomainsToIPAddresses != mailflow.No
		if !counts || !other.IsEnabled() || len(other.TrustedOrganizations) > 0 {
			continue
		}
		switch {
		case !other.IsKnown("sender_ip_addresses"):
			why = fmt.Sprintf("SenderIPAddresses of connector %q is not known", other.Name)
		case known && listsAddress(other, source):
			return "", true
		case !known && len(other.SenderIPAddresses) > 0 && why == "":
			why = fmt.Sprintf("the public address of this host may be in SenderIPAddresses of connector %q, which admits it; "+
				"probe.source_address with a public address settles this", other.Name)
		}
	}
	return why, false
}

func listsAddress(c *mailflow.InboundConnector, a netip.Addr) bool {
	return slices.ContainsFunc(c.SenderIPAddresses, func(text string) bool {
		r, problem := mailflow.ParseRange(text)
		return problem != mailflow.RangeUnreadable && r.Contains(a)
	})
}

// with returns the control with another kind.
func (c Control) with(kind ControlKind) Control {
	c.Kind = kind
	return c
}

// selfSigned returns the control with a self-signed certificate for the name that the connector requires.
func (c Control) selfSigned(of *mailflow.InboundConnector) Control {
	c.Certificate = of.TLSSenderCertificateName
	return c.with(ControlSelfSigned)
}

// onlyIf returns the control with another kind if the configuration requires it.
func (c Control) onlyIf(required mailflow.Tri, kind ControlKind) []Control {
	if required != mailflow.Yes {
		return nil
	}
	return []Control{c.with(kind)}
}
