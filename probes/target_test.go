package probes_test

import (
	"errors"
	"slices"
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

func TestMatch(t *testing.T) {
	id := func(c, p string) probes.PathID {
		return probes.PathID{Tenant: "contoso", Direction: mailflow.Outbound, Connector: c, Path: p}
	}
	ids := []probes.PathID{id("A/B", "h1"), id("A/B", "h2"), id("C", "h1")}
	for target, want := range map[string]int{
		"contoso": 3, "contoso/outbound": 3, "contoso/A%2FB": 2, "CONTOSO/a%2Fb": 2, "contoso/outbound/A%2FB/h1": 1,
		"contoso/C/h1": 1, "fabrikam": 0, "contoso/A/B": 0,
	} {
		got, err := probes.Match(target, ids)
		if err != nil || len(got) != want {
			t.Errorf("Match(%q) = %v, %v; want %d", target, got, err, want)
		}
	}
	for _, bad := range []string{"", "a//b", "a/outbound//h1", "a/b/c/d/e", "%zz"} {
		if _, err := probes.Match(bad, ids); err == nil {
			t.Errorf("Match(%q): no error", bad)
		}
	}
	for _, want := range ids {
		if got, err := probes.Match(want.String(), ids); err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("Match(%q) = %v, %v", want.String(), got, err)
		}
	}
}

// FuzzMatch checks that any target selects configured paths or is refused, and that a path's own target selects it.
func FuzzMatch(f *testing.F) {
	f.Add("contoso/outbound/a%2Fb/mail.contoso.com", "contoso", "a/b", "mail.contoso.com")
	f.Add("%zz/%00/\xff", "%zz", "\x00", "\xff")
	f.Add("a/b/c/d/e", "a", "outbound", "c")
	f.Add("contoso/outbound/c/", "contoso", "c", "")
	f.Add("/", "İ", "ſ", "K")
	f.Fuzz(func(t *testing.T, target, tenant, connector, path string) {
		ids := []probes.PathID{
			{Tenant: tenant, Direction: mailflow.Outbound, Connector: connector, Path: path},
			{Tenant: tenant, Direction: mailflow.Inbound, Connector: connector, Path: path},
			{Tenant: tenant, Direction: mailflow.Outbound, Connector: path, Path: connector},
		}
		found, err := probes.Match(target, ids)
		if err != nil && !errors.Is(err, probes.ErrBadTarget) || err != nil && found != nil {
			t.Errorf("%v, %v", found, err)
		}
		for _, id := range found {
			if !slices.Contains(ids, id) {
				t.Errorf("%v is none of %v", id, ids)
			}
		}
		for _, id := range ids {
			if id.Tenant == "" || id.Connector == "" {
				continue
			}
			if found, err := probes.Match(id.String(), ids); err != nil || !slices.Contains(found, id) {
				t.Errorf("%s means %v, %v", id, found, err)
			}
		}
	})
}

func TestNamesConnector(t *testing.T) {
	id := probes.PathID{Tenant: "contoso", Direction: "outbound", Connector: "To A/B", Path: "mail.contoso.com"}
	for target, want := range map[string]bool{
		"contoso": false, "contoso/outbound": false, "contoso/To%20a%2Fb": true, "contoso/outbound/To A%2FB": true,
		"contoso/outbound/To A%2FB/mail.contoso.com": true, "contoso/To A%2FB/mail.contoso.com": true,
		"contoso/Other": false, "fabrikam/To A%2FB": false, "contoso/%zz": false,
	} {
		if got := probes.NamesConnector(target, id); got != want {
			t.Errorf("%s: %t, want %t", target, got, want)
		}
	}
	id.Connector = "outbound"
	if !probes.NamesConnector("contoso/outbound", id) || !probes.NamesConnector("contoso/outbound/outbound", id) {
		t.Error("a connector with the name of a direction")
	}
}

func TestDisplayName(t *testing.T) {
	for want, id := range map[string]probes.PathID{
		"contoso › To A/B › 100% (outbound)": {Tenant: "contoso", Direction: "outbound", Connector: "To A/B", Path: "100%"},
		"contoso › To A/B (inbound)":         {Tenant: "contoso", Direction: "inbound", Connector: "To A/B"},
		"contoso":                            {Tenant: "contoso"},
		"C › edge-1":                         {Connector: "C", Path: "edge-1"},
	} {
		if got := id.DisplayName(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
