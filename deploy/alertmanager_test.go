package deploy_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const alertmanagerFile = "alertmanager/alertmanager.yml"

func TestAlertmanagerRoutes(t *testing.T) {
	_ = read(t, alertmanagerFile) // so that a change invalidates the cached test result
	run(t, "amtool", "check-config", alertmanagerFile)
	for _, tt := range []struct{ severity, category, receiver string }{
		{"critical", "mailflow", "pager"},
		{"critical", "certificate", "pager"},
		{"critical", "configuration", "pager"},
		{"critical", "exporter", "pager"},
		{"warning", "mailflow", "chat"},
		{"warning", "exporter", "chat"},
		{"warning", "certificate", "mail"},
		{"warning", "configuration", "mail"},
		{"info", "configuration", "mail"},
		{"info", "mailflow", "chat"},
	} {
		run(t, "amtool", "config", "routes", "test", "--config.file="+alertmanagerFile, "--verify.receivers="+tt.receiver,
			"severity="+tt.severity, "category="+tt.category)
	}
}

type labels map[string]string

func alert(name, severity string, more ...string) labels {
	l := labels{"alertname": "M365Connector" + name, "severity": severity, "job": "m", "instance": "e"}
	for i := 0; i < len(more); i += 2 {
		l[more[i]] = more[i+1]
	}
	return l
}

// The alerts that a real Alertmanager sends when several fire.
func TestInhibition(t *testing.T) {
	on := []string{"tenant", "t", "connector", "c", "direction", "outbound"}
	path := append(slices.Clone(on), "path", "p")
	other := []string{"tenant", "t", "connector", "c", "direction", "outbound", "path", "q"}
	for _, tt := range []struct {
		name   string
		firing []labels
		sent   string
	}{
		{"connector down", []labels{
			alert("Down", "critical", on...), alert("PathFailing", "critical", path...),
			alert("CertificateExpired", "critical", path...), alert("CertificateExpiring", "warning", path...),
		}, "Down"},
		{"one path fails because of its certificate, another does not", []labels{
			alert("CertificateExpired", "critical", path...),
			alert("PathFailing", "critical", path...), alert("PathFailing", "critical", other...),
		}, "CertificateExpired PathFailing"},
		{"most paths fail", []labels{
			alert("MostPathsFailing", "critical"), alert("Down", "critical", on...), alert("PathFailing", "critical", path...),
			alert("ProbeNotRunning", "warning", path...), alert("AttributionFailing", "critical", path...),
		}, "AttributionFailing MostPathsFailing"},
		{"a fault of another exporter inhibits nothing", []labels{
			alert("MostPathsFailing", "critical", "instance", "f"),
			alert("RedundancyLost", "warning", path...),
		}, "MostPathsFailing RedundancyLost"},
		{"the exporter goes down while a connector is down", []labels{
			alert("ExporterDown", "critical"), alert("Down", "critical", on...),
			alert("ProbeNotRunning", "warning", path...),
		}, "Down ExporterDown"},
		{"the exporter has stopped probing", []labels{
			alert("ProbeNotRunning", "critical"), alert("ProbeNotRunning", "warning", path...),
			alert("ScheduleLagging", "warning", path...),
			alert("PathFailing", "critical", "tenant", "u", "connector", "c", "direction", "outbound", "path", "p"),
		}, "PathFailing ProbeNotRunning"},
		{"the exporter has lost all its paths", []labels{
			alert("PathsVanished", "critical"), alert("PathsVanished", "warning", "tenant", "t"),
			alert("PathsVanished", "warning", "tenant", "u"),
		}, "PathsVanished"},
		{"critical before warning", []labels{
			alert("CertificateExpiring", "critical", path...), alert("CertificateExpiring", "warning", path...),
			alert("RedundancyLost", "warning", "tenant", "u", "connector", "c", "direction", "outbound"),
		}, "CertificateExpiring RedundancyLost"},
		{"attribution with a known cause", []labels{
			alert("SharedBetweenTenants", "critical", on...),
			alert("AttributionFailing", "critical", path...),
		}, "SharedBetweenTenants"},
		{
			"fragile because of a shared identity, and for another reason",
			[]labels{
				alert("SharedBetweenTenants", "warning", on...),
				alert("AttributionFragile", "warning", path...),
				alert("AttributionFragile", "warning", "tenant", "u", "connector", "c", "direction", "inbound"),
			},
			"AttributionFragile SharedBetweenTenants",
		},
		{"a sender's certificate that its connector does not name", []labels{
			alert("CriticalFinding", "critical", append(slices.Clone(path), "check", "presented_certificate_not_configured")...),
			alert("AttributionFailing", "critical", path...),
		}, "CriticalFinding"},
		{"a warning about sharing does not explain a wrong attribution", []labels{
			alert("SharedBetweenTenants", "warning", "tenant", "t", "connector", "d"),
			alert("AttributionFailing", "critical", path...),
		}, "AttributionFailing SharedBetweenTenants"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			base := startAlertmanager(t)
			post(t, base, append(tt.firing, canary...))
			var got string
			tick := time.Tick(20 * time.Millisecond)
			for range 500 { // until it has processed all posted alerts
				<-tick
				names := sent(t, base)
				if got = strings.Join(names, " "); !slices.Contains(names, "Throttled") {
					break
				}
			}
			if got != tt.sent {
				t.Errorf("sent %q, want %q", got, tt.sent)
			}
		})
	}
}

// startAlertmanager runs a real Alertmanager, whose receivers do not exist.
func startAlertmanager(t *testing.T) string {
	t.Helper()
	address := start(t, need(t, "prometheus-alertmanager"), "--config.file="+alertmanagerFile,
		"--storage.path="+filepath.Join(t.TempDir(), "data"),
		"--web.listen-address=127.0.0.1:0", "--cluster.listen-address=")
	return "http://" + address + "/api/v2/alerts"
}

// canary is posted last: once its second alert is inhibited, all earlier ones are processed.
var canary = []labels{
	{"alertname": "M365ConnectorMostPathsFailing", "severity": "critical", "job": "canary"},
	{"alertname": "M365ConnectorThrottled", "severity": "warning", "job": "canary"},
}

func post(t *testing.T, base string, firing []labels) {
	t.Helper()
	var alerts []map[string]labels
	for _, l := range firing {
		alerts = append(alerts, map[string]labels{"labels": l})
	}
	body, err := json.Marshal(alerts)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(base, "application/json", bytes.NewReader(body))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("POST: %v %v", resp, err)
	}
	_ = resp.Body.Close()
}

// sent returns the names of the alerts that are not inhibited, sorted.
func sent(t *testing.T, base string) []string {
	t.Helper()
	resp, err := http.Get(base + "?inhibited=false")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var got []struct{ Labels labels }
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range got {
		if a.Labels["job"] != "canary" || a.Labels["severity"] == "warning" {
			names = append(names, strings.TrimPrefix(a.Labels["alertname"], "M365Connector"))
		}
	}
	slices.Sort(names)
	return names
}
