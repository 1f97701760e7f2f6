package collector

import (
	"io"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"

	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
)

// WriteProbe writes the metrics of one probe on request, for /probe, in the format. They have the names that users of
// blackbox_exporter know, and none of /metrics. No label set is written twice.
func WriteProbe(w io.Writer, format expfmt.Format, p evaluate.Probe) error {
	var cache seriesCache
	cache.fill(func(e *emitter) { e.probe(p) })
	return newPage(cache.groups, cache.dropped).write(w, format)
}

func (e *emitter) probe(p evaluate.Probe) {
	e.setLabels(identity{}, "")
	e.emit(onDemandInconclusive, boolToFloat(p.Inconclusive))
	e.verdict(onDemandSuccess, p.Verdict)
	e.emit(onDemandDuration, p.Result.Duration.Seconds())
	e.emitTime(onDemandEarliestExpiry, earliestExpiry(p.Result, func(*probes.TLS) bool { return true }))
	e.emitTime(onDemandLastChainExpiry, earliestExpiry(p.Result, func(t *probes.TLS) bool {
		return t.Verdicts[probes.VerdictTrust].Outcome == probes.Passed
	}))
	e.emit(onDemandLookupTime, lookupTime(p.Result).Seconds())
	e.network(p.Result)
	for _, endpoint := range p.Result.Endpoints {
		for stage, step := range endpoint.Steps {
			e.setStage(endpoint, probes.Stage(stage))
			e.verdict(onDemandStageSuccess, step.Outcome, probes.Stage(stage).String())
			if (step.Outcome == probes.Passed || step.Outcome == probes.Failed) && !step.Repeated {
				e.emit(onDemandStageDuration, step.Duration.Seconds(), probes.Stage(stage).String())
			}
		}
		if stage, step, problem := endpoint.FirstProblem(); problem {
			e.setStage(endpoint, stage)
			e.emit(onDemandFailureInfo, 1, stage.String(), string(step.Reason), step.Outcome.String())
		}
	}
}

// network emits what blackbox_exporter shows of the connection.
func (e *emitter) network(r probes.Result) {
	for _, endpoint := range r.Endpoints {
		if addr := endpoint.Addr.Addr(); addr.IsValid() {
			protocol := 6.
			if addr.Unmap().Is4() {
				protocol = 4
			}
			e.emit(onDemandIPProtocol, protocol)
			break
		}
	}
	for _, endpoint := range r.Endpoints {
		t := endpoint.TLS
		if t == nil {
			continue
		}
		if t.Version != "" {
			e.emit(onDemandTLSVersion, 1, t.Version)
		}
		if len(t.Chain) > 0 {
			leaf := t.Chain[0]
			names := strings.Join(leaf.DNSNames, ",")
			e.emit(onDemandLastChainInfo, 1, leaf.Fingerprint, leaf.Subject, leaf.Issuer, names, leaf.Serial)
		}
	}
}

// lookupTime returns how long DNS took: the endpoints of a host share its resolve stage.
func lookupTime(r probes.Result) (sum time.Duration) {
	hosts := map[string]bool{}
	for _, endpoint := range r.Endpoints {
		if !hosts[endpoint.Host] {
			hosts[endpoint.Host] = true
			sum += endpoint.Steps[probes.Resolve].Duration
		}
	}
	return sum
}

// setStage sets the labels of an endpoint's stage. The endpoints of a host share its resolve stage, which has no
// address.
func (e *emitter) setStage(endpoint probes.Endpoint, stage probes.Stage) {
	key := KeyOf(endpoint)
	if stage == probes.Resolve {
		key.Address = ""
	}
	var id identity
	id[idHost], id[idAddress] = key.Host, key.Address
	e.setLabels(id, "")
}

// earliestExpiry returns the earliest end of validity of the leaves and chains of the endpoints whose TLS session is
// wanted; zero if there are none.
func earliestExpiry(r probes.Result, wanted func(*probes.TLS) bool) (at time.Time) {
	for _, e := range r.Endpoints {
		if e.TLS == nil || !wanted(e.TLS) {
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
