package collector_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
)

func refused(host, address string) probes.Endpoint {
	return endpoint(host, address, passed(0), problem(probes.ReasonConnectRefused))
}

func lost(host string) probes.Endpoint { return endpoint(host, "", problem(probes.ReasonDNSServfail)) }

func all(endpoints ...probes.Endpoint) []probes.Endpoint { return endpoints }

func texts(all ...string) []string { return append([]string{}, all...) }

// TestEndpointsFollowDNS has the endpoints that stay known after a second round.
func TestEndpointsFollowDNS(t *testing.T) {
	ok := func(host, address string) probes.Endpoint { return healthy(host, address) }
	first := []probes.Endpoint{ok("a", "192.0.2.1"), ok("a", "192.0.2.2"), ok("b", "192.0.2.3")}
	cut := endpoint("a", "192.0.2.1", passed(0), problem(probes.ReasonCanceled))
	hidden := ok("a", "192.0.2.7")
	hidden.HideAddress = true
	for _, c := range []struct {
		name        string
		second      []probes.Endpoint
		provisional bool
		want        []string
	}{
		{"an address left", all(ok("a", "192.0.2.2"), ok("b", "192.0.2.3")), false, texts("a 192.0.2.2", "b 192.0.2.3")},
		{"an address came", all(ok("a", "192.0.2.9"), ok("b", "192.0.2.3")), false, texts("a 192.0.2.9", "b 192.0.2.3")},
		{"a host left the MX", all(ok("a", "192.0.2.1"), ok("a", "192.0.2.2")), false, texts("a 192.0.2.1", "a 192.0.2.2")},
		{
			"one host does not resolve: only its addresses stay known",
			all(ok("a", "192.0.2.2"), lost("b")), false, texts("a 192.0.2.2", "b ", "b 192.0.2.3"),
		},
		{
			"nothing resolves",
			all(lost("hop")), false, texts("a 192.0.2.1", "a 192.0.2.2", "b 192.0.2.3", "hop "),
		},
		{"interrupted", []probes.Endpoint{cut}, false, []string{"a 192.0.2.1", "a 192.0.2.2", "b 192.0.2.3"}},
		{"provisional: what left is gone, what came waits", all(refused("a", "192.0.2.9")), true, texts()},
		{"hidden", []probes.Endpoint{hidden}, false, []string{"a "}},
		{"no endpoint at all", nil, false, []string{"a 192.0.2.1", "a 192.0.2.2", "b 192.0.2.3"}},
	} {
		p := path("c", "h")
		s := collector.NewStore(time.Now)
		s.SetInventory(nil, []probes.Path{p})
		s.Record(round(p, noon, first...))
		r := round(p, noon, c.second...)
		r.Provisional = c.provisional
		s.Record(r)
		got := []string{}
		for _, e := range s.Snapshot().Paths[0].Endpoints {
			got = append(got, e.Host+" "+e.Address)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// A DNS server adds a host in each round and breaks the earlier ones, so that their addresses stay known: with
// failures, and with answers that are inconclusive.
func TestEndpointsOfAPathAreLimited(t *testing.T) {
	for _, reason := range []probes.Reason{probes.ReasonDNSServfail, probes.ReasonThrottled} {
		p := path("c", "h")
		s := collector.NewStore(time.Now)
		s.SetInventory(nil, []probes.Path{p})
		for i := range 60 {
			var endpoints []probes.Endpoint
			for k := max(0, i-probes.MaxEndpoints+1); k < i; k++ {
				endpoints = append(endpoints, endpoint(fmt.Sprintf("host%02d", k), "", problem(reason)))
			}
			latest := fmt.Sprintf("host%02d", i)
			endpoints = append(endpoints, healthy(latest, "192.0.2.1"))
			s.Record(round(p, noon.Add(time.Duration(i)*time.Minute), endpoints...))
			known := s.Snapshot().Paths[0].Endpoints
			if last := known[len(known)-1]; last.Host != latest || last.Address != "192.0.2.1" {
				t.Errorf("%s, round %d: the latest endpoint is missing: %v", reason, i, last)
			}
			if n := exposedEndpoints(t, s); n > probes.MaxEndpoints {
				t.Fatalf("%s, round %d: %d endpoints are exposed, want at most %d", reason, i, n, probes.MaxEndpoints)
			}
		}
	}
}

// exposedEndpoints counts hosts with their addresses, but for the resolve stage, which a host's endpoints share.
func exposedEndpoints(t *testing.T, s *collector.Store) int {
	t.Helper()
	families, err := collector.NewGatherer(nil, nil, s).Gather()
	if err != nil {
		t.Fatal(err)
	}
	endpoints := map[[2]string]bool{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			host, address := labelOf(m, "host"), labelOf(m, "address")
			if host != "" && (address != "" || f.GetName() == "m365_connector_endpoint_failure_info") {
				endpoints[[2]string{host, address}] = true
			}
		}
	}
	return len(endpoints)
}

// TestObservationsHaveTheLastCompleteRound holds that an address which was refused, and shows in inconclusive rounds
// only, is not forgotten when a round is cut short.
func TestObservationsHaveTheLastCompleteRound(t *testing.T) {
	p := path("c", "h")
	s := collector.NewStore(func() time.Time { return noon })
	s.SetInventory(nil, []probes.Path{p})
	s.Record(round(p, noon, endpoint("h", "127.0.0.1", passed(0), problem(probes.ReasonAddressRefused))))
	s.Record(round(p, noon.Add(time.Minute), endpoint("h", "127.0.0.1", passed(0), problem(probes.ReasonCanceled))))
	s.Record(round(p, noon.Add(2*time.Minute)))
	facts := s.Observations().Paths[0]
	if facts.Conclusive != nil || facts.Newest == nil || !facts.Newest.Started.Equal(noon) {
		t.Errorf("%+v", facts)
	}
}

func TestFailuresOutliveHistory(t *testing.T) {
	p := path("c", "h")
	s := collector.NewStore(time.Now)
	s.SetInventory(nil, []probes.Path{p})
	for i := range 15 {
		s.Record(round(p, noon.Add(time.Duration(i)*time.Minute), refused("h", "192.0.2.1")))
	}
	before := s.Snapshot().Paths[0]
	for range 30 {
		s.Record(round(p, noon.Add(time.Hour), healthy("h", "192.0.2.1")))
	}
	after := s.Snapshot().Paths[0]
	want := collector.Round{
		At: noon.Add(14 * time.Minute), Duration: time.Second, Outcome: probes.Failed, Stage: probes.Connect,
		Reason: probes.ReasonConnectRefused,
	}
	if len(after.Failures) != 10 || after.Failures[9] != want || len(after.History) != 30 {
		t.Errorf("failures %v, history %v", after.Failures, after.History)
	}
	if !after.LatestFailed.Started.Equal(want.At) {
		t.Errorf("latest failed %v", after.LatestFailed)
	}
	if before.Verdict != probes.Failed || before.History[len(before.History)-1] != want {
		t.Errorf("an old snapshot changed: %+v", before)
	}
}

func TestProvisionalIsNoRun(t *testing.T) {
	p := path("c", "h")
	s := collector.NewStore(func() time.Time { return noon })
	s.SetInventory(nil, []probes.Path{p})
	r := round(p, time.Time{}, endpoint("h", "", problem(probes.ReasonNXDomain)))
	r.Provisional = true
	s.Record(r)
	state := s.Snapshot().Paths[0]
	if !state.LastRun.IsZero() || state.Latest == nil || state.LatestFailed == nil {
		t.Errorf("after a provisional round: %+v", state)
	}
	r.Provisional, r.Until = false, 200 // a stage that does not exist must not panic
	s.Record(r)
	if state := s.Snapshot().Paths[0]; !state.LastRun.Equal(noon) || state.Verdict != probes.Failed {
		t.Errorf("after its confirmation: %+v", state)
	}
}

// TestScrapeWhileRecording: rounds, reloads and scrapes at once; each page is whole.
func TestScrapeWhileRecording(t *testing.T) {
	s := store()
	g := gathererOf(s)
	var running sync.WaitGroup
	for i := range 4 {
		running.Go(func() {
			p := path("Good", "mail.contoso.com")
			for n := range 50 {
				s.Record(round(p, noon, healthy("mail.contoso.com", fmt.Sprintf("192.0.2.%d", n%9))))
				if i == 0 && n%10 == 0 {
					s.SetInventory(s.Snapshot().Tenants, []probes.Path{p})
				}
				if i == 1 {
					if _, err := g.Gather(); err != nil {
						t.Error(err)
					}
				}
				page := written(t, g, expfmt.FmtOpenMetrics_1_0_0)
				if !strings.Contains(page, "m365_connector_probe_success{") || !strings.HasSuffix(page, "# EOF\n") {
					t.Errorf("page: %s", page)
				}
			}
		})
	}
	running.Wait()
}
