//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	peerName     = "mail.contoso.test"
	probeTimeout = 20 * time.Second
	atOnce       = 4               // parallel probes of one prober while throughput is measured
	pacedOver    = 2 * time.Minute // duration of a round in the paced measurement
	separator    = "\n-\n"
)

// roles are functions that this program runs in separate processes, so that their CPU time is measured separately.
var roles = map[string]func(args []string) error{"role=peer": servePeer, "role=bare": probeBare}

// peerAddress returns the address of peer i.
func peerAddress(i int) string { return fmt.Sprintf("127.1.%d.%d", i>>8, i&255) }

// inParallel probes the peers from..to-1, atOnce at a time, and stops at the first error.
func inParallel(from, to int, probe func(i int) (time.Duration, error)) (took []time.Duration, err error) {
	var mu sync.Mutex
	var group sync.WaitGroup
	for range atOnce {
		group.Go(func() {
			for {
				mu.Lock()
				i := from
				from++
				stop := i >= to || err != nil
				mu.Unlock()
				if stop {
					return
				}
				t, bad := probe(i)
				mu.Lock()
				took = append(took, t)
				err = errors.Join(err, bad)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return took, err
}

// eachIn starts one of n probes per interval, without waiting for earlier ones to end, and then waits for all.
func eachIn(every time.Duration, n int, probe func(i int) (time.Duration, error)) (took []time.Duration, err error) {
	var mu sync.Mutex
	var group sync.WaitGroup
	start := time.Now()
	for i := range n {
		time.Sleep(time.Until(start.Add(time.Duration(i) * every)))
		group.Go(func() {
			t, bad := probe(i)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, t)
			err = errors.Join(err, bad)
		})
	}
	group.Wait()
	return took, err
}

// comparison is a mail server and the three programs that probe it.
type comparison struct {
	*world
	peer  *process
	ports [numSilences]int
}

func newComparison(t testing.TB, certificates int) *comparison {
	t.Helper()
	a := &comparison{world: smallWorld(t)}
	file := filepath.Join(a.dir, "peers.pem")
	parts := make([]string, certificates)
	for i := range parts {
		p := a.ca.issue(leaf{name: peerName})
		parts[i] = read(t, p.chain) + read(t, p.key)
	}
	writeFile(t, file, strings.Join(parts, separator), 0o600)
	args := []string{"role=peer", file}
	for i := range a.ports {
		a.ports[i] = freePort(t)
		args = append(args, strconv.Itoa(a.ports[i]))
	}
	a.peer = start(t, "/proc/self/exe", args...)
	for _, port := range a.ports {
		a.peer.listens("127.0.0.1:" + strconv.Itoa(port))
	}
	return a
}

const comparisonConfig = `global:
  ca_file: %q
  allow_networks: [127.0.0.0/8]
  max_concurrent: 6000
probe: {enabled: %t, interval: %s, timeout: 110s, port: %d, hello_name: prober.contoso.test,
    dns_servers: ["127.0.0.1:9"]}
tenants:
- name: contoso
  accepted_domains: [{domain_name: contoso.test, default: true}]
  outbound_connectors:
`

// onRequest is the interval of paths that are probed only by /probe requests.
const onRequest = ""

// program starts the exporter with one path to each of the peers 0..paths-1.
func (a *comparison) program(paths int, interval string, silent int) *daemon {
	a.t.Helper()
	var b strings.Builder
	scheduled := interval != onRequest
	if !scheduled {
		interval = "6h"
	}
	fmt.Fprintf(&b, comparisonConfig, a.ca.rootFile, scheduled, interval, a.ports[silent])
	for i := range paths {
		fmt.Fprintf(&b,
			"  - {name: c%d, connector_type: OnPremises, use_mx_record: false, smart_hosts: [%q], tls_settings: "+
				"DomainValidation, tls_domain: %s}\n",
			i, peerAddress(i), peerName)
	}
	return a.serve(a.write("comparison.yaml", b.String()))
}

// blackboxConfig is the STARTTLS module of blackbox_exporter's example configuration, followed by EHLO and QUIT.
const blackboxConfig = `modules:
  starttls:
    prober: tcp
    timeout: 5m
    tcp:
      preferred_ip_protocol: ip4
      tls_config: {ca_file: %q, server_name: %s}
      query_response:
      - {expect: "^220"}
      - {send: "EHLO prober.contoso.test\r"}
      - {expect: "^250[- ]STARTTLS"}
      - {send: "STARTTLS\r"}
      - {expect: "^220"}
      - {starttls: true}
      - {send: "EHLO prober.contoso.test\r"}
      - {expect: "^250 "}
      - {send: "QUIT\r"}
      - {expect: "^221"}
`

// blackbox starts the blackbox_exporter on the PATH. It must be built with the same Go version as this program:
// Debian's package is older and slower.
func (a *comparison) blackbox() *daemon {
	a.t.Helper()
	binary, err := exec.LookPath("blackbox_exporter")
	if err != nil {
		a.t.Fatalf("%v (deploy/tools.sh builds it)", err)
	}
	file := a.write("blackbox.yaml", fmt.Sprintf(blackboxConfig, a.ca.rootFile, peerName))
	return runDaemon(a.t, binary, "--config.file="+file)
}

// programTarget and blackboxTarget return the URL path that probes peer i.
func programTarget(i int) string {
	return fmt.Sprintf("/probe?target=contoso/c%d/%s", i, peerAddress(i))
}

func (a *comparison) blackboxTarget(silent int) func(i int) string {
	return func(i int) string {
		return fmt.Sprintf("/probe?module=starttls&target=%s:%d", peerAddress(i), a.ports[silent])
	}
}

// probeClient keeps one idle connection per parallel probe.
var probeClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}

// probeAll requests probes of the peers from..to-1 from a daemon. Each must succeed.
func (d *daemon) probeAll(from, to int, target func(i int) string) cost {
	d.t.Helper()
	return d.measure(func() []time.Duration {
		return d.probed(inParallel(from, to,
			func(i int) (time.Duration, error) { return d.requestProbe(context.Background(), target(i)) }))
	})
}

// probed returns the durations of probes and fails the test if one of them failed.
func (p *process) probed(took []time.Duration, err error) []time.Duration {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	return took
}

// measure returns the resource usage of a daemon during work.
func (d *daemon) measure(work func() []time.Duration) cost {
	d.t.Helper()
	mallocs, cpu := d.sum("go_memstats_mallocs_total"), d.cpu()
	took := work()
	cpu = d.cpu() - cpu
	return cost{len(took), cpu, d.sum("go_memstats_mallocs_total") - mallocs, took}
}

// requestProbe requests one probe and returns its probe_duration_seconds.
func (d *daemon) requestProbe(ctx context.Context, page string) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url+page, nil)
	if err != nil {
		return 0, err
	}
	resp, err := probeClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	if total(string(body), "probe_success") != 1 {
		return 0, fmt.Errorf("%s: %d %s", page, resp.StatusCode, body)
	}
	return time.Duration(total(string(body), "probe_duration_seconds") * float64(time.Second)), nil
}

// sum adds up all series of a metric, 0 without any. It does not parse the whole page, which may have thousands of
// paths.
func (d *daemon) sum(name string) float64 {
	d.t.Helper()
	_, body := d.http(http.MethodGet, "/metrics")
	return total(body, name)
}

func total(page, name string) (sum float64) {
	for line := range strings.SplitSeq(page, "\n") {
		if rest, ok := strings.CutPrefix(line, name); ok && (strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, "{")) {
			value, _ := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64) // an error makes the sum too small
			sum += value
		}
	}
	return sum
}

// bare runs the bare client.
func (a *comparison) bare(o bareOrder) (c cost) {
	a.t.Helper()
	o.Roots, o.Port = a.ca.rootFile, strconv.Itoa(a.ports[neverSilent])
	order, err := json.Marshal(o)
	if err != nil {
		a.t.Fatal(err)
	}
	out := runWithin(a.t, 2*pacedOver, a.dir, "/proc/self/exe", "role=bare", string(order))
	if err := json.Unmarshal([]byte(out), &c); err != nil {
		a.t.Fatalf("%v: %s", err, out)
	}
	return c
}

// cpu returns the user and system time of a process so far, with a resolution of 10 ms, proc_pid_stat(5).
func (p *process) cpu() time.Duration {
	p.t.Helper()
	text := read(p.t, fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		p.t.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// resident returns the resident memory of a process in bytes.
func (p *process) resident() int {
	p.t.Helper()
	fields := strings.Fields(read(p.t, fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid)))
	pages, err := strconv.Atoi(fields[1])
	if err != nil {
		p.t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// descriptors returns the number of open file descriptors of a process.
func (p *process) descriptors() int {
	p.t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	return len(open)
}
