package collector_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"m365_connector_exporter/collector"
)

// exporterGatherer gathers the exporter's own metrics alone.
func exporterGatherer(m *collector.ExporterMetrics) *collector.Gatherer {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m.ScheduleLag())
	return collector.NewGatherer(registry, m)
}

func TestExporterMetrics(t *testing.T) {
	m := collector.NewExporterMetrics(collector.ExporterHooks{
		InFlight: func() int { return 3 }, Warnings: func() int { return 2 }, Skipped: func() uint64 { return 4 },
		Throttled: func() uint64 { return 5 }, FirstRound: func() bool { return true },
		Sink: func() (collector.SinkCounts, bool) {
			return collector.SinkCounts{
				Connections: []collector.SinkCount{{Outcome: "accepted", Count: 6}, {Outcome: "refused", Count: 7}},
				Messages:    []collector.SinkCount{{Outcome: "accepted", Count: 8}}, Errors: 9,
			}, true
		},
	})
	m.RecordReload(true, noon)
	m.RecordReload(false, noon.Add(time.Hour))
	m.SetTenantsLoaded(map[string]bool{"good": true, "bad\x01": true, `bad\u0001`: false})
	m.ObserveLag(time.Second)
	g := exporterGatherer(m)
	page := written(t, g, expfmt.FmtText)
	for _, line := range []string{
		"config_last_reload_success_timestamp_seconds 1.7955216e+09", "config_last_reload_successful 0", "probes_in_flight 3",
		"config_warnings 2",
		"rounds_skipped_total 4", "throttled_total 5", "first_round_complete 1", "series_dropped 0",
		"schedule_lag_seconds_sum 1",
		`sink_connections_total{outcome="accepted"} 6`, `sink_connections_total{outcome="refused"} 7`,
		`sink_messages_total{outcome="accepted"} 8`, "sink_connection_errors_total 9",
		`tenant_load_successful{tenant="bad\\u0001"} 0`, `tenant_load_successful{tenant="good"} 1`,
	} {
		if !strings.Contains(page, "\nm365_connector_exporter_"+line+"\n") {
			t.Errorf("no line %s on\n%s", line, page)
		}
	}
	if strings.Contains(page, "self_test_success") {
		t.Error("a self-test is exposed that has not run")
	}
	if problems, err := testutil.GatherAndLint(g); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	for _, format := range formats {
		if diff := cmp.Diff(encoded(t, g, format), written(t, g, format)); diff != "" {
			t.Errorf("%s is not written as the library writes it: %s", format, diff)
		}
	}
}

// TestExporterMetricsAreThoseOfTheTable also shows that each hook may be missing.
func TestExporterMetricsAreThoseOfTheTable(t *testing.T) {
	counts := collector.SinkCounts{
		Connections: []collector.SinkCount{{Outcome: "accepted"}}, Messages: []collector.SinkCount{{Outcome: "accepted"}},
	}
	m := collector.NewExporterMetrics(collector.ExporterHooks{
		SelfTest: func() (bool, bool) { return true, true },
		Sink:     func() (collector.SinkCounts, bool) { return counts, true },
	})
	m.SetTenantsLoaded(map[string]bool{"contoso": true})
	families, err := exporterGatherer(m).Gather()
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		kind   string
		labels []string
	}
	got, want := map[string]row{}, map[string]row{}
	for _, f := range families {
		r := row{kind: strings.ToLower(f.GetType().String())}
		for _, pair := range f.GetMetric()[0].GetLabel() {
			r.labels = append(r.labels, pair.GetName())
		}
		got[f.GetName()] = r
	}
	for _, m := range collector.Metrics() {
		if m.Section == collector.SectionExporter {
			want[m.Name] = row{string(m.Type), slices.Sorted(slices.Values(m.Labels))}
		}
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(row{})); diff != "" {
		t.Error(diff)
	}
}
