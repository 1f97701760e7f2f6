//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// load is what a daemon holds of its host. Memory is what is in use after a collection.
type load struct {
	goroutines, descriptors, heapMB, residentMB float64
}

// exceeds is empty when nothing is held beyond what was held before, with a margin for rounds that are under way.
func (l load) exceeds(before load) string {
	const rounds = 40 // of a healthy path: four goroutines and one descriptor while it lasts
	if l.goroutines > before.goroutines+rounds || l.descriptors > before.descriptors+rounds ||
		l.heapMB > before.heapMB*1.2+2 {
		return fmt.Sprintf("%+v is held, before it was %+v", l, before)
	}
	return ""
}

// pprof is a free address for profiles.
func (w *world) pprof() string {
	w.t.Helper()
	w.profiles = fmt.Sprintf("127.0.0.1:%d", freePort(w.t))
	return w.profiles
}

// load collects garbage in the daemon and reads what it holds.
func (w *world) load(d *daemon) load {
	w.t.Helper()
	for range 2 { // a heap profile begins with a collection; twice, for what finalizers free
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

// profile is the beginning of one of the daemon's profiles.
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
