package web_test

import (
	"strings"
	"testing"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
)

// overdueSite has a path with two hosts, of which one has not renewed its certificate when it usually does.
func overdueSite() *testSite {
	s := provider(1, 2)
	p := s.snapshot.Paths[0]
	p.Endpoints[1].Host = "other.example"
	late := p.Endpoints[0].TLS.Chain[0]
	late.NotBefore, late.NotAfter = noon.AddDate(0, 0, -66), noon.AddDate(0, 0, 24)
	for _, began := range []int{-186, -126} {
		old := check.Leaf{
			Fingerprint: "old", Issuer: late.Issuer,
			NotBefore: noon.AddDate(0, 0, began), NotAfter: noon.AddDate(0, 0, began+90),
		}
		p.Renewals = append(p.Renewals, check.Renewal{
			Host: p.Endpoints[0].Host, Address: p.Endpoints[0].Address, At: old.NotBefore.AddDate(0, 0, 60), Old: old,
		})
	}
	s.snapshot.Report.Findings = []check.Finding{{
		Key:      check.Key{Code: "renewal_overdue", Subject: check.Subject(p.Path.ID)},
		Severity: check.Warning,
	}}
	return s
}

func TestOverdueRenewalColorsItsRowAndThePage(t *testing.T) {
	s := overdueSite()
	for _, page := range []string{"/certificates", "/tenant/customer-00000", "/report/customer-00000"} {
		body := get(s.handler(), page).Body.String()
		if n := strings.Count(body, "Renewal is overdue: it was due by 2026-11-23."); n != 1 {
			t.Errorf("%s marks %d certificates\n%s", page, n, body)
		}
	}
	contains(t, s.handler(), "/certificates", "2 certificates; 1 is overdue for renewal.",
		`<section class="hero warning">`, `<tr class="warning"><td class="num"><span class="expires ok"><b>24</b>`)
	s.snapshot.Report.Findings[0].Suppressed = &check.Suppression{Owner: "mail team"}
	contains(t, s.handler(), "/certificates", "2 certificates; none expires soon.")
}

func TestCertificatesNameAHostOnce(t *testing.T) {
	s := provider(1, 1)
	e := &s.snapshot.Paths[0].Endpoints[0]
	e.Host = s.snapshot.Paths[0].Path.ID.Path
	e.TLS = &probes.TLS{Chain: []*probes.Certificate{{Subject: "expired.example", NotAfter: noon.AddDate(0, 0, -1)}}}
	contains(t, s.handler(), "/certificates",
		`<bdi>mail.customer-00000.example</bdi></a> <span class="quiet">[192.0.2.1]</span>`, "<b>expired</b>",
		`<span class="quiet">mx.mail.customer-00000.example [192.0.2.2]</span>`)
}
