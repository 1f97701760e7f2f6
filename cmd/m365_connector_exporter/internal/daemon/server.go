package daemon

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/sync/errgroup"
)

// ServeOptions are the options of [Daemon.Serve].
type ServeOptions struct {
	Web            *web.FlagConfig
	Handler        HandlerOptions
	MaxConnections int    // at a time, over all listeners
	PprofAddress   string // of the Go runtime's profiles; empty: none
	Hangup         <-chan os.Signal
}

// shutdownGrace is how long requests may take after a shutdown began.
const shutdownGrace = 3 * time.Second

// The limits of an HTTP/2 connection (RFC 9113): without them, 512 connections may have 128,000 requests, and each
// connection a frame of 1 MB in memory.
const (
	maxStreams = 8 // requests at a time; browsers and Prometheus wait if there are more
	maxFrame   = 16 << 10
)

// Serve runs the daemon and its listeners until ctx ends or one of them fails, and returns when every probe has ended.
// It returns nil after ctx has ended.
func (d *Daemon) Serve(ctx context.Context, o ServeOptions) error {
	limit := connectionLimit{limit: int64(o.MaxConnections)}
	server := &http.Server{
		Handler:           d.Handler(o.Handler),
		ConnState:         limit.connState,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams, MaxReadFrameSize: maxFrame},
		ErrorLog:          log.New(&serverLog{log: d.log}, "", 0),
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return d.Run(ctx, o.Hangup) })
	group.Go(func() error { return servePprof(ctx, o.PprofAddress) })
	group.Go(func() error {
		if err := listenAndServe(server, o.Web, d.log); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("listen: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		defer cancel()
		if err := server.Shutdown(grace); err != nil {
			return server.Close()
		}
		return nil
	})
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	d.log.Info("stopped, every probe has ended")
	return nil
}

// servePprof serves the profiles of the Go runtime on an address of its own until ctx ends; none if address is
// empty. Profiles show what is in memory: only operators should reach them.
func servePprof(ctx context.Context, address string) error {
	if address == "" {
		return nil
	}
	listener, err := net.Listen("tcp", address) //nolint:noctx // returns at once
	if err != nil {
		return fmt.Errorf("--debug.pprof-address: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 5 * time.Minute, IdleTimeout: time.Minute,
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); ctx.Err() == nil {
		return fmt.Errorf("--debug.pprof-address: %w", err)
	}
	return nil
}
