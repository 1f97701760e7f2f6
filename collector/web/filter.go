package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
)

// filter is what a page is to show.
type filter struct {
	Text, Tenant string
	State        collector.Status
	Severity     check.Severity // at least this
	Check        string         // the code of a check
	Page         int            // of the list, from 1
	NoRefresh    bool
	ofOneTenant  bool // the address of the page itself names Tenant

	lowerText string // Text in lower case
	rareBytes []byte // bytes that a text must contain, in either case, to contain lowerText
}

// maxFilter bounds the text to search for, in bytes: it is compared with every path, and no name is longer.
const maxFilter = 256

// pageParameters are what a page accepts.
var pageParameters = []string{"q", "tenant", "state", "severity", "check", "page", "refresh"}

// readFilter parses a query, which may have the known parameters. The error is a sentence for the reader.
func readFilter(r *http.Request, known ...string) (filter, error) {
	values, err := params(r, known...)
	if err != nil {
		return filter{}, err
	}
	for _, name := range []string{"q", "tenant"} {
		if len(values.Get(name)) > maxFilter {
			return filter{}, fmt.Errorf("%s must not be longer than %d bytes", name, maxFilter)
		}
	}
	f := filter{
		Text: strings.TrimSpace(values.Get("q")), Tenant: strings.TrimSpace(values.Get("tenant")),
		State: collector.Status(values.Get("state")),
	}
	f.lowerText = strings.ToLower(f.Text)
	f.rareBytes = rareBytesOf(f.lowerText)
	if f.State != "" && !slices.Contains(collector.Statuses[:], f.State) {
		return filter{}, fmt.Errorf("state %q is unknown; it must be one of %s", short(string(f.State)), statusNames())
	}
	if f.Severity, err = severity(values.Get("severity")); err != nil {
		return filter{}, err
	}
	if f.Page, err = number(values, "page"); err != nil {
		return filter{}, err
	}
	if f.Check = values.Get("check"); f.Check != "" {
		if _, ok := check.Lookup(f.Check); !ok {
			return filter{}, fmt.Errorf("check %q is unknown; /reference lists all", short(f.Check))
		}
	}
	switch values.Get("refresh") {
	case "", "on":
	case "off":
		f.NoRefresh = true
	default:
		return filter{}, fmt.Errorf("refresh %q is unknown; it must be on or off", short(values.Get("refresh")))
	}
	return f, nil
}

func statusNames() string {
	names := make([]string, len(collector.Statuses))
	for i, status := range collector.Statuses {
		names[i] = string(status)
	}
	return strings.Join(names, ", ")
}

// severity parses the lowest severity to show; Off shows all.
func severity(word string) (check.Severity, error) {
	if word == "" {
		return check.Off, nil
	}
	s, ok := check.ParseSeverity(word)
	if !ok || s == check.Off {
		return check.Off, fmt.Errorf("severity %q is unknown; it must be one of critical, warning, info", short(word))
	}
	return s, nil
}

func number(values url.Values, name string) (int, error) {
	label := values.Get(name)
	if label == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(label)
	if err != nil || n < 1 || n > 1_000_000 {
		return 0, fmt.Errorf("%s %q is not a number from 1 to 1000000", name, short(label))
	}
	return n, nil
}

// All returns the query string of the whole list that the filter selects.
func (f filter) All() string { return f.Query("refresh", "") }

// Query returns the query string of the same page with one parameter changed, or removed if its value is "".
func (f filter) Query(name, value string) string {
	values := url.Values{}
	set := func(name, value string) {
		if value != "" {
			values.Set(name, value)
		}
	}
	set("q", f.Text)
	set("tenant", f.Tenant)
	set("state", string(f.State))
	if f.Severity != check.Off {
		set("severity", f.Severity.String())
	}
	if f.Page > 1 {
		set("page", strconv.Itoa(f.Page))
	}
	set("check", f.Check)
	if f.NoRefresh {
		set("refresh", "off")
	}
	values.Del(name)
	if name != "page" {
		values.Del("page") // of another list
	}
	set(name, value)
	return "?" + values.Encode()
}

// PageQuery returns the query string of another page of the list.
func (f filter) PageQuery(page int) string {
	if f.ofOneTenant {
		f.Tenant = ""
	}
	return f.Query("page", strconv.Itoa(page))
}

// includesTenant reports whether the filter selects a tenant whatever is found about it.
func (f filter) includesTenant(tenant string) bool {
	named := f.Text != "" && f.contains(tenant)
	return f.State == "" && f.Severity == check.Off && f.Check == "" && f.ofTenant(tenant) && (f.Text == "" || named)
}

// Narrow reports whether the filter excludes anything.
func (f filter) Narrow() bool {
	return f.Text != "" || f.Tenant != "" || f.State != "" || f.Severity != check.Off || f.Check != ""
}

// ofTenant reports whether a tenant is included. The filter has a name or a pattern, as in /metrics?tenant=.
func (f filter) ofTenant(tenant string) bool {
	return f.Tenant == "" || strings.EqualFold(f.Tenant, tenant) || check.Glob(f.Tenant, tenant)
}

func (f filter) contains(texts ...string) bool {
	return slices.ContainsFunc(texts, func(s string) bool {
		s = s[:min(len(s), maxShown)] // the part that the page shows
		return f.mayContain(s) && strings.Contains(strings.ToLower(s), f.lowerText)
	})
}

// mayContain rules out most texts cheaply: searching a byte costs far less than converting a text to lower case.
func (f filter) mayContain(s string) bool {
	for _, b := range f.rareBytes {
		upper := b
		if 'a' <= b && b <= 'z' {
			upper -= 'a' - 'A'
		}
		if strings.IndexByte(s, b) < 0 && strings.IndexByte(s, upper) < 0 {
			return false
		}
	}
	return true
}

// rareBytesOf returns some of the bytes of a text in lower case, each once. It leaves out letters beyond ASCII, and k
// and i, because each is also the lower case of a letter beyond ASCII.
func rareBytesOf(want string) (rare []byte) {
	for _, b := range []byte(want) {
		if b < 0x80 && b != 'k' && b != 'i' && !slices.Contains(rare, b) && len(rare) < 8 {
			rare = append(rare, b)
		}
	}
	return rare
}

// pageRange is the range of a list that one page shows.
type pageRange struct {
	From, To, Total int // To is exclusive
	Page, Pages     int
	Below           bool // the list is the one of paths, below other parts of the page
}

// paginate returns a page of a list of n items; the last page if it does not exist, because lists shrink between
// requests.
func paginate(n, size, page int) pageRange {
	pages := max(1, (n+size-1)/size)
	page = min(page, pages)
	return pageRange{From: min(n, (page-1)*size), To: min(n, page*size), Total: n, Page: page, Pages: pages}
}
