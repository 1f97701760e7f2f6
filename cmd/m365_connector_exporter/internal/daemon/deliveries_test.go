package daemon

import (
	"net/netip"
	"testing"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/mtasts"
)

// What Exchange Online would do with mail follows from the mode that is rehearsed, not from that of the connector. A
// path without address is not looked up.
func TestPredictWithOtherModes(t *testing.T) {
	tenants := []mailflow.Tenant{{Name: "contoso", Outbound: []mailflow.OutboundConnector{
		{Common: mailflow.Common{Name: "To", Type: mailflow.Partner}, MTASTSMode: "None", SMTPDANEMode: "Opportunistic"},
	}}}
	id := probes.PathID{Tenant: "contoso", Direction: mailflow.Outbound, Connector: "To", Path: "a.example"}
	item := func(path string, addr netip.AddrPort) text.Item {
		p := probes.Path{ID: id, Kind: probes.NextHopDomain, NextHop: path, NotProbed: "the connector is disabled"}
		p.ID.Path = path
		return text.Item{Path: p, Result: probes.Result{Path: p.ID, Endpoints: []probes.Endpoint{{Host: "mx." + path, Addr: addr}}}}
	}
	for name, row := range map[string]struct {
		modes DeliveryModes
		want  check.Delivery
	}{
		"as it is":      {DeliveryModes{}, check.DeliveryNotApplicable},
		"Opportunistic": {DeliveryModes{MTASTS: "Opportunistic"}, check.DeliveryQueue},
		"None":          {DeliveryModes{MTASTS: "None"}, check.DeliveryNotApplicable},
	} {
		t.Run(name, func(t *testing.T) {
			w := newPolicyWorld()
			w.setMode(mtasts.Enforce)
			items := []text.Item{item("a.example", netip.MustParseAddrPort("192.0.2.1:25")), item("gone.example", netip.AddrPort{})}
			predict(t.Context(), row.modes.with(tenants), w, items)
			if got := items[0].Predictions; len(got) != 1 || got[0].Delivery != row.want {
				t.Errorf("predictions %+v, want %s", got, row.want)
			}
			if len(items[1].Predictions) != 0 || len(w.lookups("gone.example")) != 0 {
				t.Errorf("a path without address: predictions %+v, policy looked up at %v", items[1].Predictions,
					w.lookups("gone.example"))
			}
		})
	}
	if c := tenants[0].Outbound[0]; c.MTASTSMode != "None" {
		t.Errorf("the tenants were changed: %+v", c)
	}
}

func TestDeliveryModes(t *testing.T) {
	tenants := []mailflow.Tenant{{Outbound: []mailflow.OutboundConnector{{MTASTSMode: "None", SMTPDANEMode: "None"}}}}
	c := DeliveryModes{DANE: "Mandatory"}.with(tenants)[0].Outbound[0]
	if c.SMTPDANEMode != "Mandatory" || c.MTASTSMode != "None" {
		t.Errorf("modes %q and %q, want Mandatory and None", c.SMTPDANEMode, c.MTASTSMode)
	}
}
