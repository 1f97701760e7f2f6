package web

import (
	"net/http"
	"strings"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/docs/runbooks"
	"m365_connector_exporter/probes"
)

// referencePage is the part of the catalogues in which a text occurs.
type referencePage struct {
	Text    string
	Stages  []probes.StageInfo
	Checks  []check.Check
	Reasons []probes.ReasonInfo
	Alerts  []string
}

// reference shows the catalogues: stages, checks, reasons and the alerts' runbooks. Every finding and every reason on
// the pages links here.
func (s *Site) reference(w http.ResponseWriter, r *http.Request) {
	f, err := readFilter(r, "q")
	if err != nil {
		s.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	page := &referencePage{Text: f.Text}
	for _, stage := range probes.Stages {
		if f.matches(stage.Name, stage.Microsoft, stage.Proves) {
			page.Stages = append(page.Stages, stage)
		}
	}
	for _, c := range check.Catalogue() {
		if f.matches(c.Code, c.Title, c.When, c.Remedy, c.Source) {
			page.Checks = append(page.Checks, c)
		}
	}
	for _, reason := range probes.Reasons {
		texts := []string{string(reason.Reason), reason.Sentence, reason.Remedy}
		for _, variant := range reason.Variants {
			texts = append(texts, variant.When, variant.Remedy)
		}
		if f.matches(texts...) {
			page.Reasons = append(page.Reasons, reason)
		}
	}
	for _, name := range runbooks.Names() {
		text, _ := runbooks.Read(name)
		if f.matches(name) || f.Text != "" && f.mayContain(string(text)) &&
			strings.Contains(strings.ToLower(string(text)), f.lowerText) {
			page.Alerts = append(page.Alerts, name)
		}
	}
	s.render(w, "reference", layoutData{Title: "Reference", Page: page})
}

// matches reports whether the text occurs in one of these; every text matches the filter without one.
func (f filter) matches(texts ...string) bool { return f.Text == "" || f.contains(texts...) }
