package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
	"unicode"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

//go:embed templates assets
var files embed.FS

// contentSecurityPolicy lets a page load its style sheet and its icon and nothing else: no script runs, whatever a peer says.
const contentSecurityPolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// pages are the templates, each with the layout around it.
var pages = parsePages("status", "path", "attribution", "reference", "runbook")

func parsePages(names ...string) map[string]*template.Template {
	funcs := template.FuncMap{
		"symbol": symbol, "label": label, "count": count,
		"sentence": func(r probes.Reason) string { info, _ := r.Info(); return info.Sentence },
		"remedy":   func(r probes.Reason) string { info, _ := r.Info(); return info.Remedy },
		"severity": func(s check.Severity) string { return s.String() },
		"code":     renderCode,
		"round":    round,
		"ground":   func(g mailflow.AttributionBasis) string { return grounds[g] },
		"stages":   func() []probes.StageInfo { return probes.Stages[:] },
		"prev":     func(page int) int { return page - 1 },
		"next":     func(page int) int { return page + 1 },
	}
	all := map[string]*template.Template{}
	for _, name := range names {
		all[name] = template.Must(template.New("layout.tmpl").Funcs(funcs).ParseFS(files, "templates/layout.tmpl", "templates/parts.tmpl", "templates/"+name+".tmpl"))
	}
	return all
}

// layoutData is what the layout needs. Pages stand side by side, or one below, so that their links need no prefix.
type layoutData struct {
	Root        string // the way up to the front page: "" or "../"
	Title, Here string // Here is the page's name in the navigation
	Style       string // address of the style sheet, which changes with it
	Version     string
	Now         time.Time
	Refresh     int // seconds; 0 = the page stays as it is
	Page        any
}

// render answers with a page. A template that fails answers with nothing half made.
func (s *Site) render(w http.ResponseWriter, name string, f layoutData) {
	f.Here, f.Now, f.Style = name, s.Now().UTC(), styleName
	f.Version = s.Status().Version
	var b bytes.Buffer
	if err := pages[name].Execute(&b, f); err != nil {
		httpError(w, http.StatusInternalServerError, "the page could not be made")
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	setSecurityHeaders(h)
	_, _ = w.Write(replaceUnprintable(b.Bytes())) // the reader may have gone
}

func setSecurityHeaders(h http.Header) {
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// replaceUnprintable takes out of a finished page what the template's escaping lets through: control characters, text direction overrides and
// invalid UTF-8.
func replaceUnprintable(page []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\n' {
			return r
		}
		return unicode.ReplacementChar
	}, page)
}

// styleName carries a hash, so that browsers may keep the file for ever.
var styleName = func() string {
	text, err := files.ReadFile("assets/style.css")
	if err != nil {
		panic(err) // it is part of the binary
	}
	sum := sha256.Sum256(text)
	return "style-" + hex.EncodeToString(sum[:6]) + ".css"
}()

// asset answers with an embedded file.
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

// symbol is the sign of an outcome or state: colour alone never tells.
func symbol(outcome any) string {
	switch fmt.Sprint(outcome) {
	case statePassed:
		return "✓"
	case stateFailed:
		return "✗"
	case stateInconclusive:
		return "?"
	case stateWaiting:
		return "…"
	default:
		return "–"
	}
}

// renderCode is a text of the catalogues, whose `words` are code.
func renderCode(s string) template.HTML {
	var b strings.Builder
	for i, piece := range strings.Split(s, "`") {
		piece = template.HTMLEscapeString(piece)
		if i%2 == 1 {
			piece = "<code>" + piece + "</code>"
		}
		b.WriteString(piece)
	}
	return template.HTML(b.String()) //nolint:gosec // every piece is escaped
}

// grounds are what a message is attributed by, in words.
var grounds = map[mailflow.AttributionBasis]string{mailflow.BasisCertificate: "certificate", mailflow.BasisMailFrom: "MAIL FROM", mailflow.BasisRcptTo: "RCPT TO"}

// label is an outcome or state in words.
func label(outcome any) string {
	switch s := fmt.Sprint(outcome); s {
	case stateNotProbed:
		return "not probed"
	case "not_reached":
		return "not reached"
	default:
		return s
	}
}

// round shortens a duration for people: three digits are enough.
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

// timestamp is a point in time as pages show it.
type timestamp struct{ ISO, Text, Ago string }

// newTimestamp words a time: absolute in UTC, and how long ago or ahead. The zero time is nil.
func newTimestamp(t, now time.Time) *timestamp {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	m := &timestamp{ISO: t.Format(time.RFC3339), Text: t.Format("2006-01-02 15:04:05 UTC"), Ago: span(now.Sub(t)) + " ago"}
	if d := now.Sub(t); d >= 0 && d < time.Second {
		m.Ago = "just now"
	}
	if t.After(now) {
		m.Ago = "in " + span(t.Sub(now))
	}
	return m
}

func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Second:
		return "0 s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%d h", d/time.Hour)
	default:
		return fmt.Sprintf("%d days", d/day)
	}
}
