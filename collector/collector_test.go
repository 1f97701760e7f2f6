package collector_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/internal/golden"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func path(connector, hop string) probes.Path {
	return probes.Path{
		ID:       probes.PathID{Tenant: "contoso", Direction: mailflow.Outbound, Connector: connector, Path: hop},
		Settings: probes.Settings{Interval: 5 * time.Minute, Until: probes.TLSStage},
	}
}

func endpoint(host, address string, steps ...probes.Step) probes.Endpoint {
	e := probes.Endpoint{Host: host}
	if address != "" {
		e.Addr = netip.AddrPortFrom(netip.MustParseAddr(address), 25)
	}
	copy(e.Steps[:], steps)
	return e
}

func passed(took time.Duration) probes.Step {
	return probes.Step{Outcome: probes.Passed, Duration: took}
}

func problem(r probes.Reason) probes.Step { return probes.Step{Outcome: r.Outcome(), Reason: r} }

func round(p probes.Path, at time.Time, endpoints ...probes.Endpoint) probes.Result {
	return probes.Result{Path: p.ID, Until: p.Settings.Until, Started: at, Duration: time.Second, Endpoints: endpoints}
}

func healthy(host, address string) probes.Endpoint {
	e := endpoint(host, address,
		passed(time.Millisecond), passed(time.Millisecond), passed(2*time.Millisecond), passed(3*time.Millisecond))
	e.TLS = &probes.TLS{
		Version: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256",
		ChainNotAfter: noon.AddDate(3, 0, 0), ChainNotBefore: noon.AddDate(-3, 0, 0),
		Chain: []*probes.Certificate{{
			Subject: host, Issuer: "Lab\x1b[31m\xff", Serial: "0a", Fingerprint: "ab",
			NotBefore: noon.AddDate(0, -1, 0), NotAfter: noon.AddDate(0, 2, 0),
		}},
	}
	e.TLS.Verdicts[probes.VerdictTime].Outcome = probes.Passed
	e.TLS.Verdicts[probes.VerdictName].Outcome = probes.Failed
	e.TLS.Stores = []probes.StoreVerdict{
		{Store: probes.StoreMozilla, Outcome: probes.Passed}, {Store: probes.StoreGlobalRootG2, Outcome: probes.Failed},
	}
	return e
}

// store is one of everything: healthy, failed, throttled, not resolving, disabled, and a name that collides when
// cleaned.
func store() *collector.Store {
	good, bad, busy := path("Good", "mail.contoso.com"), path("Bad", "bad.contoso.com"), path("Busy", "busy.contoso.com")
	lost, off := path("Lost", "lost.contoso.com"), path("Off", "off.contoso.com")
	off.NotProbed = "the connector is disabled"
	tenant := mailflow.Tenant{Name: "contoso", Outbound: []mailflow.OutboundConnector{
		{
			Common: mailflow.Common{
				Name: "Good", Type: mailflow.OnPremises, Source: "HybridWizard", Enabled: mailflow.Yes, WhenChanged: noon,
			},
			TLSSettings: mailflow.DomainValidation, IsValidated: mailflow.Yes, LastValidation: noon,
		},
		{Common: mailflow.Common{Name: "Off", Type: mailflow.Partner, Enabled: mailflow.No}},
		{Common: mailflow.Common{Name: "A\x01"}},
		{Common: mailflow.Common{Name: `A\u0001`}},
	}}
	s := collector.NewStore(func() time.Time { return noon })
	s.SetInventory([]mailflow.Tenant{tenant}, []probes.Path{good, bad, busy, lost, off})
	signed := healthy("mail.contoso.com", "192.0.2.1")
	signed.DANE = &probes.DANE{Status: probes.DANEMatch, TLS: true, Total: 1, Records: []string{"3 1 1 00"}}
	s.Record(round(good, noon, signed, healthy("mail.contoso.com", "2001:db8::1")))
	refused := endpoint("bad.contoso.com", "192.0.2.2", passed(0), passed(0), problem(probes.ReasonGreetingRejected))
	refused.Steps[probes.EHLO].Reply = probes.Reply{Code: 554, Enhanced: "5.3.2", Text: "go away"}
	s.Record(round(bad, noon, refused))
	throttled := endpoint("busy.contoso.com", "192.0.2.3", passed(0), passed(0), problem(probes.ReasonThrottled))
	s.Record(round(busy, noon, throttled))
	first := round(lost, noon, endpoint("lost.contoso.com", "", problem(probes.ReasonNXDomain)))
	first.Provisional = true
	s.Record(first)
	return s
}

// gathererOf is the page of one store alone.
func gathererOf(b *collector.Store) *collector.Gatherer {
	own := prometheus.NewPedanticRegistry()
	own.MustRegister(b.Stages())
	return collector.NewGatherer(own, nil, b)
}

func written(t *testing.T, g *collector.Gatherer, format expfmt.Format) string {
	t.Helper()
	var text strings.Builder
	if err := g.Write(&text, format); err != nil {
		t.Error(err)
	}
	return text.String()
}

// encoded is the page as the Prometheus libraries write it.
func encoded(t *testing.T, g prometheus.Gatherer, format expfmt.Format) string {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	encoder := expfmt.NewEncoder(&text, format)
	for _, f := range families {
		if err := encoder.Encode(f); err != nil {
			t.Error(err)
		}
	}
	if err := encoder.(expfmt.Closer).Close(); err != nil {
		t.Error(err)
	}
	return text.String()
}

var formats = []expfmt.Format{
	expfmt.FmtText, expfmt.FmtOpenMetrics_1_0_0, expfmt.FmtOpenMetrics_0_0_1, expfmt.FmtProtoDelim,
}

func TestGoldenScrape(t *testing.T) {
	g := gathererOf(store())
	golden.Check(t, "testdata/scrape.golden", written(t, g, expfmt.FmtText))
	problems, err := testutil.GatherAndLint(g)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	for _, format := range formats {
		if diff := cmp.Diff(encoded(t, g, format), written(t, g, format)); diff != "" {
			t.Errorf("%s: we write otherwise than the library: %s", format, diff)
		}
	}
}

func TestDocuments(t *testing.T) {
	golden.Check(t, "../docs/metrics.md", collector.MetricsMarkdown())
	golden.Check(t, "../docs/reasons.md", collector.ReasonsMarkdown())
	golden.Check(t, "../docs/checks.md", collector.ChecksMarkdown())
	golden.Check(t, "../docs/calendar.md", collector.CalendarMarkdown())
}

// TestRoundsOfOneEndpoint has a path's rounds one after another: what is recorded, and what is known afterwards.
func TestRoundsOfOneEndpoint(t *testing.T) {
	p := path("c", "h")
	pass := healthy("h", "192.0.2.1")
	fail := endpoint("h", "192.0.2.1", passed(0), problem(probes.ReasonConnectRefused))
	open := endpoint("h", "192.0.2.1", passed(0), passed(0), problem(probes.ReasonThrottled))
	gone := healthy("h", "192.0.2.9")
	steps := []struct {
		name        string
		endpoint    probes.Endpoint
		provisional bool
		verdict     probes.Outcome
		rounds      [4]uint64
		address     string
		certificate bool
	}{
		{"inconclusive proves nothing", open, false, probes.NotReached, [4]uint64{0, 0, 0, 1}, "192.0.2.1", false},
		{"a first failure waits to be confirmed", fail, true, probes.NotReached, [4]uint64{0, 0, 0, 1}, "192.0.2.1", false},
		{"passed", pass, false, probes.Passed, [4]uint64{0, 1, 0, 1}, "192.0.2.1", true},
		{"a provisional failure keeps the verdict", fail, true, probes.Passed, [4]uint64{0, 1, 0, 1}, "192.0.2.1", true},
		{"confirmed; the certificate stays known", fail, false, probes.Failed, [4]uint64{0, 1, 1, 1}, "192.0.2.1", true},
		{"throttled keeps the failure", open, false, probes.Failed, [4]uint64{0, 1, 1, 2}, "192.0.2.1", true},
		{"an address that left DNS leaves at once", gone, false, probes.Passed, [4]uint64{0, 2, 1, 2}, "192.0.2.9", true},
	}
	st := collector.NewStore(time.Now)
	st.SetInventory(nil, []probes.Path{p})
	for i, s := range steps {
		r := round(p, noon.Add(time.Duration(i)*time.Minute), s.endpoint)
		r.Provisional = s.provisional
		st.Record(r)
		state := st.Snapshot().Paths[0]
		want := i >= 2 // an inconclusive or provisional round adds no endpoint
		known := len(state.Endpoints) == 1 && state.Endpoints[0].Address == s.address
		certificate := known && state.Endpoints[0].TLS != nil
		if state.Verdict != s.verdict || state.Rounds != s.rounds || known != want || certificate != s.certificate ||
			len(state.Endpoints) > 1 {
			t.Errorf("%s: verdict %v, rounds %v, endpoints %v", s.name, state.Verdict, state.Rounds, state.Endpoints)
		}
	}
}

func TestReloadKeepsHistory(t *testing.T) {
	s := store()
	good := path("Good", "mail.contoso.com")
	s.SetInventory(nil, []probes.Path{good, good, path("New", "n")})
	snapshot := s.Snapshot()
	if len(snapshot.Paths) != 2 || snapshot.Paths[0].Rounds[probes.Passed] != 1 || snapshot.Paths[1].Latest != nil {
		t.Errorf("after reload: %+v", snapshot.Paths)
	}
	s.Record(round(path("Bad", "bad.contoso.com"), noon)) // gone: dropped
	if len(s.Snapshot().Paths) != 2 {
		t.Error("a result brought a path back that the configuration does not have")
	}
}

// TestReloadLetsGoOfOldPaths: of two lists of the same paths the newer is held, or each reload would leave a whole
// list in memory.
func TestReloadLetsGoOfOldPaths(t *testing.T) {
	s := collector.NewStore(time.Now)
	for range 2 {
		paths := []probes.Path{path("c", "h")}
		s.SetInventory(nil, paths)
		if s.Snapshot().Paths[0].Path != &paths[0] {
			t.Error("a copy, or the path of the configuration before")
		}
	}
}

func TestHistoryIsBounded(t *testing.T) {
	p := path("c", "h")
	s := collector.NewStore(time.Now)
	s.SetInventory(nil, []probes.Path{p})
	for range 100 {
		s.Record(round(p, noon, healthy("h", "192.0.2.1")))
	}
	if got := len(s.Snapshot().Paths[0].History); got != 30 {
		t.Errorf("history of %d rounds", got)
	}
}
