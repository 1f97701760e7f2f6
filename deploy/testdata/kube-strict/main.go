// Command kube-strict reads Kubernetes manifests from standard input and fails for what the API types do not define
// (unknown kinds, unknown or duplicate fields), and for pods that Pod Security Admission rejects at the level of the
// flag -level, restricted by default. It is a separate module, so that the exporter does not depend on Kubernetes.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	monitoringv1alpha1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

func main() {
	level := flag.String("level", string(api.LevelRestricted), "Pod Security level: restricted, baseline or privileged")
	flag.Parse()
	n, err := check(os.Stdin, api.Level(*level))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%d objects\n", n)
}

func check(in io.Reader, level api.Level) (int, error) {
	known := runtime.NewScheme()
	if err := errors.Join(scheme.AddToScheme(known), monitoringv1.AddToScheme(known),
		monitoringv1alpha1.AddToScheme(known)); err != nil {
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
		if err := admit(judge, level, object); err != nil {
			return n, fmt.Errorf("%v: %w", kind, err)
		}
		n++
	}
}

// admit returns an error for an object whose pods violate the level in its latest known version.
func admit(judge policy.Evaluator, level api.Level, object runtime.Object) error {
	var pod corev1.PodTemplateSpec
	switch o := object.(type) {
	case *appsv1.Deployment:
		pod = o.Spec.Template
	case *batchv1.CronJob:
		pod = o.Spec.JobTemplate.Spec.Template
	default: // nothing else of ours makes pods
		return nil
	}
	at := api.LevelVersion{Level: level, Version: api.LatestVersion()}
	if result := policy.AggregateCheckResults(judge.EvaluatePod(at, &pod.ObjectMeta, &pod.Spec)); !result.Allowed {
		return fmt.Errorf("violates PodSecurity %q: %s", at, result.ForbiddenDetail())
	}
	return nil
}
