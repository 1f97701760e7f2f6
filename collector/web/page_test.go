package web_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// evil is what a hostile peer sends wherever it can: markup, quotes, terminal escapes, a text direction override,
// invalid UTF-8.
const evil = `"><script>alert(1)</script><b onmouseover='x'>` + "\x1b]0;owned\x07\u202e\x00\xff{{.}}"

// gallery has one of everything that the pages show.
func gallery() *testSite {
	s := full()
	bad := s.snapshot.Paths[len(s.snapshot.Paths)-2]
	e := &bad.Latest.Endpoints[0]
	e.Transcript = []probes.TranscriptEntry{
		{Origin: probes.OriginServer, Text: evil},
		{Origin: probes.OriginClient, Text: "RCPT TO:<anna@contoso.com>"},
		{Origin: probes.OriginProber, Text: evil},
	}
	for i := range e.Steps {
		e.Steps[i].Detail, e.Steps[i].Uncertain = evil, evil
		e.Steps[i].Reply.Text, e.Steps[i].Reply.Enhanced = evil, evil
	}
	e.Host, bad.Latest.Hints, bad.Path.Hint, bad.Path.NextHop, bad.Path.TLSDomain = evil, []string{evil}, evil, evil, evil
	names := make([]string, 50)
	for i := range names {
		names[i] = fmt.Sprint(i, evil)
	}
	certificate := &probes.Certificate{
		Subject: evil, Issuer: evil, DNSNames: names, Serial: evil, Fingerprint: evil, KeyAlgorithm: evil,
		SignatureAlgorithm: evil,
		NotBefore:          noon.Add(-30 * 24 * time.Hour), NotAfter: noon.Add(60 * 24 * time.Hour),
	}
	e.TLS = &probes.TLS{
		Version: evil, Cipher: evil, Unparsable: evil, Chain: []*probes.Certificate{certificate, certificate},
	}
	for v := range e.TLS.Verdicts {
		e.TLS.Verdicts[v] = probes.Judgement{
			Outcome: probes.Failed, Reason: probes.ReasonCertificateExpired, Detail: evil, Uncertain: evil,
		}
	}
	older := *bad.Latest
	older.Started = noon.Add(-time.Hour)
	bad.LatestFailed = &older
	bad.Failures = append(
		[]collector.Round{
			{At: older.Started, Outcome: probes.Failed, Stage: probes.TLSStage, Reason: probes.ReasonCertificateExpired},
		},
		bad.Failures...,
	)
	s.snapshot.Tenants = []mailflow.Tenant{{Name: "contoso"}, {Name: "broken" + evil, LoadError: evil}}
	for i := range 7 {
		s.snapshot.Tenants = append(
			s.snapshot.Tenants, mailflow.Tenant{Name: fmt.Sprint("missing-", i), LoadError: "no such file"},
		)
	}
	s.status.ReloadError, s.status.ReloadFailed, s.status.Version = evil, noon.Add(-time.Minute), "1.2.3"
	s.status.VantageBlocked, s.status.SelfTestFailed = true, true
	s.status.Warnings = []string{"exports/contoso/x.json: skipped" + evil}
	s.attributions(evil)
	return s
}

// attributions adds a sender that is attributed rightly, one that is fragile and one that is ambiguous.
func (s *testSite) attributions(peer string) {
	a := s.snapshot.Report
	a.Attributions = map[probes.PathID][]mailflow.Attribution{}
	a.Clients = map[probes.PathID]*probes.TLS{}
	for i, name := range []string{"edge-1", "printer", "gateway" + peer} {
		id := probes.PathID{Tenant: "contoso", Direction: mailflow.Inbound, Connector: "From on-premises", Path: name}
		s.snapshot.Paths = append(s.snapshot.Paths, state(id, probes.TLSStage, passed))
		one := mailflow.Attribution{
			Message: mailflow.InboundMessage{
				Address: netip.MustParseAddr("198.51.100.10"), MailFrom: "contoso.com", RcptTo: "elsewhere.example",
				Certificate: &mailflow.ClientCertificate{CommonName: "edge-1.contoso.com" + peer},
			},
			Tenants: []string{"contoso"}, Connector: "From on-premises", Basis: mailflow.BasisCertificate, Relay: true,
			Trace: []string{"The certificate edge-1.contoso.com matches TlsSenderCertificateName *.contoso.com." + peer},
		}
		switch i {
		case 1:
			one.Risk = "It matches by an address that fabrikam uses too." + peer
			one.Basis = mailflow.BasisMailFrom
			one.Uncertain = []string{"The order is not documented." + peer}
		case 2:
			one.Tenants = []string{"contoso", "fabrikam" + peer}
			one.Connector = ""
			one.Reply = "550 5.7.64 TenantAttribution; Relay Access Denied" + peer
		}
		null := one
		null.Message.MailFrom = ""
		a.Attributions[id] = []mailflow.Attribution{one, null}
		a.Clients[id] = &probes.TLS{Chain: []*probes.Certificate{{Subject: "edge-1" + peer, NotAfter: noon}}}
	}
	a.Overlaps = []mailflow.Overlap{{
		Kind: mailflow.OverlapAddress, Tenant: "contoso", Connector: "From on-premises", Sender: "printer",
		Value: "198.51.100.0/28" + peer, Count: 20,
		Others: []mailflow.OverlapPeer{{Tenant: "fabrikam" + peer, Connector: "Relay", Value: "198.51.100.10/32"}},
	}}
	a.Findings = append(a.Findings, check.Finding{
		Key: check.Key{
			Code: "smart_hosts_ignored",
			Subject: check.Subject{
				Tenant: "contoso", Direction: mailflow.Inbound, Connector: "From on-premises", Path: "printer",
			},
		},
		Severity: check.Warning, Evidence: []string{"One thing.", "Another."}, Since: noon.Add(-50 * time.Hour),
	})
}

// crawl reads a page and everything it links to, once each.
func crawl(t *testing.T, h http.Handler, start string) map[string]*html.Node {
	t.Helper()
	pages := map[string]*html.Node{}
	for queue := []string{start}; len(queue) > 0; queue = queue[1:] {
		address := queue[0]
		if _, done := pages[address]; done {
			continue
		}
		w := get(h, address)
		if w.Code != 200 {
			t.Errorf("%s: %d %s", address, w.Code, w.Body)
		}
		pages[address] = nil
		if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			continue
		}
		const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; " +
			"frame-ancestors 'none'"
		got := w.Header().Get("Content-Security-Policy")
		report := strings.Contains(address, "/report/") && strings.Contains(got, "style-src 'sha256-")
		if got != policy && !report {
			t.Errorf("%s: policy %q", address, got)
		}
		page, err := html.Parse(strings.NewReader(w.Body.String()))
		if err != nil {
			t.Fatal(err)
		}
		pages[address] = page
		base, _ := url.Parse(address)
		for n := range page.Descendants() {
			for _, a := range n.Attr {
				if a.Key == "href" || a.Key == "src" || a.Key == "action" {
					link, err := base.Parse(a.Val)
					if err != nil || link.Host != "" || link.Scheme != "" {
						t.Errorf("%s: link %q leads away (%v)", address, a.Val, err)
						continue
					}
					if link.Fragment != "" && link.Path == base.Path && link.RawQuery == base.RawQuery && !hasID(page, link.Fragment) {
						t.Errorf("%s: no place %q", address, link.Fragment)
					}
					if link.Fragment = ""; !strings.HasSuffix(link.Path, "/metrics") {
						queue = append(queue, link.String())
					}
				}
			}
		}
	}
	return pages
}

func hasID(page *html.Node, id string) bool {
	for n := range page.Descendants() {
		for _, a := range n.Attr {
			if a.Key == "id" && a.Val == id {
				return true
			}
		}
	}
	return false
}

// TestPagesAreHarmless follows every link from the status page, with a peer that is hostile wherever it can be.
func TestPagesAreHarmless(t *testing.T) {
	for _, prefix := range []string{"", "/m365"} {
		s := gallery()
		s.prefix = prefix
		pages := crawl(t, s.handler(), prefix+"/")
		if len(pages) < 30 {
			t.Errorf("only %d pages", len(pages))
		}
		for address, page := range pages {
			if page == nil {
				continue
			}
			seen := map[string]bool{}
			for n := range page.Descendants() {
				if strings.ContainsAny(n.Data, "\x1b\x00\x07\u202e") || n.Data == "script" ||
					n.Data == "style" && !strings.Contains(address, "/report/") ||
					n.Data == "iframe" || n.Data == "b" && n.Attr != nil {
					t.Errorf("%s holds %q", address, n.Data)
				}
				for _, a := range n.Attr {
					if strings.HasPrefix(a.Key, "on") || a.Key == "style" || strings.ContainsAny(a.Val, "\x1b\x00\x07\u202e") {
						t.Errorf("%s holds %s=%q", address, a.Key, a.Val)
					}
					if a.Key == "id" && seen[a.Val] {
						t.Errorf("%s has two places %q", address, a.Val)
					}
					seen[a.Val] = seen[a.Val] || a.Key == "id"
				}
			}
		}
	}
}

func TestPagesShow(t *testing.T) {
	h := gallery().handler()
	for _, c := range []struct {
		url      string
		contains []string
	}{
		{"/", []string{
			"2 of 11 paths fail, 1 is inconclusive. One critical finding needs attention.", "The configuration did not reload",
			"60 s ago",
			"This host seems unable to connect to any mail server", "self-test fails", "Not every tenant is loaded",
			"and 3 more", "&lt;script&gt;alert(1)",
			"1 warning about the configuration and the exports", "exports/contoso/x.json: skipped",
			"A connector that does not use the MX record has no smart host", "UNCERTAIN", "began <time", "2 days ago",
			"1 suppressed finding",
			`<a href="path?target=contoso%2foutbound%2fBoth%252Fways%2520100%2525%2fmail.contoso.com#e0">`,
			"Only the 9 tenants configured here can be compared", `<meta http-equiv="refresh" content="30">`, "1.2.3",
			"Not probed: the connector has no smart host.", "SMTP EHLO", "Test message (envelope)",
		}},
		{"/?refresh=off&state=failed", []string{"Close and resume", "2 paths shown"}},
		{"/?q=NOBODY", []string{"No path matches.", "No finding matches."}},
		{"/path?target=outbound/outbound/outbound/x", []string{
			"<bdi>outbound</bdi> › <bdi>x</bdi> fails at TLS", "550 5.1.1 &lt;a***@contoso.com&gt; unknown", "Remedy",
			"Newest round", "a***@contoso.com", "has not passed since this exporter started",
		}},
		{
			"/path?target=contoso/fresh/fresh.contoso.com",
			[]string{"is not probed", "the connector is disabled", "No round has ended yet."},
		},
		{"/path?target=fabrikam/new/new.fabrikam.com", []string{"is inconclusive at TLS", "greylisting"}},
		{
			"/path?target=contoso/inbound/From%2520on-premises/printer",
			[]string{
				"Certificate that this sender presents to Exchange Online", "0 s left of", `href="attribution?tenant=contoso`,
			},
		},
		{"/attribution", []string{
			"1 of 3 senders is not reliably attributed to its own tenant", "Ambiguous: matches contoso, fabrikam",
			"&lt;&gt; (null sender)", "fragile", "Shared between tenants",
			"20 other tenants", "550 5.7.64 TenantAttribution", "matches TlsSenderCertificateName",
		}},
		{"/attribution?q=edge-1", []string{"The only sender is attributed to its own tenant."}},
		{
			"/reference",
			[]string{
				"raise <code>min_gap_per_address</code>", "<strong>If the server refuses the name in EHLO:</strong>",
				`id="check-smart_hosts_missing"`, `id="reason-certificate_expired"`,
				`id="stage-ehlo"`,
			},
		},
	} {
		body := get(h, c.url).Body.String()
		for _, want := range c.contains {
			if !strings.Contains(body, want) {
				t.Errorf("%s does not contain %q", c.url, want)
			}
		}
		if strings.Contains(body, "anna@") {
			t.Errorf("%s names a mailbox", c.url)
		}
	}
}
