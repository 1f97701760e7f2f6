package calendar_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/collector/calendar"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// certificate is one of so many days by an issuer, with the usage clientAuth, that verifies.
func certificate(issuer string, days int) *probes.TLS {
	t := &probes.TLS{Chain: []*probes.Certificate{{
		Subject: "mail.contoso.com", Issuer: issuer, ClientAuth: true,
		NotBefore: now.AddDate(0, 0, -10), NotAfter: now.AddDate(0, 0, days-10),
	}}}
	t.Verdicts[probes.VerdictTrust].Outcome = probes.Passed
	return t
}

func path(d mailflow.Direction, t *probes.TLS) check.Path {
	p := check.Path{Path: &probes.Path{ID: probes.PathID{
		Tenant: "contoso", Direction: d, Connector: "c", Path: "p",
	}}}
	if d == mailflow.Inbound {
		p.Client = t
	} else {
		p.Endpoints = []check.Endpoint{{TLS: t}, {}}
	}
	return p
}

func server(throttled, blocked time.Time) mailflow.Tenant {
	t := mailflow.Tenant{Name: "contoso"}
	t.Organization.Servers = []mailflow.OnPremServer{
		{Name: "new"}, {Name: "ex1", Build: "15.1", Throttled: throttled, Blocked: blocked},
	}
	return t
}

func paused(t mailflow.Tenant, until time.Time) mailflow.Tenant {
	t.Organization.Exemptions = []mailflow.Exemption{{Scenario: "UnpatchedOnPremServer", Until: until}}
	return t
}

func TestDeadlines(t *testing.T) {
	untrusted, noUsage := certificate("R10", 90), certificate("DigiCert TLS", 90)
	untrusted.Verdicts[probes.VerdictTrust].Outcome = probes.Failed
	noUsage.Chain[0].ClientAuth = false
	notProbed := path(mailflow.Outbound, certificate("R10", 90))
	notProbed.NotProbed = "disabled"
	withoutRoot := path(mailflow.Inbound, nil)
	withoutRoot.MissingRoot = "DigiCert Global Root G2"
	day := func(days int) time.Time { return now.AddDate(0, 0, days) }
	for name, c := range map[string]struct {
		tenant mailflow.Tenant
		path   check.Path
		want   string // date and advisory of each
	}{
		"a server of Let's Encrypt": {path: path(mailflow.Outbound, certificate("R10", 90)), want: `
			2027-02-10 lets_encrypt-64d, 2028-02-16 lets_encrypt-45d, 2029-03-15 SC-081v3-47d`},
		"a server of another authority": {path: path(mailflow.Outbound, certificate("Example CA", 200)), want: `
			2027-03-15 SC-081v3-100d, 2029-03-15 SC-081v3-47d`},
		"a server with a short certificate": {path: path(mailflow.Outbound, certificate("R10", 45)), want: ""},
		"a server of an own authority":      {path: path(mailflow.Outbound, certificate("Contoso CA", 730)), want: ""},
		"a server that is not trusted":      {path: path(mailflow.Outbound, untrusted), want: ""},
		"a sender of DigiCert": {path: path(mailflow.Inbound, certificate("DigiCert TLS", 45)), want: `
			2027-03-01 digicert-client_auth, 2027-03-15 chrome-client_auth`},
		"a sender of Sectigo": {path: path(mailflow.Inbound, certificate("Sectigo RSA", 45)), want: `
			2027-02-10 sectigo-client_auth, 2027-03-15 chrome-client_auth`},
		"a sender after the date: at its renewal": {path: path(mailflow.Inbound, certificate("YR1", 45)), want: `
			2027-01-03 lets_encrypt-client_auth, 2027-03-15 chrome-client_auth`},
		"a sender without the usage": {path: path(mailflow.Inbound, noUsage), want: `
			2029-03-15 SC-081v3-47d`},
		"a sender without the root": {path: withoutRoot, want: `2026-03-23 MC1224565`},
		"not probed":                {path: notProbed, want: ""},
		"a server that is throttled": {tenant: server(day(-10), day(20)), want: `
			2026-11-19 exchange_server-throttling, 2026-12-19 exchange_server-blocking`},
		"a pause": {tenant: paused(server(day(-10), day(20)), day(30)), want: `
			2026-12-29 exchange_server-blocking, 2026-12-29 exchange_server-pause_end,
			2026-12-29 exchange_server-throttling`},
		"a pause without end": {
			tenant: paused(server(time.Time{}, day(20)), time.Time{}), want: `2026-12-19 exchange_server-blocking`,
		},
		"a server that is new": {tenant: server(time.Time{}, time.Time{}), want: ""},
	} {
		var paths []check.Path
		if c.path.Path != nil {
			paths = append(paths, c.path)
		}
		var got []string
		for _, d := range calendar.Deadlines(now, []mailflow.Tenant{c.tenant}, paths) {
			got = append(got, d.At.Format(time.DateOnly)+" "+d.Advisory.ID)
			if d.Tenant != "contoso" || d.Why == "" || (d.Connector == "") != (c.path.Path == nil) {
				t.Errorf("%s: %+v", name, d)
			}
		}
		if want := strings.Join(strings.Fields(c.want), " "); strings.Join(got, ", ") != want {
			t.Errorf("%s:\n got %s\nwant %s", name, strings.Join(got, ", "), want)
		}
	}
}

// TestOneDeadlineForEachConnector: of many endpoints and servers, the earliest date.
func TestOneDeadlineForEachConnector(t *testing.T) {
	early := path(mailflow.Inbound, certificate("YR1", 45))
	late := path(mailflow.Inbound, certificate("YR1", 64))
	for _, paths := range [][]check.Path{{early, late}, {late, early}} {
		all := calendar.Deadlines(now, nil, paths)
		if len(all) != 4 || all[0].At.Format(time.DateOnly) != "2027-01-03" {
			t.Errorf("%+v", all)
		}
	}
}

func TestTableIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range calendar.Table {
		if a.ID == "" || seen[a.ID] || a.Title == "" || a.Affects == "" || a.Source == "" ||
			strings.HasSuffix(a.Title, ".") || strings.ContainsAny(a.Title+a.Affects, "|\n") {
			t.Errorf("%+v", a)
		}
		seen[a.ID] = true
	}
	if _, err := time.Parse(time.DateOnly, calendar.Version); err != nil {
		t.Error(err)
	}
}

func ExampleDeadlines() {
	for _, d := range calendar.Deadlines(now, nil, []check.Path{path(mailflow.Outbound, certificate("Example CA", 90))}) {
		fmt.Println(d.At.Format(time.DateOnly), d.Tenant, d.Connector, d.Advisory.Title)
	}
	// Output: 2029-03-15 contoso c New certificates of public authorities are valid for at most 47 days
}
