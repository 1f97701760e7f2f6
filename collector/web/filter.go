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

// filter is what a reader asked to see.
type filter struct {
	Text, Tenant, State string
	Severity            check.Severity // at least this
	Page, Findings      int            // of the paths and of the findings, from 1
	NoRefresh           bool           // the page does not refresh itself

	lowerText string // Text in lower case
	rareBytes []byte // what a text must have in it, in either case, to hold want
}

// maxFilter bounds what is searched for, in bytes: it is compared with every path, and no name is longer.
const maxFilter = 256

// readFilter reads the query of a page. The error is a sentence for the reader.
func readFilter(r *http.Request) (filter, error) {
	values, err := params(r, "q", "tenant", "state", "severity", "page", "findings", "refresh")
	if err != nil {
		return filter{}, err
	}
	for _, name := range []string{"q", "tenant"} {
		if len(values.Get(name)) > maxFilter {
			return filter{}, fmt.Errorf("%s must not be longer than %d bytes", name, maxFilter)
		}
	}
	f := filter{Text: strings.TrimSpace(values.Get("q")), Tenant: strings.TrimSpace(values.Get("tenant")), State: values.Get("state")}
	f.lowerText = strings.ToLower(f.Text)
	f.rareBytes = rareBytesOf(f.lowerText)
	if f.State != "" && !slices.Contains(states, f.State) {
		return filter{}, fmt.Errorf("state must be one of %s", strings.Join(states, ", "))
	}
	if word := values.Get("severity"); word != "" {
		var ok bool
		if f.Severity, ok = check.ParseSeverity(word); !ok || f.Severity == check.Off {
			return filter{}, fmt.Errorf("severity must be one of critical, warning, info")
		}
	}
	if f.Page, err = number(values, "page"); err != nil {
		return filter{}, err
	}
	if f.Findings, err = number(values, "findings"); err != nil {
		return filter{}, err
	}
	switch values.Get("refresh") {
	case "", "on":
	case "off":
		f.NoRefresh = true
	default:
		return filter{}, fmt.Errorf("refresh must be on or off")
	}
	return f, nil
}

func number(values url.Values, name string) (int, error) {
	label := values.Get(name)
	if label == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(label)
	if err != nil || n < 1 || n > 1_000_000 {
		return 0, fmt.Errorf("%s must be a number from 1 to 1000000", name)
	}
	return n, nil
}

// Query is the query string of the same page with one parameter changed; "" takes it away.
func (f filter) Query(name, value string) string {
	values := url.Values{}
	set := func(name, value string) {
		if value != "" {
			values.Set(name, value)
		}
	}
	set("q", f.Text)
	set("tenant", f.Tenant)
	set("state", f.State)
	if f.Severity != check.Off {
		set("severity", f.Severity.String())
	}
	if f.Page > 1 {
		set("page", strconv.Itoa(f.Page))
	}
	if f.Findings > 1 {
		set("findings", strconv.Itoa(f.Findings))
	}
	if f.NoRefresh {
		set("refresh", "off")
	}
	values.Del(name)
	set(name, value)
	return "?" + values.Encode()
}

// Narrow tells that not everything is shown.
func (f filter) Narrow() bool {
	return f.Text != "" || f.Tenant != "" || f.State != "" || f.Severity != check.Off
}

func (f filter) path(p *collector.PathState) bool {
	id := p.Path.ID
	if !f.ofTenant(id.Tenant) || f.State != "" && stateOf(p) != f.State {
		return false
	}
	if f.Text == "" || f.contains(id.Tenant, id.Connector, id.Path, p.Path.NextHop, string(p.Reason)) {
		return true
	}
	return slices.ContainsFunc(p.Endpoints, func(e check.Endpoint) bool { return f.contains(e.Host, e.Address) })
}

func (f filter) finding(one check.Finding) bool {
	if one.Severity < f.Severity || !f.ofTenant(one.Tenant) {
		return false
	}
	info, _ := check.Lookup(one.Code)
	return f.Text == "" || f.contains(one.Tenant, one.Connector, one.Path, one.Code, info.Title) || f.contains(one.Evidence...)
}

// ofTenant takes a name or a pattern, as /metrics?tenant= does.
func (f filter) ofTenant(tenant string) bool {
	return f.Tenant == "" || strings.EqualFold(f.Tenant, tenant) || check.Glob(f.Tenant, tenant)
}

func (f filter) contains(texts ...string) bool {
	return slices.ContainsFunc(texts, func(s string) bool {
		s = s[:min(len(s), maxShown)] // what the page shows of it
		return f.mayContain(s) && strings.Contains(strings.ToLower(s), f.lowerText)
	})
}

// mayContain rules out most texts: to look for a byte costs far less than to write a text in lower case.
func (f filter) mayContain(s string) bool {
	for _, b := range f.rareBytes {
		if strings.IndexByte(s, b) < 0 && ('a' > b || b > 'z' || strings.IndexByte(s, b-'a'+'A') < 0) {
			return false
		}
	}
	return true
}

// rareBytesOf is some of the bytes of a text in lower case, each once. Of letters beyond ASCII none is taken, nor k and i, which are in the
// lower case of two of these as well.
func rareBytesOf(want string) (rare []byte) {
	for _, b := range []byte(want) {
		if b < 0x80 && b != 'k' && b != 'i' && !slices.Contains(rare, b) && len(rare) < 8 {
			rare = append(rare, b)
		}
	}
	return rare
}

// pageRange is one page of a list.
type pageRange struct {
	From, To, Total int // To is exclusive
	Page, Pages     int
}

// paginate cuts a list of n into pages. A page that does not exist is the last one: lists shrink while one reads.
func paginate(n, size, page int) pageRange {
	pages := max(1, (n+size-1)/size)
	page = min(page, pages)
	return pageRange{From: min(n, (page-1)*size), To: min(n, page*size), Total: n, Page: page, Pages: pages}
}
