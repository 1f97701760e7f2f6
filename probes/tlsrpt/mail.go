package tlsrpt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-msgauth/dkim"
	"golang.org/x/net/publicsuffix"
)

const (
	maxSignatures = 5  // DKIM signatures that are verified
	maxParts      = 20 // parts of the message, at any depth
	maxHeader     = 256 << 10
)

// Errors of Open.
var (
	ErrUnreadable = errors.New("the header of the message is malformed or too large")
	ErrUnsigned   = errors.New("the message has no valid DKIM signature of the domain of its From address")
	ErrNoReport   = errors.New("the message has no part of type application/tlsrpt+json or application/tlsrpt+gzip")
)

// LookupTXT returns the TXT records of a name. It is called from several goroutines.
type LookupTXT func(name string) ([]string, error)

// Open reads the report in a message. It returns an error that wraps ErrUnsigned unless the message is signed by the
// domain of its From address, or by a domain of the same organization. A signature key for the service "tlsrpt" alone
// is valid (RFC 8460, section 3).
func Open(text []byte, lookup LookupTXT) (*Report, error) {
	entity, err := message.ReadWithOptions(bytes.NewReader(text), &message.ReadOptions{MaxHeaderBytes: maxHeader})
	if err != nil {
		return nil, ErrUnreadable // without the cause, which quotes the header
	}
	signer, err := verify(text, entity, lookup)
	if err != nil {
		return nil, err
	}
	parts := maxParts
	part, err := find(entity, &parts)
	if err != nil {
		return nil, err
	}
	report, err := Parse(part)
	if err != nil {
		return nil, err
	}
	report.Signer = signer
	return report, nil
}

// verify returns the domain of a valid signature of the organization of the From address.
func verify(text []byte, entity *message.Entity, lookup LookupTXT) (string, error) {
	header := mail.Header{Header: entity.Header}
	from, err := header.AddressList("From")
	if err != nil || len(from) != 1 || len(header.Values("From")) != 1 {
		return "", fmt.Errorf("%w: it needs one From address", ErrUnsigned)
	}
	_, domain, _ := strings.Cut(from[0].Address, "@")
	verifications, err := dkim.VerifyWithOptions(bytes.NewReader(text), &dkim.VerifyOptions{
		LookupTXT: func(name string) ([]string, error) {
			records, err := lookup(name)
			return acceptService(records), err
		},
		MaxVerifications: maxSignatures,
	})
	if err != nil && !errors.Is(err, dkim.ErrTooManySignatures) {
		return "", fmt.Errorf("%w: %w", ErrUnsigned, err)
	}
	reason := errors.New("no signature")
	for _, v := range verifications {
		switch {
		case v.Err != nil:
			reason = fmt.Errorf("signature of %s: %w", v.Domain, v.Err)
		case !sameOrganization(v.Domain, domain):
			reason = fmt.Errorf("the signature is of %s, the sender of %s", v.Domain, domain)
		default:
			return strings.ToLower(v.Domain), nil
		}
	}
	return "", fmt.Errorf("%w: %w", ErrUnsigned, reason)
}

// acceptService removes the list of services from keys that are for "tlsrpt", because the library accepts only keys for
// mail.
func acceptService(records []string) []string {
	accepted := make([]string, 0, len(records))
	for _, r := range records {
		var tags []string
		for tag := range strings.SplitSeq(r, ";") {
			name, services, _ := strings.Cut(tag, "=")
			if strings.TrimSpace(name) == "s" && strings.Contains(services, "tlsrpt") {
				continue
			}
			tags = append(tags, tag)
		}
		accepted = append(accepted, strings.Join(tags, ";"))
	}
	return accepted
}

// sameOrganization reports whether two domains have the same registered domain.
func sameOrganization(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	if a == b {
		return true
	}
	x, err := publicsuffix.EffectiveTLDPlusOne(a)
	if err != nil {
		return false
	}
	y, err := publicsuffix.EffectiveTLDPlusOne(b)
	return err == nil && x == y
}

// find returns the decoded body of the first part that is a report. It reads at most *left parts.
func find(entity *message.Entity, left *int) (io.Reader, error) {
	if *left--; *left < 0 {
		return nil, ErrNoReport
	}
	kind, _, _ := entity.Header.ContentType()
	if kind == "application/tlsrpt+json" || kind == "application/tlsrpt+gzip" {
		return entity.Body, nil
	}
	parts := entity.MultipartReader()
	if parts == nil {
		return nil, ErrNoReport
	}
	for {
		part, err := parts.NextPart()
		if err != nil { // the end, or a damaged part
			return nil, ErrNoReport
		}
		if body, err := find(part, left); err == nil || *left < 0 {
			return body, err
		}
	}
}
