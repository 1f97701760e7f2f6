// Package grafana is the source of the dashboards in dashboards/: a panel is a few lines here and forty there.
//
// After a change, `go test ./deploy -run TestDashboards -update` writes the JSON anew.
package grafana

import (
	"bytes"
	"encoding/json"
)

// Dashboard is one dashboard, before it becomes JSON.
type Dashboard struct {
	UID, Title, About string
	Choices           []string // labels to choose by, beside job and instance
	Rows              []Row
}

// Row is a titled line of panels.
type Row struct {
	Title  string
	Panels []Panel
}

// Panel shows the answers to its queries.
type Panel struct {
	Kind          string // Grafana's type: stat, timeseries, table, state-timeline, bargauge
	Title, About  string
	Unit          string // Grafana's unit id
	Width, Height int    // of 24; 0: 8 wide, 8 high
	Good          string // thresholds: see steps
	Queries       []Query
	Transforms    []any // for tables
}

// Query is PromQL with a legend. "{@" stands for the selector of job, instance and the dashboard's choices, "{@," for the same
// followed by more matchers.
type Query struct{ Expr, Legend string }

// Dashboards are all of them, in the order in which a person meets them.
func Dashboards() []Dashboard {
	return []Dashboard{overview(), connector(), certificates(), attribution(), exporter()}
}

// JSON is what Grafana reads.
func (d Dashboard) JSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(d.model())
	return b.Bytes(), err
}
