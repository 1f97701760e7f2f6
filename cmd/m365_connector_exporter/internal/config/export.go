package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes/mailflow"
)

// kind says what a record is; of a file, what its records are.
type kind uint8

const (
	kindDomain kind = 1 << iota
	kindOutbound
	kindInbound
	kindNone kind = 0
)

var kindNames = map[kind]string{kindDomain: "accepted domains", kindOutbound: "outbound connectors", kindInbound: "inbound connectors"}

func (k kind) String() string {
	var names []string
	for _, one := range []kind{kindDomain, kindOutbound, kindInbound} {
		if k&one != 0 {
			names = append(names, kindNames[one])
		}
	}
	return strings.Join(names, " and ")
}

// kindOf decides by the keys of a record, not by the name of its file.
func kindOf(n *yaml.Node) kind {
	has := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		has[n.Content[i].Value] = true
	}
	switch {
	case has["domainname"] && (has["domaintype"] || has["initialdomain"] || has["default"]):
		return kindDomain
	case has["smarthosts"] || has["usemxrecord"] || has["recipientdomains"] || has["tlssettings"]:
		return kindOutbound
	case has["senderdomains"] || has["senderipaddresses"] || has["requiretls"] || has["tlssendercertificatename"]:
		return kindInbound
	default:
		return kindNone
	}
}

// imports is what a tenant's exports have given so far.
type imports struct {
	files    map[string]kind // each file's own
	patterns []string        // absolute, as configured
	broken   bool            // one of them was not read, or not to its end
	at       map[kind]map[string]int
}

func newImports() imports {
	return imports{files: map[string]kind{}, at: map[kind]map[string]int{kindDomain: {}, kindOutbound: {}, kindInbound: {}}}
}

// exports reads the files of an exports list into the tenant.
func (r *reader) exports(n *yaml.Node, key string, t *readTenant) {
	r.list(n, key, func(n *yaml.Node, k string) {
		name := r.text(n, k)
		if name == "" {
			return
		}
		t.imports.patterns = append(t.imports.patterns, absolute(r.dir(), name))
		for _, file := range r.expand(n, k, name, false) {
			r.export(n, k, file, t)
		}
	})
}

// export reads one file. Values that nobody understands become warnings: an export is as the administrator's tools wrote it.
func (r *reader) export(n *yaml.Node, key, file string, t *readTenant) {
	c, ok := r.read(n, key, file)
	if !ok {
		t.imports.broken = true
		return
	}
	inner := &reader{lenient: true}
	var kinds kind
	replaced := 0
	number := 0
	e, err := parseExport(c.Data, func(record *yaml.Node, k kind) {
		number++
		inner.file, inner.nodes, inner.previous = fmt.Sprintf("%s: record %d", file, number), 0, Error{}
		kinds |= k
		if inner.record(record, k, t) {
			replaced++
		}
	})
	_, again := t.imports.files[file] // two patterns, or a folder and a pattern, lead to it: it has been told what is odd about it
	if !again {
		for _, w := range inner.warnings {
			r.warn(w)
		}
	}
	if err != nil {
		t.imports.broken = true
		r.failFile(n, key, file, "%v", err)
		return
	}
	t.imports.files[file] = kinds
	if again {
		return
	}
	if replaced > 0 {
		r.warn(fmt.Sprintf("%s: %d of its records stand in it, or in an export before it, too: the last one counts", file, replaced))
	}
	if e.partial {
		r.warn(file + ": more records stand on another page (@odata.nextLink) and are missing here")
	}
	if at := c.Info.ModTime().UTC(); t.tenant.InventoryTime.IsZero() || at.Before(t.tenant.InventoryTime) {
		t.tenant.InventoryTime = at
	}
}

// record takes one connector or accepted domain; it says true where it replaces one of the same name.
func (r *reader) record(n *yaml.Node, k kind, t *readTenant) bool {
	at := t.imports.at[k]
	switch k {
	case kindDomain:
		var d mailflow.AcceptedDomain
		r.mapping(n, "DomainName", r.domainKeys(&d))
		return put(r, n, "DomainName.domainname", &t.tenant.AcceptedDomains, d, d.Name, at)
	case kindOutbound:
		var c mailflow.OutboundConnector
		r.connectorKeys(n, "outbound", &c.Common, r.routing(&c))
		c.Name = name(n, c.Name)
		return put(r, n, "outbound.name", &t.tenant.Outbound, c, c.Name, at)
	default:
		var c mailflow.InboundConnector
		r.connectorKeys(n, "inbound", &c.Common, r.admission(&c))
		c.Name = name(n, c.Name)
		return put(r, n, "inbound.name", &t.tenant.Inbound, c, c.Name, at)
	}
}

// name falls back on Identity, which equals Name on the wire.
func name(n *yaml.Node, given string) string {
	if given != "" {
		return given
	}
	identity := scalar(n, "identity")
	if strings.IndexFunc(identity, isControl) >= 0 {
		return ""
	}
	return identity
}

// put adds an item, or replaces that of the same name. One without a name is dropped, which key's warning tells.
func put[T any](r *reader, n *yaml.Node, key string, all *[]T, item T, name string, at map[string]int) (replaced bool) {
	if name == "" {
		r.fail(n, key, "the record has no name and is left out")
		return false
	}
	if i, ok := at[name]; ok {
		(*all)[i] = item
		return true
	}
	at[name] = len(*all)
	*all = append(*all, item)
	return false
}

// named tells that a file is one of those that the configuration asks for.
func (r *reader) named(file string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, file) }) ||
		slices.ContainsFunc(r.folderPatterns, func(p place) bool { return matches(p.file, filepath.Dir(file)) })
}

// vanished looks for exports that the tenant had at the last load and has no more. Only a loss is a mistake: a new file with
// records of the same kind takes an old one's place, and what is configured no longer is not missed.
func (r *reader) vanished(n *yaml.Node, key string, t *readTenant) {
	if r.last == nil {
		return
	}
	var now kind
	for _, k := range t.imports.files {
		now |= k
	}
	before := r.last.own[t.tenant.Name].exports
	for _, file := range slices.Sorted(maps.Keys(before)) {
		if _, here := t.imports.files[file]; here {
			continue
		}
		if lost := before[file] &^ now; lost != 0 && r.named(file, t.imports.patterns) {
			t.imports.broken = true
			r.failFile(n, key, file, "was there at the last load; no other export has %s", lost)
		}
	}
}
