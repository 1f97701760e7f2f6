package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// amtool accepts the minimal Alertmanager of docs/alerting.md, which has at most ten lines, and promtool the relabeling
// for Grafana.
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
}
