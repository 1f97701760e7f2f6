package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes/mailflow"
)

const outboundJSON = `{"Enabled":true,"UseMXRecord":false,"ConnectorType":1,"ConnectorSource":"Brand New","RecipientDomains":["smtp:contoso.com;1"],
 "SmartHosts":[{"Domain":"mail.contoso.com"}],"TlsSettings":2,"TlsDomain":null,"LastValidationTimestamp":"2026-07-24T18:59:12.0000000",
 "WhenChangedUTC":"/Date(1772500523000)/","Name":"a/b \"c\"","SomethingNew":{"x":[1]}}`

func wantOutbound() mailflow.OutboundConnector {
	return mailflow.OutboundConnector{
		Common: mailflow.Common{
			Name: `a/b "c"`, Type: mailflow.OnPremises, Source: "Brand New", Enabled: mailflow.Yes, WhenChanged: time.UnixMilli(1772500523000).UTC(),
		},
		UseMXRecord: mailflow.No, RecipientDomains: []string{"contoso.com"}, SmartHosts: []string{"mail.contoso.com"},
		TLSSettings: mailflow.CertificateValidation, LastValidation: time.Date(2026, 7, 24, 18, 59, 12, 0, time.UTC),
	}
}

// TestOverlay: keys given in YAML win over the export's, the others stay.
func TestOverlay(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "e.json"), outboundJSON, 0o600)
	put(t, filepath.Join(dir, "main.yaml"), `tenants: [{name: a, outbound_connectors: [{name: 'a/b "c"', smart_hosts: [other.example]}], exports: ['*.json', 'none*']}]`, 0o600)
	cfg, err := config.Load(filepath.Join(dir, "main.yaml"), nil)
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

// TestFolders: each folder is a tenant, a broken export keeps what was known, and a new file changes the fingerprint.
func TestFolders(t *testing.T) {
	dir := t.TempDir()
	main := filepath.Join(dir, "main.yaml")
	put(t, main, "tenant_folders: ['exports/*']\n", 0o600)
	put(t, filepath.Join(dir, "exports/china/d.json"), `{"DomainName":"c.partner.onmschina.cn","DomainType":0,"InitialDomain":true}`, 0o600)
	put(t, filepath.Join(dir, "exports/contoso/o.json"), outboundJSON, 0o600)
	first, err := config.Load(main, nil)
	if err != nil || len(first.Tenants) != 2 || first.Tenants[0].Cloud != mailflow.China || first.Tenants[0].AcceptedDomains[0].Type != "Authoritative" {
		t.Fatalf("%v %+v", err, first)
	}
	before := first.Fingerprint()
	put(t, filepath.Join(dir, "exports/contoso/new.json"), "{", 0o600)
	if first.CurrentFingerprint() == before {
		t.Error("a new export did not change the fingerprint")
	}
	second, err := config.Load(main, first)
	if err != nil || len(second.Problems()) != 1 || second.Tenants[1].NotLoaded == "" || len(second.Tenants[1].Outbound) != 1 {
		t.Errorf("%v %+v", err, second)
	}
}

func FuzzExport(f *testing.F) {
	f.Add([]byte(outboundJSON))
	f.Add([]byte(utf16le(`{"value":[{"SenderDomains":"smtp:*;1","Name":{"value":1},"RequireTls":"True"}]}`)))
	f.Add([]byte(`{"inbound_connectors":[null],"accepted_domains":[{"DomainName":"x","Default":1}]}`))
	dir := f.TempDir()
	main, export := filepath.Join(dir, "main.yaml"), filepath.Join(dir, "e.json")
	if err := os.WriteFile(main, []byte("tenants: [{name: a, exports: [e.json]}]\n"), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(export, data, 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(main, nil)
		if err != nil {
			t.Fatalf("an export spoiled the main file: %v", err)
		}
		for _, c := range cfg.Tenants[0].Outbound {
			for _, recipient := range c.ValidationRecipients {
				if strings.ContainsAny(recipient, "\r\n <>") {
					t.Errorf("%q could inject a command", recipient)
				}
			}
		}
	})
}
