package check

import (
	"slices"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// UncertainDANE is the undocumented behaviour that what is said about DANE and smart hosts depends on.
const UncertainDANE = "Microsoft does not document whether Exchange Online applies DANE to smart hosts"

// daneChecks judge TLSA records (RFC 7672) and what Exchange Online does because of them.
func daneChecks() []Check {
	return []Check{
		{
			Code: "dane_would_queue", Severity: Critical, Scope: ScopePath,
			Title: "Exchange Online holds mail because of DANE",
			When: "SmtpDaneMode of an outbound connector is not `None`, and DNSSEC validation of the destination fails " +
				"(4.7.324, then 5.7.324), or every mail server has TLSA records and none offers TLS (4.7.321) with a certificate " +
				"that matches (4.7.323). With `Mandatory` also if the destination does not use DANE. For smart hosts: warning " +
				"(UNCERTAIN). Judged only with a resolver that validates DNSSEC, see `probe.dnssec`",
			Remedy: "Ask the owner of the domain to publish TLSA records of the certificates in use, or to correct the DNSSEC " +
				"signatures. Until then, `Set-OutboundConnector -SmtpDaneMode None` delivers without DANE. For a destination " +
				"that does not use DANE, `Opportunistic` is enough.",
			Source:   "RFC 7672; How SMTP DANE works (Microsoft Learn); MC1220759; Set-OutboundConnector, SmtpDaneMode",
			Silences: []string{"dane_incomplete"},
			Find:     eachHeld(MechanismDANE),
		},
		{
			Code: "dane_incomplete", Severity: Warning, Scope: ScopePath,
			Title: "The TLSA records of a destination do not cover all its MX hosts, or not the next certificate",
			When: "Some MX hosts of a domain have TLSA records and others have none, or some show a certificate that matches " +
				"none of their records; or a certificate expires soon and all TLSA records of its host are records of this " +
				"certificate, so that the next one will match none of them. For smart hosts only the second is judged (UNCERTAIN)",
			Remedy: "Ask the owner of the domain to publish TLSA records for every MX host, and before each renewal also a " +
				"record of the next certificate or key. A record \"3 1 1\" of a key that is kept, or \"2 1 1\" of the " +
				"authority, stays valid over a renewal.",
			Source: "RFC 7671, section 8; RFC 7672, section 2.2; How SMTP DANE works (Microsoft Learn)",
			Find:   eachProbed(findIncompleteDANE),
		},
	}
}

func findIncompleteDANE(f *Facts, p *Path, report func(Finding)) {
	if p.ID.Direction != mailflow.Outbound || !slices.ContainsFunc(p.Endpoints, Endpoint.hasTLSA) {
		return
	}
	uncertain := ""
	if p.Kind == probes.NextHopSmartHost {
		uncertain = UncertainDANE
	}
	for i := range p.Endpoints {
		e := &p.Endpoints[i]
		if e.DANE == nil {
			continue
		}
		switch {
		case e.DANE.Pinned && e.TLS != nil && len(e.TLS.Chain) > 0 && f.nearExpiry(e.TLS.Chain[0]):
			report(newFinding("The certificate of %s is valid until %s, and all its TLSA records (%s) match only this "+
				"certificate.", e.Name(), day(e.TLS.Chain[0].NotAfter), list(e.DANE.Records)).uncertain(uncertain))
		case p.Kind == probes.NextHopSmartHost:
		case e.DANE.Status == probes.DANENone || e.DANE.Status == probes.DANEInsecure:
			report(newFinding("%s has no TLSA records, but other MX hosts of the domain do.", e.Host))
		case e.DANE.Status == probes.DANEMismatch:
			report(newFinding("%s does not match its TLSA records (%s): %s.", e.Name(), list(e.DANE.Records), e.DANE.Detail))
		}
	}
}

// hasTLSA reports whether the endpoint's host is known to have TLSA records.
func (e Endpoint) hasTLSA() bool { return e.DANE != nil && e.DANE.Total > 0 }
