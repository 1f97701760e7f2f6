package web_test

import (
	"strings"
	"testing"

	"m365_connector_exporter/probes"
)

func TestWhoTrustsWhom(t *testing.T) {
	s := provider(1, 1)
	for i := range s.snapshot.Paths[0].Endpoints {
		e := &s.snapshot.Paths[0].Endpoints[i]
		shown := *e.TLS
		shown.Verdicts[probes.VerdictTrust].Outcome = probes.Passed
		shown.Stores = []probes.StoreVerdict{
			{Store: probes.StoreMozilla, Outcome: probes.Passed},
			{Store: probes.StoreGlobalRootG2, Outcome: probes.Failed},
			{Store: "exchange_2016"},
		}
		if i == 1 { // a server that does not send its intermediate certificates
			shown.Verdicts[probes.VerdictTrust].Outcome = probes.NotReached
			shown.Verdicts[probes.VerdictChain].Outcome = probes.Failed
			shown.Stores = append([]probes.StoreVerdict{{Store: probes.StoreMozilla, Outcome: probes.Failed}},
				shown.Stores[1:]...)
		}
		e.TLS = &shown
	}
	h := s.handler()
	contains(t, h, "/certificates", "Who trusts whom", `<th scope="col">exchange_2016</th>`,
		"Not trusted, of 1 certificate: system 1, mozilla 1, digicert_global_root_g2 1, exchange_2016 0.",
		`<td data-name="system">no</td><td data-name="mozilla">no</td>`+
			`<td data-name="digicert_global_root_g2">no</td>`+
			`<td data-name="exchange_2016"><span class="quiet">not judged</span></td>`)
	s.snapshot.Paths[0].Endpoints = s.snapshot.Paths[0].Endpoints[:1]
	contains(t, h, "/certificates", `<td data-name="system">yes</td><td data-name="mozilla">yes</td>`)
	shown := s.snapshot.Paths[0].Endpoints[0].TLS
	shown.Stores = append([]probes.StoreVerdict{{Store: probes.StoreSystem, Outcome: probes.Failed}}, shown.Stores...)
	contains(t, h, "/certificates", `<td data-name="ca_file">yes</td><td data-name="system">no</td>`)
	shown.Stores = nil
	if strings.Contains(get(h, "/certificates").Body.String(), "Who trusts whom") {
		t.Error("a table without stores")
	}
}
