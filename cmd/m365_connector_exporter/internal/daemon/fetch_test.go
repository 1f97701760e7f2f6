package daemon

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/inventory/exchangeonline"
	"m365_connector_exporter/probes/lab/microsoft365"
	"m365_connector_exporter/probes/mailflow"
)

// fetchAll fetches all tenants of the configuration, of which there is one.
func (w *liveWorld) fetchAll(folder string) Fetched {
	w.t.Helper()
	cfg := w.load()
	tenants, err := LiveTenants(cfg, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []Fetched
	Fetch(w.t.Context(), cfg, tenants, folder, func(f Fetched) { all = append(all, f) })
	if len(all) != 1 {
		w.t.Fatalf("%d tenants", len(all))
	}
	return all[0]
}

func (w *liveWorld) load() *config.Config {
	w.t.Helper()
	cfg, err := config.Load(w.t.Context(), filepath.Join(w.folder, "config.yaml"))
	if err != nil {
		w.t.Fatal(err)
	}
	return cfg
}

// A tenant that cannot be read keeps its file, and a cmdlet that fails the records of the read before.
func TestFetchWritesWholeReadsOnly(t *testing.T) {
	w := stoppedLiveWorld(t)
	folder := t.TempDir()
	file := filepath.Join(folder, "contoso", "exchange-online.json")
	if f := w.fetchAll(""); !f.OK() || f.File != "" {
		t.Errorf("without a folder: %+v", f)
	}
	if f := w.fetchAll(folder); !f.OK() || f.File != file || len(f.Kept) > 0 {
		t.Fatalf("%+v", f)
	}
	before, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(before), "Second") {
		t.Fatalf("%s: %v", before, err)
	}

	w.server.InjectFault(liveTenantID, "Get-TransportRule", microsoft365.HTML)
	if f := w.fetchAll(folder); !f.OK() || !slices.Equal(f.Kept, []string{"Get-TransportRule"}) {
		t.Errorf("kept %q of %+v", f.Kept, f.Read.Failures)
	}
	w.server.InjectFault(liveTenantID, "Get-OutboundConnector", microsoft365.HTML)
	if f := w.fetchAll(folder); f.OK() || f.File != "" {
		t.Errorf("without the connectors: %+v", f)
	}
	if after, err := os.ReadFile(file); err != nil || !strings.Contains(string(after), "Second") {
		t.Errorf("the file has lost its records: %s, %v", after, err)
	}
}

func TestFetchReportsAFolderThatItCannotWrite(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(folder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if f := stoppedLiveWorld(t).fetchAll(folder); f.OK() || f.Err == nil || f.File != "" {
		t.Errorf("%+v", f)
	}
}

func TestLiveTenants(t *testing.T) {
	live, none := stoppedLiveWorld(t).load(), &config.Config{}
	for _, c := range []struct {
		cfg   *config.Config
		names []string
		want  int
		err   string
	}{
		{live, nil, 1, ""},
		{live, []string{"contoso"}, 1, ""},
		{live, []string{"contoso", "fabrikam"}, 0, `"fabrikam": no tenant of this name`},
		{none, nil, 0, "no tenant has a section exchange_online"},
	} {
		tenants, err := LiveTenants(c.cfg, c.names)
		if len(tenants) != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: %d tenants, error %v", c.names, len(tenants), err)
		}
	}
}

// Without a cache, a tenant has connectors once it was read; an unread tenant is read at once.
func TestReadUnread(t *testing.T) {
	w := stoppedLiveWorld(t)
	loader := config.NewLoader(filepath.Join(w.folder, "config.yaml"))
	cfg, err := loader.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to read
		if cfg, err = ReadUnread(t.Context(), loader, cfg); err != nil {
			t.Fatal(err)
		}
		if len(cfg.Tenants) != 1 || len(cfg.Tenants[0].Outbound) != 2 {
			t.Fatalf("%+v", cfg.Tenants)
		}
	}
	if _, err := os.Stat(filepath.Join(w.folder, "cache")); err == nil {
		t.Error("it wrote to the daemon's cache folder")
	}
}

func TestMicrosoftValidations(t *testing.T) {
	cfg := stoppedLiveWorld(t).load()
	path := func(tenant, connector string, recipients ...string) probes.Path {
		return probes.Path{ID: probes.PathID{
			Tenant: tenant, Direction: mailflow.Outbound, Connector: connector, Path: "mail.contoso.com",
		}, Recipients: recipients}
	}
	inbound := path("contoso", "In", "a@contoso.com")
	inbound.ID.Direction = mailflow.Inbound
	first := path("contoso", "First", "a@contoso.com")
	for name, c := range map[string]struct {
		paths []probes.Path
		want  string
		err   string
	}{
		"each connector once": {
			[]probes.Path{first, first, inbound, path("contoso", "Second", "a@contoso.com")}, "First Second", "",
		},
		"no outbound connector": {[]probes.Path{inbound}, "", "no target is an outbound connector"},
		"no recipient": {
			[]probes.Path{path("contoso", "First")}, "", `"First" has no validation_recipients`,
		},
		"a tenant without the section": {
			[]probes.Path{path("fabrikam", "First", "a@contoso.com")}, "", `"fabrikam" has no section`,
		},
	} {
		all, err := MicrosoftValidations(cfg, c.paths)
		var connectors []string
		for i := range all {
			connectors = append(connectors, all[i].Connector)
		}
		got := strings.Join(connectors, " ")
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, error %v", name, got, err)
		}
	}
}

// What Microsoft answers, or that it did not, is in each validation.
func TestValidateByMicrosoft(t *testing.T) {
	w := stoppedLiveWorld(t)
	if err := w.server.Update(liveTenantID, func(t *microsoft365.Tenant) {
		t.Records["Validate-OutboundConnector"] = []json.RawMessage{
			json.RawMessage(`{"TaskName":"Resolve","IsTaskSuccessful":true}`),
		}
	}); err != nil {
		t.Fatal(err)
	}
	cfg := w.load()
	all := []MicrosoftValidation{
		{Tenant: cfg.Live()[0], Connector: "First", Recipients: []string{"a@contoso.com"}},
		{Tenant: cfg.Live()[0], Connector: "Missing", Recipients: []string{"a@contoso.com"}},
	}
	ValidateByMicrosoft(t.Context(), cfg, all)
	if len(all[0].Tasks) != 1 || all[0].Failure != nil {
		t.Errorf("First: %+v", all[0])
	}
	if all[1].Failure == nil || all[1].Passed() != mailflow.Unknown {
		t.Errorf("Missing: %+v", all[1])
	}
}

func TestMicrosoftValidationPassed(t *testing.T) {
	task := func(successful mailflow.Tri) exchangeonline.Task { return exchangeonline.Task{Successful: successful} }
	yes, no, unknown := task(mailflow.Yes), task(mailflow.No), task(mailflow.Unknown)
	for _, c := range []struct {
		of   MicrosoftValidation
		want mailflow.Tri
	}{
		{MicrosoftValidation{}, mailflow.Unknown},
		{MicrosoftValidation{Failure: &exchangeonline.Failure{}}, mailflow.Unknown},
		{MicrosoftValidation{Tasks: []exchangeonline.Task{yes, yes}}, mailflow.Yes},
		{MicrosoftValidation{Tasks: []exchangeonline.Task{yes, unknown}}, mailflow.Unknown},
		{MicrosoftValidation{Tasks: []exchangeonline.Task{unknown, no}}, mailflow.No},
	} {
		if got := c.of.Passed(); got != c.want {
			t.Errorf("%+v: %v, want %v", c.of, got, c.want)
		}
	}
}
