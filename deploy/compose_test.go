package deploy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// compose is the file as Compose resolves it: merged, with absolute paths and long forms.
func compose(t *testing.T, file string, environment ...string) (project, error) {
	t.Helper()
	cmd := exec.Command(need(t, "compose-strict"), file)
	cmd.Env = append([]string{}, environment...) // never the test's own
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return project{}, fmt.Errorf("%w: %s", err, complaint.String())
	}
	var p project
	return p, json.Unmarshal(out, &p)
}

type project struct {
	Services map[string]struct {
		Build       struct{ Context string }
		Image       string
		Command     []string
		Restart     string
		Environment map[string]string
		ReadOnly    bool     `json:"read_only"`
		CapDrop     []string `json:"cap_drop"`
		SecurityOpt []string `json:"security_opt"`
		Volumes     []struct {
			Type, Source, Target string
			ReadOnly             bool `json:"read_only"`
		}
		Ports []struct {
			HostIP string `json:"host_ip"`
		}
	}
}

func TestCompose(t *testing.T) {
	p, err := compose(t, "compose/compose.yaml", "GRAFANA_ADMIN_PASSWORD=secret")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"exporter", "prometheus", "alertmanager", "receiver", "grafana"} {
		s, is := p.Services[name]
		if !is || !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) ||
			!slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) ||
			s.Restart != "unless-stopped" {
			t.Errorf("%s is missing or not hardened: %+v", name, s)
		}
		if s.Build.Context == "" && !strings.Contains(s.Image, ":") {
			t.Errorf("%s: the image %q has no fixed version", name, s.Image)
		}
		for _, port := range s.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %+v is open to the network", name, port)
			}
		}
		for _, v := range s.Volumes {
			if v.Type != "bind" {
				continue
			}
			if _, err := os.Stat(v.Source); err != nil || !v.ReadOnly {
				t.Errorf("%s: %+v is missing or can be written (%v)", name, v, err)
			}
		}
	}
	composeFetch(t)
	if got := p.Services["grafana"].Environment["GF_SECURITY_ADMIN_PASSWORD"]; got != "secret" {
		t.Errorf("Grafana's password is %q", got)
	}
	if _, err := os.Stat(filepath.Join(p.Services["exporter"].Build.Context, "Dockerfile")); err != nil {
		t.Error(err)
	}
	if _, err := compose(t, "compose/compose.yaml"); err == nil || !strings.Contains(err.Error(), "choose one") {
		t.Errorf("without a password: %v", err)
	}
}

// composeFetch verifies the service that fetches exports: it runs on demand only, writes where the exporter reads, and
// alone has the folder of the credential, which is in no image and no commit.
func composeFetch(t *testing.T) {
	t.Helper()
	p, err := compose(t, "compose/compose.yaml", "GRAFANA_ADMIN_PASSWORD=secret", "COMPOSE_PROFILES=fetch")
	if err != nil {
		t.Fatal(err)
	}
	fetch := p.Services["fetch"]
	if fetch.Restart != "no" || !fetch.ReadOnly || !slices.Equal(fetch.CapDrop, []string{"ALL"}) {
		t.Fatalf("fetch is missing, restarts or is not hardened: %+v", fetch)
	}
	var mounts []string
	for _, service := range []string{"exporter", "fetch"} {
		for _, v := range p.Services[service].Volumes {
			mounts = append(mounts, fmt.Sprint(service, " ", filepath.Base(v.Source), " ", v.Target, " ", v.ReadOnly))
		}
	}
	want := []string{
		"exporter config /etc/m365_connector_exporter true", "exporter state /var/lib/m365_connector_exporter false",
		"fetch fetch /etc/m365_connector_fetch true", "fetch state /var/lib/m365_connector_exporter false",
	}
	writes := slices.Contains(fetch.Command, "--output=/var/lib/m365_connector_exporter/exports")
	if !slices.Equal(mounts, want) || !writes {
		t.Errorf("%q: mounts %q, want %q", fetch.Command, mounts, want)
	}
	for _, file := range []string{"../.gitignore", "../.dockerignore"} {
		if !strings.Contains(read(t, file), "/deploy/compose/fetch/app.*\n") {
			t.Errorf("%s does not name the credential", file)
		}
	}
}

// Compose rejects an error.
func TestComposeIsStrict(t *testing.T) {
	for name, mistake := range map[string][2]string{
		"an unknown key":       {"read_only: true", "read_olny: true"},
		"an undeclared volume": {"- grafana:/var/lib/grafana", "- graphana:/var/lib/grafana"},
		"a wrong type":         {"cap_drop: [ALL]", "cap_drop: ALL"},
		"a wrong port":         {"127.0.0.1:3000:3000", "127.0.0.1:3000:port"},
	} {
		good := read(t, "compose/compose.yaml")
		bad := strings.Replace(good, mistake[0], mistake[1], 1)
		path := filepath.Join(t.TempDir(), "compose.yaml")
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := compose(t, path, "GRAFANA_ADMIN_PASSWORD=secret"); err == nil || bad == good {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestComposePrometheus(t *testing.T) {
	// Prometheus finds its rules next to its configuration, as mounted.
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "rules"), os.DirFS("prometheus/rules")); err != nil {
		t.Fatal(err)
	}
	example := []byte(read(t, "compose/prometheus.yml"))
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), example, 0o600); err != nil {
		t.Fatal(err)
	}
	if out := run(t, "promtool", "check", "config", dir+"/prometheus.yml"); !strings.Contains(out, "mailflow.yml") {
		t.Errorf("the rules are not loaded: %s", out)
	}
}
