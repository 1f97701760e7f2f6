package collector_test

import (
	"fmt"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// fullest is an endpoint of which everything is known that can be: each verdict on a server's certificate, and a
// reply.
func fullest(failing probes.Stage) probes.Endpoint {
	e := healthy("h", "192.0.2.1")
	for s := range failing {
		e.Steps[s] = passed(time.Millisecond)
	}
	if failing < probes.NumStages {
		e.Steps[failing] = problem(probes.ReasonRecipientRejected)
		e.Steps[failing].Reply = probes.Reply{Code: 550, Enhanced: "5.1.1"}
	}
	for v := probes.VerdictTime; v <= probes.VerdictRevocation; v++ {
		e.TLS.Verdicts[v].Outcome = probes.Passed
	}
	e.TLS.Stores = nil
	for n := range 2 + probes.MaxNamedStores {
		e.TLS.Stores = append(e.TLS.Stores, probes.StoreVerdict{Store: fmt.Sprint(n), Outcome: probes.Passed})
	}
	return e
}

func hidden(e probes.Endpoint) probes.Endpoint {
	e.HideAddress = true
	return e
}

// budget is the most series of each kind. A host's resolve stage belongs to no endpoint but to the one whose address
// is hidden.
var budget = map[string]int{"endpoint": 32, "host": 32, "path": 16, "connector": 8}

func TestSeriesStayWithinTheBudget(t *testing.T) {
	for _, c := range []struct {
		name     string
		endpoint probes.Endpoint
		until    probes.Stage
		d        mailflow.Direction
	}{
		{"tls passed", fullest(probes.Recipient), probes.TLSStage, mailflow.Outbound},
		{"recipient refused", fullest(probes.Recipient), probes.Recipient, mailflow.Outbound},
		{"message passed", fullest(probes.NumStages), probes.Message, mailflow.Outbound},
		{"message refused", fullest(probes.Message), probes.Message, mailflow.Outbound},
		{"message refused by Exchange Online", hidden(fullest(probes.Message)), probes.Message, mailflow.Outbound},
		{"a sender's recipient refused", hidden(fullest(probes.Recipient)), probes.Recipient, mailflow.Inbound},
	} {
		p := path("c", "h")
		p.ID.Direction, p.Settings.Until = c.d, c.until
		s := collector.NewStore(func() time.Time { return noon })
		s.SetInventory([]mailflow.Tenant{{Name: "contoso", InventoryTime: noon, Outbound: []mailflow.OutboundConnector{{
			Common:         mailflow.Common{Name: "c", Enabled: mailflow.Yes, WhenChanged: noon},
			IsValidated:    mailflow.Yes,
			LastValidation: noon,
		}}}}, []probes.Path{p})
		first := healthy("h", "192.0.2.1")
		first.HideAddress = c.endpoint.HideAddress
		s.Record(round(p, noon, first)) // for the time of the last success
		s.Record(round(p, noon, c.endpoint))
		if c.d == mailflow.Inbound {
			s.SetReport(&evaluate.Report{Attributions: map[probes.PathID][]mailflow.Attribution{p.ID: {
				{
					Message: mailflow.InboundMessage{MailFrom: "contoso.com"},
					Tenants: []string{"contoso"}, Connector: "c", Basis: mailflow.BasisCertificate,
				},
			}}})
		}
		families, err := collector.NewGatherer(nil, nil, s, s.ReportMetrics()).Gather()
		if err != nil {
			t.Fatal(err)
		}
		count := map[string]int{}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				count[kindOf(m)]++
			}
		}
		for kind, limit := range budget {
			if count[kind] > limit {
				t.Errorf("%s: %d series of one %s, want at most %d", c.name, count[kind], kind, limit)
			}
		}
	}
}

// kindOf returns what a series is about.
func kindOf(m *dto.Metric) string {
	kind := "tenant"
	for _, l := range m.GetLabel() { // sorted by name, so that connector comes first and path last
		switch {
		case l.GetName() == "address" && l.GetValue() == "":
			return "host"
		case l.GetName() == "address":
			return "endpoint"
		case l.GetName() == "connector", l.GetName() == "path":
			kind = l.GetName()
		}
	}
	return kind
}
