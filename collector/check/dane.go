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
			When: "SmtpDaneMode of an outbound connector is not `None`, and DNSSEC of the destination is wrong (4.7.324, then " +
				"5.7.324), or every mail server has TLSA records and none offers TLS (4.7.321) with a certificate that matches " +
				"(4.7.323); with `Mandatory` also if the destination has no DANE. A warning for smart hosts, UNCERTAIN. Judged " +
				"only with a resolver that validates DNSSEC, see `probe.dnssec`",
			Remedy: "Let the owner of the domain publish TLSA records of the certificates in use, or correct the DNSSEC " +
				"signatures. Until then, `Set-OutboundConnector -SmtpDaneMode None` delivers without DANE; for a destination " +
				"without DANE, `Opportunistic` is enough.",
			Source:   "RFC 7672; How SMTP DANE works (Microsoft Learn); MC1220759; Set-OutboundConnector, SmtpDaneMode",
			Silences: []string{"dane_incomplete"},
			Find:     eachHeld(MechanismDANE),
		},
		{
			Code: "dane_incomplete", Severity: Warning, Scope: ScopePath,
			Title: "DANE of a destination covers only a part, or will not outlast the certificate",
			When: "Of the MX hosts of a domain some have TLSA records and others do not, or the certificate of some matches " +
				"none; or a certificate expires soon, and all TLSA records of its host are of this very certificate, so that " +
				"the next one will match none. Of smart hosts only the latter, UNCERTAIN",
			Remedy: "Let the owner of the domain publish TLSA records for every MX host, and before each renewal a second " +
				"record, of the next certificate or key; \"3 1 1\" with a key that is kept, or \"2 1 1\" of the authority, " +
				"needs no change.",
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
			report(newFinding("The certificate of %s is valid until %s, and all TLSA records (%s) are of this certificate.",
				e.Name(), day(e.TLS.Chain[0].NotAfter), list(e.DANE.Records)).uncertain(uncertain))
		case p.Kind == probes.NextHopSmartHost:
		case e.DANE.Status == probes.DANENone || e.DANE.Status == probes.DANEInsecure:
			report(newFinding("%s has no TLSA records, other MX hosts have.", e.Host))
		case e.DANE.Status == probes.DANEMismatch:
			report(newFinding("%s does not match its TLSA records (%s): %s.", e.Name(), list(e.DANE.Records), e.DANE.Detail))
		}
	}
}

// hasTLSA reports whether the endpoint's host is known to have TLSA records.
func (e Endpoint) hasTLSA() bool { return e.DANE != nil && e.DANE.Total > 0 }
