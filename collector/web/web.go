// Package web serves the exporter over HTTP, besides /metrics: pages for people, /probe and /sd for Prometheus, and
// JSON for programs.
//
// Each answer is rendered from one collector.Snapshot; nothing is judged here. The wording of facts is shared with the
// terminal (package text).
//
// Two kinds of untrusted input reach this package. Mail servers and certificates supply texts: templates escape them,
// what escaping lets through is replaced, and the Content-Security-Policy allows no script. Clients supply queries:
// parameters are checked against a closed list, a target is only looked up among the configured paths, and lists,
// pages and texts have limits, so that an answer is small whatever the number of paths.
package web

import (
	"context"
	"net/http"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/roundtrip"
	"m365_connector_exporter/probes/tlsrpt"
)

// Options are what a Site is built from.
type Options struct {
	Snapshot func() *collector.Snapshot
	Find     func(id probes.PathID) *collector.PathState // one path of it, by its exact name; nil if there is none
	Status   func() Status
	// RoundTrips are ordered by tenant and name; nil means that there are none.
	RoundTrips func() []roundtrip.Status
	// TLSReports are what senders reported last about accepted domains, ordered by domain; nil means that there are none.
	TLSReports func() []tlsrpt.Summary
	// Probe probes a path immediately. It limits the rate per address, joins a running probe and returns a recent result.
	Probe  func(ctx context.Context, id probes.PathID, path probes.Path) (probes.Result, error)
	Module func(name string) (probes.SettingsOverride, bool) // a configured probe profile
	Prefix string                                            // of every route: "" or "/some/path"
	Now    func() time.Time
}

// Status is the state of the daemon itself.
type Status struct {
	ReloadError    string    // why the newest reload failed; "" if it succeeded
	ReloadFailed   time.Time // when it failed
	VantageBlocked bool      // this host seems unable to connect outward
	Warnings       []string  // about the configuration and the exports
	MoreWarnings   int       // beyond those
	SelfTestFailed bool      // the prober cannot probe the mail server inside its own process
	Version        string
}

// Site serves every route of this package.
type Site struct{ Options }

// New returns a Site.
func New(o Options) *Site {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Site{o}
}

// maxRendering is how many pages and lists are rendered at a time: a list of thousands of paths takes megabytes.
const maxRendering = 4

// Register adds the routes. GET includes HEAD; the mux answers other methods with 405. Probes have no limit here:
// Prometheus requests thousands of paths at once, and the schedule limits how many are probed.
func (s *Site) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET "+s.Prefix+"/probe", s.probe)
	responder := collector.NewResponder(maxRendering)
	mux.Handle("GET "+s.Prefix+"/path", s.probeNow(responder.Wrap(http.HandlerFunc(s.path))))
	for route, handle := range map[string]http.HandlerFunc{
		"/sd":                  s.discover,
		"/api/v1/paths":        s.paths,
		"/api/v1/findings":     s.findings,
		"/api/v1/certificates": s.certificatesJSON,
		"/api/v1/tenants":      s.tenantsJSON,
		"/api/v1/round-trips":  s.roundTripsJSON,
		"/{$}":                 s.status,
		"/tenants":             s.tenants,
		"/tenant/{tenant}":     s.tenant,
		"/findings":            s.findingsPage,
		"/certificates":        s.certificates,
		"/calendar":            s.calendar,
		"/round-trips":         s.roundTrips,
		"/attribution":         s.attribution,
		"/reference":           s.reference,
		"/report/{tenant}":     s.report,
		"/runbooks/{alert}":    s.runbook,
		"/" + styleName:        asset("style.css", "text/css; charset=utf-8"),
		"/icon.svg":            asset("icon.svg", "image/svg+xml"),
		"/":                    s.notFound,
	} {
		mux.Handle("GET "+s.Prefix+route, responder.Wrap(handle))
	}
}
