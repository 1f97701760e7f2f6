package config

import (
	"reflect"
	"slices"

	"m365_connector_exporter/probes/mailflow"
)

// What can have happened to a connector.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
)

// Change is a connector that came, went or changed between two loads.
type Change struct {
	Tenant    string
	Direction mailflow.Direction
	Connector string
	Kind      string   // Added, Removed or Changed
	What      []string // the properties that changed, by their keys in the configuration; never what they hold
}

// Changes compares the connectors of two configurations, in the order of the new one; what went comes last. A tenant that had not
// loaded before has nothing to be compared with.
func Changes(before, after *Config) []Change {
	if before == nil {
		return nil
	}
	old := map[string]mailflow.Tenant{}
	for _, t := range before.Tenants {
		old[t.Name] = t
	}
	var all []Change
	for _, t := range after.Tenants {
		if !before.own[t.Name].never {
			all = append(all, changesOf(t.Name, old[t.Name], t)...)
		}
	}
	for _, t := range before.Tenants {
		if !after.has(t.Name) {
			all = append(all, changesOf(t.Name, t, mailflow.Tenant{})...)
		}
	}
	return all
}

func changesOf(tenant string, before, after mailflow.Tenant) []Change {
	all := compare(before.Outbound, after.Outbound, func(c *mailflow.OutboundConnector) string { return c.Name })
	for i := range all {
		all[i].Direction = mailflow.Outbound
	}
	inbound := compare(before.Inbound, after.Inbound, func(c *mailflow.InboundConnector) string { return c.Name })
	for i := range inbound {
		inbound[i].Direction = mailflow.Inbound
	}
	all = append(all, inbound...)
	for i := range all {
		all[i].Tenant = tenant
	}
	return all
}

// compare matches connectors by name, of which each list has one.
func compare[C any](before, after []C, name func(*C) string) []Change {
	at := map[string]*C{}
	for i := range before {
		at[name(&before[i])] = &before[i]
	}
	var all []Change
	for i := range after {
		c := &after[i]
		old, known := at[name(c)]
		delete(at, name(c))
		if !known {
			all = append(all, Change{Connector: name(c), Kind: Added})
		} else if what := differing(reflect.ValueOf(old).Elem(), reflect.ValueOf(c).Elem()); len(what) > 0 {
			all = append(all, Change{Connector: name(c), Kind: Changed, What: what})
		}
	}
	for i := range before {
		if _, left := at[name(&before[i])]; left {
			all = append(all, Change{Connector: name(&before[i]), Kind: Removed})
		}
	}
	return all
}

// differing names the properties in which two structs of one type differ. No list and an empty one are the same.
func differing(a, b reflect.Value) []string {
	var names []string
	for i := range a.NumField() {
		field, x, y := a.Type().Field(i), a.Field(i), b.Field(i)
		switch {
		case field.Anonymous:
			names = append(names, differing(x, y)...)
		case field.Name == "MissingProperties": // says something of the export, not of the connector
		case x.Kind() == reflect.Slice && x.Len() == 0 && y.Len() == 0:
		case !reflect.DeepEqual(x.Interface(), y.Interface()):
			names = append(names, propertyOf(field.Name))
		}
	}
	slices.Sort(names)
	return names
}

// renamed are the fields that are not called as Microsoft's property.
var renamed = map[string]string{
	"Type": "connector_type", "Source": "connector_source", "WhenCreated": "when_created_utc", "WhenChanged": "when_changed_utc",
	"LastValidation": "last_validation_timestamp",
}

func propertyOf(field string) string {
	if key := renamed[field]; key != "" {
		return key
	}
	return properties()[bare(field)]
}
