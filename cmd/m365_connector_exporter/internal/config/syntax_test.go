package config_test

import (
	"strings"
	"testing"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
)

// TestSyntaxNamesTheLine: yaml names the line where a list or mapping began, or the one before, or none.
func TestSyntaxNamesTheLine(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"tenants:\n  - name: a\n  - name: b\n bad: x\n", "c.yaml:4: did not find expected key"},
		{"tenants:\r\n  - name: a\r\n   cloud: china\r\n  - name: b\r\n", "c.yaml:3: did not find expected '-' indicator"},
		{"\ufefftenants:\n  - name: a\n   cloud: china\n", "c.yaml:3: did not find expected '-' indicator"},
		{"tenants:\n  - name: a\n    probe: {port: 1\n    senders: []\n", "c.yaml:3: did not find expected ',' or '}'"},
		{"tenants:\n  - name: a\n    probe: {port: 1,\n      until: a b: c}\n", "c.yaml:4: did not find expected ',' or '}'"},
		{"tenants:\n  - name: \"a\n  - name: b\n", "c.yaml:2: found unexpected end of stream"},
		{"tenants:\n  - name: *x\n  - name: b\n", "c.yaml:2: unknown anchor 'x' referenced"},
		{"tenants: [] []\n", "c.yaml:1: did not find expected key"},
		{"a: b: c", "c.yaml:1: mapping values are not allowed in this context"},
		{"tenants: []\nprobe:\n  hello_name: \xff\nglobal: {}\n", "c.yaml:3: invalid leading UTF-8 octet"},
		{"tenants: []\nprobe:\n  hello_name: \x00\nglobal: {}\n", "c.yaml:3: control characters are not allowed"},
		{"tenants: []\n---\nprobe: {}\nglobal: [\n", "c.yaml:4: a second document; only one is allowed"},
		{"\xff\xfea\x00:\x00 \x00[\x00\n\x00", "c.yaml:1: did not find expected node content"},
		{"tenants:\n- name: a\n  outbound_connectors:\n  - name: x\n   y: [1]\n", "c.yaml:5: did not find expected key"},
	} {
		_, err := config.Load(t.Context(), write(t, "c.yaml", tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: error %v, want %q", tt.text, err, tt.want)
		}
	}
}
