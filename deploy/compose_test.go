package deploy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

func TestCompose(t *testing.T) {
	var file struct {
		Services map[string]struct {
			Build    string
			Image    string
			Volumes  []string
			ReadOnly bool     `yaml:"read_only"`
			CapDrop  []string `yaml:"cap_drop"`
			Ports    []string
		}
		Volumes map[string]any
	}
	if err := yaml.Unmarshal([]byte(read(t, "compose/compose.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"exporter", "prometheus", "alertmanager", "grafana"} {
		s, is := file.Services[name]
		if !is || !s.ReadOnly || len(s.CapDrop) != 1 {
			t.Errorf("%s is missing or not hardened", name)
		}
		if s.Build == "" && !strings.Contains(s.Image, ":") {
			t.Errorf("%s: the image %q has no fixed version", name, s.Image)
		}
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s: port %s is open to the network", name, port)
			}
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			_, named := file.Volumes[from]
			if _, err := os.Stat(filepath.Join("compose", from)); !named && err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := os.Stat(filepath.Join("compose", file.Services["exporter"].Build, "Dockerfile")); err != nil {
		t.Error(err)
	}
	// Prometheus finds its rules beside its configuration, as mounted.
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "rules"), os.DirFS("prometheus/rules")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(read(t, "compose/prometheus.yml")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := run(t, "promtool", "check", "config", dir+"/prometheus.yml"); !strings.Contains(out, "mailflow.yml") {
		t.Errorf("the rules are not loaded: %s", out)
	}
}
