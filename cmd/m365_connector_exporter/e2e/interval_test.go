//go:build e2e

package e2e

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"m365_connector_exporter/probes/lab/microsoft365"
)

// TestExchangeOnlineInterval measures what the daemon costs when it reads 400 tenants: the first read, in which every
// tenant is new, and another in which nothing has changed. GOGC is that of the systemd unit.
func TestExchangeOnlineInterval(t *testing.T) {
	const tenants, atOnce = 400, 16
	setting := regexp.MustCompile(`(?m)^Environment=GOGC=(\d+)$`).FindStringSubmatch(read(t,
		"../../../deploy/systemd/m365_connector_exporter.service"))
	if setting == nil {
		t.Fatal("the systemd unit sets no GOGC")
	}
	t.Setenv("GOGC", setting[1])
	w := smallWorld(t)
	c := w.startCloud(tenants)
	c.InjectFault("", "Get-OutboundConnector", microsoft365.Every(50, microsoft365.Throttled(time.Second)))
	file := c.config("interval.yaml", tenants, fmt.Sprintf("  cache_folder: cache\n  max_concurrent: %d\n", atOnce), nil)
	began := time.Now()
	d := w.serve(file)
	eventually(t, 2*time.Minute, func() string {
		loaded := 0
		for _, s := range d.metrics().find("exporter_tenant_load_successful") {
			loaded += int(s.value)
		}
		if loaded < tenants {
			return fmt.Sprintf("%d of %d tenants are loaded", loaded, tenants)
		}
		return ""
	})
	took := time.Since(began)
	d.awaitIdle()
	first := d.cpu()
	requests := c.total()
	t.Logf("first read of %d tenants: %v, %v of CPU, %.0f requests a tenant, %.0f MB resident, %.0f MB at most", tenants,
		took.Round(time.Second), first, float64(requests)/tenants, float64(d.resident())/1e6, d.mostResident()/1e6)

	d.readAgain()
	eventually(t, 2*time.Minute, func() string {
		if n, refused := c.Count("", "Get-DnssecStatusForVerifiedDomain"); n-refused < 2*2*tenants {
			return fmt.Sprintf("%d requests of the last cmdlet", n)
		}
		return ""
	})
	d.awaitIdle()
	t.Logf("another read: %v of CPU, %.0f MB resident", d.cpu()-first, float64(d.resident())/1e6)
	if peak := c.Peak(); peak > atOnce {
		t.Errorf("%d tenants at once, want %d at most", peak, atOnce)
	}
	if again := d.cpu() - first; again > 20*time.Second || d.mostResident() > 200e6 {
		t.Errorf("%v of CPU and %.0f MB, want at most 20 s and 200 MB", again, d.mostResident()/1e6)
	}
	if n, _ := d.metrics().value("inventory_changes_total", "tenant", "t0", "change", "changed"); n != 0 {
		t.Errorf("t0 has changed %v times", n)
	}
}

// total returns the number of all requests.
func (c *cloud) total() (n int) {
	for _, name := range c.Requested() {
		requests, _ := c.Count("", name)
		n += requests
	}
	return n
}
