package inventory_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/mailflow"
)

// TestChanges compares a load with the next one. A change is written "tenant/direction/connector kind property,…".
func TestChanges(t *testing.T) {
	base := mailflow.Tenant{
		Name: "a",
		Outbound: []mailflow.OutboundConnector{{
			Common:     mailflow.Common{Name: "o", Enabled: mailflow.Yes},
			SmartHosts: []string{},
		}},
		Inbound: []mailflow.InboundConnector{{Common: mailflow.Common{Name: "i", Comment: "x"}}},
	}
	changed := func(change func(o *mailflow.OutboundConnector, i *mailflow.InboundConnector)) mailflow.Tenant {
		o, i := base.Outbound[0], base.Inbound[0]
		change(&o, &i)
		return mailflow.Tenant{Name: "a", Outbound: []mailflow.OutboundConnector{o}, Inbound: []mailflow.InboundConnector{i}}
	}
	nothing := mailflow.Tenant{}
	for _, test := range []struct {
		name          string
		before, after mailflow.Tenant
		want          string
	}{
		{"nothing", base, base, ""},
		{"properties", base, changed(func(o *mailflow.OutboundConnector, i *mailflow.InboundConnector) {
			o.Enabled, o.TLSDomain, o.SmartHosts, i.Comment = mailflow.No, "a.example", []string{"b.example"}, "y"
		}), "a/outbound/o changed enabled,smart_hosts,tls_domain; a/inbound/i changed comment"},
		{"an absent list and an empty one", base, changed(func(o *mailflow.OutboundConnector, _ *mailflow.InboundConnector) {
			o.SmartHosts, o.MissingProperties = nil, []string{"smart_hosts"}
		}), ""},
		{"another name", base, changed(func(o *mailflow.OutboundConnector, _ *mailflow.InboundConnector) {
			o.Name = "p"
		}), "a/outbound/p added ; a/outbound/o removed "},
		{"in YAML alone now, in no export", base, changed(func(o *mailflow.OutboundConnector, _ *mailflow.InboundConnector) {
			o.NotExported = true
		}), "a/outbound/o removed "},
		{"a tenant added", nothing, base, "a/outbound/o added ; a/inbound/i added "},
		{"a tenant removed", base, nothing, "a/outbound/o removed ; a/inbound/i removed "},
	} {
		before, after := inventory.NewTenants[string](nil), inventory.NewTenants[string](nil)
		for _, load := range []struct {
			into   *inventory.Tenants[string]
			tenant mailflow.Tenant
		}{{before, test.before}, {after, test.after}} {
			if load.tenant.Name != "" {
				load.into.Add(inventory.State[string]{Tenant: load.tenant})
			}
		}
		if got := describe(inventory.Changes(before, after)); got != test.want {
			t.Errorf("%s: %s; want %s", test.name, got, test.want)
		}
	}
}

func describe(changes []inventory.Change) string {
	var all []string
	for _, c := range changes {
		properties := strings.Join(c.Properties, ",")
		all = append(all, fmt.Sprintf("%s/%s/%s %s %s", c.Tenant, c.Direction, c.Connector, c.Kind, properties))
	}
	return strings.Join(all, "; ")
}

// TestNoChangeWhereNothingWasKnown: a tenant that loads for the first time has no new connectors, one that breaks has
// lost none.
func TestNoChangeWhereNothingWasKnown(t *testing.T) {
	broken := errors.New("broken")
	never := inventory.NewTenants[string](nil)
	never.Fallback("a", "/x", broken)
	first := inventory.NewTenants(never)
	first.Add(loaded("a", "/x", "1"))
	last := inventory.NewTenants(first)
	last.Fallback("a", "/x", broken)
	if got := describe(append(inventory.Changes(never, first), inventory.Changes(first, last)...)); got != "" {
		t.Error(got)
	}
}
