package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"sync"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
)

// Document is what a printable report shows.
type Document struct {
	// Tenant is the tenant that it is about. Its reader must not learn of others: evidence that names them is worded
	// without them. "" is a report on all tenants of the snapshot, for their provider.
	Tenant   string
	Snapshot *collector.Snapshot // without Paths if nothing was probed
	Findings []check.Finding     // those to report; suppressed ones are listed apart
	Least    check.Severity      // findings below it are left out, and the report says so
	Now      time.Time
	Version  string // of this program
}

// maxReported bounds the paths and the certificates that a report lists, and the findings of each check.
const maxReported = 1000

// report is a Document, formatted.
type report struct {
	Document
	Title, Headline string
	Style           template.CSS
	Policy          string // the Content-Security-Policy: no script, and this style sheet only
	Severities      []check.Severity
	Counts          map[check.Severity]int
	Groups          []findingGroup
	Suppressed      []finding
	MoreSuppressed  int
	Tenants         []tenantRow
	Paths           []pathRow
	MorePaths       int
	Certificates    []certificateRow
	MoreCertificate int
	Senders         []senderState
	MoreSenders     int
	At              *timestamp
}

// reportTemplate returns a page of its own, without links to other pages.
var reportTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("report.tmpl").Funcs(functions("")).
		ParseFS(files, "templates/report.tmpl", "templates/parts.tmpl"))
})

// reportStyle is part of the file, which so can be sent by mail.
var reportStyle = func() string {
	text, err := files.ReadFile("assets/report.css")
	if err != nil {
		panic(err) // it is part of the binary
	}
	return string(text)
}()

// reportPolicy allows the style sheet in the report by its hash.
var reportPolicy = func() string {
	sum := sha256.Sum256([]byte(reportStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; " +
		"form-action 'none'"
}()

// WriteReport writes a report as one HTML file that needs no other and can be printed. The error is that of w.
func WriteReport(w io.Writer, d Document) error {
	var b bytes.Buffer
	if err := reportTemplate().Execute(&b, newReport(d)); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err := w.Write(replaceUnprintable(b.Bytes()))
	return err //nolint:wrapcheck // the caller knows where it writes to
}

func newReport(d Document) *report {
	r := &report{
		Document: d, Title: "Exchange Online connectors", Style: template.CSS(reportStyle), //nolint:gosec // of the binary
		Policy: reportPolicy, At: newTimestamp(d.Now, d.Now), Counts: map[check.Severity]int{},
		Severities: severities,
	}
	if d.Tenant != "" {
		r.Title += " of " + d.Tenant
	}
	var open []check.Finding
	for _, f := range d.Findings {
		if d.Tenant != "" {
			f = f.OneTenant()
		}
		switch {
		case f.Severity < d.Least:
		case f.Suppressed == nil:
			open = append(open, f)
			r.Counts[f.Severity]++
		case len(r.Suppressed) < maxReported:
			r.Suppressed = append(r.Suppressed, newFinding(f, d.Now))
		default:
			r.MoreSuppressed++
		}
	}
	r.Groups = groupFindings(open, maxReported, d.Now)
	r.addPaths(open)
	return r
}

func everyTenant(string) bool { return true }

// addPaths lists the paths worst first, and the certificates that they show.
func (r *report) addPaths(open []check.Finding) {
	paths := ofTenant(r.Snapshot.Paths, r.Tenant)
	s := summarise(paths, open)
	r.Headline = s.headline()
	if len(paths) == 0 {
		r.Headline = "Nothing was probed: this report rests on the configuration, the exports and the certificate files."
	}
	if r.Tenant == "" {
		for _, t := range r.Snapshot.SummarizeTenants(paths, open, everyTenant, r.Now) {
			r.Tenants = append(r.Tenants, newTenantRow(t, r.Now))
		}
	}
	for _, p := range worstPathsFirst(paths) {
		if len(r.Paths) == maxReported {
			r.MorePaths = len(paths) - maxReported
			break
		}
		r.Paths = append(r.Paths, newPathRow(p, r.Now))
	}
	rows := certificateRows(r.Snapshot.Certificates(paths, r.Now), overdueRenewals(open), r.Now)
	shown := min(len(rows), maxReported)
	r.Certificates, r.MoreCertificate = rows[:shown], len(rows)-shown
	senders := senderStates(r.Snapshot, r.Tenant)
	shown = min(len(senders), maxReported)
	r.Senders, r.MoreSenders = senders[:shown], len(senders)-shown
}

// ofTenant returns the paths of one tenant; all if it is "".
func ofTenant(paths []*collector.PathState, tenant string) []*collector.PathState {
	if tenant == "" {
		return paths
	}
	var own []*collector.PathState
	for _, p := range paths {
		if p.Path.ID.Tenant == tenant {
			own = append(own, p)
		}
	}
	return own
}

// report answers with the report on one tenant.
func (s *Site) report(w http.ResponseWriter, r *http.Request) {
	v, name, ok := s.tenantNamed(w, r)
	if !ok {
		return
	}
	d := Document{Tenant: name, Snapshot: v, Now: s.Now().UTC(), Version: s.Status().Version}
	for _, f := range reportOf(v).Findings {
		if f.Tenant == name {
			d.Findings = append(d.Findings, f)
		}
	}
	h := w.Header()
	setSecurityHeaders(h)
	h.Set("Content-Security-Policy", reportPolicy+"; frame-ancestors 'none'")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	_ = WriteReport(w, d) // the client may have disconnected
}
