package inventory

import (
	"slices"
	"strings"
)

// Shape is what a [Value] is.
type Shape uint8

// The shapes of JSON and YAML values.
const (
	Null Shape = iota
	Text
	Number
	Bool
	List
	Object
)

// Value is a value of JSON or YAML, independent of both. Its zero value is null.
type Value struct {
	Shape Shape
	Text  string   // of Text, Number and Bool, as it is written
	Keys  []string // of an Object, in order
	Items []Value  // of a List; of an Object, the values of Keys
	Line  int      // in a YAML file; 0 in an export
}

func (v Value) isScalar() bool { return v.Shape == Text || v.Shape == Number || v.Shape == Bool }

// get returns the first value of a key that has one of the shapes, null where there is none. Keys of exports are in
// lower case.
func (v Value) get(key string, shapes ...Shape) Value {
	for i, k := range v.Keys {
		if k == key && slices.Contains(shapes, v.Items[i].Shape) {
			return v.Items[i]
		}
	}
	return Value{}
}

// asList returns the items of what PowerShell makes of a list: the list itself, {"value":[…],"Count":1} of Windows
// PowerShell, one text with spaces where ConvertTo-Json has reached its depth, or the only item.
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
		var items []Value
		for word := range strings.FieldsSeq(v.Text) {
			items = append(items, Value{Shape: Text, Text: word})
		}
		return items
	}
}

// asScalar returns the text in an object such as {"Domain":"contoso.com"}, or {"value":1,"Value":"OnPremises"} of an
// enum, where text is preferred to a number. Anything else is returned as it is.
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
