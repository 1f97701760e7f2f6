package collector

import (
	"cmp"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"

	"m365_connector_exporter/probes"
)

// Live is one probe made on request, for /probe. Its series have names of their own, as blackbox_exporter's users know them: a
// scrape of /metrics and one of /probe never mix.
type Live struct {
	Result   probes.Result
	TimedOut bool           // it proved nothing, for its time was up
	Verdict  probes.Outcome // the path's last verdict, for a probe that proves nothing
}

// Keys of the table of /probe.
const (
	pSuccess = iota
	pInconclusive
	pDuration
	pEarliestExpiry
	pStageSuccess
	pFailure
	numProbeMetrics
)

var placeLabels = []string{"host", "address", "stage"}

// ProbeMetrics is the table of everything on /probe. The names have no prefix.
func ProbeMetrics() [numProbeMetrics]Metric {
	return [numProbeMetrics]Metric{
		pSuccess:        {Name: "probe_success", Help: "1 when every endpoint passed every stage asked for, 0 when one failed. Where this probe proved nothing: the path's last verdict, absent if there is none.", Kind: gauge},
		pInconclusive:   {Name: "probe_inconclusive", Help: "1 when this probe proved nothing either way, or was cut short.", Kind: gauge},
		pDuration:       {Name: "probe_duration_seconds", Help: "How long the probe took.", Kind: gauge},
		pEarliestExpiry: {Name: "probe_ssl_earliest_cert_expiry", Help: "Earliest end of validity of the leaves and the certificates that verify them, as Unix time.", Kind: gauge},
		pStageSuccess:   {Name: "probe_stage_success", Help: "1 passed, 0 failed. Absent when not reached or inconclusive.", Kind: gauge, Labels: placeLabels},
		pFailure:        {Name: "probe_failure_info", Help: "Why the endpoint did not pass.", Kind: gauge, Labels: with(placeLabels, "reason", "outcome")},
	}
}

// Families are the series as the Prometheus libraries know them, sorted by name. They are made without a registry, which would cost
// more than the rest of the answer.
func (l Live) Families() []*dto.MetricFamily {
	s := shelf{seen: map[string]bool{}}
	outcome := l.outcome()
	s.send(pInconclusive, boolToFloat(outcome == probes.Inconclusive))
	if outcome == probes.Inconclusive {
		outcome = l.Verdict
	}
	if outcome == probes.Passed || outcome == probes.Failed {
		s.send(pSuccess, boolToFloat(outcome == probes.Passed))
	}
	s.send(pDuration, l.Result.Duration.Seconds())
	if at := earliestExpiry(l.Result); !at.IsZero() {
		s.send(pEarliestExpiry, seconds(at))
	}
	for _, e := range l.Result.Endpoints {
		s.endpoint(e)
	}
	return s.sorted()
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

// probeMetrics is the table, made once.
var probeMetrics = ProbeMetrics()

// shelf takes each label set once: a second one would blank the page.
type shelf struct {
	families [numProbeMetrics]*dto.MetricFamily
	seen     map[string]bool
}

func (s *shelf) endpoint(e probes.Endpoint) {
	key := KeyOf(e)
	at := func(stage probes.Stage) []string {
		if stage == probes.Resolve {
			return []string{e.Host, "", stage.String()} // once per host
		}
		return []string{e.Host, key.Address, stage.String()}
	}
	for i, step := range e.Steps {
		if step.Outcome == probes.Passed || step.Outcome == probes.Failed {
			s.send(pStageSuccess, boolToFloat(step.Outcome == probes.Passed), at(probes.Stage(i))...)
		}
	}
	if stage, step, problem := e.FirstProblem(); problem {
		s.send(pFailure, 1, with(at(stage), string(step.Reason), step.Outcome.String())...)
	}
}

func (s *shelf) send(metric int, value float64, labels ...string) {
	line := &probeMetrics[metric]
	one := &dto.Metric{Gauge: &dto.Gauge{Value: &value}, Label: make([]*dto.LabelPair, len(labels))}
	for i := range labels {
		labels[i] = clean(labels[i])
		one.Label[i] = &dto.LabelPair{Name: &line.Labels[i], Value: &labels[i]}
	}
	id := line.Name + "\x00" + strings.Join(labels, "\x00") // no clean label holds a NUL
	if s.seen[id] {
		return
	}
	s.seen[id] = true
	slices.SortFunc(one.Label, func(a, b *dto.LabelPair) int { return cmp.Compare(a.GetName(), b.GetName()) })
	f := s.families[metric]
	if f == nil {
		f = &dto.MetricFamily{Name: &line.Name, Help: &line.Help, Type: dto.MetricType_GAUGE.Enum()}
		s.families[metric] = f
	}
	f.Metric = append(f.Metric, one)
}

func (s *shelf) sorted() []*dto.MetricFamily {
	all := slices.DeleteFunc(s.families[:], func(f *dto.MetricFamily) bool { return f == nil })
	slices.SortFunc(all, func(a, b *dto.MetricFamily) int { return cmp.Compare(a.GetName(), b.GetName()) })
	return all
}
