//go:build e2e

package e2e

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"m365_connector_exporter/probes/lab"
)

// hostWorld has 20 healthy paths to 20 servers, for faults of the host on which the daemon runs.
type hostWorld struct {
	*world
	mails []*lab.Mail
	names *lab.DNS
	zone  string
	probe string // keys of the probe section of each path
	paths []path

	certificate *tls.Certificate // of every server
}

func newHostWorld(t testing.TB, probe string) *hostWorld {
	t.Helper()
	w := &hostWorld{world: smallWorld(t), probe: probe}
	leaf := leafOf("*." + faultZone)
	leaf.NotAfter = time.Now().AddDate(3, 0, 0)
	certificate := (&faultWorld{world: w.world}).present(leaf, w.ca.middle)
	w.certificate = &certificate
	for i := range 20 {
		addr := fmt.Sprintf("127.0.6.%d", i+1)
		mail, err := lab.StartMail(lab.MailOptions{Addr: net.JoinHostPort(addr, "0"), Certificate: w.certificate})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(mail.Close)
		host := fmt.Sprintf("own%d.%s", i, faultZone)
		w.zone += fmt.Sprintf("%s. 60 IN A %s\n", host, addr)
		w.mails = append(w.mails, mail)
		w.paths = append(w.paths, path{
			connector: fmt.Sprintf("own-%d", i), hop: host, port: mail.Port(), tls: "DomainValidation",
			recipient: "anybody", probe: probe,
		})
	}
	w.resolver("127.0.0.1:0")
	return w
}

func (w *hostWorld) resolver(addr string) {
	w.t.Helper()
	names, err := lab.StartDNSAt(addr, w.zone)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(names.Close)
	w.names, w.dns = names, names.Addr()
}

// roundCounts is the number of paths that pass, and of rounds by outcome.
type roundCounts struct{ passing, passed, failed, inconclusive float64 }

func (d *daemon) roundCounts() (t roundCounts) {
	m := d.metrics()
	for _, s := range m.find("probe_success") {
		t.passing += s.value
	}
	for outcome, n := range map[string]*float64{
		"passed": &t.passed, "failed": &t.failed,
		"inconclusive": &t.inconclusive,
	} {
		for _, s := range m.find("probes_total", "outcome", outcome) {
			*n += s.value
		}
	}
	return t
}

// awaitRecovery returns when all paths pass, after at least 20 more passed rounds than before.
func (d *daemon) awaitRecovery(before roundCounts) {
	d.t.Helper()
	eventually(d.t, time.Minute, func() string {
		if now := d.roundCounts(); now.passing < 20 || now.passed < before.passed+20 {
			return fmt.Sprintf("%+v, before %+v", now, before)
		}
		return ""
	})
}

// TestOutages removes the resolver, the file descriptors and the network of the running daemon, one after another.
// These are faults of the daemon's host, so no path may fail, and the daemon must recover without a restart.
func TestOutages(t *testing.T) {
	w := newHostWorld(t, "interval: 8s, timeout: 7s, ")
	d := w.serve(w.configure("own.yaml", w.paths...))
	d.awaitRecovery(roundCounts{})
	for _, outage := range []struct {
		name  string
		want  string // stage and reason during the outage; empty if the daemon is unreachable
		begin func(during func())
	}{
		{"the resolver is stopped", "resolve dns_refused", func(during func()) {
			w.names.Close()
			during()
			w.resolver(w.dns)
		}},
		{"no descriptors", "resolve internal_error", func(during func()) {
			limit := w.descriptors(d, syscall.Rlimit{})
			w.descriptors(d, syscall.Rlimit{Cur: 3, Max: limit.Max})
			during()
			w.descriptors(d, limit)
		}},
		{"the network is cut", "", func(during func()) {
			w.loopback(false)
			defer w.loopback(true)
			during()
		}},
	} {
		before := d.roundCounts()
		outage.begin(func() {
			if outage.want == "" { // the test cannot reach the daemon either
				time.Sleep(10 * time.Second)
				return
			}
			eventually(t, 40*time.Second, func() string {
				m, inconclusive := d.metrics(), 0
				for _, s := range m.find("probe_inconclusive") {
					inconclusive += int(s.value)
				}
				if why := m.why("endpoint_failure_info", nil); inconclusive < 15 || !strings.Contains(why, outage.want) {
					return fmt.Sprintf("%s: %d paths are inconclusive: %s", outage.name, inconclusive, why)
				}
				return ""
			})
		})
		d.awaitRecovery(d.roundCounts())
		after := d.roundCounts()
		t.Logf("%s: before %+v, after %+v", outage.name, before, after)
		if after.failed > 0 || after.inconclusive == before.inconclusive {
			t.Errorf("%s: before %+v, after %+v: want no failure, and inconclusive rounds", outage.name, before, after)
		}
	}
}

func (w *world) loopback(up bool) {
	w.t.Helper()
	if os.Getenv(namespaced) == "" {
		w.t.Fatal("refusing to set the loopback of the machine down: a network namespace is required")
	}
	if err := setLoopback(up); err != nil {
		w.t.Fatal(err)
	}
}

// descriptors sets the daemon's descriptor limit, unless it is zero, and returns the previous one. Open descriptors
// above the new limit stay open.
func (w *world) descriptors(d *daemon, limit syscall.Rlimit) (before syscall.Rlimit) {
	w.t.Helper()
	var change uintptr
	if limit.Max != 0 {
		change = uintptr(unsafe.Pointer(&limit))
	}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(d.cmd.Process.Pid), syscall.RLIMIT_NOFILE,
		change, uintptr(unsafe.Pointer(&before)), 0, 0)
	if errno != 0 {
		w.t.Fatal(errno)
	}
	return before
}

// TestKilled kills the daemon six times while 20 paths send messages. The state file is valid each time, no path sends
// a second message within its interval, and all paths pass after the last start.
func TestKilled(t *testing.T) {
	w := newHostWorld(t, "interval: 8s, timeout: 7s, until: message, message_min_interval: 1h, ")
	file := w.configure("own.yaml", w.paths...)
	for i := range 6 {
		d := w.serve(file)
		time.Sleep(time.Duration(200+i*350) * time.Millisecond) // at different points of the first round
		d.kill()
		w.checkState()
	}
	d := w.serve(file)
	d.awaitRecovery(roundCounts{})
	sent := 0
	for i, m := range w.mails {
		n := len(m.Messages())
		if n > 1 {
			t.Errorf("own-%d sent %d messages", i, n)
		}
		sent += n
	}
	t.Logf("%d of 20 messages arrived; a message that was recorded before SIGKILL is not sent again", sent)
	if sent == 0 {
		t.Error("no message arrived")
	}
}

func (w *hostWorld) checkState() {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "state.json"))
	if os.IsNotExist(err) {
		return // killed before the first message
	}
	var state map[string]time.Time
	if err == nil {
		err = json.Unmarshal(text, &state)
	}
	if err != nil {
		w.t.Errorf("state file: %v in %q", err, text)
	}
}

// TestDiskFull fills the disk of the state file: no message is sent, the paths are inconclusive, and the log and a
// finding give the reason. Messages are sent once there is free space again.
func TestDiskFull(t *testing.T) {
	w := newHostWorld(t, "interval: 8s, timeout: 7s, until: message, message_min_interval: 1h, ")
	disk := filepath.Join(w.dir, "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	filler := filepath.Join(disk, "filler")
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); err == nil {
		t.Fatal("the disk is not full")
	}
	text := strings.Replace(w.head(), "state_file: state.json", "state_file: disk/state.json", 1) + "tenants:\n" +
		tenant("contoso", w.paths...)
	d := w.serve(w.write("own.yaml", text))
	eventually(t, time.Minute, func() string {
		_, found := d.metrics().value("finding_info", "check", "state_file_unusable", "severity", "warning")
		if now := d.roundCounts(); !found || now.inconclusive < 20 || now.passed > 0 {
			return fmt.Sprintf("%+v, finding %v", now, found)
		}
		return ""
	})
	const logged = "no test message is sent and no negative control is run while the state file cannot be used"
	if n := len(w.mails[0].Messages()); n > 0 || !strings.Contains(d.out.String(), logged) {
		t.Errorf("%d messages sent with a full disk, want 0 and a line in the log", n)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, func() string {
		for i, m := range w.mails {
			if n := len(m.Messages()); n != 1 {
				return fmt.Sprintf("own-%d has sent %d messages after the disk had free space, want 1", i, n)
			}
		}
		return ""
	})
}
