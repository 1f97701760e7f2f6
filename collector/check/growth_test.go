package check

import (
	"fmt"
	"runtime"
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// oneTenant returns the facts of a tenant with n connectors of each direction, all of which match the same mail, and n
// accepted domains.
func oneTenant(n int) *Facts {
	t := mailflow.Tenant{Name: "hostile"}
	for i := range n {
		t.AcceptedDomains = append(t.AcceptedDomains, mailflow.AcceptedDomain{Name: fmt.Sprintf("domain-%d.com", i)})
		t.Outbound = append(t.Outbound, mailflow.OutboundConnector{
			Common: mailflow.Common{Name: fmt.Sprintf("out %d", i), Type: mailflow.OnPremises}, RecipientDomains: []string{"*"},
			SmartHosts: []string{fmt.Sprintf("domain-%d-com.mail.protection.outlook.com", i)},
		})
		t.Inbound = append(t.Inbound,
			mailflow.InboundConnector{
				Common:            mailflow.Common{Name: fmt.Sprintf("in %d", i), Type: mailflow.OnPremises},
				SenderIPAddresses: []string{"192.0.2.1"},
			},
			mailflow.InboundConnector{
				Common: mailflow.Common{Name: fmt.Sprintf("partner %d", i), Type: mailflow.Partner}, SenderDomains: []string{"*"},
				SenderIPAddresses: []string{"198.51.100.1"}, RestrictDomainsToIPAddresses: mailflow.Yes,
			})
	}
	f := &Facts{
		Tenants: []mailflow.Tenant{mailflow.WithImpliedSenders(t)}, Attributions: map[probes.PathID][]mailflow.Attribution{},
		MX: map[string][]string{},
	}
	for _, d := range t.AcceptedDomains {
		f.MX[d.Name] = []string{mailflow.ExchangeOnlineMXLabel(d.Name) + ".mail.protection.outlook.com"}
	}
	for i, all := range mailflow.NewDirectory(f.Tenants).TenantAttributions(&f.Tenants[0]) {
		s := f.Tenants[0].Senders[i]
		f.Attributions[probes.PathID{Tenant: t.Name, Direction: mailflow.Inbound, Connector: s.Connector, Path: s.Name}] = all
	}
	f.Overlaps = mailflow.Overlaps(f.Tenants)
	return f
}

// TestRunGrowsLinearlyWithOneTenant checks that a tenant with twice the connectors and domains costs about twice as
// much.
func TestRunGrowsLinearlyWithOneTenant(t *testing.T) {
	allocated := func(n int) uint64 {
		f := oneTenant(n)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		found := Run(f)
		runtime.ReadMemStats(&after)
		if len(found) < n {
			t.Fatalf("%d findings of %d connectors", len(found), n)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	if once, twice := allocated(400), allocated(800); twice > once*5/2 {
		t.Errorf("400 connectors and domains allocate %d bytes, 800 allocate %d", once, twice)
	}
}
