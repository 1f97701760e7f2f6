package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
)

// certificateRow is one certificate in one role, wherever it is used.
type certificateRow struct {
	Role      string
	Leaf      *probes.Certificate
	Names     string
	Expires   *expiry
	Severity  check.Severity
	Overdue   *timestamp     // when it should have been renewed; nil unless renewal_overdue is found
	Renewal   check.Severity // of that finding
	Issuer    bool           // an issuer certificate expires before the leaf
	Microsoft bool
	From      *timestamp
	Renewed   string                // the renewals that were seen, in words
	Stores    []probes.StoreVerdict // the worst of all uses, by store
	Uses      []certificateUse
	MoreUses  int
}

// certificateUse is a path that uses a certificate.
type certificateUse struct {
	Target, Tenant, Connector, Path string
	Endpoint                        string
	Detail                          string // the endpoint, without the host if that is the name of the path
}

const certificatesPerPage = 100

// certificatesPage lists every certificate, by the days that are left.
type certificatesPage struct {
	Level, Headline string
	Filter          filter
	Rows            []certificateRow
	Part            pageRange
	Trust           *trustTable // of the rows; nil if no store judged one
}

func (s *Site) certificates(w http.ResponseWriter, r *http.Request) {
	f, err := readFilter(r, pageParameters...)
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	v, now := s.Snapshot(), s.Now()
	rows := certificateRows(f.selectCertificates(v, now), overdueRenewals(reportOf(v).Findings), now)
	page := &certificatesPage{Filter: f, Part: paginate(len(rows), certificatesPerPage, f.Page)}
	page.Rows = rows[page.Part.From:page.Part.To]
	page.Headline, page.Level = certificatesHeadline(rows)
	page.Trust = newTrustTable(page.Rows, rows)
	s.render(w, "certificates", layoutData{Title: "Certificates", Page: page})
}

// selectCertificates returns the certificates of the paths that the filter selects. The severity is that of how soon
// they expire, and the text may also be in a name of the certificate.
func (f filter) selectCertificates(v *collector.Snapshot, now time.Time) []collector.Certificate {
	byPath := f
	byPath.Severity, byPath.Text = check.Off, ""
	all := v.Certificates(byPath.selectFrom(v).Paths, now)
	return slices.DeleteFunc(all, func(c collector.Certificate) bool {
		leaf := c.Leaf()
		text := f.Text == "" || f.pathContains(c.Path) || f.contains(leaf.DNSNames...) ||
			f.contains(leaf.Subject, leaf.Issuer, leaf.Serial, leaf.Fingerprint)
		return c.Expiry < f.Severity || !text
	})
}

func certificatesHeadline(rows []certificateRow) (headline, worst string) {
	count := map[check.Severity]int{}
	severity, overdue := check.Off, 0
	for i := range rows {
		count[rows[i].Severity]++
		severity = max(severity, rows[i].Severity)
		if rows[i].Overdue != nil {
			overdue++
			severity = max(severity, rows[i].Renewal)
		}
	}
	headline = text.Count(len(rows), "certificate")
	if len(rows) > 0 && severity == check.Off {
		return headline + "; none expires soon.", "passed"
	}
	if n := count[check.Critical]; n > 0 {
		headline += fmt.Sprintf("; %d %s expired or %s very soon", n, verb(n, "has", "have"), verb(n, "expires", "expire"))
	}
	if n := count[check.Warning]; n > 0 {
		headline += fmt.Sprintf("; %d %s soon", n, verb(n, "expires", "expire"))
	}
	if overdue > 0 {
		headline += fmt.Sprintf("; %d %s overdue for renewal", overdue, verb(overdue, "is", "are"))
	}
	return headline + ".", level(severity)
}

const (
	maxUses         = 3
	maxNamesInTable = 4
)

// overdueRenewals returns the paths for which renewal_overdue is found, with its severity.
func overdueRenewals(findings []check.Finding) map[check.Subject]check.Severity {
	overdue := map[check.Subject]check.Severity{}
	for i := range findings {
		if f := &findings[i]; f.Code == "renewal_overdue" && f.Suppressed == nil {
			overdue[f.Subject] = f.Severity
		}
	}
	return overdue
}

// certificateRows returns each certificate once per role, the one that expires first on top; Microsoft's own last.
// Overdue are the paths with a certificate that should have been renewed.
func certificateRows(
	all []collector.Certificate, overdue map[check.Subject]check.Severity, now time.Time,
) []certificateRow {
	type key struct{ role, fingerprint, serial string }
	index := map[key]int{}
	var rows []certificateRow
	for i := range all {
		c := &all[i]
		leaf := c.Leaf()
		k := key{c.Role, leaf.Fingerprint, leaf.Serial}
		n, known := index[k]
		if !known {
			n = len(rows)
			index[k] = n
			rows = append(rows, certificateRow{
				Role: c.Role, Leaf: leaf, Names: otherNames(leaf), Microsoft: c.Microsoft,
				From: newTimestamp(leaf.NotBefore, now), Issuer: c.NotAfter.Before(leaf.NotAfter),
				Expires: newExpiry(c.NotAfter, c.Expiry, now), Severity: c.Expiry,
			})
		}
		rows[n].add(c, now)
		if found, ok := overdue[check.Subject(c.Path.Path.ID)]; ok {
			rows[n].markOverdue(c, found, now)
		}
	}
	slices.SortStableFunc(rows, compareCertificates)
	return rows
}

// otherNames lists the names of a certificate if it has more than the subject.
func otherNames(leaf *probes.Certificate) string {
	if len(leaf.DNSNames) == 1 && leaf.DNSNames[0] == leaf.Subject {
		return ""
	}
	return bounded(text.List(leaf.DNSNames, maxNamesInTable))
}

// markOverdue marks the certificate if it is the one of the path that should have been renewed.
func (r *certificateRow) markOverdue(c *collector.Certificate, found check.Severity, now time.Time) {
	due := check.RenewalDue(c.Path.Renewals, c.Host, check.LeafOf(c.Leaf()))
	if !due.IsZero() && now.After(due) {
		r.Overdue, r.Renewal = newTimestamp(due, now), found
	}
}

// Level returns the class that colours the row.
func (r certificateRow) Level() string { return level(max(r.Severity, r.Renewal)) }

// add adds a path that uses the certificate.
func (r *certificateRow) add(c *collector.Certificate, now time.Time) {
	r.addStores(c)
	if c.Expiry > r.Severity {
		r.Severity = c.Expiry
		r.Expires = newExpiry(c.NotAfter, c.Expiry, now)
	}
	if n := len(c.Renewals); n > 0 {
		newest := c.Renewals[n-1]
		r.Renewed = fmt.Sprintf("renewed %s, %s before the old one expired", newTimestamp(newest.At, now).Ago,
			text.Span(newest.Old.NotAfter.Sub(newest.At)))
		if newest.Old.NotAfter.Before(newest.At) {
			r.Renewed = fmt.Sprintf("renewed %s, %s after the old one expired", newTimestamp(newest.At, now).Ago,
				text.Span(newest.At.Sub(newest.Old.NotAfter)))
		}
		if n > 1 {
			r.Renewed += fmt.Sprintf("; %d renewals seen", n)
		}
	}
	if len(r.Uses) == maxUses {
		r.MoreUses++
		return
	}
	id := c.Path.Path.ID
	use := certificateUse{
		Target: id.String(), Tenant: id.Tenant, Connector: id.Connector, Path: id.Path, Endpoint: c.Host,
	}
	if c.Address != "" && c.Address != c.Host {
		use.Endpoint = strings.TrimSpace(use.Endpoint + " [" + c.Address + "]")
	}
	use.Detail = strings.TrimSpace(strings.TrimPrefix(use.Endpoint, id.Path+" "))
	if use.Endpoint == id.Path {
		use.Detail = ""
	}
	r.Uses = append(r.Uses, use)
}

// compareCertificates orders by the days that are left, what Microsoft renews after what the reader must renew.
func compareCertificates(a, b certificateRow) int {
	rank := func(r certificateRow) int {
		switch {
		case r.Expires == nil:
			return 2
		case r.Microsoft:
			return 1
		}
		return 0
	}
	days := func(r certificateRow) string {
		if r.Expires == nil {
			return ""
		}
		return r.Expires.At.ISO
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(days(a), days(b)),
		cmp.Compare(a.Leaf.Subject, b.Leaf.Subject))
}
