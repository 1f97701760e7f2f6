package web

import (
	"strings"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
)

// predictionPage is what Exchange Online would do with the mail of a path because of one mechanism.
type predictionPage struct {
	Class, Mechanism, Outcome, Codes, Why, Uncertain string
	Evidence                                         []string
}

// maxPredictionLines bounds the evidence of one prediction on the page.
const maxPredictionLines = 12

// newPredictions returns the predictions for a path, and that nothing is known of DANE if it could matter.
func newPredictions(p *collector.PathState, r *evaluate.Report) (all []predictionPage) {
	known := r.PredictionsOf(p.Path.ID)
	ofDANE := false
	for i := range known {
		one := &known[i]
		ofDANE = ofDANE || one.Mechanism == check.MechanismDANE
		page := predictionPage{
			Mechanism: text.Mechanism(one.Mechanism), Outcome: strings.ReplaceAll(string(one.Delivery), "_", " "),
			Codes: one.HeldCodes(), Why: text.PredictionReason(one), Uncertain: bounded(one.Uncertain),
		}
		if one.Delivery == check.DeliveryQueue {
			page.Class = probes.Failed.String()
		}
		for _, line := range one.Evidence[:min(len(one.Evidence), maxPredictionLines)] {
			page.Evidence = append(page.Evidence, bounded(line))
		}
		all = append(all, page)
	}
	if p.Path.DANE && !ofDANE && p.Path.Scheduled() {
		all = append(all, predictionPage{
			Mechanism: text.Mechanism(check.MechanismDANE), Outcome: "unknown",
			Why: "No resolver that validates DNSSEC has answered (see probe.dnssec), or too little is known about the servers.",
		})
	}
	return all
}
