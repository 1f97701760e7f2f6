package web_test

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/web"
	"m365_connector_exporter/probes/mailflow"
)

func TestReportOfOneTenantNamesNoOther(t *testing.T) {
	s := gallery()
	w := get(s.handler(), "/report/contoso")
	body := w.Body.String()
	if w.Code != 200 || !strings.Contains(body, "Exchange Online connectors of contoso") ||
		!strings.Contains(body, "edge-1") || !strings.Contains(body, "Both/ways 100%") {
		t.Errorf("%d %s", w.Code, body)
	}
	for _, other := range []string{"fabrikam", "evil", "missing-1"} {
		// names of the tenant's own peers contain markup too, but no other tenant
		if strings.Contains(body, "<bdi>"+other) {
			t.Errorf("the report names %s", other)
		}
	}
}

// TestReportIsOneHarmlessFile: no script, no link to anything else, and a policy that its own style sheet meets.
func TestReportIsOneHarmlessFile(t *testing.T) {
	s := gallery()
	var b strings.Builder
	err := web.WriteReport(&b, web.Document{
		Snapshot: &s.snapshot, Findings: s.snapshot.Report.Findings, Now: noon, Version: "1.2.3",
	})
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\x00\x07\u202e") {
		t.Error("unescaped text of a peer")
	}
	page, err := html.Parse(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	for n := range page.Descendants() {
		if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "link" || n.Data == "a" || n.Data == "img") {
			t.Errorf("the report has an element %s", n.Data)
		}
		for _, a := range n.Attr {
			if a.Key == "content" && strings.HasPrefix(a.Val, "default-src") && !strings.Contains(a.Val, "'sha256-") {
				t.Errorf("policy %q", a.Val)
			}
		}
	}
	for _, want := range []string{"Tenants", "Suppressed", "certificate", "fabrikam", "m365_connector_exporter 1.2.3"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in the report", want)
		}
	}
}

// TestReportWithoutProbes is what audit prints.
func TestReportWithoutProbes(t *testing.T) {
	var b strings.Builder
	err := web.WriteReport(&b, web.Document{
		Tenant: "contoso", Now: noon, Snapshot: &collector.Snapshot{Tenants: []mailflow.Tenant{{Name: "contoso"}}},
		Findings: []check.Finding{{
			Key:      check.Key{Code: "smart_hosts_missing", Subject: check.Subject{Tenant: "contoso", Connector: "c"}},
			Severity: check.Critical, Evidence: []string{"It has none."}, Since: noon.Add(-time.Hour),
		}},
	})
	if err != nil || !strings.Contains(b.String(), "Nothing was probed") || !strings.Contains(b.String(), "It has none.") {
		t.Errorf("%v %s", err, b.String())
	}
}

func TestUnknownTenantHasNoReport(t *testing.T) {
	h := bench().handler()
	for url, code := range map[string]int{
		"/report/nobody": 404, "/report/contoso?x=1": 400, "/report/": 404, "/report/fabrikam": 200,
	} {
		if w := get(h, url); w.Code != code {
			t.Errorf("%s: %d, want %d", url, w.Code, code)
		}
	}
}
