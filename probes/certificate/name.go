package certificate

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"strings"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// maxShownNames bounds the names of a certificate that a mismatch lists.
const maxShownNames = 20

// evaluateName reports whether the certificate contains the name: tlsDomain if the connector has one, else the host.
func evaluateName(leaf *x509.Certificate, host, tlsDomain string) probes.Judgement {
	want := wantedName(tlsDomain)
	if want == "" {
		want = wantedName(host)
	}
	var doubt string
	names := namesOf(leaf)
	for _, n := range names {
		switch ok, uncertain := mailflow.MatchTLSDomain(want, n); {
		case ok && uncertain == "":
			detail := probes.Sanitise(n+" matches "+want, probes.MaxDetail)
			return probes.Judgement{Outcome: probes.Passed, Detail: detail}
		case ok:
			doubt = uncertain
		}
	}
	if doubt != "" {
		detail := probes.Sanitise("for "+want, probes.MaxDetail)
		return probes.Judgement{Outcome: probes.Passed, Detail: detail, Uncertain: doubt}
	}
	return failed(probes.ReasonCertificateNameMismatch,
		"wanted "+want+", the certificate is for "+listNames(names))
}

// listNames lists the first names and counts the others.
func listNames(names []string) string {
	list := strings.Join(names[:min(len(names), maxShownNames)], ", ")
	if more := len(names) - maxShownNames; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}

// wantedName is a configured name in the form of certificates: A-labels, lower case.
func wantedName(name string) string {
	if domain, ok := mailflow.NormaliseDomain(name); ok {
		return domain
	}
	return normalise(name)
}

func normalise(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// namesOf lists the names that count: the SANs, or the CN if there is no SAN at all.
func namesOf(leaf *x509.Certificate) []string {
	var names []string
	for _, n := range leaf.DNSNames {
		names = append(names, normalise(n))
	}
	for _, ip := range leaf.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok {
			names = append(names, a.Unmap().String())
		}
	}
	if len(names)+len(leaf.EmailAddresses)+len(leaf.URIs) == 0 && leaf.Subject.CommonName != "" {
		names = append(names, strings.ToLower(leaf.Subject.CommonName))
	}
	return names
}
