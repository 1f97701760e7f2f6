package collector

import (
	"io"
	"time"

	"github.com/prometheus/common/expfmt"

	"m365_connector_exporter/probes"
)

// Live is one probe made on request, for /probe. Its series have names of their own, as blackbox_exporter's users know them: a
// scrape of /metrics and one of /probe never mix.
type Live struct {
	Result   probes.Result
	TimedOut bool           // it proved nothing, for its time was up
	Verdict  probes.Outcome // the path's last verdict, for a probe that proves nothing
}

// Write writes the metrics in the format. No label set is written twice.
func (l Live) Write(w io.Writer, format expfmt.Format) error {
	var cache seriesCache
	cache.fill(l.emit)
	return newPage(cache.groups, cache.dropped).write(w, format)
}

func (l Live) emit(e *emitter) {
	e.setLabels(identity{}, "")
	outcome := l.outcome()
	e.emit(onDemandInconclusive, boolToFloat(outcome == probes.Inconclusive))
	if outcome == probes.Inconclusive {
		outcome = l.Verdict
	}
	e.verdict(onDemandSuccess, outcome)
	e.emit(onDemandDuration, l.Result.Duration.Seconds())
	e.emitTime(onDemandEarliestExpiry, earliestExpiry(l.Result))
	for _, endpoint := range l.Result.Endpoints {
		for stage, step := range endpoint.Steps {
			e.setStage(endpoint, probes.Stage(stage))
			if step.Outcome == probes.Passed || step.Outcome == probes.Failed {
				e.verdict(onDemandStageSuccess, step.Outcome, probes.Stage(stage).String())
				e.emit(onDemandStageDuration, step.Duration.Seconds(), probes.Stage(stage).String())
			}
		}
		if stage, step, problem := endpoint.FirstProblem(); problem {
			e.setStage(endpoint, stage)
			e.emit(onDemandFailureInfo, 1, stage.String(), string(step.Reason), step.Outcome.String())
		}
	}
}

// setStage sets the labels of an endpoint's stage. The endpoints of a host share its resolve stage, which has no address.
func (e *emitter) setStage(endpoint probes.Endpoint, stage probes.Stage) {
	key := KeyOf(endpoint)
	if stage == probes.Resolve {
		key.Address = ""
	}
	var id identity
	id[idHost], id[idAddress] = key.Host, key.Address
	e.setLabels(id, "")
}

func (l Live) outcome() probes.Outcome {
	if l.TimedOut {
		return probes.Inconclusive
	}
	return l.Result.Outcome()
}

func earliestExpiry(r probes.Result) (at time.Time) {
	for _, e := range r.Endpoints {
		if e.TLS == nil {
			continue
		}
		ends := []time.Time{e.TLS.ChainNotAfter}
		if len(e.TLS.Chain) > 0 {
			ends = append(ends, e.TLS.Chain[0].NotAfter)
		}
		for _, end := range ends {
			if !end.IsZero() && (at.IsZero() || end.Before(at)) {
				at = end
			}
		}
	}
	return at
}
