package inventory_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/mailflow"
)

// reportExports are exports of the cmdlets that are neither of connectors nor of accepted domains, as PowerShell and
// the REST interface write them.
var reportExports = map[string]string{
	"config.json": `{"Name":"contoso","RejectDirectSend":true,"IsDehydrated":false,"Guid":"0"}`,
	"rules.json": `{"value":[{"Name":"To gateway","State":"Enabled","Mode":"Enforce","Priority":0,"Guid":"g1",
		"RouteMessageOutboundConnector":"Gateway","ExpiryDate":null,"ActivationDate":"2026-11-01T00:00:00"},
		{"Name":"Old","State":1,"Mode":2,"Priority":1,"RouteMessageOutboundConnector":null}]}`,
	"blocked.json": `[{"ConnectorId":"0af0","ConnectorName":"From printers","Reason":"Compromised",
		"CreatedTime":"2026-11-20T10:00:00.0000000Z","ExpirationTime":null}]`,
	"servers.json": `[{"ServerFQDN":"ex1.contoso.com","Build":"15.1.2507.6","ExchangeServer":"Exchange 2016",
		"RecommendedBuildVersions":["15.1.2507.61","15.2.1748.39"],"FirstDetectedDate":"/Date(1772500523000)/",
		"ThrottleEnabledDate":"2026-12-01T00:00:00","BlockingEnabledDate":"2026-12-31T00:00:00",
		"NextStageThrottleRate":5,"NextStageBlockRate":0,"NextStageStartDate":"0001-01-01T00:00:00"}]`,
	"pause.json": `{"BlockingScenario":"UnpatchedOnPremServer","EndDate":"2027-01-15T00:00:00Z"}`,
	"routes.json": `[{"Cmdlet":"Get-OutboundConnectorReport","Domain":"contoso.com","Name":"Gateway",
		"Organization":"contoso.onmicrosoft.com"}]`,
	"ipv6.json": `[{"Cmdlet":"Get-IPv6StatusForAcceptedDomain","DomainName":"Contoso.com","Status":"Enabled"}]`,
	"dane.json": `[{"DomainName":"contoso.com","SmtpDaneInboundStatus":"Disabled"}]`,
	"dnssec.json": `[{"DomainName":"contoso.com","DnssecFeatureStatus":{"Value":"Enabled"},
		"ExpectedMxRecord":{"Record":"@ 60 IN MX 10 contoso-com.e-v1.mx.microsoft"},"Errors":[]}]`,
}

var organizationWant = mailflow.Organization{
	RejectDirectSend: yes,
	Rules: []mailflow.TransportRule{
		{
			Name: "To gateway", State: "Enabled", Mode: "Enforce", GUID: "g1", Connector: "Gateway",
			Activation: at("2026-11-01T00:00:00Z"),
		},
		{Name: "Old", State: "Disabled", Mode: "Enforce"},
	},
	Blocked: []mailflow.BlockedConnector{{
		ConnectorID: "0af0", Name: "From printers", Reason: "Compromised", Since: at("2026-11-20T10:00:00Z"),
	}},
	Servers: []mailflow.OnPremServer{{
		Name: "ex1.contoso.com", Build: "15.1.2507.6", RecommendedBuilds: []string{"15.1.2507.61", "15.2.1748.39"},
		Throttled: at("2026-12-01T00:00:00Z"), Blocked: at("2026-12-31T00:00:00Z"), BlockRate: "0",
	}},
	Exemptions: []mailflow.Exemption{{Scenario: "UnpatchedOnPremServer", Until: at("2027-01-15T00:00:00Z")}},
	Routes:     []mailflow.ConnectorRoute{{Domain: "contoso.com", Connector: "Gateway"}},
	IPv6:       []mailflow.DomainStatus{{Domain: "contoso.com", Status: "Enabled"}},
	DANE:       []mailflow.DomainStatus{{Domain: "contoso.com", Status: "Disabled"}},
	DNSSEC:     []mailflow.DomainStatus{{Domain: "contoso.com", Status: "Enabled", MX: "contoso-com.e-v1.mx.microsoft"}},
}

func TestReportsAreReadByTheirKeys(t *testing.T) {
	files := map[string]string{"domains.json": domainJSON}
	maps.Copy(files, reportExports)
	s, _, err := loadFolder(t, files, nil)
	if err != nil || len(s.Warnings) > 0 || len(s.Unread) > 0 {
		t.Fatalf("%v, %q, %v", err, s.Warnings, s.Unread)
	}
	read := cmpopts.IgnoreFields(mailflow.Organization{}, "Read")
	if diff := cmp.Diff(organizationWant, s.Organization, read); diff != "" {
		t.Error(diff)
	}
	for _, c := range mailflow.OptionalCmdlets {
		if !s.Organization.HasRead(c) {
			t.Errorf("%s counts as not read", c)
		}
	}
	if s.Organization.HasRead(mailflow.GetOutboundConnector) {
		t.Error("outbound connectors count as read")
	}
}

// TestDocumentOfAllCmdlets: what the cmdlets return is read as their exports are, by the cmdlet's name where the keys
// of a record do not show what it is.
func TestDocumentOfAllCmdlets(t *testing.T) {
	text := `{"Get-AcceptedDomain":` + domainJSON + `,"Get-InboundConnector":` + inboundJSON + `,
		"Get-OutboundConnector":[],
		"Get-OrganizationConfig":[` + reportExports["config.json"] + `],
		"Get-TransportRule":` + reportExports["rules.json"] + `,
		"Get-BlockedConnector":` + reportExports["blocked.json"] + `,
		"Get-OnPremServerReportInfo":` + reportExports["servers.json"] + `,
		"Get-TenantExemptionInfo":` + reportExports["pause.json"] + `,
		"Get-OutboundConnectorReport":[{"Domain":"contoso.com","Name":"Gateway"}],
		"Get-IPv6StatusForAcceptedDomain":[{"Domain":"contoso.com","Status":"Enabled"}],
		"Get-SmtpDaneInboundStatus":[{"Domain":"contoso.com","Status":"Disabled"}],
		"Get-DnssecStatusForVerifiedDomain":` + reportExports["dnssec.json"] + `}`
	s, err := inventory.Document{Name: "Exchange Online", Data: []byte(text)}.Load(t.Context())
	read := cmpopts.IgnoreFields(mailflow.Organization{}, "Read")
	if diff := cmp.Diff(organizationWant, s.Organization, read); diff != "" || names(s) != "contoso.com ←In" {
		t.Error(names(s), diff)
	}
	if err != nil || len(s.Organization.Read) != 12 || len(s.Warnings) > 0 {
		t.Errorf("%v, %q, %q", err, s.Organization.Read, s.Warnings)
	}
}

// TestCmdletsThatWereNotRead: a list that is missing or of which one page is there is not known.
func TestCmdletsThatWereNotRead(t *testing.T) {
	const rule = `{"Name":"r","State":"Enabled","Mode":"Enforce","Priority":1}`
	for text, want := range map[string]string{
		`{"Get-AcceptedDomain":[` + domainJSON + `]}`:                                "Get-AcceptedDomain",
		`{"Get-AcceptedDomain":[],"Get-TransportRule":[]}`:                           "Get-AcceptedDomain Get-TransportRule",
		`{"Get-Mailbox":[],"Get-TransportRule":[]}`:                                  "Get-TransportRule",
		`{"Get-TransportRule":{"value":[` + rule + `],"@odata.nextLink":"https:x"}}`: "",
	} {
		s, err := inventory.Document{Data: []byte(text)}.Load(t.Context())
		var got []string
		for _, c := range s.Organization.Read {
			got = append(got, string(c))
		}
		if strings.Join(got, " ") != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
	}
}

// TestNoRecord: [] has no key that shows of what there is none; the name of the file does.
func TestNoRecord(t *testing.T) {
	for name, want := range map[string]bool{
		"BlockedConnector.json": true, "get-blockedconnector.JSON": true, "blocked.json": false,
	} {
		s, _, err := loadFolder(t, map[string]string{name: "[]", "d.json": domainJSON}, nil)
		if err != nil || s.Organization.HasRead(mailflow.GetBlockedConnector) != want {
			t.Errorf("%s: %q, %v", name, s.Organization.Read, err)
		}
	}
}

// TestReportsOfScubaGear: its export of all settings has mail flow rules and the organization configuration.
func TestReportsOfScubaGear(t *testing.T) {
	s, _, err := loadFolder(t, map[string]string{"ProviderSettingsExport.json": `{"accepted_domains":[` + domainJSON + `],
		"transport_rule":` + ruleJSON + `,"org_config":[{"Name":"contoso","RejectDirectSend":false},{"Name":"x"}],
		"conn_filter":[{"Name":"Default"}]}`}, nil)
	o := s.Organization
	if err != nil || len(s.Warnings) > 0 || len(o.Rules) != 1 || o.RejectDirectSend != no {
		t.Errorf("%+v, %q, %v", o, s.Warnings, err)
	}
}

// TestUndocumentedRecords: where Microsoft documents no property, the name of the file shows what a record is.
func TestUndocumentedRecords(t *testing.T) {
	s, _, err := loadFolder(t, map[string]string{
		"d.json":                           domainJSON,
		"IPv6StatusForAcceptedDomain.json": `[{"Domain":"contoso.com","Status":"Enabled"}]`,
		"OutboundConnectorReport.json":     `[{"Domain":"contoso.com","Name":"Gateway"}]`,
		"RemoteDomain.json":                `[{"DomainName":"*","Name":"Default"}]`,
	}, nil)
	if err != nil || len(s.Organization.IPv6) != 1 || len(s.Organization.Routes) != 1 || len(s.Warnings) != 1 {
		t.Errorf("%+v, %q, %v", s.Organization, s.Warnings, err)
	}
}

// TestUnreadableReportsKeepConnectors: a file of these kinds may break or vanish; the tenant stays.
func TestUnreadableReportsKeepConnectors(t *testing.T) {
	s, _, err := loadFolder(t, map[string]string{"d.json": domainJSON, "r.json": ruleJSON + "\x00"},
		map[string]inventory.Kind{"d.json": inventory.AcceptedDomains, "r.json": inventory.TransportRules})
	if err == nil || len(s.AcceptedDomains) != 1 {
		t.Errorf("a broken file: %v", err)
	}
	s, _, err = loadFolder(t, map[string]string{"d.json": domainJSON},
		map[string]inventory.Kind{"d.json": inventory.AcceptedDomains, "r.json": inventory.TransportRules})
	if err != nil || s.Organization.HasRead(mailflow.GetTransportRule) {
		t.Errorf("a file that vanished: %v", err)
	}
	s, _, err = loadFolder(t, map[string]string{"d.json": domainJSON, "TransportRule.json": "{"}, nil)
	if want := "TransportRule.json: not JSON: it breaks off in line 1"; err != nil ||
		s.Organization.Failed[mailflow.GetTransportRule] != want || len(s.Warnings) != 1 {
		t.Errorf("a file that breaks off: %v, %q, %q", err, s.Organization.Failed, s.Warnings)
	}
}

func TestUnreadValuesOfReports(t *testing.T) {
	s, _, err := loadFolder(t, map[string]string{
		"d.json": domainJSON,
		"c.json": `{"RejectDirectSend":"Falsch"}`,
		"s.json": `{"ServerFQDN":"ex1","BlockingEnabledDate":"12/31/2026 1:00:00 AM"}`,
		"b.json": `[{"ConnectorId":"","Reason":"x"}]`,
	}, nil)
	var got []string
	for _, u := range s.Unread {
		got = append(got, u.Values[0].Place)
	}
	slices.Sort(got)
	if want := "BlockingEnabledDate ConnectorId RejectDirectSend"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("%q, %v; want %s", got, err, want)
	}
	if len(s.Organization.Blocked) != 0 || s.Organization.RejectDirectSend != mailflow.Unknown {
		t.Errorf("%+v", s.Organization)
	}
}

// TestManyReports: as many records as one file may have.
func TestManyReports(t *testing.T) {
	rule := `{"State":"Enabled","Mode":"Enforce","Priority":1,"Name":"r"}`
	text := "[" + strings.Repeat(rule+",", 100_000) + rule + "]"
	_, _, err := loadFolder(t, map[string]string{"d.json": domainJSON, "r.json": text}, nil)
	if err == nil || !strings.Contains(err.Error(), "more than 100000 records") {
		t.Error(err)
	}
}

// FuzzDocument: no answer of any cmdlet may panic, or bring control characters into a name.
func FuzzDocument(f *testing.F) {
	for _, text := range reportExports {
		f.Add([]byte(text), "contoso.com")
		for _, c := range mailflow.OptionalCmdlets {
			f.Add([]byte(text), string(c))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, cmdlet string) {
		text := append(append([]byte(`{"`+cmdlet+`":`), data...), '}')
		s, err := inventory.Document{Data: text}.Load(t.Context())
		if err != nil {
			return
		}
		for _, r := range s.Organization.Rules {
			if r.Name == "" || strings.ContainsFunc(r.Name+r.Connector, unicode.IsControl) {
				t.Errorf("%q", r)
			}
		}
		for _, status := range s.Organization.IPv6 {
			if _, err := inventory.ParseDomain(status.Domain); err != nil {
				t.Errorf("%q", status)
			}
		}
	})
}
