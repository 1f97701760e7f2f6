package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes/inventory/exchangeonline"
)

const (
	tenantID = "11111111-2222-3333-4444-555555555555"
	clientID = "99999999-8888-7777-6666-555555555555"
)

// applicationPEM returns a self-signed certificate and its key, with RSA or not.
func applicationPEM(t *testing.T, useRSA bool) (certificate, key string) {
	t.Helper()
	var private any
	var public any
	if useRSA {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		private, public = k, k.Public()
	} else {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		private, public = k, k.Public()
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

// writeFiles writes files with mode 0600 and returns the path of config.yaml.
func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(folder, "config.yaml")
}

// TestLiveTenants: what is set at the top holds for all tenants, and a tenant's own keys win.
func TestLiveTenants(t *testing.T) {
	certificate, key := applicationPEM(t, true)
	file := writeFiles(t, map[string]string{"app.pem": certificate + key, "secret": "s3cret\n", "config.yaml": `
exchange_online:
  client_id: ` + clientID + `
  certificate: { file: app.pem }
  interval: 30m
  max_concurrent: 8
  cache_folder: cache
tenants:
  - name: contoso
    exchange_online: { tenant_id: ` + strings.ToUpper(tenantID) + ` }
  - name: fabrikam
    cloud: gcc_high
    exchange_online:
      tenant_id: fabrikam.onmicrosoft.us
      client_id: 11111111-8888-7777-6666-555555555555
      client_secret_file: secret
      endpoint: https://proxy.fabrikam.com:8443/
    outbound_connectors: [{ name: Out, smart_hosts: [mail.fabrikam.com], connector_type: OnPremises }]
`})
	cfg, err := config.Load(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	o := cfg.ExchangeOnline
	if o.Interval != 30*time.Minute || o.MaxConcurrent != 8 || filepath.Base(o.CacheFolder) != "cache" {
		t.Errorf("options %+v", o)
	}
	live := cfg.Live()
	if len(live) != 2 || live[0].ID != tenantID || live[0].ClientID != clientID || live[1].Name != "fabrikam" ||
		live[1].Endpoint != "https://proxy.fabrikam.com:8443" || live[1].ClientID == clientID {
		t.Errorf("live tenants %+v", live)
	}
	if len(cfg.Problems()) > 0 {
		t.Errorf("a tenant that was not read yet is a mistake: %v", cfg.Problems())
	}
	for _, tenant := range cfg.Tenants {
		if !strings.Contains(tenant.LoadError, exchangeonline.ErrNotRead.Error()) || len(tenant.Outbound) > 0 {
			t.Errorf("%s before it was read: %q, %d connectors", tenant.Name, tenant.LoadError, len(tenant.Outbound))
		}
	}
}

// TestLiveTenantFromCache: the records of the cache folder are used, the YAML is laid over them, and senders find their
// connectors.
func TestLiveTenantFromCache(t *testing.T) {
	file := writeFiles(t, map[string]string{
		"secret": "s3cret", "cache/contoso.json": `{"Source":"Exchange Online",` +
			`"TenantId":"` + tenantID + `","Read":{"Get-AcceptedDomain":"2026-11-29T10:00:00Z",` +
			`"Get-InboundConnector":"2026-11-29T10:00:00Z","Get-OutboundConnector":"2026-11-29T10:00:00Z"},
"Get-AcceptedDomain":[{"DomainName":"contoso.com","DomainType":"Authoritative"}],
"Get-InboundConnector":[{"Name":"In","ConnectorType":"OnPremises","SenderDomains":["*"]}],
"Get-OutboundConnector":[{"Name":"Out","ConnectorType":"OnPremises","SmartHosts":["mail.contoso.com"]}]}`,
		"config.yaml": `
exchange_online: { client_id: ` + clientID + `, client_secret_file: secret, cache_folder: cache }
tenants:
  - name: contoso
    exchange_online: { tenant_id: ` + tenantID + ` }
    outbound_connectors: [{ name: Out, tls_settings: EncryptionOnly }]
    senders: [{ name: edge, connector: In, addresses: [192.0.2.1] }]
`,
	})
	cfg, err := config.Load(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	tenant := cfg.Tenants[0]
	if len(tenant.Outbound) != 1 || tenant.Outbound[0].TLSSettings != "EncryptionOnly" || len(tenant.Senders) != 1 ||
		tenant.LoadError != "" || tenant.InventoryTime.IsZero() {
		t.Errorf("tenant %+v; %v", tenant, cfg.Problems())
	}
}

// TestExchangeOnlineMistakes: each names its key, and nothing quotes a secret.
func TestExchangeOnlineMistakes(t *testing.T) {
	certificate, key := applicationPEM(t, true)
	ecCertificate, ecKey := applicationPEM(t, false)
	const secret = "s3cret~that-must-not-leak"
	top := "exchange_online: { client_id: " + clientID + ", client_secret_file: secret }\n"
	tenant := func(more string) string {
		return "tenants:\n  - name: contoso\n    exchange_online: { tenant_id: " + tenantID + " }\n" + more
	}
	for _, c := range []struct{ name, yaml, want string }{
		{"tenant_id at the top", "exchange_online: { tenant_id: " + tenantID + " }\n", "tenant_id: must be in a tenant"},
		{"interval", "exchange_online: { interval: 14m }\n", "exchange_online.interval: \"14m\": must be at least 15m"},
		{"max_concurrent", "exchange_online: { max_concurrent: 0 }\n", "must be a number from 1 to 64"},
		{"unknown key", "exchange_online: { cache: x }\n", "exchange_online.cache: unknown key"},
		{"client_id", "exchange_online: { client_id: contoso }\n", "must be a GUID"},
		{"endpoint without TLS", "exchange_online: { endpoint: \"http://proxy\" }\n", "must be a URL such as https://"},
		{"endpoint with a path", "exchange_online: { endpoint: \"https://proxy/x\" }\n", "without a path"},
		{"two credentials", "exchange_online: { client_secret_file: secret, certificate: { file: app.pem } }\n", "only one"},
		{"no file", "exchange_online: { client_secret_file: none }\n", "no such file"},
		{"empty file", "exchange_online: { client_secret_file: empty }\n", "the file is empty"},
		{"certificate without key", "exchange_online: { certificate: { file: cert.pem } }\n", "has no private key"},
		{"foreign key", "exchange_online: { certificate: { file: foreign.pem } }\n", "belongs to none of its certificates"},
		{"not RSA", "exchange_online: { certificate: { file: ec.pem } }\n", "must be an RSA key"},
		{"certificate by SMTP", "exchange_online: { certificate: { smtp: \"a.example:25\" } }\n", "must be a file here"},
		{"readable by others", "exchange_online: { client_secret_file: open }\n", "readable by others"},
		{"key readable by others", "exchange_online: { certificate: { file: open.pem } }\n", "readable by others"},
		{"a bad ca_file", "exchange_online: { ca_file: secret }\n", "no PEM certificate"},
		{"no application", tenant(""), "exchange_online.client_id: is required"},
		{"no credential", "exchange_online: { client_id: " + clientID + " }\n" + tenant(""), "needs certificate or"},
		{"no tenant_id", top + "tenants: [{ name: a, exchange_online: {} }]\n", "tenant_id: a tenant"},
		{"tenant_id", top + "tenants: [{ name: a, exchange_online: { tenant_id: contoso.com } }]\n", "must be a GUID, or"},
		{"interval in a tenant", top + "tenants: [{ name: a, exchange_online: { interval: 1h } }]\n", "unknown key"},
		{"two sources", top + tenant("    exports: [x.json]\n"), "only one source"},
		{"a folder, too", top + "tenant_folders: [folders/*]\n" + tenant(""), "only one source"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && strings.Contains(c.want, "readable") {
				t.Skip("permissions are kept elsewhere")
			}
			file := writeFiles(t, map[string]string{
				"secret": secret, "empty": "\n", "open": secret, "app.pem": certificate + key, "open.pem": certificate + key,
				"cert.pem": certificate, "ec.pem": ecCertificate + ecKey, "foreign.pem": ecCertificate + key,
				"x.json": `[{"DomainName":"contoso.com","DomainType":"Authoritative"}]`, "folders/contoso/x.json": "[]",
				"config.yaml": c.yaml,
			})
			for _, open := range []string{"open", "open.pem"} {
				if err := os.Chmod(filepath.Join(filepath.Dir(file), open), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			_, err := config.Load(t.Context(), file)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "config.yaml:") {
				t.Errorf("got %v, want %q with file and line", err, c.want)
			}
			if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "PRIVATE KEY")) {
				t.Errorf("a secret is quoted: %v", err)
			}
		})
	}
}

// TestCredentialOfOneTenantIsBroken: that tenant alone is disabled.
func TestCredentialOfOneTenantIsBroken(t *testing.T) {
	file := writeFiles(t, map[string]string{"secret": "s3cret", "config.yaml": `
exchange_online: { client_id: ` + clientID + `, client_secret_file: secret }
tenants:
  - { name: contoso, exchange_online: { tenant_id: ` + tenantID + ` } }
  - { name: fabrikam, exchange_online: { tenant_id: fabrikam.onmicrosoft.com, client_secret_file: none } }
`})
	cfg, err := config.Load(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if live := cfg.Live(); len(live) != 1 || live[0].Name != "contoso" || len(cfg.Problems()) != 1 {
		t.Errorf("live %+v, problems %v", live, cfg.Problems())
	}
}
