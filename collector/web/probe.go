package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/prometheus/common/expfmt"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
)

// The limits of one request to /probe. The caller's timeout is shortened so that the answer arrives in time.
const (
	maxProbe    = 110 * time.Second // below the server's write timeout
	probeOffset = 500 * time.Millisecond
)

const timeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds"

// probeRequest is a parsed request to /probe.
type probeRequest struct {
	state  *collector.PathState
	path   probes.Path // as it is to be probed
	module string
	debug  bool
	limit  time.Duration
}

// probe probes one configured path immediately and answers with the metrics of that probe alone.
func (s *Site) probe(w http.ResponseWriter, r *http.Request) {
	q, err := s.parseProbeRequest(r)
	if err != nil {
		code := http.StatusBadRequest
		if errors.Is(err, errUnknown) {
			code = http.StatusNotFound
		}
		s.fail(w, r, code, err.Error())
		return
	}
	probe, ok := s.runProbe(w, r, q)
	if !ok {
		return
	}
	if !q.debug {
		format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
		w.Header().Set("Content-Type", string(format))
		_ = collector.WriteProbe(w, format, probe) // the client may have disconnected; a few lines are not compressed
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_ = writeDebug(w, q, probe) // the client may have disconnected
}

func (s *Site) parseProbeRequest(r *http.Request) (probeRequest, error) {
	values, err := params(r, "target", "module", "debug")
	if err != nil {
		return probeRequest{}, err
	}
	if values.Get("target") == "" {
		return probeRequest{}, fmt.Errorf("the parameter target is missing: %w", errTarget)
	}
	q := probeRequest{module: "default"}
	if q.debug, err = flag(values, "debug"); err != nil {
		return probeRequest{}, err
	}
	if q.limit, err = limit(r.Header.Get(timeoutHeader)); err != nil {
		return probeRequest{}, err
	}
	if values.Has("module") {
		q.module = values.Get("module")
	}
	layer, ok := s.Module(q.module)
	if !ok {
		return probeRequest{}, fmt.Errorf("no module %q is configured", short(q.module))
	}
	if q.state, err = s.locate(values.Get("target")); err != nil {
		return probeRequest{}, err
	}
	q.path = q.state.Path.WithOverride(layer)
	q.path.Settings.Until = min(q.path.Settings.Until, probes.Recipient) // never a test message
	return q, nil
}

func flag(values url.Values, name string) (bool, error) {
	if !values.Has(name) {
		return false, nil
	}
	yes, err := strconv.ParseBool(values.Get(name))
	if err != nil {
		return false, fmt.Errorf("%s %q is unknown; it must be true or false", name, short(values.Get(name)))
	}
	return yes, nil
}

// limit returns how long a probe may take for a scrape with this timeout, in seconds.
func limit(header string) (time.Duration, error) {
	if header == "" {
		return maxProbe, nil
	}
	seconds, err := strconv.ParseFloat(header, 64)
	if err != nil || math.IsNaN(seconds) || seconds <= 0 {
		return 0, fmt.Errorf("the header %s is %q; it must be a positive number of seconds", timeoutHeader, short(header))
	}
	if seconds > maxProbe.Seconds() {
		return maxProbe, nil
	}
	timeout := time.Duration(seconds * float64(time.Second))
	return max(timeout-probeOffset, timeout/2), nil
}

// runProbe probes the path. If there is no result, it answers the request itself, and reports false.
func (s *Site) runProbe(w http.ResponseWriter, r *http.Request, q probeRequest) (evaluate.Probe, bool) {
	probe, err := s.probePath(r.Context(), q)
	if err != nil && !errors.Is(err, context.Canceled) { // otherwise the client has disconnected
		s.fail(w, r, http.StatusServiceUnavailable, err.Error())
	}
	return probe, err == nil
}

// probePath probes the path. A path that cannot be probed is inconclusive, as is a probe that takes too long.
func (s *Site) probePath(ctx context.Context, q probeRequest) (evaluate.Probe, error) {
	nothing := probes.Result{Path: q.path.ID, Until: q.path.Settings.Until, Started: s.Now()}
	if why := q.path.NotProbeable; why != "" {
		nothing.Hints = []string{"The path cannot be probed: " + why}
		return evaluate.OnDemand(nothing, q.state.Verdict), nil
	}
	limited, cancel := context.WithTimeout(ctx, q.limit)
	defer cancel()
	result, err := s.Probe(limited, q.path.ID, q.path)
	if ctx.Err() != nil {
		return evaluate.Probe{}, context.Canceled
	}
	if errors.Is(err, context.DeadlineExceeded) {
		nothing.Duration = s.Now().Sub(nothing.Started)
		nothing.Hints = []string{"The timeout passed while another probe of this path was running."}
		result, err = nothing, nil
	}
	return evaluate.OnDemand(result, q.state.Verdict), err
}

// writeDebug prints the probe, its dialogue, and the metrics that a scrape would have got.
func writeDebug(w io.Writer, q probeRequest, probe evaluate.Probe) error {
	s := q.path.Settings
	_, err := fmt.Fprintf(w, "target   %s\nmodule   %s\nuntil    %s\nport     %d\n"+
		"timeout  %s for each endpoint, %s for all\nverdict  %s, by the daemon's own rounds\n\n",
		q.path.ID, text.Printable(q.module), s.Until, s.Port, s.Timeout, q.limit, q.state.Verdict)
	if err != nil {
		return err
	}
	if err := text.Validation(w, []text.Item{{Path: q.path, Result: probe.Result}}, text.Options{}); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(w)
	if err := text.Transcript(w, probe.Result); err != nil {
		return err
	}
	return collector.WriteProbe(w, expfmt.NewFormat(expfmt.TypeTextPlain), probe)
}
