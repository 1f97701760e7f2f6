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
	"testing"

	"gopkg.in/yaml.v3"
)

const chart = "kubernetes/helm/m365-connector-exporter"

// helm renders the chart and returns helm's error.
func helm(t *testing.T, set ...string) (string, error) {
	t.Helper()
	args := []string{"template", "x", chart, "--kube-version=1.34.0"}
	for _, s := range set {
		args = append(args, "--set", s)
	}
	cmd := exec.Command(need(t, "helm"), args...)
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Logf("helm: %s", errors.String())
	}
	return string(out), err
}

var everything = []string{
	"serviceMonitor.enabled=true", "serviceMonitor.labels.release=prom", "probe.enabled=true",
	"probe.targets={contoso/outbound/To on-premises/mail.contoso.com}",
	"prometheusRule.enabled=true", "prometheusRule.runbookURL=https://wiki.example.org/", "dashboards.enabled=true",
	"networkPolicy.enabled=true",
	"extraFiles[0].name=edge", "extraFiles[0].secret=edge", "extraFiles[0].mountPath=/certs", "podLabels.team=mail",
	"extraArgs={--log.level=debug}",
	"nodeSelector.os=linux", "imagePullSecrets[0].name=pull", "priorityClassName=high", "hostAliases[0].ip=192.0.2.1",
}

var combinations = map[string][]string{
	"least": nil,
	"most":  everything,
	"values of one's own": {
		"existingConfigMap=mine", "serviceAccount.create=false", "serviceAccount.name=mine", "fullnameOverride=mail",
		"replicas=3",
		"extraFiles[0].name=exports", "extraFiles[0].configMap=exports", "extraFiles[0].mountPath=/exports",
		"tolerations[0].key=edge", "tolerations[0].operator=Exists", "resources.limits.cpu=1", "podAnnotations.owner=mail",
		"networkPolicy.enabled=true", "networkPolicy.smtpPorts={25,2525}",
		"networkPolicy.ingressFrom[0].namespaceSelector.matchLabels.name=monitoring",
		"networkPolicy.dns[0].ipBlock.cidr=192.0.2.53/32",
	},
}

// strict validates manifests against the API types, and pods against Pod Security Admission at the level restricted.
func strict(t *testing.T, manifests string) error {
	t.Helper()
	cmd := exec.Command(need(t, "kube-strict"))
	cmd.Stdin = strings.NewReader(manifests)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// The API accepts the rendered chart with all options, and the plain manifests.
func TestManifestsAreStrict(t *testing.T) {
	run(t, "helm", "lint", "--strict", chart)
	manifests := map[string]string{"plain": read(t, "kubernetes/manifests/exporter.yaml")}
	for name, values := range combinations {
		rendered, err := helm(t, values...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		manifests[name] = rendered
	}
	for name, m := range manifests {
		if err := strict(t, m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		closed(t, name, m)
	}
	for _, kind := range []string{"ServiceMonitor", "Probe", "PrometheusRule", "NetworkPolicy"} {
		if strings.Contains(manifests["least"], "kind: "+kind) || !strings.Contains(manifests["most"], "kind: "+kind) {
			t.Errorf("%s is not optional", kind)
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
		if pod.Automount == nil || *pod.Automount || len(pod.Containers) != 1 ||
			!pod.Containers[0].SecurityContext.ReadOnlyRootFilesystem {
			t.Errorf("%s: the pod is not closed: %+v", name, pod)
		}
	}
}

// The chart contains the dashboards of deploy/grafana byte by byte, with the label for Grafana's sidecar.
func TestChartDashboards(t *testing.T) {
	rendered, err := helm(t, "dashboards.enabled=true", "dashboards.annotations.folder=Mail")
	if err != nil {
		t.Fatal(err)
	}
	type configMap struct {
		Metadata struct{ Labels, Annotations map[string]string }
		Data     map[string]string
	}
	carried := map[string]string{}
	for name, c := range objects[configMap](t, rendered, "ConfigMap") {
		if _, own := c.Data["config.yaml"]; own {
			continue
		}
		if c.Metadata.Labels["grafana_dashboard"] != "1" || c.Metadata.Annotations["folder"] != "Mail" {
			t.Errorf("%s: a sidecar does not find it: %+v", name, c.Metadata)
		}
		size := 0
		for file, text := range c.Data {
			if _, twice := carried[file]; twice {
				t.Errorf("%s stands in two ConfigMaps", file)
			}
			carried[file] = text
			size += len(text)
		}
		if size > 1<<20 {
			t.Errorf("%s has %d bytes, more than a ConfigMap may have", name, size)
		}
	}
	files := map[string]string{}
	for _, path := range glob(t, "grafana/dashboards/*") {
		files[filepath.Base(path)] = read(t, path)
	}
	if !maps.Equal(carried, files) {
		t.Errorf("the chart carries %v, want %v", slices.Sorted(maps.Keys(carried)), slices.Sorted(maps.Keys(files)))
	}
}

// The chart's PrometheusRule contains the rules of deploy/prometheus, with another prefix of the runbooks.
func TestChartRules(t *testing.T) {
	type groups struct {
		Groups []any
	}
	var want groups
	for _, path := range glob(t, "prometheus/rules/*.yml") {
		var file groups
		if err := yaml.Unmarshal([]byte(read(t, path)), &file); err != nil {
			t.Fatal(err)
		}
		want.Groups = append(want.Groups, file.Groups...)
	}
	for _, base := range []string{"docs/runbooks/", "https://wiki.example.org/"} {
		rendered, err := helm(t, "prometheusRule.enabled=true", "prometheusRule.runbookURL="+base)
		if err != nil {
			t.Fatal(err)
		}
		got := objects[struct{ Spec groups }](t, rendered, "PrometheusRule")["x-m365-connector-exporter"].Spec
		there, err := yaml.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		here, err := yaml.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		moved := strings.ReplaceAll(string(here), "runbook_url: docs/runbooks/", "runbook_url: "+base)
		if string(there) != moved || len(want.Groups) == 0 {
			t.Errorf("the chart's rules are not those of deploy/prometheus:\n%s", there)
		}
		path := filepath.Join(t.TempDir(), "rules.yml")
		if err := os.WriteFile(path, there, 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, "promtool", "check", "rules", path)
	}
}

func TestChartRefusesWrongValues(t *testing.T) {
	for _, set := range [][]string{
		{"replicas=-1"},
		{"replicaCount=2"}, // unknown keys are errors, as in the exporter's own configuration
		{"serviceMonitor.interval=soon"},
		{"extraFiles[0].name=x", "extraFiles[0].mountPath=/x"},
		{"extraFiles[0].name=x", "extraFiles[0].mountPath=/x", "extraFiles[0].secret=a", "extraFiles[0].configMap=b"},
		{"probe.enabled=true"}, // without a target
		{"service.port=70000"},
	} {
		if _, err := helm(t, set...); err == nil {
			t.Errorf("%v is accepted", set)
		}
	}
}

// The series of a replaced pod, which has another address, keep their instance if the chart runs one pod.
func TestChartInstance(t *testing.T) {
	type monitor struct {
		Spec struct {
			Endpoints []struct {
				Relabelings []struct {
					TargetLabel string `yaml:"targetLabel"`
					Replacement string
				}
			}
		}
	}
	for replicas, want := range map[string]string{
		"1": "[{Relabelings:[{TargetLabel:instance Replacement:mail}]}]",
		"2": "[{Relabelings:[]}]",
	} {
		rendered, err := helm(t, "serviceMonitor.enabled=true", "fullnameOverride=mail", "replicas="+replicas)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%+v", objects[monitor](t, rendered, "ServiceMonitor")["mail"].Spec.Endpoints); got != want {
			t.Errorf("%s replicas: %s, want %s", replicas, got, want)
		}
	}
}
