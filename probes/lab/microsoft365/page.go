package microsoft365

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// defaultResultSize is how many records a cmdlet with the parameter ResultSize returns without it.
const defaultResultSize = 1000

// The texts of Exchange Online about answers that are not whole.
const (
	moreResults = "There are more results available than are currently displayed. To view them, increase the value " +
		"for the ResultSize parameter."
	expiredPage = "Expired or Invalid pagination request. Default Expiry time is 00:30:00"
)

// badRequest is an error with the words of Exchange Online.
type badRequest string

// Error implements error.
func (b badRequest) Error() string { return string(b) }

// skipToken is the parameter of @odata.nextLink.
const skipToken = "$skiptoken"

// page returns the answer to a request: the records of its page, with warnings and the address of the next page.
func (t *Tenant) page(r *http.Request, known cmdlet, c command, records []json.RawMessage) (map[string]any, error) {
	skip, err := t.skip(r)
	if err != nil {
		return nil, err
	}
	warnings := slices.Clone(t.Warnings)
	limit, err := resultSize(known, c)
	if err != nil {
		return nil, err
	}
	if limit < len(records) {
		records, warnings = records[:limit], append(warnings, moreResults)
	}
	answer := map[string]any{"adminapi.warnings@odata.type": "#Collection(String)"}
	records = records[min(skip, len(records)):]
	if size := t.pageSize(r); size < len(records) {
		records = records[:size]
		if t.Paging == PagingWarns {
			warnings = append(warnings, moreResults)
		} else {
			answer["@odata.nextLink"] = nextLink(r, skip+size)
		}
	}
	answer["@adminapi.warnings"] = append([]string{}, warnings...) // [] instead of null
	shaped := make([]json.RawMessage, len(records))
	for i, record := range records {
		shaped[i] = shape(record, selected(r), t.Sidecars)
	}
	answer["value"] = shaped
	return answer, nil
}

// skip returns how many records the pages before this one had.
func (t *Tenant) skip(r *http.Request) (int, error) {
	value := r.URL.Query().Get(skipToken)
	if value == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n <= 0 || t.Paging != PagingWorks {
		return 0, badRequest(expiredPage)
	}
	return n, nil
}

// resultSize returns how many records a request allows.
func resultSize(known cmdlet, c command) (int, error) {
	const unlimited = 1 << 30
	raw, given := c.CmdletInput.Parameters["ResultSize"]
	var text string
	var number int
	switch {
	case !slices.Contains(known.parameters, "ResultSize"):
		return unlimited, nil
	case !given:
		return defaultResultSize, nil
	case json.Unmarshal(raw, &text) == nil && strings.EqualFold(text, "Unlimited"):
		return unlimited, nil
	case json.Unmarshal(raw, &number) == nil && number > 0:
		return number, nil
	}
	return 0, fmt.Errorf("ResultSize %s, want a number or Unlimited", raw)
}

// pageSize returns how many records the tenant and the request allow per answer.
func (t *Tenant) pageSize(r *http.Request) int {
	size := defaultResultSize
	if m := pageSize.FindStringSubmatch(r.Header.Get("Prefer")); m != nil {
		size, _ = strconv.Atoi(m[1]) // digits
	}
	if t.PageSize > 0 {
		size = min(size, t.PageSize)
	}
	return max(size, 1)
}

func nextLink(r *http.Request, skip int) string {
	query := r.URL.Query()
	query.Set(skipToken, strconv.Itoa(skip))
	next := url.URL{Scheme: "https", Host: r.Host, Path: r.URL.Path, RawQuery: query.Encode()}
	return next.String()
}

// selected returns the properties that $select names, nil for all.
func selected(r *http.Request) []string {
	if text := r.URL.Query().Get("$select"); text != "" {
		return strings.Split(text, ",")
	}
	return nil
}

var timestamp = regexp.MustCompile(`^"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z?"$`)

// shape returns a record with the selected properties, in its own order, and with the types of numbers and times
// beside them if sidecars is set. Names in $select match in any case.
func shape(record json.RawMessage, selected []string, sidecars bool) json.RawMessage {
	decoder := json.NewDecoder(bytes.NewReader(record))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return record // not an object
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return record
		}
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			return record
		}
		text := name.(string) // names of an object are strings
		if selected == nil || slices.ContainsFunc(selected, func(s string) bool { return strings.EqualFold(s, text) }) {
			writeProperty(&b, text, value, sidecars)
		}
	}
	b.WriteByte('}')
	return b.Bytes()
}

func writeProperty(b *bytes.Buffer, name string, value json.RawMessage, sidecars bool) {
	write := func(name string, value json.RawMessage) {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		quoted, _ := json.Marshal(name)
		b.Write(quoted)
		b.WriteByte(':')
		b.Write(value)
	}
	if sidecars {
		switch {
		case timestamp.Match(value):
			write(name+"@data.type", json.RawMessage(`"System.DateTime"`))
		case len(value) > 0 && (value[0] == '-' || value[0] >= '0' && value[0] <= '9'):
			write(name+"@data.type", json.RawMessage(`"System.Int32"`))
		}
	}
	write(name, value)
}
