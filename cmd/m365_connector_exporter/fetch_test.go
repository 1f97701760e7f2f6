package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes/lab"
	"m365_connector_exporter/probes/lab/microsoft365"
)

const fetchClient = "99999999-8888-7777-6666-555555555555"

// fetchWorld is a fake Exchange Online with two tenants and their configuration.
type fetchWorld struct {
	server *microsoft365.Server
	folder string
}

func fetchID(i int) string { return fmt.Sprintf("1111111%d-2222-3333-4444-555555555555", i) }

func newFetchWorld(t *testing.T, change func(tenants []microsoft365.Tenant)) fetchWorld {
	t.Helper()
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.Issue(lab.Leaf{
		Names: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	var tenants []microsoft365.Tenant
	for i, domain := range []string{"contoso.com", "fabrikam.com"} {
		tenants = append(tenants, microsoft365.Tenant{
			ID: fetchID(i), Domain: strings.TrimSuffix(domain, ".com") + ".onmicrosoft.com",
			Records: map[string][]json.RawMessage{
				"Get-AcceptedDomain":    {microsoft365.AcceptedDomain(domain, nil)},
				"Get-OutboundConnector": {microsoft365.Outbound("Out", nil)},
				"Get-TransportRule":     {microsoft365.TransportRule("Rule", nil)},
			},
			Apps: []microsoft365.App{{
				ID: fetchClient, AppRole: true, DirectoryRole: true, Secrets: []microsoft365.Secret{{Value: "s3cret"}},
			}},
		})
	}
	if change != nil {
		change(tenants)
	}
	server, err := microsoft365.Start(microsoft365.Options{Certificate: certificate, Tenants: tenants})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	w := fetchWorld{server, t.TempDir()}
	url := strings.Replace(server.URL(), "127.0.0.1", "localhost", 1)
	for name, text := range map[string]string{
		"ca.pem": string(ca.RootPEM()), "secret": "s3cret\n",
		"config.yaml": fmt.Sprintf(`
exchange_online:
  { client_id: %s, client_secret_file: secret, ca_file: ca.pem, cache_folder: cache, authority: %q, endpoint: %q }
tenants:
  - { name: contoso, exchange_online: { tenant_id: %s } }
  - { name: fabrikam, exchange_online: { tenant_id: %s } }
`, fetchClient, url, url, fetchID(0), fetchID(1)),
	} {
		if err := os.WriteFile(filepath.Join(w.folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// run runs the command fetch, and returns its exit status and what it prints.
func (w fetchWorld) run(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out, errs bytes.Buffer
	args = append([]string{"fetch", "--config.file", filepath.Join(w.folder, "config.yaml")}, args...)
	status := run(t.Context(), hangups{}, args, &out, &errs)
	all := out.String() + errs.String()
	for _, secret := range append(w.server.Sensitive(), "s3cret") {
		if strings.Contains(all, secret) {
			t.Errorf("a secret is printed: %s", all)
		}
	}
	return status, all
}

func (w fetchWorld) exports() string { return filepath.Join(w.folder, "exports") }

// TestFetchWritesExports: the files are exports that the exporter reads, unreadable for others.
func TestFetchWritesExports(t *testing.T) {
	w := newFetchWorld(t, nil)
	status, printed := w.run(t, "--output", w.exports())
	if status != exitOK {
		t.Fatalf("status %d: %s", status, printed)
	}
	main := filepath.Join(w.folder, "daemon.yaml")
	if err := os.WriteFile(main, []byte("tenant_folders: [exports/*]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(t.Context(), main)
	if err != nil || len(cfg.Problems()) > 0 || len(cfg.Warnings) > 0 {
		t.Fatalf("%v, %v, %v", err, cfg.Problems(), cfg.Warnings)
	}
	if len(cfg.Tenants) != 2 || cfg.Tenants[0].Name != "contoso" || len(cfg.Tenants[0].Outbound) != 1 ||
		len(cfg.Tenants[0].Organization.Rules) != 1 {
		t.Errorf("tenants %+v", cfg.Tenants)
	}
	info, err := os.Stat(filepath.Join(w.exports(), "contoso", "exchange-online.json"))
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestFetchKeepsWhatItCannotRead: a tenant that fails keeps its file, and a cmdlet that is throttled its records.
func TestFetchKeepsWhatItCannotRead(t *testing.T) {
	w := newFetchWorld(t, nil)
	if status, printed := w.run(t, "--output", w.exports()); status != exitOK {
		t.Fatalf("status %d: %s", status, printed)
	}
	file := func(tenant string) string {
		text, err := os.ReadFile(filepath.Join(w.exports(), tenant, "exchange-online.json"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	before := file("fabrikam")
	w.server.InjectFault(fetchID(0), "Get-TransportRule", microsoft365.HTML)
	w.server.InjectFault(fetchID(1), "Get-OutboundConnector", microsoft365.HTML)
	status, printed := w.run(t, "--output", w.exports())
	if status != exitFailed || !strings.Contains(printed, "fabrikam: not read, malformed: Get-OutboundConnector") ||
		!strings.Contains(printed, "Get-TransportRule: malformed") || !strings.Contains(printed, "last records stay") {
		t.Errorf("status %d: %s", status, printed)
	}
	if file("fabrikam") != before {
		t.Error("the file of a tenant that was not read has changed")
	}
	if !strings.Contains(file("contoso"), `"Rule"`) {
		t.Error("the records of a cmdlet that failed are gone")
	}
}

// TestFetchCheck names the missing half of each grant, and writes nothing.
func TestFetchCheck(t *testing.T) {
	w := newFetchWorld(t, func(tenants []microsoft365.Tenant) {
		tenants[0].Apps = nil
		tenants[1].Apps[0].DirectoryRole = false
	})
	status, printed := w.run(t, "--check")
	for _, want := range []string{
		"contoso: consent_missing", "/" + fetchID(0) + "/adminconsent?client_id=" + fetchClient, "Exchange.ManageAsApp",
		"fabrikam: role_missing", "Global Reader",
	} {
		if !strings.Contains(printed, want) {
			t.Errorf("%q is not printed: %s", want, printed)
		}
	}
	if _, err := os.Stat(w.exports()); status != exitFailed || err == nil {
		t.Errorf("status %d, exports: %v", status, err)
	}
	if err := w.server.Update(fetchID(1), func(t *microsoft365.Tenant) {
		t.Apps[0].DirectoryRole, t.Denied = true, []string{"Get-BlockedConnector"}
	}); err != nil {
		t.Fatal(err)
	}
	status, printed = w.run(t, "--check", "fabrikam")
	if status != exitOK || !strings.Contains(printed, "fabrikam: OK") || strings.Contains(printed, "contoso") ||
		!strings.Contains(printed, "not judged without Get-BlockedConnector: role_missing") {
		t.Errorf("status %d: %s", status, printed)
	}
}

func TestFetchUsage(t *testing.T) {
	w := newFetchWorld(t, nil)
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "either --output"},
		{[]string{"--check", "--output", "x"}, "either --output"},
		{[]string{"--check", "northwind"}, `"northwind": no tenant of this name`},
	} {
		if status, printed := w.run(t, c.args...); status != exitUsage || !strings.Contains(printed, c.want) {
			t.Errorf("%v: status %d: %s", c.args, status, printed)
		}
	}
	exports := []byte("tenants: [{ name: a }]\n")
	if err := os.WriteFile(filepath.Join(w.folder, "config.yaml"), exports, 0o600); err != nil {
		t.Fatal(err)
	}
	status, printed := w.run(t, "--check")
	if status != exitUsage || !strings.Contains(printed, "no tenant has a section") {
		t.Errorf("status %d: %s", status, printed)
	}
}
