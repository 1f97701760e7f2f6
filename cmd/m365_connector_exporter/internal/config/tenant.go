package config

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/mailflow"
)

// tenant is a tenant while it is read.
type tenant struct {
	inventory.State[tenantSettings]
	place      Error  // where the configuration names it
	duplicate  bool   // another tenant has its name
	incomplete bool   // one of its exports was not read, or not to its end
	errs       Errors // in files that it names
}

func newTenant(name, origin string, place Error) *tenant {
	t := &tenant{State: inventory.State[tenantSettings]{Settings: newTenantSettings(), Origin: origin}, place: place}
	t.Tenant.Name = name
	return t
}

// tenantNode holds the lists of a tenant in YAML. They are read in this order, whatever their order in the file,
// because connectors are laid over exports, and senders refer to connectors.
type tenantNode struct {
	node                                          *yaml.Node
	key                                           string
	exports, accepted, outbound, inbound, senders *yaml.Node
	layers                                        []layerSource // around its connectors and senders
}

// tenant reads one tenant.
func (r *reader) tenant(n *yaml.Node, key string) *tenant {
	t := newTenant("", r.file, r.errorAt(n, key, ""))
	r.current = t
	defer func() { r.current = nil }()
	at := tenantNode{node: n, key: key, layers: r.outer}
	r.mapping(n, key, fields{
		"name":  func(n *yaml.Node, k string) { t.Tenant.Name = r.text(n, k) },
		"cloud": func(n *yaml.Node, k string) { t.Tenant.Cloud = r.cloud(n, k) },
		"probe": func(n *yaml.Node, k string) {
			l := r.layer(n, k)
			t.Settings.layers[tenantLayer] = l
			at.layers = append(slices.Clip(at.layers), layerSource{l, n, r.file, k})
		},
		"checks":              func(n *yaml.Node, k string) { r.checks(n, k, t.Settings.checks) },
		"suppressions":        func(n *yaml.Node, k string) { t.Settings.suppressions = r.suppressions(n, k) },
		"exports":             later(&at.exports),
		"accepted_domains":    later(&at.accepted),
		"outbound_connectors": later(&at.outbound),
		"inbound_connectors":  later(&at.inbound),
		"senders":             later(&at.senders),
	})
	r.tenantName(t, at)
	o := &overlay{r: r, t: t, at: at}
	r.load(t, o, o.place)
	if at.senders != nil {
		r.senders(at.senders, join(key, "senders"), t, at.layers)
	}
	for i := range t.Settings.suppressions {
		t.Settings.suppressions[i].Tenant = quoteGlob(t.Tenant.Name) // whatever it says: here it can mean no other
	}
	return t
}

func (r *reader) tenantName(t *tenant, at tenantNode) {
	name := t.Tenant.Name
	t.duplicate = r.names[name] || r.tenants.Has(name)
	r.names[name] = true
	switch {
	case name == "":
		r.fail(at.node, join(at.key, "name"), "a tenant needs a name")
	case t.duplicate:
		r.fail(at.node, join(at.key, "name"), "duplicate tenant %q", name)
	}
}

// load reads the records of a tenant from its source. place returns where the configuration names a file of it.
func (r *reader) load(t *tenant, source inventory.Source, place func(inventory.Name) Error) {
	s, err := source.Load(r.ctx)
	for _, e := range unjoin(err) {
		t.incomplete = true
		at := place(inventory.Name{})
		if file, ok := errors.AsType[*inventory.FileError](e); ok {
			at = place(file.Name)
		}
		if len(t.errs) < maxBroken {
			t.errs = append(t.errs, at.with("%v", e))
		}
	}
	for _, name := range s.Unmatched {
		r.warn(place(name).with("%s matches no file", name.Path).Error())
	}
	for _, w := range s.Warnings {
		r.warn(w)
	}
	t.Tenant.AcceptedDomains, t.Tenant.Outbound, t.Tenant.Inbound = s.AcceptedDomains, s.Outbound, s.Inbound
	t.Tenant.InventoryTime, t.Parts = s.Time, s.Parts
	t.Tenant.Cloud = cloudOf(t.Tenant)
}

// unjoin returns the errors that errors.Join has joined.
func unjoin(err error) []error {
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		return all.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// overlay is a source: the records that a tenant has in YAML, laid over those of its exports. The keys that YAML
// gives win.
type overlay struct {
	r      *reader
	t      *tenant
	at     tenantNode
	places map[inventory.Name]Error // where the names of exports are written
}

// Load reads the exports, then the records in YAML. Mistakes in YAML are mistakes of its file, and not among the
// errors returned.
func (o *overlay) Load(ctx context.Context) (inventory.Snapshot, error) {
	s, err := o.exports().Load(ctx)
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

// exports returns the source that the records in YAML are laid over.
func (o *overlay) exports() inventory.Source {
	last := o.r.tenants.Last(o.t.Tenant.Name)
	e := inventory.ExportFiles{
		Folder: o.r.folderOf(o.t.Tenant.Name, last.Parts), Before: last.Parts, Observed: o.r.observed,
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

// records reads a list of records into a snapshot.
func (o *overlay) records(n *yaml.Node, key string, kind inventory.Kind, s *inventory.Snapshot) {
	names := map[string]bool{}
	o.r.list(n, key, func(n *yaml.Node, k string) {
		switch kind {
		case inventory.AcceptedDomains:
			o.domain(n, k, s, names)
		case inventory.OutboundConnectors:
			i := s.Find(kind, scalar(n, "name"))
			o.connector(n, k, kind, &s.Outbound[i], &s.Outbound[i].Common, names)
		default:
			i := s.Find(kind, scalar(n, "name"))
			o.connector(n, k, kind, &s.Inbound[i], &s.Inbound[i].Common, names)
		}
	})
}

func (o *overlay) domain(n *yaml.Node, key string, s *inventory.Snapshot, names map[string]bool) {
	name, _ := mailflow.NormaliseDomain(scalar(n, "domain_name"))
	d := &s.AcceptedDomains[s.Find(inventory.AcceptedDomains, name)]
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
	o.r.record(n, key, kind, record, fields{"probe": o.r.probeField(&probe)})
	switch {
	case common.Name == "":
		o.r.fail(n, join(key, "name"), "a connector needs a name")
	case names[common.Name]:
		o.r.fail(n, join(key, "name"), "duplicate connector %q", common.Name)
	}
	names[common.Name] = true
	if probe != nil {
		o.t.Settings.layers[connectorLayer(direction, common.Name)] = probe.layer
	}
	o.r.checkConflicts(probes.DefaultSettings(direction, common.Type).Interval, withLayer(o.at.layers, probe))
}

func (r *reader) cloud(n *yaml.Node, key string) mailflow.Cloud {
	return mailflow.Cloud(r.word(n, key, "worldwide", "gcc_high", "dod", "china"))
}

// cloudOf returns the configured cloud, else the one of the initial domain. DoD tenants share .onmicrosoft.us with
// GCC High and must be configured.
func cloudOf(t mailflow.Tenant) mailflow.Cloud {
	if t.Cloud != "" {
		return t.Cloud
	}
	for _, d := range t.AcceptedDomains {
		switch {
		case strings.HasSuffix(d.Name, ".onmicrosoft.us"):
			return mailflow.GCCHigh
		case strings.HasSuffix(d.Name, ".partner.onmschina.cn"):
			return mailflow.China
		}
	}
	return mailflow.Worldwide
}

// scalar returns the text of a mapping's key, or "".
func scalar(n *yaml.Node, key string) string {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		return ""
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if v := resolve(n.Content[i+1]); n.Content[i].Value == key && v.Kind == yaml.ScalarNode {
			return v.Value
		}
	}
	return ""
}

// quoteGlob returns a pattern that matches exactly this text.
func quoteGlob(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(text)
}

// name reads the name of a file or folder, or a pattern of them. It reports false where there is none.
func (r *reader) name(n *yaml.Node, key string) (inventory.Name, bool) {
	text := r.text(n, key)
	name, err := inventory.NewName(filepath.Dir(r.file), text)
	if err != nil {
		r.fail(n, key, "%s: not a pattern", text)
	}
	return name, text != "" && err == nil
}
