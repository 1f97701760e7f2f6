package probes

import (
	"fmt"
	"strings"
)

// DANE is the comparison of an endpoint's certificates with the TLSA records of its host (RFC 7672).
type DANE struct {
	Status DANEStatus
	TLS    bool // the handshake after STARTTLS succeeded
	// Records are the first TLSA records, at most MaxTLSARecords, in the format of zone files, with long data shortened.
	// Total is the number of records of the host.
	Records []string
	Total   int
	Matched string // the record that the certificate matches
	// Expired reports that the certificate is not valid now, but matches a record for which that does not matter.
	Expired bool
	// Pinned reports that every usable record matches only this certificate: a renewed one would match none.
	Pinned bool
	Detail string // why no record matches, or what failed; sanitised and bounded
}

// MaxTLSARecords bounds the TLSA records of an endpoint that are recorded.
const MaxTLSARecords = 8

// DANEStatus is the result of the comparison, as a label value.
type DANEStatus string

// The statuses.
const (
	DANEUnknown  DANEStatus = ""         // the records could not be looked up
	DANEMatch    DANEStatus = "match"    // a certificate that the server sent matches a record
	DANEMismatch DANEStatus = "mismatch" // there are usable records, and none matches
	DANEUnusable DANEStatus = "unusable" // there are records, but no usable one: TLS is required, with any certificate
	DANENone     DANEStatus = "none"     // the zone is signed and has no records
	DANEInsecure DANEStatus = "insecure" // the zone, or that of the MX records, is not signed
	DANEBogus    DANEStatus = "bogus"    // the signatures are invalid
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
