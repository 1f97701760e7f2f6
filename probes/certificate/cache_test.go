package certificate

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"reflect"
	"strconv"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
)

func TestVerificationIsReusedUntilACertificateBeginsOrEnds(t *testing.T) {
	ca := certtest.New(t)
	now := time.Now().Truncate(time.Minute)
	in := func(minutes int) time.Time { return now.Add(time.Duration(minutes) * time.Minute) }
	ending := certtest.Issue(t, ca.Root, x509.Certificate{
		Subject: pkix.Name{CommonName: "Ending"}, IsCA: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: in(-600), NotAfter: in(30),
	})
	lasting, leaves := ca.Leaf(t, "mail.test"), func(by *certtest.Issued, from, to int) *certtest.Issued {
		return certtest.Issue(t, by, x509.Certificate{DNSNames: []string{"mail.test"}, NotBefore: in(from), NotAfter: in(to)})
	}
	v := NewVerifier(ca.Roots)
	for _, tt := range []struct {
		name   string
		sent   []*certtest.Issued
		again  int // minutes from now
		reused bool
	}{
		{"the same minute", []*certtest.Issued{lasting, ca.Inter}, 0, true},
		{"most of an hour", []*certtest.Issued{ca.Leaf(t, "mail.test"), ca.Inter}, 59, true},
		{"an hour", []*certtest.Issued{ca.Leaf(t, "mail.test"), ca.Inter}, 60, false},
		{"the clock set back", []*certtest.Issued{ca.Leaf(t, "mail.test"), ca.Inter}, -61, false},
		{"untrusted", []*certtest.Issued{leaves(ca.Root, -1, 600)}, 30, true},
		{"the leaf at its end", []*certtest.Issued{leaves(ca.Inter, -600, 30), ca.Inter}, 30, true},
		{"the leaf after its end", []*certtest.Issued{leaves(ca.Inter, -600, 30), ca.Inter}, 31, false},
		{"the leaf begins", []*certtest.Issued{leaves(ca.Inter, 30, 600), ca.Inter}, 30, false},
		{"an issuer ends", []*certtest.Issued{leaves(ending, -600, 600), ending}, 31, false},
		{"one that is not needed ends", []*certtest.Issued{leaves(ca.Inter, -600, 600), ca.Inter, ending}, 31, false},
	} {
		var chain []*x509.Certificate
		for _, c := range tt.sent {
			chain = append(chain, c.Cert)
		}
		v.Server(now, chain, "other.test", "")
		first := v.cache.current[keyOf(chain)]
		got, _ := v.Server(in(tt.again), chain, "mail.test", "")
		want, _ := NewVerifier(ca.Roots).Server(in(tt.again), chain, "mail.test", "")
		if reused := v.cache.current[keyOf(chain)] == first; reused != tt.reused {
			t.Errorf("%s: reused %v", tt.name, reused)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", tt.name, got, want)
		}
	}
}

// A monotonic reading takes no part in a jump of the clock and would be compared in its place.
func TestVerificationHoldsByTheWallClock(t *testing.T) {
	ca := certtest.New(t)
	v := verifyChain(time.Now(), []*x509.Certificate{ca.Leaf(t, "mail.test").Cert, ca.Inter.Cert}, ca.Roots,
		newSignatures(maxSignatureCost))
	if v.from != v.from.Round(0) || v.to != v.to.Round(0) {
		t.Errorf("holds from %v to %v", v.from, v.to)
	}
}

func TestAnIssuerIsRecordedOnce(t *testing.T) {
	ca, now := certtest.New(t), time.Now()
	v := NewVerifier(ca.Roots)
	record := func(sent ...*certtest.Issued) []*probes.Certificate {
		var chain []*x509.Certificate
		for _, c := range sent {
			chain = append(chain, c.Cert)
		}
		return v.verify(now, chain).certificates
	}
	one, other := record(ca.Leaf(t, "one.test"), ca.Inter), record(ca.Leaf(t, "other.test"), ca.Inter)
	if one[0] == other[0] || one[1] != other[1] {
		t.Errorf("records %v and %v: want two leaves and one issuer", one, other)
	}
	for i := range 3 * maxIssuers {
		chain := []*probes.Certificate{{}, {Fingerprint: strconv.Itoa(i)}}
		v.cache.put(chainKey{}, &verification{certificates: chain})
	}
	if n := len(v.cache.issuers); n > maxIssuers {
		t.Errorf("%d issuers are remembered", n)
	}
}

func TestCacheIsBoundedAndKeepsWhatIsUsed(t *testing.T) {
	ca := certtest.New(t)
	chain, now := []*x509.Certificate{ca.Leaf(t, "mail.test").Cert, ca.Inter.Cert}, time.Now()
	v := NewVerifier(ca.Roots)
	first := v.verify(now, chain)
	for i := range 5 * generationSize {
		var other chainKey
		binary.BigEndian.PutUint64(other[:], uint64(i))
		v.cache.put(other, first)
		if n := len(v.cache.current) + len(v.cache.previous); n > 2*generationSize {
			t.Fatalf("%d are remembered", n)
		}
		if i%1000 == 0 && v.cache.get(keyOf(chain), now) != first {
			t.Fatalf("forgotten after %d others", i)
		}
	}
	v.verify(now, chain[:1])
	if v.cache.get(keyOf(chain[:1]), now) == nil || v.cache.get(chainKey{1}, now) != nil {
		t.Error("what is remembered is not what was verified")
	}
}
