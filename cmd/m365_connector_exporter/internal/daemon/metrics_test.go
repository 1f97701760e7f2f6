package daemon

import (
	"testing"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
)

// TestOwnMetricsAreServed holds that every metric about the exporter itself is on /metrics once the self-test has run.
func TestOwnMetricsAreServed(t *testing.T) {
	d := configured(t, "tenants: [{ name: contoso }]\nsink: { listen: [\"127.0.0.1:2525\"], hostname: a.example }\n")
	d.selfTest.outcome.Store(int32(probes.Passed))
	families := scrape(t, d.Handler(HandlerOptions{}))
	for _, m := range collector.Metrics() {
		if m.Section == collector.SectionExporter && families[m.Name] == nil {
			t.Errorf("%s is not on /metrics", m.Name)
		}
	}
	for _, name := range []string{"go_goroutines", "process_cpu_seconds_total"} {
		if families[name] == nil {
			t.Errorf("%s is not on /metrics", name)
		}
	}
}

// TestWarningsAreCounted holds that a warning about the configuration is in a metric, as it is on the status page.
func TestWarningsAreCounted(t *testing.T) {
	d := configured(t, "tenant_files: [none/*.yaml]\ntenants: [{ name: contoso }]\n")
	family := scrape(t, d.Handler(HandlerOptions{}))["m365_connector_exporter_config_warnings"]
	if got := family.GetMetric()[0].GetGauge().GetValue(); got != 1 {
		t.Errorf("%v warnings, want 1", got)
	}
}
