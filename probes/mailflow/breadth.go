package mailflow

import (
	"strings"

	"golang.org/x/net/publicsuffix"
)

// microsoftDomains are domains of Microsoft. Servers that send the mail of many tenants have certificates for them.
var microsoftDomains = [...]string{
	"microsoft.com", "onmicrosoft.com", "onmicrosoft.us", "outlook.com", "office365.com", "office365.us", "office.com",
	"hotmail.com", "live.com", "microsoftonline.com", "mx.microsoft", "outlook.cn", "onmschina.cn",
}

// TooBroad reports whether a TlsSenderCertificateName matches certificates of other organizations, and why: it is "*",
// a public suffix or the wildcard of one, or in a domain of Microsoft. The accepted domains and their wildcards are
// never too broad.
func (x DomainIndex) TooBroad(value string) (reason string, broad bool) {
	name, ok := NormaliseDomain(value)
	base := strings.TrimPrefix(name, "*.")
	if !ok {
		return "", false
	}
	if name == "*" {
		return "it matches every certificate", true
	}
	if _, own := x.Match(base); own {
		return "", false
	}
	for _, domain := range microsoftDomains {
		position := PositionOf(base, domain)
		if position == Same || position > Same && !IsInitialDomain(base) { // a tenant's initial domain is its own
			return domain + " belongs to Microsoft", true
		}
	}
	if suffix, listed := publicsuffix.PublicSuffix(base); suffix == base && (listed || strings.Contains(base, ".")) {
		return base + " is a public suffix, below which anyone can register a domain", true
	}
	return "", false
}
