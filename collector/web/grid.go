package web

import (
	"strings"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
)

// tenantGroup is the part of the grid for one tenant.
type tenantGroup struct {
	Name       string
	Connectors []connectorGroup
}

type connectorGroup struct {
	Name, Direction, Type string
	Paths                 []gridPath
}

type gridPath struct {
	pathRow
	Client *expiry // of the certificate that the sender presents
	Level  string
	Rows   []gridRow
}

// gridRow is an endpoint with its stages.
type gridRow struct {
	Number        int // of the endpoint, for the link to it on the path's page
	Host, Address string
	Cells         [probes.NumStages]cell
	Expires       *expiry // of the certificate that it shows
	Level         string
}

// cell is one stage at one endpoint.
type cell struct {
	Outcome string // "" if the stage is not part of the probe
	Name    string // Microsoft's name of the stage
	Text    string
}

// newGrid groups paths by tenant and connector, in their order. If they have very many endpoints, the last paths are
// listed without rows.
func newGrid(v *collector.Snapshot, paths []*collector.PathState, now time.Time) (groups []tenantGroup) {
	rows := 0
	for _, p := range paths {
		id := p.Path.ID
		if n := len(groups); n == 0 || groups[n-1].Name != id.Tenant {
			groups = append(groups, tenantGroup{Name: id.Tenant})
		}
		group := &groups[len(groups)-1]
		if n := len(group.Connectors); n == 0 || !group.Connectors[n-1].has(id) {
			group.Connectors = append(group.Connectors, connectorGroup{
				Name: id.Connector, Direction: string(id.Direction), Type: string(p.Path.ConnectorType),
			})
		}
		connector := &group.Connectors[len(group.Connectors)-1]
		one := gridPath{pathRow: newPathRow(p, now), Level: level(check.Off)}
		shown := map[collector.EndpointKey]*collector.Certificate{}
		for _, c := range v.Certificates([]*collector.PathState{p}, now) {
			if c.Role == collector.RoleClient {
				one.Client, one.Level = newExpiry(c.NotAfter, c.Expiry, now), level(c.Expiry)
			} else {
				shown[collector.EndpointKey{Host: c.Host, Address: c.Address}] = &c
			}
		}
		if p.Latest != nil && rows < rowsPerPage {
			one.Rows = gridRows(p.Latest, shown, now)
			rows += len(one.Rows)
		}
		connector.Paths = append(connector.Paths, one)
	}
	return groups
}

func (g connectorGroup) has(id probes.PathID) bool {
	return g.Name == id.Connector && g.Direction == string(id.Direction)
}

func gridRows(r *probes.Result, shown map[collector.EndpointKey]*collector.Certificate, now time.Time) []gridRow {
	rows := make([]gridRow, 0, len(r.Endpoints))
	for n, e := range r.Endpoints {
		row := gridRow{Number: n, Host: e.Host, Address: collector.KeyOf(e).Address, Level: level(check.Off)}
		for i, step := range e.Steps {
			c := cell{Name: probes.Stages[i].Microsoft}
			if probes.Stage(i) <= r.Until {
				c.Outcome, c.Text = step.Outcome.String(), brief(step)
			}
			row.Cells[i] = c
		}
		if c := shown[collector.KeyOf(e)]; c != nil {
			row.Expires, row.Level = newExpiry(c.NotAfter, c.Expiry, now), level(c.Expiry)
		}
		rows = append(rows, row)
	}
	return rows
}

func brief(s probes.Step) string {
	switch {
	case s.Outcome == probes.Passed && s.Uncertain != "":
		return "UNCERTAIN"
	case s.Outcome == probes.Passed && s.Repeated:
		return "last message"
	case s.Outcome == probes.Passed:
		return round(s.Duration)
	case s.Outcome == probes.NotReached:
		return "not reached"
	default:
		return strings.ReplaceAll(string(s.Reason), "_", " ")
	}
}
