package exchangeonline_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/inventory/exchangeonline"
	"m365_connector_exporter/probes/lab"
	"m365_connector_exporter/probes/lab/microsoft365"
)

const (
	fakeTenant = "11111111-2222-3333-4444-555555555555"
	fakeClient = "99999999-8888-7777-6666-555555555555"
)

// fakeRecords are those of the fake tenant.
func fakeRecords() map[string][]json.RawMessage {
	one := func(r json.RawMessage) []json.RawMessage { return []json.RawMessage{r} }
	return map[string][]json.RawMessage{
		"Get-AcceptedDomain": {
			microsoft365.AcceptedDomain("contoso.com", nil), microsoft365.AcceptedDomain("contoso.onmicrosoft.com", nil),
		},
		"Get-InboundConnector": one(microsoft365.Inbound("From on-premises", nil)),
		"Get-OutboundConnector": {
			microsoft365.Outbound("To on-premises", nil),
			microsoft365.Outbound("New", microsoft365.Properties{"TestMode": true}),
		},
		"Get-OrganizationConfig": one(microsoft365.OrganizationConfig("contoso.com", nil)),
		"Get-TransportRule":      one(microsoft365.TransportRule("Route", nil)),
		"Get-IPv6StatusForAcceptedDomain contoso.com": one(microsoft365.Other(microsoft365.Properties{
			"Status": "Enabled", "Domain": "contoso.com",
		})),
	}
}

// startFake starts the fake with one tenant, and returns the tenant as it is configured, and a client for it.
func startFake(t *testing.T) (*microsoft365.Server, exchangeonline.Tenant, *exchangeonline.Client) {
	t.Helper()
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	app := issue(t, ca, lab.Leaf{Names: []string{"app"}, RSABits: 2048})
	server, err := microsoft365.Start(microsoft365.Options{
		Certificate: issue(t, ca, lab.Leaf{Names: []string{"localhost"}}),
		Tenants: []microsoft365.Tenant{{
			ID: fakeTenant, Domain: "contoso.onmicrosoft.com", Region: "eurprd01", Records: fakeRecords(),
			Apps: []microsoft365.App{{
				ID: fakeClient, Certificates: [][]byte{app.Certificate[0]}, AppRole: true, DirectoryRole: true,
			}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	leaf, err := x509.ParseCertificate(app.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	credential, err := exchangeonline.NewCertificate(leaf, app.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.RootPEM())
	url := strings.Replace(server.URL(), "127.0.0.1", "localhost", 1)
	return server, exchangeonline.Tenant{
		Name: "contoso", ID: fakeTenant, ClientID: fakeClient, Authority: url, Endpoint: url,
		Credential: credential,
	}, exchangeonline.NewClient(exchangeonline.NewHTTPClient(roots))
}

func issue(t *testing.T, ca *lab.CA, l lab.Leaf) tls.Certificate {
	t.Helper()
	l.NotBefore, l.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	c, err := ca.Issue(l)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFakeTenantIsRead: by certificate, all cmdlets, the same records as in exports that PowerShell writes.
func TestFakeTenantIsRead(t *testing.T) {
	_, tenant, client := startFake(t)
	read := client.Read(t.Context(), tenant, &exchangeonline.Answers{})
	for name, f := range read.Failures {
		t.Errorf("%s: %v", name, f)
	}
	answers := (&exchangeonline.Answers{}).Merge(read)
	live, err := inventory.Document{Name: "x", Data: answers.Document()}.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(live.Outbound) != 2 || len(live.Organization.Read) != len(exchangeonline.Cmdlets) {
		t.Errorf("%d outbound connectors, read %v", len(live.Outbound), live.Organization.Read)
	}
	if len(live.Organization.IPv6) != 1 {
		t.Errorf("IPv6: %+v", live.Organization.IPv6)
	}
	exported := loadExports(t, fakeRecords())
	ignore := cmpopts.IgnoreUnexported(inventory.Snapshot{})
	if d := cmp.Diff(exported.Inbound, live.Inbound, ignore); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(exported.Outbound, live.Outbound, ignore); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(exported.Organization.Rules, live.Organization.Rules); d != "" {
		t.Error(d)
	}
}

// loadExports loads the records from files that PowerShell has written.
func loadExports(t *testing.T, records map[string][]json.RawMessage) inventory.Snapshot {
	t.Helper()
	folder := t.TempDir()
	for name, list := range records {
		if err := os.WriteFile(filepath.Join(folder, name+".json"), microsoft365.PowerShell(list), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := inventory.ExportFiles{Folder: folder, Observed: &inventory.Observations{}}.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestFakeTenantWithHalfAGrant: the missing half has a reason of its own.
func TestFakeTenantWithHalfAGrant(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*microsoft365.App)
		want   exchangeonline.Reason
	}{
		{"no permission", func(a *microsoft365.App) { a.AppRole = false }, exchangeonline.ConsentMissing},
		{"no role", func(a *microsoft365.App) { a.DirectoryRole = false }, exchangeonline.RoleMissing},
		{"neither", func(a *microsoft365.App) { a.AppRole, a.DirectoryRole = false, false }, exchangeonline.ConsentMissing},
		{"no certificate", func(a *microsoft365.App) { a.Certificates = nil; a.Secrets = nil }, exchangeonline.TokenRejected},
		{"another application", func(a *microsoft365.App) { a.ID = "x" }, exchangeonline.ConsentMissing},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server, tenant, client := startFake(t)
			if err := server.Update(fakeTenant, func(t *microsoft365.Tenant) { c.change(&t.Apps[0]) }); err != nil {
				t.Fatal(err)
			}
			client.SetSleep(nil)
			read := client.Read(t.Context(), tenant, &exchangeonline.Answers{})
			if f := read.Failures["Get-InboundConnector"]; f == nil || f.Reason != c.want {
				t.Errorf("got %v, want %s", f, c.want)
			}
		})
	}
}

// TestFakePaging: a list that is not complete is never taken for complete.
func TestFakePaging(t *testing.T) {
	for paging, want := range map[microsoft365.Paging]exchangeonline.Reason{
		microsoft365.PagingWorks: "", microsoft365.PagingExpires: exchangeonline.Truncated,
		microsoft365.PagingWarns: exchangeonline.Truncated,
	} {
		server, tenant, client := startFake(t)
		if err := server.Update(fakeTenant, func(t *microsoft365.Tenant) { t.PageSize, t.Paging = 1, paging }); err != nil {
			t.Fatal(err)
		}
		read := client.Read(t.Context(), tenant, &exchangeonline.Answers{})
		f := read.Failures["Get-OutboundConnector"]
		if (f == nil) != (want == "") || f != nil && f.Reason != want {
			t.Errorf("paging %d: got %v, want %q", paging, f, want)
		}
	}
}
