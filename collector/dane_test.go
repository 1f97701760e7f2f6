package collector_test

import (
	"testing"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
)

// TestDANEOfAnEndpointOverRounds: the last comparison holds while nothing new is learned.
func TestDANEOfAnEndpointOverRounds(t *testing.T) {
	p := path("c", "h")
	showing := func(d *probes.DANE) probes.Endpoint {
		e := healthy("h", "192.0.2.1")
		e.DANE = d
		return e
	}
	st := collector.NewStore(time.Now)
	st.SetInventory(nil, []probes.Path{p})
	for i, s := range []struct {
		name        string
		endpoint    probes.Endpoint
		provisional bool
		want        probes.DANEStatus
	}{
		{"match", showing(&probes.DANE{Status: probes.DANEMatch}), false, probes.DANEMatch},
		{"records cannot be looked up", showing(&probes.DANE{Detail: "timeout"}), false, probes.DANEMatch},
		{"refused", endpoint("h", "192.0.2.1", passed(0), problem(probes.ReasonConnectRefused)), false, probes.DANEMatch},
		{"provisional", showing(&probes.DANE{Status: probes.DANEMismatch}), true, probes.DANEMatch},
		{"mismatch", showing(&probes.DANE{Status: probes.DANEMismatch}), false, probes.DANEMismatch},
		{"no validating resolver any more", showing(nil), false, ""},
	} {
		r := round(p, noon.Add(time.Duration(i)*time.Minute), s.endpoint)
		r.Provisional = s.provisional
		st.Record(r)
		var got probes.DANEStatus
		if d := st.Snapshot().Paths[0].Endpoints[0].DANE; d != nil {
			got = d.Status
		}
		if got != s.want {
			t.Errorf("%s: %q, want %q", s.name, got, s.want)
		}
	}
}
