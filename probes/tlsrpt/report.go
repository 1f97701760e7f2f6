// Package tlsrpt reads SMTP TLS reports (RFC 8460).
//
// A sender that supports TLS reporting counts, for each domain that it delivers to, the sessions in which TLS worked
// and those in which it failed. Once a day it mails the counts to the address in the domain's _smtp._tls record. The
// reports of Exchange Online therefore show what it experiences at an MX. They cover domains that are reached by MX,
// but not connectors with smart hosts.
//
// Reading a report takes three steps:
//
//  1. [Open] checks that the message is signed by the domain of its From address (RFC 8460, section 3), and finds the
//     part of type application/tlsrpt+json or application/tlsrpt+gzip.
//  2. [Parse] reads the JSON document (section 4.4). It accepts the variants of Microsoft and of erratum 6241.
//  3. [Report.Sessions] counts the sessions by domain and result; [Report.Summaries] summarizes each domain.
//
// The package performs no I/O; a function of the caller looks up keys. Everything is bounded: a report has at most 10
// MB after decompression, 1,000 policies and 10,000 failure details.
package tlsrpt

import (
	"fmt"
	"slices"
	"time"
)

// Report is one report (RFC 8460, section 4.4). Texts are those of the sender: sanitise them before display.
type Report struct {
	Organization string // who sent the mail that is reported, such as "Microsoft Corporation"
	ID           string // unique for the organization
	Contact      string
	Start, End   time.Time // usually a day of UTC
	Policies     []Policy

	// Signer is the domain whose signature Open verified. Unlike Organization, it cannot be forged: use it to identify the
	// sender.
	Signer string
}

// Policy is one policy of a domain and the sessions in which it was applied.
type Policy struct {
	Type      string   // "tlsa", "sts" or "no-policy-found"
	Strings   []string // the TLSA records or the lines of the MTA-STS policy
	Domain    string
	MXHosts   []string
	Succeeded int64 // sessions
	Failed    int64 // sessions; Details may cover fewer
	Details   []FailureDetail
}

// FailureDetail is a number of sessions that failed in the same way.
type FailureDetail struct {
	Result          Result
	SendingMTA      string // IP address
	ReceivingMXHost string
	ReceivingIP     string
	Sessions        int64
	ReasonCode      string
}

// Result is a result type of RFC 8460, section 4.3.
type Result string

// Success is the result of a session without a failure.
const Success Result = "success"

// ValidationFailure is the result type for a failure of no other type. It is also used for unknown result types, and
// for failures without details, as Microsoft reports them.
const ValidationFailure Result = "validation-failure"

// Results are Success and the result types of RFC 8460, section 4.3.
var Results = []Result{
	Success,
	"starttls-not-supported", "certificate-host-mismatch", "certificate-expired", "certificate-not-trusted",
	ValidationFailure,
	"tlsa-invalid", "dnssec-invalid", "dane-required",
	"sts-policy-fetch-error", "sts-policy-invalid", "sts-webpki-invalid",
}

// known returns the result type of a name, ValidationFailure for an unknown one.
func known(name string) Result {
	if r := Result(name); r != Success && slices.Contains(Results, r) {
		return r
	}
	return ValidationFailure
}

// String returns the organization, the identifier and the period.
func (r *Report) String() string {
	return fmt.Sprintf("report %q of %s for %s", r.ID, r.Organization, r.Start.Format(time.DateOnly))
}
