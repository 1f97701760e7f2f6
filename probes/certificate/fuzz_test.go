package certificate

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"strings"
	"testing"
	"time"
	"unicode"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
	"m365_connector_exporter/probes/internal/fuzztest"
)

// FuzzChain evaluates any chain, of which the last certificate is a trusted root. Whatever can be read is evaluated
// with reasons of the catalogue, and what is kept of it is printable and bounded.
func FuzzChain(f *testing.F) {
	ca := certtest.New(f)
	old := certtest.Issue(f, ca.Inter, x509.Certificate{
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1, 0),
		DNSNames: []string{"*.mail.test", "mail.test", "mail"},
	})
	odd := certtest.Issue(f, nil, x509.Certificate{
		Subject: pkix.Name{Organization: []string{"\x1b[31m\u202e"}}, IPAddresses: []net.IP{{127, 0, 0, 1}},
		EmailAddresses: []string{"a@mail.test"},
		ExtKeyUsage:    []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	leaf := ca.Leaf(f, "mail.test")
	f.Add(fuzztest.Join(leaf.Cert.Raw, ca.Inter.Cert.Raw, ca.Root.Cert.Raw), "mail.test", "")
	f.Add(fuzztest.Join(leaf.Cert.Raw, ca.Root.Cert.Raw), "mail.test", "*.test")
	f.Add(fuzztest.Join(old.Cert.Raw, ca.Inter.Cert.Raw, ca.Root.Cert.Raw), "a.mail.test", "*.mail.test")
	f.Add(fuzztest.Join(odd.Cert.Raw), "127.0.0.1", "")
	f.Fuzz(func(t *testing.T, data []byte, host, tlsDomain string) {
		shown := fuzztest.Split(data)
		chain, roots := []*x509.Certificate{}, x509.NewCertPool()
		for _, der := range shown[:min(len(shown), probes.MaxChain+2)] {
			if c, err := x509.ParseCertificate(der); err == nil {
				chain = append(chain, c)
			}
		}
		if len(chain) > 0 {
			roots.AddCert(chain[len(chain)-1])
		}
		seen, _ := NewVerifier(roots).Server(time.Now(), chain, host, tlsDomain)
		checkRecord(t, &seen)
		checkRecord(t, NewVerifier(roots).Client(time.Now(), shown))
	})
}

func checkRecord(t *testing.T, shown *probes.TLS) {
	t.Helper()
	if len(shown.Chain) > probes.MaxChain {
		t.Errorf("%d certificates", len(shown.Chain))
	}
	harmless(t, shown.Unparsable, probes.MaxDetail)
	for _, c := range shown.Chain {
		for _, name := range append([]string{
			c.Subject, c.Issuer, c.CommonName, c.Serial, c.Fingerprint, c.KeyAlgorithm,
			c.SignatureAlgorithm,
		}, c.DNSNames...) {
			harmless(t, name, maxName)
		}
	}
	for v, j := range shown.Verdicts {
		info, known := j.Reason.Info()
		if j.Reason != "" && (!known || info.Outcome != j.Outcome) || j.Outcome == probes.Inconclusive ||
			len(shown.Chain) == 0 && j.Evaluated() {
			t.Errorf("%s: %+v", probes.Verdict(v), j)
		}
		harmless(t, j.Detail, probes.MaxDetail)
	}
}

func harmless(t *testing.T, text string, limit int) {
	t.Helper()
	if len(text) > limit+len("…") || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Fatalf("%d bytes: %q", len(text), text)
	}
}
