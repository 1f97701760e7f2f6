package daemon

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/version"

	"m365_connector_exporter/collector/web"
	"m365_connector_exporter/probes"
)

// HandlerOptions are the options of [Daemon.Handler].
type HandlerOptions struct {
	Prefix string   // of all routes: empty, or begins with a slash
	Hosts  []string // names of this exporter, beside localhost, IP addresses and its EHLO name
}

// Handler serves all routes.
func (d *Daemon) Handler(o HandlerOptions) http.Handler {
	mux, prefix := http.NewServeMux(), o.Prefix
	mux.Handle("GET "+prefix+"/metrics", d.gatherer.Handler(d.log))
	mux.HandleFunc("GET "+prefix+"/-/healthy", answer("healthy"))
	mux.HandleFunc("GET "+prefix+"/-/ready", answer("ready")) // the listener is up only after the configuration is loaded
	mux.HandleFunc("POST "+prefix+"/-/reload", d.handleReload)
	mux.HandleFunc("GET "+prefix+"/-/reload", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "reload with POST", http.StatusMethodNotAllowed)
	})
	web.New(web.Options{
		RoundTrips: d.store.RoundTrips, TLSReports: d.store.TLSReports,
		Snapshot: d.store.Snapshot, Find: d.store.Find, Status: d.status, Probe: d.runner.RunNow, Module: d.module,
		Prefix: prefix, Now: time.Now,
	}).Register(mux)
	if prefix != "" {
		mux.Handle("GET /{$}", http.RedirectHandler(prefix+"/", http.StatusFound))
	}
	// Web sites must not reload the configuration through a browser, neither as another origin nor as this one.
	return hostGuard(append([]string{d.helloName}, o.Hosts...), http.NewCrossOriginProtection().Handler(mux))
}

func (d *Daemon) module(name string) (probes.SettingsOverride, bool) {
	override, ok := d.cfg.Load().Modules[name]
	return override, ok
}

// status is the state of the exporter itself, for the pages.
func (d *Daemon) status() web.Status {
	passed, known := d.selfTest.result()
	cfg := d.cfg.Load()
	s := web.Status{
		VantageBlocked: d.runner.Stats().VantageBlocked, SelfTestFailed: known && !passed, Version: version.Version,
		Warnings: cfg.Warnings, MoreWarnings: cfg.MoreWarnings,
	}
	if rejected := d.rejected.Load(); rejected != nil {
		s.ReloadError, s.ReloadFailed = rejected.err.Error(), rejected.at
	}
	return s
}

// warnings counts those about the configuration and the exports in use.
func (d *Daemon) warnings() int {
	cfg := d.cfg.Load()
	return len(cfg.Warnings) + cfg.MoreWarnings
}

// answer returns a handler that answers with one word.
func answer(word string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintln(w, word)
	}
}

func (d *Daemon) handleReload(w http.ResponseWriter, r *http.Request) {
	switch err := d.reload(r.Context(), "POST /-/reload"); {
	case errors.Is(err, errShutdown):
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		answer("reloaded")(w, r)
	}
}

// registry holds the metrics that client_golang provides.
func (d *Daemon) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(d.store.Stages(), d.store.RoundTripSeconds(), d.metrics.ScheduleLag(), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}
