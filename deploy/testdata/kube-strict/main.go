// Command kube-strict reads Kubernetes manifests from standard input and fails for what the API types do not define
// (unknown kinds, unknown or duplicate fields), and for pods that Pod Security Admission rejects at the level
// restricted. It is a separate module, so that the exporter does not depend on Kubernetes.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

func main() {
	n, err := check(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%d objects\n", n)
}

func check(in io.Reader) (int, error) {
	known := runtime.NewScheme()
	if err := errors.Join(scheme.AddToScheme(known), monitoringv1.AddToScheme(known)); err != nil {
		return 0, err
	}
	judge, err := policy.NewEvaluator(policy.DefaultChecks())
	if err != nil {
		return 0, err
	}
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, known, known,
		json.SerializerOptions{Yaml: true, Strict: true})
	documents := yaml.NewYAMLReader(bufio.NewReader(in))
	for n := 0; ; {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if empty, err := yaml.ToJSON(document); err != nil || string(empty) == "null" {
			if err != nil {
				return n, err
			}
			continue
		}
		object, kind, err := decoder.Decode(document, nil, nil)
		if err != nil {
			return n, fmt.Errorf("%v: %w", kind, err)
		}
		if err := admit(judge, object); err != nil {
			return n, fmt.Errorf("%v: %w", kind, err)
		}
		n++
	}
}

// restricted is the level restricted in its latest known version.
var restricted = api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}

func admit(judge policy.Evaluator, object runtime.Object) error {
	deployment, is := object.(*appsv1.Deployment)
	if !is { // nothing else of ours makes pods
		return nil
	}
	pod := deployment.Spec.Template
	if result := policy.AggregateCheckResults(judge.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec)); !result.Allowed {
		return fmt.Errorf("%s violates PodSecurity %q: %s", deployment.Name, restricted, result.ForbiddenDetail())
	}
	return nil
}
