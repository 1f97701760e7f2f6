//go:build linux

package daemon

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/lab"
	"m365_connector_exporter/probes/schedule"
)

var (
	sinkPaths  = flag.Int("sink.paths", 50, "paths that TestSinkBesideProbes probes; above the default, times have limits")
	sinkRate   = flag.Int("sink.rate", 20, "messages a second that the sink gets")
	sinkTime   = flag.Duration("sink.time", 2*time.Second, "the length of a phase")
	sinkPhases = flag.Int("sink.phases", 2, "phases, of which every other one has messages")
)

// TestSinkBesideProbes probes mail servers over TLS, and in every other phase the sink receives messages, each on a
// connection of its own with STARTTLS. Servers and senders are another process. The memory in use does not grow. On a
// large run (make sink), every message is accepted, and probes are as fast and as punctual as without messages:
// docs/performance.md has what it logs. Other programs must leave the processor time that it needs, one core of two.
func TestSinkBesideProbes(t *testing.T) {
	peers := startPeers(t)
	file := filepath.Join(t.TempDir(), "config.yaml")
	sinkAddress := writeSinkLoad(t, file, peers)
	d := loaded(t, file)
	m := &phaseTimes{}
	d.runner = schedule.New(schedule.Options{Sink: d.store.Record, OnLag: m.lag.add, Prober: probes.ProberFunc(
		func(ctx context.Context, p *probes.Path) *probes.Result {
			r := d.Probe(ctx, p)
			m.took.add(r.Duration)
			return r
		},
	)})
	d.runner.SetPaths(Plan(d.cfg.Load(), d.helloName))
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	group.Go(func() { _ = d.Run(ctx, nil) })
	group.Go(func() { d.scrapes(ctx) })
	time.Sleep(*sinkTime) // every path has been probed, and the caches are filled

	var quiet, busy []phase
	for n := range *sinkPhases {
		m.reset()
		before := now()
		if n%2 == 0 {
			time.Sleep(*sinkTime)
			quiet = append(quiet, m.phase(before))
			t.Logf("without messages:   %s; load %s", quiet[len(quiet)-1], loadAverage())
			continue
		}
		sent := peers.send(sinkAddress)
		busy = append(busy, m.phase(before))
		t.Logf("with %s: %s; load %s", sent, busy[len(busy)-1], loadAverage())
	}
	if accepted := d.trips.sink.Stats.Accepted.Load(); accepted == 0 || d.trips.sink.Stats.Panics.Load() > 0 {
		t.Errorf("%d messages were accepted, %d panics", accepted, d.trips.sink.Stats.Panics.Load())
	}
	if first, last := quiet[0], busy[len(busy)-1]; last.heap > first.heap*1.15+3 {
		t.Errorf("%.1f MB in use in the end, %.1f MB before the first message", last.heap, first.heap)
	}
	without, with := medians(quiet), medians(busy)
	t.Logf("medians of the phases: without messages %s, with messages %s", without, with)
	// A timer of a busy machine is late by a few milliseconds now and then.
	if slack := 5 * time.Millisecond; *sinkPaths > 50 &&
		(with.took > without.took*11/10 || with.lag > without.lag*11/10+slack) {
		t.Error("probes are slower or later than without messages")
	}
}

// phaseTimes collects how late probes started, and how long they took.
type phaseTimes struct{ lag, took lags }

func (m *phaseTimes) reset() {
	for _, l := range []*lags{&m.lag, &m.took} {
		l.mu.Lock()
		l.all = l.all[:0]
		l.mu.Unlock()
	}
}

// phase is what a phase showed: times within which 99 of 100 probes started and ended.
type phase struct {
	probes    int
	lag, took time.Duration
	cpu       time.Duration // of this process
	heap      float64       // MB
}

func (m *phaseTimes) phase(begun moment) phase {
	p := phase{probes: m.took.count(), cpu: begun.since().cpu}
	if p.probes > 0 {
		_, p.took, _ = m.took.quantiles()
	}
	if m.lag.count() > 0 {
		_, p.lag, _ = m.lag.quantiles()
	}
	p.heap = live()
	return p
}

func (p phase) String() string {
	return fmt.Sprintf("%d probes, 99 in 100 started within %s and took %s, %s CPU, %.1f MB", p.probes,
		p.lag.Round(100*time.Microsecond), p.took.Round(100*time.Microsecond), p.cpu.Round(time.Millisecond), p.heap)
}

func medians(all []phase) (m phase) {
	middle := func(of func(phase) time.Duration) time.Duration {
		times := make([]time.Duration, 0, len(all))
		for _, p := range all {
			times = append(times, of(p))
		}
		slices.Sort(times)
		return times[len(times)/2]
	}
	m.lag = middle(func(p phase) time.Duration { return p.lag })
	m.took = middle(func(p phase) time.Duration { return p.took })
	m.cpu = middle(func(p phase) time.Duration { return p.cpu })
	m.probes, m.heap = all[len(all)-1].probes, all[len(all)-1].heap
	return m
}

func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// writeSinkLoad writes a configuration with the paths and a sink, whose address it returns.
func writeSinkLoad(t *testing.T, file string, peers *peers) (sinkAddress string) {
	t.Helper()
	ca, err := lab.NewCA(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	own, err := ca.Issue(lab.Leaf{Names: []string{"sink.test"}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := listenAll(t.Context(), []string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	sinkAddress = l[0].Addr().String()
	_ = l[0].Close()
	var b strings.Builder
	fmt.Fprintf(&b, `global: { ca_file: ca.pem, allow_networks: [127.0.0.0/8], max_concurrent_per_address: 100,
  min_gap_per_address: 0s }
probe: { interval: %s, timeout: %dms, port: %d, connect_to: [127.0.0.1], hello_name: prober.test }
sink: { listen: [%q], hostname: sink.test, certificate: { file: sink.pem }, tls_reports: [tlsrpt@contoso.test] }
round_trips: [{ name: canary, tenant: contoso, start: { smart_host: mx.invalid }, recipient: canary@contoso.test }]
tenants:
- name: contoso
  accepted_domains: [{ domain_name: contoso.test, default: true }]
  outbound_connectors:
`, sinkInterval(), sinkInterval().Milliseconds()*9/10, peers.port, sinkAddress)
	for i := range *sinkPaths {
		fmt.Fprintf(&b, "  - { name: c%[1]d, connector_type: OnPremises, use_mx_record: false, smart_hosts: [h%[1]d.test],\n"+
			"      tls_settings: EncryptionOnly, recipient_domains: [d%[1]d.test], validation_recipients: [p@d%[1]d.test] }\n",
			i)
	}
	for name, text := range map[string][]byte{
		"ca.pem": ca.RootPEM(), "sink.pem": pemOf(t, own), filepath.Base(file): []byte(b.String()),
	} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(file), name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return sinkAddress
}

// sinkInterval lets each path be probed three times in a phase.
func sinkInterval() time.Duration { return max(time.Second, (*sinkTime / 3).Truncate(time.Second)) }

// peers is a process with mail servers and senders.
type peers struct {
	t       *testing.T
	port    int
	stdin   io.Writer
	answers *bufio.Scanner
}

// peersVariable makes a test process one that only runs peers.
const peersVariable = "M365_TEST_PEERS"

func startPeers(t *testing.T) *peers {
	t.Helper()
	command := exec.Command(os.Args[0], "-test.run=^TestPeersOfSink$", "-test.timeout=1h")
	command.Env = append(os.Environ(), peersVariable+"=1")
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = command.Wait()
	})
	p := &peers{t: t, stdin: stdin, answers: bufio.NewScanner(stdout)}
	if _, err := fmt.Sscanf(p.answer(), "port %d", &p.port); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *peers) answer() string {
	p.t.Helper()
	if !p.answers.Scan() {
		p.t.Fatalf("the process with the peers ended: %v", p.answers.Err())
	}
	return p.answers.Text()
}

// send sends messages to the sink for a phase, and returns what became of them.
func (p *peers) send(sink string) string {
	p.t.Helper()
	if _, err := fmt.Fprintf(p.stdin, "%s %d %d\n", sink, *sinkRate, int(*sinkTime/time.Millisecond)); err != nil {
		p.t.Fatal(err)
	}
	answer := p.answer()
	var accepted, refused int
	if _, err := fmt.Sscanf(answer, "%d messages accepted, %d not", &accepted, &refused); err != nil {
		p.t.Fatalf("%q: %v", answer, err)
	}
	if large := *sinkPaths > 50; accepted == 0 || large && refused*100 > accepted {
		p.t.Errorf("%s: want all", answer)
	}
	return answer
}
