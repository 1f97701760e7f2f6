package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/tlsrpt"
)

func report(domain, signer string, failures ...tlsrpt.Failure) tlsrpt.Summary {
	return tlsrpt.Summary{
		Domain: domain, Signer: signer, Start: noon.Add(-36 * time.Hour), End: noon.Add(-12 * time.Hour), Succeeded: 9,
		Failures: failures,
	}
}

func TestTLSReportsOfAPage(t *testing.T) {
	s := gallery()
	s.snapshot.Tenants = []mailflow.Tenant{
		{Name: "contoso", AcceptedDomains: []mailflow.AcceptedDomain{{Name: "Contoso.com"}}},
		{Name: "fabrikam", AcceptedDomains: []mailflow.AcceptedDomain{{Name: "fabrikam.com"}}},
	}
	body := func(url string) string {
		t.Helper()
		w := get(s.handler(), url)
		if w.Code != 200 || strings.Contains(w.Body.String(), evil) {
			t.Errorf("%s: status %d, or unescaped text: %s", url, w.Code, w.Body)
		}
		return strings.ReplaceAll(w.Body.String(), "<wbr>", "")
	}
	if strings.Contains(body("/round-trips"), "TLS reports") {
		t.Error("a section without a report")
	}
	s.reports = []tlsrpt.Summary{
		report("contoso.com", "example.net"+evil),
		report("fabrikam.com", "microsoft.com", tlsrpt.Failure{
			Policy: "sts", Result: "certificate-expired", Host: "mx" + evil, Sessions: 3,
		}),
		report("of.nobody.example", "microsoft.com"),
	}
	page := body("/round-trips")
	for _, want := range []string{
		"TLS reports", "certificate-expired: 3 sessions at mx", "policy sts. Renew", "and 9 succeeded",
		`<tr class="warning">`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("without %q: %s", want, page)
		}
	}
	failing, good := strings.Index(page, "fabrikam.com"), strings.Index(page, "contoso.com</bdi>")
	if failing < 0 || good < failing || strings.Contains(page, "of.nobody.example") {
		t.Errorf("failures are not first, or a domain of no tenant is shown: %s", page)
	}
	for url, want := range map[string]string{
		"/round-trips?tenant=contoso": "contoso.com", "/round-trips?q=FABRIKAM.com": "fabrikam.com",
	} {
		if n := strings.Count(body(url), "<bdi>"+want+"</bdi>"); n != 1 {
			t.Errorf("%s: %s is shown %d times", url, want, n)
		}
	}
	if strings.Contains(body("/round-trips?tenant=contoso"), "fabrikam.com") {
		t.Error("a tenant's page shows the domain of another one")
	}
}

func TestTLSReportsOfAPageAreBounded(t *testing.T) {
	s := gallery()
	s.snapshot.Tenants = []mailflow.Tenant{{AcceptedDomains: []mailflow.AcceptedDomain{{Name: "contoso.com"}}}}
	for i := range 150 {
		s.reports = append(s.reports, report("contoso.com", fmt.Sprintf("s%d.example", i)))
	}
	page := get(s.handler(), "/round-trips").Body.String()
	if n := strings.Count(page, "and 9 succeeded"); n != 100 || !strings.Contains(page, "and 50 more") {
		t.Errorf("%d reports, want 100 and 50 more", n)
	}
}
