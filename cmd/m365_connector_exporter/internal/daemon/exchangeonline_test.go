package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes/lab"
	"m365_connector_exporter/probes/lab/microsoft365"
)

const (
	liveTenantID = "11111111-2222-3333-4444-555555555555"
	liveClientID = "99999999-8888-7777-6666-555555555555"
)

// liveWorld is a daemon that reads a tenant from the fake Exchange Online. Another secret makes it read at once.
type liveWorld struct {
	t       *testing.T
	server  *microsoft365.Server
	folder  string
	secrets int
	daemon  *Daemon
	log     lockedBuffer
	stop    func()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newLiveWorld(t *testing.T) *liveWorld {
	t.Helper()
	w := stoppedLiveWorld(t)
	w.start()
	return w
}

// stoppedLiveWorld is a live world whose daemon does not run.
func stoppedLiveWorld(t *testing.T) *liveWorld {
	t.Helper()
	w := &liveWorld{t: t, folder: t.TempDir()}
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
	w.server, err = microsoft365.Start(microsoft365.Options{
		Certificate: certificate,
		Tenants: []microsoft365.Tenant{{
			ID: liveTenantID, Domain: "contoso.onmicrosoft.com",
			Records: map[string][]json.RawMessage{
				"Get-AcceptedDomain":    {microsoft365.AcceptedDomain("contoso.com", nil)},
				"Get-InboundConnector":  {microsoft365.Inbound("In", nil)},
				"Get-OutboundConnector": {outboundRecord("First"), outboundRecord("Second")},
			},
			Denied: []string{"Get-BlockedConnector"},
			Apps:   []microsoft365.App{{ID: liveClientID, AppRole: true, DirectoryRole: true}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.server.Close)
	url := strings.Replace(w.server.URL(), "127.0.0.1", "localhost", 1)
	w.write("ca.pem", string(ca.RootPEM()))
	w.write("config.yaml", fmt.Sprintf(`
exchange_online:
  { client_id: %s, client_secret_file: secret, cache_folder: cache, ca_file: ca.pem, authority: %q, endpoint: %q }
probe: { enabled: false }
tenants: [{ name: contoso, exchange_online: { tenant_id: %s } }]
`, liveClientID, url, url, liveTenantID))
	w.newSecret(true)
	return w
}

func outboundRecord(name string) json.RawMessage {
	return microsoft365.Outbound(name, microsoft365.Properties{
		"SmartHosts": []string{"192.0.2.1"}, "RecipientDomains": []string{"contoso.com"}, "UseMXRecord": false,
	})
}

func (w *liveWorld) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.folder, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// newSecret writes another secret. Entra ID knows it, or not.
func (w *liveWorld) newSecret(known bool) {
	w.t.Helper()
	w.secrets++
	secret := fmt.Sprintf("secret-%d~that.must_not-leak", w.secrets)
	w.write("secret", secret)
	if err := w.server.Update(liveTenantID, func(t *microsoft365.Tenant) {
		t.Apps[0].Secrets = nil
		if known {
			t.Apps[0].Secrets = []microsoft365.Secret{{Value: secret}}
		}
	}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *liveWorld) start() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	loader := config.NewLoader(filepath.Join(w.folder, "config.yaml"))
	cfg, err := loader.Load(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	w.daemon, err = New(ctx, loader, cfg, "prober.example", slog.New(slog.NewTextHandler(&w.log, nil)))
	if err != nil {
		w.t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { _ = w.daemon.Run(ctx, nil) })
	w.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	w.t.Cleanup(w.stop)
}

func (w *liveWorld) get(path string) string {
	return get(w.daemon.Handler(HandlerOptions{}), http.MethodGet, path, nil).Body.String()
}

// await reloads until the metrics have a line.
func (w *liveWorld) await(line string) {
	w.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !strings.Contains(w.get("/metrics"), line) {
		if time.Now().After(deadline) {
			w.t.Fatalf("%q is not on /metrics; log:\n%s", line, w.log.String())
		}
		if err := w.daemon.reloadIfChanged(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// series returns a line of /metrics about the tenant, with the labels that sort before it.
func series(name, labels, value string) string {
	return "m365_connector_" + name + "{" + labels + `tenant="contoso"} ` + value
}

func readSucceeds(cmdlet, value string) string {
	return series("inventory_source_success", `cmdlet="`+cmdlet+`",source="exchange_online",`, value)
}

func readFails(cmdlet, reason string) string {
	return series("inventory_source_failure_info", `cmdlet="`+cmdlet+`",reason="`+reason+`",`, "1")
}

func removedConnectors(n string) string {
	return series("inventory_changes_total", `change="removed",`, n)
}

func hasConnector(name string) string { return `m365_connector_info{connector="` + name + `"` }

// TestTenantIsReadFromExchangeOnline: connectors appear, a bad read changes nothing, a removal is seen, a restart keeps
// the records, and no output contains a secret.
func TestTenantIsReadFromExchangeOnline(t *testing.T) {
	w := newLiveWorld(t)
	w.await(readSucceeds("Get-OutboundConnector", "1"))
	w.await(hasConnector("Second"))
	page := w.get("/metrics")
	for _, want := range []string{
		readSucceeds("Get-BlockedConnector", "0"),
		readFails("Get-BlockedConnector", "role_missing"),
		series("inventory_source_last_success_timestamp_seconds", `source="exchange_online",`, ""),
		`m365_connector_exporter_tenant_load_successful{tenant="contoso"} 1`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("not on /metrics: %s", want)
		}
	}
	if !strings.Contains(w.get("/tenant/contoso"), "Read from Exchange Online") {
		t.Error("the page does not say where the records are from")
	}

	w.removeSecond()
	w.server.InjectFault(liveTenantID, "Get-OutboundConnector", microsoft365.HTML)
	w.newSecret(true)
	w.await(readFails("Get-OutboundConnector", "malformed"))
	page = w.get("/metrics")
	if !strings.Contains(page, hasConnector("Second")) || !strings.Contains(page, removedConnectors("0")) {
		t.Error("a bad read removes a connector")
	}
	for path, want := range map[string]string{
		"/tenant/contoso": "The newest read from Exchange Online failed",
		"/":               "Exchange Online could not be read for 1 tenant",
	} {
		if !strings.Contains(w.get(path), want) {
			t.Errorf("%s does not contain %q", path, want)
		}
	}

	w.server.InjectFault(liveTenantID, "Get-OutboundConnector", nil)
	w.newSecret(true)
	w.await(removedConnectors("1"))
	if strings.Contains(w.get("/metrics"), hasConnector("Second")) {
		t.Error("the removed connector is still exposed")
	}

	w.newSecret(false)
	w.await(readFails("Get-OutboundConnector", "token_rejected"))
	w.stop()
	w.start()
	w.await(hasConnector("First"))
	w.checkOutputs()
}

func (w *liveWorld) removeSecond() {
	w.t.Helper()
	if err := w.server.Update(liveTenantID, func(t *microsoft365.Tenant) {
		t.Records["Get-OutboundConnector"] = t.Records["Get-OutboundConnector"][:1]
	}); err != nil {
		w.t.Fatal(err)
	}
}

// checkOutputs looks for tokens, assertions and secrets in everything that the daemon has written.
func (w *liveWorld) checkOutputs() {
	w.t.Helper()
	outputs := map[string]string{"the log": w.log.String()}
	for _, path := range []string{
		"/metrics", "/", "/tenant/contoso", "/tenants", "/findings", "/report/contoso", "/api/v1/tenants",
		"/api/v1/findings", "/api/v1/paths", "/sd",
	} {
		outputs[path] = w.get(path)
	}
	files, err := filepath.Glob(filepath.Join(w.folder, "cache", "*"))
	if err != nil || len(files) != 1 {
		w.t.Errorf("files in the cache: %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			w.t.Fatal(err)
		}
		outputs[file] = string(text)
	}
	secrets := append(w.server.Sensitive(), "must_not-leak")
	if len(secrets) < 5 {
		w.t.Errorf("only %d secrets were in use", len(secrets))
	}
	for name, text := range outputs {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				w.t.Errorf("%s contains a secret", name)
			}
		}
	}
}
