package check

import (
	"fmt"
	"net/netip"
	"slices"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// servedChecks compare what a file holds with what the same server shows.
func servedChecks() []Check {
	return []Check{{
		Code: "certificate_served_differs_from_file", Severity: Warning,
		Title: "A server shows another certificate than its file holds",
		When: "A sender's certificate is read from a file, a smart host at one of its addresses shows a leaf that shares a name with it, " +
			"and the two differ: a renewal that was not taken into use, or a file that was not replaced",
		Remedy: "Bind the new certificate to the SMTP service and the send connector and restart them, or put the one in use into the file.",
		Source: "Set-SendConnector, TlsCertificateName; cannot-receive-mail-with-new-certificate (KB 2989382)",
		Find:   findServed,
	}}
}

// findServed looks at single addresses alone: at a network, anybody may answer.
func findServed(f *Facts, report func(Finding)) {
	type place struct{ tenant, address string }
	served := map[place]observedCertificate{}
	for _, c := range f.index.certificates {
		if c.endpoint != nil && c.endpoint.Address != "" && c.path.ID.Direction == mailflow.Outbound && c.path.ConnectorType == mailflow.OnPremises {
			served[place{c.path.ID.Tenant, c.endpoint.Address}] = c
		}
	}
	for _, c := range f.index.certificates {
		if !c.client || c.sender == nil || c.sender.Certificate.File == "" && c.sender.Certificate.PKCS12 == "" {
			continue
		}
		for _, address := range c.sender.Addresses {
			if !single(address) {
				continue
			}
			other, ok := served[place{c.path.ID.Tenant, address.Addr().String()}]
			if ok && differs(c.Chain[0], other.Chain[0]) {
				one := newFinding("The file holds %s; %s.", describe(c.Chain[0]), other.source()+" shows "+describe(other.Chain[0]))
				one.Subject = Subject(c.path.ID)
				report(one)
			}
		}
	}
}

func single(p netip.Prefix) bool { return p.IsValid() && p.Bits() == p.Addr().BitLen() }

// differs tells that two certificates are made for one name and are not the same.
func differs(a, b *probes.Certificate) bool {
	if a.Fingerprint == b.Fingerprint {
		return false
	}
	others := b.Names()
	return slices.ContainsFunc(a.Names(), func(name string) bool { return slices.Contains(others, name) })
}

func describe(c *probes.Certificate) string {
	return fmt.Sprintf("the certificate for %s (serial %s, until %s)", c.Subject, c.Serial, day(c.NotAfter))
}
