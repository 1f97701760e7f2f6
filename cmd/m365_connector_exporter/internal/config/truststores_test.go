package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes/lab"
)

func TestTrustStores(t *testing.T) {
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text, err string // the configuration; part of the error, with its line
		names     string
	}{
		"two":            {"trust_stores: { a: roots.pem, b_2: roots.pem }", "", "a b_2"},
		"none":           {"trust_stores: {}", "", ""},
		"commented out":  {"trust_stores:", "", ""},
		"beside ca_file": {"trust_stores: { a: roots.pem }, ca_file: roots.pem", "", "a"},
		"too many": {
			"trust_stores: { a: roots.pem, b: roots.pem, c: roots.pem }",
			`:1: global.trust_stores: "c": one store too many: at most 2 may be named`, "",
		},
		"too many beside ca_file": {
			"trust_stores: { a: roots.pem, b: roots.pem }, ca_file: roots.pem",
			":1: global.trust_stores: 2 stores, one too many: at most 1 together with ca_file", "",
		},
		"too many, of which one cannot be read": {
			"trust_stores: { a: roots.pem, b: none.pem, c: roots.pem }",
			`:1: global.trust_stores: "c": one store too many`, "",
		},
		"a bad name": {
			"trust_stores: { Exchange 2016: roots.pem }",
			`"Exchange 2016": must be a name of at most 32 lower-case letters, digits and _ such as exchange_2016`, "",
		},
		"a name that is taken": {
			"trust_stores: { mozilla: roots.pem }",
			`global.trust_stores: "mozilla": is the name of a built-in store; choose another one, such as exchange_2016`, "",
		},
		"twice":        {"trust_stores: { a: roots.pem, a: roots.pem }", "global.trust_stores.a: duplicate key", ""},
		"no file":      {"trust_stores: { a: none.pem }", "none.pem: no such file", ""},
		"an empty one": {`trust_stores: { a: "" }`, "trust_stores.a: must be a file of PEM certificates such as", ""},
		"no PEM":       {"trust_stores: { a: key.txt }", "key.txt: contains no PEM certificate", ""},
		"a list":       {"trust_stores: [roots.pem]", "global.trust_stores: a list: must be a mapping", ""},
	} {
		folder := t.TempDir()
		for file, text := range map[string]string{
			"c.yaml": "global: { " + c.text + " }\n", "roots.pem": string(ca.RootPEM()), "key.txt": "secret",
		} {
			if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cfg, err := config.Load(t.Context(), filepath.Join(folder, "c.yaml"))
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v, want %s", name, err, c.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var names []string
		for _, s := range cfg.Global.TrustStores {
			names = append(names, s.Name)
		}
		if strings.Join(names, " ") != c.names {
			t.Errorf("%s: %v", name, names)
		}
	}
}
