package config

import (
	"errors"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/inventory/exchangeonline"
	"m365_connector_exporter/probes/mailflow"
)

// tenant is a tenant while it is read.
type tenant struct {
	inventory.State[tenantSettings]
	place      Error  // where the configuration names it
	duplicate  bool   // another tenant has its name
	incomplete bool   // one of its exports was not read, or not to its end
	unread     bool   // it is read from Exchange Online, and was not yet
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
	node                                                *yaml.Node
	key                                                 string
	exports, live, accepted, outbound, inbound, senders *yaml.Node
	layers                                              []layerSource // around its connectors and senders
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
		"exchange_online":     later(&at.live),
		"accepted_domains":    later(&at.accepted),
		"outbound_connectors": later(&at.outbound),
		"inbound_connectors":  later(&at.inbound),
		"senders":             later(&at.senders),
	})
	r.tenantName(t, at)
	if at.live != nil {
		t.Settings.live = r.liveTenant(at.live, join(key, "exchange_online"), t)
	}
	o := &overlay{r: r, t: t, at: at}
	r.load(t, o, o.place)
	if at.senders != nil {
		r.senders(at.senders, join(key, "senders"), t, at.layers)
	}
	for i := range t.Settings.suppressions {
		t.Settings.suppressions[i].Tenant = quoteGlob(t.Tenant.Name) // in a tenant it can mean no other
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
		if errors.Is(e, exchangeonline.ErrNotRead) {
			t.unread = true
			continue
		}
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
	t.Tenant.InventoryTime, t.Parts, t.Tenant.Unread = s.Time, s.Parts, s.Unread
	t.Tenant.Organization = s.Organization
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

// quoteGlob returns a pattern that matches exactly this text.
func quoteGlob(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(text)
}
