package check_test

import (
	"slices"
	"strings"
	"testing"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes/mailflow"
)

// unread makes a property of a connector unread.
func unread(w *world, d mailflow.Direction, connector string, values ...mailflow.UnreadValue) {
	w.tenant.Unread = append(w.tenant.Unread, mailflow.UnreadRecord{
		File: "exports/contoso/c.json", Record: 2, Direction: d, Name: connector, Values: values,
	})
}

var lostHosts = mailflow.UnreadValue{
	Property: "smart_hosts", Place: "SmartHosts", Kind: "the name of a .NET type", Problem: "export again", Count: 1,
}

var unreadCases = []testCase{
	{
		"export_value_unread", "the name of a type",
		func(w *world) { unread(w, mailflow.Outbound, w.out.Name, lostHosts) },
		"warning", "exports/contoso/c.json, record 2: SmartHosts is the name of a .NET type: export again.",
	},
	{
		"export_value_unread", "several addresses",
		func(w *world) {
			unread(w, mailflow.Inbound, w.in.Name, mailflow.UnreadValue{
				Property: "sender_ip_addresses", Place: "SenderIPAddresses[1]", Kind: "text", Problem: "must be an IP address",
				Count: 3,
			})
		},
		"warning", "SenderIPAddresses[1] is text: must be an IP address (and 2 more values).",
	},
	{
		"export_value_unread", "very many",
		func(w *world) {
			for i := range 100 {
				unread(w, mailflow.Outbound, w.out.Name, lostHosts)
				w.tenant.Unread[i].Record = i + 1
			}
		},
		"warning", "and 85 more",
	},
	{
		"export_value_unread", "another tenant's",
		func(w *world) {
			w.other.Unread = []mailflow.UnreadRecord{{
				File: "x.json", Record: 1, Direction: mailflow.Outbound, Name: "To on-premises",
				Values: []mailflow.UnreadValue{lostHosts},
			}}
		},
		"", "",
	},
	{"export_value_unread", "all are read", func(w *world) { unread(w, mailflow.Outbound, w.out.Name) }, "", ""},
	{
		"export_value_unread", "the type, which has a check of its own",
		func(w *world) {
			unread(
				w, mailflow.Outbound, w.out.Name,
				mailflow.UnreadValue{Property: "connector_type", Place: "ConnectorType", Kind: "text", Count: 1},
			)
		},
		"", "",
	},
	{
		"export_value_unread", "disabled",
		func(w *world) { w.out.Enabled = no; unread(w, mailflow.Outbound, w.out.Name, lostHosts) },
		"", "",
	},
	{
		"connector_not_probeable", "because its smart hosts are not read",
		func(w *world) {
			unread(w, mailflow.Outbound, w.out.Name, lostHosts)
			w.path.NotProbeable = "the connector has no smart host"
		},
		"", "",
	},
}

// TestUnreadOfDomainIsAboutTheTenant: an accepted domain, and a record without a name, are not a connector.
func TestUnreadOfDomainIsAboutTheTenant(t *testing.T) {
	w := newWorld()
	unread(
		w, "", "contoso.com",
		mailflow.UnreadValue{Property: "default", Place: "Default", Kind: "text", Problem: "must be true or false", Count: 1},
	)
	unread(
		w, mailflow.Outbound, "",
		mailflow.UnreadValue{
			Property: "name", Place: "Name", Kind: "null", Problem: "the record has no name and is left out", Count: 1,
		},
	)
	all := w.run()
	i := slices.IndexFunc(all, func(f check.Finding) bool { return f.Code == "export_value_unread" })
	if i < 0 || all[i].Connector != "" || len(all[i].Evidence) != 2 ||
		!strings.Contains(all[i].Evidence[0], "Default is text") {
		t.Errorf("%+v", all)
	}
}
