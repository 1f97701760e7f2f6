package evaluate

import (
	"cmp"
	"slices"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// predictor predicts what Exchange Online would do with the mail of an outbound path of connector c because of one
// mechanism. It reports false if too little is known.
type predictor func(s *Snapshot, p *check.Path, c *mailflow.OutboundConnector) (check.Prediction, bool)

// predictors has one predictor for each mechanism.
var predictors = []predictor{predictDANE, predictMTASTS}

// predictDeliveries predicts what Exchange Online does with the mail of each outbound path. The predictions are ordered
// by path and mechanism.
func predictDeliveries(tenants []mailflow.Tenant, s *Snapshot) (all []check.Prediction) {
	connectors := map[probes.PathID]*mailflow.OutboundConnector{}
	for i := range tenants {
		t := &tenants[i]
		for k := range t.Outbound {
			c := &t.Outbound[k]
			connectors[probes.PathID{Tenant: t.Name, Direction: mailflow.Outbound, Connector: c.Name}] = c
		}
	}
	for i := range s.Paths {
		p := &s.Paths[i]
		connector := p.ID
		connector.Path = ""
		c := connectors[connector]
		if c == nil {
			continue
		}
		for _, predict := range predictors {
			if prediction, ok := predict(s, p, c); ok {
				all = append(all, prediction)
			}
		}
	}
	slices.SortFunc(all, func(a, b check.Prediction) int {
		return cmp.Or(a.Path.Compare(b.Path), cmp.Compare(a.Mechanism, b.Mechanism))
	})
	return all
}

// PredictionsOf returns the predictions for one path.
func (r *Report) PredictionsOf(id probes.PathID) []check.Prediction {
	first, _ := slices.BinarySearchFunc(r.Predictions, id, func(p check.Prediction, id probes.PathID) int {
		return p.Path.Compare(id)
	})
	last := first
	for last < len(r.Predictions) && r.Predictions[last].Path == id {
		last++
	}
	return r.Predictions[first:last]
}
