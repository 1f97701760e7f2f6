package web

import (
	"fmt"
	"strconv"
	"time"

	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
)

// tlsPage is what a handshake showed, or the certificate that a sender presents.
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

// questions word each verdict for the answer yes or no.
var questions = [probes.NumVerdicts]string{
	"in date", "chains to a trusted root", "complete chain sent", "name matches", "key strong enough",
	"signature strong enough", "not revoked", "names are accepted domains", "may authenticate a client",
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
				Name: questions[v], Outcome: j.Outcome.String(), Reason: j.Reason, Detail: bounded(j.Detail),
				Uncertain: bounded(j.Uncertain),
			})
		}
	}
	return page
}

func newCertificatePage(c *probes.Certificate, i int, now time.Time) certificatePage {
	names, more := text.First(c.DNSNames, maxNames)
	page := certificatePage{
		Role: "Leaf", Subject: c.Subject, Issuer: c.Issuer, Names: names, MoreNames: more + c.OmittedNames,
		From: newTimestamp(c.NotBefore, now), To: newTimestamp(c.NotAfter, now),
		Left: text.Lifetime(c.NotBefore, c.NotAfter, now),
		Key:  c.KeyAlgorithm, Signature: c.SignatureAlgorithm, Serial: c.Serial, Fingerprint: c.Fingerprint,
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

func itoa(n int) string { return strconv.Itoa(n) }
