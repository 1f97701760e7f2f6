package calendar

import (
	"fmt"
	"slices"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
)

// Version is the day on which the table was last compared with its sources.
const Version = "2026-11-30"

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
	public bool // a public authority seems to have issued it
}

func (l leaf) lifetime() time.Duration { return l.NotAfter.Sub(l.NotBefore) }

// Table are all dates. Those of certificates first.
var Table = slices.Concat(
	[]Advisory{
		{
			ID: "MC1224565", At: day(2026, 3, 23),
			Title:     "Exchange Online's certificates chain to DigiCert Global Root G2",
			Affects:   "senders whose `trusted_roots` lack that root",
			Source:    "MC1224565",
			Uncertain: "Microsoft named 15 and 23 March 2026",
		},
		lifetime("SC-081v3-100d", day(2027, 3, 15), 100, check.PublicAuthorities, "CA/Browser Forum ballot SC-081v3"),
		lifetime("SC-081v3-47d", day(2029, 3, 15), 47, check.PublicAuthorities, "CA/Browser Forum ballot SC-081v3"),
		lifetime("lets_encrypt-64d", day(2027, 2, 10), 64, check.LetsEncrypt, "Let's Encrypt, certificate profiles"),
		lifetime("lets_encrypt-45d", day(2028, 2, 16), 45, check.LetsEncrypt, "Let's Encrypt, certificate profiles"),
	},
	clientAuthAdvisories(),
	[]Advisory{
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
	},
)

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

// lifetime is a date from which certificates of an authority are valid for at most so many days. It affects a
// certificate that is valid for longer: its renewals become more frequent.
func lifetime(id string, at time.Time, days int, authority *check.Authority, source string) Advisory {
	limit := time.Duration(days) * 24 * time.Hour
	return Advisory{
		ID: id, At: at, Source: source,
		Title: fmt.Sprintf("New certificates of %s are valid for at most %d days", authority.Name, days),
		Affects: "certificates of " + authority.Name +
			" that are valid for longer: they must be renewed more often",
		certificate: func(now, at time.Time, l leaf) (time.Time, bool) {
			longer := l.lifetime() > limit+24*time.Hour
			return at, now.Before(at) && l.public && longer && authority.Issued(l.Issuer)
		},
	}
}

// clientAuthAdvisories are the dates from which authorities no longer issue certificates with the usage clientAuth.
// They affect client certificates with that usage: the first renewal from then on loses it.
func clientAuthAdvisories() []Advisory {
	all := make([]Advisory, 0, len(check.Authorities))
	for _, authority := range check.Authorities {
		all = append(all, Advisory{
			ID: authority.ID + "-client_auth", At: authority.ClientAuthEnds,
			Source: authority.Source, Uncertain: authority.Uncertain,
			Title: "Certificates of " + authority.Name + " no longer have the usage clientAuth",
			Affects: "certificates with that usage that senders present: their first renewal from then on loses it. Whether " +
				"Exchange Online demands it is not documented",
			certificate: func(now, at time.Time, l leaf) (time.Time, bool) {
				if !now.Before(at) {
					at = l.NotAfter // it is renewed at the latest then
				}
				return at, l.client && l.public && l.ClientAuth && authority.Issued(l.Issuer)
			},
		})
	}
	return all
}
