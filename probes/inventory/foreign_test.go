package inventory_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/mailflow"
)

const (
	ruleJSON = `[{"Name":"Route to gateway","State":"Enabled","RouteMessageOutboundConnector":"To gateway"}]`
	sendJSON = `{"Name":"To Microsoft 365","AddressSpaces":["smtp:*;1"],` +
		`"SmartHosts":["contoso-com.mail.protection.outlook.com"],"RequireTLS":true,"Enabled":true}`
	receiveJSON = `{"Name":"Default Frontend","Bindings":["0.0.0.0:25"],"RequireTLS":false,"Enabled":true}`
)

// loadFolder loads a folder with these files.
func loadFolder(t *testing.T, files map[string]string, before map[string]inventory.Kind) (inventory.Snapshot, string,
	error,
) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old := map[string]inventory.Kind{}
	for name, kind := range before {
		old[filepath.Join(dir, name)] = kind
	}
	s, err := inventory.ExportFiles{Folder: dir, Before: old, Observed: &inventory.Observations{}}.Load(t.Context())
	return s, dir + string(filepath.Separator), err
}

// names returns the names of all records, sorted.
func names(s inventory.Snapshot) string {
	var all []string
	for _, d := range s.AcceptedDomains {
		all = append(all, d.Name)
	}
	for _, c := range s.Outbound {
		all = append(all, "→"+c.Name)
	}
	for _, c := range s.Inbound {
		all = append(all, "←"+c.Name)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// TestFilesOfAnotherKind: what lies beside exports is skipped with one warning a file. Where no file is an export, that
// is the mistake.
func TestFilesOfAnotherKind(t *testing.T) {
	const (
		other = "x.json: not an export, and skipped; its values: 1 of another kind (not a connector, not an accepted " +
			"domain)"
		nothing = "x.json: not an export: no value in it is a connector or an accepted domain of Exchange Online, and no " +
			"other file of the tenant has one; its values: "
	)
	for name, c := range map[string]struct {
		files   map[string]string
		records string
		warning string // "": none
		err     string
	}{
		"transport rules": {map[string]string{"x.json": ruleJSON, "d.json": domainJSON}, "contoso.com", "", ""},
		"organization settings": {map[string]string{
			"x.json": `{"Name":"contoso","Identity":"contoso","IsDehydrated":false}`,
			"d.json": domainJSON,
		}, "contoso.com", other, ""},
		"remote domains": {map[string]string{
			"x.json": `[{"DomainName":"*","Identity":"Default","Name":"Default"}]`,
			"d.json": domainJSON,
		}, "contoso.com", other, ""},
		"a report of REST": {map[string]string{
			"x.json": `{"@odata.context":"…","value":[{"Date":"2026-11-24","Count":3}]}`,
			"d.json": domainJSON,
		}, "contoso.com", other, ""},
		"a number": {map[string]string{"x.json": "1", "d.json": domainJSON}, "contoso.com", other, ""},
		"an error of REST": {
			map[string]string{"x.json": `{"error":{"code":"Unauthorized"}}`, "d.json": domainJSON},
			"contoso.com", other, "",
		},
		"results without Raw": {map[string]string{
			"x.json": `{"Results":{"EXO":[{"Groups":[]}]},"Summary":{}}`,
			"d.json": domainJSON,
		}, "contoso.com", other, ""},
		"Get-SendConnector": {
			map[string]string{"x.json": sendJSON, "d.json": domainJSON},
			"contoso.com",
			"x.json: not an export, and skipped; its values: 1 of Get-SendConnector (on-premises Exchange)", "",
		},
		"Get-ReceiveConnector": {
			map[string]string{"x.json": "[" + receiveJSON + "," + receiveJSON + "]", "d.json": domainJSON},
			"contoso.com",
			"x.json: not an export, and skipped; its values: 2 of Get-ReceiveConnector (on-premises Exchange)", "",
		},
		"connectors without direction": {
			map[string]string{"x.json": `{"Name":"x","ConnectorType":"Partner","Enabled":true}`, "d.json": domainJSON},
			"contoso.com",
			"x.json: not an export, and skipped; its values: 1 of connectors without a property of one direction (export all)",
			"",
		},
		"connectors with few properties": {
			map[string]string{"x.json": `[{"Name":"o","ConnectorType":"Partner","TlsDomain":"a.example"},
				{"Name":"i","ConnectorType":1,` +
				`"EFSkipLastIP":false}]`, "d.json": `{"DomainName":"contoso.com","MatchSubDomains":true}`},
			"contoso.com ←i →o", "", "",
		},
		"only transport rules": {map[string]string{"x.json": ruleJSON}, "", "", nothing +
			"1 of another kind (not a connector, not an accepted domain)"},
		"only a send connector": {map[string]string{"x.json": sendJSON}, "", "", nothing +
			"1 of Get-SendConnector (on-premises Exchange)"},
		"and a broken export": {
			map[string]string{"x.json": ruleJSON, "d.json": "{"},
			"", "",
			"d.json: not JSON: it breaks off in line 1",
		},
		"ScubaGear's results": {
			map[string]string{"x.json": `{"Results":{"EXO":[]},"Raw":{"accepted_domains":[` + domainJSON +
				`],"inbound_connectors":` + inboundJSON + `,"transport_rule":[{"Name":"r"}]}}`},
			"contoso.com ←In", "", "",
		},
		"Microsoft365DSC": {
			map[string]string{"x.json": `[{"ResourceName":"EXOAcceptedDomain","ResourceInstanceName":"contoso.com",
				"Identity":"contoso.com","DomainType":"Authoritative","Ensure":"Present"},
				{"ResourceName":"EXOInboundConnector","Identity":"Relay","SenderIPAddresses":["192.0.2.1"],"Ensure":"Present"},
				{"ResourceName":"EXOOutboundConnector","Identity":"Gateway","SmartHosts":["mail.contoso.com"],"Enabled":true}]`},
			"contoso.com ←Relay →Gateway", "", "",
		},
		"Microsoft365DSC, whole": {
			map[string]string{"x.json": `[{"ResourceName":"EXOAcceptedDomain","Identity":"contoso.com"},
				{"ResourceName":"EXOTransportRule","Name":"r","SenderDomains":[]},
				{"ResourceName":"EXOOutboundConnector","Identity":"Gone","SmartHosts":[],"Ensure":"Absent"},
				{"ResourceName":"AADUser","Identity":"u"}]`},
			"contoso.com", "x.json: values of it are skipped: 3 of another kind (not a connector, not an accepted domain)", "",
		},
		"copies of attributes": {
			map[string]string{"._d.json": "\x00\x05\x16\x07", "d.json": domainJSON},
			"contoso.com", "",
			"",
		},
		"no export": {
			map[string]string{"x.csv": "Name"},
			"", "",
			"no export (*.json) is in the folder: write JSON with ConvertTo-Json, not CSV",
		},
	} {
		s, dir, err := loadFolder(t, c.files, nil)
		got := ""
		if err != nil {
			got = strings.ReplaceAll(err.Error(), dir, "")
			got = strings.ReplaceAll(got, strings.TrimSuffix(dir, string(filepath.Separator))+": ", "")
		}
		if names(s) != c.records || got != c.err {
			t.Errorf("%s: %q, error %q; want %q, %q", name, names(s), got, c.records, c.err)
		}
		if warning := strings.ReplaceAll(strings.Join(s.Warnings, "\n"), dir, ""); warning != c.warning {
			t.Errorf("%s: warning %q, want %q", name, warning, c.warning)
		}
	}
}

// TestFileLosesItsRecords: a file that had records at the last load does not lose them by being empty or of another
// kind, but by [].
func TestFileLosesItsRecords(t *testing.T) {
	for text, want := range map[string]string{
		"": "x.json: had inbound connectors at the last load and is empty now; no other export has any. " +
			"Write [] where there is none",
		ruleJSON: "x.json: had inbound connectors at the last load and has no record of one now; no other export has any. " +
			"Write [] where there is none",
		"[]": "",
	} {
		_, dir, err := loadFolder(t, map[string]string{"x.json": text, "d.json": domainJSON},
			map[string]inventory.Kind{"x.json": inventory.InboundConnectors})
		got := ""
		if err != nil {
			got = strings.ReplaceAll(err.Error(), dir, "")
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestFilesOfAnotherFormat: an export as CSV or XML beside the others is not passed over in silence.
func TestFilesOfAnotherFormat(t *testing.T) {
	for name, warned := range map[string]bool{
		"inbound.csv": true, "Inbound.XML": true, "inbound.clixml": true, "notes.txt": false, ".inbound.csv": false,
	} {
		s, _, err := loadFolder(t, map[string]string{"d.json": domainJSON, name: `"Name","RequireTls"`}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := slices.ContainsFunc(s.Warnings, func(w string) bool {
			return strings.HasSuffix(w, name+": not JSON, and skipped: export with ConvertTo-Json -Depth 5")
		})
		if got != warned {
			t.Errorf("%s: %q", name, s.Warnings)
		}
	}
}

// TestListsInOneText: scripts join lists in their own ways.
func TestListsInOneText(t *testing.T) {
	for list, want := range map[string]string{
		`"192.0.2.1;192.0.2.2"`:       "192.0.2.1 192.0.2.2",
		`"192.0.2.1,192.0.2.0/25"`:    "192.0.2.1 192.0.2.0/25",
		`"192.0.2.1 | 192.0.2.2"`:     "192.0.2.1 192.0.2.2",
		`"192.0.2.1, 192.0.2.2;"`:     "192.0.2.1 192.0.2.2",
		`"192.0.2.1\r\n192.0.2.2"`:    "192.0.2.1 192.0.2.2",
		`"{192.0.2.1, 192.0.2.2}"`:    "192.0.2.1 192.0.2.2",
		`["192.0.2.1;192.0.2.2"]`:     "192.0.2.1 192.0.2.2",
		`["192.0.2.1","192.0.2.2 "]`:  "192.0.2.1 192.0.2.2",
		`{"value":"192.0.2.1","x":1}`: "192.0.2.1",
		`"{}"`:                        "", `""`: "", `";"`: "",
	} {
		s, err := loadExport(t, `{"Name":"x","SenderIPAddresses":`+list+`}`)
		if err != nil || strings.Join(s.Inbound[0].SenderIPAddresses, " ") != want {
			t.Errorf("%s: %q, %v; want %q", list, s.Inbound[0].SenderIPAddresses, err, want)
		}
	}
	for list, want := range map[string]string{
		`"smtp:*;1"`: "*",
		`"smtp:contoso.com;1;smtp:fabrikam.com;10"`:   "contoso.com fabrikam.com",
		`"smtp:contoso.com;1, smtp:*.fabrikam.com;1"`: "contoso.com *.fabrikam.com",
		`"contoso.com;fabrikam.com"`:                  "contoso.com fabrikam.com",
		`"contoso.com|fabrikam.com"`:                  "contoso.com fabrikam.com",
	} {
		s, err := loadExport(t, `{"Name":"x","SenderDomains":`+list+`}`)
		if err != nil || len(s.Warnings) > 0 || strings.Join(s.Inbound[0].SenderDomains, " ") != want {
			t.Errorf("%s: %q, %v, %q; want %q", list, s.Inbound[0].SenderDomains, err, s.Warnings, want)
		}
	}
}

// TestLostValuesAreUnknown: they are neither empty nor what PowerShell wrote for them.
func TestLostValuesAreUnknown(t *testing.T) {
	s, err := loadExport(t,
		`[{"Name":"out","ConnectorType":"Lokal","SmartHosts":"System.Collections.ArrayList",
		"RecipientDomains":["contoso.com","System.Object"],
		"Enabled":"Falsch"},{"Name":"System.Relay","SenderDomains":"System.Object[]","RequireTls":"Wahr","EFUsers":[]}]`)
	if err != nil {
		t.Fatal(err)
	}
	out, in := s.Outbound[0], s.Inbound[0]
	for _, key := range []string{"smart_hosts", "recipient_domains", "connector_type"} {
		if out.IsKnown(key) {
			t.Errorf("%s is known", key)
		}
	}
	if len(out.SmartHosts) > 0 || out.Type != "" || out.Enabled != mailflow.Unknown || in.RequireTLS != mailflow.Unknown {
		t.Errorf("%+v, %+v", out, in)
	}
	if in.Name != "System.Relay" || in.IsKnown("sender_domains") || !in.IsKnown("ef_users") {
		t.Errorf("%+v", in)
	}
}

// TestDeletedSince: a record that only an older file of the folder has is reported, where a newer one has its
// neighbours.
func TestDeletedSince(t *testing.T) {
	const gone = `{"Name":"Gone","SenderDomains":["*"]}`
	for name, c := range map[string]struct {
		older, newer string
		want         bool
	}{
		"deleted":                 {"[" + inboundJSON + "," + gone + "]", inboundJSON, true},
		"still there":             {"[" + inboundJSON + "," + gone + "]", "[" + inboundJSON + "," + gone + "]", false},
		"one file each":           {gone, inboundJSON, false},
		"another kind":            {"[" + inboundJSON + "," + gone + "]", outboundJSON, false},
		"added since":             {inboundJSON, "[" + inboundJSON + "," + gone + "]", false},
		"a name of the other way": {"[" + inboundJSON + "," + gone + "]", `{"Name":"In","UseMXRecord":true}`, false},
	} {
		dir := t.TempDir()
		for file, text := range map[string]string{"a.json": c.older, "b.json": c.newer} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		if err := os.Chtimes(filepath.Join(dir, "a.json"), day, day); err != nil {
			t.Fatal(err)
		}
		s, err := inventory.ExportFiles{Folder: dir, Observed: &inventory.Observations{}}.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := slices.ContainsFunc(s.Warnings, func(w string) bool {
			return strings.HasSuffix(w,
				`a.json: not in the newer export b.json, and probably deleted since: "Gone". Remove the older file`)
		})
		if got != c.want {
			t.Errorf("%s: %q", name, s.Warnings)
		}
	}
}

// TestDeletedSinceIsReportedOnce: of many older files, the newest that has the record.
func TestDeletedSinceIsReportedOnce(t *testing.T) {
	dir := t.TempDir()
	for i, text := range []string{
		`[{"Name":"In","RequireTls":true},{"Name":"Gone","RequireTls":true}]`,
		`[{"Name":"In","RequireTls":true},{"Name":"Gone","RequireTls":true}]`,
		`[{"Name":"In","RequireTls":true}]`, `[{"Name":"In","RequireTls":true}]`,
	} {
		file := filepath.Join(dir, string(rune('a'+i))+".json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		day := time.Date(2026, 11, i+1, 0, 0, 0, 0, time.UTC)
		if err := os.Chtimes(file, day, day); err != nil {
			t.Fatal(err)
		}
	}
	s, err := inventory.ExportFiles{Folder: dir, Observed: &inventory.Observations{}}.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range s.Warnings {
		if strings.Contains(w, "deleted since") {
			got = append(got, filepath.Base(w))
		}
	}
	want := []string{`b.json: not in the newer export d.json, and probably deleted since: "Gone". Remove the older file`}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
