package crl

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
	"m365_connector_exporter/probes/httpfetch"
)

func extension(oid asn1.ObjectIdentifier, value any) func(*x509.RevocationList) {
	der, err := asn1.Marshal(value)
	if err != nil {
		panic(err)
	}
	return func(l *x509.RevocationList) {
		l.ExtraExtensions = append(l.ExtraExtensions, pkix.Extension{Id: oid, Critical: true, Value: der})
	}
}

// pointOf is an issuing distribution point with one address and nothing else.
func pointOf(address string) func(*x509.RevocationList) {
	type full struct {
		Names []asn1.RawValue `asn1:"tag:0"`
	}
	type point struct {
		Point full `asn1:"tag:0"`
	}
	return extension(oidDistributionPoint, point{full{[]asn1.RawValue{{
		Class: asn1.ClassContextSpecific, Tag: 6,
		Bytes: []byte(address),
	}}}})
}

// loopback lets lists be fetched from loopback; names resolves them.
func loopback(names map[string]string) httpfetch.Network {
	return httpfetch.Network{
		LookUp: func(_ context.Context, host string) ([]netip.Addr, error) {
			if addr, ok := names[host]; ok {
				return []netip.Addr{netip.MustParseAddr(addr)}, nil
			}
			return nil, fmt.Errorf("%s: nxdomain", host)
		},
		Allowed: netip.Addr.IsLoopback,
	}
}

// A list that cannot be used, or that is not about this certificate, leaves the answer open.
func TestCheck(t *testing.T) {
	l := certtest.NewCRLServer(t)
	inter, other := l.Inter, certtest.New(t).Inter
	signed := func(change func(*x509.RevocationList)) []byte { return certtest.SignCRL(t, inter, change) }
	type onlyCAs struct {
		Yes bool `asn1:"tag:2"`
	}
	for _, tt := range []struct {
		name   string
		der    []byte
		want   probes.Outcome
		detail string
	}{
		{"nothing revoked", signed(nil), probes.Passed, "not on the issuers' revocation lists"},
		{
			"the leaf", signed(certtest.Revoke(l.LeafCert, 1)), probes.Failed,
			"leaf was revoked on 2026-03-01T00:00:00Z by Inter (key compromise)",
		},
		{"on hold", signed(certtest.Revoke(l.LeafCert, 6)), probes.Failed, "(on hold)"},
		{"another certificate", signed(certtest.Revoke(l.Inter, 1)), probes.Passed, ""},
		{"its own part", signed(pointOf(l.URL + "/inter.crl")), probes.Passed, ""},
		{"another part", signed(pointOf(l.URL + "/part2.crl")), 0, "another part of the issuer's certificates"},
		{"for CAs", signed(extension(oidDistributionPoint, onlyCAs{true})), 0, "other kinds of certificates"},
		{"delta", signed(extension(oidDelta, big.NewInt(1))), 0, "it is a delta list"},
		{
			"an unknown condition", signed(extension(asn1.ObjectIdentifier{1, 2, 3}, 1)), 0,
			"an unknown critical extension 1.2.3",
		},
		{"ended", signed(func(c *x509.RevocationList) {
			c.ThisUpdate, c.NextUpdate = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
		}), 0, "it ended on"},
		{"not begun", signed(func(c *x509.RevocationList) { c.ThisUpdate = time.Now().Add(time.Hour) }), 0, "it begins on"},
		{"forged", certtest.SignCRL(t, other, certtest.Revoke(l.LeafCert, 1)), 0, "its signature was not made by the issuer"},
		{
			"another issuer's", certtest.SignCRL(t, l.Root, certtest.Revoke(l.LeafCert, 1)), 0,
			"it was issued by another issuer",
		},
		{"garbage", []byte("<html>"), 0, "not a revocation list"},
		{"empty", nil, 0, "not a revocation list"},
		{"too long", make([]byte, maxListBytes+1), 0, "longer than 10485760 bytes"},
	} {
		l.Serve("/inter.crl", tt.der)
		c := New(time.Now)
		got := c.Check(t.Context(), loopback(nil), l.Chain(l.LeafCert))
		if got.Outcome != tt.want || !strings.Contains(got.Detail, tt.detail) ||
			(got.Reason != "") != (tt.want == probes.Failed) {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

func TestWhereListsAreFetchedFrom(t *testing.T) {
	l := certtest.NewCRLServer(t)
	l.Serve("/inter.crl", certtest.SignCRL(t, l.Inter, nil))
	l.Handle("/moved.crl", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/inter.crl", http.StatusFound)
	})
	l.Handle("/gzip.crl", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" {
			t.Error("compression was offered")
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write([]byte{0x1f, 0x8b})
	})
	network := loopback(map[string]string{"crl.test": "127.0.0.1", "private.test": "10.0.0.1"})
	none := network
	none.Allowed = func(netip.Addr) bool { return false }
	_, port, _ := strings.Cut(strings.TrimPrefix(l.URL, "http://"), ":")
	named := "http://crl.test:" + port + "/inter.crl"
	expired := certtest.Issue(t, l.Inter, x509.Certificate{
		NotBefore: time.Now().Add(-48 * time.Hour),
		NotAfter:  time.Now().Add(-time.Hour), CRLDistributionPoints: []string{l.URL + "/inter.crl"},
	})
	for _, tt := range []struct {
		name   string
		leaf   *certtest.Issued
		from   httpfetch.Network
		want   probes.Outcome
		detail string
	}{
		{"by name", l.LeafAt(t, named), network, probes.Passed, ""},
		{"the second address", l.LeafAt(t, l.URL+"/none.crl", named), network, probes.Passed, ""},
		{"loopback", l.LeafAt(t, l.URL+"/inter.crl"), none, 0, "127.0.0.1 is not in allow_networks"},
		{"a name that leads to loopback", l.LeafAt(t, named), none, 0, "127.0.0.1 is not in allow_networks"},
		{
			"a name that leads into a private network", l.LeafAt(t, "http://private.test/x"), network, 0,
			"10.0.0.1 is not in allow_networks",
		},
		{"link-local", l.LeafAt(t, "http://169.254.169.254/latest"), network, 0, "169.254.169.254 is not in allow_networks"},
		{"no such name", l.LeafAt(t, "http://none.test/x"), network, 0, "none.test: nxdomain"},
		{"https", l.LeafAt(t, "https://crl.test/x"), network, 0, "names no revocation list that can be fetched by http"},
		{"ldap", l.LeafAt(t, "ldap://crl.test/x"), network, 0, "names no revocation list that can be fetched by http"},
		{
			"a password", l.LeafAt(t, "http://user:secret@crl.test/x"), network, 0,
			"names no revocation list that can be fetched by http",
		},
		{"no list", l.LeafAt(t), network, 0, "names no revocation list that can be fetched by http"},
		{"moved", l.LeafAt(t, l.URL+"/moved.crl"), network, 0, "the server answered 302"},
		{"gone", l.LeafAt(t, l.URL+"/none.crl"), network, 0, "the server answered 404"},
		{"compressed", l.LeafAt(t, l.URL+"/gzip.crl"), network, 0, "not a revocation list"},
		{"expired", expired, network, 0, "expired"},
	} {
		got := New(time.Now).Check(t.Context(), tt.from, l.Chain(tt.leaf))
		if got.Outcome != tt.want || !strings.Contains(got.Detail, tt.detail) || strings.Contains(got.Detail, "secret") {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
	c := New(time.Now)
	if got := c.Check(t.Context(), loopback(nil), nil); got.Outcome != probes.NotReached || got.Detail == "" {
		t.Errorf("no trusted chain: %+v", got)
	}
}

func TestListIsFetchedOnceForAllProbes(t *testing.T) {
	l := certtest.NewCRLServer(t)
	l.Serve("/inter.crl", certtest.SignCRL(t, l.Inter, nil))
	c := New(time.Now)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if got := c.Check(t.Context(), loopback(nil), l.Chain(l.LeafCert)); got.Outcome != probes.Passed {
				t.Errorf("%+v", got)
			}
		})
	}
	wg.Wait()
	if n := l.Requests.Load(); n != 2 {
		t.Errorf("%d requests for two lists", n)
	}
}

func TestFetchOutlivesTheProbeThatStartedIt(t *testing.T) {
	l := certtest.NewCRLServer(t)
	der, asked, release := certtest.SignCRL(t, l.Inter, nil), make(chan struct{}, 1), make(chan struct{})
	l.Handle("/inter.crl", func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-release
		_, _ = w.Write(der)
	})
	c := New(time.Now)
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan probes.Judgement)
	go func() { got <- c.Check(ctx, loopback(nil), l.Chain(l.LeafCert)) }()
	<-asked
	cancel()
	if j := <-got; j.Outcome != probes.NotReached || !strings.Contains(j.Detail, "did not arrive in time") {
		t.Errorf("%+v", j)
	}
	close(release)
	if j := c.Check(t.Context(), loopback(nil), l.Chain(l.LeafCert)); j.Outcome != probes.Passed || len(asked) != 0 {
		t.Errorf("%+v", j)
	}
}

// A list is fetched again after a day; one that is still in date outlives its server; a failure is not repeated at
// once.
func TestListAges(t *testing.T) {
	l := certtest.NewCRLServer(t)
	l.Serve("/inter.crl", certtest.SignCRL(t, l.Inter, nil))
	now := time.Now()
	c := New(func() time.Time { return now })
	check := func(leaf *certtest.Issued, after time.Duration, want probes.Outcome, requests int64) {
		t.Helper()
		now = now.Add(after)
		before := l.Requests.Load()
		got := c.Check(t.Context(), loopback(nil), l.Chain(leaf))
		if n := l.Requests.Load() - before; got.Outcome != want || n != requests {
			t.Errorf("%+v after %d requests, want %s after %d", got, n, want, requests)
		}
	}
	gone := l.LeafAt(t, l.URL+"/gone.crl")
	check(l.LeafCert, 0, probes.Passed, 2)
	check(l.LeafCert, maxAge-time.Second, probes.Passed, 0)
	check(l.LeafCert, 2*time.Second, probes.Passed, 2)
	l.Handle("/inter.crl", http.NotFound)
	check(l.LeafCert, maxAge+time.Second, probes.Passed, 2) // the old one is in date for three days
	check(l.LeafCert, maxAge+time.Second, probes.NotReached, 2)
	check(gone, 0, probes.NotReached, 1)
	check(gone, retryAfter-time.Second, probes.NotReached, 0)
}

func TestCacheIsBounded(t *testing.T) {
	c := newCRLCache(time.Now)
	c.maxLists, c.maxEntries = 10, 100
	store := func(name string, entries int) {
		list := &revocationList{revoked: map[string]revokedEntry{}}
		for i := range entries {
			list.revoked[fmt.Sprint(i)] = revokedEntry{}
		}
		c.store(listKey{address: name}, &cachedCRL{list: list})
	}
	for i := range 30 {
		store(fmt.Sprint(i), 1)
	}
	if len(c.lists) != 10 || c.entries != 10 {
		t.Errorf("%d lists, %d entries", len(c.lists), c.entries)
	}
	store("big", 95)
	store("big", 96) // replaces the former
	if len(c.lists) > 5 || c.entries > 100 || c.lists[listKey{address: "big"}].size() != 96 {
		t.Errorf("%d lists, %d entries", len(c.lists), c.entries)
	}
}

func FuzzList(f *testing.F) {
	ca := certtest.New(f)
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: time.Now(),
		NextUpdate: time.Now().Add(time.Hour),
	}, ca.Inter.Cert, ca.Inter.Key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(der)
	f.Fuzz(func(t *testing.T, data []byte) {
		if list, err := parseList(data, ca.Inter.Cert, time.Now()); err == nil && list.covers(ca.Inter.Cert) == nil {
			t.Fatal("a list of Inter covers Inter, whose issuer is Root")
		}
	})
}
