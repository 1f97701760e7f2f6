package collector_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes/mailflow"
)

// TestSources: the newest read of a tenant is exposed, cmdlet by cmdlet, and a good one renews the time of its records.
func TestSources(t *testing.T) {
	s := collector.NewStore(func() time.Time { return noon })
	s.SetInventory([]mailflow.Tenant{{Name: "contoso", InventoryTime: noon}, {Name: "fabrikam", InventoryTime: noon}}, nil)
	later := noon.Add(time.Hour)
	good := mailflow.SourceState{Source: "exchange_online", Read: later, Success: later, Cmdlets: []mailflow.CmdletState{
		{Cmdlet: "Get-InboundConnector", Required: true, OK: true, Records: later},
		{Cmdlet: "Get-TransportRule", Reason: "role_missing"},
	}}
	s.SetSources(map[string]mailflow.SourceState{"contoso": good, "gone": good})
	bad := good
	bad.Success = noon
	bad.Cmdlets = []mailflow.CmdletState{{Cmdlet: "Get-InboundConnector", Required: true, Reason: "throttled"}}
	s.SetSource("fabrikam", bad)
	page := written(t, collector.NewGatherer(nil, nil, s, s.SourceMetrics()), expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, want := range []string{
		`inventory_source_success{cmdlet="Get-InboundConnector",source="exchange_online",tenant="contoso"} 1`,
		`inventory_source_success{cmdlet="Get-TransportRule",source="exchange_online",tenant="contoso"} 0`,
		`inventory_source_failure_info{cmdlet="Get-TransportRule",reason="role_missing",tenant="contoso"} 1`,
		`inventory_source_failure_info{cmdlet="Get-InboundConnector",reason="throttled",tenant="fabrikam"} 1`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("not on the page: %s", want)
		}
	}
	if strings.Contains(page, `"gone"`) {
		t.Error("a tenant that is not configured is exposed")
	}
	for i, want := range []time.Time{later, noon} {
		if got := s.Snapshot().Tenants[i].InventoryTime; !got.Equal(want) {
			t.Errorf("tenant %d: the records are of %s, want %s", i, got, want)
		}
	}
	if times := s.Observations().ReadTimes; !times["contoso"].Equal(later) {
		t.Errorf("times for the evaluation: %v", times)
	}
}

// TestSourceOfOneTenantLeavesTheOthersAlone: the end of a read makes the series of its tenant, not those of all.
func TestSourceOfOneTenantLeavesTheOthersAlone(t *testing.T) {
	s := collector.NewStore(func() time.Time { return noon })
	tenants := make([]mailflow.Tenant, 1000)
	for i := range tenants {
		tenants[i] = mailflow.Tenant{Name: strconv.Itoa(i), InventoryTime: noon}
	}
	s.SetInventory(tenants, nil)
	state := mailflow.SourceState{Source: "exchange_online", Success: noon.Add(time.Hour)}
	if n := testing.AllocsPerRun(10, func() { s.SetSource("7", state) }); n > 100 {
		t.Errorf("%.0f allocations for one tenant of %d", n, len(tenants))
	}
}
