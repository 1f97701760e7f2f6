// Package grafana is the source of the Grafana dashboards in dashboards/. A panel is a few lines of Go; Grafana's JSON
// model needs about forty.
//
// After a change, `go test ./deploy -run TestDashboards -update` regenerates the JSON files.
package grafana

import (
	"bytes"
	"encoding/json"
)

// Dashboard describes one dashboard. JSON renders it.
type Dashboard struct {
	UID, Title, Description string
	Variables               []string // labels to choose by, beside job and instance
	OnDemand                bool     // shows what /probe exposes, not /metrics: an instance is a path
	Rows                    []Row
}

// Row is a row of panels under a title.
type Row struct {
	Title  string
	Panels []Panel
}

// Panel shows the results of its queries.
type Panel struct {
	Kind               string // Grafana's type: stat, timeseries, table, state-timeline, bargauge
	Title, Description string
	Unit               string // Grafana's unit id
	Width, Height      int    // of 24; 0: 8 wide, 8 high
	Thresholds         string // thresholds: see steps
	Queries            []Query
	Transforms         []any // for tables
}

// Query is PromQL with a legend. "{@" is replaced with the matchers of job, instance and the dashboard's variables.
// More matchers may follow after a comma.
type Query struct{ Expr, Legend string }

// Dashboards returns all dashboards, the overview first.
func Dashboards() []Dashboard {
	return []Dashboard{overview(), connector(), certificates(), attribution(), exporter(), shards()}
}

// JSON renders the dashboard as Grafana's JSON model.
func (d Dashboard) JSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(d.model())
	return b.Bytes(), err
}
