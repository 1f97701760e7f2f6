package wire

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
	"m365_connector_exporter/probes/dnsclient"
	"m365_connector_exporter/probes/mailflow"
)

// lists is an HTTP server of revocation lists and the PKI whose certificates name it.
type lists struct {
	certtest.PKI
	*httptest.Server
	leaf  *certtest.Issued
	mu    sync.Mutex
	at    map[string]http.HandlerFunc
	asked atomic.Int64
}

func newLists(t *testing.T) *lists {
	t.Helper()
	l := &lists{at: map[string]http.HandlerFunc{}}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.asked.Add(1)
		l.mu.Lock()
		handle := l.at[r.URL.Path]
		l.mu.Unlock()
		if handle == nil {
			handle = http.NotFound
		}
		handle(w, r)
	}))
	t.Cleanup(l.Close)
	l.PKI = certtest.New(t)
	ca := x509.Certificate{Subject: pkix.Name{CommonName: "Inter"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, CRLDistributionPoints: []string{l.URL + "/root.crl"}}
	l.Inter = certtest.Issue(t, l.Root, ca)
	l.leaf = l.leafAt(t, l.URL+"/inter.crl")
	l.serve("/root.crl", l.list(t, l.Root, nil))
	return l
}

func (l *lists) leafAt(t *testing.T, points ...string) *certtest.Issued {
	t.Helper()
	return certtest.Issue(t, l.Inter, x509.Certificate{Subject: pkix.Name{CommonName: "leaf"}, DNSNames: []string{"mail.test"}, CRLDistributionPoints: points})
}

func (l *lists) serve(path string, der []byte) {
	l.handle(path, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(der) })
}

func (l *lists) handle(path string, handle http.HandlerFunc) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at[path] = handle
}

// list is signed by the issuer and holds what change makes of it: by default nothing, for a day.
func (l *lists) list(t *testing.T, by *certtest.Issued, change func(*x509.RevocationList)) []byte {
	t.Helper()
	crl := x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(72 * time.Hour)}
	if change != nil {
		change(&crl)
	}
	der, err := x509.CreateRevocationList(rand.Reader, &crl, by.Cert, by.Key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func revoke(c *certtest.Issued, reason int) func(*x509.RevocationList) {
	return func(l *x509.RevocationList) {
		l.RevokedCertificateEntries = append(l.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: c.Cert.SerialNumber, RevocationTime: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), ReasonCode: reason,
		})
	}
}

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
	return extension(oidDistributionPoint, point{full{[]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 6, Bytes: []byte(address)}}}})
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func (l *lists) chain(leaf *certtest.Issued) []*x509.Certificate {
	return []*x509.Certificate{leaf.Cert, l.Inter.Cert, l.Root.Cert}
}

// TestRevocation: whoever cannot be asked, or does not answer for this certificate, proves nothing.
func TestRevocation(t *testing.T) {
	l := newLists(t)
	inter, other := l.Inter, certtest.New(t).Inter
	signed := func(change func(*x509.RevocationList)) []byte { return l.list(t, inter, change) }
	type onlyCAs struct {
		Yes bool `asn1:"tag:2"`
	}
	for _, tt := range []struct {
		name   string
		der    []byte
		want   probes.Outcome
		detail string
	}{
		{"nothing revoked", signed(nil), probes.Passed, "on none of the issuers' lists"},
		{"the leaf", signed(revoke(l.leaf, 1)), probes.Failed, "leaf was revoked on 2026-03-01T00:00:00Z by Inter (key compromise)"},
		{"on hold", signed(revoke(l.leaf, 6)), probes.Failed, "(on hold)"},
		{"another certificate", signed(revoke(l.Inter, 1)), probes.Passed, ""},
		{"its own part", signed(pointOf(l.URL + "/inter.crl")), probes.Passed, ""},
		{"another part", signed(pointOf(l.URL + "/part2.crl")), 0, "another part of the issuer's certificates"},
		{"for CAs", signed(extension(oidDistributionPoint, onlyCAs{true})), 0, "other kinds of certificates"},
		{"delta", signed(extension(oidDelta, big.NewInt(1))), 0, "it is a delta list"},
		{"an unknown condition", signed(extension(asn1.ObjectIdentifier{1, 2, 3}, 1)), 0, "a condition that is not known here: 1.2.3"},
		{"ended", signed(func(c *x509.RevocationList) {
			c.ThisUpdate, c.NextUpdate = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
		}), 0, "it ended on"},
		{"not begun", signed(func(c *x509.RevocationList) { c.ThisUpdate = time.Now().Add(time.Hour) }), 0, "only"},
		{"forged", l.list(t, other, revoke(l.leaf, 1)), 0, "its signature is not the issuer's"},
		{"another issuer's", l.list(t, l.Root, revoke(l.leaf, 1)), 0, "another issuer's"},
		{"garbage", []byte("<html>"), 0, "it is no list"},
		{"empty", nil, 0, "it is no list"},
		{"too long", make([]byte, crlSize+1), 0, "longer than 10485760 bytes"},
	} {
		l.serve("/inter.crl", tt.der)
		r := newRevocation(newResolver(dnsclient.New(nil), loopback, nil), time.Now, newShelf())
		got := r.judge(t.Context(), &probes.Path{}, l.chain(l.leaf))
		if got.Outcome != tt.want || !strings.Contains(got.Detail, tt.detail) || (got.Reason != "") != (tt.want == probes.Failed) {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

// TestListsOutOfReach holds where a list is not fetched from, and what a server may not do.
func TestListsOutOfReach(t *testing.T) {
	l := newLists(t)
	l.serve("/inter.crl", l.list(t, l.Inter, nil))
	l.handle("/moved.crl", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/inter.crl", http.StatusFound) })
	l.handle("/gzip.crl", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" {
			t.Error("compression was offered")
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write([]byte{0x1f, 0x8b})
	})
	zone := startDNS(t, "crl.test. 60 IN A 127.0.0.1\nprivate.test. 60 IN A 10.0.0.1\n")
	_, port, _ := strings.Cut(strings.TrimPrefix(l.URL, "http://"), ":")
	named := "http://crl.test:" + port + "/inter.crl"
	expired := certtest.Issue(t, l.Inter, x509.Certificate{NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-time.Hour), CRLDistributionPoints: []string{l.URL + "/inter.crl"}})
	for _, tt := range []struct {
		name   string
		leaf   *certtest.Issued
		allow  []netip.Prefix
		want   probes.Outcome
		detail string
	}{
		{"by name", l.leafAt(t, named), loopback, probes.Passed, ""},
		{"the second address", l.leafAt(t, l.URL+"/none.crl", named), loopback, probes.Passed, ""},
		{"loopback", l.leafAt(t, l.URL+"/inter.crl"), nil, 0, "127.0.0.1 is not in allow_networks"},
		{"a name that leads to loopback", l.leafAt(t, named), nil, 0, "127.0.0.1 is not in allow_networks"},
		{"a name that leads into a private network", l.leafAt(t, "http://private.test/x"), loopback, 0, "10.0.0.1 is not in allow_networks"},
		{"link-local", l.leafAt(t, "http://169.254.169.254/latest"), loopback, 0, "169.254.169.254 is not in allow_networks"},
		{"no such name", l.leafAt(t, "http://none.test/x"), loopback, 0, "none.test: nxdomain"},
		{"https", l.leafAt(t, "https://crl.test/x"), loopback, 0, "names no list that can be had by http"},
		{"ldap", l.leafAt(t, "ldap://crl.test/x"), loopback, 0, "names no list that can be had by http"},
		{"a password", l.leafAt(t, "http://user:secret@crl.test/x"), loopback, 0, "names no list that can be had by http"},
		{"no list", l.leafAt(t), loopback, 0, "names no list that can be had by http"},
		{"moved", l.leafAt(t, l.URL+"/moved.crl"), loopback, 0, "its server answers 302"},
		{"gone", l.leafAt(t, l.URL+"/none.crl"), loopback, 0, "its server answers 404"},
		{"compressed", l.leafAt(t, l.URL+"/gzip.crl"), loopback, 0, "it is no list"},
		{"expired", expired, loopback, 0, "expired"},
	} {
		r := newRevocation(newResolver(dnsclient.New([]string{zone}), tt.allow, nil), time.Now, newShelf())
		p := probes.Path{Settings: probes.Settings{ConnectTo: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}}
		got := r.judge(t.Context(), &p, l.chain(tt.leaf))
		if got.Outcome != tt.want || !strings.Contains(got.Detail, tt.detail) || strings.Contains(got.Detail, "secret") {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
	r := newRevocation(newResolver(dnsclient.New(nil), loopback, nil), time.Now, newShelf())
	if got := r.judge(t.Context(), &probes.Path{}, nil); got.Outcome != probes.NotReached || got.Detail == "" {
		t.Errorf("no trusted chain: %+v", got)
	}
}

// TestRevokedStage: a revoked certificate fails the stage only where the connector demands trust; unasked, nothing is judged.
func TestRevokedStage(t *testing.T) {
	l := newLists(t)
	l.serve("/inter.crl", l.list(t, l.Inter, revoke(l.leaf, 4)))
	at, _ := serve(t, healthy(certtest.ServerConfig(l.leaf, l.Inter)))
	for _, tt := range []struct {
		asked    bool
		settings mailflow.TLSSettings
		stage    probes.Reason
		verdict  probes.Outcome
	}{
		{true, mailflow.DomainValidation, probes.ReasonCertificateRevoked, probes.Failed},
		{true, mailflow.CertificateValidation, probes.ReasonCertificateRevoked, probes.Failed},
		{true, mailflow.EncryptionOnly, "", probes.Failed},
		{false, mailflow.CertificateValidation, "", probes.NotReached},
	} {
		w := New(Options{Roots: l.Roots, AllowNetworks: loopback, CheckRevocation: tt.asked})
		ep := probeOne(t, w, testPath(at, probes.TLSStage, tt.settings))
		verdict := ep.TLS.Verdicts[probes.VerdictRevocation]
		if ep.Steps[probes.TLSStage].Reason != tt.stage || verdict.Outcome != tt.verdict {
			t.Errorf("%+v: %+v, %+v", tt, ep.Steps[probes.TLSStage], verdict)
		}
	}
}

// TestUnknownRevocation: a stage that passes without an answer says so.
func TestUnknownRevocation(t *testing.T) {
	l := newLists(t)
	at, _ := serve(t, healthy(certtest.ServerConfig(l.leaf, l.Inter)))
	w := New(Options{Roots: l.Roots, AllowNetworks: loopback, CheckRevocation: true})
	step := probeOne(t, w, testPath(at, probes.TLSStage, mailflow.CertificateValidation)).Steps[probes.TLSStage]
	if step.Outcome != probes.Passed || !strings.Contains(step.Detail, "revocation not known: leaf: its list") || !strings.Contains(step.Detail, "404") {
		t.Errorf("%+v", step)
	}
}

// TestOneFetch: many probes at once fetch a list once, and later ones not at all.
func TestOneFetch(t *testing.T) {
	l := newLists(t)
	l.serve("/inter.crl", l.list(t, l.Inter, nil))
	r := newRevocation(newResolver(dnsclient.New(nil), loopback, nil), time.Now, newShelf())
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if got := r.judge(t.Context(), &probes.Path{}, l.chain(l.leaf)); got.Outcome != probes.Passed {
				t.Errorf("%+v", got)
			}
		})
	}
	wg.Wait()
	if n := l.asked.Load(); n != 2 {
		t.Errorf("%d requests for two lists", n)
	}
}

// TestListInNoHurry: a probe does not wait longer than its time, and the list comes all the same.
func TestListInNoHurry(t *testing.T) {
	l := newLists(t)
	der, asked, release := l.list(t, l.Inter, nil), make(chan struct{}, 1), make(chan struct{})
	l.handle("/inter.crl", func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-release
		_, _ = w.Write(der)
	})
	r := newRevocation(newResolver(dnsclient.New(nil), loopback, nil), time.Now, newShelf())
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan probes.Judgement)
	go func() { got <- r.judge(ctx, &probes.Path{}, l.chain(l.leaf)) }()
	<-asked
	cancel()
	if j := <-got; j.Outcome != probes.NotReached || !strings.Contains(j.Detail, "not there in time") {
		t.Errorf("%+v", j)
	}
	close(release)
	if j := r.judge(t.Context(), &probes.Path{}, l.chain(l.leaf)); j.Outcome != probes.Passed || len(asked) != 0 {
		t.Errorf("%+v", j)
	}
}

// TestListAges: a list is fetched anew after a day; one that still holds outlives a server that is gone; a failure is not
// repeated at once.
func TestListAges(t *testing.T) {
	l := newLists(t)
	l.serve("/inter.crl", l.list(t, l.Inter, nil))
	now := time.Now()
	r := newRevocation(newResolver(dnsclient.New(nil), loopback, nil), func() time.Time { return now }, newShelf())
	look := func(leaf *certtest.Issued, after time.Duration, want probes.Outcome, requests int64) {
		t.Helper()
		now = now.Add(after)
		before := l.asked.Load()
		got := r.judge(t.Context(), &probes.Path{}, l.chain(leaf))
		if n := l.asked.Load() - before; got.Outcome != want || n != requests {
			t.Errorf("%+v after %d requests, want %s after %d", got, n, want, requests)
		}
	}
	gone := l.leafAt(t, l.URL+"/gone.crl")
	look(l.leaf, 0, probes.Passed, 2)
	look(l.leaf, crlMaxAge-time.Second, probes.Passed, 0)
	look(l.leaf, 2*time.Second, probes.Passed, 2)
	l.handle("/inter.crl", http.NotFound)
	look(l.leaf, crlMaxAge+time.Second, probes.Passed, 2) // the old one holds for three days
	look(l.leaf, crlMaxAge+time.Second, probes.NotReached, 2)
	look(gone, 0, probes.NotReached, 1)
	look(gone, crlRetry-time.Second, probes.NotReached, 0)
}

func TestListsAreBounded(t *testing.T) {
	r := newRevocation(newResolver(dnsclient.New(nil), nil, nil), time.Now, newShelf())
	r.maxLists, r.maxEntries = 10, 100
	hold := func(name string, entries int) {
		list := &revocationList{revoked: map[string]revokedEntry{}}
		for i := range entries {
			list.revoked[fmt.Sprint(i)] = revokedEntry{}
		}
		r.keep(listKey{address: name}, &heldList{list: list})
	}
	for i := range 30 {
		hold(fmt.Sprint(i), 1)
	}
	if len(r.lists) != 10 || r.entries != 10 {
		t.Errorf("%d lists, %d entries", len(r.lists), r.entries)
	}
	hold("big", 95)
	hold("big", 96) // in its own place
	if len(r.lists) > 5 || r.entries > 100 || r.lists[listKey{address: "big"}].size() != 96 {
		t.Errorf("%d lists, %d entries", len(r.lists), r.entries)
	}
}

func FuzzList(f *testing.F) {
	ca := certtest.New(f)
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour)}, ca.Inter.Cert, ca.Inter.Key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(der)
	f.Fuzz(func(t *testing.T, data []byte) {
		if list, err := readList(data, ca.Inter.Cert, time.Now()); err == nil && list.covers(ca.Inter.Cert) == nil {
			t.Fatal("a list of Inter covers Inter, whose issuer is Root")
		}
	})
}
