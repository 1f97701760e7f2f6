//go:build e2e

package e2e

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// soakLength returns the duration in the environment variable SOAK, or a default that is short enough for CI.
func soakLength(t testing.TB) time.Duration {
	t.Helper()
	text := os.Getenv("SOAK")
	if text == "" {
		return 150 * time.Second
	}
	length, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("SOAK: %v", err)
	}
	return length
}

// TestSoak runs the daemon on all faults and 200 healthy paths under load: a reload every second, one with other
// paths every ten seconds, scrapes, pages and /probe. Its resource usage must not grow, and no healthy path may
// fail.
func TestSoak(t *testing.T) {
	length := soakLength(t)
	w := newFaultWorld(t)
	file := w.configureFaults(true)
	d := runDaemon(t, w.binary, "serve", "--config.file="+file, "--log.level=error", "--debug.pprof-address="+w.pprof())
	eventually(t, 2*time.Minute, func() string { return d.metrics().healthy() })

	ctx, cancel := context.WithTimeout(context.Background(), length)
	defer cancel()
	s := &loadGenerator{w: w, d: d}
	s.running.Go(func() { s.every(ctx, time.Second, s.reload) })
	s.running.Go(func() { s.every(ctx, 500*time.Millisecond, s.scrape) })
	s.running.Go(func() { s.every(ctx, 300*time.Millisecond, s.probe) })
	s.running.Go(func() { s.every(ctx, 5*time.Second, s.pages) })
	var samples []load
	tick := time.NewTicker(max(length/40, 3*time.Second))
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			samples = append(samples, w.load(d))
			if why := d.metrics().healthy(); why != "" {
				t.Fatal(why)
			}
		}
	}
	cancel()
	s.running.Wait()
	m := d.metrics()
	t.Logf("%v: %d reloads, %d scrapes, %d probes, %d pages; %v healthy rounds passed; %d samples", length,
		s.count[0], s.count[1], s.count[2], s.count[3], m.rounds(), len(samples))
	for _, e := range s.errors {
		t.Error(e)
	}
	w.checkGrowth(samples)
	if t.Failed() {
		t.Log(w.profile("goroutine?debug=1"))
		t.Log(w.profile("heap?debug=1&gc=1"))
	}
}

// checkGrowth compares the minimum usage in the last third of a run with that in the second third: a leak raises the
// minimum, a busy phase does not.
func (w *world) checkGrowth(samples []load) {
	w.t.Helper()
	third := len(samples) / 3
	if third < 3 {
		w.t.Fatalf("%d samples are too few", len(samples))
	}
	middle, last := minimum(samples[third:2*third]), minimum(samples[2*third:])
	w.t.Logf("minimum usage per third: %+v, %+v, %+v", minimum(samples[:third]), middle, last)
	if last.goroutines > middle.goroutines*1.1+20 || last.descriptors > middle.descriptors*1.1+20 ||
		last.heapMB > middle.heapMB*1.1+1 {
		w.t.Errorf("resource usage grows: minimum %+v, then %+v", middle, last)
	}
}

func minimum(samples []load) load {
	all := samples[0]
	for _, s := range samples[1:] {
		all = load{
			goroutines: min(all.goroutines, s.goroutines), descriptors: min(all.descriptors, s.descriptors),
			heapMB: min(all.heapMB, s.heapMB), residentMB: min(all.residentMB, s.residentMB),
		}
	}
	return all
}

// loadGenerator sends requests and reloads to a daemon and records errors.
type loadGenerator struct {
	w       *faultWorld
	d       *daemon
	running sync.WaitGroup
	mu      sync.Mutex
	errors  []string // the first ten
	count   [4]int   // reloads, scrapes, probes, pages; each has one goroutine
}

func (s *loadGenerator) every(ctx context.Context, pause time.Duration, do func()) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do()
		}
	}
}

// request sends a request to the daemon and discards the body. Any status other than the wanted ones is an error.
func (s *loadGenerator) request(method, page string, wanted ...int) {
	req, err := http.NewRequest(method, s.d.url+page, nil)
	if err != nil {
		s.fail(err.Error())
		return
	}
	req.Header.Set("Accept-Encoding", "gzip")
	// /probe may wait while the daemon reduces its connections to a server that requested it
	req.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", "10")
	resp, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		s.fail(err.Error())
		return
	}
	defer func() { _ = resp.Body.Close() }()
	var body io.Reader = resp.Body
	if resp.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(resp.Body); err != nil {
			s.fail(page + ": " + err.Error())
			return
		}
	}
	text, err := io.ReadAll(body)
	if err != nil || !slices.Contains(wanted, resp.StatusCode) {
		s.fail(fmt.Sprintf("%s %s: %d, %v, %.200s", method, page, resp.StatusCode, err, text))
	}
}

func (s *loadGenerator) fail(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.errors) < 10 {
		s.errors = append(s.errors, why)
	}
}

// reload reloads the daemon. Every tenth time it first removes another third of the faulty paths.
func (s *loadGenerator) reload() {
	if s.count[0]%10 == 0 {
		var faulty []path
		for i, p := range s.w.faulty {
			if i%3 != s.count[0]/10%3 {
				faulty = append(faulty, p)
			}
		}
		temp := filepath.Join(s.w.dir, "next.yaml")
		if err := os.WriteFile(temp, []byte(s.w.text(faulty)), 0o600); err != nil {
			s.fail(err.Error())
		}
		if err := os.Rename(temp, filepath.Join(s.w.dir, "faults.yaml")); err != nil {
			s.fail(err.Error())
		}
	}
	s.count[0]++
	s.request(http.MethodPost, "/-/reload", http.StatusOK)
}

func (s *loadGenerator) scrape() {
	s.count[1]++
	s.request(http.MethodGet, "/metrics", http.StatusOK)
}

// probe probes a healthy path and a faulty one in turn; the latter may have been removed.
func (s *loadGenerator) probe() {
	s.count[2]++
	n := s.count[2]
	tenant, p := "healthy", s.w.healthy[n%len(s.w.healthy)]
	if n%2 == 0 {
		tenant, p = "faults", s.w.faulty[n/2%len(s.w.faulty)]
	}
	target := strings.Join([]string{tenant, p.connector, url.PathEscape(p.hop)}, "/")
	s.request(http.MethodGet, "/probe?target="+url.QueryEscape(target), http.StatusOK, http.StatusNotFound)
}

func (s *loadGenerator) pages() {
	s.count[3]++
	for _, page := range []string{"/", "/api/v1/paths", "/api/v1/findings", "/sd"} {
		s.request(http.MethodGet, page, http.StatusOK)
	}
}
