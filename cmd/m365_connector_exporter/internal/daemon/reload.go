package daemon

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"

	"golang.org/x/time/rate"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
)

// How many reloads may begin at once and how many a second after these. A client that requests one after the other
// would otherwise cause hundreds a second, each with lines in the log.
const (
	reloadBurst      = 20
	reloadsPerSecond = 2
)

// errShutdown answers the requests for a reload that a shutdown leaves undone.
var errShutdown = errors.New("not reloaded: the daemon is shutting down")

// reloads runs reloads one at a time. A request that arrives while one runs needs another one, which reads the files
// after the request; all requests that wait for it share it, and its answer. So one reload runs and at most one is
// pending, however many are requested.
type reloads struct {
	// life ends all waiting: a reload may hang in a file system that does not answer, and a shutdown does not wait
	// for it.
	life context.Context
	// load does the work. When it returns after ctx has ended, it must have changed nothing.
	load func(ctx context.Context, r reloadRequest) error
	// pace delays reloads that follow each other closely; nil: none.
	pace *rate.Limiter

	mu      sync.Mutex
	running bool
	pending *pendingReload // nil if none is requested
}

// reloadRequest is what a reload is requested for.
type reloadRequest struct {
	trigger   string // for the log: a signal, an HTTP request or a changed file
	ifChanged bool   // only if a file named in the configuration has changed
}

// pendingReload is a reload that has not begun.
type pendingReload struct {
	reloadRequest
	done chan struct{}
	err  error // set before done is closed
}

// request waits for a reload that begins after the call, and returns its error. It returns the error of ctx if
// that ends first (the reload goes on), and errShutdown if the daemon ends.
func (r *reloads) request(ctx context.Context, request reloadRequest) error {
	p := r.join(request)
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-r.life.Done():
		return errShutdown
	}
}

// join adds a request to the pending reload, and begins one if none runs.
func (r *reloads) join(request reloadRequest) *pendingReload {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pending == nil {
		r.pending = &pendingReload{reloadRequest: request, done: make(chan struct{})}
	} else if r.pending.ifChanged && !request.ifChanged {
		r.pending.reloadRequest = request
	}
	p := r.pending
	if !r.running {
		r.running = true
		go r.run()
	}
	return p
}

// run reloads until nothing is pending.
func (r *reloads) run() {
	for r.anyPending() {
		if r.pace != nil {
			_ = r.pace.Wait(r.life) // an error means that life has ended
		}
		p := r.next()
		if r.life.Err() != nil {
			p.err = errShutdown
		} else {
			p.err = r.load(r.life, p.reloadRequest)
		}
		close(p.done)
	}
}

// anyPending reports whether a reload is pending. If none is, run ends.
func (r *reloads) anyPending() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running = r.pending != nil
	return r.running
}

// next takes the pending reload.
func (r *reloads) next() *pendingReload {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.pending
	r.pending = nil
	return p
}

// maxLoggedChanges bounds how many changed connectors a reload logs. All of them are counted.
const maxLoggedChanges = 100

// recordChanges counts and logs the connectors that differ between two configurations.
func (d *Daemon) recordChanges(before, after *config.Config) {
	changes := after.ChangesSince(before)
	for i, c := range changes {
		d.store.CountChange(c.Tenant, c.Kind)
		if i < maxLoggedChanges {
			d.log.Info("connector "+c.Kind, slog.String("tenant", c.Tenant), slog.String("direction", string(c.Direction)),
				slog.String("connector", c.Connector), slog.String("properties", strings.Join(c.Properties, ",")))
		}
	}
	if more := len(changes) - maxLoggedChanges; more > 0 {
		d.log.Info("more connectors changed than are logged", slog.Int("more", more))
	}
}
