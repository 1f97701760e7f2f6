package dane_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/dane"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// issued is a certificate with its key.
type issued struct {
	*x509.Certificate

	key *ecdsa.PrivateKey
}

// issue returns a certificate for mx.example.com that ends after a time, or an authority if issuer is nil.
func issue(t *testing.T, issuer *issued, ends time.Duration) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, BasicConstraintsValid: true, IsCA: true,
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(ends), KeyUsage: x509.KeyUsageCertSign,
	}
	parent := &issued{template, key}
	if issuer != nil {
		template.Subject.CommonName, template.IsCA, template.KeyUsage = "leaf", false, x509.KeyUsageDigitalSignature
		template.DNSNames, parent = []string{"mx.example.com"}, issuer
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.Certificate, &key.PublicKey, parent.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{cert, key}
}

func sum256(b []byte) []byte { s := sha256.Sum256(b); return s[:] }
func sum512(b []byte) []byte { s := sha512.Sum512(b); return s[:] }

func list[T any](values ...T) []T { return values }

func TestVerify(t *testing.T) {
	ca := issue(t, nil, 1000*time.Hour)
	leaf, expired, other := issue(t, ca, time.Hour), issue(t, ca, -time.Hour), issue(t, nil, time.Hour)
	chain, old := list(leaf.Certificate, ca.Certificate), list(expired.Certificate, ca.Certificate)
	far := append(slices.Repeat(list(leaf.Certificate), 20), ca.Certificate)
	ee := func(selector, matching uint8, data []byte) dane.Record {
		return dane.Record{3, selector, matching, data}
	}
	spki, zeros := leaf.RawSubjectPublicKeyInfo, make([]byte, 32)
	ofLeaf, ofOther := ee(1, 1, sum256(spki)), ee(1, 1, sum256(other.RawSubjectPublicKeyInfo))
	ofCA, browser := dane.Record{2, 0, 1, sum256(ca.Raw)}, dane.Record{1, 1, 1, zeros}
	host := []string{"mx.example.com"}
	for name, row := range map[string]struct {
		records []dane.Record
		chain   []*x509.Certificate
		names   []string
		want    probes.DANEStatus
		detail  string
	}{
		"no records":                 {nil, chain, nil, probes.DANENone, ""},
		"3 1 1":                      {list(ofLeaf), chain, nil, probes.DANEMatch, ""},
		"3 0 1":                      {list(ee(0, 1, sum256(leaf.Raw))), chain, nil, probes.DANEMatch, ""},
		"3 1 2":                      {list(ee(1, 2, sum512(spki))), chain, nil, probes.DANEMatch, ""},
		"3 0 0":                      {list(ee(0, 0, leaf.Raw)), chain, nil, probes.DANEMatch, ""},
		"the second of two":          {list(ofOther, ofLeaf), chain, nil, probes.DANEMatch, ""},
		"3 ignores names":            {list(ofLeaf), chain, list("other.example"), probes.DANEMatch, ""},
		"another certificate":        {list(ofOther), chain, nil, probes.DANEMismatch, "certificate is another one"},
		"3 is not for authorities":   {list(ee(0, 1, sum256(ca.Raw))), chain, nil, probes.DANEMismatch, "another one"},
		"2 0 1":                      {list(ofCA), chain, host, probes.DANEMatch, ""},
		"2 for the domain":           {list(ofCA), chain, list("x.example", host[0]), probes.DANEMatch, ""},
		"2 for another name":         {list(ofCA), chain, list("x.example"), probes.DANEMismatch, "x.example"},
		"2 without names":            {list(ofCA), chain, nil, probes.DANEMismatch, "no name to compare"},
		"2 expired":                  {list(ofCA), old, host, probes.DANEMismatch, "expired"},
		"2 not sent":                 {list(ofCA), chain[:1], host, probes.DANEMismatch, "not among the certificates"},
		"2 behind 20 certificates":   {list(ofCA), far, host, probes.DANEMismatch, "not among the certificates"},
		"a usage of browsers":        {list(browser), chain, nil, probes.DANEUnusable, "no record"},
		"one usable of two":          {list(browser, ofOther), chain, nil, probes.DANEMismatch, "3 1 1"},
		"a short digest":             {list(ee(1, 1, []byte{1})), chain, nil, probes.DANEUnusable, ""},
		"a digest of another length": {list(ee(1, 2, zeros)), chain, nil, probes.DANEUnusable, ""},
		"an unknown selector":        {list(ee(2, 1, zeros)), chain, nil, probes.DANEUnusable, ""},
		"an unknown matching type":   {list(ee(1, 3, zeros)), chain, nil, probes.DANEUnusable, ""},
		"no data":                    {list(ee(0, 0, nil)), chain, nil, probes.DANEUnusable, ""},
		"no certificate":             {list(ofLeaf), nil, nil, probes.DANEMismatch, "showed no certificate"},
		"more than 100 records": {
			append(slices.Repeat(list(ofOther), 100), ofLeaf), chain, nil, probes.DANEMismatch,
			"1 more records were not compared",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := dane.Verify(row.records, row.chain, row.names, now)
			if got.Status != row.want || !strings.Contains(got.Detail, row.detail) {
				t.Errorf("status %s, detail %q; want %s, %q", got.Status, got.Detail, row.want, row.detail)
			}
		})
	}
	for name, row := range map[string]struct {
		records []dane.Record
		want    bool
	}{
		"the certificate alone":      {list(ee(0, 1, sum256(leaf.Raw)), browser), true},
		"its key":                    {list(ofLeaf), false},
		"another one for later":      {list(ee(0, 1, sum256(leaf.Raw)), ofOther), false},
		"its authority":              {list(ofCA, ee(0, 1, sum256(leaf.Raw))), false},
		"another one, by its digest": {list(ee(0, 1, sum256(leaf.Raw)), ee(0, 1, sum256(other.Raw))), false},
	} {
		if got := dane.Verify(row.records, chain, host, now); got.Pinned != row.want || got.Status != probes.DANEMatch {
			t.Errorf("%s: pinned %v, status %s; want %v", name, got.Pinned, got.Status, row.want)
		}
	}
	t.Run("an expired leaf matches DANE-EE", func(t *testing.T) {
		got := dane.Verify(list(ee(1, 1, sum256(expired.RawSubjectPublicKeyInfo))), old, nil, now)
		if got.Status != probes.DANEMatch || !got.Expired {
			t.Errorf("result %+v, want match and expired", got)
		}
	})
}

func TestRecommendedRecord(t *testing.T) {
	cert := issue(t, nil, time.Hour)
	want := "3 1 1 " + hex.EncodeToString(sum256(cert.RawSubjectPublicKeyInfo))
	if got := dane.Recommended(cert.Certificate); got != want {
		t.Errorf("Recommended = %q, want %q", got, want)
	}
}

func TestRecordString(t *testing.T) {
	for want, r := range map[string]dane.Record{
		"3 1 1 0000000000000000…": {3, 1, 1, make([]byte, 32)}, "3 0 0 01": {3, 0, 0, []byte{1}},
	} {
		if got := r.String(); got != want {
			t.Errorf("String() = %q, want %q", got, want)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(uint8(3), uint8(1), uint8(1), make([]byte, 32), []byte("no certificate"))
	f.Fuzz(func(t *testing.T, usage, selector, matching uint8, data, der []byte) {
		r := dane.Record{Usage: usage, Selector: selector, MatchingType: matching, Data: data}
		cert := &x509.Certificate{Raw: der, RawSubjectPublicKeyInfo: der}
		got := dane.Verify(list(r, r), list(cert, cert), list("a.example"), now)
		if got.Status == probes.DANEMatch && !r.Usable() {
			t.Errorf("%s matches, but cannot be used", r)
		}
	})
}
