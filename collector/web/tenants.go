package web

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/text"
)

// tenantRow is a tenant in a list.
type tenantRow struct {
	*collector.Tenant
	Link            string // the name in an address
	Level           string // the class that colours the row: a severity, or "ok"
	Failing, Probed int
	Critical        int
	Warning         int
	Expires         *expiry
	Since           *timestamp
	Connector       connectorName // of a row for a connector
}

// connectorName names a connector of the tenant.
type connectorName struct {
	Name, Direction, Type string
	Target                string // its path; "" if it has several
}

func newTenantRow(t *collector.Tenant, now time.Time) tenantRow {
	return tenantRow{
		Tenant: t, Link: url.PathEscape(t.Name), Level: level(t.Severity()),
		Failing: t.Paths[collector.StatusFailed], Probed: t.Probed(),
		Critical: t.Findings[check.Critical], Warning: t.Findings[check.Warning],
		Expires: newExpiry(t.NotAfter, t.Expiry, now), Since: newTimestamp(t.Since, now),
	}
}

// level returns the class that colours a row or a page.
func level(s check.Severity) string {
	if s <= check.Info {
		return "ok"
	}
	return s.String()
}

// expiry is when a certificate expires.
type expiry struct {
	Days  int // rounded down; negative once it has expired
	At    *timestamp
	Level string
}

// Left returns the days that are left in a word.
func (e expiry) Left() string {
	if e.Days < 0 {
		return "expired"
	}
	return itoa(e.Days)
}

// newExpiry returns nil if the time is unknown.
func newExpiry(at time.Time, severity check.Severity, now time.Time) *expiry {
	if at.IsZero() {
		return nil
	}
	const day = 24 * time.Hour
	left := at.Sub(now)
	days := int(left / day)
	if left < 0 && left%day != 0 {
		days--
	}
	return &expiry{Days: days, At: newTimestamp(at, now), Level: level(severity)}
}

// worstPathsFirst orders paths by their state. It does not change the argument.
func worstPathsFirst(paths []*collector.PathState) []*collector.PathState {
	sorted := slices.Clone(paths)
	rank := func(p *collector.PathState) int { return slices.Index(collector.Statuses[:], p.Status()) }
	slices.SortStableFunc(sorted, func(a, b *collector.PathState) int { return cmp.Compare(rank(a), rank(b)) })
	return sorted
}

// tenantsPerPage is how many tenants the list of tenants shows at a time.
const tenantsPerPage = 100

// tenantsPage lists the tenants, worst first.
type tenantsPage struct {
	Headline   string
	Level      string
	Filter     filter
	States     []collector.Status
	Severities []check.Severity
	overviewRows
	Part pageRange
}

func (s *Site) tenants(w http.ResponseWriter, r *http.Request) {
	f, err := readFilter(r, pageParameters...)
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	v, now := s.Snapshot(), s.Now()
	selected := f.selectFrom(v)
	open, _ := selected.open()
	all := v.SummarizeTenants(selected.Paths, open, f.includesTenant, now)
	page := &tenantsPage{
		Filter: f, States: collector.Statuses[:], Severities: severities, Part: paginate(len(all), tenantsPerPage, f.Page),
		Level: summarise(selected.Paths, open).level(), Headline: tenantsHeadline(all),
	}
	for _, t := range all[page.Part.From:page.Part.To] {
		page.Rows = append(page.Rows, newTenantRow(t, now))
	}
	s.render(w, "tenants", layoutData{Title: "Tenants", Page: page})
}

// tenantsHeadline counts the tenants with failing paths and with critical findings.
func tenantsHeadline(all []*collector.Tenant) string {
	failing, critical := 0, 0
	for _, t := range all {
		if t.Paths[collector.StatusFailed] > 0 {
			failing++
		}
		if t.Findings[check.Critical] > 0 {
			critical++
		}
	}
	headline := fmt.Sprintf("%d of %s %s a path that fails", failing, text.Count(len(all), "tenant"),
		verb(failing, "has", "have"))
	return headline + fmt.Sprintf(", %d %s a critical finding.", critical, verb(critical, "has", "have"))
}

// tenantPage is one tenant alone: nothing on it is of another tenant.
type tenantPage struct {
	overview
	Name, Link       string
	LoadError        string
	Inventory        *timestamp // of the oldest export
	Source           *sourceView
	Certificates     []certificateRow
	MoreCertificates int
	Senders          []senderState
	MoreSenders      int
	Policies         []policyRow // of its accepted domains and next hops
	MorePolicies     int
}

var tenantLimits = limits{rows: 100, problems: 50, checks: 100, findings: 20, paths: 40}

// maxCertificatesOfTenant bounds the certificates, and the senders, on the page of one tenant.
const maxCertificatesOfTenant = 50

func (s *Site) tenant(w http.ResponseWriter, r *http.Request) {
	v, name, ok := s.tenantNamed(w, r, "page", "refresh")
	if !ok {
		return
	}
	f, err := readFilter(r, pageParameters...)
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	page := newTenantPage(v, name, f, s.Now())
	layout := layoutData{Title: name + ": " + page.Headline, Refresh: refreshSeconds, Page: page}
	if f.NoRefresh {
		layout.Refresh = 0
	}
	s.render(w, "tenant", layout)
}

func newTenantPage(v *collector.Snapshot, name string, f filter, now time.Time) *tenantPage {
	selected := selection{Paths: ofTenant(v.Paths, name)}
	for _, one := range reportOf(v).Findings {
		if one.Tenant == name {
			selected.Findings = append(selected.Findings, one.OneTenant())
		}
	}
	f.Tenant, f.ofOneTenant = name, true
	page := &tenantPage{overview: newOverview(v, selected, f, tenantLimits, now), Name: name, Link: url.PathEscape(name)}
	for i := range v.Tenants {
		if t := &v.Tenants[i]; t.Name == name {
			page.LoadError, page.Inventory = bounded(t.LoadError), newTimestamp(t.InventoryTime, now)
			page.Source = newSourceView(v, name, now)
		}
	}
	if page.LoadError != "" && len(selected.Paths) == 0 {
		page.Headline = "The tenant is not loaded."
	}
	rows := certificateRows(v.Certificates(selected.Paths, now), overdueRenewals(selected.Findings), now)
	shown := min(len(rows), maxCertificatesOfTenant)
	page.Certificates, page.MoreCertificates = rows[:shown], len(rows)-shown
	senders := senderStates(v, name)
	shown = min(len(senders), maxCertificatesOfTenant)
	page.Senders, page.MoreSenders = senders[:shown], len(senders)-shown
	page.Policies, page.MorePolicies = policyRows(reportOf(v).PoliciesOf(name), now)
	return page
}

// tenantNamed finds the tenant that an address names. If there is none, it answers and returns false.
func (s *Site) tenantNamed(
	w http.ResponseWriter, r *http.Request, known ...string,
) (*collector.Snapshot, string, bool) {
	if _, err := params(r, known...); err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return nil, "", false
	}
	name, v := r.PathValue("tenant"), s.Snapshot()
	for i := range v.Tenants {
		if v.Tenants[i].Name == name {
			return v, name, true
		}
	}
	if len(ofTenant(v.Paths, name)) > 0 && name != "" {
		return v, name, true
	}
	s.fail(w, r, http.StatusNotFound, "no such tenant is configured; /tenants lists all")
	return nil, "", false
}
