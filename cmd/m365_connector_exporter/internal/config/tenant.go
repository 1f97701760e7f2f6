package config

import (
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes/mailflow"
)

// readTenant is a tenant as it was read, with what it says besides mail flow and what of its files is broken.
type readTenant struct {
	tenant  mailflow.Tenant
	own     own
	imports imports
	broken  Errors
	twice   bool // the name is another tenant's
}

// tenantParts are the nodes of a tenant's lists: they are read in this order, whatever their order in the file, because
// connectors overlay exports and senders refer to connectors.
type tenantParts struct {
	node, exports, accepted, outbound, inbound, senders *yaml.Node
}

// tenant reads one tenant.
func (r *reader) tenant(n *yaml.Node, key string) readTenant {
	t := readTenant{own: newOwn(r.file), imports: newImports()}
	r.begin()
	parts := tenantParts{node: n}
	chain := r.outer
	later := func(to **yaml.Node) func(*yaml.Node, string) { return func(n *yaml.Node, _ string) { *to = n } }
	r.mapping(n, key, fields{
		"name":  func(n *yaml.Node, k string) { t.tenant.Name = r.text(n, k) },
		"cloud": func(n *yaml.Node, k string) { t.tenant.Cloud = r.cloud(n, k) },
		"probe": func(n *yaml.Node, k string) {
			l := r.layer(n, k)
			t.own.layers[tenantLayer] = l
			chain = append(slices.Clip(chain), place{l, n, r.file, k})
		},
		"checks":              func(n *yaml.Node, k string) { r.checks(n, k, t.own.checks) },
		"suppressions":        func(n *yaml.Node, k string) { t.own.suppressions = r.suppressions(n, k) },
		"exports":             later(&parts.exports),
		"accepted_domains":    later(&parts.accepted),
		"outbound_connectors": later(&parts.outbound),
		"inbound_connectors":  later(&parts.inbound),
		"senders":             later(&parts.senders),
	})
	switch t.twice = r.names[t.tenant.Name] || r.cfg.has(t.tenant.Name); {
	case t.tenant.Name == "":
		r.fail(n, join(key, "name"), "a tenant needs a name")
	case t.twice:
		r.fail(n, join(key, "name"), "tenant %q stands twice", t.tenant.Name)
	}
	r.names[t.tenant.Name] = true
	r.tenantParts(&t, parts, key, chain)
	for i := range t.own.suppressions {
		t.own.suppressions[i].Tenant = quoteGlob(t.tenant.Name) // whatever it says: here it can mean no other
	}
	r.end(&t)
	return t
}

// begin starts a tenant: from here to end, mistakes in files blind only it.
func (r *reader) begin() { r.inTenant, r.broken = true, nil }

func (r *reader) end(t *readTenant) {
	t.tenant.Cloud = cloudOf(t.tenant)
	t.own.exports, t.broken = t.imports.files, r.broken
	r.inTenant, r.broken = false, nil
}

func (r *reader) tenantParts(t *readTenant, parts tenantParts, key string, chain []place) {
	if f := r.folderOf(t.tenant.Name); f != nil {
		r.folderExports(parts.node, key, f.path, t)
	}
	if parts.exports != nil {
		r.exports(parts.exports, join(key, "exports"), t)
	}
	r.vanished(parts.node, key, t)
	if parts.accepted != nil {
		r.acceptedDomains(parts.accepted, join(key, "accepted_domains"), &t.tenant)
	}
	if parts.outbound != nil {
		r.outboundConnectors(parts.outbound, join(key, "outbound_connectors"), t, chain)
	}
	if parts.inbound != nil {
		r.inboundConnectors(parts.inbound, join(key, "inbound_connectors"), t, chain)
	}
	if parts.senders != nil {
		r.senders(parts.senders, join(key, "senders"), t, chain)
	}
}

func (r *reader) cloud(n *yaml.Node, key string) mailflow.Cloud {
	return mailflow.Cloud(r.word(n, key, "worldwide", "gcc_high", "dod", "china"))
}

// cloudOf tells the cloud from the initial domain where nothing is configured. DoD tenants share .onmicrosoft.us with GCC
// High and must say so.
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

// acceptedDomains reads the list; a domain that an export has too is overlaid.
func (r *reader) acceptedDomains(n *yaml.Node, key string, t *mailflow.Tenant) {
	at, mine := map[string]int{}, map[string]bool{}
	for i, d := range t.AcceptedDomains {
		at[d.Name] = i
	}
	r.list(n, key, func(n *yaml.Node, k string) {
		written, _ := mailflow.NormaliseDomain(scalar(n, "domain_name"))
		i, imported := at[written]
		if !imported {
			t.AcceptedDomains = append(t.AcceptedDomains, mailflow.AcceptedDomain{})
			i = len(t.AcceptedDomains) - 1
		}
		d := &t.AcceptedDomains[i]
		r.mapping(n, k, r.domainKeys(d))
		if d.Name == "" {
			r.fail(n, join(k, "domain_name"), "an accepted domain needs a name")
		} else if mine[d.Name] {
			r.fail(n, join(k, "domain_name"), "domain %q stands twice", d.Name)
		}
		mine[d.Name], at[d.Name] = true, i
	})
}

func (r *reader) domainKeys(d *mailflow.AcceptedDomain) fields {
	known := r.ignored("pending_removal", "pending_completion", "sending_from_domain_disabled", "sending_to_domain_disabled",
		"smtp_dane_status", "authentication_type", "is_coexistence_domain", "can_have_cloud_cache", "mail_flow_region",
		"enable_nego2_authentication", "catch_all_recipient_id")
	known["domain_name"] = func(n *yaml.Node, k string) { d.Name = r.plainDomain(n, k) }
	known["domain_type"] = func(n *yaml.Node, k string) {
		d.Type = r.enum(n, k, 0, "Authoritative", "ExternalRelay", "InternalRelay")
	}
	known["match_sub_domains"] = func(n *yaml.Node, k string) { d.MatchSubDomains = r.tri(n, k) }
	known["default"] = func(n *yaml.Node, k string) { d.Default = r.tri(n, k) }
	known["initial_domain"] = func(n *yaml.Node, k string) { d.Initial = r.tri(n, k) }
	known["outbound_only"] = func(n *yaml.Node, k string) { d.OutboundOnly = r.tri(n, k) }
	return known
}

// ignored are properties that Microsoft has and nothing here needs: accepted, so that a record can be pasted whole.
func (r *reader) ignored(keys ...string) fields {
	known := fields{}
	for _, k := range keys {
		known[k] = func(*yaml.Node, string) {}
	}
	return known
}

// scalar is the text of a mapping's key, or "".
func scalar(n *yaml.Node, key string) string {
	n = behind(n)
	if n.Kind != yaml.MappingNode {
		return ""
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if v := behind(n.Content[i+1]); n.Content[i].Value == key && v.Kind == yaml.ScalarNode {
			return v.Value
		}
	}
	return ""
}

// behind follows an alias.
func behind(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

func (r *reader) dir() string { return filepath.Dir(r.file) }

func absolute(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// quoteGlob makes a pattern that matches exactly this text.
func quoteGlob(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(text)
}
