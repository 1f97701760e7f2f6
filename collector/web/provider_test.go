package web_test

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// provider is a service provider's exporter: every path has two endpoints that show a certificate, one path in 20 fails
// for a cause of its own, one in 12 goes through a gateway that is down, and each tenant has two findings.
func provider(tenants, paths int) *testSite {
	s := &testSite{}
	s.snapshot.Report = &evaluate.Report{At: noon}
	severities := []check.Severity{check.Critical, check.Warning, check.Info, check.Info}
	for t := range tenants {
		name := fmt.Sprintf("customer-%05d", t)
		s.snapshot.Tenants = append(s.snapshot.Tenants, mailflow.Tenant{Name: name})
		for _, f := range []check.Finding{
			{Key: check.Key{Code: "tls_opportunistic"}, Severity: check.Warning},
			{Key: check.Key{Code: "certificate_expires_soon"}, Severity: severities[t%4]},
		} {
			f.Subject = check.Subject(outbound(name, "To on-premises", "mail."+name+".example"))
			f.Since = noon.Add(-time.Duration(t) * time.Hour)
			f.Evidence = []string{"mail." + name + ".example (192.0.2.1): the certificate for mail is valid until 2026-12-04."}
			s.snapshot.Report.Findings = append(s.snapshot.Report.Findings, f)
		}
	}
	slices.SortStableFunc(s.snapshot.Report.Findings, func(a, b check.Finding) int {
		return cmp.Compare(b.Severity, a.Severity) // as check.Run does
	})
	for n := range paths {
		s.snapshot.Paths = append(s.snapshot.Paths, providerPath(n, tenants))
	}
	return s
}

func providerPath(n, tenants int) *collector.PathState {
	tenant := fmt.Sprintf("customer-%05d", n%tenants)
	connector, host := "To on-premises", fmt.Sprintf("mail.%s.example", tenant)
	if n >= tenants {
		connector, host = fmt.Sprintf("To site %d", n/tenants), fmt.Sprintf("mail%d.%s.example", n/tenants, tenant)
	}
	step := passed
	switch {
	case n%20 == 3:
		step = failed
	case n%12 == 5:
		host = "gateway.provider.example"
		step = probes.NewStep(probes.ReasonConnectTimeout, "dial tcp 192.0.2.1:25: i/o timeout")
	}
	p := state(outbound(tenant, connector, host), probes.TLSStage, step)
	second := p.Latest.Endpoints[0]
	second.Addr = netip.MustParseAddrPort("192.0.2.2:25")
	p.Latest.Endpoints = append(p.Latest.Endpoints, second)
	for i := range p.Latest.Endpoints {
		e := &p.Latest.Endpoints[i]
		e.TLS = &probes.TLS{Version: "TLS 1.3", Stores: storesOf(n), Chain: []*probes.Certificate{{
			Subject: host, Issuer: "Public CA", DNSNames: []string{host}, Fingerprint: fmt.Sprintf("%064x", n), Serial: "01",
			NotBefore: noon.AddDate(0, -2, 0), NotAfter: noon.AddDate(0, 0, 3+n%200),
		}}}
		p.Endpoints = append(p.Endpoints, check.Endpoint{
			Host: e.Host, Address: e.Addr.Addr().String(), Verdict: e.Outcome(probes.TLSStage), TLS: e.TLS,
		})
	}
	return p
}

// storesOf are the verdicts of every store that there can be on the n-th certificate.
func storesOf(n int) []probes.StoreVerdict {
	return []probes.StoreVerdict{
		{Store: probes.StoreMozilla, Outcome: probes.Passed},
		{Store: probes.StoreGlobalRootG2, Outcome: probes.Failed},
		{Store: "exchange_2016", Outcome: probes.Outcome(n % 3)},
		{Store: "partner", Outcome: probes.Passed},
	}
}

// TestPagesOfAProvider holds the sizes and times that docs/performance.md promises.
func TestPagesOfAProvider(t *testing.T) {
	sites := map[int]http.Handler{}
	for _, c := range []struct {
		tenants, paths int
		url            string
		kB             int
		time           time.Duration
	}{
		{300, 742, "/", 150, 50 * time.Millisecond},
		{300, 742, "/?refresh=off", 150, 50 * time.Millisecond},
		{300, 742, "/tenants", 150, 50 * time.Millisecond},
		{300, 742, "/findings", 150, 50 * time.Millisecond},
		{300, 742, "/certificates", 150, 50 * time.Millisecond},
		{300, 742, "/tenant/customer-00003", 150, 50 * time.Millisecond},
		{4000, 10_000, "/", 300, 200 * time.Millisecond},
		{4000, 10_000, "/?state=failed", 300, 200 * time.Millisecond},
		{4000, 10_000, "/tenants", 300, 200 * time.Millisecond},
		{4000, 10_000, "/findings", 300, 200 * time.Millisecond},
		{4000, 10_000, "/certificates", 300, 200 * time.Millisecond},
	} {
		h := sites[c.paths]
		if h == nil {
			h = provider(c.tenants, c.paths).handler()
			sites[c.paths] = h
		}
		best, size := time.Hour, 0
		for range 3 {
			began := processor()
			w := get(h, c.url)
			best = min(best, processor()-began)
			if size = w.Body.Len(); w.Code != 200 {
				t.Fatalf("%s: %d %s", c.url, w.Code, w.Body)
			}
		}
		t.Logf("%d tenants, %d paths, %s: %d kB, %s of the processor", c.tenants, c.paths, c.url, size/1000, best)
		if size > c.kB*1000 || best > c.time*slow {
			t.Errorf("%d tenants, %d paths, %s: %d kB, want at most %d; %s, want at most %s", c.tenants, c.paths, c.url,
				size/1000, c.kB, best, c.time)
		}
	}
}

// TestOneCauseIsOneProblem: a gateway that is down is one card, whatever the number of paths through it.
func TestOneCauseIsOneProblem(t *testing.T) {
	body := get(provider(300, 742).handler(), "/").Body.String()
	for _, want := range []string{
		"mx.gateway.provider.example [192.0.2.1]</bdi>: ",
		`<a href="./?q=mx.gateway.provider.example&amp;state=failed#paths">and 56 more</a>`,
		"Tenants", `href="tenants?"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not contain %q", want)
		}
	}
	if n := strings.Count(body, "mx.gateway.provider.example [192.0.2.1]</bdi>: "); n != 1 {
		t.Errorf("%d cards for one gateway", n)
	}
}

// TestTenantsAreListedWorstFirst: failing paths, then critical findings, then what expires.
func TestTenantsAreListedWorstFirst(t *testing.T) {
	body := get(provider(10, 10).handler(), "/tenants").Body.String()
	var order []string
	for _, part := range strings.Split(body, `<a href="tenant/`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		order = append(order, strings.TrimPrefix(name, "customer-0000"))
	}
	if got := strings.Join(order, " "); got != "5 3 0 4 8 1 9 2 6 7" {
		t.Errorf("order %s", got)
	}
}
