//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// load is the resource usage of a daemon. Memory is measured after a garbage collection.
type load struct {
	goroutines, descriptors, heapMB, residentMB float64
}

// exceeds returns "" if the usage is not higher than before, with a margin for running rounds, else the difference.
func (l load) exceeds(before load) string {
	const rounds = 40 // running rounds of a healthy path: each has four goroutines and one descriptor
	if l.goroutines > before.goroutines+rounds || l.descriptors > before.descriptors+rounds ||
		l.heapMB > before.heapMB*1.2+2 {
		return fmt.Sprintf("resource usage %+v, before %+v", l, before)
	}
	return ""
}

// pprof picks a free address for profiles.
func (w *world) pprof() string {
	w.t.Helper()
	w.profiles = fmt.Sprintf("127.0.0.1:%d", freePort(w.t))
	return w.profiles
}

// load runs a garbage collection in the daemon and returns its resource usage.
func (w *world) load(d *daemon) load {
	w.t.Helper()
	for range 2 { // a heap profile starts with a collection; the second frees what finalizers released
		w.profile("heap?gc=1")
	}
	m := d.metrics()
	value := func(name string) float64 {
		v, ok := m.value(name)
		if !ok {
			w.t.Fatalf("no %s", name)
		}
		return v
	}
	return load{
		goroutines: value("go_goroutines"), descriptors: value("process_open_fds"),
		heapMB:     value("go_memstats_heap_alloc_bytes") / (1 << 20),
		residentMB: value("process_resident_memory_bytes") / (1 << 20),
	}
}

// profile returns the first 10,000 bytes of one of the daemon's profiles.
func (w *world) profile(name string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.profiles+"/debug/pprof/"+name, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text[:min(len(text), 10_000)])
}

// awaitTwoRounds waits until every healthy path has had two rounds.
func (w *faultWorld) awaitTwoRounds(d *daemon) {
	w.t.Helper()
	eventually(w.t, time.Minute, func() string {
		if n := d.metrics().rounds(); n < 2*healthyPaths {
			return fmt.Sprintf("%v rounds", n)
		}
		return ""
	})
}
