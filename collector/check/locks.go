package check

import (
	"fmt"
	"net/netip"
	"strings"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// lockChecks judge negative controls: sessions that a server must refuse. A lock is the rule that must refuse one.
func lockChecks() []Check {
	return []Check{{
		Code: "lock_open", Severity: Critical, Scope: ScopePath,
		Title: "A server admits what it must refuse",
		When: "A negative control (`negative_controls`) was admitted at RCPT TO; DATA is never sent. Exchange Online must " +
			"refuse to relay without a certificate, with a self-signed certificate that has the connector's name, without " +
			"TLS if RequireTls is true, and from the null sender to an external recipient. A Partner connector must enforce " +
			"its restrictions, RejectDirectSend must refuse mail from an accepted domain, and your own server must not " +
			"relay. Warning (UNCERTAIN) for 5.7.64 and 5.7.51, which may come after RCPT TO, until the same path has shown " +
			"such a refusal at RCPT TO. Info (UNCERTAIN) if a connector may admit this host's address, for RequireTls of an " +
			"OnPremises connector, for RejectDirectSend, and for your own server if it accepts mail without TLS or relays " +
			"for this host at an internal address",
		Remedy: "Do what the last line of the evidence describes: the remedy depends on the control " +
			"(docs/negative-controls.md). If your own server relays for everyone, stop that before you look for the cause.",
		Source: "Set-InboundConnector, RestrictDomainsToCertificate, RequireTls; Updated Requirements for SMTP Relay " +
			"through Exchange Online; Set-OrganizationConfig, RejectDirectSend; RFC 5321, section 3.9.1",
		Find: eachProbed(findOpenLocks),
	}}
}

func findOpenLocks(f *Facts, p *Path, report func(Finding)) {
	for i := range p.ControlResults {
		if r := &p.ControlResults[i]; r.Outcome == probes.ControlAdmitted {
			f.senderOf(p).atMostWarningIfAssumed(report)(openLock(p, r))
		}
	}
}

// senderOf returns the sender of an inbound path, a zero one if there is none.
func (f *Facts) senderOf(p *Path) sender {
	if i, ok := f.index.senderOf[p]; ok {
		return f.index.senders[i]
	}
	return sender{Sender: &mailflow.Sender{}}
}

// openLock returns the finding about an admitted control.
func openLock(p *Path, r *probes.ControlResult) Finding {
	c := r.Control
	at := r.Host
	if r.Address != "" {
		at += " (" + r.Address + ")"
	}
	from := "<>"
	if c.MailFrom != "" {
		from = probes.Redact(c.MailFrom)
	}
	one := newFinding("%s: %s admitted %s, MAIL FROM %s, RCPT TO %s, on %s, with %s. %s.", c.Kind, at,
		c.Kind.Info().Tries, from, probes.Redact(c.Recipient), day(r.At), replyText(r.Reply), MustRefuse(p.ID.Direction, &c))
	one.Evidence = append(one.Evidence, c.Kind.Info().Remedy)
	switch {
	case c.Uncertain != "":
		return one.withSeverity(Info).uncertain(c.Uncertain)
	case byInternalAddress(p, r):
		return one.withSeverity(Info).uncertain("the server is reached at an internal address: it may relay for hosts of " +
			"its own network, such as this one")
	default:
		return one.uncertain(uncertainRefusalStep(p, &c))
	}
}

// replyText returns a reply for evidence.
func replyText(r probes.Reply) string {
	if r.Code == 0 {
		return "a positive reply"
	}
	return "“" + strings.TrimSpace(fmt.Sprintf("%d %s %s", r.Code, r.Enhanced,
		probes.Redact(strings.ReplaceAll(r.Text, "\n", " ")))) + "”"
}

// MustRefuse returns which rule must refuse a control of a path in this direction, as one sentence without a full stop.
func MustRefuse(d mailflow.Direction, c *probes.Control) string {
	connector := fmt.Sprintf("connector %q", c.Connector)
	switch {
	case c.MustRefuse == probes.RefuseRelay && d == mailflow.Outbound:
		return "A server must not relay for everyone"
	case c.MustRefuse == probes.RefuseRelay && c.Connector == "":
		return "No connector relays for the null sender without a certificate (550 5.7.64)"
	case c.MustRefuse == probes.RefuseRelay:
		return "To relay, " + connector + " requires its certificate (550 5.7.64)"
	case c.MustRefuse == probes.RefuseRestriction:
		return "The restriction of " + connector + " must refuse it (550 5.7.51)"
	case c.MustRefuse == probes.RefuseDirectSend:
		return "RejectDirectSend must refuse it (550 5.7.68)"
	case d == mailflow.Outbound:
		return "TlsSettings of " + connector + " requires TLS"
	default:
		return "RequireTls of " + connector + " must refuse it (454 4.7.0)"
	}
}

// byInternalAddress reports whether an own server is reached at an address of an internal network. A loopback address
// is not: only allow_networks makes it one that is probed.
func byInternalAddress(p *Path, r *probes.ControlResult) bool {
	address, err := netip.ParseAddr(r.Address)
	if err != nil || p.ID.Direction != mailflow.Outbound {
		return false
	}
	use := mailflow.SpecialUse(address)
	return use.Internal() || use == mailflow.LinkLocal
}

// uncertainRefusalStep returns why Exchange Online may still refuse a control after RCPT TO. A refusal of the same rule
// at RCPT TO on this path settles it.
func uncertainRefusalStep(p *Path, c *probes.Control) string {
	code := map[probes.ControlRule]string{probes.RefuseRelay: "5.7.64", probes.RefuseRestriction: "5.7.51"}[c.MustRefuse]
	if p.ID.Direction != mailflow.Inbound || code == "" {
		return ""
	}
	for _, other := range p.ControlResults {
		if other.Outcome == probes.ControlRefused && other.Stage == probes.Recipient &&
			other.Control.MustRefuse == c.MustRefuse {
			return ""
		}
	}
	return "Microsoft does not document the SMTP step of " + code + " (RCPT TO by all evidence): the refusal may come " +
		"after DATA, which is never sent"
}
