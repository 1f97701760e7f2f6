package config_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes/mailflow"
)

const outboundJSON = `{"Enabled":true,"UseMXRecord":false,"ConnectorType":1,"ConnectorSource":"Brand New",
 "RecipientDomains":["smtp:contoso.com;1"],
 "SmartHosts":[{"Domain":"mail.contoso.com"}],"TlsSettings":2,"TlsDomain":null,
 "LastValidationTimestamp":"2026-07-24T18:59:12.0000000",
 "WhenChangedUTC":"/Date(1772500523000)/","Name":"a/b \"c\"","SomethingNew":{"x":[1]}}`

func wantOutbound() mailflow.OutboundConnector {
	return mailflow.OutboundConnector{
		Common: mailflow.Common{
			Name: `a/b "c"`, Type: mailflow.OnPremises, Source: "Brand New", Enabled: mailflow.Yes,
			WhenChanged: time.UnixMilli(1772500523000).UTC(),
		},
		UseMXRecord: mailflow.No, RecipientDomains: []string{"contoso.com"}, SmartHosts: []string{"mail.contoso.com"},
		TLSSettings: mailflow.CertificateValidation, LastValidation: time.Date(2026, 7, 24, 18, 59, 12, 0, time.UTC),
	}
}

// TestOverlay: keys given in YAML win over the export's, the others stay.
func TestOverlay(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "e.json"), outboundJSON, 0o600)
	put(t, filepath.Join(dir, "main.yaml"),
		`tenants: [{name: a, outbound_connectors: [{name: 'a/b "c"', smart_hosts: [other.example]}], exports: ['*.json', `+
			`'none*']}]`, 0o600)
	cfg, err := config.Load(t.Context(), filepath.Join(dir, "main.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := wantOutbound()
	want.SmartHosts = []string{"other.example"}
	if diff := cmp.Diff([]mailflow.OutboundConnector{want}, cfg.Tenants[0].Outbound); diff != "" {
		t.Error(diff)
	}
	if len(cfg.Warnings) != 1 || !strings.HasSuffix(cfg.Warnings[0], "none* matches no file") {
		t.Errorf("warnings %q", cfg.Warnings)
	}
}

// TestReportsBesideYAML: connectors are in YAML, and the exports have only what Exchange Online reports besides them.
func TestReportsBesideYAML(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "TransportRule.json"), `[{"Name":"r","RouteMessageOutboundConnector":"Gone"}]`, 0o600)
	put(t, filepath.Join(dir, "BlockedConnector.json"), `[]`, 0o600)
	put(t, filepath.Join(dir, "main.yaml"),
		`tenants: [{name: a, exports: ['*.json'], outbound_connectors: [{name: part, smart_hosts: [x.example]}]}]`, 0o600)
	cfg, err := config.Load(t.Context(), filepath.Join(dir, "main.yaml"))
	if err != nil || len(cfg.Warnings) > 0 || len(cfg.Problems()) > 0 {
		t.Fatal(err, cfg.Warnings, cfg.Problems())
	}
	o := cfg.Tenants[0].Organization
	if len(o.Rules) != 1 || cfg.Tenants[0].Outbound[0].NotExported {
		t.Errorf("%+v", cfg.Tenants[0])
	}
	for _, c := range []mailflow.Cmdlet{
		mailflow.GetOutboundConnector, mailflow.GetTransportRule, mailflow.GetBlockedConnector,
	} {
		if !o.HasRead(c) {
			t.Errorf("%s counts as not read", c)
		}
	}
}

// TestTooManyReports: a tenant with more rules than any has does not load.
func TestTooManyReports(t *testing.T) {
	dir := t.TempDir()
	var text strings.Builder
	for i := range 50_001 {
		fmt.Fprintf(&text, `,{"Name":"%d","State":"Enabled","Mode":"Enforce","Priority":1}`, i)
	}
	put(t, filepath.Join(dir, "TransportRule.json"), "["+text.String()[1:]+"]", 0o600)
	put(t, filepath.Join(dir, "main.yaml"),
		`tenants: [{name: a, exports: ['*.json'], outbound_connectors: [{name: part, smart_hosts: [x.example]}]}]`, 0o600)
	cfg, err := config.Load(t.Context(), filepath.Join(dir, "main.yaml"))
	if err != nil || len(cfg.Problems()) != 1 || !strings.Contains(cfg.Problems()[0].Error(), "50001 mail flow rules") {
		t.Error(err, cfg.Problems())
	}
}

// TestMissingProperties: what an export lacks, or has in a form that cannot be read, is unknown until YAML gives it.
// What YAML leaves out is not configured.
func TestMissingProperties(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "e.json"),
		`[{"Name":"part","UseMXRecord":false,"TlsSettings":{"x":1},"RecipientDomains":[]},{"Name":"in",`+
			`"SenderIPAddresses":null,"SenderDomains":"*"}]`, 0o600)
	put(t, filepath.Join(dir, "main.yaml"),
		`tenants: [{name: a, exports: [e.json], outbound_connectors: [{name: part, smart_hosts: []}, {name: own, `+
			`use_mx_record: false}]}]`, 0o600)
	cfg, err := config.Load(t.Context(), filepath.Join(dir, "main.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	out, in := cfg.Tenants[0].Outbound, cfg.Tenants[0].Inbound
	for _, c := range []struct {
		common mailflow.Common
		want   string
	}{
		{out[0].Common, "tls_settings tls_domain"}, {out[1].Common, ""}, {in[0].Common, "tls_sender_certificate_name"},
	} {
		if got := strings.Join(c.common.MissingProperties, " "); got != c.want || !c.common.IsKnown("smart_hosts") {
			t.Errorf("%s: missing %q, want %q", c.common.Name, got, c.want)
		}
	}
}

// TestOverlayOfDomains: a domain compares as it is compared everywhere, whatever its spelling.
func TestOverlayOfDomains(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "e.json"),
		`{"DomainName":"Bücher.example","DomainType":"InternalRelay","MatchSubDomains":true}`, 0o600)
	put(t, filepath.Join(dir, "main.yaml"),
		`tenants: [{name: a, exports: [e.json], accepted_domains: [{domain_name: BÜCHER.example., default: true}]}]`, 0o600)
	cfg, err := config.Load(t.Context(), filepath.Join(dir, "main.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := []mailflow.AcceptedDomain{{
		Name: "xn--bcher-kva.example", Type: "InternalRelay", MatchSubDomains: mailflow.Yes,
		Default: mailflow.Yes,
	}}
	if diff := cmp.Diff(want, cfg.Tenants[0].AcceptedDomains); diff != "" {
		t.Error(diff)
	}
}

// TestOverlayThatMeetsNothing: a connector that no export has is a warning that names the nearest one, and is not
// probed, unless it is standalone or the tenant has no export.
func TestOverlayThatMeetsNothing(t *testing.T) {
	const exports = `[{"Name":"To on-premises","ConnectorType":1,"SmartHosts":["mail.contoso.com"],` +
		`"UseMXRecord":false},{"Name":"Relay","ConnectorType":1,"SenderDomains":["*"]}]`
	const (
		remedy  = `. It is not probed: correct the name, or set "standalone: true" if the connector exists only here`
		unknown = `no export of the tenant has an outbound connector "To on-premise"; ` +
			`the nearest is "To on-premises"` + remedy
	)
	for name, c := range map[string]struct {
		tenant  string
		want    string // the end of the warning; "": none
		lacking int    // connectors that are not exported
	}{
		"the exported name": {
			`exports: [e.json], outbound_connectors: [{name: To on-premises, test_mode: false}]`, "",
			0,
		},
		"misspelled": {
			`exports: [e.json], outbound_connectors: [{name: To on-premise, smart_hosts: [a.example]}]`,
			"outbound_connectors[0].name: " + unknown, 1,
		},
		"standalone": {`exports: [e.json], outbound_connectors: [{name: To on-premise, smart_hosts: ` +
			`[a.example], standalone: true}]`, "", 0},
		"not standalone": {`exports: [e.json], outbound_connectors: [{name: To on-premise, smart_hosts: ` +
			`[a.example], standalone: false}]`, unknown, 1},
		"no export": {`outbound_connectors: [{name: To on-premise, smart_hosts: [a.example]}]`, "", 0},
		"of the other way": {
			`exports: [e.json], inbound_connectors: [{name: To on-premises}]`,
			`no export of the tenant has an inbound connector "To on-premises"; the nearest is "Relay"` + remedy, 1,
		},
		"exports of none": {
			`exports: [none.json], inbound_connectors: [{name: Relay}]`,
			`the exports of the tenant have no inbound connector at all, so "Relay" is not probed: add the output of ` +
				`Get-InboundConnector to them, or set "standalone: true" if the connector exists only here`, 1,
		},
		"with a sender": {
			`exports: [e.json], inbound_connectors: [{name: Relais}], senders: [{name: s, ` +
				`connector: Relais}]`,
			`an inbound connector "Relais"; the nearest is "Relay"` + remedy, 1,
		},
		"exports that are lost": {`exports: [e.json, lost.json], outbound_connectors: [{name: To on-premise}]`, "", 0},
	} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, "e.json"), exports, 0o600)
		put(t, filepath.Join(dir, "none.json"), "[]", 0o600)
		put(t, filepath.Join(dir, "main.yaml"), "tenants: [{name: a, "+c.tenant+"}]", 0o600)
		cfg, err := config.Load(t.Context(), filepath.Join(dir, "main.yaml"))
		if err != nil {
			t.Fatal(name, err)
		}
		if warnings := strings.Join(cfg.Warnings, "\n"); !strings.HasSuffix(warnings, c.want) ||
			(warnings == "") != (c.want == "") {
			t.Errorf("%s: %q, want %q", name, warnings, c.want)
		}
		lacking := 0
		for _, o := range cfg.Tenants[0].Outbound {
			if o.NotExported {
				lacking++
			}
		}
		for _, in := range cfg.Tenants[0].Inbound {
			if in.NotExported {
				lacking++
			}
		}
		if lacking != c.lacking {
			t.Errorf("%s: %d connectors are not exported, want %d", name, lacking, c.lacking)
		}
	}
}

// Next hops that may not work as such are warnings, in YAML and in exports.
func TestDoubtfulHostsAreWarnings(t *testing.T) {
	export := write(t, "out.json", `{"Name":"To gateway","ConnectorType":"OnPremises","UseMXRecord":false,
		"SmartHosts":["mail_server.contoso.com","192.0.2.1","gateway.contoso.com"],"RecipientDomains":["*"]}`)
	file := write(t, "config.yaml", `
tenants:
  - name: contoso
    exports: [`+filepath.ToSlash(export)+`]
    outbound_connectors:
      - { name: Lab, standalone: true, connector_type: OnPremises, smart_hosts: [mail, "[192.0.2.2]"] }
    inbound_connectors: [{ name: In, standalone: true, connector_type: OnPremises }]
    senders: [{ name: edge, connector: In, target: exchange }]
`)
	cfg, err := config.Load(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(cfg.Warnings, "\n")
	want := []string{
		`contoso › To gateway (outbound): smart host "mail_server.contoso.com": an underscore`,
		`contoso › Lab (outbound): smart host "mail": a single label`,
		`contoso › Lab (outbound): smart host "[192.0.2.2]": UNCERTAIN: Microsoft documents no smart hosts in brackets`,
		`contoso › In › edge (inbound): target "exchange": a single label`,
	}
	if len(cfg.Warnings) != len(want) {
		t.Errorf("warnings %s", got)
	}
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("no warning %s in %s", w, got)
		}
	}
}
