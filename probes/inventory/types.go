package inventory

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/spelling"
)

// Decoder decodes the values of one record and reports those that it cannot read.
type Decoder struct {
	// Export is set for the values of an export: PowerShell may have converted them, and Microsoft may have added values
	// to an enum. Other values were written by hand, for this program, and are read strictly.
	Export bool

	// Report is called for each value that cannot be read, with its place in the record, such as smart_hosts[0]. The
	// error never quotes the value.
	Report func(v Value, key string, err error)

	// listed counts the items of all lists, unless it is nil. Lists beyond maxListed are dropped: see Snapshot.overLimit.
	listed *int
}

// check reports an error, if there is one. ok is true if there is none.
func (d Decoder) check(v Value, key string, err error) (ok bool) {
	if err != nil {
		d.Report(v, key, err)
	}
	return err == nil
}

// Type decodes the values of a property. It returns the value of the property's field, which is empty or unknown if the
// value cannot be read. ok reports whether the whole value was read.
type Type func(d Decoder, v Value, key string) (field any, ok bool)

var errLost = errors.New("the value was lost; export with ConvertTo-Json -Depth 5")

// lost reports whether an export lacks the value.
func (d Decoder) lost(v Value) bool { return d.Export && v.isLost() }

// MaxText is the longest text of a tenant, in bytes. A name in Exchange Online has at most 64 characters, a host at
// most 255; pages repeat these texts many times.
const MaxText = 1024

var errLong = fmt.Errorf("longer than %d bytes", MaxText)

// text returns one line of text, "" for null. It rejects control characters, so that no value can inject a command into
// an SMTP session or an escape sequence into a terminal.
func (d Decoder) text(v Value) (string, error) {
	if d.Export {
		v = v.asScalar()
	}
	switch {
	case d.lost(v):
		return "", errLost
	case v.Shape == Null:
		return "", nil
	case !v.isScalar():
		return "", errors.New("must be text")
	case len(v.Text) > MaxText:
		return "", errLong
	case strings.ContainsFunc(v.Text, IsControl):
		return "", errors.New("control characters are not allowed")
	case d.Export:
		return strings.TrimSpace(v.Text), nil
	default:
		return v.Text, nil
	}
}

// parsed returns the text of v, parsed by parse unless that is nil.
func (d Decoder) parsed(v Value, parse func(string) (string, error)) (string, error) {
	text, err := d.text(v)
	if err != nil || parse == nil {
		return text, err
	}
	return parse(text)
}

// required is the type of a text that parse accepts; nil accepts any text. Null is read as "".
func required(parse func(string) (string, error)) Type {
	return func(d Decoder, v Value, key string) (any, bool) {
		text, err := d.parsed(v, parse)
		return text, d.check(v, key, err)
	}
}

// optional is the type of a value of type t that may also be null or "".
func optional(t Type) Type {
	return func(d Decoder, v Value, key string) (any, bool) {
		if v.Shape == Null || v.isScalar() && v.Text == "" {
			return "", true
		}
		return t(d, v, key)
	}
}

// listOf is the type of a list of texts that parse accepts; nil accepts any text. Empty texts are dropped. The list is
// never nil.
func listOf(parse func(string) (string, error)) Type {
	return func(d Decoder, v Value, key string) (any, bool) {
		texts, ok := []string{}, true
		items := v.Items
		switch {
		case v.Shape == Null:
			return texts, true
		case d.lost(v):
			return texts, d.check(v, key, errLost)
		case d.Export:
			items = v.asList()
		case v.Shape != List:
			return texts, d.check(v, key, errors.New(`must be a list: [a, b], or "- " before each item`))
		}
		if d.listed != nil {
			if *d.listed += len(items); *d.listed > maxListed {
				return texts, false
			}
		}
		for i, item := range items {
			if d.Export && item.Shape == Null {
				continue
			}
			parsed, err := d.parsedItem(item, parse)
			ok = d.check(item, key+"["+strconv.Itoa(i)+"]", err) && ok
			texts = append(texts, parsed...)
		}
		return texts, ok
	}
}

// parsedItem parses an item of a list. In an export it may consist of several items that a script has joined.
func (d Decoder) parsedItem(item Value, parse func(string) (string, error)) ([]string, error) {
	text, err := d.parsed(item, parse)
	switch {
	case err == nil && text == "":
		return nil, nil
	case err == nil:
		return []string{text}, nil
	case !d.Export || item.Shape != Text || !strings.ContainsAny(item.Text, ",;|"):
		return nil, err
	}
	var texts []string
	for _, one := range splitList(item.Text, ",;|") {
		text, oneErr := d.parsed(Value{Shape: Text, Text: strings.TrimSpace(one.Text)}, parse)
		if oneErr != nil {
			return nil, err
		}
		if text != "" {
			texts = append(texts, text)
		}
	}
	return texts, nil
}

// closedEnum is an enum to which Microsoft cannot have added a word. Any other word is an error.
func closedEnum(first int, words ...string) Type {
	open := enum(first, words...)
	return func(d Decoder, v Value, key string) (any, bool) {
		value, ok := open(d, v, key)
		if word, _ := value.(string); word != "" && !slices.Contains(words, word) {
			return "", d.check(v, key, fmt.Errorf("must be one of %s", strings.Join(words, ", ")))
		}
		return value, ok
	}
}

// enum is the type of one of the words, without regard to case. In an export the value may be a number, where first is
// the number of the first word, or another word, which Microsoft may have added and which is kept.
func enum(first int, words ...string) Type {
	return func(d Decoder, v Value, key string) (any, bool) {
		word, err := d.parsed(v, func(text string) (string, error) {
			for _, word := range words {
				if strings.EqualFold(text, word) {
					return word, nil
				}
			}
			i, err := strconv.Atoi(text)
			switch {
			case !d.Export:
				return "", MustBeOneOf(text, words)
			case err == nil && i >= first && i-first < len(words):
				return words[i-first], nil
			default:
				return text, nil
			}
		})
		return word, d.check(v, key, err)
	}
}

// MustBeOneOf returns an error for a text that is not one of the words. It lists the words, and names the nearest one.
func MustBeOneOf(text string, words []string) error {
	if word := spelling.Nearest(text, words); word != "" {
		return fmt.Errorf("must be one of %s; did you mean %s?", strings.Join(words, ", "), word)
	}
	return fmt.Errorf("must be one of %s", strings.Join(words, ", "))
}

// flag is the type of a boolean. Null, and a value that cannot be read, are Unknown.
func flag(d Decoder, v Value, key string) (any, bool) {
	word := strings.ToLower(strings.TrimSpace(v.Text))
	switch {
	case d.lost(v):
		return mailflow.Unknown, d.check(v, key, errLost)
	case v.Shape == Null:
		return mailflow.Unknown, true
	case v.Shape == Bool, d.Export && v.isScalar() && (word == "true" || word == "false"):
		return mailflow.TriOf(word == "true"), true
	default:
		return mailflow.Unknown, d.check(v, key, errors.New("must be true or false"))
	}
}

// label is the type of a name that people choose: one line of text, even if it looks like the name of a .NET type.
func label(d Decoder, v Value, key string) (any, bool) {
	if d.Export {
		v = v.asScalar()
	}
	text, err := Decoder{}.text(v)
	return text, d.check(v, key, err)
}

// comment is the type of free text, of which the beginning is kept. Line breaks and other control characters become
// spaces.
func comment(d Decoder, v Value, key string) (any, bool) {
	if v.Shape == List || v.Shape == Object {
		return "", d.check(v, key, errors.New("must be text"))
	}
	return strings.Map(func(c rune) rune {
		if IsControl(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(v.Text[:min(len(v.Text), MaxText)], "")), true
}

// moment is the type of a time. Null and "" are the zero time.
func moment(d Decoder, v Value, key string) (any, bool) {
	text, err := d.text(v)
	if err != nil || text == "" {
		return time.Time{}, d.check(v, key, err)
	}
	at, err := parseTime(text)
	return at, d.check(v, key, err)
}
