package web

import (
	"encoding/json"
	"io"
	"net/http"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/collector/text"
)

// targetGroup is one path for Prometheus' HTTP service discovery. Its target goes to /probe by relabelling, as with any prober.
type targetGroup struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// discover lists all paths. Prometheus takes what is not in the list for gone, so it is always the full one.
func (s *Site) discover(w http.ResponseWriter, r *http.Request) {
	paths := s.Snapshot().Paths
	groups := make([]targetGroup, 0, len(paths))
	for _, p := range paths {
		id := p.Path.ID
		groups = append(groups, targetGroup{Targets: []string{id.String()}, Labels: map[string]string{
			"tenant": collector.LabelValue(id.Tenant), "connector": collector.LabelValue(id.Connector), "direction": collector.LabelValue(string(id.Direction)),
			"path": collector.LabelValue(id.Path), "connector_type": collector.LabelValue(string(p.Path.ConnectorType)),
		}})
	}
	answerJSON(w, r, func(w io.Writer) error { return json.NewEncoder(w).Encode(groups) })
}

func (s *Site) paths(w http.ResponseWriter, r *http.Request) {
	answerJSON(w, r, func(w io.Writer) error { return text.PathsJSON(w, s.Snapshot().Paths) })
}

func (s *Site) findings(w http.ResponseWriter, r *http.Request) {
	answerJSON(w, r, func(w io.Writer) error { return text.FindingsJSON(w, reportOf(s.Snapshot()).Findings) })
}

// reportOf returns the report of a snapshot, or an empty one where there is none yet.
func reportOf(v *collector.Snapshot) *evaluate.Report {
	if v.Report == nil {
		return &evaluate.Report{}
	}
	return v.Report
}

// answerJSON writes an answer that takes no parameter. A filter that is ignored would be a lie.
func answerJSON(w http.ResponseWriter, r *http.Request, write func(io.Writer) error) {
	if _, err := params(r); err != nil {
		httpError(w, http.StatusBadRequest, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	_ = write(w) // the reader may have gone
}
