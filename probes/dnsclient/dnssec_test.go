package dnsclient

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"m365_connector_exporter/probes"
)

const signedZone = `signed.test. 60 IN MX 10 mx.signed.test.
mx.signed.test. 60 IN A 192.0.2.1
_25._tcp.mx.signed.test. 60 IN TLSA 3 1 1 aa
_25._tcp.mx.signed.test. 60 IN TLSA 3 1 1 bb
half.test. 60 IN MX 10 mx.unsigned.test.
unsigned.test. 60 IN MX 10 mx.signed.test.
mx.unsigned.test. 60 IN A 192.0.2.2
nomx.signed.test. 60 IN A 192.0.2.3
bogus.test. 60 IN MX 10 mx.bogus.test.
mx.bogus.test. 60 IN A 192.0.2.4
to.bogus.test.signed.test. 60 IN MX 10 mx.bogus.test.
_25._tcp.mx.bogus.test. 60 IN TLSA 3 1 1 aa
_25._tcp.alias.signed.test. 60 IN CNAME _25._tcp.mx.unsigned.test.
_25._tcp.mx.unsigned.test. 60 IN TLSA 3 1 1 cc
`

// resolver is a resolver that validates: signed.test and half.test are signed, bogus.test is signed wrongly.
type resolver struct {
	validates bool // it sets the AD bit at all
	root      bool // it knows the root
	silent    bool // it does not answer questions for the root
	cutOff    bool // every name but those of bogus.test, which it has in its cache, is SERVFAIL
	questions atomic.Int32
	tlsa      atomic.Int32
}

func (r *resolver) serve(w dns.ResponseWriter, q *dns.Msg) {
	r.questions.Add(1)
	question := q.Question[0]
	if question.Qtype == dns.TypeTLSA {
		r.tlsa.Add(1)
	}
	under := func(zone string) bool { return dns.IsSubDomain(zone, question.Name) }
	bogus := r.validates && under("bogus.test.")
	switch {
	case r.silent && question.Name == ".":
		return
	case bogus && !q.CheckingDisabled, r.cutOff && !bogus, under("servfail.signed.test."), question.Name == "." && !r.root:
		_ = w.WriteMsg(rcode(q, dns.RcodeServerFailure))
		return
	}
	m := answer(q)
	for line := range strings.SplitSeq(strings.TrimSpace(signedZone), "\n") {
		rr, err := dns.NewRR(line)
		if err != nil {
			panic(err)
		}
		if h := rr.Header(); h.Name == question.Name && (h.Rrtype == question.Qtype || h.Rrtype == dns.TypeCNAME) {
			m.Answer = append(m.Answer, rr)
		}
	}
	signed := under("signed.test.") || under("half.test.") || question.Name == "."
	m.AuthenticatedData = r.validates && signed && q.AuthenticatedData
	_ = w.WriteMsg(m)
}

func TestSecurityOfATarget(t *testing.T) {
	for _, tt := range []struct {
		domain string
		want   Security
		reason probes.Reason
	}{
		{"signed.test", Secure, ""},
		{"nomx.signed.test", Secure, ""},
		{"half.test", Insecure, ""},
		{"unsigned.test", Insecure, ""},
		{"bogus.test", Bogus, probes.ReasonDNSBogus},
		{"to.bogus.test.signed.test", Bogus, probes.ReasonDNSBogus},
		{"servfail.signed.test", Unknown, probes.ReasonDNSServfail},
	} {
		r := &resolver{validates: true, root: true}
		q := Options{Servers: []string{oddDNS(t, r.serve)}, Protocol: probes.IP4, DNSSEC: true}
		got := New(nil).NextHop(t.Context(), tt.domain, q)[0]
		if got.Security != tt.want || got.Step.Reason != tt.reason {
			t.Errorf("%s: security %d, %+v; want %d, %q", tt.domain, got.Security, got.Step, tt.want, tt.reason)
		}
	}
}

func TestSecurityIsUnknownWithoutAResolverThatValidates(t *testing.T) {
	for name, tt := range map[string]struct {
		resolver *resolver
		domain   string
		dnssec   bool
		want     Security
	}{
		"not asked":                         {&resolver{validates: true, root: true}, "signed.test", false, Unknown},
		"does not validate":                 {&resolver{root: true}, "signed.test", true, Unknown},
		"does not answer for the root":      {&resolver{validates: true, silent: true}, "unsigned.test", true, Unknown},
		"does not know the root":            {&resolver{validates: true}, "unsigned.test", true, Insecure},
		"bogus, for a cut-off resolver":     {&resolver{validates: true, cutOff: true}, "bogus.test", true, Unknown},
		"bogus names, and no DNSSEC wanted": {&resolver{validates: true, root: true}, "bogus.test", false, Unknown},
	} {
		q := Options{Servers: []string{oddDNS(t, tt.resolver.serve)}, Protocol: probes.IP4, DNSSEC: tt.dnssec}
		c := New(nil)
		if tt.resolver.silent {
			c.timeout = 50 * time.Millisecond
		}
		if got := c.NextHop(t.Context(), tt.domain, q)[0]; got.Security != tt.want {
			t.Errorf("%s: security %d, %+v; want %d", name, got.Security, got.Step, tt.want)
		}
	}
}

func TestServersWhoseADBitCounts(t *testing.T) {
	servers := []string{"127.0.0.1:53", "[::1]:53", "localhost:53", "192.0.2.53:53", "192.0.2.54:53", "nonsense"}
	v := newValidation(servers, []string{"192.0.2.53:53", "192.0.2.55:53"}, newValidators())
	for server, want := range map[string]bool{
		"127.0.0.1:53": true, "[::1]:53": true, "localhost:53": true, "192.0.2.53:53": true,
		"192.0.2.54:53": false, "192.0.2.55:53": false, "nonsense": false,
	} {
		if v.counts(server) != want {
			t.Errorf("counts(%s) = %v, want %v", server, !want, want)
		}
	}
	if (*validation)(nil).counts("127.0.0.1:53") {
		t.Error("a server counts although DNSSEC does not matter")
	}
}

func TestTLSA(t *testing.T) {
	for host, want := range map[string]string{
		"mx.signed.test":       "2: 2 [3 1 1 aa 3 1 1 bb] of 2",
		"none.signed.test":     "2: 0 [] of 0",
		"alias.signed.test":    "1: 1 [3 1 1 cc] of 1",
		"mx.bogus.test":        "3: 0 [] of 0 failed",
		"servfail.signed.test": "0: 0 [] of 0 failed",
	} {
		r := &resolver{validates: true, root: true}
		q := Options{Servers: []string{oddDNS(t, r.serve)}, DNSSEC: true}
		c := New(nil)
		found := c.TLSA(t.Context(), host, 25, q, false)
		got := fmt.Sprintf("%d: %d %s of %d", found.Security, len(found.Records), found.Records, found.Total)
		if found.Failure != "" {
			got += " failed"
		}
		if got != want {
			t.Errorf("%s: %s (%s), want %s", host, got, found.Failure, want)
		}
	}
}

func TestTLSAIsCached(t *testing.T) {
	r := &resolver{validates: true, root: true}
	q := Options{Servers: []string{oddDNS(t, r.serve)}, DNSSEC: true}
	c := New(nil)
	now := time.Now()
	c.tlsa.now = func() time.Time { return now }
	for _, step := range []struct {
		after  time.Duration
		fresh  bool
		cached bool
	}{{0, false, false}, {44 * time.Minute, false, true}, {0, true, false}, {46 * time.Minute, false, false}} {
		now = now.Add(step.after)
		asked := r.tlsa.Load()
		found := c.TLSA(t.Context(), "mx.signed.test", 25, q, step.fresh)
		if len(found.Records) != 2 || found.Cached != step.cached || (r.tlsa.Load() == asked) != step.cached {
			t.Errorf("%+v: %+v after %d questions more", step, found, r.tlsa.Load()-asked)
		}
	}
	for i := range 2 * maxCachedTLSA {
		c.tlsa.put(fmt.Sprint(i), TLSA{}, time.Hour)
	}
	if n := len(c.tlsa.entries); n > maxCachedTLSA {
		t.Errorf("%d cached hosts", n)
	}
}

func TestTLSARecordsAreBounded(t *testing.T) {
	record := func(size int) dns.RR { return &dns.TLSA{Usage: 3, Certificate: strings.Repeat("aa", size)} }
	for name, tt := range map[string]struct {
		rrs  []dns.RR
		want int
	}{
		"thousands":         {slices.Repeat([]dns.RR{record(32)}, 5000), maxTLSA},
		"absurd length":     {[]dns.RR{record(60000), record(32)}, 1},
		"large altogether":  {slices.Repeat([]dns.RR{record(4000)}, 20), 4},
		"not a TLSA record": {[]dns.RR{&dns.RRSIG{}, record(32)}, 1},
		"odd hex":           {[]dns.RR{&dns.TLSA{Certificate: "abc"}}, 0},
	} {
		if got := len(tlsaRecords(tt.rrs)); got != tt.want {
			t.Errorf("%s: %d records, want %d", name, got, tt.want)
		}
	}
}

// TestRRSIGStorm has an answer of the largest size whose records are nearly all signatures.
func TestRRSIGStorm(t *testing.T) {
	server := oddDNS(t, func(w dns.ResponseWriter, q *dns.Msg) {
		m := answer(q, q.Question[0].Name+" 60 IN TLSA 3 1 1 aa", q.Question[0].Name+" 60 IN A 192.0.2.1")
		m.AuthenticatedData = true
		if m.Truncated = !isTCP(w); isTCP(w) {
			for i := range 600 {
				header := dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeRRSIG, Class: dns.ClassINET}
				m.Answer = append(m.Answer, &dns.RRSIG{
					Hdr: header, TypeCovered: q.Question[0].Qtype, KeyTag: uint16(i), SignerName: "test.", Signature: "AAAA",
				})
			}
			m.Compress = true
		}
		_ = w.WriteMsg(m)
	})
	q := Options{Servers: []string{server}, DNSSEC: true}
	if found := New(nil).TLSA(t.Context(), "mx.test", 25, q, false); found.Security != Secure || len(found.Records) != 1 {
		t.Errorf("%+v", found)
	}
}

// TestQueriesWithDNSSEC: with DNSSEC a signed destination costs one question more than without, once in 45 minutes,
// and an unsigned one costs none.
func TestQueriesWithDNSSEC(t *testing.T) {
	const rounds = 10
	count := func(interval time.Duration, domain, host string, dnssec bool) int32 {
		r := &resolver{validates: true, root: true}
		c := New(nil)
		now := time.Now()
		c.tlsa.now = func() time.Time { return now }
		q := Options{Servers: []string{oddDNS(t, r.serve)}, Protocol: probes.IPAny, DNSSEC: dnssec}
		for range rounds {
			if target := c.NextHop(t.Context(), domain, q)[0]; target.Security == Secure {
				c.TLSA(t.Context(), host, 25, q, false)
			}
			now = now.Add(interval)
		}
		return r.questions.Load()
	}
	for domain, host := range map[string]string{"signed.test": "mx.signed.test", "unsigned.test": "mx.signed.test"} {
		for _, interval := range []time.Duration{5 * time.Minute, 30 * time.Minute} {
			with, without := count(interval, domain, host, true), count(interval, domain, host, false)
			if ratio := float64(with) / float64(without); ratio > 1.3 {
				t.Errorf("%s every %s: %d questions with DNSSEC, %d without: %.2f times", domain, interval, with, without, ratio)
			}
		}
	}
}
