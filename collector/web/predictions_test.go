package web_test

import (
	"net/url"
	"strings"
	"testing"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
)

// TestPredictionsOnThePathPage: what Exchange Online would do, why, and what each endpoint's certificate matches.
func TestPredictionsOnThePathPage(t *testing.T) {
	s := full()
	p := s.snapshot.Paths[0]
	p.Path.DANE = true
	e := &p.Latest.Endpoints[0]
	e.DANE = &probes.DANE{Status: probes.DANEMismatch, TLS: true, Total: 1, Records: []string{evil}, Detail: evil}
	page := func() string {
		return get(s.handler(), "/path?target="+url.QueryEscape(p.Path.ID.String())).Body.String()
	}
	if body := page(); !strings.Contains(body, "unknown") || !strings.Contains(body, "probe.dnssec") {
		t.Error("without a prediction, the page does not say that nothing is known of DANE")
	}
	s.snapshot.Report.Predictions = []check.Prediction{{
		Path: p.Path.ID, Mechanism: check.MechanismDANE, Delivery: check.DeliveryQueue, Code: "5.7.323",
		Reason: "tlsa_mismatch", Evidence: []string{"SmtpDaneMode is Mandatory", evil}, Uncertain: check.UncertainDANE,
	}}
	body := page()
	for _, want := range []string{
		"What Exchange Online would do", "4.7.323, then 5.7.323", "no mail server matches its TLSA records",
		"SmtpDaneMode is Mandatory", "does not document whether Exchange Online applies DANE",
		"the certificate matches no TLSA record",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(body, "<script>alert") || strings.Contains(body, "probe.dnssec") {
		t.Error("the page has markup of a server, or says that nothing is known")
	}
	api := get(s.handler(), "/api/v1/paths").Body.String()
	if !strings.Contains(api, `"mechanism":"dane","outcome":"queue"`) ||
		!strings.Contains(api, `"dane":{"status":"mismatch","tls":true`) {
		t.Error("/api/v1/paths lacks the prediction or the comparison")
	}
}
