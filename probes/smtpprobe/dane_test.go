package smtpprobe

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/lab"
	"m365_connector_exporter/probes/mailflow"
)

// daneWorld is a domain by MX whose zones count as signed, with a mail server that shows a certificate.
type daneWorld struct {
	server netip.AddrPort
	leaf   []byte // DER
	dns    *lab.DNS
}

// newDANEWorld starts the servers. TLSA records are in the form "3 0 1 LEAF", with LEAF for the digest of the leaf.
func newDANEWorld(t *testing.T, starttls bool, tlsa ...string) daneWorld {
	t.Helper()
	now := time.Now()
	ca, err := lab.NewCA(now)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue(lab.Leaf{
		Names: []string{"mx.signed.test"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	o := lab.MailOptions{}
	if starttls {
		o.Certificate = &cert
	}
	mail, err := lab.StartMail(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mail.Close)
	w := daneWorld{server: netip.MustParseAddrPort(fmt.Sprintf("127.0.0.1:%d", mail.Port())), leaf: cert.Certificate[0]}
	digest := sha256.Sum256(w.leaf)
	zone := ""
	for domain, mx := range map[string]string{
		"signed.test": "mx.signed.test", "plain.test": "mx.signed.test", "bogus.test": "mx.bogus.test",
	} {
		zone += domain + ". 60 IN MX 10 " + mx + ".\n"
	}
	zone += "mx.signed.test. 60 IN A 127.0.0.1\nmx.bogus.test. 60 IN A 127.0.0.1\n"
	for _, record := range tlsa {
		record = strings.Replace(record, "LEAF", hex.EncodeToString(digest[:]), 1)
		zone += fmt.Sprintf("_%d._tcp.mx.signed.test. 60 IN TLSA %s\n", w.server.Port(), record)
	}
	if w.dns, err = lab.StartDNS(zone); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.dns.Close)
	w.dns.Sign("signed.test", true)
	w.dns.Sign("bogus.test", false)
	return w
}

// path leads to the MX of a domain.
func (w daneWorld) path(domain string) probes.Path {
	p := testPath(w.server, probes.TLSStage, mailflow.Opportunistic)
	p.Kind, p.NextHop, p.DANE = probes.NextHopDomain, domain, true
	p.Settings.ConnectTo, p.Settings.DNSServers = nil, []string{w.dns.Addr()}
	return p
}

func TestDANEOfAnEndpoint(t *testing.T) {
	other := strings.Repeat("00", 32)
	for name, tt := range map[string]struct {
		domain      string
		clear       bool // the server offers no STARTTLS
		tlsa        []string
		want        probes.DANEStatus
		tls, pinned bool
		total       int
	}{
		"match": {tlsa: []string{"3 0 1 LEAF"}, want: probes.DANEMatch, tls: true, pinned: true, total: 1},
		"match, and another for later": {
			tlsa: []string{"3 0 1 LEAF", "3 1 1 " + other}, want: probes.DANEMatch, tls: true, total: 2,
		},
		"mismatch":    {tlsa: []string{"3 1 1 " + other}, want: probes.DANEMismatch, tls: true, total: 1},
		"no STARTTLS": {clear: true, tlsa: []string{"3 1 1 " + other}, want: probes.DANEMismatch, total: 1},
		"unusable":    {tlsa: []string{"1 1 1 " + other}, want: probes.DANEUnusable, tls: true, total: 1},
		"no records":  {want: probes.DANENone, tls: true},
		"too long a certificate": {
			tlsa: []string{"3 0 0 " + strings.Repeat("00", 30000)}, want: probes.DANEUnknown, tls: true, total: 1,
		},
		"too long a digest": {
			tlsa: []string{"3 1 1 " + strings.Repeat("00", 30000)}, want: probes.DANEUnusable, tls: true, total: 1,
		},
		"hundreds of records": {tlsa: manyRecords(500), want: probes.DANEUnknown, tls: true, total: 500},
		"MX not signed":       {domain: "plain.test", tlsa: []string{"3 0 1 LEAF"}, want: probes.DANEInsecure},
		"bogus":               {domain: "bogus.test", want: probes.DANEBogus},
	} {
		t.Run(name, func(t *testing.T) {
			w := newDANEWorld(t, !tt.clear, tt.tlsa...)
			if tt.domain == "" {
				tt.domain = "signed.test"
			}
			p := w.path(tt.domain)
			got := testProber(nil).Probe(t.Context(), &p).Endpoints[0].DANE
			if got == nil {
				t.Fatal("nothing recorded")
			}
			if got.Status != tt.want || got.TLS != tt.tls || got.Pinned != tt.pinned || got.Total != tt.total ||
				(got.Matched != "") != (tt.want == probes.DANEMatch) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestDANEIsUnknown(t *testing.T) {
	w := newDANEWorld(t, true, "3 0 1 LEAF")
	for name, change := range map[string]func(p *probes.Path){
		"the mode does not use it": func(p *probes.Path) { p.DANE = false },
		"connect_to":               func(p *probes.Path) { p.Settings.ConnectTo = []netip.Addr{w.server.Addr()} },
		"an address":               func(p *probes.Path) { p.Kind, p.NextHop = probes.NextHopSmartHost, "127.0.0.1" },
		"the server is down":       func(p *probes.Path) { p.Settings.Port = unusedPort(t) },
	} {
		p := w.path("signed.test")
		change(&p)
		if got := testProber(nil).Probe(t.Context(), &p).Endpoints[0].DANE; got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestCachedTLSARecordsAreNotBlamed: the certificate and its record change together, and the old record is cached.
func TestCachedTLSARecordsAreNotBlamed(t *testing.T) {
	old := newDANEWorld(t, true, "3 1 1 "+strings.Repeat("00", 32))
	prober, p := testProber(nil), old.path("signed.test")
	if got := prober.Probe(t.Context(), &p).Endpoints[0].DANE; got.Status != probes.DANEMismatch {
		t.Fatalf("%+v", got)
	}
	digest := sha256.Sum256(old.leaf)
	zone := fmt.Sprintf("signed.test. 60 IN MX 10 mx.signed.test.\nmx.signed.test. 60 IN A 127.0.0.1\n"+
		"_%d._tcp.mx.signed.test. 60 IN TLSA 3 0 1 %x\n", old.server.Port(), digest)
	if err := old.dns.Set(zone); err != nil {
		t.Fatal(err)
	}
	if got := prober.Probe(t.Context(), &p).Endpoints[0].DANE; got.Status != probes.DANEMatch {
		t.Errorf("%+v", got)
	}
}

// manyRecords are n records that match nothing.
func manyRecords(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("3 1 1 %064x", i))
	}
	return all
}

// unusedPort is a port of loopback where nothing listens.
func unusedPort(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).AddrPort().Port()
}
