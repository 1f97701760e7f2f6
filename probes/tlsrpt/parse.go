package tlsrpt

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Bounds of a report. The largest public reports have a few hundred kilobytes.
const (
	maxBytes    = 10 << 20 // after decompression
	maxPolicies = 1000
	maxDetails  = 10_000 // of all policies
	maxSessions = math.MaxInt64 / (2 * maxDetails)
)

// ErrTooLarge is the error for a report that exceeds a bound.
var ErrTooLarge = errors.New("report exceeds 10 MB, 1,000 policies or 10,000 failure details")

// Parse reads a report, which may be compressed with gzip. A report without an organization, an identifier or a period
// is an error.
func Parse(r io.Reader) (*Report, error) {
	text, err := readAll(r)
	if err != nil {
		return nil, err
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("no JSON report: %w", err)
	}
	return d.report()
}

// readAll returns the decompressed text of r.
func readAll(r io.Reader) ([]byte, error) {
	text, err := readLimited(r)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("no gzip: %w", err)
		}
		if text, err = readLimited(z); err != nil {
			return nil, err
		}
	}
	return bytes.TrimPrefix(text, []byte("\ufeff")), nil
}

func readLimited(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	if len(text) > maxBytes {
		return nil, ErrTooLarge
	}
	return text, nil
}

// document is the JSON text of a report.
type document struct {
	Organization string `json:"organization-name"`
	DateRange    struct {
		Start time.Time `json:"start-datetime"`
		End   time.Time `json:"end-datetime"`
	} `json:"date-range"`
	Contact  string        `json:"contact-info"`
	ID       string        `json:"report-id"`
	Policies []policyEntry `json:"policies"`
}

type policyEntry struct {
	Policy struct {
		Type    string     `json:"policy-type"`
		Strings stringList `json:"policy-string"`
		Domain  string     `json:"policy-domain"`
		MXHosts stringList `json:"mx-host"`
	} `json:"policy"`
	Summary struct {
		Succeeded count `json:"total-successful-session-count"`
		Failed    count `json:"total-failure-session-count"`
	} `json:"summary"`
	Details []detailEntry `json:"failure-details"`
}

type detailEntry struct {
	Result          string `json:"result-type"`
	SendingMTA      string `json:"sending-mta-ip"`
	ReceivingMXHost string `json:"receiving-mx-hostname"`
	ReceivingIP     string `json:"receiving-ip"`
	Sessions        count  `json:"failed-session-count"`
	ReasonCode      string `json:"failure-reason-code"`
}

func (d *document) report() (*Report, error) {
	switch {
	case d.Organization == "":
		return nil, errors.New("the report has no organization-name")
	case d.ID == "":
		return nil, errors.New("the report has no report-id")
	case d.DateRange.Start.IsZero() || d.DateRange.End.Before(d.DateRange.Start):
		return nil, errors.New("the report has no valid date-range")
	case len(d.Policies) > maxPolicies:
		return nil, ErrTooLarge
	}
	r := &Report{
		Organization: d.Organization, ID: d.ID, Contact: d.Contact,
		Start: d.DateRange.Start.UTC(), End: d.DateRange.End.UTC(),
	}
	details := 0
	for i := range d.Policies {
		if details += len(d.Policies[i].Details); details > maxDetails {
			return nil, ErrTooLarge
		}
		r.Policies = append(r.Policies, d.Policies[i].policy())
	}
	return r, nil
}

func (e *policyEntry) policy() Policy {
	p := Policy{
		Type: e.Policy.Type, Strings: unquoteArray(e.Policy.Strings),
		Domain:  strings.ToLower(strings.TrimSuffix(e.Policy.Domain, ".")),
		MXHosts: e.Policy.MXHosts, Succeeded: int64(e.Summary.Succeeded), Failed: int64(e.Summary.Failed),
	}
	for _, d := range e.Details {
		p.Details = append(p.Details, FailureDetail{
			Result: known(d.Result), SendingMTA: d.SendingMTA, ReceivingMXHost: d.ReceivingMXHost,
			ReceivingIP: d.ReceivingIP, Sessions: int64(d.Sessions), ReasonCode: d.ReasonCode,
		})
	}
	return p
}

// unquoteArray returns the elements of a JSON array that is written as one string, as Microsoft writes TLSA records.
func unquoteArray(list []string) []string {
	if len(list) != 1 || !strings.HasPrefix(strings.TrimSpace(list[0]), "[") {
		return list
	}
	var elements []string
	if json.Unmarshal([]byte(list[0]), &elements) != nil {
		return list
	}
	return elements
}

// stringList is an array of strings, or one string (erratum 6241 of RFC 8460).
type stringList []string

func (s *stringList) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(text, []byte("[")) {
		return json.Unmarshal(text, (*[]string)(s))
	}
	var one string
	if err := json.Unmarshal(text, &one); err != nil {
		return err
	}
	if *s = nil; one != "" {
		*s = []string{one}
	}
	return nil
}

// count is a number of sessions, which may be in quotes. It is not negative, and small enough for sums not to overflow.
type count int64

func (c *count) UnmarshalJSON(text []byte) error {
	digits := strings.Trim(string(text), `"`)
	if digits == "null" || digits == "" {
		return nil
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > maxSessions {
		return fmt.Errorf("%s is no number of sessions", text)
	}
	*c = count(n)
	return nil
}
