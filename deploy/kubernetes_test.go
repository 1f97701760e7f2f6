package deploy_test

import (
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const chart = "kubernetes/helm/m365-connector-exporter"

// helm renders the chart; the error is helm's own.
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
	"serviceMonitor.enabled=true", "serviceMonitor.labels.release=prom", "probe.enabled=true", "probe.targets={contoso/outbound/To on-premises/mail.contoso.com}",
	"prometheusRule.enabled=true", "prometheusRule.runbookURL=https://wiki.example.org/", "dashboards.enabled=true", "networkPolicy.enabled=true",
	"extraFiles[0].name=edge", "extraFiles[0].secret=edge", "extraFiles[0].mountPath=/certs", "podLabels.team=mail", "extraArgs={--log.level=debug}",
	"nodeSelector.os=linux", "imagePullSecrets[0].name=pull", "priorityClassName=high", "hostAliases[0].ip=192.0.2.1",
}

// The API's own types accept whatever the chart can render, and the plain manifests.
func TestManifestsAreStrict(t *testing.T) {
	run(t, "helm", "lint", "--strict", chart)
	plain := read(t, "kubernetes/manifests/exporter.yaml")
	least, err := helm(t)
	if err != nil {
		t.Fatal(err)
	}
	most, err := helm(t, everything...)
	if err != nil {
		t.Fatal(err)
	}
	for name, manifests := range map[string]string{"plain": plain, "least": least, "most": most} {
		cmd := exec.Command(need(t, "kube-strict"))
		cmd.Stdin = strings.NewReader(manifests)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %s", name, out)
		}
		restricted(t, name, manifests)
	}
	for _, kind := range []string{"ServiceMonitor", "Probe", "PrometheusRule", "NetworkPolicy"} {
		if strings.Contains(least, "kind: "+kind) || !strings.Contains(most, "kind: "+kind) {
			t.Errorf("%s is not optional", kind)
		}
	}
	if n := strings.Count(most, "runbook_url: https://wiki.example.org/M365Connector"); n < 20 {
		t.Errorf("%d alerts with the runbooks' address", n)
	}
}

// restricted holds the pod to Kubernetes' "restricted" Pod Security Standard, and to a file system that it cannot write.
func restricted(t *testing.T, name, manifests string) {
	t.Helper()
	type security struct {
		RunAsNonRoot             bool                    `yaml:"runAsNonRoot"`
		SeccompProfile           struct{ Type string }   `yaml:"seccompProfile"`
		AllowPrivilegeEscalation *bool                   `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool                    `yaml:"readOnlyRootFilesystem"`
		Capabilities             struct{ Drop []string } `yaml:"capabilities"`
	}
	var pod struct {
		Spec struct {
			Template struct {
				Spec struct {
					Automount       *bool    `yaml:"automountServiceAccountToken"`
					SecurityContext security `yaml:"securityContext"`
					Containers      []struct {
						SecurityContext security `yaml:"securityContext"`
					}
				}
			}
		}
	}
	documents := yaml.NewDecoder(strings.NewReader(manifests))
	for {
		var node yaml.Node
		if err := documents.Decode(&node); errors.Is(err, io.EOF) {
			t.Fatalf("%s: no Deployment", name)
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var head struct{ Kind string }
		if node.Decode(&head) == nil && head.Kind == "Deployment" {
			if err := node.Decode(&pod); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	p := pod.Spec.Template.Spec
	if !p.SecurityContext.RunAsNonRoot || p.SecurityContext.SeccompProfile.Type != "RuntimeDefault" || p.Automount == nil || *p.Automount {
		t.Errorf("%s: the pod is not restricted: %+v", name, p)
	}
	for _, c := range p.Containers {
		s := c.SecurityContext
		if s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || !s.ReadOnlyRootFilesystem || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" {
			t.Errorf("%s: the container is not restricted: %+v", name, s)
		}
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
