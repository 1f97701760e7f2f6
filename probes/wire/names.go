package wire

import (
	"crypto/x509"
	"net/netip"
	"strings"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// judgeName asks whether the certificate bears the name: tlsDomain where the connector has one, else the host.
func judgeName(leaf *x509.Certificate, host, tlsDomain string) probes.Judgement {
	want := strings.ToLower(strings.TrimSuffix(tlsDomain, "."))
	if want == "" {
		want = strings.ToLower(strings.TrimSuffix(host, "."))
	}
	var unsure string
	names := certificateNames(leaf)
	for _, n := range names {
		ok, uncertain := nameMatches(want, n)
		if ok && uncertain == "" {
			return probes.Judgement{Outcome: probes.Passed, Detail: probes.Sanitise(n+" matches "+want, maxDetail)}
		}
		if ok {
			unsure = uncertain
		}
	}
	if unsure != "" {
		return probes.Judgement{Outcome: probes.Passed, Detail: probes.Sanitise("for "+want, maxDetail), Uncertain: unsure}
	}
	return probes.Judgement{
		Outcome: probes.Failed, Reason: probes.ReasonCertificateNameMismatch,
		Detail: probes.Sanitise("wanted "+want+", the certificate is for "+strings.Join(names[:min(len(names), 20)], ", "), maxDetail),
	}
}

// certificateNames lists the names that count: the SANs, or the CN where there is no SAN at all.
func certificateNames(leaf *x509.Certificate) []string {
	var names []string
	for _, n := range leaf.DNSNames {
		names = append(names, strings.ToLower(strings.TrimSuffix(n, ".")))
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

// nameMatches compares a wanted name (or *.parent) with one name of a certificate.
func nameMatches(want, name string) (ok bool, uncertain string) {
	parent, wild := strings.CutPrefix(want, "*.")
	if !wild {
		return name == want || coveredByWildcard(want, name), ""
	}
	switch mailflow.PositionOf(name, parent) {
	case mailflow.Same:
		return true, "the certificate is for the bare domain; Microsoft does not say whether " + want + " covers it"
	case mailflow.Descendant:
		return true, "the certificate's name lies more than one label below; Microsoft does not say whether " + want + " covers it"
	case mailflow.Child:
		return true, ""
	default:
		return false, ""
	}
}

// coveredByWildcard: a certificate's wildcard stands for exactly one leftmost label (RFC 6125, section 6.4.3).
func coveredByWildcard(host, name string) bool {
	parent, wild := strings.CutPrefix(name, "*.")
	label, rest, ok := strings.Cut(host, ".")
	return wild && ok && label != "" && strings.Contains(parent, ".") && rest == parent
}
