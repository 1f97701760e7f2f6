package check

import (
	"cmp"
	"fmt"

	"m365_connector_exporter/probes/mailflow"
)

// acceptedChecks compare certificate names with connectors and accepted domains.
func acceptedChecks() []Check {
	return []Check{
		{
			Code: "certificate_domain_not_accepted", Severity: Critical,
			Title: "The certificate's domain is no accepted domain of the tenant",
			When: "Judged of an OnPremises connector: its TlsSenderCertificateName, and those names of its senders' certificates that match it. A name is fine that is accepted itself, is the wildcard of an accepted domain, or lies under an accepted domain with MatchSubDomains. " +
				"One right below an accepted domain: info where the Hybrid Configuration Wizard made the connector, else warning (UNCERTAIN, KB 4019940). Any other: critical",
			Remedy: "Register the certificate's domain as an accepted domain, or use a certificate of one that is.",
			Source: "MC1226222; KB 3169958; KB 4019940",
			Find:   eachSource(findDomainNotAccepted),
		},
		{
			Code: "certificate_names_not_accepted", Severity: Info,
			Title:  "A sender's certificate has other names that are no accepted domains",
			When:   "Names of a sender's certificate that the connector does not ask for are no accepted domain, no wildcard of one and under none with MatchSubDomains",
			Remedy: "Nothing to do. A certificate made for this purpose alone has fewer names to be attributed by.",
			Source: "MC1226222",
			Find:   eachSender(findNamesNotAccepted),
		},
		{
			Code: "presented_certificate_not_configured", Severity: Critical,
			Title:    "A sender's certificate is not the one that its connector asks for",
			When:     "No name of the certificate that a sender presents matches its connector's TlsSenderCertificateName",
			Remedy:   "Set TlsSenderCertificateName to a name of the new certificate (the Hybrid Configuration Wizard does), or let the sender present the right one. `rehearse` tells before a renewal.",
			Source:   "relay-access-denied-smtp; 5.7.64",
			Silences: append(trustConsequences(), "certificate_names_not_accepted"),
			Find: eachSender(func(_ *Facts, s sender, report func(Finding)) {
				p := s.presents()
				if p == nil || s.connector.TLSSenderCertificateName == "" {
					return
				}
				if m := mailflow.MatchCertificate(s.connector.TLSSenderCertificateName, p); !m.Matched {
					report(newFinding("%s%s.", m.Rule, observedAt(p)).uncertain(m.Uncertain))
				}
			}),
		},
		{
			Code: "sender_roots_incomplete", Severity: Critical,
			Title:  "A sender does not trust the root to which Exchange Online's certificates move",
			When:   "A sender's `trusted_roots` lack DigiCert Global Root G2, and the tenant is in the worldwide cloud",
			Remedy: "Add DigiCert Global Root G2 to the sender's trusted roots.",
			Source: "MC1224565",
			Find: eachSender(func(_ *Facts, s sender, report func(Finding)) {
				if s.path != nil && s.path.MissingRoot != "" && (s.tenant.Cloud == mailflow.Worldwide || s.tenant.Cloud == "") {
					report(newFinding("The trusted roots of %s lack %s.", s.Name, s.path.MissingRoot))
				}
			}),
		},
	}
}

func observedAt(p *mailflow.ClientCertificate) string {
	if p.Source == "" {
		return ""
	}
	return ", seen in " + p.Source
}

func findDomainNotAccepted(f *Facts, t *tenant, c *mailflow.InboundConnector, report func(Finding)) {
	value := c.TLSSenderCertificateName
	if value == "" || len(t.AcceptedDomains) == 0 {
		return
	}
	judgeAccepted(t, c, value, "TlsSenderCertificateName is "+value, "", report)
	for _, one := range t.senders[c.Name] {
		s := sender{Sender: one, tenant: t, connector: c}
		s.path = f.index.paths[s.id()]
		for _, name := range s.presents().Names() {
			m := mailflow.MatchCertificate(value, &mailflow.ClientCertificate{CommonName: name})
			if name != value && m.Matched && !coveredByValue(t, value, name) {
				what := fmt.Sprintf("The certificate of the sender %s has %s, as the connector asks", s.Name, name)
				judgeAccepted(t, c, name, what, m.Uncertain, s.atMostWarningIfAssumed(report))
			}
		}
	}
}

// coveredByValue: mail1.contoso.com is as good as its connector's *.contoso.com where contoso.com is accepted (KB 3169958).
func coveredByValue(t *tenant, value, name string) bool {
	r := t.domains.Relation(value)
	return r.Match == mailflow.RelationWildcard && t.domains.Relation(name).Match == mailflow.RelationParent
}

// judgeAccepted judges one name. doubt is why it is not certain that the name matters.
func judgeAccepted(t *tenant, c *mailflow.InboundConnector, name, what, doubt string, report func(Finding)) {
	r := t.domains.Relation(name)
	one := newFinding("%s: %s.", what, r.Rule).uncertain(cmp.Or(doubt, r.Uncertain))
	switch {
	case r.Match == mailflow.RelationParent && c.Source == "HybridWizard":
		report(one.withSeverity(Info))
	case r.Match == mailflow.RelationParent:
		report(one.withSeverity(Warning))
	case r.Match == mailflow.RelationNone:
		report(one)
	}
}

func findNamesNotAccepted(_ *Facts, s sender, report func(Finding)) {
	if s.connector.Type != mailflow.OnPremises || len(s.tenant.AcceptedDomains) == 0 {
		return
	}
	var others []string
	for _, name := range s.presents().Names() {
		asked := mailflow.MatchCertificate(s.connector.TLSSenderCertificateName, &mailflow.ClientCertificate{CommonName: name}).Matched
		switch s.tenant.domains.Relation(name).Match {
		case mailflow.RelationNone, mailflow.RelationParent:
			if !asked {
				others = append(others, name)
			}
		default:
		}
	}
	if len(others) > 0 {
		report(newFinding("The certificate of %s is also for %s.", s.Name, list(others)))
	}
}
