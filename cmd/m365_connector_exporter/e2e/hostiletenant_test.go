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

// The size of the world of TestHostileTenant, and its limits.
const (
	healthyTenants = 1000
	hostileTarpits = 2000
	hostileAimed   = 200 // connectors of the hostile tenant to addresses of healthy ones
	memoryLimit    = 256 << 20
	roundInterval  = 40 * time.Second
	watchFor       = 45 * time.Second
)

// TestHostileTenant runs the daemon with 1,000 tenants in 256 MiB, where a cgroup can be made. Then one more tenant
// has thousands of tarpits and aims at the addresses of others, while clients hold connections open, do not read what
// they asked for, and request reloads. The results of the other tenants must stay as recent as before, within a tenth.
func TestHostileTenant(t *testing.T) {
	w := smallWorld(t)
	leaf := leafOf("*." + faultZone)
	leaf.NotAfter = time.Now().AddDate(3, 0, 0)
	certificate := (&faultWorld{world: w}).present(leaf, w.ca.middle)
	// each tenant has its own address
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
	t.Setenv("GOGC", "25")
	d := w.serve(file)
	group := limitMemory(t, d.cmd.Process.Pid, memoryLimit)
	eventually(t, 2*time.Minute, func() string {
		if n := len(d.metrics().find("probe_success")); n < healthyTenants {
			return fmt.Sprintf("%d of %d paths have a verdict", n, healthyTenants)
		}
		return ""
	})
	time.Sleep(roundInterval) // first rounds come closer together than later ones
	before := d.age99(watchFor)

	var hostile []path
	for i := range hostileTarpits {
		hostile = append(hostile, path{connector: fmt.Sprintf("tarpit-%d", i), hop: address(9, i), port: tarpit.Port()})
	}
	for i := range hostileAimed {
		hostile = append(hostile, path{connector: fmt.Sprintf("aimed-%d", i), hop: address(7, i%20), port: mail.Port()})
	}
	w.write("own.yaml", text.String()+tenant("hostile", hostile...))
	begun := time.Now()
	if status, body := d.http(http.MethodPost, "/-/reload"); status != http.StatusOK {
		t.Fatalf("reload: %d %s", status, body)
	}
	reload := time.Since(begun)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d.attackHTTP(ctx)
	after := d.age99(watchFor)
	cancel()

	peak := group.peak()
	begun = time.Now()
	code := d.stop()
	stopped := time.Since(begun)
	t.Logf("p99 of ages %s before and %s with the hostile tenant; reload %s, stop %s, peak %d MiB",
		before, after, reload, stopped, peak>>20)
	if after > before+before/10 {
		t.Errorf("p99 of the ages of healthy tenants' results: %s, before %s", after, before)
	}
	if reload > 3*time.Second || stopped > 5*time.Second || code != 0 {
		t.Errorf("reload took %s, stop %s with exit status %d", reload, stopped, code)
	}
	if peak >= memoryLimit {
		t.Errorf("%d MiB of memory, limit %d MiB", peak>>20, memoryLimit>>20)
	}
}

// age99 watches for a while how long ago each healthy tenant's latest round ended, and returns the 99th percentile.
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

// attackHTTP opens idle connections, requests metrics that it does not read, and floods the daemon with reloads.
func (d *daemon) attackHTTP(ctx context.Context) {
	d.t.Helper()
	listen := strings.TrimPrefix(d.url, "http://")
	for i := range 100 {
		conn, err := net.Dial("tcp", listen)
		if err != nil {
			d.t.Fatal(err)
		}
		d.t.Cleanup(func() { _ = conn.Close() })
		if i < 20 { // these ask and do not read, the others are idle
			_, _ = fmt.Fprintf(conn, "GET /metrics HTTP/1.1\r\nHost: %s\r\n\r\n", listen)
		}
	}
	for range 200 { // requests for a reload, all at once: one runs, one is pending
		go func() {
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url+"/-/reload", nil)
			if err != nil {
				return
			}
			if answer, err := http.DefaultClient.Do(r); err == nil {
				_ = answer.Body.Close()
			}
		}()
	}
}

// memoryGroup is a cgroup that limits a process's memory; "" if none can be made.
type memoryGroup struct{ peakFile string }

// limitMemory moves a process into a new cgroup, of version 2 or 1.
func limitMemory(t *testing.T, pid int, limit int) memoryGroup {
	t.Helper()
	for _, g := range []struct{ root, has, limit, peak string }{
		{"/sys/fs/cgroup", "cgroup.controllers", "memory.max", "memory.peak"},
		{"/sys/fs/cgroup/memory", "cgroup.procs", "memory.limit_in_bytes", "memory.max_usage_in_bytes"},
	} {
		folder := filepath.Join(g.root, fmt.Sprintf("m365-e2e-%d", time.Now().UnixNano()))
		if _, err := os.Stat(filepath.Join(g.root, g.has)); err != nil || os.Mkdir(folder, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { _ = syscall.Rmdir(folder) })
		if os.WriteFile(filepath.Join(folder, g.limit), []byte(strconv.Itoa(limit)), 0o600) == nil &&
			os.WriteFile(filepath.Join(folder, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o600) == nil {
			return memoryGroup{filepath.Join(folder, g.peak)}
		}
	}
	t.Log("no cgroup can be made here: the memory is not limited")
	return memoryGroup{}
}

// peak is the most memory that the group has used, in bytes; 0 where it is not known.
func (g memoryGroup) peak() int {
	text, err := os.ReadFile(g.peakFile)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}
