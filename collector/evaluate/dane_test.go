package evaluate_test

import (
	"strings"
	"testing"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// server is an endpoint of fabrikam.com with what is known of its TLSA records; "" is an endpoint of which nothing is.
func server(host string, status probes.DANEStatus) check.Endpoint {
	e := check.Endpoint{Host: host, Address: "192.0.2.1", Verdict: probes.Passed}
	if status != "" {
		e.DANE = &probes.DANE{Status: status, TLS: true, Records: []string{"3 1 1 00"}, Total: 1, Matched: "3 1 1 00"}
	}
	return e
}

func with(e check.Endpoint, change func(e *check.Endpoint)) check.Endpoint {
	if e.DANE != nil {
		copied := *e.DANE
		e.DANE = &copied
	}
	change(&e)
	return e
}

func TestPredictionForDANE(t *testing.T) {
	match, mismatch := server("mx1", probes.DANEMatch), server("mx2", probes.DANEMismatch)
	none, unknown := server("mx3", probes.DANENone), server("mx4", "")
	expired := with(match, func(e *check.Endpoint) { e.DANE.Expired = true })
	bogusMX := with(server("fabrikam.com", probes.DANEBogus), func(e *check.Endpoint) { e.Address = "" })
	bogusHost := with(server("mx1", probes.DANEBogus), func(e *check.Endpoint) { e.Address = "" })
	clear := with(server("mx1", probes.DANEMismatch), func(e *check.Endpoint) { e.DANE.TLS = false })
	down := with(unknown, func(e *check.Endpoint) { e.Verdict = probes.Failed })
	oldLeaf := with(mismatch, func(e *check.Endpoint) {
		e.TLS = showing("mx2")
		e.TLS.Verdicts[probes.VerdictTime] = probes.Judgement{
			Outcome: probes.Failed, Reason: probes.ReasonCertificateExpired,
		}
	})
	var sixteen []check.Endpoint
	for range probes.MaxEndpoints {
		sixteen = append(sixteen, mismatch)
	}
	for name, c := range map[string]struct {
		mode      string
		endpoints []check.Endpoint
		kind      probes.NextHopKind
		want      string // outcome, code, and "uncertain"; "" for no prediction
		evidence  string
	}{
		"match": {
			"", []check.Endpoint{match}, probes.NextHopDomain, "deliver ", "matches the TLSA record 3 1 1",
		},
		"match, mandatory":    {"Mandatory", []check.Endpoint{match}, probes.NextHopDomain, "deliver ", "Mode is Mandatory"},
		"mismatch":            {"", []check.Endpoint{mismatch}, probes.NextHopDomain, "queue 5.7.323", "matches no TLSA"},
		"mismatch, mode None": {"None", []check.Endpoint{mismatch}, probes.NextHopDomain, "not_applicable ", "Mode is None"},
		"mode None, unknown":  {"None", nil, probes.NextHopSmartHost, "not_applicable ", ""},
		"unknown mode":        {"Sometimes", []check.Endpoint{match}, probes.NextHopDomain, "", ""},
		"no DANE":             {"", []check.Endpoint{none}, probes.NextHopDomain, "not_applicable ", "no TLSA records"},
		"no DANE, mandatory":  {"Mandatory", []check.Endpoint{none}, probes.NextHopDomain, "queue ", "no TLSA records"},
		"smart host":          {"", []check.Endpoint{mismatch}, probes.NextHopSmartHost, "queue 5.7.323 uncertain", ""},
		"no STARTTLS":         {"", []check.Endpoint{clear}, probes.NextHopDomain, "queue 5.7.321", "TLS fails"},
		"expired leaf":        {"", []check.Endpoint{oldLeaf}, probes.NextHopDomain, "queue 5.7.322", ""},
		"matches, expired":    {"", []check.Endpoint{expired}, probes.NextHopDomain, "deliver  uncertain", ""},
		"another is unknown":  {"", []check.Endpoint{mismatch, unknown}, probes.NextHopDomain, "", ""},
		"another is down":     {"", []check.Endpoint{mismatch, down}, probes.NextHopDomain, "queue 5.7.323", ""},
		"nothing is known":    {"Mandatory", []check.Endpoint{unknown}, probes.NextHopDomain, "", ""},
		"no endpoints":        {"Mandatory", nil, probes.NextHopDomain, "", ""},
		"MX is bogus now":     {"", []check.Endpoint{bogusMX, match}, probes.NextHopDomain, "queue 5.7.324", "signatures"},
		"a host is bogus now": {"", []check.Endpoint{bogusHost, match}, probes.NextHopDomain, "queue 5.7.324", ""},
		"more than are asked": {"", sixteen, probes.NextHopDomain, "", ""},
	} {
		tenant := contoso(mailflow.Sender{})
		tenant.Outbound = []mailflow.OutboundConnector{{Common: mailflow.Common{Name: "To"}, SMTPDANEMode: c.mode}}
		id := probes.PathID{Tenant: "contoso", Direction: mailflow.Outbound, Connector: "To", Path: "fabrikam.com"}
		snapshot := &evaluate.Snapshot{Paths: []check.Path{{
			Path: &probes.Path{ID: id, Kind: c.kind, NextHop: "fabrikam.com"}, Endpoints: c.endpoints,
		}}}
		report := evaluate.Evaluate(&evaluate.Inventory{Tenants: []mailflow.Tenant{tenant}}, snapshot, noon)
		var got, evidence string
		for _, p := range report.Predictions {
			if p.Mechanism != check.MechanismDANE {
				continue
			}
			if got, evidence = string(p.Delivery)+" "+p.Code, strings.Join(p.Evidence, "; "); p.Uncertain != "" {
				got += " uncertain"
			}
			if len(p.Evidence) > 8 {
				t.Errorf("%s: %d lines of evidence", name, len(p.Evidence))
			}
		}
		if got != c.want || !strings.Contains(evidence, c.evidence) {
			t.Errorf("%s: %q, %q; want %q, %q", name, got, evidence, c.want, c.evidence)
		}
	}
}
