package inventory

import (
	"reflect"
	"slices"

	"m365_connector_exporter/probes/mailflow"
)

// The kinds of change.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
)

// Change is a connector that was added, removed or changed between two loads.
type Change struct {
	Tenant     string
	Direction  mailflow.Direction
	Connector  string
	Kind       string   // Added, Removed or Changed
	Properties []string // that changed, by their keys in the configuration; never their values
}

// Changes compares the connectors of two loads, in the order of the newer one; those of removed tenants come last. A
// tenant that had never been loaded before is skipped.
func Changes[S any](before, after *Tenants[S]) []Change {
	var all []Change
	for _, name := range after.order {
		if old := before.states[name]; !old.Never {
			all = append(all, changesOf(name, old.Tenant, after.states[name].Tenant)...)
		}
	}
	for _, name := range before.order {
		if !after.Has(name) {
			all = append(all, changesOf(name, before.states[name].Tenant, mailflow.Tenant{})...)
		}
	}
	return all
}

func changesOf(tenant string, before, after mailflow.Tenant) []Change {
	commonOfOutbound := func(c *mailflow.OutboundConnector) *mailflow.Common { return &c.Common }
	commonOfInbound := func(c *mailflow.InboundConnector) *mailflow.Common { return &c.Common }
	outbound := compare(before.Outbound, after.Outbound, commonOfOutbound)
	inbound := compare(before.Inbound, after.Inbound, commonOfInbound)
	all := slices.Concat(outbound, inbound)
	for i := range all {
		all[i].Tenant, all[i].Direction = tenant, mailflow.Outbound
		if i >= len(outbound) {
			all[i].Direction = mailflow.Inbound
		}
	}
	return all
}

// compare matches connectors by name, which is unique in each list. A connector that is only in YAML, while the tenant
// has exports, does not exist.
func compare[C any](before, after []C, common func(*C) *mailflow.Common) []Change {
	old := map[string]*C{}
	for i := range before {
		if c := common(&before[i]); !c.NotExported {
			old[c.Name] = &before[i]
		}
	}
	var all []Change
	for i := range after {
		c := &after[i]
		name := common(c).Name
		was, known := old[name]
		if common(c).NotExported {
			continue
		}
		delete(old, name)
		if !known {
			all = append(all, Change{Connector: name, Kind: Added})
		} else if properties := differing(reflect.ValueOf(was).Elem(), reflect.ValueOf(c).Elem()); len(properties) > 0 {
			all = append(all, Change{Connector: name, Kind: Changed, Properties: properties})
		}
	}
	for i := range before {
		if name := common(&before[i]).Name; old[name] != nil {
			all = append(all, Change{Connector: name, Kind: Removed})
		}
	}
	return all
}

// differing returns the keys of the properties in which two structs of one type differ. A nil list and an empty one are
// equal.
func differing(a, b reflect.Value) []string {
	var keys []string
	for i := range a.NumField() {
		field, x, y := a.Type().Field(i), a.Field(i), b.Field(i)
		switch {
		case field.Anonymous:
			keys = append(keys, differing(x, y)...)
		case field.Name == "MissingProperties" || field.Name == "NotExported": // of the export, not of the connector
		case x.Kind() == reflect.Slice && x.Len() == 0 && y.Len() == 0:
		case !reflect.DeepEqual(x.Interface(), y.Interface()):
			keys = append(keys, keyOf(field.Name))
		}
	}
	slices.Sort(keys)
	return keys
}

// keyOf returns the key of the connector property of a field.
func keyOf(field string) string {
	for _, p := range slices.Concat(commonProperties, outboundOnly, inboundOnly) {
		if p.Field == field {
			return p.Key
		}
	}
	return ""
}
