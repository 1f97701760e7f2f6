package deploy_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes/certificate/certtest"
)

// field returns the JSON of a field of an object, for example spec.containers.0.image; "null" if it does not exist.
func field(t *testing.T, object any, path string) string {
	t.Helper()
	for key := range strings.SplitSeq(path, ".") {
		switch o := object.(type) {
		case map[string]any:
			object = o[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(o) {
				return "null"
			}
			object = o[i]
		default:
			return "null"
		}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(object); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(text.String())
}

// pod and container are the fields of the exporter's pod and its first container.
const (
	pod       = "spec.template.spec."
	container = pod + "containers.0."
)

var withPassword = "web: { config: { basic_auth_users: { x: hash } } }"

var withFetch = "{ persistence: { exports: { enabled: true } }, fetch: { enabled: true, secret: app } }"

// Each row: values, the kind of an object, one of its fields, and the JSON of that field.
var chartValues = []struct{ values, kind, field, want string }{
	{"", "Deployment", "spec.strategy.type", `"Recreate"`},
	{
		"", "Deployment", pod + "securityContext",
		`{"fsGroup":65532,"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}}`,
	},
	{"fsGroup: 0", "Deployment", pod + "securityContext.fsGroup", "null"},
	{"podSecurityContext: { runAsUser: 7 }", "Deployment", pod + "securityContext.runAsUser", "7"},
	{"hostNetwork: true", "Deployment", pod + "dnsPolicy", `"ClusterFirstWithHostNet"`},
	{"{ hostNetwork: true, dnsPolicy: Default }", "Deployment", pod + "dnsPolicy", `"Default"`},
	{
		"dnsConfig: { nameservers: [192.0.2.53] }", "Deployment", pod + "dnsConfig",
		`{"nameservers":["192.0.2.53"]}`,
	},
	{
		"topologySpreadConstraints: [{ maxSkew: 1 }]", "Deployment", pod + "topologySpreadConstraints",
		`[{"maxSkew":1}]`,
	},
	{
		"image: { digest: 'sha256:" + strings.Repeat("a", 64) + "' }", "Deployment", container + "image",
		`"m365_connector_exporter:0.1.0@sha256:` + strings.Repeat("a", 64) + `"`,
	},
	{
		"image: { repository: r.example/x, tag: 1.2.3 }", "Deployment", container + "image",
		`"r.example/x:1.2.3"`,
	},
	{"extraEnv: [{ name: A, value: b }]", "Deployment", container + "env.2", `{"name":"A","value":"b"}`},
	{
		"extraPorts: [{ name: a, containerPort: 1 }]", "Deployment", container + "ports.1",
		`{"containerPort":1,"name":"a"}`,
	},
	{"service: { extraPorts: [{ name: a, port: 1 }] }", "Service", "spec.ports.1", `{"name":"a","port":1}`},
	{
		"networkPolicy: { enabled: true, extraIngress: [{ ports: [{ port: 1 }] }] }", "NetworkPolicy",
		"spec.ingress.1", `{"ports":[{"port":1}]}`,
	},
	{"extraContainers: [{ name: a }]", "Deployment", pod + "containers.1", `{"name":"a"}`},
	{"initContainers: [{ name: a }]", "Deployment", pod + "initContainers", `[{"name":"a"}]`},
	{"extraVolumes: [{ name: a }]", "Deployment", pod + "volumes.2", `{"name":"a"}`},
	{"extraVolumeMounts: [{ name: a }]", "Deployment", container + "volumeMounts.2", `{"name":"a"}`},

	{"", "Deployment", pod + "volumes.1", `{"emptyDir":{"sizeLimit":"1Gi"},"name":"state"}`},
	{
		"persistence: { state: { enabled: true } }", "Deployment", pod + "volumes.1.persistentVolumeClaim.claimName",
		`"x-m365-connector-exporter-state"`,
	},
	{
		"persistence: { state: { enabled: true, size: 2Gi } }", "PersistentVolumeClaim", "spec",
		`{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"2Gi"}}}`,
	},
	{
		"persistence: { exports: { enabled: true, existingClaim: mine } }", "Deployment",
		pod + "volumes.2", `{"name":"exports","persistentVolumeClaim":{"claimName":"mine"}}`,
	},
	{
		"persistence: { exports: { enabled: true } }", "Deployment", container + "volumeMounts.2",
		`{"mountPath":"/etc/m365_connector_exporter/exports","name":"exports","readOnly":true}`,
	},

	{
		"", "Deployment", container + "readinessProbe.httpGet",
		`{"path":"/-/ready","port":"http","scheme":"HTTP"}`,
	},
	{
		"web: { routePrefix: /m365/ }", "Deployment", container + "livenessProbe.httpGet.path",
		`"/m365/-/healthy"`,
	},
	{"web: { routePrefix: /m365/ }", "Deployment", container + "args.1", `"--web.route-prefix=/m365"`},
	{
		"web: { externalURL: https://m.example.org/a/b }", "Deployment", container + "startupProbe.httpGet.path",
		`"/a/b/-/healthy"`,
	},
	{
		"web: { externalURL: https://m.example.org/a, routePrefix: / }", "Deployment",
		container + "livenessProbe.httpGet.path", `"/-/healthy"`,
	},
	{
		"web: { config: { tls_server_config: { cert_file: tls.crt } } }", "Deployment",
		container + "readinessProbe.httpGet.scheme", `"HTTPS"`,
	},
	{
		"web: { config: { tls_server_config: { client_auth_type: RequireAndVerifyClientCert } } }", "Deployment",
		container + "readinessProbe", `{"periodSeconds":10,"tcpSocket":{"port":"http"},"timeoutSeconds":5}`,
	},
	{withPassword, "Deployment", container + "livenessProbe.tcpSocket", `{"port":"http"}`},
	{withPassword, "Deployment", container + "livenessProbe.httpGet", "null"},
	{
		"web: { existingSecret: mine, tls: true }", "Deployment", container + "livenessProbe.httpGet.scheme",
		`"HTTPS"`,
	},
	{
		"web: { existingSecret: mine, authentication: true }", "Deployment", container + "livenessProbe.tcpSocket.port",
		`"http"`,
	},
	{
		"readinessProbe: { exec: { command: [a] } }", "Deployment", container + "readinessProbe",
		`{"exec":{"command":["a"]},"periodSeconds":10,"timeoutSeconds":5}`,
	},

	{"serviceMonitor: { enabled: true }", "ServiceMonitor", "spec.endpoints.0.scheme", `"http"`},
	{
		"{ serviceMonitor: { enabled: true }, web: { routePrefix: /m } }", "ServiceMonitor", "spec.endpoints.0.path",
		`"/m/metrics"`,
	},
	{
		"serviceMonitor: { enabled: true }", "ServiceMonitor", "spec.endpoints.0.relabelings",
		`[{"action":"labeldrop","regex":"pod"},{"replacement":"x-m365-connector-exporter","targetLabel":"instance"}]`,
	},
	{
		"{ serviceMonitor: { enabled: true }, replicas: 2 }", "ServiceMonitor", "spec.endpoints.0.relabelings",
		`[{"action":"labeldrop","regex":"pod"}]`,
	},
	{
		"serviceMonitor: { enabled: true, basicAuth: { username: { name: a, key: b } } }", "ServiceMonitor",
		"spec.endpoints.0.basicAuth", `{"username":{"key":"b","name":"a"}}`,
	},
	{
		"{ serviceMonitor: { enabled: true, tlsConfig: { serverName: a } }, web: { existingSecret: mine, tls: true } }",
		"ServiceMonitor",
		"spec.endpoints.0.tlsConfig", `{"serverName":"a"}`,
	},
	{
		"{ scrapeConfig: { enabled: true }, web: { existingSecret: mine, tls: true, routePrefix: /m } }", "ScrapeConfig",
		"spec.httpSDConfigs.0.url", `"https://x-m365-connector-exporter.mail.svc:10587/m/sd"`,
	},
	{
		"scrapeConfig: { enabled: true }", "ScrapeConfig", "spec.relabelings.0",
		`{"sourceLabels":["__address__"],"targetLabel":"__param_target"}`,
	},
	{"scrapeConfig: { enabled: true }", "ScrapeConfig", "spec.metricsPath", `"/probe"`},
	{
		"scrapeConfig: { enabled: true, basicAuth: { username: { name: a, key: b } } }", "ScrapeConfig",
		"spec.httpSDConfigs.0.basicAuth", `{"username":{"key":"b","name":"a"}}`,
	},

	{
		"{ ingress: { enabled: true, hosts: [m.example.org] }, web: { routePrefix: /m } }", "Ingress",
		"spec.rules.0.http.paths.0.path", `"/m"`,
	},
	{withFetch, "CronJob", "spec.schedule", `"17 * * * *"`},
	{
		withFetch, "CronJob", "spec.jobTemplate." + container + "args",
		`["fetch","--config.file=/etc/m365_connector_fetch/config.yaml","--output=/exports"]`,
	},
	{
		withFetch, "CronJob", "spec.jobTemplate." + pod + "volumes.1.secret",
		`{"defaultMode":288,"secretName":"app"}`,
	},
	{
		withFetch, "CronJob", "spec.jobTemplate." + pod + "volumes.2.persistentVolumeClaim.claimName",
		`"x-m365-connector-exporter-exports"`,
	},
	{
		withFetch, "CronJob", "spec.jobTemplate.spec.template.metadata.labels",
		`{"app.kubernetes.io/instance":"x","app.kubernetes.io/name":"m365-connector-exporter-fetch"}`,
	},
	{
		withFetch, "Service", "spec.selector",
		`{"app.kubernetes.io/instance":"x","app.kubernetes.io/name":"m365-connector-exporter"}`,
	},
	{withFetch, "Deployment", pod + "volumes.3", "null"}, // the exporter does not mount the Secret
	{"podDisruptionBudget: { enabled: true }", "PodDisruptionBudget", "spec.maxUnavailable", "1"},
	{
		"networkPolicy: { enabled: true, extraEgress: [{ ports: [{ port: 443 }] }] }", "NetworkPolicy", "spec.egress.2",
		`{"ports":[{"port":443}]}`,
	},
	{
		"extraManifests: [{ kind: Job, metadata: { name: '{{ .Release.Name }}-a' } }]", "Job", "metadata.name",
		`"x-a"`,
	},
	{
		"extraManifests: ['{kind: Job, metadata: {name: \"{{ .Release.Name }}\"}}']", "Job", "metadata.name",
		`"x"`,
	},
}

func TestChartValues(t *testing.T) {
	t.Parallel()
	for _, c := range chartValues {
		found := objects[map[string]any](t, rendered(t, c.values), c.kind)
		if len(found) != 1 {
			t.Errorf("%s: %d objects of kind %s", c.values, len(found), c.kind)
		}
		for _, object := range found {
			if got := field(t, object, c.field); got != c.want {
				t.Errorf("%s: %s.%s is %s, want %s", c.values, c.kind, c.field, got, c.want)
			}
		}
	}
}

// OpenShift's security context constraint restricted-v2 assigns user and groups from the range of the namespace, and
// refuses others. It allows the volumes of these kinds.
func TestChartOnOpenShift(t *testing.T) {
	t.Parallel()
	allowed := []string{
		"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
	}
	const values = `{ persistence: { state: { enabled: true }, exports: { enabled: true } }, web: { existingSecret: web },
		extraFiles: [{ name: a, secret: a, mountPath: /a }, { name: b, configMap: b, mountPath: /b }] }`
	out := rendered(t, values, "--api-versions", "security.openshift.io/v1")
	for _, object := range objects[map[string]any](t, out, "Deployment") {
		for _, key := range []string{"runAsUser", "runAsGroup", "fsGroup", "supplementalGroups", "seLinuxOptions"} {
			for _, context := range []string{pod, container} {
				if got := field(t, object, context+"securityContext."+key); got != "null" {
					t.Errorf("%ssecurityContext.%s is %s", context, key, got)
				}
			}
		}
		for i := 0; ; i++ {
			var volume map[string]any
			if err := json.Unmarshal([]byte(field(t, object, pod+"volumes."+strconv.Itoa(i))), &volume); err != nil {
				t.Fatal(err)
			}
			if volume == nil {
				break
			}
			for kind := range volume {
				if kind != "name" && !slices.Contains(allowed, kind) {
					t.Errorf("volume %v", volume)
				}
			}
		}
	}
}

func TestChartRefusesWrongValues(t *testing.T) {
	t.Parallel()
	for _, set := range [][]string{
		{"replicas=-1"},
		{"replicaCount=2"}, // unknown keys are errors, as in the exporter's own configuration
		{"serviceMonitor.interval=soon"},
		{"extraFiles[0].name=x", "extraFiles[0].mountPath=/x"},
		{"extraFiles[0].name=x", "extraFiles[0].mountPath=/x", "extraFiles[0].secret=a", "extraFiles[0].configMap=b"},
		{"probe.enabled=true"},   // without a target
		{"ingress.enabled=true"}, // without a host
		{"service.port=70000"},
		{"image.digest=sha256:abc"},
		{"web.config.basic_auth=x"},
		{"web.routePrefix=m365"},
		{"web.externalURL=m365.example.org"},
		{"strategy.type=Recreated"},
		{"persistence.state.size=big"},
		{"persistence.exports.accessModes={ReadWrite}"},
		{"prometheusRule.alerts.M365ConnectorDown.severity=fatal"},
		{"prometheusRule.thresholds.certificateWarningRatio=25"},
	} {
		_, err := helm(t, set...)
		if err == nil || !strings.Contains(err.Error(), "don't meet the specifications of the schema") {
			t.Errorf("%v: %v", set, err)
		}
	}
}

// The kubelet's probes succeed on the program itself, started with the arguments and the web configuration of the
// chart.
func TestChartProbesOnTheProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("config.yaml", "tenants: []\n")
	leaf := certtest.New(t).Leaf(t, "exporter")
	key, err := x509.MarshalPKCS8PrivateKey(leaf.Key)
	if err != nil {
		t.Fatal(err)
	}
	write("tls.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Cert.Raw})))
	write("tls.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	const serverTLS = "tls_server_config: { cert_file: tls.crt, key_file: tls.key }"
	const password = `basic_auth_users: { x: "$2y$10$LI8Ty9tvYEBUKUbrXKbQz.3OEbfV6u4oGl5dX5vNw6.ey6rNvGhJa" }`
	for _, values := range []string{
		"",
		"web: { routePrefix: /m365 }",
		"web: { externalURL: https://m.example.org/a/ }",
		"web: { externalURL: https://m.example.org/a/, routePrefix: / }",
		"web: { config: { " + serverTLS + " }, routePrefix: /m365 }",
		"web: { config: { " + password + " } }",
		"web: { config: { " + serverTLS + ", " + password + " } }",
	} {
		out := rendered(t, values)
		type secret struct {
			StringData map[string]string `yaml:"stringData"`
		}
		for _, s := range objects[secret](t, out, "Secret") {
			write("web.yml", s.StringData["web.yml"])
		}
		for _, object := range objects[map[string]any](t, out, "Deployment") {
			kubeletProbes(t, values, dir, object)
		}
	}
}

func kubeletProbes(t *testing.T, values, dir string, deployment any) {
	t.Helper()
	var args []string
	if err := json.Unmarshal([]byte(field(t, deployment, container+"args")), &args); err != nil {
		t.Fatal(err)
	}
	paths := strings.NewReplacer("/etc/m365_connector_exporter_web/", dir+"/", "/etc/m365_connector_exporter/", dir+"/")
	for i, a := range args {
		args[i] = paths.Replace(a)
	}
	address := start(t, program(t), append(args, "--web.listen-address=127.0.0.1:0")...)
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // as the kubelet does
	}}
	for _, name := range []string{"startupProbe", "livenessProbe", "readinessProbe"} {
		var probe struct {
			HTTPGet *struct{ Scheme, Path string }
		}
		if err := json.Unmarshal([]byte(field(t, deployment, container+name)), &probe); err != nil {
			t.Fatal(err)
		}
		if probe.HTTPGet == nil {
			c, err := net.DialTimeout("tcp", address, 10*time.Second)
			if err != nil {
				t.Errorf("%s: %s: %v", values, name, err)
				continue
			}
			_ = c.Close()
			continue
		}
		answer, err := client.Get(strings.ToLower(probe.HTTPGet.Scheme) + "://" + address + probe.HTTPGet.Path)
		if err != nil {
			t.Errorf("%s: %s: %v", values, name, err)
			continue
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %s: %s", values, name, answer.Status)
		}
	}
}
