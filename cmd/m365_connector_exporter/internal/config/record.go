package config

import (
	"cmp"
	"maps"
	"slices"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes/inventory"
)

// record reads the properties of a record into a struct of mailflow, and other keys by more.
func (r *reader) record(n *yaml.Node, path string, kind inventory.Kind, record any, more fields) {
	d := inventory.Decoder{Report: func(v inventory.Value, key string, err error) {
		kinds := map[inventory.Shape]yaml.Kind{inventory.List: yaml.SequenceNode, inventory.Object: yaml.MappingNode}
		r.failValue(&yaml.Node{Line: v.Line, Kind: cmp.Or(kinds[v.Shape], yaml.ScalarNode), Value: v.Text}, key, err)
	}}
	properties := inventory.Properties(kind)
	r.keys(n, path, func(k, v *yaml.Node, key string) bool {
		i := slices.IndexFunc(properties, func(p inventory.Property) bool { return p.Key == k.Value })
		if i >= 0 {
			properties[i].Decode(d, r.value(v, maxDepth), key, record)
			return true
		}
		read := more[k.Value]
		if read != nil {
			read(v, key)
		}
		return read != nil
	}, func() []string {
		known := slices.Collect(maps.Keys(more))
		for _, p := range properties {
			known = append(known, p.Key)
		}
		slices.Sort(known)
		return known
	})
}

// maxDepth is how deep the value of a property is nested: a list of texts.
const maxDepth = 2

// value returns a node as the value of a property. What is nested deeper than that of any property is left out.
func (r *reader) value(n *yaml.Node, depth int) inventory.Value {
	n, ok := r.enter(n)
	v := inventory.Value{Line: n.Line, Text: n.Value}
	switch {
	case !ok || isNull(n):
		return inventory.Value{Line: n.Line}
	case n.Kind == yaml.MappingNode:
		v.Shape = inventory.Object
	case n.Kind == yaml.SequenceNode:
		v.Shape = inventory.List
		for _, item := range n.Content {
			if depth > 1 {
				v.Items = append(v.Items, r.value(item, depth-1))
			}
		}
	case n.Tag == "!!bool":
		v.Shape = inventory.Bool
	case n.Tag == "!!int" || n.Tag == "!!float":
		v.Shape = inventory.Number
	default:
		v.Shape = inventory.Text
	}
	return v
}
