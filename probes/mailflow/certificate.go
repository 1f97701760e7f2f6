package mailflow

import (
	"slices"
	"strings"
)

// ClientCertificate is the client certificate that a sender presents, as far as attribution needs it.
type ClientCertificate struct {
	CommonName string
	DNSNames   []string // of the SAN
	// OmittedNames is the number of names of the SAN that are not in DNSNames. Unless it is 0, a name that does not
	// match proves nothing.
	OmittedNames int
	Fingerprint  string // SHA-256 of the leaf's DER, lower-case hex
	Valid        Tri    // chain complete, trusted, in date, not revoked; Unknown if that could not be judged
	Source       string // where it was read, as evidence: the name of a file, a host, or "assumed"
}

// NewClientCertificate returns a certificate with normalised names.
func NewClientCertificate(commonName string, dnsNames []string, fingerprint string) *ClientCertificate {
	c := &ClientCertificate{CommonName: CertificateName(commonName), Fingerprint: fingerprint}
	for _, name := range dnsNames {
		c.DNSNames = append(c.DNSNames, CertificateName(name))
	}
	return c
}

// CertificateName normalises a name of a certificate like a configured domain. A CN that is not a domain is converted
// to lower case.
func CertificateName(name string) string {
	if domain, ok := NormaliseDomain(name); ok {
		return domain
	}
	return strings.ToLower(name)
}

// Names returns the names that Exchange Online considers, CN and SAN, in that order without duplicates (KB 3169958).
func (c *ClientCertificate) Names() []string {
	if c == nil {
		return nil
	}
	names := make([]string, 0, len(c.DNSNames)+1)
	seen := make(map[string]bool, len(c.DNSNames)+1)
	for _, name := range append([]string{c.CommonName}, c.DNSNames...) {
		if name != "" && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// certificateDomains are the names of a certificate that are domains, normalised.
type certificateDomains struct {
	cn  string   // "" if the CN is not a domain
	all []string // cn first, without duplicates
}

// domainsOf returns the domains of a certificate, none if c is nil.
func domainsOf(c *ClientCertificate) certificateDomains {
	var domains certificateDomains
	if c == nil {
		return domains
	}
	domains.cn, _ = NormaliseDomain(c.CommonName)
	seen := make(map[string]bool, len(c.DNSNames)+1)
	for _, name := range c.Names() {
		if domain, ok := NormaliseDomain(name); ok && !seen[domain] {
			seen[domain] = true
			domains.all = append(domains.all, domain)
		}
	}
	return domains
}

// keys returns the required names that the certificate matches: each of its names, the wildcards that cover it, and
// "*".
func (d certificateDomains) keys() []nameKey {
	var keys []nameKey
	add := func(name string, subject bool) {
		keys = append(keys, nameKey{name, subject})
		for wildcard := range Wildcards(strings.TrimPrefix(name, "*.")) {
			keys = append(keys, nameKey{wildcard, subject})
		}
	}
	for _, name := range d.all {
		add(name, false)
	}
	if d.cn != "" {
		add(d.cn, true)
	}
	slices.SortFunc(keys, nameKey.compare)
	return slices.Compact(keys)
}

// CertificateRelatesTo reports whether a certificate is likely meant for a sender behind a connector: one of its
// names has the same registered domain as a name of the certificate that the sender presents now, or as the name that
// the connector requires.
func CertificateRelatesTo(certificate *ClientCertificate, c *InboundConnector, s *Sender) bool {
	registered := map[string]bool{RegisteredDomain(parseRequiredName(c.TLSSenderCertificateName).name): true}
	for _, name := range domainsOf(s.ClientCertificate).all {
		registered[RegisteredDomain(name)] = true
	}
	return slices.ContainsFunc(domainsOf(certificate).all, func(name string) bool {
		domain := RegisteredDomain(name)
		return domain != "" && registered[domain]
	})
}
