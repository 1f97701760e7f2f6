//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// comparisonSize is the extent of TestComparison: short in every run of the suite, full in `make compare`.
type comparisonSize struct {
	probes, parts int  // of each prober
	again         bool // measure again after every certificate has been seen once
	scheduled     bool // also measure the schedule of the exporter, for minutes
	held          []int
	settle        time.Duration // before memory is measured, so that the runtimes can return unused memory
}

func sizeOfComparison() comparisonSize {
	if os.Getenv("E2E_COMPARE") == "full" {
		return comparisonSize{3000, 6, true, true, []int{1000, 5000}, 31 * time.Second}
	}
	return comparisonSize{600, 3, false, false, []int{1000}, 0}
}

// TestComparison runs this program, blackbox_exporter and a bare Go client alternately against the same server, and
// measures the memory of many probes that wait for a silent server. It logs the figures of docs/performance.md; its
// assertions have wide margins.
func TestComparison(t *testing.T) {
	size := sizeOfComparison()
	a := newComparison(t, size.probes)
	t.Run("speed", func(t *testing.T) { a.in(t).speed(size) })
	if size.scheduled {
		t.Run("schedule", func(t *testing.T) { a.in(t).paced(size.probes) })
	}
	for _, held := range size.held {
		t.Run(fmt.Sprintf("%d held at the greeting", held),
			func(t *testing.T) { a.in(t).compareMemory(held, silentAtGreeting, size.settle) })
		t.Run(fmt.Sprintf("%d held after the handshake", held),
			func(t *testing.T) { a.in(t).compareMemory(held, silentAfterHandshake, size.settle) })
	}
}

// in returns the comparison for a subtest: processes that it starts end with the subtest.
func (a *comparison) in(t *testing.T) *comparison {
	t.Helper()
	w := *a.world
	w.t = t
	return &comparison{&w, a.peer, a.ports}
}

func (a *comparison) speed(size comparisonSize) {
	program, blackbox := a.program(size.probes, onRequest, neverSilent), a.blackbox()
	var exporter, blackboxCost, bare cost
	alternate(size, func(from, to int) {
		exporter.add(program.probeAll(from, to, programTarget))
		blackboxCost.add(blackbox.probeAll(from, to, a.blackboxTarget(neverSilent)))
		bare.add(a.bare(bareOrder{From: from, To: to}))
	})
	a.t.Log("| prober | probes per CPU second | CPU per probe | median | 99th percentile | allocations per probe |")
	a.t.Log(exporter.row("this program, /probe"))
	a.t.Log(blackboxCost.row("blackbox_exporter, /probe"))
	a.t.Log(bare.row("net/smtp and crypto/tls alone"))
	a.t.Logf("resident memory: this program with %d paths %d kB, blackbox_exporter %d kB", size.probes,
		program.resident()>>10, blackbox.resident()>>10)
	// the short comparison takes less than a second of CPU time for each: its ratio varies by a fifth
	if exporter.each() > blackboxCost.each()*5/4 {
		a.t.Errorf("a probe costs %v, blackbox_exporter's %v: want at most 5/4 of it", exporter.each(), blackboxCost.each())
	}
	if size.again {
		a.again(size, program, blackbox)
	}
}

// again measures probes of certificates that the exporter has verified before. The other programs have no cache.
func (a *comparison) again(size comparisonSize, program, blackbox *daemon) {
	time.Sleep(11 * time.Second) // /probe returns a more recent result without a new probe
	var exporter, blackboxCost, bare, least cost
	alternate(size, func(from, to int) {
		exporter.add(program.probeAll(from, to, programTarget))
		blackboxCost.add(blackbox.probeAll(from, to, a.blackboxTarget(neverSilent)))
		bare.add(a.bare(bareOrder{From: from, To: to}))
		least.add(a.bare(bareOrder{From: from, To: to, Least: true}))
	})
	a.t.Log(exporter.row("this program, /probe, the same servers again"))
	a.t.Log(blackboxCost.row("blackbox_exporter, /probe, again"))
	a.t.Log(bare.row("net/smtp and crypto/tls alone, again"))
	a.t.Log(least.row("net/smtp and crypto/tls alone, nothing verified"))
}

func alternate(size comparisonSize, step func(from, to int)) {
	for n := range size.parts {
		step(size.probes*n/size.parts, size.probes*(n+1)/size.parts)
	}
}

// paced measures one probe at a time with pauses, as in production: CPU caches are cold, so a probe costs more than in
// a back-to-back run.
func (a *comparison) paced(probes int) {
	every := pacedOver / time.Duration(probes)
	blackbox := a.blackbox()
	blackboxCost := blackbox.measure(func() []time.Duration {
		return blackbox.probed(eachIn(every, probes, func(i int) (time.Duration, error) {
			return blackbox.requestProbe(context.Background(), a.blackboxTarget(neverSilent)(i))
		}))
	})
	blackbox.stop()
	a.t.Log("| one probe every ", every,
		" | probes per CPU second | CPU per probe | median | 99th percentile | allocations per probe |")
	a.t.Log(blackboxCost.row("blackbox_exporter, /probe"))
	a.t.Log(a.bare(bareOrder{To: probes, Every: every}).row("net/smtp and crypto/tls alone"))
	a.t.Log(a.scheduled(probes).row("this program, its own schedule"))
}

// scheduled measures the probes of the exporter's schedule, with evaluations and scrapes.
func (a *comparison) scheduled(paths int) cost {
	a.t.Helper()
	d := a.program(paths, pacedOver.String(), neverSilent)
	rounds := func() float64 { return d.sum("m365_connector_probes_total") }
	eventually(a.t, time.Minute,
		func() string { return unless(rounds() >= float64(paths), "the first round is not over") })
	start := rounds()
	c := d.measure(func() []time.Duration {
		for range pacedOver / (15 * time.Second) {
			time.Sleep(15 * time.Second)
			d.http(http.MethodGet, "/metrics")
		}
		return nil
	})
	c.Probes = int(rounds() - start)
	return c
}

// each returns the CPU time per probe.
func (c cost) each() time.Duration { return c.CPU / time.Duration(max(c.Probes, 1)) }

func (c cost) row(name string) string {
	slices.Sort(c.Took)
	median, last := "", ""
	if n := len(c.Took); n > 0 {
		median, last = c.Took[n/2].String(), c.Took[n*99/100].String()
	}
	return fmt.Sprintf("| %s | %.0f | %v | %s | %s | %.0f |", name, float64(c.Probes)/c.CPU.Seconds(), c.each(),
		median, last, c.Mallocs/float64(c.Probes))
}

func unless(ok bool, why string) string {
	if ok {
		return ""
	}
	return why
}

// compareMemory compares the memory of n probes that wait for a server. Both programs are measured idle first, this one
// without scheduled probes.
func (a *comparison) compareMemory(n, silent int, settle time.Duration) {
	exporter := a.measureMemory(n, settle, func() *daemon { return a.program(n, onRequest, silent) },
		func() *daemon { return a.program(n, "10m", silent) })
	blackbox := a.measureMemory(n, settle, a.blackbox, func() *daemon {
		d := a.blackbox()
		d.holdProbes(n, a.blackboxTarget(silent))
		return d
	})
	a.t.Logf("| this program | at rest %d kB | with %d waiting %d kB | each %d B |", exporter.rest>>10, n,
		exporter.full>>10, exporter.each)
	a.t.Logf("| blackbox_exporter | at rest %d kB | with %d waiting %d kB | each %d B |", blackbox.rest>>10, n,
		blackbox.full>>10, blackbox.each)
	if exporter.each > blackbox.each/2 {
		a.t.Errorf("a waiting probe takes %d bytes, blackbox_exporter's %d: want at most half", exporter.each, blackbox.each)
	}
}

// footprint is resident memory in bytes.
type footprint struct{ rest, full, each int }

func (a *comparison) measureMemory(n int, settle time.Duration, rest, full func() *daemon) footprint {
	a.t.Helper()
	idle := rest()
	time.Sleep(settle)
	idle.awaitIdle()
	f := footprint{rest: idle.resident()}
	idle.stop()
	before := a.peer.descriptors()
	d := full()
	eventually(a.t, 2*time.Minute, func() string {
		waiting := a.peer.descriptors() - before
		return unless(waiting >= n, fmt.Sprintf("%d of %d probes are waiting", waiting, n))
	})
	time.Sleep(settle)
	d.awaitIdle()
	f.full = d.resident()
	f.each = (f.full - f.rest) / n
	d.stop()
	return f
}

// holdProbes requests n probes at once; they end with the test.
func (d *daemon) holdProbes(n int, target func(i int) string) {
	ctx, cancel := context.WithCancel(context.Background())
	var requests sync.WaitGroup
	for i := range n {
		requests.Go(func() { _, _ = d.requestProbe(ctx, target(i)) }) // the server never replies
	}
	d.t.Cleanup(func() { cancel(); requests.Wait() })
}

// awaitIdle returns when a process has used no CPU time for a second.
func (p *process) awaitIdle() {
	p.t.Helper()
	last, still := p.cpu(), 0
	eventually(p.t, 2*time.Minute, func() string {
		if now := p.cpu(); now > last {
			last, still = now, 0
		} else {
			still++
		}
		return unless(still == 4, "the process is always busy")
	})
}
