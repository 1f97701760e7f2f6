//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestDemo runs the demo command, which documents that within 15 seconds everything has been probed once. The limit
// here is twice that, for a busy machine.
func TestDemo(t *testing.T) {
	started := time.Now()
	d := runDaemon(t, os.Getenv(programVar), "demo")
	eventually(t, time.Until(started.Add(30*time.Second)), func() string {
		m := d.metrics()
		if first, _ := m.value("exporter_first_round_complete"); first != 1 {
			return "the first round is not complete"
		}
		probed := m.find("probe_interval_seconds")
		if len(probed) < 20 {
			return fmt.Sprintf("only %d paths", len(probed))
		}
		for _, s := range probed {
			of := []string{"tenant", s.labels["tenant"], "connector", s.labels["connector"], "path", s.labels["path"]}
			inconclusive, _ := m.value("probe_inconclusive", of...)
			if _, known := m.value("probe_success", of...); !known && inconclusive != 1 {
				return fmt.Sprintf("no result of %q", of)
			}
		}
		return ""
	})
	t.Logf("all paths have a result after %v", time.Since(started).Round(100*time.Millisecond))
	if status, page := d.http(http.MethodGet, "/"); status != http.StatusOK || !strings.Contains(page, "contoso") ||
		!strings.Contains(page, "certificate_expired") {
		t.Errorf("the status page: %d\n%s", status, page)
	}
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
}
