package probes

import (
	"fmt"
	"strings"
)

// DANE is how an endpoint compares with the TLSA records of its host (RFC 7672).
type DANE struct {
	Status DANEStatus
	TLS    bool // the handshake after STARTTLS succeeded
	// Records are the first TLSA records, at most MaxTLSARecords, as zone files have them, long data cut. Total is how
	// many there are.
	Records []string
	Total   int
	Matched string // the record that the certificate matches
	// Expired reports that the certificate matches a record for which its dates do not count, and is not valid now.
	Expired bool
	// Pinned reports that every record that can be used is of this very certificate: none admits the next one.
	Pinned bool
	Detail string // why nothing matches, or what failed; sanitised and bounded
}

// MaxTLSARecords is how many TLSA records of an endpoint are shown.
const MaxTLSARecords = 8

// DANEStatus is the label value of the comparison.
type DANEStatus string

// The statuses.
const (
	DANEUnknown  DANEStatus = ""         // the records could not be looked up
	DANEMatch    DANEStatus = "match"    // a certificate that the server sent matches a record
	DANEMismatch DANEStatus = "mismatch" // there are records that can be used, and none matches
	DANEUnusable DANEStatus = "unusable" // there are records, but none can be used: TLS is required, with any certificate
	DANENone     DANEStatus = "none"     // the zone is signed and has no records
	DANEInsecure DANEStatus = "insecure" // the zone, or that of the MX records, is not signed
	DANEBogus    DANEStatus = "bogus"    // the signatures are wrong
)

// Sentence returns the comparison in words, without a full stop.
func (d *DANE) Sentence() string {
	switch d.Status {
	case DANEMatch:
		return "the certificate matches the TLSA record " + d.Matched
	case DANEMismatch:
		if !d.TLS {
			return "there are TLSA records" + d.listed() + ", and TLS fails or is not offered"
		}
		why := d.Detail
		if d.Total == 1 && len(d.Records) == 1 {
			why = strings.TrimPrefix(why, d.Records[0]+": ") // it has been named
		}
		return "the certificate matches no TLSA record" + d.listed() + ": " + why
	case DANEUnusable:
		return "no TLSA record can be used" + d.listed()
	case DANENone:
		return "no TLSA records, in a signed zone"
	case DANEInsecure:
		return "the zone is not signed with DNSSEC"
	case DANEBogus:
		return "the DNSSEC signatures are wrong"
	}
	return "the TLSA records could not be looked up: " + d.Detail
}

// listed returns the first records in parentheses.
func (d *DANE) listed() string {
	const most = 3
	if len(d.Records) == 0 {
		return ""
	}
	first := d.Records[:min(len(d.Records), most)]
	text := " (" + strings.Join(first, ", ")
	if more := d.Total - len(first); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + ")"
}
