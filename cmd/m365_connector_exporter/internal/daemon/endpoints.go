package daemon

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/httpfetch"
	"m365_connector_exporter/probes/mailflow"
)

// When the published ranges are fetched. Microsoft asks for at most one request an hour, and changes them once a month.
const (
	endpointsEvery   = 24 * time.Hour
	endpointsRetry   = time.Hour // after a failure
	endpointsTimeout = 30 * time.Second
)

// endpointsReader compares the list of the configured firewall with the published ranges. It fetches them daily from
// Microsoft's endpoints service if a URL is configured, and keeps the last good ones.
// https://learn.microsoft.com/microsoft-365/enterprise/microsoft-365-ip-web-service
type endpointsReader struct {
	get  func(ctx context.Context, r httpfetch.Request) ([]byte, error)
	id   string // clientrequestid, by which the service counts requests
	log  *slog.Logger
	wake chan struct{} // has room for one
	// compared is the newest comparison; nil without a list.
	compared atomic.Pointer[check.Firewall]

	mu        sync.Mutex
	firewall  config.Firewall
	stateFile string
	known     publishedRanges
	problem   string // of the latest attempt; "" if it did not fail
	tried     time.Time
}

func newEndpointsReader(
	get func(context.Context, httpfetch.Request) ([]byte, error), stateFile string, log *slog.Logger,
) *endpointsReader {
	return &endpointsReader{get: get, id: newGUID(), log: log, stateFile: stateFile, wake: make(chan struct{}, 1)}
}

// newGUID returns a random GUID (RFC 9562, section 5.4).
func newGUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// use takes over a configuration.
func (r *endpointsReader) use(ctx context.Context, cfg *config.Config) {
	r.mu.Lock()
	before := r.firewall
	r.firewall = cfg.Firewall
	if r.firewall.Endpoints != before.Endpoints {
		kept, err := readPublished(ctx, cfg)
		if err != nil {
			r.log.Warn("the published address ranges that were fetched earlier cannot be read", slog.Any("err", err))
		}
		r.known, r.problem = kept, ""
	} else if !r.firewall.Roots.Equal(before.Roots) {
		r.tried = time.Time{} // they may have been the problem
	}
	r.compare()
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// compare updates the comparison. r.mu is held.
func (r *endpointsReader) compare() {
	r.compared.Store(compareFirewall(&r.firewall, r.known, r.problem))
}

// run fetches the ranges whenever they are due, until ctx ends, and calls changed after each attempt.
func (r *endpointsReader) run(ctx context.Context, changed func()) {
	for {
		wait, ok := r.wait(time.Now())
		if ok && wait == 0 {
			r.fetch(ctx)
			if ctx.Err() == nil {
				changed()
			}
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-r.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// wait returns how long to wait until the ranges are due. ok is false if they are not to be fetched.
func (r *endpointsReader) wait(now time.Time) (wait time.Duration, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.firewall.Fetched() {
		return endpointsEvery, false // after that time the caller asks again
	}
	wait = endpointsEvery - now.Sub(r.known.Fetched)
	if r.problem != "" {
		wait = max(wait, endpointsRetry-now.Sub(r.tried))
	}
	return min(max(wait, 0), endpointsEvery), true // a clock that was set back must not delay it for longer
}

// fetch gets the ranges. A failure keeps the last good ones.
func (r *endpointsReader) fetch(ctx context.Context) {
	r.mu.Lock()
	f := r.firewall
	r.mu.Unlock()
	ranges, err := r.request(ctx, &f)
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil || r.firewall.Endpoints != f.Endpoints {
		return // the daemon stops, or a reload has named another URL
	}
	r.tried, r.problem = time.Now(), ""
	if err != nil {
		r.problem = probes.Sanitise(err.Error(), maxShown)
		r.log.Warn("the published address ranges of Exchange Online cannot be fetched", slog.String("url", f.Endpoints),
			slog.String("err", r.problem))
	} else {
		r.known = publishedRanges{URL: f.Endpoints, Fetched: r.tried, Ranges: ranges}
		if err := r.known.write(r.stateFile); err != nil {
			r.log.Warn("the published address ranges cannot be saved", slog.Any("err", err))
		}
	}
	r.compare()
}

// request returns the ranges that the URL has.
func (r *endpointsReader) request(ctx context.Context, f *config.Firewall) ([]netip.Prefix, error) {
	ctx, cancel := context.WithTimeout(ctx, endpointsTimeout)
	defer cancel()
	u, err := url.Parse(f.Endpoints)
	if err != nil {
		return nil, err //nolint:wrapcheck // the configuration refuses it
	}
	query := u.Query()
	if !query.Has("clientrequestid") { // required by the service
		query.Set("clientrequestid", r.id)
	}
	u.RawQuery = query.Encode()
	body, err := r.get(ctx, httpfetch.Request{
		URL: u.String(), MaxBytes: maxListFile, MediaType: "application/json", Roots: f.Roots,
	})
	if err != nil {
		return nil, err
	}
	return mailflow.ParseEndpoints(body) //nolint:wrapcheck // the caller names the URL
}
