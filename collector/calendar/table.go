package calendar

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"m365_connector_exporter/probes"
)

// Version is the day on which the table was last compared with its sources.
const Version = "2026-11-29"

// Advisory is a date that is known in advance.
type Advisory struct {
	ID        string    // the label value
	At        time.Time // the first instant of the day, UTC; zero if the date is that of a server or of a pause
	Title     string    // what happens, in one clause without a full stop
	Affects   string    // whom, in words
	Source    string
	Uncertain string // why the date is not certain; "" if it is

	// certificate reports whether a leaf certificate is affected, and when: at another time than At if its own dates
	// decide. nil: it does not depend on a certificate.
	certificate func(now time.Time, at time.Time, leaf leaf) (time.Time, bool)
}

// leaf is a leaf certificate, and what is known about it.
type leaf struct {
	*probes.Certificate
	client bool // presented to Exchange Online, not shown by a server
	public bool // its chain verifies, and it is not valid for longer than public authorities have allowed since 2020
}

// longestPublic is the lifetime of the longest certificates that public authorities issued before March 2026, with a
// day for those that count it otherwise.
const longestPublic = (398 + 1) * 24 * time.Hour

func (l leaf) lifetime() time.Duration { return l.NotAfter.Sub(l.NotBefore) }

// Issuers, by the common name of the issuing certificate.
var (
	letsEncrypt = regexp.MustCompile(`^(R\d{1,2}|E\d{1,2}|Y[ER]\d)$`)
	digiCert    = regexp.MustCompile(`(?i)digicert|geotrust|thawte|rapidssl|encryption everywhere`)
	sectigo     = regexp.MustCompile(`(?i)sectigo`)
)

const thirdParties = "the date is from third parties"

// Table are all dates. Those of certificates first.
var Table = []Advisory{
	{
		ID: "MC1224565", At: day(2026, 3, 23),
		Title:     "Exchange Online's certificates chain to DigiCert Global Root G2",
		Affects:   "senders whose `trusted_roots` lack that root",
		Source:    "MC1224565",
		Uncertain: "Microsoft named 15 and 23 March 2026",
	},
	lifetime("SC-081v3-100d", day(2027, 3, 15), 100, nil, "CA/Browser Forum ballot SC-081v3"),
	lifetime("SC-081v3-47d", day(2029, 3, 15), 47, nil, "CA/Browser Forum ballot SC-081v3"),
	lifetime("lets_encrypt-64d", day(2027, 2, 10), 64, letsEncrypt, "Let's Encrypt, certificate profiles"),
	lifetime("lets_encrypt-45d", day(2028, 2, 16), 45, letsEncrypt, "Let's Encrypt, certificate profiles"),
	clientAuth("lets_encrypt-client_auth", day(2026, 7, 8), letsEncrypt, "Let's Encrypt, profile tlsclient", ""),
	clientAuth("sectigo-client_auth", day(2027, 2, 10), sectigo, "Sectigo", thirdParties+"; another is 15 May 2026"),
	clientAuth("digicert-client_auth", day(2027, 3, 1), digiCert, "DigiCert", thirdParties),
	clientAuth("chrome-client_auth", day(2027, 3, 15), nil, "Chrome Root Program Policy 1.8", thirdParties),
	{
		ID:      throttling,
		Title:   "Exchange Online throttles mail from an outdated Exchange server",
		Affects: "tenants with such a server in Get-OnPremServerReportInfo",
		Source:  "Exchange Team blog 4007169; 450 4.7.230",
	},
	{
		ID:      blocking,
		Title:   "Exchange Online blocks mail from an outdated Exchange server",
		Affects: "tenants with such a server in Get-OnPremServerReportInfo",
		Source:  "Exchange Team blog 4007169; 550 5.7.230",
	},
	{
		ID:        pauseEnd,
		Title:     "The pause of throttling and blocking ends",
		Affects:   "tenants with a pause in Get-TenantExemptionInfo",
		Source:    "New-TenantExemptionInfo",
		Uncertain: "Microsoft does not document the properties of Get-TenantExemptionInfo",
	},
}

// The advisories that do not depend on a certificate.
const (
	rootG2     = "MC1224565"
	throttling = "exchange_server-throttling"
	blocking   = "exchange_server-blocking"
	pauseEnd   = "exchange_server-pause_end"
)

func day(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// lifetime is a date from which certificates of an issuer (nil: of every public one) are valid for at most so many
// days. It affects a certificate that is valid for longer: its renewals become more frequent.
func lifetime(id string, at time.Time, days int, issuer *regexp.Regexp, source string) Advisory {
	whose := "of public authorities"
	if issuer != nil {
		whose = "of Let's Encrypt"
	}
	limit := time.Duration(days) * 24 * time.Hour
	return Advisory{
		ID: id, At: at, Source: source,
		Title:   fmt.Sprintf("New certificates %s are valid for at most %d days", whose, days),
		Affects: "certificates " + whose + " that are valid for longer: they must be renewed more often",
		certificate: func(now, at time.Time, l leaf) (time.Time, bool) {
			longer := l.lifetime() > limit+24*time.Hour
			return at, now.Before(at) && l.public && longer && (issuer == nil || issuer.MatchString(l.Issuer))
		},
	}
}

// clientAuth is a date from which an issuer (nil: every public one) no longer issues certificates with the usage
// clientAuth. It affects client certificates with that usage: the first renewal from then on loses it.
func clientAuth(id string, at time.Time, issuer *regexp.Regexp, source, uncertain string) Advisory {
	whose, _, _ := strings.Cut(source, ",")
	if issuer == nil {
		whose = "public authorities"
	}
	return Advisory{
		ID: id, At: at, Source: source, Uncertain: uncertain,
		Title: "Certificates of " + whose + " no longer have the usage clientAuth",
		Affects: "certificates with that usage that senders present: their first renewal from then on loses it. Whether " +
			"Exchange Online demands it is not documented",
		certificate: func(now, at time.Time, l leaf) (time.Time, bool) {
			if !now.Before(at) {
				at = l.NotAfter // it is renewed at the latest then
			}
			return at, l.client && l.public && l.ClientAuth && (issuer == nil || issuer.MatchString(l.Issuer))
		},
	}
}
