package config

import (
	"strings"

	"gopkg.in/yaml.v3"
)

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
		for word := range strings.FieldsSeq(n.Value) {
			list.Content = append(list.Content, scalarNode("!!str", word))
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
