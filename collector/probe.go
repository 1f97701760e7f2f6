package collector

import (
	"io"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"

	"m365_connector_exporter/probes"
)

// Live is one probe made on request, for /probe. Its series have names of their own, as blackbox_exporter's users
// know them: a scrape of /metrics and one of /probe never mix.
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
	e.emitTime(onDemandEarliestExpiry, earliestExpiry(l.Result, func(*probes.TLS) bool { return true }))
	e.emitTime(onDemandLastChainExpiry, earliestExpiry(l.Result, func(t *probes.TLS) bool {
		return t.Verdicts[probes.VerdictTrust].Outcome == probes.Passed
	}))
	e.emit(onDemandLookupTime, lookupTime(l.Result).Seconds())
	e.network(l.Result)
	for _, endpoint := range l.Result.Endpoints {
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

func (l Live) outcome() probes.Outcome {
	if l.TimedOut {
		return probes.Inconclusive
	}
	return l.Result.Outcome()
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
