//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes/lab"
)

// TestOneTenantDoesNotDelayAnother limits the daemon to 16 parallel connections and adds a tenant with 300 tarpits and
// 50 connectors to another tenant's server. The other tenant's paths keep their interval, and a finding names the
// tenant that causes the overload.
func TestOneTenantDoesNotDelayAnother(t *testing.T) {
	w := newHostWorld(t, "")
	tarpit, err := lab.StartScripted(lab.Script{Host: "0.0.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tarpit.Close)
	var hostile []path
	for i := range 300 {
		hostile = append(hostile, path{
			connector: fmt.Sprintf("tarpit-%d", i), hop: fmt.Sprintf("127.0.%d.%d", 64+i/200, 1+i%200), port: tarpit.Port(),
		})
	}
	for i := range 50 {
		hostile = append(hostile, path{
			connector: fmt.Sprintf("aimed-%d", i), hop: w.paths[0].hop, port: w.paths[0].port,
			probe: fmt.Sprintf("timeout: %dms, ", 4900-i),
		})
	}
	limits := strings.NewReplacer("min_gap_per_address: 10ms", "min_gap_per_address: 200ms",
		"max_concurrent_per_address: 4", "max_concurrent: 16\n  max_concurrent_per_address: 1")
	text := limits.Replace(w.head()) + "tenants:\n" + tenant("contoso", w.paths...) + tenant("hostile", hostile...)
	d := w.serve(w.write("own.yaml", text))
	rounds := func() map[string]float64 {
		byConnector := map[string]float64{}
		for _, s := range d.metrics().find("probes_total", "tenant", "contoso") {
			byConnector[s.labels["connector"]] += s.value
		}
		return byConnector
	}
	eventually(t, time.Minute, func() string {
		if n := len(rounds()); n < len(w.paths) {
			return fmt.Sprintf("%d of %d paths have had a round", n, len(w.paths))
		}
		return ""
	})
	before := rounds()
	time.Sleep(31 * time.Second) // five intervals of six seconds, and one second
	for connector, n := range rounds() {
		if got := n - before[connector]; got < 4 {
			t.Errorf("%s: %v rounds in five intervals", connector, got)
		}
	}
	eventually(t, time.Minute, func() string {
		for _, f := range d.findings() {
			if f.Check == "schedule_overloaded" && strings.Contains(strings.Join(f.Evidence, " "), "hostile (") {
				return ""
			}
		}
		return "no schedule_overloaded finding names the hostile tenant"
	})
}
