package inventory_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/mailflow"
)

const yes, no = mailflow.Yes, mailflow.No

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

// exportWant is what each file of testdata/exports contains, with its warnings (their ends).
var exportWant = map[string]struct {
	snapshot inventory.Snapshot
	warnings []string
}{
	"array-of-none.json": {}, "null.json": {}, "ps51-none.json": {},
	"ps7-accepted.json": {snapshot: inventory.Snapshot{AcceptedDomains: []mailflow.AcceptedDomain{
		{
			Name: "contoso.com", Type: "Authoritative", MatchSubDomains: no, Default: yes, Initial: no, OutboundOnly: no,
			PendingRemoval: no, SendingFromDisabled: no, SendingToDisabled: no,
		},
		{
			Name: "xn--bcher-kva.example", Type: "InternalRelay", MatchSubDomains: yes, Default: no, Initial: no,
			OutboundOnly: yes,
		},
		{Name: "contoso.partner.onmschina.cn", Type: "Authoritative", Default: no, Initial: yes},
	}}},
	"ps7-inbound.json": {snapshot: inventory.Snapshot{Inbound: []mailflow.InboundConnector{
		{
			Common: mailflow.Common{
				Name: "Inbound from 11111111-2222-3333-4444-555555555555", Type: mailflow.OnPremises, Source: "HybridWizard",
				Enabled:                  yes,
				CloudServicesMailEnabled: yes, WhenCreated: at("2026-07-23T22:55:04Z"), WhenChanged: at("2026-07-23T22:55:13Z"),
				GUID: "00000000-0000-0000-0000-000000000001",
			},
			SenderDomains: []string{"*"}, RestrictDomainsToIPAddresses: no, RestrictDomainsToCertificate: no, RequireTLS: yes,
			TLSSenderCertificateName: "*.contoso.com", TreatMessagesAsInternal: no, EFSkipLastIP: no,
		},
		{
			Common: mailflow.Common{
				Name: `From Fabrikam / "partners"`, Type: mailflow.Partner, Source: "AdminUI", Comment: "first line  second line",
				Enabled: no,
				GUID:    "00000000-0000-0000-0000-000000000002",
			},
			SenderDomains:                []string{"fabrikam.com", "*.fabrikam.com"},
			SenderIPAddresses:            []string{"198.51.100.10", "203.0.113.1/25"},
			RestrictDomainsToIPAddresses: yes, RestrictDomainsToCertificate: no, RequireTLS: yes, EFSkipLastIP: yes,
			EFSkipIPs: []string{"192.0.2.1-192.0.2.9"}, EFUsers: []string{"someone@contoso.com"},
		},
	}}},
	"ps51-inbound-single.json": {snapshot: inventory.Snapshot{Inbound: []mailflow.InboundConnector{{
		Common: mailflow.Common{
			Name: "Scanner relay", Type: mailflow.OnPremises, Source: "SomethingNew", Enabled: yes, CloudServicesMailEnabled: no,
			WhenChanged: at("2026-03-03T01:15:23Z"),
		},
		SenderDomains: []string{"*"}, SenderIPAddresses: []string{"192.0.2.7"}, RequireTLS: no,
	}}}},
	"ps51-outbound-count.json": {snapshot: inventory.Snapshot{Outbound: []mailflow.OutboundConnector{{
		Common: mailflow.Common{
			Name: "To on-premises", Type: mailflow.OnPremises, Source: "AdminUI", Enabled: yes, CloudServicesMailEnabled: yes,
			GUID: "00000000-0000-0000-0000-000000000003",
		},
		UseMXRecord: no, SmartHosts: []string{"mail.contoso.com", "[192.0.2.25]"},
		TLSSettings:        mailflow.CertificateValidation,
		AllAcceptedDomains: no, IsTransportRuleScoped: yes, RouteAllMessagesViaOnPremises: no, SenderRewritingEnabled: no,
		MTASTSMode: "Opportunistic", SMTPDANEMode: "Opportunistic", TestMode: no,
		ValidationRecipients: []string{"a@contoso.com"},
		IsValidated:          no, LastValidation: at("2026-07-23T18:59:12Z"),
	}}}},
	"ps7-outbound.json": {snapshot: inventory.Snapshot{Outbound: []mailflow.OutboundConnector{
		{
			Common:      mailflow.Common{Name: "To Fabrikam", Type: mailflow.Partner, Source: "AdminUI", Enabled: yes},
			UseMXRecord: yes, RecipientDomains: []string{"fabrikam.com", "*.fabrikam.com"}, TLSDomain: "*.fabrikam.com",
			TLSSettings: mailflow.DomainValidation, MTASTSMode: "None", SMTPDANEMode: "SomethingNew", TestMode: yes,
			IsValidated:    yes,
			LastValidation: at("2026-07-24T18:59:12Z"),
		},
		{
			Common: mailflow.Common{
				Name:              "Hardly anything",
				MissingProperties: []string{"recipient_domains", "smart_hosts", "tls_settings", "tls_domain"},
			},
			UseMXRecord: no,
		},
	}}},
	"low-depth.json": {
		snapshot: inventory.Snapshot{
			Outbound: []mailflow.OutboundConnector{{
				Common: mailflow.Common{
					Name: "Stringified", Type: mailflow.OnPremises, Enabled: yes,
					MissingProperties: []string{"tls_domain"},
				},
				UseMXRecord: no, SmartHosts: []string{"mail.contoso.com", "192.0.2.25"},
				RecipientDomains: []string{"contoso.com", "fabrikam.com"},
				TLSSettings:      mailflow.EncryptionOnly,
			}},
			Inbound: []mailflow.InboundConnector{{
				Common:        mailflow.Common{Name: "Stringified too", MissingProperties: []string{"tls_sender_certificate_name"}},
				SenderDomains: []string{"*"}, SenderIPAddresses: []string{"198.51.100.10", "198.51.100.11"},
			}},
		},
		warnings: []string{
			"record 2: RequireTls: must be true or false",
			"record 2: Enabled: the value was lost; export with ConvertTo-Json -Depth 5",
		},
	},
	"rest-inbound.json": {
		snapshot: inventory.Snapshot{Inbound: []mailflow.InboundConnector{{
			Common: mailflow.Common{
				Name: "From REST", Type: mailflow.OnPremises, Enabled: yes, WhenChanged: at("2026-07-23T22:55:13Z"),
				MissingProperties: []string{"tls_sender_certificate_name"},
			},
			SenderDomains: []string{"*"}, SenderIPAddresses: []string{"198.51.100.10"}, RequireTLS: yes,
		}}},
		warnings: []string{"more records are on another page (@odata.nextLink) and are missing here"},
	},
	"scubagear.json": {snapshot: inventory.Snapshot{
		AcceptedDomains: []mailflow.AcceptedDomain{
			{Name: "contoso.onmicrosoft.com", Type: "Authoritative", MatchSubDomains: no, Default: yes, Initial: yes},
		},
		Inbound: []mailflow.InboundConnector{{
			Common: mailflow.Common{
				Name: "From Fabrikam", Type: mailflow.Partner, Source: "Default", Enabled: yes,
				WhenChanged: at("2026-03-03T01:15:23Z"),
			},
			SenderDomains: []string{"fabrikam.com"}, RequireTLS: yes, RestrictDomainsToCertificate: yes,
			TLSSenderCertificateName: "mail.fabrikam.com",
		}},
	}},
}

func encode(text string, order binary.AppendByteOrder) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		out = order.AppendUint16(out, unit)
	}
	return string(out)
}

func utf16le(text string) string { return encode(text, binary.LittleEndian) }

// TestExports reads every file of testdata/exports, in every encoding that PowerShell writes.
func TestExports(t *testing.T) {
	files, err := filepath.Glob("testdata/exports/*.json")
	if err != nil || len(files) != len(exportWant) {
		t.Fatalf("%d files for %d expectations, %v", len(files), len(exportWant), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := exportWant[filepath.Base(file)]
		for encoding, content := range map[string]string{
			"UTF-8": string(text), "UTF-8 with mark": "\ufeff" + string(text),
			"UTF-16LE": utf16le(string(text)), "UTF-16BE": encode(string(text), binary.BigEndian),
			"UTF-16LE without mark": utf16le(string(text))[2:],
			"UTF-16BE without mark": encode(string(text), binary.BigEndian)[2:],
		} {
			got, err := loadExport(t, content)
			if err != nil {
				t.Errorf("%s, %s: %v", file, encoding, err)
				continue
			}
			if got.Time.IsZero() || len(got.Parts) != 1 {
				t.Errorf("%s: time %v, parts %v", file, got.Time, got.Parts)
			}
			ignored := cmpopts.IgnoreFields(inventory.Snapshot{}, "Time", "Parts", "Warnings", "Unread", "Organization")
			unexported := cmpopts.IgnoreUnexported(inventory.Snapshot{})
			if diff := cmp.Diff(want.snapshot, got, cmpopts.EquateEmpty(), ignored, unexported); diff != "" {
				t.Errorf("%s, %s: %s", file, encoding, diff)
			}
			if len(got.Warnings) != len(want.warnings) {
				t.Errorf("%s: warnings %q", file, got.Warnings)
				continue
			}
			for i, w := range want.warnings {
				if !strings.HasSuffix(got.Warnings[i], w) {
					t.Errorf("%s: warning %q, want an end of %q", file, got.Warnings[i], w)
				}
			}
		}
	}
}

// loadExport reads an export with this content.
func loadExport(t *testing.T, content string) (inventory.Snapshot, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "e.json")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return load(t, file)
}

func load(t *testing.T, file string) (inventory.Snapshot, error) {
	t.Helper()
	name, err := inventory.NewName("", file)
	if err != nil {
		t.Fatal(err)
	}
	return inventory.ExportFiles{Names: []inventory.Name{name}, Observed: &inventory.Observations{}}.Load(t.Context())
}

// TestBadExports: each is a problem of its tenant alone, and names the place, never what is there.
func TestBadExports(t *testing.T) {
	const (
		good      = `{"Name":"x","UseMXRecord":true}`
		notExport = "not an export: no value in it is a connector or an accepted domain of Exchange Online, and no other " +
			"file " +
			"of the tenant has one; its values: 1 of another kind (not a connector, not an accepted domain)"
	)
	const again = " on: export with ConvertTo-Json -Depth 5"
	const encoding = "neither UTF-8 nor UTF-16: write it with -Encoding utf8"
	for text, want := range map[string]string{
		"{":                               "not JSON: it breaks off in line 1",
		"[" + good + ",\n{\"Name\":\"sec": "not JSON: it breaks off in line 2",
		"[\n" + good + "\n" + good + "]":  "not JSON from line 3" + again,
		good + "\r\n" + good: "more than one JSON value, from line 2 on: write one array, with " +
			"ConvertTo-Json -Depth 5 -InputObject @(…)",
		good + "\n[]\n": "more than one JSON value, from line 2 on: write one array, with " +
			"ConvertTo-Json -Depth 5 -InputObject @(…)",
		good + "\n secret": "not JSON from line 2" + again,
		"<!DOCTYPE html>\n<title>secret</title>": "not JSON but HTML, such as a page to sign in: export with " +
			"ConvertTo-Json -Depth 5",
		"\r\n\r\nName          : secret\r\nConnectorType : OnPremises\r\n": "not JSON but what PowerShell displays: " +
			"export with ConvertTo-Json -Depth 5",
		"Name   Enabled\r\n----   -------\r\nsecret True\r\n": "not JSON but what PowerShell displays: export with " +
			"ConvertTo-Json -Depth 5",
		`{"secret":1}`:                               notExport,
		`{"error":{"code":"Unauthorized"}}`:          notExport,
		"\"Name\",\"SmartHosts\"\r\n\"a\",\"b\"\r\n": "not JSON but CSV: export with ConvertTo-Json -Depth 5",
		"Name;Enabled;SenderDomains\nsecret":         "not JSON but CSV: export with ConvertTo-Json -Depth 5",
		"#TYPE Deserialized.Microsoft\n\"a\"":        "not JSON but CSV: export with ConvertTo-Json -Depth 5",
		utf16le("<Objs Version=\"1.1.0.1\"/>"): "not JSON but XML: export with " +
			"ConvertTo-Json -Depth 5",
		"Name, Enabled: {secret}":                                             "not JSON from line 1" + again,
		"{\"Name\":\"\xfc\"}":                                                 encoding,
		strings.Repeat("[", 20_000):                                           "not JSON from line 1" + again,
		strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000):               notExport,
		"[" + strings.Repeat("{\"UseMXRecord\":true},", 100_000) + good + "]": "more than 100000 records",
		`{"SmartHosts":[` + strings.Repeat("1,", 100_000) + "1]}":             "record 1 has more than 100000 values",
	} {
		_, err := loadExport(t, text)
		if err == nil || !strings.HasSuffix(err.Error(), "e.json: "+want) {
			t.Errorf("%.40q: %v; want an end of %q", text, err, want)
		}
	}
}

// TestOddExports load, with a warning.
func TestOddExports(t *testing.T) {
	const c = `{"Name":"x","UseMXRecord":true}`
	const empty = "the file is empty and counts as no record; ConvertTo-Json -InputObject @(…) writes [] for none"
	const lost = "the value was lost; export with ConvertTo-Json -Depth 5"
	for _, tt := range []struct{ text, want string }{
		{"", empty},
		{" \r\n", empty},
		{"\ufeff", empty},
		{utf16le(""), empty},
		{utf16le("\r\n"), empty},
		{"[" + c + ", 1]", "values of it are skipped: 1 of another kind (not a connector, not an accepted domain)"},
		{"[" + c + `,{"Name":"s","AddressSpaces":[],"SmartHosts":["mail.contoso.com"]},{"RequireTLS":false,"Bindings":[]},` +
			`{"x":1}]`, "values of it are skipped: 1 of another kind (not a connector, not an accepted domain), " +
			"1 of Get-SendConnector (on-premises Exchange), 1 of Get-ReceiveConnector (on-premises Exchange)"},
		{`{"Name":"x","SmartHosts":"System.Collections.ArrayList"}`, "record 1: SmartHosts: " + lost},
		{`{"Name":"x","SmartHosts":["mail.contoso.com","System.Object[]"]}`, "record 1: SmartHosts[1]: " + lost},
		{`{"Name":"x","SenderDomains":"Microsoft.Exchange.Data.MultiValuedProperty"}`, "record 1: SenderDomains: " + lost},
		{`{"Name":"x","SenderDomains":"Deserialized.System.Collections.ArrayList"}`, "record 1: SenderDomains: " + lost},
		{`{"Name":"x","SmartHosts":["@{Domain=mail.contoso.com; Address=}"]}`, "record 1: SmartHosts[0]: " + lost},
		{`{"Name":"x","SenderDomains":"@{Address=smtp:*;1}"}`, "record 1: SenderDomains: " + lost},
		{`{"Name":"x","EFUsers":"System.String[]","SenderDomains":[]}`, "record 1: EFUsers: " + lost},
		{`{"Name":"x","UseMXRecord":true,"Enabled":"Microsoft.Exchange.Data.Boolean"}`, "record 1: Enabled: " + lost},
		{`{"Name":"x","UseMXRecord":true,"TlsSettings":"System.Nullable"}`, "record 1: TlsSettings: " + lost},
		{`{"Name":"x","UseMXRecord":true,"Enabled":"Falsch"}`, "record 1: Enabled: must be true or false"},
		{`{"Name":"x","UseMXRecord":true,"Enabled":0}`, "record 1: Enabled: must be true or false"},
		{
			`{"Name":"x","UseMXRecord":true,"TlsSettings":"Keine"}`,
			"record 1: TlsSettings: must be one of EncryptionOnly, CertificateValidation, DomainValidation",
		},
		{
			`{"Name":"x","UseMXRecord":true,"ConnectorType":"Lokal"}`,
			"record 1: ConnectorType: must be one of OnPremises, Partner",
		},
		{`{"Name":"x","UseMXRecord":true,"ConnectorType":3}`, "record 1: ConnectorType: must be one of OnPremises, Partner"},
		{
			`{"Name":"x","SmartHosts":"{mail1.contoso.com, mail2.contoso.com...}"}`,
			"record 1: SmartHosts[1]: must be a host such as mail.contoso.com, or an IP address",
		},
		{"[" + c + "," + c + "]", "1 of its records are in it, or in an export before it, too: the last one counts"},
		{`{"Name":"x","UseMXRecord":true,"UseMXRecord":false}`, "record 1: UseMXRecord: duplicate key"},
		{
			`{"Name":"x","SmartHosts":["a b"]}`,
			"record 1: SmartHosts[0]: must be a host such as mail.contoso.com, or an IP address",
		},
		{`{"Name":"x","SmartHosts":{"a":{"b":{"c":{"d":{"e":1}}}}}}`, "record 1: SmartHosts[0]: must be text"},
		{`{"Name":"x\u0000","SmartHosts":[]}`, "record 1: Name: control characters are not allowed"},
		{
			`{"Name":"x","SmartHosts":["[192.0.2.1"]}`,
			"record 1: SmartHosts[0]: must be a host such as mail.contoso.com, or an IP address",
		},
		{`{"SmartHosts":["mail.contoso.com"]}`, "record 1: Name: the record has no name and is left out"},
		{`{"Name":null,"SenderDomains":["smtp:*;1"]}`, "record 1: Name: the record has no name and is left out"},
		{`{"DomainName":"","DomainType":0}`, "record 1: DomainName: must be a domain such as contoso.com"},
		{`{"DomainName":null,"DomainType":0}`, "record 1: DomainName: must be a domain such as contoso.com"},
		{
			`{"Name":"x","UseMXRecord":true,"WhenChangedUTC":"never"}`,
			"record 1: WhenChangedUTC: must be a time such as 2026-11-24T12:00:00Z",
		},
	} {
		got, err := loadExport(t, tt.text)
		if err != nil || len(got.Warnings) != 1 || !strings.HasSuffix(got.Warnings[0], tt.want) {
			t.Errorf("%s: %v, warnings %q; want an end of %q", tt.text, err, got.Warnings, tt.want)
		}
		if value := strings.HasPrefix(tt.want, "record "); value != (len(got.Unread) == 1) {
			t.Errorf("%s: unread values %+v", tt.text, got.Unread)
		}
	}
}

// TestSpellings: the same connector in other ways that occur.
func TestSpellings(t *testing.T) {
	const c = `{"Name":"x","UseMXRecord":true,"WhenChangedUTC":"/Date(1772500523000)/"}`
	want, _ := loadExport(t, c)
	for _, text := range []string{
		`{"value":[` + c + `],"Count":1}`, `{"Value":[` + c + `],"Count":1}`, `{"Value":` + c + `,"Count":1}`,
		strings.Replace(c, ")/", "+0200)/", 1), strings.Replace(c, ")/", "-0330)/", 1),
	} {
		got, err := loadExport(t, text)
		if err != nil || len(got.Warnings) > 0 {
			t.Errorf("%s: %v, warnings %q", text, err, got.Warnings)
		}
		if diff := cmp.Diff(want.Outbound, got.Outbound); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}
