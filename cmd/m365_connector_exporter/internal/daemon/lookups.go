package daemon

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

const (
	refreshEvery = time.Hour
	retryFirst   = 30 * time.Second // after a refresh without all answers; doubled each time
	maxLookups   = 16               // at a time
)

// lookupResults are the results of lookups that are not part of a probe. They are replaced as a whole.
type lookupResults struct {
	mx               map[string][]string           // of accepted domains that answered
	smtpCertificates map[probes.PathID]*probes.TLS // as the servers of certificate.smtp showed them, by sender
}

// lookups refresh lookupResults.
type lookups struct {
	results atomic.Pointer[lookupResults]
	wake    chan struct{} // has room for one
	// lookUp returns new results, and whether everything answered.
	lookUp func(ctx context.Context, previous *lookupResults) (results *lookupResults, complete bool)
}

func newLookups(lookUp func(context.Context, *lookupResults) (*lookupResults, bool)) *lookups {
	l := &lookups{wake: make(chan struct{}, 1), lookUp: lookUp}
	l.results.Store(&lookupResults{})
	return l
}

// found returns the latest results.
func (l *lookups) found() *lookupResults { return l.results.Load() }

// refreshNow causes a refresh at once, or after the one that runs.
func (l *lookups) refreshNow() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// refreshLoop refreshes the results at the start, every hour and at refreshNow, until ctx ends, and calls refreshed
// after each time. If something did not answer, it tries again sooner: at a start the network may not be up.
func (l *lookups) refreshLoop(ctx context.Context, refreshed func()) {
	retry := retryFirst
	for {
		wait := refreshEvery
		if l.refresh(ctx, refreshed) {
			retry = retryFirst
		} else {
			wait = min(retry, refreshEvery)
			retry = 2 * wait
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-l.wake:
			timer.Stop()
			retry = retryFirst
		case <-timer.C:
		}
	}
}

// refresh reports whether everything answered. Results of a refresh that ctx cuts short are dropped.
func (l *lookups) refresh(ctx context.Context, refreshed func()) (complete bool) {
	results, complete := l.lookUp(ctx, l.results.Load())
	if ctx.Err() == nil {
		l.results.Store(results)
		refreshed()
	}
	return complete
}

// lookUp looks up the MX of every accepted domain, and probes the servers that certificate.smtp names. What does not
// answer keeps its previous result.
func (d *Daemon) lookUp(ctx context.Context, previous *lookupResults) (results *lookupResults, complete bool) {
	cfg, prober := d.cfg.Load(), d.prober.Load()
	results = &lookupResults{mx: map[string][]string{}, smtpCertificates: map[probes.PathID]*probes.TLS{}}
	complete = true
	record := make(chan func()) // called one at a time
	var group errgroup.Group
	group.SetLimit(maxLookups)
	go func() {
		for _, t := range cfg.Tenants {
			servers := dnsServers(cfg.Layers(t.Name, mailflow.Inbound, "", ""))
			for _, domain := range t.AcceptedDomains {
				group.Go(func() error {
					hosts, ok := prober.MX(ctx, domain.Name, servers)
					record <- func() { complete = keepAnswer(results.mx, previous.mx, domain.Name, hosts, ok) && complete }
					return nil
				})
			}
		}
		for _, p := range smtpCertificatePaths(cfg, d.helloName) {
			group.Go(func() error {
				seen := shownCertificate(prober.Probe(ctx, &p))
				record <- func() {
					complete = keepAnswer(results.smtpCertificates, previous.smtpCertificates, p.ID, seen, seen != nil) && complete
				}
				return nil
			})
		}
		_ = group.Wait() // nothing returns an error
		close(record)
	}()
	for f := range record {
		f()
	}
	return results, complete
}

// keepAnswer puts an answer into results, or the previous one if there is none. It reports whether there is one.
func keepAnswer[K comparable, V any](results, previous map[K]V, key K, answer V, ok bool) bool {
	if ok {
		results[key] = answer
	} else if old, known := previous[key]; known {
		results[key] = old
	}
	return ok
}

// dnsServers returns the servers that the innermost of the layers sets; nil if none does.
func dnsServers(layers []probes.SettingsOverride) []string {
	var servers []string
	for _, l := range layers {
		if l.DNSServers != nil {
			servers = l.DNSServers
		}
	}
	return servers
}
