package config

import (
	"context"
	"maps"
	"slices"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/inventory/exchangeonline"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/spelling"
)

// overlay is a source: the records that a tenant has in YAML, laid over those of its exports. The keys that YAML
// gives win.
type overlay struct {
	r      *reader
	t      *tenant
	at     tenantNode
	places map[inventory.Name]Error // where the names of exports are written
	// exported are the names of connectors in the exports; nil if the tenant has none, or they are not all read.
	exported map[inventory.Kind][]string
}

// Load reads the exports, then the records in YAML. Mistakes in YAML are mistakes of its file, and not among the
// errors returned.
func (o *overlay) Load(ctx context.Context) (inventory.Snapshot, error) {
	s, err := o.source().Load(ctx)
	exported := slices.ContainsFunc(slices.Collect(maps.Values(s.Parts)), func(k inventory.Kind) bool {
		return !k.IsReport()
	})
	if !exported && o.at.outbound != nil { // the list in YAML is all of them
		s.AddRead(inventory.OutboundConnectors)
	}
	if err == nil && exported {
		o.exported = map[inventory.Kind][]string{
			inventory.OutboundConnectors: s.Names(inventory.OutboundConnectors),
			inventory.InboundConnectors:  s.Names(inventory.InboundConnectors),
		}
	}
	for _, list := range []struct {
		n    *yaml.Node
		key  string
		kind inventory.Kind
	}{
		{o.at.accepted, "accepted_domains", inventory.AcceptedDomains},
		{o.at.outbound, "outbound_connectors", inventory.OutboundConnectors},
		{o.at.inbound, "inbound_connectors", inventory.InboundConnectors},
	} {
		if list.n != nil {
			o.records(list.n, join(o.at.key, list.key), list.kind, &s)
		}
	}
	return s, err
}

// source returns the source that the records in YAML are laid over: Exchange Online itself, or exports.
func (o *overlay) source() inventory.Source {
	exports := o.exports()
	live := o.t.Settings.live
	switch {
	case live == nil:
		return exports
	case exports.Folder != "":
		o.r.fail(o.at.live, join(o.at.key, "exchange_online"), "the tenant also has a folder of exports (%s): it can have "+
			"only one source", exports.Folder)
	case o.at.exports != nil:
		o.r.fail(o.at.live, join(o.at.key, "exchange_online"), "the tenant also has exports: it can have only one source")
	}
	return exchangeonline.Source{
		Reader: o.r.online, Tenant: *live, CacheFolder: o.r.cfg.ExchangeOnline.CacheFolder, Observed: o.r.observed,
	}
}

// exports returns the exports of the tenant.
func (o *overlay) exports() inventory.ExportFiles {
	last := o.r.tenants.Last(o.t.Tenant.Name)
	e := inventory.ExportFiles{
		Folder: o.r.folderOf(o.t.Tenant.Name, last.Parts), Before: last.Parts, Observed: o.r.observed,
		Elsewhere: o.at.accepted != nil || o.at.outbound != nil || o.at.inbound != nil,
	}
	o.places = map[inventory.Name]Error{}
	if o.at.exports != nil {
		o.r.list(o.at.exports, join(o.at.key, "exports"), func(n *yaml.Node, k string) {
			if name, ok := o.r.name(n, k); ok {
				e.Names = append(e.Names, name)
				o.places[name] = o.r.errorAt(n, k, "")
			}
		})
	}
	return e
}

// place returns where a name is written, else where the tenant begins.
func (o *overlay) place(name inventory.Name) Error {
	if place, ok := o.places[name]; ok {
		return place
	}
	return o.r.errorAt(o.at.node, o.at.key, "")
}

// records reads a list of records into a snapshot, at most one more than a tenant may have.
func (o *overlay) records(n *yaml.Node, key string, kind inventory.Kind, s *inventory.Snapshot) {
	limit := maxConnectors
	if kind == inventory.AcceptedDomains {
		limit = maxDomains
	}
	n = first(n, limit+1)
	names := map[string]bool{}
	o.r.list(n, key, func(n *yaml.Node, k string) {
		name := scalar(n, "name")
		switch kind {
		case inventory.AcceptedDomains:
			name, _ = mailflow.NormaliseDomain(scalar(n, "domain_name"))
			o.domain(n, k, &s.AcceptedDomains[s.Find(kind, name)], names)
		case inventory.OutboundConnectors:
			i := s.Find(kind, name)
			o.connector(n, k, kind, &s.Outbound[i], &s.Outbound[i].Common, names)
		default:
			i := s.Find(kind, name)
			o.connector(n, k, kind, &s.Inbound[i], &s.Inbound[i].Common, names)
		}
		s.Override(kind, name, keysOf(n))
	})
}

func (o *overlay) domain(n *yaml.Node, key string, d *mailflow.AcceptedDomain, names map[string]bool) {
	o.r.record(n, key, inventory.AcceptedDomains, d, nil)
	switch {
	case d.Name == "":
		o.r.fail(n, join(key, "domain_name"), "an accepted domain needs a name")
	case names[d.Name]:
		o.r.fail(n, join(key, "domain_name"), "duplicate domain %q", d.Name)
	}
	names[d.Name] = true
}

// connector reads a connector into record, of which common is a part.
func (o *overlay) connector(
	n *yaml.Node, key string, kind inventory.Kind, record any, common *mailflow.Common, names map[string]bool,
) {
	direction := mailflow.Inbound
	if kind == inventory.OutboundConnectors {
		direction = mailflow.Outbound
	}
	var probe *layerSource
	standalone := false
	o.r.record(n, key, kind, record, fields{
		"probe":      o.r.probeField(&probe),
		"standalone": func(n *yaml.Node, k string) { standalone = o.r.flag(n, k) },
	})
	switch {
	case common.Name == "":
		o.r.fail(n, join(key, "name"), "a connector needs a name")
	case names[common.Name]:
		o.r.fail(n, join(key, "name"), "duplicate connector %q", common.Name)
	}
	names[common.Name] = true
	if known := o.exported[kind]; o.exported != nil && !standalone && common.Name != "" &&
		!slices.Contains(known, common.Name) {
		common.NotExported = true
		o.r.warn(o.notExported(n, key, direction, common.Name, known).Error())
	}
	if probe != nil {
		o.t.Settings.layers[connectorLayer(direction, common.Name)] = probe.layer
	}
	o.r.checkConflicts(probes.DefaultSettings(direction, common.Type).Interval, withLayer(o.at.layers, probe))
}

// notExported returns a warning about a connector that no export has: a misspelled name overrides nothing.
func (o *overlay) notExported(n *yaml.Node, key string, d mailflow.Direction, name string, known []string) Error {
	at, k := valueOf(n, "name"), join(key, "name")
	best := spelling.Closest(name, known)
	if best == "" {
		cmdlet := "Get-InboundConnector"
		if d == mailflow.Outbound {
			cmdlet = "Get-OutboundConnector"
		}
		return o.r.errorAt(at, k, "the exports of the tenant have no %s connector at all, so %q is not probed: add the "+
			"output of %s to them, or set \"standalone: true\" if the connector exists only here", d, name, cmdlet)
	}
	return o.r.errorAt(at, k, "no export of the tenant has an %s connector %q; the nearest is %q. It is not probed: "+
		"correct the name, or set \"standalone: true\" if the connector exists only here", d, name, best)
}

// scalar returns the text of a mapping's key, or "".
func scalar(n *yaml.Node, key string) string {
	if v := valueOf(n, key); v != nil {
		return v.Value
	}
	return ""
}

// valueOf returns the scalar of a mapping's key, or nil.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if v := resolve(n.Content[i+1]); n.Content[i].Value == key && v.Kind == yaml.ScalarNode {
			return v
		}
	}
	return nil
}

// keysOf returns the keys of a mapping.
func keysOf(n *yaml.Node) []string {
	n = resolve(n)
	var keys []string
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		keys = append(keys, n.Content[i].Value)
	}
	return keys
}
