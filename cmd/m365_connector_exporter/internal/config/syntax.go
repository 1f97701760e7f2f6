package config

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// syntax reports what the parser returned. It replaces the line in "yaml: line 3: …" by a more precise one, and adds
// what people usually did.
func (r *reader) syntax(err error, data []byte) {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	at := &yaml.Node{}
	if rest, ok := strings.CutPrefix(message, "line "); ok {
		number, text, _ := strings.Cut(rest, ": ")
		if line, err := strconv.Atoi(number); err == nil {
			at.Line, message = line, text
		}
	}
	if line := tabAt(message, max(at.Line, 1), data); line > 0 {
		at.Line, message = line, "a tab is used where YAML requires spaces: indent with spaces only"
	} else if line := lineOf(err, data); line > 0 {
		at.Line = line
	}
	for _, hint := range yamlHints {
		if strings.Contains(message, hint.message) {
			message += ": " + hint.cause
			break
		}
	}
	r.fail(at, "", "%s", message)
}

// yamlHints explain the parser's messages by what people usually did.
var yamlHints = []struct{ message, cause string }{
	{
		"did not find expected alphabetic or numeric",
		`a value that begins with * or & needs quotes, such as "*.contoso.com"`,
	},
	{"unknown anchor", `a value that begins with * needs quotes, such as "*.contoso.com"`},
	{"cannot start any token", "a value that begins with @, % or ` needs quotes"},
	{
		"mapping values are not allowed",
		"this line is indented differently from its neighbours, or a value with a colon and a space in it needs quotes",
	},
	{
		"did not find expected key",
		"this line is indented differently from its neighbours, or a quote is missing in a line above",
	},
	{"did not find expected '-'", "this line is indented differently from its neighbours"},
	{"did not find expected ',' or", "a bracket is not closed, or a comma is missing"},
	{"could not find expected ':'", "a key needs a colon and a space after it"},
	{"found unexpected end of stream", "a quote that is opened here is not closed"},
	{"unknown escape character", `within "…" a backslash begins an escape: use '…'`},
}

// maxSearched is the largest file in which lineOf searches, in bytes: it parses the file some twenty times.
const maxSearched = 256 << 10

// lineOf returns the line of a mistake: the first one that, with all lines before it, gives the same error. The parser
// reports the line of the list or mapping around the mistake, which is often one too low, and none in the first line.
// It returns 0 if it finds none.
func lineOf(err error, data []byte) int {
	if len(data) > maxSearched || data[0] >= 0xfe { // lines of UTF-16 end differently
		return 0
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	ends := make([]int, len(lines))
	for i, end := 0, 0; i < len(lines); i++ {
		end += len(lines[i])
		ends[i] = end
	}
	i := sort.Search(len(ends), func(i int) bool {
		found := parse(data[:ends[i]])
		return found != nil && found.Error() == err.Error()
	})
	if i == len(ends) {
		return 0
	}
	return i + 1
}

// parse returns what is wrong with the first two documents.
func parse(data []byte) error {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for range 2 {
		if err := decoder.Decode(new(yaml.Node)); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
	return nil
}

// tabbed is a line that is indented with a tab.
var tabbed = regexp.MustCompile(`^[ -]*\t`)

// tabAt returns the line of the tab that the parser's message is about, 0 if it is about something else. If the
// message names a tab, it is in the line of the message or in a later one.
func tabAt(message string, line int, data []byte) int {
	named := strings.Contains(message, "tab character")
	if !named && !strings.Contains(message, "cannot start any token") {
		return 0
	}
	lines := bytes.Split(data, []byte("\n"))
	for i := line; i <= len(lines) && (named || i == line); i++ {
		if tabbed.Match(lines[i-1]) {
			return i
		}
	}
	return 0
}
