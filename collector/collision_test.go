package collector_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

func each(c prometheus.Collector, f func(prometheus.Metric)) {
	ch := make(chan prometheus.Metric, 1000)
	go func() {
		c.Collect(ch)
		close(ch)
	}()
	for m := range ch {
		f(m)
	}
}

func drain(c prometheus.Collector) (n int) {
	each(c, func(prometheus.Metric) { n++ })
	return n
}

// TestCollisions: names that differ only in what no label may hold. The first wins; the page stays whole.
func TestCollisions(t *testing.T) {
	view := &collector.View{
		Tenants: []mailflow.Tenant{
			{Name: "t\x01", Inventory: noon, Outbound: []mailflow.OutboundConnector{{Common: mailflow.Common{Name: "c\x01"}}, {Common: mailflow.Common{Name: "c\x02"}}}},
			{Name: "t\x02", Inventory: noon},
		},
		Paths: []*collector.PathState{
			{Path: path("c", "h\x01"), Rounds: [4]uint64{0, 1}},
			{Path: path("c", "h\x02")}, // interval and three counters
			{Path: path("c", "x"), Endpoints: map[collector.EndpointKey]collector.EndpointState{
				{Host: "e\x01"}: {Verdict: probes.Failed}, {Host: "e\x02"}: {Verdict: probes.Passed},
			}},
		},
	}
	c := collector.NewFromView(view)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	const want = `# HELP m365_connector_endpoint_success Last conclusive verdict of the endpoint.
# TYPE m365_connector_endpoint_success gauge
m365_connector_endpoint_success{address="",connector="c",direction="outbound",host="e�",path="x",tenant="contoso"} 0
# HELP m365_connector_inventory_timestamp_seconds Time of the oldest export in use.
# TYPE m365_connector_inventory_timestamp_seconds gauge
m365_connector_inventory_timestamp_seconds{tenant="t�"} 1.7955216e+09
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "m365_connector_endpoint_success", "m365_connector_inventory_timestamp_seconds"); err != nil {
		t.Error(err)
	}
	const dropped = 1 + 1 + 4 + 1 // a connector, a tenant, a path, an endpoint
	if got := c.Dropped(); got != dropped {
		t.Errorf("%d series dropped, want %d", got, dropped)
	}
}

func FuzzLabels(f *testing.F) {
	for _, s := range []string{"", "plain", "\xff\x00\x1b[2J", strings.Repeat("é", 200), strings.Repeat("\xff", 5000), "a\x00b"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		p, q := path(a, b), path(b, a)
		board := collector.NewBoard(time.Now)
		board.SetInventory([]mailflow.Tenant{{Name: a}, {Name: b}}, []probes.Path{p, q})
		e := healthy(a, "192.0.2.1")
		e.TLS.Chain[0].Subject, e.TLS.Cipher = b, a
		board.Record(round(p, noon, e, healthy(b, "192.0.2.1")))
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(collector.New(board))
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			for _, m := range family.GetMetric() {
				for _, l := range m.GetLabel() {
					if n := utf8.RuneCountInString(l.GetValue()); n > 128 || !utf8.ValidString(l.GetValue()) {
						t.Errorf("%s=%q", l.GetName(), l.GetValue())
					}
				}
			}
		}
	})
}

func TestFiltered(t *testing.T) {
	all := collector.New(board())
	for _, c := range []struct {
		globs []string
		ok    bool
		some  bool
	}{
		{[]string{"con*"}, true, true}, {[]string{"x", "contoso"}, true, true}, {[]string{"fabrikam"}, true, false},
		{[]string{"["}, false, false}, {make([]string, 65), false, false}, {[]string{}, true, false},
	} {
		part, err := all.Filtered(c.globs)
		if (err == nil) != c.ok || err == nil && (drain(part) > 0) != c.some {
			t.Errorf("%q: %v", c.globs, err)
		}
	}
}

func TestSelf(t *testing.T) {
	s := collector.NewSelf(collector.SelfHooks{
		InFlight: func() int { return 3 }, Skipped: func() uint64 { return 4 },
		Throttled: func() uint64 { return 5 }, FirstRound: func() bool { return true },
	})
	s.Reload(true, noon)
	s.Reload(false, noon.Add(time.Hour))
	s.Loaded(map[string]bool{"good": true, "bad\x01": true, "bad\x02": false})
	s.ObserveLag(time.Second)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(s)
	const want = `# HELP m365_connector_exporter_config_last_reload_success_timestamp_seconds When the configuration was last loaded.
# TYPE m365_connector_exporter_config_last_reload_success_timestamp_seconds gauge
m365_connector_exporter_config_last_reload_success_timestamp_seconds 1.7955216e+09
# HELP m365_connector_exporter_config_last_reload_successful 1 when the last attempt to load the configuration succeeded.
# TYPE m365_connector_exporter_config_last_reload_successful gauge
m365_connector_exporter_config_last_reload_successful 0
# HELP m365_connector_exporter_tenant_load_successful 1 when the tenant's own files loaded.
# TYPE m365_connector_exporter_tenant_load_successful gauge
m365_connector_exporter_tenant_load_successful{tenant="bad�"} 0
m365_connector_exporter_tenant_load_successful{tenant="good"} 1
`
	ns := "m365_connector_exporter_"
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), ns+"config_last_reload_success_timestamp_seconds",
		ns+"config_last_reload_successful", ns+"tenant_load_successful"); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}
