package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// contains fails the test for each text that the page at the address lacks.
func contains(t *testing.T, h http.Handler, url string, texts ...string) {
	t.Helper()
	w := get(h, url)
	for _, want := range texts {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s (%d) does not contain %q in\n%.6000s", url, w.Code, want, w.Body)
		}
	}
}

func TestTenantPageNamesNoOther(t *testing.T) {
	s := provider(3, 6)
	finding := check.Finding{
		Key: check.Key{
			Code: "accepted_domain_in_two_tenants", Subject: check.Subject{Tenant: "customer-00000"},
		},
		Severity: check.Critical, Evidence: []string{"shared.example is also an accepted domain of customer-00002."},
	}
	s.snapshot.Report.Findings = append(check.Run(&check.Facts{Now: noon, Tenants: []mailflow.Tenant{
		{Name: "customer-00000", AcceptedDomains: []mailflow.AcceptedDomain{{Name: "shared.example"}}},
		{Name: "customer-00002", AcceptedDomains: []mailflow.AcceptedDomain{{Name: "shared.example"}}},
	}}), s.snapshot.Report.Findings...)
	customer := mailflow.Tenant{
		Name: "customer-00000", Senders: []mailflow.Sender{{Name: "edge", Connector: "From servers"}},
	}
	other := mailflow.Attribution{Tenants: []string{"customer-00002"}}
	s.snapshot.Report.Tenants = []mailflow.Tenant{customer}
	s.snapshot.Report.Attributions = map[probes.PathID][]mailflow.Attribution{
		evaluate.SenderPath("customer-00000", &customer.Senders[0]): {other},
	}
	h := s.handler()
	contains(t, h, "/findings", finding.Evidence[0])
	for _, page := range []string{"/tenant/", "/report/"} {
		contains(t, h, page+"customer-00000", "<bdi>edge</bdi>", "is not reliably attributed to this tenant")
	}
	contains(t, h, "/tenant/customer-00000", "customer-00000</bdi>: ",
		"shared.example is also an accepted domain of another tenant.",
		"Printable report", "Certificates", `href="../path?target=customer-00000`)
	for _, page := range []string{"/tenant/", "/report/"} {
		body := get(h, page+"customer-00000").Body.String()
		if strings.Contains(body, "customer-00001") || strings.Contains(body, "customer-00002") {
			t.Errorf("%s names another tenant", page)
		}
	}
}

func TestAttributionForm(t *testing.T) {
	s := &testSite{}
	s.snapshot.Tenants = []mailflow.Tenant{{
		Name: "contoso", AcceptedDomains: []mailflow.AcceptedDomain{{Name: "contoso.com"}},
		Inbound: []mailflow.InboundConnector{{
			Common:                   mailflow.Common{Name: "From servers", Type: mailflow.OnPremises},
			TLSSenderCertificateName: "*.contoso.com", RequireTLS: mailflow.Yes, SenderDomains: []string{"*"},
		}},
	}}
	h := s.handler()
	contains(t, h, "/attribution", "Which tenant would a message be attributed to?")
	contains(t, h, "/attribution?ip=192.0.2.1&certificate-name=mail.contoso.com,x.example&mail-from=anna@contoso.com",
		"one tenant", "Attributed to contoso by certificate, through connector From servers", `value="anna@contoso.com"`)
	contains(t, h, "/attribution?mail-from=stranger.example", "no tenant", "Attributed to no configured tenant")
	contains(t, h, "/attribution?ip=here", "ip: &#34;here&#34; is not an IP address", `role="alert"`)
	contains(t, h, "/attribution?ip="+strings.Repeat("1", 600), "ip must not be longer than 512 bytes")
	contains(t, h, "/attribution?certificate-name="+strings.Repeat("a.example,", 21), "has 21 names; at most 20")
}

func TestReferenceIsSearchable(t *testing.T) {
	h := (&testSite{}).handler()
	contains(t, h, "/reference?q=5.7.64", `id="reason-tenant_attribution"`, "occurs in ", "Show all")
	body := get(h, "/reference?q=5.7.64").Body.String()
	if strings.Contains(body, `id="reason-nxdomain"`) || strings.Contains(body, `id="stage-ehlo"`) {
		t.Error("entries that do not match are shown")
	}
	contains(t, h, "/reference?q=ConnectorDown", `href="runbooks/M365ConnectorDown"`)
	if strings.Contains(body, `id="stages"`) {
		t.Error("a section without a result is shown")
	}
}

func TestProbeNowReturnsToThePage(t *testing.T) {
	s := bench()
	h := s.handler()
	recent := s.answer
	contains(t, h, "/path?target=outbound/outbound/x&probe=now", "Probe just now", `id="e0"`)
	if strings.Contains(get(h, "/path?target=outbound/outbound/x&probe=now").Body.String(), "Newest round") {
		t.Error("a probe that is the newest round is shown twice")
	}
	s.answer = func(ctx context.Context, p probes.Path) (probes.Result, error) {
		r, err := recent(ctx, p)
		r.Started = noon
		return r, err
	}
	s.probed = nil
	contains(t, h, "/path?target=outbound/outbound/x&probe=now", "Probe just now", "It sent no test message",
		"Newest round")
	if len(s.probed) != 1 || s.probed[0].Settings.Until > probes.Recipient {
		t.Errorf("probed %+v", s.probed)
	}
	for url, code := range map[string]int{
		"/path?target=outbound/outbound/x": 200, "/path?target=outbound/outbound/x&probe=later": 400,
		"/path?target=outbound/outbound/nowhere&probe=now": 404, "/path?target=x&probe=now": 400,
	} {
		if w := get(h, url); w.Code != code || strings.Contains(w.Body.String(), "Probe just now") {
			t.Errorf("%s: %d, want %d", url, w.Code, code)
		}
	}
	s.answer = func(context.Context, probes.Path) (probes.Result, error) {
		return probes.Result{}, errors.New("too many probes")
	}
	if w := get(h, "/path?target=outbound/outbound/x&probe=now"); w.Code != 503 {
		t.Errorf("a probe that is refused: %d", w.Code)
	}
}

// TestFailingEndpointsComeFirst: they are open, those that pass are folded, and the links of the grid still lead to
// them.
func TestFailingEndpointsComeFirst(t *testing.T) {
	p := state(outbound("contoso", "c", "h"), probes.TLSStage, passed)
	bad := p.Latest.Endpoints[0]
	bad.Host = "bad.contoso.com"
	bad.Steps[probes.TLSStage] = failed
	p.Latest.Endpoints = append(p.Latest.Endpoints, bad)
	h := (&testSite{snapshot: collector.Snapshot{Paths: []*collector.PathState{p}}}).handler()
	body := get(h, "/path?target=contoso/c/h").Body.String()
	first := strings.Index(body, `<details class="endpoint failed" open>`)
	second := strings.Index(body, `<details class="endpoint passed">`)
	if first < 0 || second < first || !strings.Contains(body, `<div id="e1" class="inside">`) {
		t.Errorf("the failing endpoint is at %d, the other at %d", first, second)
	}
}

func TestHistoryIsDrawn(t *testing.T) {
	p := state(outbound("contoso", "c", "h"), probes.TLSStage, passed)
	p.History = nil
	for n := range 3 {
		p.History = append(p.History, collector.Round{
			At: noon.Add(time.Duration(n-3) * time.Minute), Duration: time.Duration(n+1) * time.Second, Outcome: probes.Passed,
		})
	}
	p.History[1].Outcome, p.History[1].Stage = probes.Failed, probes.TLSStage
	p.History[1].Reason = probes.ReasonTLSHandshake
	p.Changes = []collector.VerdictChange{
		{At: noon.Add(-30 * time.Hour), Verdict: probes.Passed},
		{At: noon.Add(-6 * time.Hour), Verdict: probes.Failed},
		{At: noon.Add(-3 * time.Hour), Verdict: probes.Passed},
	}
	h := (&testSite{snapshot: collector.Snapshot{Paths: []*collector.PathState{p}}}).handler()
	contains(t, h, "/path?target=contoso/c/h", "Passed in the last 24 hours", "<b>87.50 %</b>", "<b>90.00 %</b>",
		"of the 30 h in which a verdict was known", `aria-label="The last 3 rounds: 2 passed, 1 failed, 0 inconclusive"`,
		"TLS: tls_handshake", `<polyline points="275,`, "3 rounds as a list", "failed for 3 h")
}

// TestPagesWithFieldsDoNotRefresh: what is being typed would be lost.
func TestPagesWithFieldsDoNotRefresh(t *testing.T) {
	h := gallery().handler()
	for _, url := range []string{
		"/", "/?refresh=off", "/?tenant=contoso", "/tenants", "/findings", "/certificates", "/tenant/contoso", "/attribution",
		"/reference", "/path?target=outbound/outbound/outbound/x",
	} {
		body := get(h, url).Body.String()
		if strings.Contains(body, `http-equiv="refresh"`) && strings.Contains(body, "<input") {
			t.Errorf("%s has a field and refreshes itself", url)
		}
	}
	contains(t, h, "/", `http-equiv="refresh"`, "Search and filter")
}

func TestExpiryColorsRowAndPage(t *testing.T) {
	s := provider(1, 1)
	s.snapshot.Report = evaluate.Evaluate(&evaluate.Inventory{Thresholds: check.Thresholds{
		WarningDays: 30, CriticalDays: 7, WarningRatio: 1, CriticalRatio: 1,
	}}, &evaluate.Snapshot{}, noon)
	s.snapshot.Paths[0].Path.TLSSettings = mailflow.CertificateValidation
	h := s.handler()
	contains(t, h, "/", `<section class="hero critical">`, `<span class="expires critical"`, "3 days",
		`<tr class="critical">`,
		"not reached: an earlier stage did not pass", "not part of the probe")
	contains(t, h, "/certificates", `<section class="hero critical">`, `<tr class="critical">`)
	contains(t, h, "/path?target=customer-00000/To%2520on-premises/mail.customer-00000.example",
		`<section class="hero critical">`)
}

func TestFindingsAreGroupedByCheck(t *testing.T) {
	s := provider(60, 60)
	h := s.handler()
	contains(t, h, "/findings", "Findings: 15 critical, 75 warning, 30 info.", "60 findings", "Page 1 of 3, 120 in all",
		"- check: certificate_expires_soon", `tenant: &#34;customer-00000&#34;`)
	body := get(h, "/findings").Body.String()
	if n := strings.Count(body, "<strong>Remedy</strong>"); n != 1 {
		t.Errorf("the remedy is shown %d times", n)
	}
	for page, want := range map[int]string{2: "customer-00059", 3: "Mail to your own servers may be sent unencrypted"} {
		contains(t, h, fmt.Sprintf("/findings?page=%d", page), want)
	}
	contains(t, h, "/findings?check=tls_opportunistic&severity=critical", "No finding matches.")
	contains(t, h, "/", "57 more</a>")
}
