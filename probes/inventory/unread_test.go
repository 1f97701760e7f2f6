package inventory_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/mailflow"
)

// TestUnread: each property that cannot be read is listed once, with the number of its values, and never with one. A
// record that replaces another has only its own.
func TestUnread(t *testing.T) {
	files := map[string]string{
		"a.json": `[{"Name":"replaced","SmartHosts":"System.Object[]"},{"Name":"kept","SmartHosts":["?","a.example","?"],` +
			`"Enabled":"Falsch"}]`,
		"b.json": `[{"Name":"replaced","SmartHosts":["a.example"]},{"Name":null,"SenderDomains":{"x":[1]}},` +
			`{"DomainName":"contoso.com","Default":["x"],"DomainType":0}]`,
	}
	s, dir, err := loadFolder(t, files, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []mailflow.UnreadRecord{
		{File: dir + "a.json", Record: 2, Direction: mailflow.Outbound, Name: "kept", Values: []mailflow.UnreadValue{
			{
				Property: "smart_hosts", Place: "SmartHosts[0]", Kind: "text",
				Problem: "must be a host such as mail.contoso.com, or an IP address", Count: 2,
			},
			{Property: "enabled", Place: "Enabled", Kind: "text", Problem: "must be true or false", Count: 1},
		}},
		{File: dir + "b.json", Record: 2, Direction: mailflow.Inbound, Values: []mailflow.UnreadValue{
			{Property: "sender_domains", Place: "SenderDomains[0]", Kind: "an object", Problem: "must be text", Count: 1},
			{Property: "name", Place: "Name", Kind: "null", Problem: "the record has no name and is left out", Count: 1},
		}},
		{File: dir + "b.json", Record: 3, Name: "contoso.com", Values: []mailflow.UnreadValue{
			{Property: "default", Place: "Default", Kind: "a list", Problem: "must be true or false", Count: 1},
		}},
	}
	if diff := cmp.Diff(want, s.Unread); diff != "" {
		t.Error(diff)
	}

	s.Override(inventory.OutboundConnectors, "kept", []string{"name", "smart_hosts", "enabled"})
	s.Override(inventory.InboundConnectors, "nobody", []string{"name"})
	if diff := cmp.Diff(want[1:], s.Unread); diff != "" {
		t.Errorf("after an overlay: %s", diff)
	}
}
