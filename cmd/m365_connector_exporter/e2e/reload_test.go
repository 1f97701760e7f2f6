//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReload reloads the configuration of the running daemon by SIGHUP and by POST /-/reload, once from an invalid
// file.
func TestReload(t *testing.T) {
	w := newWorld(t)
	rows := w.rows()
	pick := func(names ...string) []path {
		var paths []path
		for _, name := range names {
			p := rows[name].path
			p.connector = name
			paths = append(paths, p)
		}
		return paths
	}
	file := w.configure("reload.yaml", pick("good")...)
	d := w.serve(file)
	d.awaitPassing("good", 1)

	w.configure("reload.yaml", pick("good", "exim")...)
	d.signal(syscall.SIGHUP)
	d.awaitPassing("exim good", 1)
	if log := d.out.String(); !strings.Contains(log, "trigger=SIGHUP") {
		t.Errorf("no reload by SIGHUP in\n%s", log)
	}

	w.configure("reload.yaml", pick("exim", "tls12")...)
	if status, body := d.http(http.MethodPost, "/-/reload"); status != http.StatusOK {
		t.Errorf("POST /-/reload: %d %s", status, body)
	}
	d.awaitPassing("exim tls12", 1)
	if status, _ := d.http(http.MethodGet, "/-/reload"); status != http.StatusMethodNotAllowed {
		t.Errorf("GET /-/reload: %d", status)
	}

	d.checkBadReload(file)

	w.configure("reload.yaml", pick("good")...)
	d.signal(syscall.SIGHUP)
	d.awaitPassing("good", 1)
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
}

// checkBadReload reloads an invalid configuration and checks that the old one stays in use.
func (d *daemon) checkBadReload(file string) {
	d.t.Helper()
	before := d.eximRounds()
	if err := os.WriteFile(file, []byte("global: {nonsense: 1}\n"), 0o600); err != nil {
		d.t.Fatal(err)
	}
	status, body := d.http(http.MethodPost, "/-/reload")
	if status != http.StatusInternalServerError || !strings.Contains(body, "global.nonsense") {
		d.t.Errorf("POST /-/reload of a bad file: %d %s", status, body)
	}
	d.awaitPassing("exim tls12", 0)
	eventually(d.t, 30*time.Second, func() string {
		if now := d.eximRounds(); now <= before {
			return fmt.Sprintf("the old configuration is not probed: still %v rounds", now)
		}
		return ""
	})
}

func (d *daemon) signal(s os.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		d.t.Fatal(err)
	}
}

// awaitPassing returns when exactly the given connectors pass and the metric of the last reload is successful (1) or
// not (0).
func (d *daemon) awaitPassing(connectors string, successful float64) {
	d.t.Helper()
	eventually(d.t, 30*time.Second, func() string {
		return d.metrics().passing(connectors, successful)
	})
}

// passing returns "" if exactly the given connectors pass and the last reload has the given result, else the
// difference.
func (m metrics) passing(connectors string, successful float64) string {
	var passing []string
	for _, s := range m.find("probe_success") {
		passing = append(passing, s.labels["connector"])
		if s.value != 1 {
			return fmt.Sprintf("%s fails", s.labels["connector"])
		}
	}
	sort.Strings(passing)
	reload, _ := m.value("exporter_config_last_reload_successful")
	if got := strings.Join(passing, " "); got != connectors || reload != successful {
		return fmt.Sprintf("passing %q, last reload %v; want %q, %v", got, reload, connectors, successful)
	}
	return ""
}
