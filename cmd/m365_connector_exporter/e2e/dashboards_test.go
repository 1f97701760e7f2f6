//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// dashboard is the part of a Grafana dashboard that the test reads.
type dashboard struct {
	UID    string
	Panels []struct {
		Title   string
		Targets []struct{ Expr string }
	}
	Templating struct {
		List []struct{ Name, Definition string }
	}
}

var (
	variable = regexp.MustCompile(`\$\{?\w+\}?`)
	choices  = regexp.MustCompile(`^label_values\((.+), \w+\)$`) // Grafana's own function
)

// substitute replaces each variable by a value, as Grafana description: all values, and a short interval.
func substitute(expr string) string {
	expr = choices.ReplaceAllString(expr, "$1")
	return variable.ReplaceAllStringFunc(expr, func(name string) string {
		if strings.Trim(name, "${}") == "__rate_interval" {
			return "1m"
		}
		return ".+"
	})
}

// TestDashboards runs every query of every panel and of every variable against a Prometheus with the repository's
// rules while there is a fault of each kind, so that the panels that show faults have data, too.
func TestDashboards(t *testing.T) {
	m := newMonitoring(t)
	m.causeFaults()
	files, err := filepath.Glob(filepath.Join(deployed, "grafana", "dashboards", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	for _, file := range files {
		var d dashboard
		if err := json.Unmarshal([]byte(read(t, file)), &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if d.UID == "m365-connectors-shards" {
			continue // no path is scraped by /probe here: deploy/shards_test.go
		}
		for _, p := range d.Panels {
			for i, q := range p.Targets {
				if liveOnly.MatchString(q.Expr) {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%d", d.UID, p.Title, i), func(t *testing.T) { m.checkHasData(t, q.Expr) })
			}
		}
		for _, v := range d.Templating.List {
			if v.Definition != "" {
				t.Run(d.UID+"/$"+v.Name, func(t *testing.T) { m.checkHasData(t, v.Definition) })
			}
		}
	}
}

// liveOnly matches the queries of panels about reads from Exchange Online, round trips, the sink, TLS reports, DANE and
// mail that is held. These tenants have exports, no test message is sent, and no zone is signed.
var liveOnly = regexp.MustCompile(`^m365_connector_inventory_source_failure_info\{|` +
	`m365_connector_(round_trip|tls_report|exporter_sink|endpoint_dane_info|delivery_prediction)`)

// causeFaults makes one server present an expired certificate and another refuse the recipient, and gives two tenants
// the same address.
func (m *monitoring) causeFaults() {
	m.t.Helper()
	expired := m.ca.issue(leaf{
		name: "validated1." + zone, from: time.Now().AddDate(0, -3, 0),
		to: time.Now().AddDate(0, 0, -2),
	})
	m.change(map[string]func(*postfixService){
		"validated1": func(s *postfixService) { s.cert = expired },
		"single":     func(s *postfixService) { s.params["smtpd_recipient_restrictions"] = "reject" },
	})
	m.export(`"198.51.100.20", "198.51.100.10"`)
	m.awaitFiring([]string{
		"M365ConnectorDown contoso/Single",
		"M365ConnectorPathFailing contoso/Single", "M365ConnectorPathFailing contoso/Validated",
		"M365ConnectorSharedBetweenTenants contoso/Scanner", "M365ConnectorSharedBetweenTenants fabrikam/In",
	})
}

// checkHasData repeats a query until it returns data; a rate needs two scrapes.
func (m *monitoring) checkHasData(t *testing.T, expr string) {
	t.Helper()
	expr = substitute(expr)
	eventually(t, 10*time.Second, func() string {
		if n, err := m.prometheus.query(expr); err != nil || n == 0 {
			return fmt.Sprintf("%d series, %v: %s", n, err, expr)
		}
		return ""
	})
}
