// Package deploy_test tests the files in deploy with the real tools.
package deploy_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/collector"
)

// need returns the path of a tool. Without it the test is skipped, or fails if CI_REQUIRE_TOOLS=1.
func need(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv("CI_REQUIRE_TOOLS") == "1":
		t.Fatalf("%s is not installed, and CI_REQUIRE_TOOLS=1", name)
	default:
		t.Skipf("%s is not installed: deploy/tools.sh builds it, or .ci/run names its Debian package", name)
	}
	return ""
}

// run runs a tool, which must succeed, and returns its output.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(need(t, name), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

var listens = regexp.MustCompile(`Listening on" .*address=(127\.0\.0\.1:\d+)`)

// start runs a server until the test ends, and returns the address that it logs.
func start(t *testing.T, bin string, args ...string) string {
	t.Helper()
	cmd := exec.Command(bin, args...)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() })
	slow := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer slow.Stop()
	var said strings.Builder
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if m := listens.FindStringSubmatch(lines.Text()); m != nil {
			go func() { _, _ = io.Copy(io.Discard, log) }()
			return m[1]
		}
		said.WriteString(lines.Text() + "\n")
	}
	t.Fatalf("%s logged no address:\n%s", bin, said.String())
	return ""
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no file (%v)", pattern, err)
	}
	return files
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// rule is one rule of a rule file.
type rule struct {
	Record, Alert, Expr, For string
	Labels, Annotations      map[string]string
}

func rules(t *testing.T) []rule {
	t.Helper()
	var all []rule
	for _, path := range glob(t, "prometheus/rules/*.yml") {
		var file struct {
			Groups []struct{ Rules []rule }
		}
		if err := yaml.Unmarshal([]byte(read(t, path)), &file); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, g := range file.Groups {
			all = append(all, g.Rules...)
		}
	}
	return all
}

// exported maps every metric of the exporter to whether alerts may use it.
func exported() map[string]bool {
	stable := map[string]bool{}
	for _, m := range collector.Metrics() {
		if m.Section != collector.SectionProbe {
			stable[m.Name] = m.Stable() || m.Section == collector.SectionExporter
		}
	}
	return stable
}

var (
	metricName = regexp.MustCompile(`[a-z:]*\bm365_connector_[a-z0-9_]+(?::[a-z_]+)?`)
	suffix     = regexp.MustCompile(`_(bucket|count|sum)$`)
)

// known returns exported plus the recorded series.
func known(t *testing.T) map[string]bool {
	t.Helper()
	names := exported()
	for _, r := range rules(t) {
		if r.Record != "" {
			names[r.Record] = true
		}
	}
	return names
}

// metrics returns the metric names in a PromQL expression.
func metrics(known map[string]bool, expr string) []string {
	var names []string
	for _, name := range metricName.FindAllString(expr, -1) {
		if base := suffix.ReplaceAllString(name, ""); !strings.Contains(name, ":") {
			if _, histogram := known[base]; histogram {
				name = base
			}
		}
		names = append(names, name)
	}
	return names
}
