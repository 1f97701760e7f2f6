// Package web answers over HTTP: pages for people, /probe and /sd for Prometheus, JSON for programs. It shows a collector.Snapshot and
// asks for probes; it never decides anything. Nothing of a peer reaches a page unescaped, and nothing a caller sends is more than a
// look-up among configured paths.
package web

import (
	"context"
	"net/http"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
)

// Options is what a Site stands on.
type Options struct {
	Snapshot func() *collector.Snapshot
	Find     func(id probes.PathID) *collector.PathState // one path of it, by its exact name; nil where there is none
	Status   func() Status
	// Probe probes a path at once; politeness, joining and young results are its business.
	Probe  func(ctx context.Context, id probes.PathID, path probes.Path) (probes.Result, error)
	Module func(name string) (probes.SettingsOverride, bool) // a probe profile of the configuration
	Prefix string                                            // of every route: "" or "/some/path"
	Now    func() time.Time
}

// Status is what the daemon says of itself beside the Snapshot.
type Status struct {
	ReloadError    string    // why the newest reload was refused; "" when the running configuration is the newest
	ReloadFailed   time.Time // when it was
	VantageBlocked bool      // this host seems unable to connect outward
	SelfTestFailed bool      // the prober cannot even probe the server inside its own process
	Version        string
}

// Site is every route of this package.
type Site struct{ Options }

// New makes a Site.
func New(o Options) *Site {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Site{o}
}

// maxPages bounds the pages and lists that are answered at once: each is made in memory, a list of thousands of paths is megabytes, and
// readers may be slow.
const maxPages = 32

// Register adds the routes. GET includes HEAD; the mux answers other methods with 405. Only /probe has no bound of its own: Prometheus
// asks for thousands of paths at once, and the schedule bounds how many are probed.
func (s *Site) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET "+s.Prefix+"/probe", s.probe)
	bounded := collector.LimitConcurrent(maxPages)
	for route, handle := range map[string]http.HandlerFunc{
		"/sd":               s.discover,
		"/api/v1/paths":     s.paths,
		"/api/v1/findings":  s.findings,
		"/{$}":              s.status,
		"/path":             s.path,
		"/attribution":      s.attribution,
		"/reference":        s.reference,
		"/runbooks/{alert}": s.runbook,
		"/" + styleName:     asset("style.css", "text/css; charset=utf-8"),
		"/icon.svg":         asset("icon.svg", "image/svg+xml"),
	} {
		mux.Handle("GET "+s.Prefix+route, bounded(handle))
	}
}
