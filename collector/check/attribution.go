package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// attributionChecks judge the simulated attribution of each sender's mail.
func attributionChecks() []Check {
	return []Check{
		{
			Code: "attribution_wrong_tenant", Severity: Critical, Scope: ScopeSender,
			Title: "A sender's mail is attributed to another tenant",
			When:  "A simulated message of a sender of an OnPremises connector is attributed to another tenant",
			Remedy: "Give the sender a certificate with a name in one of its tenant's accepted domains, used for this tenant " +
				"alone, and set TlsSenderCertificateName to it.",
			Source:   "MC1226222",
			Silences: []string{"attribution_fragile", "attribution_relay_denied", "null_sender_relay_denied"},
			Find: eachAttribution(func(s sender, a *mailflow.Attribution, report func(Finding)) {
				if len(a.Tenants) == 1 && a.Tenants[0] != s.tenant.Name {
					report(strayFinding(a, "is attributed to the tenant %s by %s", a.Tenants[0], a.Basis).
						withPrivate("Mail %s is attributed to another tenant by %s.", describeMessage(a), a.Basis))
				}
			}),
		},
		{
			Code: "attribution_ambiguous", Severity: Critical, Scope: ScopeSender,
			Title:    "A sender's mail matches more than one tenant",
			When:     "More than one tenant qualifies for a simulated message by the same criterion",
			Remedy:   "Give each tenant's sender its own certificate, with a name in an accepted domain of that tenant alone.",
			Source:   "MC1226222",
			Silences: []string{"attribution_fragile", "attribution_relay_denied", "null_sender_relay_denied"},
			Find: eachAttribution(func(_ sender, a *mailflow.Attribution, report func(Finding)) {
				if a.Ambiguous() {
					report(strayFinding(a, "matches the tenants %s equally, by %s", list(a.Tenants), a.Basis).
						withPrivate("Mail %s matches %d tenants equally, by %s.", describeMessage(a), len(a.Tenants), a.Basis))
				}
			}),
		},
		{
			Code: "attribution_relay_denied", Severity: Critical, Scope: ScopeSender,
			Title: "Exchange Online refuses to relay a sender's mail to the internet",
			When: "A simulated message from one of the sender's domains to an external recipient is not relayed. " +
				"Only for senders with `relays: external`",
			Remedy: "Compare TlsSenderCertificateName or SenderIPAddresses with the certificate and addresses that the sender " +
				"really uses, install the whole certificate chain on the sender, and add its domains as accepted domains.",
			Source:   "Updated Requirements for SMTP Relay through Exchange Online (3851357); KB 3169958; 5.7.64",
			Silences: []string{"attribution_fragile", "null_sender_relay_denied"},
			Find: eachAttribution(func(s sender, a *mailflow.Attribution, report func(Finding)) {
				if a.Message.MailFrom != "" && relayDenied(s, a) {
					report(attributionFinding(a, "is not relayed to the internet%s", predictedReply(a)))
				}
			}),
		},
	}
}

func weakAttributionChecks() []Check {
	return []Check{
		{
			Code: "null_sender_relay_denied", Severity: Warning, Scope: ScopeSender,
			Title: "Exchange Online refuses to relay a sender's bounces and automatic replies to the internet",
			When: "A simulated message with the null sender is not relayed. Only for senders with `relays: external`; " +
				"not reported for a connector without TlsSenderCertificateName (ip_authentication_only)",
			Remedy: "Configure the sender to present a certificate with a name in an accepted domain: without one, Exchange " +
				"Online does not relay mail with the null sender.",
			Source: "KB 3169958, \"Scenarios in which Microsoft 365 doesn't support relaying by default\"; 3851357",
			Find: eachAttribution(func(s sender, a *mailflow.Attribution, report func(Finding)) {
				if a.Message.MailFrom == "" && relayDenied(s, a) && !byAddressAlone(s.connector) {
					report(attributionFinding(a, "is not relayed to the internet%s", predictedReply(a)))
				}
			}),
		},
		{
			Code: "attribution_fragile", Severity: Warning, Scope: ScopeSender,
			Title: "A sender's mail is attributed to the right tenant only by a weak criterion",
			When: "A simulated message is attributed to its tenant only by a weaker criterion than the certificate that the " +
				"connector requires, or from an address that other tenants list too, if that is not reported as " +
				"`sender_address_shared_between_tenants`. Microsoft moves tenants without notice, and a move may change the " +
				"attribution",
			Remedy: "Give the sender a certificate with a name in an accepted domain of its tenant alone, and set " +
				"TlsSenderCertificateName to it.",
			Source: "MC1226222",
			Find: eachAttribution(func(s sender, a *mailflow.Attribution, report func(Finding)) {
				if a.Risk != "" && !strays(s, a) && len(a.Tenants) == 1 && a.Reply == "" {
					one := attributionFinding(a, "is attributed to its tenant by %s: %s", a.Basis, a.Risk).withPrivate(
						"Mail %s is attributed to its tenant by %s: %s.", describeMessage(a), a.Basis, a.RiskWithoutNames())
					if a.RiskOther == (mailflow.OverlapPeer{}) {
						one = one.explainedBut("sender_address_shared_between_tenants")
					}
					report(one)
				}
			}),
		},
	}
}

// eachAttribution visits every simulated message of every sender of an OnPremises connector; other connectors
// attribute nothing. It skips what cannot be judged: a tenant without accepted domains, a connector whose addresses or
// certificate name are unknown, a message without address and certificate.
func eachAttribution(visit func(s sender, a *mailflow.Attribution, report func(Finding))) findFunc {
	return eachSender(func(_ *Facts, s sender, report func(Finding)) {
		c := s.connector
		known := c.IsKnown("sender_ip_addresses") && c.IsKnown("tls_sender_certificate_name")
		if !attributes(c) || len(s.tenant.AcceptedDomains) == 0 || !known {
			return
		}
		for i := range s.attributions {
			if a := &s.attributions[i]; a.Message.Address.IsValid() || a.Message.Certificate != nil {
				visit(s, a, report)
			}
		}
	})
}

// strays reports whether a message is attributed to another tenant, or to more than one.
func strays(s sender, a *mailflow.Attribution) bool {
	return a.Ambiguous() || len(a.Tenants) == 1 && a.Tenants[0] != s.tenant.Name
}

// relayDenied reports whether a message to the internet is refused for another cause than a wrong attribution.
func relayDenied(s sender, a *mailflow.Attribution) bool {
	return s.Relays != "internal" && !strays(s, a) && (!a.Relay || a.Reply != "")
}

func predictedReply(a *mailflow.Attribution) string {
	if a.Reply == "" {
		return ""
	}
	return "; predicted reply: " + a.Reply
}

// attributionFinding returns a finding about a simulated message, uncertain if its attribution is.
func attributionFinding(a *mailflow.Attribution, format string, args ...any) Finding {
	one := newFinding("Mail %s %s.", describeMessage(a), fmt.Sprintf(format, args...))
	return one.uncertain(cmp.Or(namesOmitted(a.Message.Certificate), strings.Join(a.VerdictUncertainties(), "; ")))
}

// strayFinding is attributionFinding for a message that another tenant qualifies for: what is uncertain about that may
// name the tenant's connectors.
func strayFinding(a *mailflow.Attribution, format string, args ...any) Finding {
	one := attributionFinding(a, format, args...)
	if one.Uncertain == "" {
		return one
	}
	return one.addPrivate(map[string]string{
		one.Uncertain: "the attribution depends on rules that Microsoft has not documented",
	})
}

// describeMessage describes the envelope and the origin of a simulated message.
func describeMessage(a *mailflow.Attribution) string {
	from := "with the null sender"
	if a.Message.MailFrom != "" {
		from = "from " + a.From()
	}
	if a.Message.Address.IsValid() {
		from += ", sent from " + a.Message.Address.String()
	}
	switch c := a.Message.Certificate; {
	case c == nil:
		return from + " (without a certificate)"
	case c.Valid == mailflow.No:
		return from + " (with a certificate for " + list(c.Names()) + " that does not verify)"
	default:
		return from + " (with a certificate for " + list(c.Names()) + ")"
	}
}

// findInboundOverlap reports the connectors of a tenant that match one sender equally.
func findInboundOverlap(f *Facts, report func(Finding)) {
	eachAttribution(func(s sender, a *mailflow.Attribution, report func(Finding)) {
		if strays(s, a) || len(a.Tenants) == 0 || len(a.AlsoMatching) == 0 {
			return
		}
		names := append([]string{a.Connector}, a.AlsoMatching...)
		for i, name := range names {
			others := append(append([]string{}, names[:i]...), names[i+1:]...)
			report(newFinding("The sender %s matches both this connector and %s.", s.Name, list(others)).withSubject(
				Subject{Tenant: s.tenant.Name, Direction: mailflow.Inbound, Connector: name}))
		}
	})(f, report)
}

// findSameCertificateName reports connectors of a tenant that require the same certificate, if no certificate of a
// sender is known that would show it (see findInboundOverlap).
func findSameCertificateName(_ *Facts, t *tenant, report func(Finding)) {
	byName := map[string][]*mailflow.InboundConnector{}
	shown := map[string]bool{}
	for i := range t.Inbound {
		c := &t.Inbound[i]
		name := strings.ToLower(c.TLSSenderCertificateName)
		if name == "" || len(c.SenderIPAddresses) > 0 || !c.IsEnabled() || !attributes(c) {
			continue
		}
		byName[name] = append(byName[name], c)
		shown[name] = shown[name] || slices.ContainsFunc(t.senders[c.Name], func(s *mailflow.Sender) bool {
			return s.ClientCertificate != nil
		})
	}
	for name, same := range byName {
		for i, c := range same {
			if other := same[(i+1)%len(same)]; other != c && !shown[name] {
				report(newFinding("This connector and %s require the same certificate, %s.", other.Name,
					c.TLSSenderCertificateName).withSubject(inboundSubject(t, c)))
			}
		}
	}
}
