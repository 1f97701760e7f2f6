//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTenantFiles makes one of two tenant files invalid, before the start and while the daemon runs. The other tenant
// is probed, and a tenant that was valid before keeps its last good state.
func TestTenantFiles(t *testing.T) {
	w := newWorld(t)
	rows := w.rows()
	good, exim := rows["good"].path, rows["exim"].path
	good.connector, exim.connector = "good", "exim"
	if err := os.Mkdir(filepath.Join(w.dir, "tenants"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := w.write("main.yaml", w.head()+"tenant_files: [tenants/*.yaml]\n")
	w.write("tenants/alpha.yaml", tenant("alpha", good))
	const nonsense = "- name: beta\n  nonsense: 1\n"
	w.write("tenants/beta.yaml", nonsense)

	if code, output := w.command("serve", "--config.check", "--config.file="+file); code != 2 ||
		!strings.Contains(output, "beta.yaml:2: ") {
		t.Errorf("--config.check: exit code %d, output\n%s", code, output)
	}
	d := w.serve(file)
	d.awaitTenants("alpha=1 beta=0", "good")
	if _, found := d.metrics().value("finding_info", "tenant", "beta", "check", "tenant_not_loaded", "severity",
		"critical"); !found {
		t.Error("no finding tenant_not_loaded of beta")
	}

	w.write("tenants/beta.yaml", tenant("beta", exim))
	if status, body := d.http(http.MethodPost, "/-/reload"); status != http.StatusOK {
		t.Errorf("POST /-/reload: %d %s", status, body)
	}
	d.awaitTenants("alpha=1 beta=1", "exim good")

	w.write("tenants/beta.yaml", nonsense)
	d.signal(syscall.SIGHUP)
	d.awaitTenants("alpha=1 beta=0", "exim good")
	before := d.eximRounds()
	eventually(t, 30*time.Second, func() string {
		if d.eximRounds() == before {
			return "beta's last good state is not probed"
		}
		return ""
	})

	w.write("tenants/beta.yaml", tenant("beta", good)) // without a reload request
	d.awaitTenants("alpha=1 beta=1", "good good")
}

// eximRounds returns the number of passed rounds of the connector to Exim.
func (d *daemon) eximRounds() float64 {
	d.t.Helper()
	n, _ := d.metrics().value("probes_total", "connector", "exim", "outcome", "passed")
	return n
}

// awaitTenants returns when the tenants have the given load results, the reload was successful and exactly the given
// connectors pass.
func (d *daemon) awaitTenants(loaded, connectors string) {
	d.t.Helper()
	eventually(d.t, time.Minute, func() string {
		m := d.metrics()
		var tenants []string
		for _, name := range []string{"alpha", "beta"} {
			if v, ok := m.value("exporter_tenant_load_successful", "tenant", name); ok {
				tenants = append(tenants, fmt.Sprintf("%s=%v", name, v))
			}
		}
		if got := strings.Join(tenants, " "); got != loaded {
			return fmt.Sprintf("tenants %q, want %q", got, loaded)
		}
		return m.passing(connectors, 1)
	})
}
