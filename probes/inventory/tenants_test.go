package inventory_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/mailflow"
)

type tenants = inventory.Tenants[string]

// loaded is a tenant with one connector.
func loaded(name, origin, settings string) inventory.State[string] {
	return inventory.State[string]{
		Tenant: mailflow.Tenant{
			Name:     name,
			Outbound: []mailflow.OutboundConnector{{Common: mailflow.Common{Name: settings}}},
		},
		Settings: settings, Origin: origin,
	}
}

// TestLastGoodState: each step is one load after the other. A tenant is written name=settings, "!" after it where it
// counts as not loaded.
func TestLastGoodState(t *testing.T) {
	broken := errors.New("broken")
	pattern, err := inventory.NewName("/x", "*")
	if err != nil {
		t.Fatal(err)
	}
	var last *tenants
	for _, step := range []struct {
		name string
		load func(t *tenants)
		want string
	}{
		{"never loaded", func(t *tenants) { t.Fallback("a", "/x/a", broken) }, "a=!"},
		{"still not", func(t *tenants) { t.Fallback("a", "/x/a", broken) }, "a=!"},
		{"loaded", func(t *tenants) { t.Add(loaded("a", "/x/a", "1")); t.Add(loaded("b", "/y", "1")) }, "a=1 b=1"},
		{"broken", func(t *tenants) { t.Add(loaded("b", "/y", "2")); t.Fallback("a", "/x/a", broken) }, "b=2 a=1!"},
		{"still broken", func(t *tenants) { t.Add(loaded("b", "/y", "2")); t.Fallback("a", "/x/a", broken) }, "b=2 a=1!"},
		{"loaded elsewhere before it breaks", func(t *tenants) {
			t.Add(loaded("a", "/x/a", "3"))
			t.Fallback("a", "/z", broken)
		}, "a=3"},
		{"its pattern matches nothing", func(tenants *tenants) {
			if !tenants.PatternEmptied(pattern, broken) {
				t.Error("no tenant of the pattern")
			}
		}, "a=3!"},
		{"removed", func(*tenants) {}, ""},
		{"nothing to keep", func(tenants *tenants) {
			if tenants.PatternEmptied(pattern, broken) {
				t.Error("a tenant of the pattern")
			}
		}, ""},
	} {
		now := inventory.NewTenants(last)
		step.load(now)
		var got []string
		for _, tenant := range now.All() {
			word := tenant.Name + "=" + now.Get(tenant.Name).Settings
			if tenant.LoadError != "" {
				word += "!"
			}
			got = append(got, word)
		}
		if text := strings.Join(got, " "); text != step.want {
			t.Errorf("%s: %s, want %s", step.name, text, step.want)
		}
		last = now
	}
}

// TestName has the paths of Unix; on Windows no pattern can quote.
func TestName(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip()
	}
	for _, test := range []struct {
		folder, text, path string
		pattern, matches   bool
	}{
		{"/etc", "a.json", "/etc/a.json", false, true},
		{"/etc", "a.json", "/etc/b.json", false, false},
		{"/etc", "/a.json", "/a.json", false, true},
		{"/etc", "*.json", "/etc/a.json", true, true},
		{"/etc", "*.json", "/etc/a/a.json", true, false},
		{"/etc/[x]", "a.json", "/etc/[x]/a.json", false, true},
		{"/etc/[x]", "*.json", "/etc/[x]/a.json", true, true},
		{"/etc/[x]", "*.json", "/etc/x/a.json", true, false},
	} {
		n, err := inventory.NewName(test.folder, test.text)
		if err != nil || n.Pattern != test.pattern || n.Matches(test.path) != test.matches {
			t.Errorf("%s in %s matches %s: %t, pattern: %t, %v", test.text, test.folder, test.path, n.Matches(test.path),
				n.Pattern, err)
		}
	}
	if _, err := inventory.NewName("/etc", "[a"); err == nil {
		t.Error("an invalid pattern is taken")
	}
}
