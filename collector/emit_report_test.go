package collector_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/calendar"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/collector/internal/golden"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/mtasts"
)

// TestGoldenReportSeries has findings with zeros, suppressed ones, shared addresses, attributions and the sender's
// certificate.
func TestGoldenReportSeries(t *testing.T) {
	f := reportFacts()
	s := collector.NewStore(func() time.Time { return noon })
	s.CountChange("contoso", "added")
	s.SetReport(reportOf(f))
	g := collector.NewGatherer(nil, nil, s.ReportMetrics())
	golden.Check(t, "testdata/report.golden", written(t, g, expfmt.FmtText))
	if g.Dropped() != 0 {
		t.Errorf("%d series collide", g.Dropped())
	}
}

// reportOf is the report of an evaluation that finds these facts.
func reportOf(f *check.Facts) *evaluate.Report {
	r := &evaluate.Report{
		At: f.Now, Tenants: f.Tenants, Findings: check.Run(f), Attributions: f.Attributions, Overlaps: f.Overlaps,
		Clients: map[probes.PathID]*probes.TLS{},
	}
	for i := range f.Paths {
		if p := &f.Paths[i]; p.Client != nil {
			r.Clients[p.ID] = p.Client
		}
	}
	to := probes.PathID{Tenant: "contoso", Direction: mailflow.Outbound, Connector: "To", Path: "fabrikam.com"}
	r.Predictions = []check.Prediction{
		{Path: to, Mechanism: check.MechanismDANE, Delivery: check.DeliveryQueue, Code: "5.7.323"},
		{Path: to, Mechanism: check.MechanismMTASTS, Delivery: check.DeliveryNotApplicable},
	}
	r.Policies = []check.Policy{
		{TenantDomain: domain("contoso.com"), State: &mtasts.State{Mode: mtasts.Enforce, ID: "20261130"}, Accepted: true},
		{TenantDomain: domain("fabrikam.com"), State: &mtasts.State{Mode: mtasts.Absent}, NextHop: true},
		{TenantDomain: domain("silent.example"), State: &mtasts.State{}, NextHop: true},
		{TenantDomain: domain("mail.contoso.com"), State: &mtasts.State{Mode: mtasts.Absent}, SmartHost: true},
	}
	r.Deadlines = []calendar.Deadline{
		{Advisory: &calendar.Table[0], At: f.Now, Tenant: "contoso", Connector: "From", Direction: mailflow.Inbound},
		{Advisory: &calendar.Table[1], At: f.Now, Tenant: "contoso"},
	}
	return r
}

// domain is a domain of contoso.
func domain(name string) check.TenantDomain {
	return check.TenantDomain{Tenant: "contoso", Domain: name}
}

// only leaves one check on.
func only(code string) func(string, string) (check.Severity, bool) {
	return func(_, other string) (check.Severity, bool) { return check.Off, other != code }
}

// reportFacts has something for every series of a report.
func reportFacts() *check.Facts {
	from := func(tenant string) probes.PathID {
		return probes.PathID{Tenant: tenant, Direction: mailflow.Inbound, Connector: "From", Path: "edge"}
	}
	client := &probes.TLS{Chain: []*probes.Certificate{{
		Subject: "mail.contoso.com", CommonName: "mail.contoso.com", DNSNames: []string{"contoso.com", "*.other.com"},
		NotAfter: noon, NotBefore: noon, Serial: "1",
	}}}
	client.Verdicts[probes.VerdictClientAuth].Outcome = probes.Failed
	return &check.Facts{
		Now: noon,
		Tenants: []mailflow.Tenant{
			{
				Name: "contoso", AcceptedDomains: []mailflow.AcceptedDomain{{Name: "contoso.com"}},
				Outbound: []mailflow.OutboundConnector{{Common: mailflow.Common{Name: "To"}, UseMXRecord: mailflow.No}},
				Inbound:  []mailflow.InboundConnector{{Common: mailflow.Common{Name: "From"}}},
				Senders:  []mailflow.Sender{{Name: "edge", Connector: "From"}},
			},
			{Name: "fabrikam", Outbound: []mailflow.OutboundConnector{
				{Common: mailflow.Common{Name: "To"}, UseMXRecord: mailflow.No},
			}},
		},
		Paths:    []check.Path{{Path: &probes.Path{ID: from("contoso")}, Client: client}},
		Severity: only("smart_hosts_missing"),
		Suppressions: []check.Suppression{
			{Check: "smart_hosts_missing", Tenant: "fabrikam", Owner: "mail-team", Expires: noon.Add(time.Hour)},
		},
		Attributions: map[probes.PathID][]mailflow.Attribution{
			from("contoso"): {
				{
					Message: mailflow.InboundMessage{MailFrom: "contoso.com"},
					Tenants: []string{"contoso"}, Connector: "From", Basis: mailflow.BasisCertificate,
				},
				{Basis: mailflow.BasisNone}, // the null sender: not counted
			},
			from("fabrikam"): {{
				Message: mailflow.InboundMessage{MailFrom: "fabrikam.com"},
				Tenants: []string{"contoso", "fabrikam"}, Basis: mailflow.BasisMailFrom,
			}},
		},
		Overlaps: []mailflow.Overlap{
			{Kind: mailflow.OverlapAddress, Tenant: "contoso", Connector: "From", Value: "198.51.100.0/28", Count: 3},
			{
				Kind: mailflow.OverlapAddress, Tenant: "contoso", Connector: "From", Sender: "edge",
				Value: "198.51.100.0/28", Count: 3,
			},
			{Kind: mailflow.OverlapFingerprint, Tenant: "contoso", Connector: "From", Value: "ab", Count: 3},
		},
	}
}

// TestNewReportReplacesTheSeries: after a change the page is what a new store would show.
func TestNewReportReplacesTheSeries(t *testing.T) {
	type change func(*check.Facts, *collector.Store)
	for name, change := range map[string]change{
		"nothing":       func(*check.Facts, *collector.Store) {},
		"another check": func(f *check.Facts, _ *collector.Store) { f.Severity = only("accepted_domains_unknown") },
		"another check, as grave": func(f *check.Facts, _ *collector.Store) {
			f.Severity = func(tenant, code string) (check.Severity, bool) {
				if code != map[string]string{"contoso": "client_auth_eku_missing", "fabrikam": "smart_hosts_missing"}[tenant] {
					return check.Off, true
				}
				return check.Critical, true
			}
		},
		"its severity": func(f *check.Facts, _ *collector.Store) {
			f.Severity = func(_, code string) (check.Severity, bool) {
				if code != "smart_hosts_missing" {
					return check.Off, true
				}
				return check.Info, true
			}
		},
		"a suppression": func(f *check.Facts, _ *collector.Store) { f.Suppressions = nil },
		"its end": func(f *check.Facts, _ *collector.Store) {
			f.Suppressions = slices.Clone(f.Suppressions)
			f.Suppressions[0].Expires = noon.Add(time.Minute)
		},
		"its owner": func(f *check.Facts, _ *collector.Store) {
			f.Suppressions = slices.Clone(f.Suppressions)
			f.Suppressions[0].Owner = "others"
		},
		"a connector": func(f *check.Facts, _ *collector.Store) {
			f.Tenants[0].Inbound = append(f.Tenants[0].Inbound, mailflow.InboundConnector{Common: mailflow.Common{Name: "New"}})
		},
		"a sender's name": func(f *check.Facts, _ *collector.Store) {
			f.Tenants = slices.Clone(f.Tenants)
			f.Tenants[0].Senders = nil
		},
		"an accepted name": func(f *check.Facts, _ *collector.Store) {
			f.Tenants[0].AcceptedDomains = []mailflow.AcceptedDomain{{Name: "other.com"}}
		},
		"what it presents": func(f *check.Facts, _ *collector.Store) {
			other := *f.Paths[0].Client
			other.Chain = nil
			f.Paths[0].Client = &other
		},
		"attributions": func(f *check.Facts, _ *collector.Store) { f.Attributions = nil },
		"an address": func(f *check.Facts, _ *collector.Store) {
			f.Overlaps = slices.Clone(f.Overlaps)
			f.Overlaps[0].Count++
		},
		"its connectors": func(_ *check.Facts, s *collector.Store) { s.CountChange("contoso", "removed") },
	} {
		t.Run(name, func(t *testing.T) {
			page := func(s *collector.Store) string {
				return written(t, collector.NewGatherer(nil, nil, s.ReportMetrics()), expfmt.FmtText)
			}
			s, fresh := collector.NewStore(time.Now), collector.NewStore(time.Now)
			f := reportFacts()
			s.SetReport(reportOf(f))
			before := page(s)
			for _, on := range []*collector.Store{s, fresh} {
				changed := *f
				changed.Tenants, changed.Paths = slices.Clone(f.Tenants), slices.Clone(f.Paths)
				change(&changed, on)
				on.SetReport(reportOf(&changed))
			}
			if page(s) != page(fresh) {
				t.Errorf("old series:\n%s", page(s))
			}
			if (page(s) == before) != (name == "nothing") {
				t.Error("the change does not show")
			}
		})
	}
}

// Counts of a part of a certificate's names would be wrong: there are none.
func TestNamesBeyondTheLimitAreNotCounted(t *testing.T) {
	for omitted, want := range map[int]bool{0: true, 1: false} {
		f := reportFacts()
		for i := range f.Paths {
			if c := f.Paths[i].Client; c != nil {
				c.Chain[0].OmittedNames = omitted
			}
		}
		s := collector.NewStore(func() time.Time { return noon })
		s.SetReport(reportOf(f))
		text := written(t, collector.NewGatherer(nil, nil, s.ReportMetrics()), expfmt.FmtText)
		if got := strings.Contains(text, "m365_connector_certificate_names{"); got != want {
			t.Errorf("%d names are omitted: counts are exposed: %t", omitted, got)
		}
		if !strings.Contains(text, "m365_connector_certificate_not_after_timestamp_seconds{") {
			t.Errorf("%d names are omitted: the certificate is missing", omitted)
		}
	}
}
