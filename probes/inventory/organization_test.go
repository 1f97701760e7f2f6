package inventory_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

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

// TestAnswersEqualExports: what a cmdlet returns is read as its export is.
func TestAnswersEqualExports(t *testing.T) {
	var s inventory.Snapshot
	for _, a := range []inventory.Answer{
		{Cmdlet: mailflow.GetOrganizationConfig, Value: []byte(reportExports["config.json"])},
		{Cmdlet: mailflow.GetTransportRule, Value: []byte(reportExports["rules.json"])},
		{Cmdlet: mailflow.GetBlockedConnector, Value: []byte(reportExports["blocked.json"])},
		{Cmdlet: mailflow.GetOnPremServerReport, Value: []byte(reportExports["servers.json"])},
		{Cmdlet: mailflow.GetTenantExemption, Value: []byte(reportExports["pause.json"])},
		{Cmdlet: mailflow.GetOutboundReport, Domain: "contoso.com", Value: []byte(`{"value":[{"Name":"Gateway"}]}`)},
		{Cmdlet: mailflow.GetIPv6Status, Domain: "contoso.com", Value: []byte(`[{"Status":"Enabled"}]`)},
		{Cmdlet: mailflow.GetSMTPDANEInboundStatus, Domain: "contoso.com", Value: []byte(`{"Status":"Disabled"}`)},
		{
			Cmdlet: mailflow.GetDNSSECStatus, Domain: "contoso.com", Value: []byte(`{"value":[{"DnssecFeatureStatus":
			"Enabled","ExpectedMxRecord":{"Record":"@ 60 IN MX 10 contoso-com.e-v1.mx.microsoft"}}]}`),
		},
		{Cmdlet: mailflow.GetAcceptedDomain, Value: []byte(domainJSON)},
		{Cmdlet: mailflow.GetInboundConnector, Value: []byte(inboundJSON)},
		{Cmdlet: mailflow.GetOutboundConnector, Value: []byte("[]")},
	} {
		if err := s.AddAnswer(a); err != nil {
			t.Errorf("%s: %v", a.Cmdlet, err)
		}
	}
	read := cmpopts.IgnoreFields(mailflow.Organization{}, "Read")
	if diff := cmp.Diff(organizationWant, s.Organization, read); diff != "" || names(s) != "contoso.com ←In" {
		t.Error(names(s), diff)
	}
	if len(s.Organization.Read) != 12 || len(s.Warnings) > 0 {
		t.Errorf("%q, %q", s.Organization.Read, s.Warnings)
	}
}

func TestAnswersThatAreNotWhole(t *testing.T) {
	for name, c := range map[string]struct {
		answer inventory.Answer
		want   string
	}{
		"another cmdlet": {inventory.Answer{Cmdlet: "Get-Mailbox", Value: []byte("[]")}, "not a cmdlet"},
		"one page": {inventory.Answer{
			Cmdlet: mailflow.GetTransportRule,
			Value:  []byte(`{"value":[{"Name":"r","State":"Enabled","Mode":"Enforce","Priority":1}],"@odata.nextLink":"x"}`),
		}, "another page"},
		"HTML": {inventory.Answer{Cmdlet: mailflow.GetTransportRule, Value: []byte("<html>")}, "not JSON"},
		"error": {
			inventory.Answer{Cmdlet: mailflow.GetBlockedConnector, Value: []byte(`{"error":{"code":"x"}}`)},
			"not a record",
		},
		"records of another cmdlet": {
			inventory.Answer{Cmdlet: mailflow.GetInboundConnector, Value: []byte(outboundJSON)},
			"not a record",
		},
	} {
		var s inventory.Snapshot
		err := s.AddAnswer(c.answer)
		if err == nil || !strings.Contains(err.Error(), c.want) || len(s.Organization.Read) > 0 {
			t.Errorf("%s: %v, read %q", name, err, s.Organization.Read)
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

// TestReportsNeverBlind: a file of these kinds may break or vanish; the tenant stays.
func TestReportsNeverBlind(t *testing.T) {
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

// FuzzAnswer: no answer of any cmdlet may panic.
func FuzzAnswer(f *testing.F) {
	for _, text := range reportExports {
		f.Add([]byte(text), "contoso.com")
	}
	f.Fuzz(func(t *testing.T, data []byte, domain string) {
		var s inventory.Snapshot
		for _, c := range mailflow.OptionalCmdlets {
			if err := s.AddAnswer(inventory.Answer{Cmdlet: c, Domain: domain, Value: data}); err == nil {
				if !s.Organization.HasRead(c) {
					t.Errorf("%s counts as not read", c)
				}
			}
		}
		for _, r := range s.Organization.Rules {
			if r.Name == "" || strings.ContainsAny(r.Name+r.Connector, "\r\n\x1b") {
				t.Errorf("%q", r)
			}
		}
	})
}
