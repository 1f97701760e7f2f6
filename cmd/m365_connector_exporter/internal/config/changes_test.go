package config_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
)

// TestChanges compares a file with the next one. A change is written "tenant/direction/connector kind property,…".
func TestChanges(t *testing.T) {
	const base = "tenants: [{name: a, outbound_connectors: [{name: o, enabled: true, smart_hosts: []}], inbound_connectors: [{name: i, comment: x}]}]\n"
	tests := []struct {
		name, before, after string
		want                string
	}{
		{"nothing", base, base, ""},
		{"first load", "", base, ""},
		{
			"changed", base, strings.NewReplacer("true, smart_hosts: []", "false, tls_domain: a.example, smart_hosts: [b.example]", "comment: x", "comment: y").Replace(base),
			"a/outbound/o changed enabled,smart_hosts,tls_domain; a/inbound/i changed comment",
		},
		{"an absent list is an empty one", base, strings.Replace(base, ", smart_hosts: []", "", 1), ""},
		{"renamed", base, strings.Replace(base, "name: o", "name: p", 1), "a/outbound/p added ; a/outbound/o removed "},
		{"a tenant more", "tenants: []", base, "a/outbound/o added ; a/inbound/i added "},
		{"a tenant less", base, "tenants: []", "a/outbound/o removed ; a/inbound/i removed "},
	}
	for _, test := range tests {
		dir := t.TempDir()
		load := func(text string) *config.Config {
			if text == "" {
				return nil
			}
			put(t, filepath.Join(dir, "c.yaml"), text, 0o600)
			cfg, err := config.Load(t.Context(), filepath.Join(dir, "c.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			return cfg
		}
		var got []string
		before := load(test.before)
		for _, c := range load(test.after).ChangesSince(before) {
			got = append(got, fmt.Sprintf("%s/%s/%s %s %s", c.Tenant, c.Direction, c.Connector, c.Kind, strings.Join(c.Properties, ",")))
		}
		if text := strings.Join(got, "; "); text != test.want {
			t.Errorf("%s: %s; want %s", test.name, text, test.want)
		}
	}
}

// TestNoChangeWhereNothingWasKnown: a tenant that loads for the first time has no new connectors, one that breaks has
// lost none.
func TestNoChangeWhereNothingWasKnown(t *testing.T) {
	dir := t.TempDir()
	main := filepath.Join(dir, "main.yaml")
	put(t, main, "tenant_folders: ['x/*']\n", 0o600)
	loader := config.NewLoader(main)
	var last *config.Config
	for _, text := range []string{"{", outJSON, "{"} {
		put(t, filepath.Join(dir, "x/a/o.json"), text, 0o600)
		cfg, err := loader.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := cfg.ChangesSince(last); len(got) > 0 {
			t.Errorf("%s: %v", text, got)
		}
		last = cfg
	}
}
