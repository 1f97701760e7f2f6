package inventory_test

import (
	"reflect"
	"strings"
	"testing"

	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/mailflow"
)

var records = map[inventory.Kind]reflect.Type{
	inventory.AcceptedDomains:    reflect.TypeFor[mailflow.AcceptedDomain](),
	inventory.OutboundConnectors: reflect.TypeFor[mailflow.OutboundConnector](),
	inventory.InboundConnectors:  reflect.TypeFor[mailflow.InboundConnector](),
	inventory.TransportRules:     reflect.TypeFor[mailflow.TransportRule](),
	inventory.BlockedConnectors:  reflect.TypeFor[mailflow.BlockedConnector](),
	inventory.OnPremServers:      reflect.TypeFor[mailflow.OnPremServer](),
	inventory.Exemptions:         reflect.TypeFor[mailflow.Exemption](),
	inventory.ConnectorRoutes:    reflect.TypeFor[mailflow.ConnectorRoute](),
	inventory.DNSSECStatuses:     reflect.TypeFor[mailflow.DomainStatus](),
}

// TestPropertiesFitTheirRecords: every field of a record is a property, every property with a field has a type, and a
// key in the configuration is Microsoft's name in snake_case.
func TestPropertiesFitTheirRecords(t *testing.T) {
	for kind, record := range records {
		fields := map[string]bool{ // of the export, not of the record
			"MissingProperties": true, "NotExported": true, "More": true,
		}
		for _, p := range inventory.Properties(kind) {
			fields[p.Field] = true
			if _, exists := record.FieldByName(p.Field); exists != (p.Type != nil) || exists != (p.Field != "") {
				t.Errorf("%s: %s is kept in %q, which exists: %t", kind, p.Name, p.Field, exists)
			}
			if squashed := strings.ReplaceAll(p.Key, "_", ""); squashed != strings.ToLower(p.Name) {
				t.Errorf("%s: %s has the key %s", kind, p.Name, p.Key)
			}
		}
		for _, f := range reflect.VisibleFields(record) {
			if !f.Anonymous && !fields[f.Name] {
				t.Errorf("%s: no property is kept in %s", kind, f.Name)
			}
		}
	}
}

// TestDecodeEmpty: no type panics on a value of any shape, or sets a field that the value does not give.
func TestDecodeEmpty(t *testing.T) {
	text := inventory.Value{Shape: inventory.Text, Text: "?\x00"}
	for kind, record := range records {
		for _, p := range inventory.Properties(kind) {
			for _, v := range []inventory.Value{
				{},
				{Shape: inventory.Object},
				{Shape: inventory.List},
				{Shape: inventory.Bool},
				text,
				{Shape: inventory.List, Items: []inventory.Value{text}},
			} {
				for _, export := range []bool{true, false} {
					into := reflect.New(record)
					p.Decode(inventory.Decoder{Export: export, Report: func(inventory.Value, string, error) {}}, v, p.Key,
						into.Interface())
					if p.Field == "" || p.Field == "Comment" || p.Field == "Reason" || v.Shape == inventory.Bool {
						continue
					}
					if f := into.Elem().FieldByName(p.Field); !f.IsZero() && f.Kind() != reflect.Slice ||
						f.Kind() == reflect.Slice && f.Len() > 0 {
						t.Errorf("%s of %+v, export %t: %v", p.Name, v, export, f)
					}
				}
			}
		}
	}
}
