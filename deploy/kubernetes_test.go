package deploy_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gopkg.in/yaml.v3"
)

const chart = "kubernetes/helm/m365-connector-exporter"

// helm renders the chart with values like those of --set, and returns helm's error.
func helm(t *testing.T, set ...string) (string, error) {
	t.Helper()
	var args []string
	for _, s := range set {
		args = append(args, "--set", s)
	}
	return template(t, args...)
}

// template runs helm template.
func template(t *testing.T, args ...string) (string, error) {
	t.Helper()
	args = append([]string{"template", "x", chart, "--kube-version=1.34.0", "--namespace=mail"}, args...)
	cmd := exec.Command(need(t, "helm"), args...)
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, errors.String())
	}
	return string(out), nil
}

// renderings are the results of rendered: many tests use the same values.
var renderings sync.Map

// rendered returns the objects of the chart with the values of a YAML text.
func rendered(t *testing.T, values string, args ...string) string {
	t.Helper()
	key := strings.Join(append(args, values), "\n")
	if out, done := renderings.Load(key); done {
		return out.(string)
	}
	file := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(file, []byte(values), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := template(t, append(args, "--values", file)...)
	if err != nil {
		t.Fatal(err)
	}
	renderings.Store(key, out)
	return out
}

// strict validates manifests against the API types, and pods against Pod Security Admission at the level restricted or
// that of the flags.
func strict(t *testing.T, manifests string, flags ...string) error {
	t.Helper()
	cmd := exec.Command(need(t, "kube-strict"), flags...)
	cmd.Stdin = strings.NewReader(manifests)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// The API accepts the plain manifests, and the chart with each of its example values.
func TestManifestsAreStrict(t *testing.T) {
	t.Parallel()
	manifests := map[string]string{"plain": read(t, "kubernetes/manifests/exporter.yaml")}
	for _, file := range glob(t, chart+"/ci/*-values.yaml") {
		run(t, "helm", "lint", "--strict", "--values", file, chart)
		out, err := template(t, "--values", file)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		manifests[strings.TrimSuffix(filepath.Base(file), "-values.yaml")] = out
	}
	for name, m := range manifests {
		var flags []string
		if name == "host-network" {
			if err := strict(t, m); err == nil || !strings.Contains(err.Error(), "hostNetwork=true") {
				t.Errorf("%s: at level restricted: %v", name, err)
			}
			flags = []string{"-level=privileged"}
		}
		if err := strict(t, m, flags...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		closed(t, name, m)
	}
	for _, kind := range []string{
		"ServiceMonitor", "Probe", "ScrapeConfig", "PrometheusRule", "NetworkPolicy", "Ingress", "PodDisruptionBudget",
		"PersistentVolumeClaim", "Secret", "CronJob",
	} {
		if strings.Contains(manifests["minimal"], "kind: "+kind) {
			t.Errorf("the defaults contain the kind %s", kind)
		}
		if all := strings.Join(slices.Collect(maps.Values(manifests)), ""); !strings.Contains(all, "kind: "+kind) {
			t.Errorf("no example values contain the kind %s", kind)
		}
	}
}

// strict rejects each of these errors.
func TestManifestMistakes(t *testing.T) {
	plain := read(t, "kubernetes/manifests/exporter.yaml")
	for _, c := range []struct{ good, bad, complaint string }{
		{"containerPort: 10587", "containerPrt: 10587", "unknown field"},
		{"periodSeconds: 30", "periodSeconds: 30\n            periodSeconds: 31", "already set"},
		{"kind: NetworkPolicy", "kind: NetworkPolice", "no kind"},
		{"replicas: 1", "replicas: one", "cannot unmarshal"},
		{"runAsNonRoot: true", "runAsNonRoot: false", "runAsNonRoot != true"},
		{"seccompProfile: { type: RuntimeDefault }", "seccompProfile: { type: Unconfined }", "seccompProfile"},
		{"allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "allowPrivilegeEscalation != false"},
		{"drop: [ALL]", "drop: [NET_RAW]", "unrestricted capabilities"},
		{"path: /-/ready", "path: /-/ready, host: 192.0.2.1", "probe or lifecycle host"},
		{"configMap: { name: m365-connector-exporter }", "hostPath: { path: /etc }", "restricted volume types"},
	} {
		bad := strings.Replace(plain, c.good, c.bad, 1)
		if err := strict(t, bad); err == nil || bad == plain || !strings.Contains(err.Error(), c.complaint) {
			t.Errorf("%s: %v", c.bad, err)
		}
	}
}

// objects returns the manifests of one kind, by name.
func objects[T any](t *testing.T, manifests, kind string) map[string]T {
	t.Helper()
	found := map[string]T{}
	documents := yaml.NewDecoder(strings.NewReader(manifests))
	for {
		var node yaml.Node
		if err := documents.Decode(&node); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		var head struct {
			Kind     string
			Metadata struct{ Name string }
		}
		var object T
		if err := node.Decode(&head); err != nil || head.Kind != kind {
			continue
		}
		if err := node.Decode(&object); err != nil {
			t.Fatal(err)
		}
		found[head.Metadata.Name] = object
	}
}

// closed requires what no Pod Security Standard does: a read-only file system, and no API token.
func closed(t *testing.T, name, manifests string) {
	t.Helper()
	type deployment struct {
		Spec struct {
			Template struct {
				Spec struct {
					Automount  *bool `yaml:"automountServiceAccountToken"`
					Containers []struct {
						Name            string
						SecurityContext struct {
							ReadOnlyRootFilesystem bool `yaml:"readOnlyRootFilesystem"`
						} `yaml:"securityContext"`
					}
				}
			}
		}
	}
	deployments := objects[deployment](t, manifests, "Deployment")
	if len(deployments) != 1 {
		t.Errorf("%s: %d deployments", name, len(deployments))
	}
	for _, d := range deployments {
		pod := d.Spec.Template.Spec
		if pod.Automount == nil || *pod.Automount || pod.Containers[0].Name != "exporter" ||
			!pod.Containers[0].SecurityContext.ReadOnlyRootFilesystem {
			t.Errorf("%s: the pod is not closed: %+v", name, pod)
		}
	}
}
