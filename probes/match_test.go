package probes_test

import (
	"errors"
	"slices"
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// FuzzMatch: whatever a target is, it means configured paths or is refused; and a path's own target means that path.
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
