package text_test

import (
	"testing"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes/mailflow"
)

// TestSuppressionCoversItsFinding: the YAML of the pages is what the configuration reads, and covers that finding
// alone.
func TestSuppressionCoversItsFinding(t *testing.T) {
	for _, name := range []string{"To servers", `a"b\c: #`, "[x]*?", "Ümlaut \u202e", "- {a: b}", ""} {
		key := check.Key{Code: "smart_hosts_missing", Subject: check.Subject{
			Tenant: "contoso", Direction: mailflow.Outbound, Connector: name,
		}}
		var list []map[string]string
		if err := yaml.Unmarshal([]byte(text.Suppression(key, noon)), &list); err != nil || len(list) != 1 {
			t.Errorf("%q: %v\n%s", name, err, text.Suppression(key, noon))
			continue
		}
		got := list[0]
		if got["check"] != key.Code || got["expires"] != "2027-02-22" || got["direction"] != "outbound" ||
			!check.Glob(got["tenant"], "contoso") || !check.Glob(got["connector"], name) ||
			name != "" && check.Glob(got["connector"], name+"x") {
			t.Errorf("%q: %v", name, got)
		}
	}
}
