package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes/mailflow"
)

// maxRecords bounds what is taken from one export.
const maxRecords = 100_000

var errNotJSON = errors.New("not JSON")

// exports reads the files of an exports list into the tenant.
func (r *reader) exports(n *yaml.Node, key string, t *mailflow.Tenant) {
	r.list(n, key, func(n *yaml.Node, k string) {
		name := r.text(n, k)
		if name == "" {
			return
		}
		for _, file := range r.expand(n, k, name) {
			r.export(n, k, file, t)
		}
	})
}

// export reads one file. What a record is, is decided by its keys. Values that nobody understands become warnings: an export
// is as the administrator's tools wrote it.
func (r *reader) export(n *yaml.Node, key, file string, t *mailflow.Tenant) {
	data, ok := r.read(n, key, file)
	if !ok {
		return
	}
	records, err := parseExport(data)
	if err != nil {
		r.failFile(n, key, file, "%v", err)
		return
	}
	inner := &reader{file: file, lenient: true, nodes: r.nodes}
	for _, record := range records {
		inner.record(record, t)
	}
	r.nodes = inner.nodes
	r.warnings = append(r.warnings, inner.warnings...)
	if info, err := os.Stat(file); err == nil && (t.Inventory.IsZero() || info.ModTime().Before(t.Inventory)) {
		t.Inventory = info.ModTime().UTC()
	}
}

// record takes one connector or accepted domain. A later record replaces an earlier one of the same name.
func (r *reader) record(n *yaml.Node, t *mailflow.Tenant) {
	switch kindOf(n) {
	case "domain":
		var d mailflow.AcceptedDomain
		if r.accepted(n, "DomainName", &d); d.Name != "" {
			t.AcceptedDomains = put(t.AcceptedDomains, d, func(d mailflow.AcceptedDomain) string { return d.Name })
		}
	case "outbound":
		var c mailflow.OutboundConnector
		r.connectorKeys(n, "outbound", &c.Common, r.routing(&c))
		if c.Name = name(n, c.Name); c.Name != "" {
			t.Outbound = put(t.Outbound, c, func(c mailflow.OutboundConnector) string { return c.Name })
		}
	case "inbound":
		var c mailflow.InboundConnector
		r.connectorKeys(n, "inbound", &c.Common, r.admission(&c))
		if c.Name = name(n, c.Name); c.Name != "" {
			t.Inbound = put(t.Inbound, c, func(c mailflow.InboundConnector) string { return c.Name })
		}
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

func put[T any](all []T, item T, name func(T) string) []T {
	for i := range all {
		if name(all[i]) == name(item) {
			all[i] = item
			return all
		}
	}
	return append(all, item)
}

func kindOf(n *yaml.Node) string {
	has := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		has[n.Content[i].Value] = true
	}
	switch {
	case has["domainname"] && (has["domaintype"] || has["initialdomain"] || has["default"]):
		return "domain"
	case has["smarthosts"] || has["usemxrecord"] || has["recipientdomains"] || has["tlssettings"]:
		return "outbound"
	case has["senderdomains"] || has["senderipaddresses"] || has["requiretls"] || has["tlssendercertificatename"]:
		return "inbound"
	default:
		return ""
	}
}

// parseExport finds the records of an export: an object, an array, {"value":[…]} of REST, or ScubaGear's file. UTF-8 and
// UTF-16 with their marks. Nothing at all is what PowerShell writes for "none".
func parseExport(data []byte) ([]*yaml.Node, error) {
	text := plainText(data)
	if !utf8.Valid(text) {
		return nil, errNotJSON
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errors.New("the file is empty")
	}
	if !json.Valid(text) {
		return nil, errNotJSON
	}
	values := json.NewDecoder(bytes.NewReader(text))
	values.UseNumber()
	var value any
	if err := values.Decode(&value); err != nil {
		return nil, errNotJSON
	}
	records, ok := recordsOf(value, 0)
	if !ok || len(records) > maxRecords {
		return nil, errors.New("not an export: no record of a connector or an accepted domain in it")
	}
	return records, nil
}

// recordsOf says false where something else than records or null stands.
func recordsOf(value any, depth int) (records []*yaml.Node, ok bool) {
	if depth > 4 {
		return nil, false
	}
	switch v := value.(type) {
	case nil:
		return nil, true
	case []any:
		for _, item := range v {
			more, ok := recordsOf(item, depth+1)
			if !ok || len(records) > maxRecords {
				return nil, false
			}
			records = append(records, more...)
		}
		return records, true
	case map[string]any:
		if n := toNode(v, 0); kindOf(n) != "" {
			return []*yaml.Node{n}, true
		}
		found := false
		for _, key := range []string{"value", "accepted_domains", "outbound_connectors", "inbound_connectors"} {
			if inner, here := v[key]; here {
				more, ok := recordsOf(inner, depth+1)
				if !ok {
					return nil, false
				}
				records, found = append(records, more...), true
			}
		}
		return records, found
	default:
		return nil, false
	}
}

// toNode turns a JSON value into the nodes that the configuration's own readers read. Keys are lower case without
// underscores; what lies deeper than any property is dropped.
func toNode(value any, depth int) *yaml.Node {
	scalar := func(tag, text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text} }
	switch v := value.(type) {
	case string:
		return scalar("!!str", v)
	case json.Number:
		return scalar("!!int", v.String())
	case bool:
		if v {
			return scalar("!!bool", "true")
		}
		return scalar("!!bool", "false")
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range v {
			if depth < 4 {
				n.Content = append(n.Content, toNode(item, depth+1))
			}
		}
		return n
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, key := range sortedKeys(v) {
			if depth < 4 {
				n.Content = append(n.Content, scalar("!!str", strings.ToLower(key)), toNode(v[key], depth+1))
			}
		}
		return n
	default:
		return scalar("!!null", "")
	}
}

// asList sees the list in what PowerShell makes of one: {"value":[…],"Count":1}, or one text with spaces at low depth.
func asList(n *yaml.Node) *yaml.Node {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == "value" && n.Content[i+1].Kind == yaml.SequenceNode {
				return n.Content[i+1]
			}
		}
		return &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{n}}
	case yaml.ScalarNode:
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for _, word := range strings.Fields(n.Value) {
			list.Content = append(list.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: word})
		}
		return list
	default:
		return n
	}
}

// asScalar sees the text in an object such as {"Domain":"contoso.com"} or {"value":1,"Value":"OnPremises"}.
func asScalar(n *yaml.Node) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return n
	}
	for _, key := range []string{"value", "domain", "address", "name"} {
		var number *yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			v := n.Content[i+1]
			if n.Content[i].Value != key || v.Kind != yaml.ScalarNode || isNull(v) {
				continue
			}
			if v.Tag == "!!str" {
				return v
			}
			number = v
		}
		if number != nil {
			return number
		}
	}
	return n
}
