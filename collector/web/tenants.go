package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
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
type connectorName struct{ Name, Direction, Type string }

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

// tenantNamed finds the tenant that an address names. If there is none, it answers and returns false.
func (s *Site) tenantNamed(w http.ResponseWriter, r *http.Request) (*collector.Snapshot, string, bool) {
	if _, err := params(r); err != nil {
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
