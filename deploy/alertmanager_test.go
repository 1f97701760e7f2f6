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

// shared returns the alerts of a tenant's connector that fails because of the host gw.
func shared(tenant, name string) []labels {
	on := []string{"tenant", tenant, "connector", "c", "direction", "outbound"}
	return []labels{
		alert(name, "critical", on...), alert("PathFailing", "critical", append(slices.Clone(on), "path", "p")...),
		alert("AffectedByHost", "info", append(slices.Clone(on), "host", "gw", "address", "192.0.2.1")...),
	}
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
		{"a path fails because of its certificate", []labels{
			alert("PathFailing", "critical", path...), alert("CertificateExpired", "critical", path...),
			alert("CertificateExpired", "critical", other...),
		}, "CertificateExpired PathFailing"},
		{"a host that three connectors share", append(
			shared("a", "Down"), append(shared("b", "Down"), append(shared("c", "RedundancyLost"),
				alert("HostDown", "critical", "host", "gw", "address", "192.0.2.1"),
				alert("CertificateExpired", "critical", append(slices.Clone(path), "host", "gw", "address", "192.0.2.1")...),
			)...)...,
		), "HostDown"},
		{"another connector fails beside a host that three share", append(
			shared("a", "Down"),
			alert("HostDown", "critical", "host", "gw", "address", "192.0.2.1"),
			alert("Down", "critical", on...),
			alert("CertificateExpired", "critical", "tenant", "u", "connector", "c", "direction", "inbound", "address", ""),
		), "CertificateExpired Down HostDown"},
		{"a host known by several names, and one that has no address", []labels{
			alert("HostDown", "critical", "address", "192.0.2.1"),
			alert("AffectedByHost", "info", append(slices.Clone(on), "address", "192.0.2.1")...),
			alert("Down", "critical", on...),
			alert("HostDown", "critical", "host", "gone"),
			alert("AffectedByHost", "info", "tenant", "u", "connector", "c", "direction", "outbound", "host", "gone"),
			alert("Down", "critical", "tenant", "u", "connector", "c", "direction", "outbound"),
		}, "HostDown HostDown"},
		{"a host behind /probe, and the exporter of another shard", []labels{
			alert("ShardHostDown", "critical", "shard", "0", "host", "gw", "address", "192.0.2.1"),
			alert("ShardAffectedByHost", "info",
				append(slices.Clone(path), "shard", "0", "host", "gw", "address", "192.0.2.1")...),
			alert("ShardPathFailing", "critical", append(slices.Clone(path), "shard", "0")...),
			alert("ShardPathFailing", "critical", append(slices.Clone(other), "shard", "0")...),
			alert("ShardMostPathsFailing", "critical", "shard", "1"),
			alert("ShardHostDown", "critical", "shard", "1", "host", "gw", "address", "192.0.2.1"),
			alert("ShardPathFailing", "critical", append(slices.Clone(other), "shard", "1")...),
		}, "ShardHostDown ShardMostPathsFailing ShardPathFailing"},
		{"two hosts, one with redundancy", []labels{
			alert("HostDown", "critical", "host", "gw", "address", "192.0.2.1"),
			alert("HostDown", "warning", "host", "mx", "address", "192.0.2.2"),
			alert("Throttled", "warning"),
		}, "HostDown HostDown Throttled"},
		{"the same names in another cluster", []labels{
			alert("Down", "critical", append(slices.Clone(on), "cluster", "a")...),
			alert("PathFailing", "critical", append(slices.Clone(path), "cluster", "a")...),
			alert("PathFailing", "critical", append(slices.Clone(path), "cluster", "b")...),
		}, "Down PathFailing"},
		{"a path that flaps while it fails", []labels{
			alert("PathFailing", "critical", path...), alert("Flapping", "warning", path...),
			alert("Flapping", "warning", "tenant", "u", "connector", "c", "direction", "outbound", "path", "p"),
		}, "Flapping PathFailing"},
		{"most paths fail", []labels{
			alert("MostPathsFailing", "critical"), alert("Down", "critical", on...), alert("PathFailing", "critical", path...),
			alert("HostDown", "critical", "host", "gw", "address", "192.0.2.1"), alert("Flapping", "warning", path...),
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
			base := startAlertmanager(t, alertmanagerFile)
			post(t, base, append(tt.firing, canary...))
			var got string
			tick := time.Tick(20 * time.Millisecond)
			for range 500 { // until it has processed all posted alerts
				<-tick
				names := sent(t, base)
				if got = strings.Join(names, " "); !slices.Contains(names, "canary") {
					break
				}
			}
			if got != tt.sent {
				t.Errorf("sent %q, want %q", got, tt.sent)
			}
		})
	}
}

// startAlertmanager runs a real Alertmanager, whose receivers do not exist, and returns the URL of its alerts.
func startAlertmanager(t *testing.T, file string) string {
	t.Helper()
	address := start(t, need(t, "prometheus-alertmanager"), "--config.file="+file,
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
		switch {
		case a.Labels["job"] != "canary":
			names = append(names, strings.TrimPrefix(a.Labels["alertname"], "M365Connector"))
		case a.Labels["severity"] == "warning":
			names = append(names, "canary")
		}
	}
	slices.Sort(names)
	return names
}
