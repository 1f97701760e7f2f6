//go:build unix

package daemon

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/common/expfmt"

	"m365_connector_exporter/probes/schedule"
)

var (
	scalePaths = flag.Int("scale.paths", 500,
		"paths of TestScale, a multiple of 10; above the default, times have limits, too")
	scaleInterval  = flag.Duration("scale.interval", time.Second, "their interval")
	scaleIntervals = flag.Int("scale.intervals", 6, "how many intervals it runs, 3 at least")
)

// TestScale runs everything but the network: the schedule probes simulated servers with various latencies and
// failures, the results are evaluated and scraped every 15 s, and the configuration is reloaded once. The memory in
// use must not grow. On a large run (make scale), which takes real time, the lag of rounds, the start and the reload
// have limits. docs/performance.md has what it logs.
func TestScale(t *testing.T) {
	if *scalePaths > 500 {
		runScale(t, true)
		return
	}
	synctest.Test(t, func(t *testing.T) { runScale(t, false) })
}

func runScale(t *testing.T, large bool) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "scale.yaml")
	writeScale(t, file, "15m")
	begun := now()
	d := loaded(t, file)
	started := begun.since()
	var late lags
	d.runner = schedule.New(schedule.Options{Prober: simulated{d.limiter}, Sink: d.store.Record, OnLag: late.add})
	paths := Plan(d.cfg.Load(), d.helloName)
	d.runner.SetPaths(paths)
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	group.Go(func() { d.runner.Run(ctx) })
	group.Go(func() { d.evaluator.run(ctx) })
	group.Go(func() { d.scrapes(ctx) })

	t.Logf("%d paths: started in %s", len(paths), started)
	var seen []interval
	for n := range *scaleIntervals {
		before := used()
		rounds := late.count()
		time.Sleep(*scaleInterval)
		if n == *scaleIntervals/2 {
			took := reloadScale(t, d, file)
			t.Logf("reloaded in %s", took)
			if large && *scalePaths <= 10000 && took.clock > time.Second {
				t.Errorf("a reload took %s, want a second at most", took)
			}
		}
		i := interval{late.count() - rounds, used() - before, live(), runtime.NumGoroutine()}
		seen = append(seen, i)
		t.Logf("interval %d: %d rounds, %s CPU (%s each), %.1f MB in use, %d goroutines", n+1, i.rounds,
			i.cpu.Round(time.Millisecond),
			(i.cpu / time.Duration(max(1, i.rounds))).Round(time.Microsecond), i.heap, i.goroutines)
	}
	last, second := seen[len(seen)-1], seen[1]
	if last.heap > second.heap*1.15+6 { // histories still grow
		t.Errorf("%.1f MB in use in the end, %.1f MB after two intervals", last.heap, second.heap)
	}
	if stats := d.runner.Stats(); !stats.FirstRoundComplete || last.rounds < *scalePaths/2 {
		t.Errorf("%d rounds in the last interval, %+v", last.rounds, stats)
	}
	p50, p99, most := late.quantiles()
	t.Logf("lag of %d rounds: median %s, 99 in 100 below %s, longest %s; %d skipped", late.count(), p50, p99, most,
		d.runner.Stats().Skipped)
	if large && (p99 > time.Second || *scalePaths <= 10000 && started.clock > 3*time.Second) {
		t.Errorf("99 in 100 rounds start within %s, the program in %s; want 1s and 3s", p99, started)
	}
}

type interval struct {
	rounds     int
	cpu        time.Duration
	heap       float64 // MB
	goroutines int
}

// reloadScale changes the configuration and reloads it. Every path must keep its history.
func reloadScale(t *testing.T, d *Daemon, file string) spent {
	t.Helper()
	counted := func() (n uint64) {
		for _, s := range d.store.Snapshot().Paths {
			for _, rounds := range s.Rounds {
				n += rounds
			}
		}
		return n
	}
	before := counted()
	writeScale(t, file, "20m")
	begun := now()
	if err := d.reload(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	took := begun.since()
	if after := counted(); after < before || before == 0 {
		t.Errorf("%d rounds are counted after a reload, %d before it", after, before)
	}
	return took
}

// writeScale writes a configuration of ten smart hosts a connector and a hundred connectors a tenant.
func writeScale(t *testing.T, file, messages string) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "global: {max_concurrent: %d}\n", max(256, *scalePaths/50))
	fmt.Fprintf(&b, "probe: {interval: %s, timeout: %s, until: recipient, message_min_interval: 1h}\ntenants:\n",
		*scaleInterval, *scaleInterval*9/10)
	fmt.Fprintf(&b, "- name: changing\n  probe: {message_min_interval: %s}\n", messages)
	for first := 0; first < *scalePaths; first += 10 {
		tenant := first / 1000
		if first%1000 == 0 {
			fmt.Fprintf(&b, "- name: tenant%d\n  accepted_domains: [{domain_name: t%d.example, default: true}]\n"+
				"  outbound_connectors:\n", tenant, tenant)
		}
		hosts := make([]string, 10)
		for i := range hosts {
			hosts[i] = fmt.Sprintf("h%d.example", first+i)
		}
		fmt.Fprintf(&b, "  - {name: connector %d, connector_type: OnPremises, use_mx_record: false,\n"+
			"     tls_settings: CertificateValidation, smart_hosts: [%s], recipient_domains: [t%d.example],\n"+
			"     validation_recipients: [probe@t%d.example]}\n",
			first/10, strings.Join(hosts, ", "), tenant, tenant)
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// scrapes scrapes four times a minute, as a Prometheus server does.
func (d *Daemon) scrapes(ctx context.Context) {
	tick := time.NewTicker(15 * time.Second)
	defer tick.Stop()
	for {
		_ = d.gatherer.Write(io.Discard, expfmt.FmtText) // nothing that discards fails
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// lags records how late rounds started.
type lags struct {
	mu  sync.Mutex
	all []time.Duration
}

func (l *lags) add(lag time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, lag)
}

func (l *lags) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

func (l *lags) quantiles() (p50, p99, most time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.Sort(l.all)
	n := len(l.all) - 1
	return l.all[n/2], l.all[n*99/100], l.all[n]
}

// moment is a point in time, with the processor time that this process had used until then.
type moment struct {
	clock time.Time
	cpu   time.Duration
}

// spent is the time between two moments.
type spent struct{ clock, cpu time.Duration }

func now() moment { return moment{time.Now(), used()} }

func (m moment) since() spent { return spent{time.Since(m.clock), used() - m.cpu} }

func (s spent) String() string {
	return fmt.Sprintf("%s, with %s CPU of the whole program", s.clock.Round(time.Millisecond),
		s.cpu.Round(time.Millisecond))
}

// used returns the processor time of this process.
func used() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // it knows RUSAGE_SELF
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// live returns the reachable memory in MB.
func live() float64 {
	runtime.GC()
	runtime.GC() // the second empties what pools still held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / 1e6
}
