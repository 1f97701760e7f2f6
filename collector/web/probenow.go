package web

import (
	"context"
	"net/http"

	"m365_connector_exporter/probes"
)

// probedKey is the key of a request's context for the result of the probe that it asked for.
type probedKey struct{}

// probeNow probes the path first if the request has probe=now, and hands the result on. It is apart from the page, for
// a probe takes longer than a page may take to be rendered.
func (s *Site) probeNow(page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		values, err := params(r, "target", "probe")
		if err != nil || values.Get("probe") != "now" {
			page.ServeHTTP(w, r) // it answers errors
			return
		}
		p, err := s.locate(values.Get("target"))
		if err != nil {
			page.ServeHTTP(w, r)
			return
		}
		q := probeRequest{state: p, path: *p.Path, limit: maxProbe}
		q.path.Settings.Until = min(q.path.Settings.Until, probes.Recipient) // never a test message
		probe, ok := s.runProbe(w, r, q)
		if !ok {
			return
		}
		page.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), probedKey{}, &probe.Result)))
	})
}

// probed returns the result of the probe that the request asked for; nil if it asked for none.
func probed(r *http.Request) *probes.Result {
	result, _ := r.Context().Value(probedKey{}).(*probes.Result)
	return result
}
