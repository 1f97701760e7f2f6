package check

import (
	"regexp"
	"strings"
	"time"

	"m365_connector_exporter/probes"
)

// authoritiesVersion is the day on which the table of authorities was last compared with its sources.
const authoritiesVersion = "2026-11-30"

// Authority is a public certificate authority, or all of them, and when it stops issuing certificates with the extended
// key usage clientAuth. Browsers demand that public authorities issue certificates for servers alone.
type Authority struct {
	ID, Name       string
	ClientAuthEnds time.Time // the first instant of the day, UTC
	Uncertain      string    // why the date is not certain; "" if it is
	Source         string
	issuer         *regexp.Regexp // of the common names of its issuing certificates; nil: any
}

const thirdParties = "the date is from third parties"

// The authorities that others name. PublicAuthorities is the rule for all of them.
var (
	LetsEncrypt = &Authority{ // its default profile since 11 Feb 2026; its Generation Y cannot issue the usage at all
		ID: "lets_encrypt", Name: "Let's Encrypt", ClientAuthEnds: date(2026, 7, 8),
		Source: "Let's Encrypt, profile tlsclient", issuer: regexp.MustCompile(`^(R\d{1,2}|E\d{1,2}|Y[ER]\d)$`),
	}
	PublicAuthorities = &Authority{
		ID: "chrome", Name: "public authorities", ClientAuthEnds: date(2027, 3, 15),
		Source: "Chrome Root Program Policy 1.8", Uncertain: thirdParties,
	}
)

// Authorities are the authorities whose dates are known; the last entry is the rule for all public ones.
var Authorities = []*Authority{
	LetsEncrypt,
	{
		ID: "google", Name: "Google Trust Services", ClientAuthEnds: date(2026, 7, 1),
		Source: "acme.sh issue 6610", Uncertain: thirdParties, issuer: regexp.MustCompile(`^(W[ER]\d|GTS CA .*)$`),
	},
	{
		ID: "sectigo", Name: "Sectigo", ClientAuthEnds: date(2027, 2, 10),
		Source: "Sectigo", Uncertain: thirdParties + "; another is 15 May 2026", issuer: regexp.MustCompile(`(?i)sectigo`),
	},
	{
		ID: "digicert", Name: "DigiCert", ClientAuthEnds: date(2027, 3, 1),
		Source: "DigiCert", Uncertain: thirdParties,
		issuer: regexp.MustCompile(`(?i)digicert|geotrust|thawte|rapidssl|encryption everywhere`),
	},
	PublicAuthorities,
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// Issued reports whether a public certificate with this issuer is one of the authority's.
func (a *Authority) Issued(issuer string) bool {
	return a.issuer == nil || a.issuer.MatchString(issuer)
}

// authorityOf returns the authority of a public certificate with this issuer.
func authorityOf(issuer string) *Authority {
	i := 0
	for !Authorities[i].Issued(issuer) {
		i++
	}
	return Authorities[i]
}

// authorityName names the authority of an issuing certificate, public or not. Authorities number their issuing
// certificates, or name them by the year, and use several at a time.
func authorityName(issuer string) string {
	if a := authorityOf(issuer); a.issuer != nil {
		return a.Name
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, issuer)
}

// longestPublic is the lifetime of the longest certificates that public authorities issued before March 2026, with a
// day for those that count it otherwise.
const longestPublic = (398 + 1) * 24 * time.Hour

// IsPublic reports whether a public authority seems to have issued a certificate: its chain verifies, and it is not
// valid for longer than public authorities have allowed since 2020.
func IsPublic(t *probes.TLS) bool {
	leaf := t.Chain[0]
	return t.Verdicts[probes.VerdictTrust].Outcome == probes.Passed && leaf.NotAfter.Sub(leaf.NotBefore) <= longestPublic
}
