package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes/mailflow"
)

// Bounds of one export. Records are read one by one, so that a large file costs the memory of one record.
const (
	maxRecords      = 100_000
	maxRecordValues = 100_000 // in one record; a list of addresses is the longest there is
	maxContainers   = 4       // arrays and objects around a record
	maxValueDepth   = 4       // inside a record; what lies deeper is dropped
)

var (
	errEmpty    = errors.New("the file is empty")
	errEncoding = errors.New("neither UTF-8 nor UTF-16: write it with -Encoding utf8")
)

// exportReader walks the JSON of an export: an object, an array, {"value":[…]} of REST, or ScubaGear's file.
type exportReader struct {
	decoder *json.Decoder
	take    func(*yaml.Node, kind)
	records int
	values  int  // of the current record
	partial bool // REST: more records stand on another page
}

// parseExport gives each record to take. UTF-8 and UTF-16 with their marks are read. Null is what PowerShell writes for "none".
func parseExport(data []byte, take func(*yaml.Node, kind)) (*exportReader, error) {
	text := plainText(marked(data))
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return nil, errEmpty
	case !utf8.Valid(text):
		return nil, errEncoding
	}
	if err := wellFormed(text); err != nil {
		return nil, err
	}
	e := &exportReader{decoder: json.NewDecoder(bytes.NewReader(text)), take: take}
	e.decoder.UseNumber()
	return e, e.recordsIn(0)
}

// marked gives UTF-16 without a mark one: JSON begins with an ASCII character, so a zero beside it tells (RFC 4627, section 3).
func marked(data []byte) []byte {
	switch {
	case len(data) >= 2 && data[0] == 0 && data[1] != 0:
		return append([]byte{0xfe, 0xff}, data...)
	case len(data) >= 2 && data[0] != 0 && data[1] == 0:
		return append([]byte{0xff, 0xfe}, data...)
	default:
		return data
	}
}

// wellFormed says where JSON ends to be JSON, and quotes nothing of it.
func wellFormed(text []byte) error {
	var syntax *json.SyntaxError
	err := json.Unmarshal(text, new(skipped))
	if !errors.As(err, &syntax) {
		return err
	}
	at := min(int(syntax.Offset), len(text))
	line := 1 + bytes.Count(text[:at], []byte("\n"))
	if at == len(text) {
		return fmt.Errorf("not JSON: it breaks off in line %d", line)
	}
	return fmt.Errorf("not JSON from line %d on", line)
}

// skipped is a value that is not kept.
type skipped struct{}

func (*skipped) UnmarshalJSON([]byte) error { return nil }

// recordsIn reads one value at a place where records stand.
func (e *exportReader) recordsIn(depth int) error {
	token, err := e.decoder.Token()
	switch {
	case err != nil:
		return err
	case token == nil:
		return nil
	case depth <= maxContainers && token == json.Delim('['):
		for e.decoder.More() {
			if err := e.recordsIn(depth + 1); err != nil {
				return err
			}
		}
		_, err = e.decoder.Token()
		return err
	case depth <= maxContainers && token == json.Delim('{'):
		return e.object(depth)
	default:
		return e.noRecord()
	}
}

func (e *exportReader) noRecord() error {
	return fmt.Errorf("not an export: value %d in it is neither a connector nor an accepted domain", e.records+1)
}

// containers are the keys, in lower case, under which records stand: REST's and PowerShell's, and ScubaGear's.
var containers = map[string]bool{"value": true, "accepted_domains": true, "outbound_connectors": true, "inbound_connectors": true}

// object reads a record, or an object that holds records. Of a record only properties that have a meaning here are kept.
func (e *exportReader) object(depth int) error {
	e.values = 0
	n := &yaml.Node{Kind: yaml.MappingNode}
	holds := false
	for e.decoder.More() {
		key, err := e.key()
		switch {
		case err != nil:
		case containers[strings.ToLower(key)]:
			holds = true
			err = e.recordsIn(depth + 1)
		case key == "@odata.nextLink":
			var next *yaml.Node
			next, err = e.value(0)
			e.partial = e.partial || err == nil && next.Tag == "!!str" && next.Value != ""
		default:
			err = e.property(n, strings.ToLower(key))
		}
		if err != nil {
			return err
		}
	}
	if _, err := e.decoder.Token(); err != nil {
		return err
	}
	k := kindOf(n)
	if k == kindNone {
		if holds {
			return nil
		}
		return e.noRecord()
	}
	if e.records++; e.records > maxRecords {
		return fmt.Errorf("more than %d records", maxRecords)
	}
	e.take(n, k)
	return nil
}

func (e *exportReader) key() (string, error) {
	token, err := e.decoder.Token()
	key, _ := token.(string)
	return key, err
}

func (e *exportReader) property(n *yaml.Node, key string) error {
	if properties()[key] == "" {
		return e.decoder.Decode(new(skipped))
	}
	value, err := e.value(0)
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
	return err
}

// value turns a JSON value into the nodes that the configuration's own readers read. Keys are lower case.
func (e *exportReader) value(depth int) (*yaml.Node, error) {
	if e.values++; e.values > maxRecordValues {
		return nil, fmt.Errorf("record %d has more than %d values", e.records+1, maxRecordValues)
	}
	token, err := e.decoder.Token()
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case string:
		return scalarNode("!!str", v), nil
	case json.Number:
		return scalarNode("!!int", v.String()), nil
	case bool:
		return scalarNode("!!bool", fmt.Sprint(v)), nil
	case json.Delim:
		return e.composite(v, depth)
	default:
		return scalarNode("!!null", ""), nil
	}
}

func scalarNode(tag, text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text}
}

func (e *exportReader) composite(open json.Delim, depth int) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	if open == '{' {
		n.Kind = yaml.MappingNode
	}
	for e.decoder.More() {
		if open == '{' {
			key, err := e.key()
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, scalarNode("!!str", strings.ToLower(key)))
		}
		item, err := e.inner(depth + 1)
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, item)
	}
	_, err := e.decoder.Token()
	return n, err
}

func (e *exportReader) inner(depth int) (*yaml.Node, error) {
	if depth > maxValueDepth {
		return scalarNode("!!null", ""), e.decoder.Decode(new(skipped))
	}
	return e.value(depth)
}

// properties translates from the names in exports, in lower case, to the configuration's: usemxrecord is use_mx_record.
var properties = sync.OnceValue(func() map[string]string {
	r := &reader{}
	known := r.domainKeys(new(mailflow.AcceptedDomain))
	maps.Copy(known, r.common(new(mailflow.Common)))
	maps.Copy(known, r.routing(new(mailflow.OutboundConnector)))
	maps.Copy(known, r.admission(new(mailflow.InboundConnector)))
	names := make(map[string]string, len(known))
	for key := range known {
		names[bare(key)] = key
	}
	return names
})
