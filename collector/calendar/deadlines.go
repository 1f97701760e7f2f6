package calendar

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// Deadline is a date that concerns a tenant, or one of its connectors.
type Deadline struct {
	Advisory  *Advisory
	At        time.Time
	Tenant    string
	Connector string // "" if it concerns the whole tenant
	Direction mailflow.Direction
	Why       string // what is affected, in one sentence
}

// key identifies a deadline, as its series does.
type key struct{ tenant, connector, advisory string }

// collection is the earliest deadline of each key.
type collection struct {
	now time.Time
	all map[key]Deadline
}

// Deadlines returns the dates that concern the tenants, the earliest first. Paths have the certificates that servers
// showed, and those that senders present.
func Deadlines(now time.Time, tenants []mailflow.Tenant, paths []check.Path) []Deadline {
	c := collection{now, map[key]Deadline{}}
	for i := range tenants {
		c.addServers(&tenants[i])
	}
	for i := range paths {
		if p := &paths[i]; p.NotProbed == "" || p.ID.Direction == mailflow.Inbound {
			c.addPath(p)
		}
	}
	sorted := make([]Deadline, 0, len(c.all))
	for _, d := range c.all {
		sorted = append(sorted, d)
	}
	slices.SortFunc(sorted, func(a, b Deadline) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Connector, b.Connector),
			cmp.Compare(a.Advisory.ID, b.Advisory.ID))
	})
	return sorted
}

func (c collection) add(d Deadline) {
	k := key{d.Tenant, d.Connector, d.Advisory.ID}
	if known, ok := c.all[k]; !ok || d.At.Before(known.At) {
		c.all[k] = d
	}
}

// addServers adds when Exchange Online throttles and blocks servers, and when a pause ends.
func (c collection) addServers(t *mailflow.Tenant) {
	until, paused := t.Organization.PausedAt(c.now)
	for _, s := range t.Organization.Servers {
		for id, at := range map[string]time.Time{throttling: s.Throttled, blocking: s.Blocked} {
			if at.IsZero() {
				continue
			}
			if until.After(at) {
				at = until
			}
			c.add(Deadline{
				Advisory: advisory(id), At: at, Tenant: t.Name,
				Why: fmt.Sprintf("%s has build %s.", s.Name, cmp.Or(s.Build, "unknown")),
			})
		}
	}
	if paused && !until.IsZero() {
		c.add(Deadline{
			Advisory: advisory(pauseEnd), At: until, Tenant: t.Name,
			Why: fmt.Sprintf("Servers in Get-OnPremServerReportInfo: %d.", len(t.Organization.Servers)),
		})
	}
}

func (c collection) addPath(p *check.Path) {
	d := Deadline{Tenant: p.ID.Tenant, Connector: p.ID.Connector, Direction: p.ID.Direction}
	if p.MissingRoot != "" {
		root := d
		root.Advisory, root.Why = advisory(rootG2), "The trusted roots of "+p.ID.Path+" lack "+p.MissingRoot+"."
		root.At = root.Advisory.At
		c.add(root)
	}
	if p.ID.Direction == mailflow.Inbound {
		c.addCertificate(d, p.Client, true)
		return
	}
	for _, e := range p.Endpoints {
		c.addCertificate(d, e.TLS, false)
	}
}

// addCertificate adds the dates that concern a certificate.
func (c collection) addCertificate(d Deadline, t *probes.TLS, client bool) {
	if t == nil || len(t.Chain) == 0 {
		return
	}
	l := leaf{Certificate: t.Chain[0], client: client, public: check.IsPublic(t)}
	for i := range Table {
		a := &Table[i]
		if a.certificate == nil {
			continue
		}
		if at, affected := a.certificate(c.now, a.At, l); affected {
			d.Advisory, d.At = a, at
			d.Why = fmt.Sprintf("The certificate %s of %s is valid from %s to %s.", l.Subject, l.Issuer,
				l.NotBefore.UTC().Format(time.DateOnly), l.NotAfter.UTC().Format(time.DateOnly))
			c.add(d)
		}
	}
}

func advisory(id string) *Advisory {
	for i := range Table {
		if Table[i].ID == id {
			return &Table[i]
		}
	}
	return &Advisory{ID: id}
}
