package inventory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"m365_connector_exporter/probes/mailflow"
)

// Bounds of a tenant's exports. Records are decoded one by one, so that decoding needs the memory of one record.
const (
	maxRecords      = 100_000
	maxRecordValues = 100_000 // in one record; the longest part is a list of addresses
	maxListed       = 400_000 // items in the lists of a tenant's records; other limits of a tenant are lower
	maxContainers   = 4       // nested arrays and objects around a record
	maxValueDepth   = 4       // nested values in a record; deeper ones are dropped
)

var errEncoding = errors.New("neither UTF-8 nor UTF-16: write it with -Encoding utf8")

// UTF8 returns text as UTF-8 without a byte order mark. Windows PowerShell writes UTF-16, or UTF-8 with a mark. Text
// without a mark is returned unchanged.
func UTF8(data []byte) []byte {
	if len(data) == 0 || data[0] < 0xef { // most files have no mark, and large ones need not be copied
		return data
	}
	text, _, err := transform.Bytes(unicode.BOMOverride(transform.Nop), data)
	if err != nil {
		return data
	}
	return text
}

// addBOM adds a byte order mark to UTF-16 without one. JSON begins with an ASCII character, so the position of the zero
// byte shows the byte order (RFC 4627, section 3).
func addBOM(data []byte) []byte {
	switch {
	case len(data) >= 2 && data[0] == 0 && data[1] != 0:
		return append([]byte{0xfe, 0xff}, data...)
	case len(data) >= 2 && data[0] != 0 && data[1] == 0:
		return append([]byte{0xff, 0xfe}, data...)
	default:
		return data
	}
}

// besides is what an export contains besides its records.
type besides struct {
	partial bool    // the file is one page of several (REST)
	read    Kind    // kinds of the cmdlets that are keys in it
	empty   bool    // the file is empty
	skipped skipped // values that are not records of a known kind
}

// jsonDecoder decodes the JSON of an export: a record, an array of records, {"value":[…]} of REST and PowerShell, or a
// file of ScubaGear.
type jsonDecoder struct {
	besides
	json    *json.Decoder
	yield   func(Kind, Value)
	quiet   bool // records of an unknown kind are not counted as skipped
	hint    Kind // kind of the records whose keys do not determine it; 0 if it is unknown
	records int
	values  int // of the current record
}

// decodeJSON calls yield for each record of an export, with the keys that are properties, in lower case. An empty file,
// a byte order mark alone and null have no record: ConvertTo-Json writes nothing for no input. hint is the kind of the
// records of an undocumented cmdlet, whose keys may not determine it; 0 if it is unknown.
func decodeJSON(data []byte, hint Kind, yield func(Kind, Value)) (besides, error) {
	text := UTF8(addBOM(data))
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return besides{empty: true}, nil
	case !utf8.Valid(text):
		return besides{}, errEncoding
	}
	if err := wellFormed(text); err != nil {
		return besides{}, err
	}
	d := &jsonDecoder{json: json.NewDecoder(bytes.NewReader(text)), yield: yield, hint: hint}
	d.json.UseNumber()
	err := d.decode(0)
	return d.besides, err
}

// wellFormed returns an error if text is not JSON, with the line of the mistake. The error never quotes the text.
func wellFormed(text []byte) error {
	var syntax *json.SyntaxError
	err := json.Unmarshal(text, new(ignored))
	if !errors.As(err, &syntax) {
		return err
	}
	if other := otherFormat(text); other != "" {
		return fmt.Errorf("not JSON but %s: export with ConvertTo-Json -Depth 5", other)
	}
	at := min(int(syntax.Offset), len(text))
	line := 1 + bytes.Count(text[:at], []byte("\n"))
	if at == len(text) {
		return fmt.Errorf("not JSON: it breaks off in line %d", line)
	}
	if hasSecondValue(text) {
		return fmt.Errorf("more than one JSON value, from line %d on: write one array, with "+
			"ConvertTo-Json -Depth 5 -InputObject @(…)", line)
	}
	return fmt.Errorf("not JSON from line %d on: export with ConvertTo-Json -Depth 5", line)
}

// hasSecondValue reports whether another object or array follows the first one, because a script has appended to the
// file.
func hasSecondValue(text []byte) bool {
	first := json.NewDecoder(bytes.NewReader(text))
	if first.Decode(new(ignored)) != nil {
		return false
	}
	rest := bytes.TrimSpace(text[first.InputOffset():])
	return len(rest) > 0 && (rest[0] == '{' || rest[0] == '[')
}

// ignored decodes any value and drops it.
type ignored struct{}

func (*ignored) UnmarshalJSON([]byte) error { return nil }

// decode decodes a value in a place where records are expected.
func (d *jsonDecoder) decode(depth int) error {
	if depth > maxContainers {
		d.skipped.add(notConnector)
		return d.json.Decode(new(ignored))
	}
	token, err := d.json.Token()
	switch {
	case err != nil || token == nil:
		return err
	case token == json.Delim('['):
		for d.json.More() {
			if err := d.decode(depth + 1); err != nil {
				return err
			}
		}
		_, err = d.json.Token()
		return err
	case token == json.Delim('{'):
		return d.object(depth)
	default:
		d.skipped.add(notConnector)
		return nil
	}
}

// containers are the keys, in lower case, whose values contain records: "value" of REST and PowerShell, and the keys
// of ScubaGear's ProviderSettingsExport.json, which are below "raw" in its ScubaResults.json. A key that begins with
// "get-" is the name of a cmdlet: the fetch command writes the records of all cmdlets to one file, so that the exports
// of a tenant are replaced together.
var containers = map[string]bool{
	"value": true, "raw": true, "accepted_domains": true, "outbound_connectors": true, "inbound_connectors": true,
}

// reports are the keys of ScubaGear's ProviderSettingsExport.json with the records of optional cmdlets. Records of an
// unknown kind in them are ignored, like the rest of that file.
var reports = map[string]bool{"transport_rule": true, "org_config": true}

// isContainer reports whether the value of a key, in lower case, contains records.
func isContainer(key string) bool {
	return containers[key] || reports[key] || strings.HasPrefix(key, "get-")
}

// object decodes a record, or an object that contains records.
func (d *jsonDecoder) object(depth int) error {
	d.values = 0
	record := Value{Shape: Object}
	container := false
	for d.json.More() {
		key, err := d.key()
		if err != nil {
			return err
		}
		if isContainer(key) {
			container = true
			err = d.contained(key, depth)
		} else {
			err = d.property(&record, key)
		}
		if err != nil {
			return err
		}
	}
	if _, err := d.json.Token(); err != nil {
		return err
	}
	k, other := kindOf(record)
	if k == 0 && !container && hasProperty(d.hint&undocumented, record) {
		k = d.hint
	}
	switch {
	case k == 0 && (container || d.quiet):
		return nil
	case k == 0:
		d.skipped.add(other)
		return nil
	}
	if d.records++; d.records > maxRecords {
		return fmt.Errorf("more than %d records", maxRecords)
	}
	d.yield(k, record)
	return nil
}

// contained decodes the value of a key that contains records. If the key is a cmdlet, these are all of its records,
// even if there are none.
func (d *jsonDecoder) contained(key string, depth int) error {
	quiet, hint := d.quiet, d.hint
	defer func() { d.quiet, d.hint = quiet, hint }()
	d.quiet = quiet || reports[key]
	if k := kindOfCmdlet(mailflow.Cmdlet(key)); k != 0 {
		d.hint, d.read = k, d.read|k
	}
	return d.decode(depth + 1)
}

// key decodes a key of an object, in lower case.
func (d *jsonDecoder) key() (string, error) {
	token, err := d.json.Token()
	key, _ := token.(string)
	return strings.ToLower(key), err
}

// property decodes the value of a key, and keeps it if the key is a property.
func (d *jsonDecoder) property(record *Value, key string) error {
	if key == "@odata.nextlink" {
		next, err := d.value(0)
		d.partial = d.partial || next.Shape == Text && next.Text != ""
		return err
	}
	if !isProperty(key) {
		if distinctive[key] {
			record.Keys, record.Items = append(record.Keys, key), append(record.Items, Value{})
		}
		return d.json.Decode(new(ignored))
	}
	value, err := d.value(0)
	record.Keys, record.Items = append(record.Keys, key), append(record.Items, value)
	return err
}

// value decodes a value. Keys of objects are in lower case.
func (d *jsonDecoder) value(depth int) (Value, error) {
	if d.values++; d.values > maxRecordValues {
		return Value{}, fmt.Errorf("record %d has more than %d values", d.records+1, maxRecordValues)
	}
	if depth > maxValueDepth {
		return Value{}, d.json.Decode(new(ignored))
	}
	token, err := d.json.Token()
	if err != nil {
		return Value{}, err
	}
	switch v := token.(type) {
	case string:
		return Value{Shape: Text, Text: v}, nil
	case json.Number:
		return Value{Shape: Number, Text: v.String()}, nil
	case bool:
		return Value{Shape: Bool, Text: fmt.Sprint(v)}, nil
	case json.Delim:
		return d.composite(v, depth)
	default:
		return Value{}, nil
	}
}

// composite decodes the rest of a list or an object.
func (d *jsonDecoder) composite(open json.Delim, depth int) (Value, error) {
	v := Value{Shape: List}
	if open == '{' {
		v.Shape = Object
	}
	for d.json.More() {
		if v.Shape == Object {
			key, err := d.key()
			if err != nil {
				return Value{}, err
			}
			v.Keys = append(v.Keys, key)
		}
		item, err := d.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		v.Items = append(v.Items, item)
	}
	_, err := d.json.Token()
	return v, err
}
