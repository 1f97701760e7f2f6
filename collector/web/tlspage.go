package web

import (
	"fmt"
	"strconv"
	"time"

	"m365_connector_exporter/probes"
)

// tlsPage is what a handshake showed, or what a sender presents.
type tlsPage struct {
	Version, Cipher, Unparsable string
	Chain                       []certificatePage
	Verdicts                    []verdictPage
}

type certificatePage struct {
	Role, Subject, Issuer string
	Names                 []string
	MoreNames             int
	From, To              *timestamp
	Left                  string // "61 of 90 days left"
	Key, Signature        string
	Serial, Fingerprint   string
}

type verdictPage struct {
	Name, Outcome, Detail, Uncertain string
	Reason                           probes.Reason
}

// maxNames is how many names of a certificate are shown.
const maxNames = 12

// questions are the verdicts in words.
var questions = [probes.NumVerdicts]string{
	"in date", "chains to a trusted root", "chain sent whole", "name matches", "key strong enough", "signature strong enough",
	"not revoked", "names are accepted domains", "may authenticate a client",
}

func newTLSPage(t *probes.TLS, now time.Time) *tlsPage {
	if t == nil {
		return nil
	}
	page := &tlsPage{Version: t.Version, Cipher: t.Cipher, Unparsable: bounded(t.Unparsable)}
	for i, c := range t.Chain {
		page.Chain = append(page.Chain, newCertificatePage(c, i, now))
	}
	for v, j := range t.Verdicts {
		if j.Evaluated() {
			page.Verdicts = append(page.Verdicts, verdictPage{
				Name: questions[v], Outcome: j.Outcome.String(), Reason: j.Reason, Detail: bounded(j.Detail), Uncertain: bounded(j.Uncertain),
			})
		}
	}
	return page
}

func newCertificatePage(c *probes.Certificate, i int, now time.Time) certificatePage {
	page := certificatePage{
		Role: "Leaf", Subject: c.Subject, Issuer: c.Issuer, Names: c.DNSNames[:min(len(c.DNSNames), maxNames)],
		MoreNames: max(0, len(c.DNSNames)-maxNames), From: newTimestamp(c.NotBefore, now), To: newTimestamp(c.NotAfter, now), Left: lifetime(c, now),
		Key: c.KeyAlgorithm, Signature: c.SignatureAlgorithm, Serial: c.Serial, Fingerprint: c.Fingerprint,
	}
	if c.KeyBits > 0 {
		page.Key += fmt.Sprintf(" %d bit", c.KeyBits)
	}
	switch {
	case i == 0:
	case c.SelfSigned:
		page.Role = "Root"
	default:
		page.Role = "Issuer " + itoa(i)
	}
	return page
}

// lifetime says how much of it is left.
func lifetime(c *probes.Certificate, now time.Time) string {
	const day = 24 * time.Hour
	if c.NotAfter.IsZero() {
		return ""
	}
	whole := c.NotAfter.Sub(c.NotBefore) / day
	switch {
	case now.After(c.NotAfter):
		return "expired " + span(now.Sub(c.NotAfter)) + " ago"
	case now.Before(c.NotBefore):
		return "valid in " + span(c.NotBefore.Sub(now))
	default:
		return fmt.Sprintf("%s left of %d days", span(c.NotAfter.Sub(now)), whole)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
