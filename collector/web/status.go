package web

import (
	"net/http"

	"m365_connector_exporter/collector"
)

// The limits of the status page.
const (
	refreshSeconds = 30
	rowsPerPage    = 60 // endpoints; paths beyond that are listed without theirs
	maxSuppressed  = 25
	maxTenants     = 500 // suggested by the filter; any other can be typed
	maxNotLoaded   = 5
	maxWarnings    = 20 // of the configuration
)

var statusLimits = limits{rows: 25, problems: 6, checks: 10, findings: 3, paths: 20}

// statusPage is the front page.
type statusPage struct {
	overview
	Status          Status
	ReloadFailed    *timestamp
	TenantNames     []string // for the filter
	TenantCount     int
	NotLoaded       []notLoaded
	MoreNotLoaded   int
	FailedReads     []failedRead
	MoreFailedReads int
	Warnings        []string
	MoreWarnings    int
}

// maxFailedReads bounds the tenants that the front page lists because their newest read failed.
const maxFailedReads = 20

type notLoaded struct{ Tenant, Why string }

// status answers with the front page. It refreshes itself unless it shows the form: what is being typed would be lost.
func (s *Site) status(w http.ResponseWriter, r *http.Request) {
	f, err := readFilter(r, pageParameters...)
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	page := s.statusPage(s.Snapshot(), f)
	layout := layoutData{Title: page.Headline, Refresh: refreshSeconds, Page: page}
	if f.NoRefresh {
		layout.Refresh = 0
	}
	s.render(w, "status", layout)
}

func (s *Site) statusPage(v *collector.Snapshot, f filter) *statusPage {
	now := s.Now()
	page := &statusPage{
		overview: newOverview(v, f.selectFrom(v), f, statusLimits, now), Status: s.Status(), TenantCount: len(v.Tenants),
	}
	page.Status.ReloadError = bounded(page.Status.ReloadError)
	shown := min(len(page.Status.Warnings), maxWarnings)
	page.MoreWarnings = len(page.Status.Warnings) - shown + page.Status.MoreWarnings
	for _, w := range page.Status.Warnings[:shown] {
		page.Warnings = append(page.Warnings, bounded(w))
	}
	page.ReloadFailed = newTimestamp(page.Status.ReloadFailed, now)
	for i := range v.Tenants {
		t := &v.Tenants[i]
		if f.NoRefresh && len(page.TenantNames) < maxTenants {
			page.TenantNames = append(page.TenantNames, t.Name)
		}
		if t.LoadError != "" && !newSourceView(v, t.Name, now).failed() {
			page.NotLoaded = append(page.NotLoaded, notLoaded{t.Name, bounded(t.LoadError)})
		}
	}
	failed := failedReads(v, now)
	page.FailedReads = failed[:min(len(failed), maxFailedReads)]
	page.MoreFailedReads = len(failed) - len(page.FailedReads)
	page.MoreNotLoaded = max(0, len(page.NotLoaded)-maxNotLoaded)
	page.NotLoaded = page.NotLoaded[:min(len(page.NotLoaded), maxNotLoaded)]
	return page
}
