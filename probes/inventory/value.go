package inventory

import (
	"regexp"
	"slices"
	"strings"
)

// Shape is the type of a JSON or YAML value.
type Shape uint8

// The shapes.
const (
	Null Shape = iota
	Text
	Number
	Bool
	List
	Object
)

// Value is a JSON or YAML value. The zero value is null.
type Value struct {
	Shape Shape
	Text  string   // of Text, Number and Bool, as written
	Keys  []string // of an Object, in order
	Items []Value  // of a List; of an Object, the values of Keys
	Line  int      // in a YAML file; 0 in an export
}

func (v Value) isScalar() bool { return v.Shape == Text || v.Shape == Number || v.Shape == Bool }

// get returns the first value of a key that has one of the shapes, null if there is none. Keys of exports are in lower
// case.
func (v Value) get(key string, shapes ...Shape) Value {
	for i, k := range v.Keys {
		if k == key && slices.Contains(shapes, v.Items[i].Shape) {
			return v.Items[i]
		}
	}
	return Value{}
}

// asList returns the items of a list as PowerShell may write it: a list, {"value":[…],"Count":1} (Windows PowerShell),
// the only item, or one text with all items: separated by spaces (below the depth of ConvertTo-Json), in braces
// (Format-List), or joined by a script.
func (v Value) asList() []Value {
	switch v.Shape {
	case List:
		return v.Items
	case Object:
		if list := v.get("value", List); list.Shape == List {
			return list.Items
		}
		return []Value{v}
	default:
		text := strings.TrimSpace(v.Text)
		if inner, ok := strings.CutPrefix(text, "{"); ok {
			text = strings.TrimSuffix(inner, "}")
		}
		return splitList(text, " \t\r\n,;|")
	}
}

// splitList splits text at any of the separators. The cost in smtp:contoso.com;1 is part of its item. It stops at one
// item more than a record may have, so that the list exceeds the limits of a tenant.
func splitList(text, separators string) []Value {
	var items []Value
	for text != "" && len(items) <= maxRecordValues {
		end := strings.IndexAny(text, separators)
		word, rest := text, ""
		if end >= 0 {
			word, rest = text[:end], text[end:]
		}
		if cost := costAt(rest); strings.Contains(word, ":") && cost > 0 {
			word, rest = word+rest[:cost], rest[cost:]
		}
		if word != "" {
			items = append(items, Value{Shape: Text, Text: word})
		}
		text = strings.TrimLeft(rest, separators)
	}
	return items
}

// costAt returns the length of a cost, such as ";1", at the beginning of a text, 0 if there is none.
func costAt(text string) int {
	if !strings.HasPrefix(text, ";") {
		return 0
	}
	end := 1
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	if end == 1 || end < len(text) && !strings.ContainsRune(" \t\r\n,;|", rune(text[end])) {
		return 0
	}
	return end
}

var (
	// typeName matches what PowerShell writes for a value that it does not convert: the name of its .NET type.
	typeName = regexp.MustCompile(`^\s*(Deserialized\.)?(System|Microsoft\.Exchange)\.[A-Z]`)
	// displayed matches what ConvertTo-Json writes for an object below its depth: "@{Domain=contoso.com}".
	displayed = regexp.MustCompile(`^\s*@\{[^{}]*=[^{}]*\}\s*$`)
)

// isTypeName reports whether only the type of a value was exported.
func (v Value) isTypeName() bool { return v.Shape == Text && typeName.MatchString(v.Text) }

// isLost reports whether the export lacks the value: it has only its type, or a text for display.
func (v Value) isLost() bool {
	return v.isTypeName() || v.Shape == Text && displayed.MatchString(v.Text)
}

// Kind describes the type of a value, for display. The text never contains the value.
func (v Value) Kind() string {
	if v.isTypeName() {
		return "the name of a .NET type"
	}
	if v.isLost() {
		return "an object below the depth of ConvertTo-Json"
	}
	return [...]string{"null", "text", "a number", "true or false", "a list", "an object"}[v.Shape]
}

// asScalar returns the text in an object such as {"Domain":"contoso.com"} or, for an enum,
// {"value":1,"Value":"OnPremises"}, where text is preferred to a number. Any other value is returned unchanged.
func (v Value) asScalar() Value {
	for _, key := range []string{"value", "domain", "address", "name"} {
		if text := v.get(key, Text); text.Shape != Null {
			return text
		}
		if other := v.get(key, Number, Bool); other.Shape != Null {
			return other
		}
	}
	return v
}
