package check

import (
	"fmt"
	"slices"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// attributionChecks judge what the simulation foretells of each sender's mail.
func attributionChecks() []Check {
	return []Check{
		{
			Code: "attribution_wrong_tenant", Severity: Critical,
			Title:    "A sender's mail is attributed to another tenant",
			When:     "A simulated message of a sender behind an OnPremises connector is attributed to a tenant that is not its own",
			Remedy:   "Give the sender a certificate with a name of one of its tenant's accepted domains, used for this tenant alone, and set it in TlsSenderCertificateName.",
			Source:   "MC1226222",
			Silences: []string{"attribution_fragile", "attribution_relay_denied", "null_sender_relay_denied"},
			Find: eachAttribution(func(s sender, a *mailflow.Attribution, report func(Finding)) {
				if len(a.Tenants) == 1 && a.Tenants[0] != s.tenant.Name {
					report(attributionFinding(a, "is attributed to the tenant %s by %s", a.Tenants[0], a.Basis))
				}
			}),
		},
		{
			Code: "attribution_ambiguous", Severity: Critical,
			Title:    "A sender's mail fits more than one tenant",
			When:     "More than one tenant qualifies for a simulated message at the same ground",
			Remedy:   "Give each tenant's sender a certificate of its own, with a name of an accepted domain of that tenant alone.",
			Source:   "MC1226222",
			Silences: []string{"attribution_fragile", "attribution_relay_denied", "null_sender_relay_denied"},
			Find: eachAttribution(func(_ sender, a *mailflow.Attribution, report func(Finding)) {
				if a.Ambiguous() {
					report(attributionFinding(a, "fits the tenants %s alike, by %s", list(a.Tenants), a.Basis))
				}
			}),
		},
		{
			Code: "attribution_relay_denied", Severity: Critical,
			Title:    "A sender's mail to the internet is refused",
			When:     "A simulated message from one of the sender's domains to a recipient outside is not relayed. Only for senders with `relays: external`",
			Remedy:   "Compare TlsSenderCertificateName or SenderIPAddresses with what the sender really uses, send the whole chain of its certificate, and register its domains as accepted domains.",
			Source:   "Updated Requirements for SMTP Relay through Exchange Online (3851357); KB 3169958; 5.7.64",
			Silences: []string{"attribution_fragile", "null_sender_relay_denied"},
			Find: eachAttribution(func(s sender, a *mailflow.Attribution, report func(Finding)) {
				if a.Message.MailFrom != "" && relayDenied(s, a) {
					report(attributionFinding(a, "is not relayed to the internet%s", predictedReply(a)))
				}
			}),
		},
		{
			Code: "null_sender_relay_denied", Severity: Warning,
			Title:  "A sender's bounces and out-of-office replies to the internet are refused",
			When:   "A simulated message with the null sender is not relayed. Only for senders with `relays: external`; silent where the connector knows its senders by address alone (ip_authentication_only)",
			Remedy: "Let the sender present a certificate with a name of an accepted domain: only that relays mail without a sender.",
			Source: "KB 3169958, \"Scenarios in which Microsoft 365 doesn't support relaying by default\"; 3851357",
			Find: eachAttribution(func(s sender, a *mailflow.Attribution, report func(Finding)) {
				if a.Message.MailFrom == "" && relayDenied(s, a) && !byAddressAlone(s.connector) {
					report(attributionFinding(a, "is not relayed to the internet%s", predictedReply(a)))
				}
			}),
		},
		{
			Code: "attribution_fragile", Severity: Warning,
			Title:  "A sender's mail reaches its tenant by a weak ground",
			When:   "A simulated message reaches its own tenant only by a weaker ground than the certificate that its connector asks for, or from an address that other tenants list too. Microsoft moves tenants without notice, and a move may break it",
			Remedy: "Give the sender a certificate with a name of an accepted domain of its tenant alone, and set it in TlsSenderCertificateName.",
			Source: "MC1226222",
			Find: eachAttribution(func(s sender, a *mailflow.Attribution, report func(Finding)) {
				if a.Risk != "" && len(a.Tenants) == 1 && a.Tenants[0] == s.tenant.Name && a.Reply == "" {
					report(attributionFinding(a, "reaches its tenant by %s: %s", a.Basis, a.Risk))
				}
			}),
		},
	}
}

// eachAttribution asks a question of every simulated message of every sender behind an OnPremises connector: others attribute
// nothing. What needs something unknown is not judged: the tenant's accepted domains, the connector's addresses or certificate name,
// or both address and certificate of the message.
func eachAttribution(visit func(s sender, a *mailflow.Attribution, report func(Finding))) func(*Facts, func(Finding)) {
	return eachSender(func(_ *Facts, s sender, report func(Finding)) {
		if s.connector.Type != mailflow.OnPremises || len(s.connector.TrustedOrganizations) > 0 || len(s.tenant.AcceptedDomains) == 0 ||
			!s.connector.IsKnown("sender_ip_addresses") || !s.connector.IsKnown("tls_sender_certificate_name") {
			return
		}
		for i := range s.attributions {
			if a := &s.attributions[i]; a.Message.Address.IsValid() || a.Message.Certificate != nil {
				visit(s, a, report)
			}
		}
	})
}

// relayDenied tells that a message to the internet is refused, though not for being taken for another tenant's.
func relayDenied(s sender, a *mailflow.Attribution) bool {
	stray := len(a.Tenants) > 1 || len(a.Tenants) == 1 && a.Tenants[0] != s.tenant.Name
	return s.Relays != "internal" && !stray && (!a.Relay || a.Reply != "")
}

func predictedReply(a *mailflow.Attribution) string {
	if a.Reply == "" {
		return ""
	}
	return "; predicted reply: " + a.Reply
}

// attributionFinding words what becomes of a simulated message, with the last steps of its trace as evidence.
func attributionFinding(a *mailflow.Attribution, format string, args ...any) Finding {
	one := newFinding("Mail %s %s.", describeMessage(a), fmt.Sprintf(format, args...))
	if doubts := a.VerdictUncertainties(); len(doubts) > 0 {
		one = one.uncertain(strings.Join(doubts, "; "))
	}
	return one
}

// describeMessage says from whom and where a simulated message came.
func describeMessage(a *mailflow.Attribution) string {
	from := "with the null sender"
	if a.Message.MailFrom != "" {
		from = "from " + a.Message.MailFrom
	}
	if a.Message.Address.IsValid() {
		from += ", sent from " + a.Message.Address.String()
	}
	switch p := a.Message.Certificate; {
	case p == nil:
		return from + " (without a certificate)"
	case p.Valid == mailflow.No:
		return from + " (with a certificate for " + list(p.Names()) + " that does not verify)"
	default:
		return from + " (with a certificate for " + list(p.Names()) + ")"
	}
}

// findInboundOverlap reports the connectors of which more than one matches a sender alike.
func findInboundOverlap(f *Facts, report func(Finding)) {
	eachAttribution(func(s sender, a *mailflow.Attribution, report func(Finding)) {
		if len(a.Tenants) != 1 || a.Tenants[0] != s.tenant.Name || len(a.AlsoMatching) == 0 {
			return
		}
		names := append([]string{a.Connector}, a.AlsoMatching...)
		for _, name := range names {
			others := slices.DeleteFunc(slices.Clone(names), func(other string) bool { return other == name })
			report(newFinding("The sender %s matches this connector and %s alike.", s.Name, list(others)).withSubject(
				Subject{Tenant: s.tenant.Name, Direction: mailflow.Inbound, Connector: name}))
		}
	})(f, report)
}
