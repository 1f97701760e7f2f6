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
			Code: "certificate_domain_not_accepted", Severity: Critical, Scope: ScopeInbound,
			Title: "The certificate's domain is not an accepted domain of the tenant",
			When: "Judged for an OnPremises connector: its TlsSenderCertificateName, and the names of its senders' " +
				"certificates that match it. A name passes if it is an accepted domain, the wildcard of one, or below one " +
				"with MatchSubDomains. A direct subdomain of an accepted domain: info if the Hybrid Configuration Wizard " +
				"created the connector, else warning (UNCERTAIN, KB 4019940). Any other name: critical",
			Remedy: "Add the certificate's domain as an accepted domain, or use a certificate whose name is in one.",
			Source: "MC1226222; KB 3169958; KB 4019940",
			Find:   eachAttributing(findDomainNotAccepted),
		},
		{
			Code: "certificate_names_not_accepted", Severity: Info, Scope: ScopeSender,
			Title: "A sender's certificate also has names outside the accepted domains",
			When: "A sender's certificate has names that its connector's TlsSenderCertificateName does not match and that " +
				"are neither an accepted domain, nor the wildcard of one, nor below one with MatchSubDomains",
			Remedy: "No action needed. A certificate that only this sender uses has fewer names by which its mail could be " +
				"attributed.",
			Source: "MC1226222",
			Find:   eachSender(findNamesNotAccepted),
		},
		{
			Code: "presented_certificate_not_configured", Severity: Critical, Scope: ScopeSender,
			Title: "A sender's certificate does not match its connector's TlsSenderCertificateName",
			When:  "No name of the certificate that a sender presents matches its connector's TlsSenderCertificateName",
			Remedy: "Set TlsSenderCertificateName to a name in the new certificate (rerunning the Hybrid Configuration Wizard " +
				"does so), or configure the sender to present the certificate that matches. Before a renewal, run " +
				"`m365_connector_exporter rehearse --certificate=FILE`.",
			Source:   "relay-access-denied-smtp; 5.7.64",
			Silences: append(trustConsequences(), "certificate_names_not_accepted"),
			Find:     eachSender(findNotConfigured),
		},
		{
			Code: "sender_roots_incomplete", Severity: Critical, Scope: ScopeSender,
			Title:  "A sender does not trust the root that Exchange Online's certificates are moving to",
			When:   "A sender's `trusted_roots` lack DigiCert Global Root G2, and the tenant is in the worldwide cloud",
			Remedy: "Add DigiCert Global Root G2 to the sender's trusted root certificates.",
			Source: "MC1224565",
			Find: eachSender(func(_ *Facts, s sender, report func(Finding)) {
				worldwide := s.tenant.Cloud == mailflow.Worldwide || s.tenant.Cloud == ""
				if s.path != nil && s.path.MissingRoot != "" && worldwide {
					report(newFinding("The trusted roots of %s lack %s.", s.Name, s.path.MissingRoot))
				}
			}),
		},
	}
}

func findNotConfigured(_ *Facts, s sender, report func(Finding)) {
	c := s.clientCertificate()
	if c == nil || s.connector.TLSSenderCertificateName == "" {
		return
	}
	m := mailflow.MatchCertificate(s.connector.TLSSenderCertificateName, c)
	if m.Matched {
		return
	}
	observedIn := ""
	if c.Source != "" {
		observedIn = ", observed in " + c.Source
	}
	report(newFinding("%s%s.", m.Rule, observedIn).uncertain(cmp.Or(namesOmitted(c), m.Uncertain)))
}

// namesOmitted returns why a finding about a certificate's names is uncertain; "" if all names are known.
func namesOmitted(c *mailflow.ClientCertificate) string {
	if c == nil || c.OmittedNames == 0 {
		return ""
	}
	return fmt.Sprintf("%d names of the certificate are not compared", c.OmittedNames)
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
		for _, name := range s.clientCertificate().Names() {
			m := mailflow.MatchCertificateName(value, name)
			if name != value && m.Matched && !coveredByValue(t, value, name) {
				what := fmt.Sprintf("The certificate of the sender %s contains %s, which the connector matches", s.Name, name)
				judgeAccepted(t, c, name, what, m.Uncertain, s.atMostWarningIfAssumed(report))
			}
		}
	}
}

// coveredByValue reports whether a name is as good as the connector's value: with contoso.com accepted,
// mail1.contoso.com passes if the value is *.contoso.com (KB 3169958).
func coveredByValue(t *tenant, value, name string) bool {
	r := t.domains.Relation(value)
	return r.Match == mailflow.RelationWildcard && t.domains.Relation(name).Match == mailflow.RelationParent
}

// judgeAccepted judges one name. uncertain is why the name may not matter; "" if it does.
func judgeAccepted(
	t *tenant, c *mailflow.InboundConnector, name, what, uncertain string, report func(Finding),
) {
	r := t.domains.Relation(name)
	one := newFinding("%s: %s.", what, r.Rule).uncertain(cmp.Or(uncertain, r.Uncertain))
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
	for _, name := range s.clientCertificate().Names() {
		if mailflow.MatchCertificateName(s.connector.TLSSenderCertificateName, name).Matched {
			continue
		}
		switch s.tenant.domains.Relation(name).Match {
		case mailflow.RelationNone, mailflow.RelationParent:
			others = append(others, name)
		default:
		}
	}
	if len(others) > 0 {
		report(newFinding("The certificate of %s also contains %s.", s.Name, list(others)))
	}
}
