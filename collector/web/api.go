package web

import (
	"encoding/json"
	"io"
	"net/http"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/collector/text"
)

// targetGroup is one path for Prometheus' HTTP service discovery. Relabelling passes its target to /probe.
type targetGroup struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// discover lists all paths. The list is always complete: Prometheus drops the targets that it lacks. It refuses
// parameters, because a filter that is ignored misleads.
func (s *Site) discover(w http.ResponseWriter, r *http.Request) {
	if _, err := params(r); err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	paths := s.Snapshot().Paths
	groups := make([]targetGroup, 0, len(paths))
	for _, p := range paths {
		id := p.Path.ID
		groups = append(groups, targetGroup{Targets: []string{id.String()}, Labels: map[string]string{
			"tenant": collector.LabelValue(id.Tenant), "connector": collector.LabelValue(id.Connector),
			"direction": collector.LabelValue(string(id.Direction)), "path": collector.LabelValue(id.Path),
			"connector_type": collector.LabelValue(string(p.Path.ConnectorType)),
		}})
	}
	writeJSON(w, func(w io.Writer) error { return json.NewEncoder(w).Encode(groups) })
}

func (s *Site) paths(w http.ResponseWriter, r *http.Request) {
	s.answerSelection(w, r, func(w io.Writer, all *collector.Snapshot, _ filter, v selection) error {
		return text.PathsJSON(w, v.Paths, all.Report)
	})
}

func (s *Site) findings(w http.ResponseWriter, r *http.Request) {
	s.answerSelection(w, r, func(w io.Writer, _ *collector.Snapshot, _ filter, v selection) error {
		return text.FindingsJSON(w, v.Findings)
	})
}

func (s *Site) certificatesJSON(w http.ResponseWriter, r *http.Request) {
	s.answerSelection(w, r, func(w io.Writer, v *collector.Snapshot, f filter, _ selection) error {
		return text.CertificatesJSON(w, f.selectCertificates(v, s.Now()))
	})
}

func (s *Site) tenantsJSON(w http.ResponseWriter, r *http.Request) {
	s.answerSelection(w, r, func(w io.Writer, v *collector.Snapshot, f filter, selected selection) error {
		open, _ := selected.open()
		return text.TenantsJSON(w, v.SummarizeTenants(selected.Paths, open, f.includesTenant, s.Now()), reportOf(v))
	})
}

// answerSelection writes what ?tenant=, ?severity= and ?state= select.
func (s *Site) answerSelection(
	w http.ResponseWriter, r *http.Request, write func(io.Writer, *collector.Snapshot, filter, selection) error,
) {
	f, err := readFilter(r, "tenant", "severity", "state")
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	v := s.Snapshot()
	writeJSON(w, func(w io.Writer) error { return write(w, v, f, f.selectFrom(v)) })
}

// reportOf returns the report of a snapshot, or an empty one if there is none yet.
func reportOf(v *collector.Snapshot) *evaluate.Report {
	if v.Report == nil {
		return &evaluate.Report{}
	}
	return v.Report
}

// writeJSON writes an answer as JSON.
func writeJSON(w http.ResponseWriter, write func(io.Writer) error) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	_ = write(w) // the client may have disconnected
}
