package check

import (
	"fmt"
	"net/netip"
	"slices"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// servedChecks compare the certificate in a file with the one that the same server shows.
func servedChecks() []Check {
	return []Check{{
		Code: "certificate_served_differs_from_file", Severity: Warning, Scope: ScopeSender,
		Title: "A server shows another certificate than its file contains",
		When: "A sender's certificate is read from a file, a smart host at one of its addresses shows a leaf certificate " +
			"that shares a name with it, and the two differ: a renewed certificate is not in use, or the file is outdated",
		Remedy: "Bind the new certificate to the SMTP service and the send connector and restart the transport service, or " +
			"replace the file by the certificate in use.",
		Source: "Set-SendConnector, TlsCertificateName; cannot-receive-mail-with-new-certificate (KB 2989382)",
		Find:   findServed,
	}}
}

// findServed compares single addresses only: any host may answer at a range.
func findServed(f *Facts, report func(Finding)) {
	type location struct{ tenant, address string }
	served := map[location]observedCertificate{}
	for _, c := range f.index.certificates {
		outbound := c.path.ID.Direction == mailflow.Outbound && c.path.ConnectorType == mailflow.OnPremises
		if outbound && c.endpoint != nil && c.endpoint.Address != "" {
			served[location{c.path.ID.Tenant, c.endpoint.Address}] = c
		}
	}
	for _, c := range f.index.certificates {
		if c.sender == nil || c.sender.Certificate.File == "" && c.sender.Certificate.PKCS12 == "" {
			continue
		}
		for _, address := range c.sender.Addresses {
			if !isSingle(address) {
				continue
			}
			other, ok := served[location{c.path.ID.Tenant, address.Addr().String()}]
			if ok && replaces(c.Chain[0], other.Chain[0]) {
				report(newFinding("The file contains %s; %s shows %s.", describe(c.Chain[0]), other.source(),
					describe(other.Chain[0])).withSubject(Subject(c.path.ID)))
			}
		}
	}
}

func isSingle(p netip.Prefix) bool { return p.IsValid() && p.Bits() == p.Addr().BitLen() }

// replaces reports whether two certificates are different ones for the same name.
func replaces(a, b *probes.Certificate) bool {
	if a.Fingerprint == b.Fingerprint {
		return false
	}
	others := b.Names()
	return slices.ContainsFunc(a.Names(), func(name string) bool { return slices.Contains(others, name) })
}

func describe(c *probes.Certificate) string {
	return fmt.Sprintf("the certificate for %s (serial %s, valid until %s)", c.Subject, c.Serial, day(c.NotAfter))
}
