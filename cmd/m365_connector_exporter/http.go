package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/version"

	"m365_connector_exporter/collector/web"
	"m365_connector_exporter/probes"
)

// handler is everything the daemon answers over HTTP, below prefix ("" or "/some/path").
func (d *daemon) handler(prefix string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+prefix+"/metrics", d.gatherer.Handler(d.log))
	mux.HandleFunc("GET "+prefix+"/-/healthy", say("healthy"))
	mux.HandleFunc("GET "+prefix+"/-/ready", say("ready")) // the listener is up only after the configuration is loaded
	mux.HandleFunc("POST "+prefix+"/-/reload", d.handleReload)
	web.New(web.Options{
		Snapshot: d.store.Snapshot, Find: d.store.Find, Status: d.status, Probe: d.runner.RunNow, Module: d.module, Prefix: prefix, Now: time.Now,
	}).Register(mux)
	if prefix != "" {
		mux.Handle("GET /{$}", http.RedirectHandler(prefix+"/", http.StatusFound))
	}
	return http.NewCrossOriginProtection().Handler(mux) // refuses /-/reload from a foreign origin
}

func (d *daemon) module(name string) (probes.SettingsOverride, bool) {
	layer, ok := d.cfg.Load().Modules[name]
	return layer, ok
}

// status is what the pages say of the daemon itself.
func (d *daemon) status() web.Status {
	passed, known := d.selfTest.result()
	s := web.Status{VantageBlocked: d.runner.Stats().VantageBlocked, SelfTestFailed: known && !passed, Version: version.Version}
	if refused := d.refused.Load(); refused != nil {
		s.ReloadError, s.ReloadFailed = refused.err.Error(), refused.at
	}
	return s
}

func say(word string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintln(w, word)
	}
}

func (d *daemon) handleReload(w http.ResponseWriter, r *http.Request) {
	switch err := d.reload(r.Context(), "POST /-/reload"); {
	case errors.Is(err, errShutdown):
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		say("reloaded")(w, nil)
	}
}

// own is the registry of what the exporter tells of itself.
func (d *daemon) own() *prometheus.Registry {
	own := prometheus.NewRegistry()
	own.MustRegister(d.store.Stages(), d.self.ScheduleLag(), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return own
}

// routePrefix is where the routes live: the flag, or the path of the external URL.
func routePrefix(flag, external string) (string, error) {
	path := flag
	if path == "" && external != "" {
		u, err := url.Parse(external)
		if err != nil {
			return "", fmt.Errorf("not a URL: %w", err)
		}
		path = u.Path
	}
	path = strings.Trim(path, "/")
	if strings.ContainsAny(path, "{} \t") {
		return "", fmt.Errorf("%q is no plain path", path)
	}
	if path == "" {
		return "", nil
	}
	return "/" + path, nil
}

func isLoopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
