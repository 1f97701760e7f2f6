package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
)

//go:embed templates assets
var files embed.FS

// contentSecurityPolicy lets a page load its style sheet and its icon only. No script runs, whatever a peer sends.
const contentSecurityPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'"

// pages returns the templates by name, each inside the layout. They are parsed at the first use: at the start of the
// process they would delay the moment from which it handles signals.
var pages = sync.OnceValue(func() map[string]*template.Template {
	return parsePages(map[string][]string{
		"": {
			"status", "tenants", "findings", "certificates", "calendar", "roundtrips", "path", "attribution", "reference",
		},
		"../": {"tenant", "runbook"},
	})
})

// parsePages parses the pages by the relative path from them to the front page. Links are relative, so that they need
// no route prefix: templates write them as {{root}}path.
func parsePages(names map[string][]string) map[string]*template.Template {
	all := map[string]*template.Template{}
	for root, names := range names {
		for _, name := range names {
			all[name] = parsePage(root, name)
		}
	}
	return all
}

func parsePage(root, name string) *template.Template {
	layout := template.New("layout.tmpl").Funcs(functions(root))
	return template.Must(layout.ParseFS(files,
		"templates/layout.tmpl", "templates/parts.tmpl", "templates/lists.tmpl", "templates/"+name+".tmpl"))
}

func functions(root string) template.FuncMap {
	return template.FuncMap{
		"root":   func() string { return root },
		"symbol": symbol, "label": label, "count": text.Count, "verdict": text.Verdict,
		"sentence":   func(r probes.Reason) string { info, _ := r.Info(); return info.Sentence },
		"severity":   func(s check.Severity) string { return s.String() },
		"code":       renderCode,
		"breakable":  breakable,
		"round":      round,
		"pathescape": url.PathEscape,
		"stages":     func() []probes.StageInfo { return probes.Stages[:] },
		"add":        func(a, b int) int { return a + b },
	}
}

// layoutData is what the layout shows.
type layoutData struct {
	Title, Here string // Here is the page's name in the navigation
	Style       string // address of the style sheet, which has a hash of it
	Version     string
	Now         time.Time
	Refresh     int // in seconds; 0 = the page does not refresh itself
	Page        any
}

// render answers with a page.
func (s *Site) render(w http.ResponseWriter, name string, f layoutData) {
	f.Here = name
	s.execute(w, http.StatusOK, pages()[name], f)
}

// execute answers with a status and a page. If its template fails, the answer is an error and no part of the page.
func (s *Site) execute(w http.ResponseWriter, code int, page *template.Template, f layoutData) {
	f.Now, f.Style, f.Version = s.Now().UTC(), styleName, s.Status().Version
	var b bytes.Buffer
	if err := page.Execute(&b, f); err != nil {
		http.Error(w, "the page could not be rendered", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	setSecurityHeaders(h)
	w.WriteHeader(code)
	_, _ = w.Write(replaceUnprintable(b.Bytes())) // the client may have disconnected
}

func setSecurityHeaders(h http.Header) {
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// replaceUnprintable replaces what the escaping of templates lets through: control characters, overrides of the text
// direction and invalid UTF-8.
func replaceUnprintable(page []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\n' {
			return r
		}
		return unicode.ReplacementChar
	}, page)
}

// styleName contains a hash of the style sheet, so that browsers may cache it forever.
var styleName = func() string {
	text, err := files.ReadFile("assets/style.css")
	if err != nil {
		panic(err) // it is part of the binary
	}
	sum := sha256.Sum256(text)
	return "style-" + hex.EncodeToString(sum[:6]) + ".css"
}()

// asset returns a handler that serves an embedded file.
func asset(file, contentType string) http.HandlerFunc {
	text, err := files.ReadFile("assets/" + file)
	if err != nil {
		panic(err) // it is part of the binary
	}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		setSecurityHeaders(w.Header())
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
	}
}

// symbol returns the symbol of an outcome or state: nothing is shown by colour alone.
func symbol(outcome any) string {
	switch collector.Status(fmt.Sprint(outcome)) {
	case collector.StatusPassed:
		return "✓"
	case collector.StatusFailed:
		return "✗"
	case collector.StatusInconclusive:
		return "?"
	case collector.StatusWaiting:
		return "…"
	default:
		return "–"
	}
}

// renderCode renders a text of a catalogue, in which `words` are code.
func renderCode(s string) template.HTML {
	var b strings.Builder
	for i, piece := range strings.Split(s, "`") {
		if i%2 == 0 {
			b.WriteString(template.HTMLEscapeString(piece))
			continue
		}
		b.WriteString("<code>")
		for n, word := range strings.Split(piece, " ") {
			if n > 0 {
				b.WriteByte(' ')
			}
			writeWord(&b, word)
		}
		b.WriteString("</code>")
	}
	return template.HTML(b.String()) //nolint:gosec // every piece is escaped
}

// maxOption is how long an option may be to be kept in one line.
const maxOption = 30

// writeWord writes a word of code. An option is not wrapped after its hyphens.
func writeWord(b *strings.Builder, word string) {
	if strings.HasPrefix(word, "-") && len(word) <= maxOption {
		b.WriteString(`<span class="option">` + template.HTMLEscapeString(word) + `</span>`)
		return
	}
	b.WriteString(template.HTMLEscapeString(word))
}

// breakable renders a host name that may be wrapped after each dot.
func breakable(s string) template.HTML {
	return template.HTML(strings.ReplaceAll(template.HTMLEscapeString(s), ".", ".<wbr>")) //nolint:gosec // escaped
}

// label returns an outcome or state in words.
func label(outcome any) string {
	switch s := fmt.Sprint(outcome); s {
	case string(collector.StatusNotProbed):
		return "not probed"
	case "not_reached":
		return "not reached"
	default:
		return s
	}
}

// round formats a duration with at most three significant digits.
func round(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	default:
		return "<1 ms"
	}
}

// timestamp is a point in time, formatted for pages.
type timestamp struct{ ISO, Text, Ago, Day string }

// newTimestamp formats a time: absolute in UTC, and relative to now. It returns nil for the zero time.
func newTimestamp(t, now time.Time) *timestamp {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	m := &timestamp{
		ISO: t.Format(time.RFC3339), Text: t.Format("2006-01-02 15:04:05 UTC"), Day: t.Format(time.DateOnly),
		Ago: text.Span(now.Sub(t)) + " ago",
	}
	if d := now.Sub(t); d >= 0 && d < time.Second {
		m.Ago = "just now"
	}
	if t.After(now) {
		m.Ago = "in " + text.Span(t.Sub(now))
	}
	return m
}
