package dane

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"m365_connector_exporter/probes"
)

// Record is a TLSA record (RFC 6698, section 2.1).
type Record struct {
	Usage, Selector, MatchingType uint8
	Data                          []byte
}

// Usages that SMTP supports (RFC 7672, section 3.1).
const (
	TrustAnchor uint8 = 2 // DANE-TA
	EndEntity   uint8 = 3 // DANE-EE
)

const (
	fullCertificate  uint8 = 0 // selectors
	subjectPublicKey uint8 = 1

	exact    uint8 = 0 // matching types
	sha2_256 uint8 = 1
	sha2_512 uint8 = 2
)

const maxShownData = 8 // bytes

// String returns the record in the format of zone files, with long data shortened: "3 1 1 8d02536c887482bc…".
func (r Record) String() string {
	data, more := r.Data, ""
	if len(data) > maxShownData {
		data, more = data[:maxShownData], "…"
	}
	return fmt.Sprintf("%d %d %d %s%s", r.Usage, r.Selector, r.MatchingType, hex.EncodeToString(data), more)
}

// Recommended returns the record to publish for a certificate, in the format of zone files: DANE-EE with the digest of
// its key, "3 1 1 …" (RFC 7671, section 5.1).
func Recommended(cert *x509.Certificate) string {
	digest := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return fmt.Sprintf("%d %d %d %x", EndEntity, subjectPublicKey, sha2_256, digest)
}

// Owner returns the name of the TLSA records of a mail server (RFC 6698, section 3), such as
// _25._tcp.mail.contoso.com.
func Owner(host string, port uint16) string { return fmt.Sprintf("_%d._tcp.%s", port, host) }

// Usable reports whether a sender of mail can use the record.
func (r Record) Usable() bool {
	if r.Usage != TrustAnchor && r.Usage != EndEntity || r.Selector > subjectPublicKey {
		return false
	}
	switch r.MatchingType {
	case exact:
		return len(r.Data) > 0
	case sha2_256:
		return len(r.Data) == sha256.Size
	case sha2_512:
		return len(r.Data) == sha512.Size
	}
	return false
}

// matches reports whether the record is of a certificate.
func (r Record) matches(cert *x509.Certificate) bool {
	selected := cert.Raw
	if r.Selector == subjectPublicKey {
		selected = cert.RawSubjectPublicKeyInfo
	}
	switch r.MatchingType {
	case sha2_256:
		digest := sha256.Sum256(selected)
		selected = digest[:]
	case sha2_512:
		digest := sha512.Sum512(selected)
		selected = digest[:]
	}
	return subtle.ConstantTimeCompare(selected, r.Data) == 1
}

// Result is the result of Verify.
type Result struct {
	Status  probes.DANEStatus
	Matched Record // the record that matches
	// Expired reports that the leaf matches a DANE-EE record and is not valid now. RFC 7672, section 3.1.1, ignores the
	// dates. UNCERTAIN: Microsoft lists an error code for expired certificates (5.7.322), but not for which usage.
	Expired bool
	// Pinned reports that every usable record matches only this certificate: a renewed one would match none.
	Pinned bool
	Detail string // why no record matches, for display
}

// maxRecords bounds the records that are compared. The detail mentions records that are not.
const maxRecords = 100

// maxChain bounds the certificates that are compared.
const maxChain = 20

// Verify compares the certificates that a server sent, leaf first, with the TLSA records of its host. names are the
// host and the domain: a certificate below a trust anchor must be for one of them (RFC 7672, section 3.2.2).
func Verify(records []Record, chain []*x509.Certificate, names []string, now time.Time) Result {
	if len(records) == 0 {
		return Result{Status: probes.DANENone}
	}
	left := 0
	if len(records) > maxRecords {
		left, records = len(records)-maxRecords, records[:maxRecords]
	}
	usable := 0
	detail := ""
	for _, r := range records {
		if !r.Usable() {
			continue
		}
		usable++
		ok, why := r.verify(chain[:min(len(chain), maxChain)], names, now)
		if ok {
			return Result{
				Status: probes.DANEMatch, Matched: r, Pinned: pinned(records, chain[0]),
				Expired: r.Usage == EndEntity && !valid(chain[0], now),
			}
		}
		if detail == "" || why != noMatch {
			detail = fmt.Sprintf("%s: %s", r, why)
		}
	}
	if left > 0 {
		detail = fmt.Sprintf("%s; %d more records were not compared", detail, left)
	}
	if usable == 0 {
		return Result{Status: probes.DANEUnusable, Detail: "no record has a usage, selector and matching type for mail"}
	}
	return Result{Status: probes.DANEMismatch, Detail: detail}
}

// pinned reports whether every usable record matches only this certificate. One of its key may match a renewed one too.
func pinned(records []Record, leaf *x509.Certificate) bool {
	return !slices.ContainsFunc(records, func(r Record) bool {
		return r.Usable() && (r.Usage != EndEntity || r.Selector != fullCertificate || !r.matches(leaf))
	})
}

const noMatch = "the server's certificate is another one"

// verify reports whether a record matches a chain, and why it does not.
func (r Record) verify(chain []*x509.Certificate, names []string, now time.Time) (ok bool, why string) {
	if len(chain) == 0 {
		return false, "the server showed no certificate"
	}
	if r.Usage == EndEntity {
		return r.matches(chain[0]), noMatch
	}
	for _, authority := range chain[1:] {
		if r.matches(authority) {
			return below(chain, authority, names, now)
		}
	}
	return false, "the authority is not among the certificates that the server sent"
}

// below reports whether the leaf of a chain is valid below an authority for one of the names.
func below(
	chain []*x509.Certificate, authority *x509.Certificate, names []string, now time.Time,
) (ok bool, why string) {
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(authority)
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	why = "no name to compare"
	for _, name := range names {
		_, err := chain[0].Verify(x509.VerifyOptions{
			DNSName: name, Roots: roots, Intermediates: intermediates, CurrentTime: now,
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		})
		if err == nil {
			return true, ""
		}
		why = err.Error()
	}
	return false, why
}

func valid(cert *x509.Certificate, now time.Time) bool {
	return !now.Before(cert.NotBefore) && !now.After(cert.NotAfter)
}
