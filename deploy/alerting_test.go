package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// amtool accepts the minimal Alertmanager of docs/alerting.md, which has at most ten lines, and promtool the relabeling
// for Grafana. The minimal Alertmanager sends one alert for one cause.
func TestAlertingExamples(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(read(t, "../docs/alerting.md"), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d examples", len(blocks))
	}
	if n := strings.Count(blocks[0][1], "\n"); n > 10 {
		t.Errorf("the minimal Alertmanager has %d lines", n)
	}
	for i, tool := range [][]string{{"amtool", "check-config"}, {"promtool", "check", "config"}} {
		file := filepath.Join(t.TempDir(), "example.yml")
		if err := os.WriteFile(file, []byte(blocks[i][1]), 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, tool[0], append(tool[1:], file)...)
	}
	file := filepath.Join(t.TempDir(), "minimal.yml")
	if err := os.WriteFile(file, []byte(blocks[0][1]), 0o600); err != nil {
		t.Fatal(err)
	}
	checkMinimalAlertmanager(t, file)
}

// checkMinimalAlertmanager lets a host fail that three connectors of a tenant share, and a connector with a host of its
// own: Alertmanager sends one alert for each.
func checkMinimalAlertmanager(t *testing.T, file string) {
	t.Helper()
	base := startAlertmanager(t, file)
	firing := []labels{alert("HostDown", "critical", "host", "gw", "address", "192.0.2.1")}
	for _, connector := range []string{"a", "b", "c"} {
		on := []string{"tenant", "t", "connector", connector, "direction", "outbound"}
		firing = append(firing, alert("Down", "critical", on...),
			alert("PathFailing", "critical", append(slices.Clone(on), "path", "p")...),
			alert("AffectedByHost", "info", append(slices.Clone(on), "host", "gw", "address", "192.0.2.1")...))
	}
	own := []string{"tenant", "t", "connector", "own", "direction", "outbound"}
	firing = append(firing, alert("Down", "critical", own...),
		alert("PathFailing", "critical", append(slices.Clone(own), "path", "p")...))
	post(t, base, firing)
	want, got := []string{"Down", "HostDown"}, []string(nil)
	tick := time.Tick(20 * time.Millisecond)
	for range 500 { // until it has processed all posted alerts
		<-tick
		if got = sent(t, base); slices.Equal(got, want) {
			return
		}
	}
	t.Errorf("the minimal Alertmanager sends %q, want %q", got, want)
}
