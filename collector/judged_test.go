package collector_test

import (
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/internal/golden"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// TestJudgedSeries draws one analysis: findings with zeros, suppressed ones apart, addresses shared, attributions, and the sender's
// certificate.
func TestJudgedSeries(t *testing.T) {
	from := func(tenant string) probes.PathID {
		return probes.PathID{Tenant: tenant, Direction: mailflow.Inbound, Connector: "From", Path: "edge"}
	}
	client := &probes.TLS{Chain: []*probes.Certificate{{
		Subject: "mail.contoso.com", CommonName: "mail.contoso.com", DNSNames: []string{"contoso.com", "*.other.com"}, NotAfter: noon, NotBefore: noon, Serial: "1",
	}}}
	client.Verdicts[probes.VerdictClientAuth].Outcome = probes.Failed
	f := &check.Facts{
		Now: noon,
		Tenants: []mailflow.Tenant{
			{
				Name: "contoso", AcceptedDomains: []mailflow.AcceptedDomain{{Name: "contoso.com"}},
				Outbound: []mailflow.OutboundConnector{{Common: mailflow.Common{Name: "To"}, UseMXRecord: mailflow.No}},
				Inbound:  []mailflow.InboundConnector{{Common: mailflow.Common{Name: "From"}}}, Senders: []mailflow.Sender{{Name: "edge", Connector: "From"}},
			},
			{Name: "fabrikam", Outbound: []mailflow.OutboundConnector{{Common: mailflow.Common{Name: "To"}, UseMXRecord: mailflow.No}}},
		},
		Paths:        []check.Path{{Path: &probes.Path{ID: from("contoso")}, Client: client}},
		Severity:     only("smart_hosts_missing"),
		Suppressions: []check.Suppression{{Check: "smart_hosts_missing", Tenant: "fabrikam", Owner: "mail-team", Expires: noon.Add(time.Hour)}},
		Attributions: map[probes.PathID][]mailflow.Attribution{
			from("contoso"): {
				{Arrival: mailflow.Arrival{MailFrom: "contoso.com"}, Tenants: []string{"contoso"}, Connector: "From", Ground: mailflow.GroundCertificate},
				{Ground: mailflow.GroundNone}, // the null sender: not counted
			},
			from("fabrikam"): {{Arrival: mailflow.Arrival{MailFrom: "fabrikam.com"}, Tenants: []string{"contoso", "fabrikam"}, Ground: mailflow.GroundMailFrom}},
		},
		Overlaps: []mailflow.Overlap{
			{Kind: mailflow.SharedAddress, Tenant: "contoso", Connector: "From", Value: "198.51.100.0/28", Count: 3},
			{Kind: mailflow.SharedAddress, Tenant: "contoso", Connector: "From", Sender: "edge", Value: "198.51.100.0/28", Count: 3},
			{Kind: mailflow.SharedFingerprint, Tenant: "contoso", Connector: "From", Value: "ab", Count: 3},
		},
	}
	b := collector.NewBoard(func() time.Time { return noon })
	b.CountChange("contoso", "added")
	b.SetAnalysis(collector.Analyse(f))
	g := collector.NewGatherer(nil, b.Judged())
	golden.Check(t, "testdata/judged.golden", written(t, g, expfmt.FmtText))
	if g.Dropped() != 0 {
		t.Errorf("%d series collide", g.Dropped())
	}
}

// only leaves one check on.
func only(code string) func(string, string) (check.Severity, bool) {
	return func(_, other string) (check.Severity, bool) { return check.Off, other != code }
}
