package web

import (
	"net/http"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/docs/runbooks"
	"m365_connector_exporter/probes"
)

// reference shows the catalogues: stages, checks, reasons and the alerts' runbooks. Every finding and every reason on
// the pages links here.
func (s *Site) reference(w http.ResponseWriter, r *http.Request) {
	if _, err := params(r); err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	s.render(w, "reference", layoutData{Title: "Reference", Page: struct {
		Stages  []probes.StageInfo
		Checks  []check.Check
		Reasons []probes.ReasonInfo
		Alerts  []string
	}{probes.Stages[:], check.Catalogue(), probes.Reasons, runbooks.Names()}})
}
