//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// path is one connector with one next hop, as configured.
type path struct {
	connector string
	hop       string // smart host; "mx:DOMAIN" routes by MX
	port      int
	tls       string // tls_settings; empty = null
	recipient string // local part; empty = none
	probe     string // more keys of the probe section, each ending in ", "
	keys      string // more keys of the connector, "key: value"
}

const head = `global:
  ca_file: %q
  allow_networks: [127.0.0.0/8, "::1/128"]
  min_gap_per_address: 10ms
  max_concurrent_per_address: 4
  state_file: state.json
probe:
  interval: 6s
  timeout: 5s
  ip_protocol: ip4
  hello_name: prober.contoso.test
  dns_servers: [%q]
`

// configure writes a configuration of one tenant, contoso, and returns its file.
func (w *world) configure(name string, paths ...path) string {
	w.t.Helper()
	return w.write(name, w.head()+"tenants:\n"+tenant("contoso", paths...))
}

// head returns the configuration without the tenants.
func (w *world) head() string { return fmt.Sprintf(head, w.ca.rootFile, w.dns) }

// write writes a file of the configuration and returns its name.
func (w *world) write(name, text string) string {
	w.t.Helper()
	file := filepath.Join(w.dir, name)
	writeFile(w.t, file, text, 0o600)
	return file
}

// tenant returns a list of tenants with one entry.
func tenant(name string, paths ...path) string {
	var b strings.Builder
	fmt.Fprintf(&b, "- name: %s\n  accepted_domains: [{domain_name: %s, default: true}]\n  outbound_connectors:\n",
		name, zone)
	for _, p := range paths {
		b.WriteString(p.yaml())
	}
	return b.String()
}

func (p path) yaml() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  - name: %s\n    connector_type: OnPremises\n    probe: {%s port: %d}\n", p.connector, p.probe,
		p.port)
	if domain, mx := strings.CutPrefix(p.hop, "mx:"); mx {
		fmt.Fprintf(&b, "    use_mx_record: true\n    recipient_domains: [%s]\n", domain)
	} else {
		fmt.Fprintf(&b, "    use_mx_record: false\n    smart_hosts: [%q]\n", p.hop)
	}
	if p.tls != "" {
		fmt.Fprintf(&b, "    tls_settings: %s\n", p.tls)
	}
	if p.tls == "DomainValidation" {
		fmt.Fprintf(&b, "    tls_domain: %s\n", p.hop)
	}
	if p.keys != "" {
		fmt.Fprintf(&b, "    %s\n", p.keys)
	}
	if p.recipient != "" {
		fmt.Fprintf(&b, "    validation_recipients: [%s@%s]\n", p.recipient, zone)
	}
	return b.String()
}

// daemon is the running binary.
type daemon struct {
	*process
	url string
}

func (w *world) serve(file string) *daemon {
	w.t.Helper()
	return runDaemon(w.t, w.binary, "serve", "--config.file="+file)
}

// runDaemon starts a command of the binary that serves HTTP.
func runDaemon(t testing.TB, binary string, args ...string) *daemon {
	t.Helper()
	listen := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	d := &daemon{url: "http://" + listen}
	d.process = start(t, binary, append(args, "--web.listen-address="+listen)...)
	d.listens(listen)
	return d
}

// command runs the binary, waits for it, and returns its exit status and output.
func (w *world) command(args ...string) (code int, output string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, w.binary, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatalf("%q: %v", args, err)
	}
	if exit != nil {
		return exit.ExitCode(), string(out)
	}
	return 0, string(out)
}

// http sends a request to the daemon and returns status and body.
func (d *daemon) http(method, path string) (int, string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, d.url+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// metrics is one scrape of /metrics: the series of each gauge and counter, by metric name without the prefix.
type metrics map[string][]sample

// sample is one series.
type sample struct {
	labels map[string]string
	value  float64
}

func (d *daemon) metrics() metrics {
	d.t.Helper()
	return d.scrape("/metrics")
}

func (d *daemon) scrape(page string) metrics {
	d.t.Helper()
	status, body := d.http(http.MethodGet, page)
	if status != http.StatusOK {
		d.t.Fatalf("%s: %d %s", page, status, body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		d.t.Fatalf("%s: %v", page, err)
	}
	m := metrics{}
	for name, family := range families {
		name = strings.TrimPrefix(name, "m365_connector_")
		for _, series := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range series.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			m[name] = append(m[name], sample{labels, series.GetGauge().GetValue() + series.GetCounter().GetValue()})
		}
	}
	return m
}

// find returns the series that have all the wanted labels, given as pairs of name and value.
func (m metrics) find(name string, want ...string) []sample {
	var found []sample
	for _, s := range m[name] {
		if hasLabels(s.labels, want) {
			found = append(found, s)
		}
	}
	return found
}

func hasLabels(labels map[string]string, want []string) bool {
	for i := 0; i+1 < len(want); i += 2 {
		if labels[want[i]] != want[i+1] {
			return false
		}
	}
	return true
}

// value returns the value of the only series with the labels; ok is false if there is none, or more than one.
func (m metrics) value(name string, want ...string) (v float64, ok bool) {
	found := m.find(name, want...)
	if len(found) != 1 {
		return 0, false
	}
	return found[0].value, true
}

// eventually calls a function until it returns an empty text, and fails with the last text after a time limit.
func eventually(t testing.TB, limit time.Duration, check func() string) {
	t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(250 * time.Millisecond) {
		why := check()
		if why == "" {
			return
		}
		if time.Now().After(end) {
			t.Fatal(why)
		}
	}
}
