package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/web"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/roundtrip"
	"m365_connector_exporter/probes/tlsrpt"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// testSite is a Site over a Snapshot that a test fills, with a prober that a test scripts.
type testSite struct {
	mu       sync.Mutex
	snapshot collector.Snapshot
	status   web.Status
	answer   func(context.Context, probes.Path) (probes.Result, error)
	probed   []probes.Path
	trips    []roundtrip.Status
	reports  []tlsrpt.Summary
	prefix   string
}

func (s *testSite) probe(ctx context.Context, _ probes.PathID, p probes.Path) (probes.Result, error) {
	s.mu.Lock()
	s.probed = append(s.probed, p)
	s.mu.Unlock()
	return s.answer(ctx, p)
}

func (s *testSite) find(id probes.PathID) *collector.PathState {
	for _, p := range s.snapshot.Paths {
		if p.Path.ID == id {
			return p
		}
	}
	return nil
}

func (s *testSite) handler() http.Handler {
	until := probes.EHLO
	message, sender := probes.Message, "<>"
	modules := map[string]probes.SettingsOverride{
		"default": {}, "short": {Until: &until}, "mail": {Until: &message, MailFrom: &sender},
	}
	mux := http.NewServeMux()
	web.New(web.Options{
		Snapshot: func() *collector.Snapshot { return &s.snapshot }, Find: s.find,
		Status: func() web.Status { return s.status }, Probe: s.probe, Prefix: s.prefix,
		Module: func(name string) (probes.SettingsOverride, bool) { l, ok := modules[name]; return l, ok },
		Now:    func() time.Time { return noon }, RoundTrips: func() []roundtrip.Status { return s.trips },
		TLSReports: func() []tlsrpt.Summary { return s.reports },
	}).Register(mux)
	return mux
}

func get(h http.Handler, url string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, url, http.NoBody)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// state is a path that was probed: every stage before until passed, and it ends with the given step.
func state(id probes.PathID, until probes.Stage, end probes.Step) *collector.PathState {
	r := round(id, until, end)
	s := &collector.PathState{
		Path: &probes.Path{
			ID: id, ConnectorType: mailflow.OnPremises, NextHop: id.Path, MailFrom: "probe@contoso.com",
			Recipients: []string{"anna@contoso.com"},
			Settings:   probes.Settings{Until: until, Port: 25, Interval: time.Minute, Timeout: 10 * time.Second},
		},
		Latest: &r, LastRun: noon.Add(-time.Minute),
		History: []collector.Round{{At: r.Started, Outcome: r.Outcome(), Stage: until, Reason: end.Reason}},
	}
	if o := r.Outcome(); o != probes.Inconclusive {
		s.Verdict, s.Conclusive, s.Since = o, &r, noon.Add(-2*time.Hour)
	}
	if r.Outcome() == probes.Failed {
		s.LatestFailed, s.Stage, s.Reason, s.Failures = &r, until, end.Reason, s.History
	}
	return s
}

func round(id probes.PathID, until probes.Stage, end probes.Step) probes.Result {
	e := probes.Endpoint{Host: "mx." + id.Path, Addr: netip.MustParseAddrPort("192.0.2.1:25")}
	for i := range until {
		e.Steps[i] = probes.Step{Outcome: probes.Passed, Duration: time.Duration(i+1) * time.Millisecond}
	}
	e.Steps[until] = end
	return probes.Result{
		Path: id, Until: until, Started: noon.Add(-time.Minute), Duration: time.Second, Endpoints: []probes.Endpoint{e},
	}
}

var (
	passed = probes.Step{Outcome: probes.Passed, Duration: time.Millisecond}
	failed = probes.Step{
		Outcome: probes.Failed, Reason: probes.ReasonRecipientUnknown, Detail: "550 5.1.1 <anna@contoso.com> unknown",
		Reply: probes.Reply{Code: 550, Enhanced: "5.1.1", Text: "<anna@contoso.com> unknown"},
	}
	greylisted = probes.Step{Outcome: probes.Inconclusive, Reason: probes.ReasonTemporaryRejection}
	canceled   = probes.Step{Outcome: probes.Inconclusive, Reason: probes.ReasonCanceled}
)

func outbound(tenant, connector, path string) probes.PathID {
	return probes.PathID{Tenant: tenant, Direction: mailflow.Outbound, Connector: connector, Path: path}
}
