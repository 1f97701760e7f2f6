//go:build unix

package daemon

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"golang.org/x/net/html"

	"m365_connector_exporter/probes"
)

// filled is a daemon that has probed its paths. Their names are awkward, and every address is one that is never
// dialled.
func filled(f *testing.F) *Daemon {
	f.Helper()
	d := configured(f, `
global: { min_gap_per_address: 0s }
modules: { "<m>": { until: connect } }
suppressions: [{ check: tls_opportunistic, connector: quiet, reason: "<r>", owner: "<o>", expires: 2999-12-31 }]
tenants:
- name: contoso
  accepted_domains: [{ domain_name: contoso.com, domain_type: Authoritative, default: true }]
  outbound_connectors:
  - name: '"><zq onload=x>'
    connector_type: OnPremises
    use_mx_record: false
    smart_hosts: [127.0.0.1, 127.0.0.2]
    tls_settings: EncryptionOnly
  - { name: "quiet", connector_type: OnPremises, use_mx_record: false, smart_hosts: [127.0.0.1] }
  inbound_connectors:
  - { name: in, connector_type: OnPremises, sender_ip_addresses: [192.0.2.0/28], require_tls: true }
  senders:
  - { name: "%41'&amp;", connector: in, addresses: [192.0.2.1], mail_from_domains: [contoso.com], target: 127.0.0.3 }
- name: "a/b <zq>"
  outbound_connectors: [{ name: "{}", connector_type: Partner, use_mx_record: false, smart_hosts: [10.0.0.0/8] }]
  inbound_connectors: [{ name: in, connector_type: OnPremises, sender_ip_addresses: [192.0.2.0/28] }]
`)
	for i, p := range Plan(d.cfg.Load(), d.helloName) {
		e := probes.Endpoint{Host: p.NextHop, Addr: netip.MustParseAddrPort("127.0.0.1:25")}
		passAll(&e, p)
		if i%2 == 0 {
			e.Steps[probes.TLSStage] = probes.Step{
				Outcome: probes.Failed, Reason: probes.ReasonCertificateExpired,
				Detail: "<zq>",
			}
		}
		d.store.Record(probes.Result{
			Path: p.ID, Until: p.Settings.Until, Started: time.Now(),
			Endpoints: []probes.Endpoint{e}, Hints: []string{"<zq>"},
		})
	}
	d.evaluator.evaluateNow()
	return d
}

// fuzzed are the routes that take something from the caller; the last one takes a name.
var fuzzed = []string{
	"/", "/path", "/attribution", "/reference", "/metrics", "/probe", "/sd", "/api/v1/paths", "/api/v1/findings",
	"/-/healthy", "/-/ready", "/-/reload", "/", "/runbooks/",
}

// FuzzRequest lets a caller ask for anything. Whatever is asked, the answer is one of the known ones, whole,
// bounded, and of what was asked nothing comes back as anything but text.
func FuzzRequest(f *testing.F) {
	d := filled(f)
	handler := d.Handler(HandlerOptions{})
	pages := []string{
		"/", "/?state=failed&severity=critical&refresh=off&q=a&tenant=*", "/?q=nothing", "/attribution",
		"/attribution?q=nothing", "/reference", "/runbooks/M365ConnectorDown",
	}
	for _, p := range Plan(d.cfg.Load(), d.helloName) {
		target := "target=" + url.QueryEscape(p.ID.String())
		pages = append(pages, "/path?"+target)
		f.Add(uint8(1), "", target, "", "")
		f.Add(uint8(5), "", target+"&debug=true&module=%3Cm%3E", "0.5", "gzip")
		f.Add(uint8(5), "", target, "1e-9", "")
	}
	known := elements{}
	for _, page := range pages {
		w := get(handler, http.MethodGet, page, nil)
		if w.Code != http.StatusOK {
			f.Fatalf("%s = %d %s", page, w.Code, w.Body)
		}
		known.add(w.Body)
	}
	for _, query := range []string{
		"", "tenant=*", "tenant=[", "tenant=contoso&tenant=a/b*", "q=%3Czq%20onload=x%3E&tenant=%22%3E",
		"state=failed&severity=info&page=2&findings=1000000&refresh=off",
		"target=contoso/quiet/127.0.0.1", "target=a/b/c/d&target=e", "target=%3Czq%3E/%FF/%252F",
		"debug=maybe&module=%3Czq%3E",
		"name[]=m365_connector_info", "%zz", "a;b", "q=\xff\x1b%9b%e2%80%ae", "page=99999999999999999999", "=&&=",
	} {
		for route := range fuzzed {
			f.Add(uint8(route), "M365ConnectorDown.md", query, "0.5", "gzip")
		}
	}
	f.Add(uint8(13), "..%2f../<zq>", "", "NaN", "gzip;q=0, *")
	f.Add(uint8(12), "/evil.example/..", "", "-1", "application/openmetrics-text;version=1.0.0")
	f.Fuzz(func(t *testing.T, route uint8, name, query, timeout, accept string) {
		path := fuzzed[int(route)%len(fuzzed)]
		if int(route)%len(fuzzed) >= len(fuzzed)-2 {
			path += name
		}
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.URL = &url.URL{Path: path, RawQuery: query}
		r.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", timeout)
		r.Header.Set("Accept", accept)
		r.Header.Set("Accept-Encoding", accept)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		body := plain(t, w)
		if len(body) > 1<<20 {
			t.Fatalf("%d bytes", len(body))
		}
		switch kind, _, _ := mime.ParseMediaType(w.Header().Get("Content-Type")); {
		case w.Code >= 300 && w.Code < 400 && (w.Code == http.StatusMovedPermanently ||
			w.Code == http.StatusTemporaryRedirect):
			if to := w.Header().Get("Location"); !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
				t.Errorf("leads to %q", to)
			}
		case !slices.Contains([]int{
			http.StatusOK, http.StatusBadRequest, http.StatusNotFound,
			http.StatusMethodNotAllowed,
		}, w.Code):
			t.Errorf("%d %s", w.Code, body)
		case w.Code != http.StatusOK || path == "/probe" && strings.Contains(query, "debug"):
			if kind != "text/plain" || !harmless(body) || w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%d with %v: %q", w.Code, w.Header(), body)
			}
		case kind == "text/html":
			if w.Header().Get("Content-Security-Policy") == "" || !harmless(body) {
				t.Errorf("with %v: %q", w.Header(), body)
			}
			known.hold(t, body)
		case kind == "application/json":
			if !json.Valid(body) {
				t.Errorf("%s", body)
			}
		case kind == "text/plain" && (path == "/metrics" || path == "/probe"):
			parser := expfmt.NewTextParser(model.UTF8Validation)
			if _, err := parser.TextToMetricFamilies(bytes.NewReader(body)); err != nil {
				t.Errorf("%v in %s", err, body)
			}
		}
	})
}

// plain is the body as the caller will read it.
func plain(t *testing.T, w *httptest.ResponseRecorder) []byte {
	t.Helper()
	if w.Header().Get("Content-Encoding") != "gzip" {
		return w.Body.Bytes()
	}
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func harmless(body []byte) bool {
	return utf8.Valid(body) &&
		!bytes.ContainsFunc(body, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' })
}

// elements are the elements that pages are made of, each with its attributes.
type elements map[string]bool

func (e elements) each(page io.Reader, do func(element, value string)) {
	for z := html.NewTokenizer(page); z.Next() != html.ErrorToken; {
		token := z.Token()
		if token.Type != html.StartTagToken && token.Type != html.SelfClosingTagToken {
			continue
		}
		do(token.Data, "")
		for _, a := range token.Attr {
			do(token.Data+" "+a.Key, a.Val)
		}
	}
}

func (e elements) add(page io.Reader) { e.each(page, func(element, _ string) { e[element] = true }) }

// hold finds in a page what no template wrote.
func (e elements) hold(t *testing.T, page []byte) {
	t.Helper()
	e.each(bytes.NewReader(page), func(element, value string) {
		u, err := url.Parse(value)
		leads := strings.HasSuffix(element, " href") || strings.HasSuffix(element, " src") ||
			strings.HasSuffix(element, " action")
		if !e[element] || leads && (err != nil || u.Host != "" || u.Scheme != "") {
			t.Errorf("%s=%q in %s", element, value, page)
		}
	})
}
