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

// evaluateName evaluates whether the certificate contains tlsDomain, or host if tlsDomain is empty.
func evaluateName(leaf *x509.Certificate, host, tlsDomain string) probes.Judgement {
	want := wantedName(tlsDomain)
	if want == "" {
		want = wantedName(host)
	}
	var uncertain string
	names := namesOf(leaf)
	for _, n := range names {
		switch ok, why := mailflow.MatchTLSDomain(want, n); {
		case ok && why == "":
			detail := probes.Sanitise(n+" matches "+want, probes.MaxDetail)
			return probes.Judgement{Outcome: probes.Passed, Detail: detail}
		case ok:
			uncertain = why
		}
	}
	if uncertain != "" {
		detail := probes.Sanitise("for "+want, probes.MaxDetail)
		return probes.Judgement{Outcome: probes.Passed, Detail: detail, Uncertain: uncertain}
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

// wantedName returns a configured name as certificates contain it: A-labels, lower case.
func wantedName(name string) string {
	if domain, ok := mailflow.NormaliseDomain(name); ok {
		return domain
	}
	return normalise(name)
}

func normalise(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// namesOf returns the names that are compared: those of the SAN, or the CN if there is no SAN.
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
