package config_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes/mailflow"
)

const (
	domainJSON  = `{"DomainName":"contoso.com","DomainType":0}`
	inboundJSON = `{"Name":"In","SenderDomains":["smtp:*;1"]}`
	outJSON     = `{"Name":"Out","UseMXRecord":true}`
)

// TestReload changes files between two loads. What is lost by mistake is kept and reported, what is removed on purpose
// is removed.
func TestReload(t *testing.T) {
	base := map[string]string{
		"x/a/d.json": domainJSON, "x/a/i.json": inboundJSON, "x/b/o.json": outJSON,
		"y/c.json": outJSON, "t/d.yaml": "name: d\noutbound_connectors: [{name: Out}]\n",
		"main.yaml": "tenant_folders: ['x/*']\ntenant_files: ['t/*.yaml']\ntenants: [{name: c, exports: ['y/*.json']}]\n",
	}
	const twoMissing = "tenant_folders: ['x/*', z]\ntenant_files: ['t/*.yaml', f.yaml]\n" +
		"tenants: [{name: c, exports: ['y/*.json']}]\n"
	const withSender = "tenant_folders: ['x/*']\ntenant_files: ['t/*.yaml']\n" +
		"tenants: [{name: c, exports: ['y/*.json']}, {name: a, senders: [{name: s, connector: In}]}]\n"
	const kept = "; the last good state of this tenant is used"
	tests := []struct {
		name    string
		change  map[string]string // "": removed
		tenants string            // name:connectors+domains, "!" where it counts as not loaded
		err     string            // end of the LoadError of the first such tenant
	}{
		{"nothing", nil, "c:1 d:1 a:2 b:1", ""},
		{
			"an export vanishes",
			map[string]string{"x/a/i.json": ""},
			"c:1 d:1 a:2! b:1",
			"x/a/i.json: was there at the last load; no other export has inbound connectors" + kept,
		},
		{
			"an export breaks",
			map[string]string{"x/a/i.json": "{"},
			"c:1 d:1 a:2! b:1",
			"x/a/i.json: not JSON: it breaks off in line 1" + kept,
		},
		{
			"an export under a new name",
			map[string]string{"x/a/i.json": "", "x/a/i2.json": inboundJSON},
			"c:1 d:1 a:2 b:1",
			"",
		},
		{"an export of nothing", map[string]string{"x/a/i.json": "[]"}, "c:1 d:1 a:1 b:1", ""},
		{
			"a listed export vanishes",
			map[string]string{"y/c.json": ""},
			"c:1! d:1 a:2 b:1",
			"y/c.json: was there at the last load; no other export has outbound connectors" + kept,
		},
		{"it is listed no longer", map[string]string{
			"y/c.json":  "",
			"main.yaml": "tenant_folders: ['x/*']\ntenant_files: ['t/*.yaml']\ntenants: [{name: c}]\n",
		}, "c:0 d:1 a:2 b:1", ""},
		{"a folder is removed", map[string]string{"x/b": ""}, "c:1 d:1 a:2", ""},
		{"no folder is left", map[string]string{"x/a": "", "x/b": ""}, "c:1 d:1 a:2! b:1!", "x/* no longer matches a folder" +
			kept},
		{
			"no tenant file is left",
			map[string]string{"t/d.yaml": ""},
			"c:1 d:1! a:2 b:1",
			"t/*.yaml no longer matches a file" + kept,
		},
		{
			"a tenant file breaks",
			map[string]string{"t/d.yaml": "name: d\nx: 1\n"},
			"c:1 d:1! a:2 b:1",
			"t/d.yaml:2: x: unknown key; known here: accepted_domains, checks, cloud, exchange_online, exports, " +
				"inbound_connectors, name, outbound_connectors, probe, senders, suppressions" + kept,
		},
		{
			"a second file has the name",
			map[string]string{"t/e.yaml": "name: c\n"},
			"c:1 d:1 e:0! a:2 b:1",
			"t/e.yaml:1: name: duplicate tenant \"c\"; no path of this tenant is probed",
		},
		{
			"a named file and a named folder are not there",
			map[string]string{"main.yaml": twoMissing},
			"c:1 d:1 f:0! a:2 b:1 z:0!", "f.yaml: no such file or directory; no path of this tenant is probed",
		},
		{
			"a sender's connector vanishes with its export",
			map[string]string{"main.yaml": withSender, "x/a/i.json": ""},
			"c:1 a:2! d:1 b:1", "x/a/i.json: was there at the last load; no other export has inbound connectors" + kept,
		},
		{
			"a sender's connector vanishes with all exports",
			map[string]string{"main.yaml": withSender, "x/a/i.json": "", "x/a/d.json": ""},
			"c:1 a:2! d:1 b:1",
			"x/a/d.json: was there at the last load; no other export has accepted domains" + kept,
		},
		{
			"a sender's connector is in an export that breaks",
			map[string]string{"main.yaml": withSender, "x/a/i.json": "{", "x/a/d.json": "{"},
			"c:1 a:2! d:1 b:1",
			"x/a/d.json: not JSON: it breaks off in line 1" + kept,
		},
		{
			"a sender's connector is in the export no more",
			map[string]string{"main.yaml": withSender, "x/a/i.json": "[]"},
			"c:1 a:2! d:1 b:1", `main.yaml:3: tenants[1].senders[0].connector: no inbound connector "In" in this tenant` + kept,
		},
		{
			"a folder under a tenant in YAML is removed",
			map[string]string{"main.yaml": withSender, "x/a": ""},
			"c:1 a:2! d:1 b:1", "x/a: no such file or directory" + kept,
		},
		{
			"a new tenant is broken",
			map[string]string{"x/e/o.json": "{"},
			"c:1 d:1 a:2 b:1 e:0!",
			"x/e/o.json: not JSON: it breaks off in line 1; no path of this tenant is probed",
		},
	}
	for _, test := range tests {
		dir := t.TempDir()
		for name, text := range base {
			put(t, filepath.Join(dir, name), text, 0o600)
		}
		main := filepath.Join(dir, "main.yaml")
		loader := config.NewLoader(main)
		first, err := loader.Load(t.Context())
		if err != nil || len(first.Problems()) > 0 {
			t.Fatal(err, first.Problems())
		}
		for name, text := range test.change {
			if text == "" {
				if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
				continue
			}
			put(t, filepath.Join(dir, name), text, 0o600)
		}
		if loader.Changed(t.Context()) != (test.change != nil) {
			t.Errorf("%s: the change is not seen", test.name)
		}
		second, err := loader.Load(t.Context())
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := summary(second.Tenants); got != test.tenants {
			t.Errorf("%s: %s, want %s", test.name, got, test.tenants)
		}
		if got := firstLoadError(second.Tenants); !strings.HasSuffix(got, test.err) || (got == "") != (test.err == "") ||
			(got == "") != (len(second.Problems()) == 0) {
			t.Errorf("%s: error %q, want one that ends in %q; problems %v", test.name, got, test.err, second.Problems())
		}
		if loader.Changed(t.Context()) {
			t.Errorf("%s: a change is seen that is not there", test.name)
		}
		third, err := loader.Load(t.Context())
		if err != nil || summary(third.Tenants) != test.tenants ||
			firstLoadError(third.Tenants) != firstLoadError(second.Tenants) {
			t.Errorf("%s: loaded once more: %v, %s, %q", test.name, err, summary(third.Tenants), firstLoadError(third.Tenants))
		}
	}
}

func summary(tenants []mailflow.Tenant) string {
	var words []string
	for _, t := range tenants {
		word := t.Name + ":" + string(rune('0'+len(t.AcceptedDomains)+len(t.Inbound)+len(t.Outbound)))
		if t.LoadError != "" {
			word += "!"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func firstLoadError(tenants []mailflow.Tenant) string {
	for _, t := range tenants {
		if t.LoadError != "" {
			return t.LoadError
		}
	}
	return ""
}

// TestFolderUnderYAML: a tenant in YAML with the name of a folder is laid over the exports in it.
func TestFolderUnderYAML(t *testing.T) {
	dir := t.TempDir()
	main := filepath.Join(dir, "main.yaml")
	put(t, filepath.Join(dir, "x/a/o.json"), `{"Name":"Out","UseMXRecord":true,"TlsDomain":"old.example"}`, 0o600)
	put(t, filepath.Join(dir, "x/[b]/o.json"), outJSON, 0o600)
	put(t, filepath.Join(dir, "t.yaml"), "- {name: '[b]', inbound_connectors: [{name: In}]}\n", 0o600)
	put(t, main, "tenants: [{name: a, outbound_connectors: [{name: Out, tls_domain: new.example}]}]\n"+
		"tenant_folders: ['x/*']\ntenant_files: [t.yaml]\n", 0o600)
	cfg, err := config.Load(t.Context(), main)
	if err != nil || len(cfg.Problems()) > 0 {
		t.Fatal(err, cfg.Problems())
	}
	if got := summary(cfg.Tenants); got != "a:1 [b]:2" {
		t.Fatal(got)
	}
	if c := cfg.Tenants[0].Outbound[0]; c.TLSDomain != "new.example" || c.UseMXRecord != mailflow.Yes {
		t.Errorf("%+v", c)
	}
	put(t, filepath.Join(dir, "y/a/o.json"), outJSON, 0o600)
	put(t, main, "tenant_folders: ['x/*', 'y/*', 'x/a']\n", 0o600)
	cfg, err = config.Load(t.Context(), main)
	if err != nil || summary(cfg.Tenants) != "[b]:1 a:1" || len(cfg.Problems()) != 1 ||
		!strings.Contains(cfg.Problems()[0].Message, `tenant "a" already has the folder`) {
		t.Errorf("two folders of a name: %v, %s, %v", err, summary(cfg.Tenants), cfg.Problems())
	}
}

// TestExportNamedTwice: a folder and a pattern may lead to one export. It is reported on once.
func TestExportNamedTwice(t *testing.T) {
	dir := t.TempDir()
	main := filepath.Join(dir, "main.yaml")
	put(t, filepath.Join(dir, "x/a/o.json"), `{"Name":"Out","UseMXRecord":"?"}`, 0o600)
	put(t, main, "tenant_folders: ['x/*']\ntenants: [{name: a, exports: ['x/a/*.json', x/a/o.json]}]\n", 0o600)
	cfg, err := config.Load(t.Context(), main)
	if err != nil || summary(cfg.Tenants) != "a:1" || len(cfg.Warnings) != 1 ||
		!strings.HasSuffix(cfg.Warnings[0], "UseMXRecord: must be true or false") {
		t.Errorf("%v, %s, warnings %q", err, summary(cfg.Tenants), cfg.Warnings)
	}
}

// TestRefusedLoadIsWatched: a file that a refused configuration names is looked at, too, so that the next load
// happens when it appears.
func TestRefusedLoadIsWatched(t *testing.T) {
	dir := t.TempDir()
	main, roots := filepath.Join(dir, "main.yaml"), filepath.Join(dir, "roots.pem")
	put(t, main, "tenants: [{name: a}]\n", 0o600)
	loader := config.NewLoader(main)
	if _, err := loader.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	put(t, main, "global: {ca_file: roots.pem}\ntenants: [{name: b}]\n", 0o600)
	if _, err := loader.Load(t.Context()); err == nil || loader.Changed(t.Context()) {
		t.Errorf("%v, and a change that is not there", err)
	}
	put(t, roots, string(issue(t, "root.example", nil).pem()), 0o600)
	if !loader.Changed(t.Context()) {
		t.Error("the file that was missing is not seen")
	}
	if cfg, err := loader.Load(t.Context()); err != nil || summary(cfg.Tenants) != "b:0" {
		t.Errorf("%v, %v", cfg, err)
	}
}

// TestFolderWithPatternCharacters: only what is written in the configuration can be a pattern, not the folder that it
// is in.
func TestFolderWithPatternCharacters(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no pattern can quote on Windows")
	}
	dir := filepath.Join(t.TempDir(), "[x]")
	main := filepath.Join(dir, "main.yaml")
	put(t, filepath.Join(dir, "a.json"), outJSON, 0o600)
	put(t, main, "tenants: [{name: a, exports: [a.json]}, {name: b, exports: ['*.json']}]\n", 0o600)
	cfg, err := config.Load(t.Context(), main)
	if err != nil || summary(cfg.Tenants) != "a:1 b:1" || len(cfg.Warnings) > 0 {
		t.Errorf("%v, %v", cfg, err)
	}
}
