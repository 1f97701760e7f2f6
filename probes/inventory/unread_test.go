package inventory_test

import (
	"strings"
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

// TestLongTexts: a text that is longer than any name or host cannot be read, and a comment is cut: pages repeat both
// many times. What a script has joined into one text may be of any length.
func TestLongTexts(t *testing.T) {
	long := strings.Repeat("ä", 1_000)
	hosts := strings.Repeat("a.example ", 1_000)
	s, _, err := loadFolder(t, map[string]string{"a.json": `[{"Name":"` + long + `","UseMXRecord":true},` +
		`{"Name":"kept","UseMXRecord":true,"Comment":"x` + long + `","ConnectorSource":"` + long + `",` +
		`"SmartHosts":["` + long + `"],"RecipientDomains":"` + hosts + `"}]`}, nil)
	if err != nil || len(s.Outbound) != 1 {
		t.Fatalf("%v, %d connectors; want the one with a short name", err, len(s.Outbound))
	}
	c := s.Outbound[0]
	if c.Name != "kept" || c.Source != "" || len(c.SmartHosts) != 0 || len(c.RecipientDomains) != 1_000 ||
		c.Comment != "x"+strings.Repeat("ä", 511) {
		t.Errorf("name %.20q, source %.20q, hosts %.20q, %d domains, comment of %d bytes", c.Name, c.Source, c.SmartHosts,
			len(c.RecipientDomains), len(c.Comment))
	}
	var unread []string
	for _, record := range s.Unread {
		for _, v := range record.Values {
			unread = append(unread, v.Property+": "+v.Problem)
		}
	}
	want := []string{
		"name: longer than 1024 bytes", "connector_source: longer than 1024 bytes", "smart_hosts: longer than 1024 bytes",
	}
	if diff := cmp.Diff(want, unread); diff != "" {
		t.Error(diff)
	}
}
