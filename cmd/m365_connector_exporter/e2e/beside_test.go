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

// besideSize is how much is measured: a little with every run of the suite, all of it by `make beside`.
type besideSize struct {
	probes, parts int  // of each prober
	again         bool // this program and the bare client once more, when every certificate has been seen
	scheduled     bool // the daemon's own schedule too, for minutes
	held          []int
	settle        time.Duration // before something is weighed, so that collectors can give back what nobody uses
}

func sizeOfBeside() besideSize {
	if os.Getenv("E2E_BESIDE") == "full" {
		return besideSize{3000, 6, true, true, []int{1000, 5000}, 31 * time.Second}
	}
	return besideSize{600, 3, false, false, []int{1000}, 0}
}

// TestBeside runs this program, blackbox_exporter and a bare Go client alternately against the same server, and
// measures the memory of many probes that wait for a silent server. It logs the figures of docs/performance.md; its
// assertions have wide margins.
func TestBeside(t *testing.T) {
	size := sizeOfBeside()
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

// in is the comparison for a part of the test: what it starts ends with that.
func (a *comparison) in(t *testing.T) *comparison {
	t.Helper()
	w := *a.world
	w.t = t
	return &comparison{&w, a.peer, a.ports}
}

func (a *comparison) speed(size besideSize) {
	program, blackbox := a.program(size.probes, onRequest, neverSilent), a.blackbox()
	var own, other, bare cost
	alternate(size, func(from, to int) {
		own.add(program.probeAll(from, to, programTarget))
		other.add(blackbox.probeAll(from, to, a.blackboxTarget(neverSilent)))
		bare.add(a.bare(bareOrder{From: from, To: to}))
	})
	a.t.Log("| prober | probes per CPU second | CPU per probe | median | 99th percentile | allocations per probe |")
	a.t.Log(own.row("this program, /probe"))
	a.t.Log(other.row("blackbox_exporter, /probe"))
	a.t.Log(bare.row("net/smtp and crypto/tls alone"))
	a.t.Logf("resident then: this program with %d paths %d kB, blackbox_exporter %d kB", size.probes,
		program.resident()>>10, blackbox.resident()>>10)
	if own.each() > other.each()*9/10 {
		a.t.Errorf("a probe costs %v, blackbox_exporter's %v: more than nine tenths", own.each(), other.each())
	}
	if size.again {
		a.again(size, program, blackbox)
	}
}

// again measures probes of certificates that the daemon has seen before. The other programs remember nothing.
func (a *comparison) again(size besideSize, program, blackbox *daemon) {
	time.Sleep(11 * time.Second) // a younger result would be returned again
	var own, other, bare, least cost
	alternate(size, func(from, to int) {
		own.add(program.probeAll(from, to, programTarget))
		other.add(blackbox.probeAll(from, to, a.blackboxTarget(neverSilent)))
		bare.add(a.bare(bareOrder{From: from, To: to}))
		least.add(a.bare(bareOrder{From: from, To: to, Least: true}))
	})
	a.t.Log(own.row("this program, /probe, the same servers again"))
	a.t.Log(other.row("blackbox_exporter, /probe, again"))
	a.t.Log(bare.row("net/smtp and crypto/tls alone, again"))
	a.t.Log(least.row("net/smtp and crypto/tls alone, nothing verified"))
}

func alternate(size besideSize, step func(from, to int)) {
	for n := range size.parts {
		step(size.probes*n/size.parts, size.probes*(n+1)/size.parts)
	}
}

// paced measures one probe at a time with pauses, as a prober works: with cold caches, which costs more than
// back-to-back probes.
func (a *comparison) paced(probes int) {
	every := pacedOver / time.Duration(probes)
	blackbox := a.blackbox()
	other := blackbox.measure(func() []time.Duration {
		return blackbox.probed(eachIn(every, probes, func(i int) (time.Duration, error) {
			return blackbox.requestProbe(context.Background(), a.blackboxTarget(neverSilent)(i))
		}))
	})
	blackbox.stop()
	a.t.Log("| one probe every ", every,
		" | probes per CPU second | CPU per probe | median | 99th percentile | allocations per probe |")
	a.t.Log(other.row("blackbox_exporter, asked so"))
	a.t.Log(a.bare(bareOrder{To: probes, Every: every}).row("net/smtp and crypto/tls alone"))
	a.t.Log(a.scheduled(probes).row("this program, its own schedule"))
}

// scheduled measures the daemon's own probes, with its evaluations and scrapes.
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

// each is the CPU time of one probe.
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
	own := a.measureMemory(n, settle, func() *daemon { return a.program(n, onRequest, silent) },
		func() *daemon { return a.program(n, "10m", silent) })
	other := a.measureMemory(n, settle, a.blackbox, func() *daemon {
		d := a.blackbox()
		d.holdProbes(n, a.blackboxTarget(silent))
		return d
	})
	a.t.Logf("| this program | at rest %d kB | with %d waiting %d kB | each %d B |", own.rest>>10, n, own.full>>10,
		own.each)
	a.t.Logf("| blackbox_exporter | at rest %d kB | with %d waiting %d kB | each %d B |", other.rest>>10, n,
		other.full>>10, other.each)
	if own.each > other.each/2 {
		a.t.Errorf("a waiting probe takes %d bytes, blackbox_exporter's %d: more than half", own.each, other.each)
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
		return unless(a.peer.descriptors()-before >= n, fmt.Sprintf("%d of %d wait", a.peer.descriptors()-before, n))
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
	var asked sync.WaitGroup
	for i := range n {
		asked.Go(func() { _, _ = d.requestProbe(ctx, target(i)) }) // it never answers
	}
	d.t.Cleanup(func() { cancel(); asked.Wait() })
}

// awaitIdle returns when a process has nothing to do for a second.
func (p *process) awaitIdle() {
	p.t.Helper()
	last, still := p.cpu(), 0
	eventually(p.t, 2*time.Minute, func() string {
		if now := p.cpu(); now > last {
			last, still = now, 0
		} else {
			still++
		}
		return unless(still == 4, "it is always busy")
	})
}
