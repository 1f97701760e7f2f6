//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"m365_connector_exporter/probes/lab"
)

// The sizes and limits of TestHostileTenant.
const (
	healthyTenants = 1000
	hostileTarpits = 2000
	hostileAimed   = 200 // connectors of the hostile tenant to addresses of other tenants
	memoryLimit    = 256 << 20
	roundInterval  = 40 * time.Second
	watchFor       = 45 * time.Second // without the hostile tenant
	attackFor      = 5 * time.Minute
)

// TestHostileTenant runs the daemon with 1,000 tenants in 256 MiB, if a cgroup can be created. Then, for five minutes,
// one more tenant has thousands of tarpits, aims at the addresses of others, and has a large configuration with an
// export that becomes a FIFO and a file again, while clients hold connections open, do not read the metrics they
// requested, request hundreds of reloads, and probe the tarpits. The age of the other tenants' results must not grow by
// more than a tenth.
func TestHostileTenant(t *testing.T) {
	w := smallWorld(t)
	leaf := leafOf("*." + faultZone)
	leaf.NotAfter = time.Now().AddDate(3, 0, 0)
	certificate := (&faultWorld{world: w}).present(leaf, w.ca.middle)
	// reachable at the address of each tenant
	mail, err := lab.StartMail(lab.MailOptions{Addr: "0.0.0.0:0", Certificate: &certificate})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mail.Close)
	tarpit, err := lab.StartScripted(lab.Script{Host: "0.0.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tarpit.Close)

	address := func(second, i int) string { return fmt.Sprintf("127.%d.%d.%d", second, i/200, 1+i%200) }
	var text strings.Builder
	text.WriteString(
		"global: { allow_networks: [127.0.0.0/8] }\nprobe: { interval: 40s, timeout: 10s, ip_protocol: ip4 }\ntenants:\n")
	for i := range healthyTenants {
		text.WriteString(tenant(fmt.Sprintf("healthy-%d", i), path{
			connector: "out", hop: address(7, i), port: mail.Port(), tls: "EncryptionOnly",
		}))
	}
	file := w.write("own.yaml", text.String())
	t.Setenv("GOMEMLIMIT", "230MiB") // both as in the Kubernetes manifests
	t.Setenv("GOGC", "20")
	group := newMemoryGroup(t, memoryLimit)
	d := group.serve(w, file)
	eventually(t, 2*time.Minute, func() string {
		if n := len(d.metrics().find("probe_success")); n < healthyTenants {
			return fmt.Sprintf("%d of %d paths have a result", n, healthyTenants)
		}
		return ""
	})
	time.Sleep(roundInterval) // first rounds are spread over a shorter time than later ones
	before := d.age99(watchFor)

	var hostile []path
	for i := range hostileTarpits {
		hostile = append(hostile, path{connector: fmt.Sprintf("tarpit-%d", i), hop: address(9, i), port: tarpit.Port()})
	}
	for i := range hostileAimed {
		hostile = append(hostile, path{connector: fmt.Sprintf("aimed-%d", i), hop: address(7, i%20), port: mail.Port()})
	}
	w.write("own.yaml", text.String()+tenant("hostile", hostile...)+w.largeTenant())
	_ = d.fastestReload()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go w.swapExport(ctx)
	go d.attackHTTP(ctx)
	after := d.age99(attackFor)
	reload := d.fastestReload()
	cancel()

	peak := group.peak()
	begun := time.Now()
	code := d.stop()
	stopped := time.Since(begun)
	t.Logf("p99 of ages %s before and %s with the hostile tenant; reload %s, stop %s, peak %d MiB",
		before, after, reload, stopped, peak>>20)
	if after > before+before/10 {
		t.Errorf("p99 of the ages of healthy tenants' results: %s, before %s", after, before)
	}
	if reload > time.Second || stopped > 5*time.Second || code != 0 {
		t.Errorf("reload took %s, stop %s with exit status %d", reload, stopped, code)
	}
	if peak >= memoryLimit {
		t.Errorf("%d MiB of memory, limit %d MiB", peak>>20, memoryLimit>>20)
	}
}

// age99 samples the time since the latest round of each healthy tenant, and returns the 99th percentile.
func (d *daemon) age99(watch time.Duration) time.Duration {
	d.t.Helper()
	var ages []float64
	for end := time.Now().Add(watch); time.Now().Before(end); time.Sleep(5 * time.Second) {
		now := float64(time.Now().UnixMilli()) / 1000
		for _, s := range d.metrics().find("probe_last_run_timestamp_seconds") {
			if strings.HasPrefix(s.labels["tenant"], "healthy-") {
				ages = append(ages, now-s.value)
			}
		}
	}
	slices.Sort(ages)
	return time.Duration(ages[len(ages)*99/100] * float64(time.Second)).Round(time.Millisecond)
}

// fastestReload reloads five times and returns the shortest time: other load of the machine makes single ones slow.
func (d *daemon) fastestReload() time.Duration {
	d.t.Helper()
	fastest := time.Hour
	for range 5 {
		begun := time.Now()
		if status, body := d.http(http.MethodPost, "/-/reload"); status != http.StatusOK {
			d.t.Fatalf("reload: %d %s", status, body)
		}
		fastest = min(fastest, time.Since(begun))
	}
	return fastest
}

// largeTenant returns a tenant with 500 inbound connectors, 500 accepted domains and an export.
func (w *world) largeTenant() string {
	w.t.Helper()
	w.write("large.json", "[]")
	var b strings.Builder
	b.WriteString("- name: large\n  exports: [large.json]\n  accepted_domains:\n")
	for i := range 500 {
		fmt.Fprintf(&b, "  - {domain_name: d%d.example}\n", i)
	}
	b.WriteString("  inbound_connectors:\n")
	for i := range 500 {
		fmt.Fprintf(&b, "  - {name: in %d, standalone: true, connector_type: OnPremises, sender_domains: ['*'], "+
			"sender_ip_addresses: [203.0.113.%d]}\n", i, i%256)
	}
	return b.String()
}

// swapExport replaces the export of the large tenant by a FIFO and by a file in turn, until ctx is done.
func (w *world) swapExport(ctx context.Context) {
	file := filepath.Join(w.dir, "large.json")
	for pipe := true; ctx.Err() == nil; pipe = !pipe {
		next := file + ".next"
		if pipe {
			_ = syscall.Mkfifo(next, 0o600)
		} else {
			_ = os.WriteFile(next, []byte("[]"), 0o600)
		}
		_ = os.Rename(next, file)
		pause(ctx, 15*time.Second)
	}
}

// attackHTTP opens connections that stay idle or do not read the response, and requests probes and reloads, until ctx
// is done.
func (d *daemon) attackHTTP(ctx context.Context) {
	const protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
	listen := strings.TrimPrefix(d.url, "http://")
	for ctx.Err() == nil {
		var held []net.Conn
		for i := range 200 {
			conn, err := net.DialTimeout("tcp", listen, time.Second)
			if err != nil {
				continue
			}
			held = append(held, conn)
			switch { // the others are idle
			case i < 12:
				_, _ = fmt.Fprintf(conn, "GET /metrics HTTP/1.1\r\nHost: %s\r\n\r\n", listen)
			case i < 20:
				_, _ = fmt.Fprintf(conn, "GET /metrics HTTP/1.1\r\nHost: %s\r\nAccept: %s\r\n\r\n", listen, protobuf)
			case i < 80:
				target := fmt.Sprintf("hostile/tarpit-%d", i%3)
				_, _ = fmt.Fprintf(conn, "GET /probe?target=%s HTTP/1.1\r\nHost: %s\r\n\r\n", target, listen)
			}
		}
		for range 200 { // all at once: one reload runs, one is pending
			go d.requestReload(ctx)
		}
		pause(ctx, time.Minute)
		for _, conn := range held {
			_ = conn.Close()
		}
	}
}

func (d *daemon) requestReload(ctx context.Context) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url+"/-/reload", nil)
	if err != nil {
		return
	}
	if answer, err := http.DefaultClient.Do(r); err == nil {
		_ = answer.Body.Close()
	}
}

func pause(ctx context.Context, length time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(length):
	}
}

// memoryGroup is a cgroup that limits the memory of its processes; folder is empty if no cgroup can be created.
type memoryGroup struct {
	folder string
	peaks  []string // files with peaks of memory in bytes, which add up
}

// newMemoryGroup creates a cgroup of version 2 or 1. The memory of sockets is limited too; version 1 counts it apart.
func newMemoryGroup(t *testing.T, limit int) memoryGroup {
	t.Helper()
	for _, g := range []struct {
		root, has     string
		limits, peaks []string
	}{
		{"/sys/fs/cgroup", "cgroup.controllers", []string{"memory.max"}, []string{"memory.peak"}},
		{
			"/sys/fs/cgroup/memory", "cgroup.procs",
			[]string{"memory.limit_in_bytes", "memory.kmem.tcp.limit_in_bytes"},
			[]string{"memory.max_usage_in_bytes", "memory.kmem.tcp.max_usage_in_bytes"},
		},
	} {
		folder := filepath.Join(g.root, fmt.Sprintf("m365-e2e-%d", time.Now().UnixNano()))
		if _, err := os.Stat(filepath.Join(g.root, g.has)); err != nil || os.Mkdir(folder, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { _ = syscall.Rmdir(folder) })
		limited := true
		for _, name := range g.limits {
			err := os.WriteFile(filepath.Join(folder, name), []byte(strconv.Itoa(limit)), 0o600)
			limited = limited && err == nil
		}
		if limited {
			return memoryGroup{folder, g.peaks}
		}
	}
	t.Log("cannot create a cgroup: the memory is not limited")
	return memoryGroup{}
}

// serve starts the daemon in the group, so that its memory counts from the beginning.
func (g memoryGroup) serve(w *world, file string) *daemon {
	w.t.Helper()
	if g.folder == "" {
		return w.serve(file)
	}
	const join = `echo $$ >"$0/cgroup.procs" && exec "$@"`
	return runDaemon(w.t, "/bin/sh", "-c", join, g.folder, w.binary, "serve", "--config.file="+file)
}

// peak returns the peak memory usage of the group in bytes, or 0 if it is unknown.
func (g memoryGroup) peak() (sum int) {
	for _, name := range g.peaks {
		text, err := os.ReadFile(filepath.Join(g.folder, name))
		if err != nil {
			return 0
		}
		n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		sum += n
	}
	return sum
}
