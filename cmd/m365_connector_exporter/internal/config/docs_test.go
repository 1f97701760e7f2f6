package config_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
)

// knownKeys are the keys of each section of docs/configuration.md. The sections with few keys list them when they are
// asked for one that they do not know.
func knownKeys(t *testing.T) map[string][]string {
	t.Helper()
	known := config.RecordKeys()
	const sender = "tenants: [{ name: a, inbound_connectors: [{ name: i }], senders: [{ name: s, connector: i, "
	for heading, text := range map[string]string{
		"Sections":          "%: 1",
		"`global`":          "global: { %: 1 }",
		"`exchange_online`": "exchange_online: { %: 1 }",
		"`probe`":           "probe: { %: 1 }",
		"`dnssec`":          "probe: { dnssec: { %: 1 } }",
		"`thresholds`":      "thresholds: { %: 1 }",
		"Tenants":           "tenants: [{ name: a, %: 1 }]",
		"`senders`":         sender + "%: 1 }] }]",
		"`certificate`":     sender + "certificate: { %: 1 } }] }]",
		"`sink`":            "sink: { %: 1 }",
		"`firewall`":        "firewall: { %: 1 }",
		"`round_trips`":     "sink: { listen: [\":25\"], hostname: a.example }\nround_trips: [{ %: 1 }]",
		"`suppressions`":    "suppressions: [{ check: tls_version_old, reason: r, owner: o, expires: 2027-03-31, %: 1 }]",
	} {
		_, err := config.Load(t.Context(), write(t, "c.yaml", strings.Replace(text, "%", "zzzzzzzzzzzz", 1)))
		_, list, ok := strings.Cut(err.Error(), "known here: ")
		if !ok {
			t.Fatalf("%s: %v", heading, err)
		}
		list, _, _ = strings.Cut(list, "\n") // other mistakes follow
		known[heading] = strings.Split(list, ", ")
	}
	return known
}

// TestDocsHaveEveryKey holds docs/configuration.md against what Load knows: no key is missing, none is invented.
func TestDocsHaveEveryKey(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	row, word := regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\|"), regexp.MustCompile("`([a-z0-9_]+)`")
	documented := map[string][]string{}
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		heading, body, _ := strings.Cut(section, "\n")
		var keys []string
		for _, m := range row.FindAllStringSubmatch(body, -1) {
			keys = append(keys, m[1])
		}
		if _, over, ok := strings.Cut(body, "\nIgnored"); ok {
			over, _, _ = strings.Cut(over, ".")
			for _, m := range word.FindAllStringSubmatch(over, -1) {
				keys = append(keys, m[1])
			}
		}
		if slices.Sort(keys); len(keys) > 0 {
			documented[heading] = keys
		}
	}
	if diff := cmp.Diff(knownKeys(t), documented); diff != "" {
		t.Error(diff)
	}
}

// TestExampleHasEveryKey: config.example.yaml has each key, as a value or in a comment, except those that are ignored
// and the properties that exports give.
func TestExampleHasEveryKey(t *testing.T) {
	text, err := os.ReadFile("../../../../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for heading, keys := range knownKeys(t) {
		if _, record := config.RecordKeys()[heading]; record || heading == "`suppressions`" {
			continue
		}
		for _, key := range keys {
			if !regexp.MustCompile(`\b` + key + `:`).Match(text) {
				t.Errorf("%s: %s is missing", heading, key)
			}
		}
	}
}
