//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"
)

// deployed is the directory of the configurations and rules that the tests load.
const deployed = "../../../deploy"

// replaced returns the text of a file in deployed after replacing old by new strings, given as pairs. The file must
// contain each old string.
func replaced(t testing.TB, file string, pairs ...string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(deployed, file))
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%s has no %q", file, pairs[i])
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

// waits matches the durations of an alert and the interval of a group.
var waits = regexp.MustCompile(`(?m)^( +)(for|keep_firing_for|interval): (\d+[mhd])$`)

// quick shortens the durations of a rule file. Their order is that of the rules: an alert that inhibits others fires
// before them and ends after them.
// M365ConnectorFlapping looks back ten seconds instead of an hour, because the tests cause one failure after another.
func quick(rules string) string {
	rules = strings.ReplaceAll(rules, "probe_success:changed[1h]", "probe_success:changed[10s]")
	return waits.ReplaceAllStringFunc(rules, func(line string) string {
		m := waits.FindStringSubmatch(line)
		seconds := "3s"
		switch m[2] + m[3] {
		case "for1m", "interval1m", "interval2m":
			seconds = "1s"
		case "for7m", "for12m", "for15m": // a host shared by many fails for one after another
			seconds = "5s"
		case "keep_firing_for5m":
			seconds = "1s"
		case "keep_firing_for15m":
			seconds = "8s"
		}
		return m[1] + m[2] + ": " + seconds
	})
}

// prometheus is a running Prometheus with the repository's configuration and rules. Only times differ: it scrapes
// and evaluates every second, and the durations of alerts are seconds.
type prometheus struct {
	t       testing.TB
	url     string
	targets string // the file with the address of the exporter
}

func startPrometheus(t testing.TB, dir, exporter, alertmanager string) *prometheus {
	t.Helper()
	rules, err := filepath.Glob(filepath.Join(deployed, "prometheus", "rules", "*.yml"))
	if err != nil || len(rules) == 0 {
		t.Fatalf("no rules: %v", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "rules"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range rules {
		writeFile(t, filepath.Join(dir, "rules", filepath.Base(file)), quick(read(t, file)), 0o644)
	}
	config := filepath.Join(dir, "prometheus.yml")
	writeFile(t, config, replaced(t, "prometheus/prometheus.yml",
		": 30s", ": 1s", "localhost:9093", alertmanager, "static_configs:\n      - targets: [\"localhost:10587\"]",
		"file_sd_configs: [{ files: [targets.json], refresh_interval: 1s }]"), 0o644)
	listen := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	p := &prometheus{t: t, url: "http://" + listen, targets: filepath.Join(dir, "targets.json")}
	p.scrape(exporter, nil)
	start(t, "/usr/bin/prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "tsdb"),
		"--web.listen-address="+listen).listens(listen)
	return p
}

// scrape makes an exporter the only target, with labels as service discovery gives them to a pod. Without them, its
// instance is its address.
func (p *prometheus) scrape(exporter string, labels map[string]string) {
	p.t.Helper()
	text, err := json.Marshal([]map[string]any{{"targets": []string{exporter}, "labels": labels}})
	if err != nil {
		p.t.Fatal(err)
	}
	writeFile(p.t, p.targets+".new", string(text), 0o644)
	if err := os.Rename(p.targets+".new", p.targets); err != nil {
		p.t.Fatal(err)
	}
}

// startAlertmanager runs Alertmanager with the repository's example. All receivers are webhooks of this process, and
// its times are seconds: group_wait is 3 s, so that an alert arrives together with those that it inhibits.
func startAlertmanager(t testing.TB, dir, webhook string) (address string) {
	t.Helper()
	config := filepath.Join(dir, "alertmanager.yml")
	writeFile(t, config, replaced(t, "alertmanager/alertmanager.yml", "group_wait: 30s", "group_wait: 3s",
		"group_interval: 5m", "group_interval: 1s",
		"http://127.0.0.1:9095", webhook, "email_configs:\n      - to: mail-team@example.org",
		"webhook_configs:\n      - url: "+webhook+"/mail"), 0o644)
	listen := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	start(t, "/usr/bin/prometheus-alertmanager", "--config.file="+config,
		"--storage.path="+filepath.Join(dir, "silences"),
		"--web.listen-address="+listen, "--cluster.listen-address=").listens(listen)
	return listen
}

// get queries Prometheus and decodes the data of its response. An error in the response is returned as an error.
func (p *prometheus) get(path string, form url.Values, data any) error {
	p.t.Helper()
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Get(p.url + path + "?" + form.Encode())
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	var response struct {
		Data  any
		Error string
	}
	response.Data = data
	if err := json.NewDecoder(resp.Body).Decode(&response); err != nil {
		return err
	}
	if response.Error != "" {
		return fmt.Errorf("%d: %s", resp.StatusCode, response.Error)
	}
	return nil
}

// query returns the number of series in the result of a query.
func (p *prometheus) query(expr string) (int, error) {
	p.t.Helper()
	var data struct{ Result []json.RawMessage }
	err := p.get("/api/v1/query", url.Values{"query": {expr}}, &data)
	return len(data.Result), err
}

// firing returns the ids of the alerts that are firing or pending in Prometheus, including inhibited ones.
func (p *prometheus) firing() []string {
	p.t.Helper()
	var data struct{ Alerts []alert }
	if err := p.get("/api/v1/alerts", nil, &data); err != nil {
		p.t.Fatal(err)
	}
	return ids(data.Alerts)
}

// alert is one alert as Prometheus and Alertmanager write it.
type alert struct {
	Receiver            string // the last element of the webhook's path
	Status              string // firing or resolved, in a notification
	Labels, Annotations map[string]string
}

// id returns the name of an alert and its connector.
func (a alert) id() string {
	return a.Labels["alertname"] + " " + a.Labels["tenant"] + "/" + a.Labels["connector"]
}

// ids returns the distinct ids of alerts, sorted.
func ids(alerts []alert) []string {
	seen := map[string]bool{}
	for _, a := range alerts {
		seen[a.id()] = true
	}
	list := []string{}
	for id := range seen {
		list = append(list, id)
	}
	sort.Strings(list)
	return list
}

// inbox is a webhook with the alerts that it has received since the last clear.
type inbox struct {
	url    string
	mu     sync.Mutex
	alerts []alert
}

func openInbox(t testing.TB) *inbox {
	t.Helper()
	i := &inbox{}
	server := httptest.NewServer(i)
	t.Cleanup(server.Close)
	i.url = "http://" + server.Listener.Addr().(*net.TCPAddr).String()
	return i
}

func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var notification struct{ Alerts []alert }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&notification); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, a := range notification.Alerts {
		a.Receiver = strings.TrimPrefix(r.URL.Path, "/")
		i.alerts = append(i.alerts, a)
	}
}

func (i *inbox) clear() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.alerts = nil
}

// received returns the alerts with a status, in order of arrival.
func (i *inbox) received(status string) []alert {
	i.mu.Lock()
	defer i.mu.Unlock()
	var found []alert
	for _, a := range i.alerts {
		if a.Status == status {
			found = append(found, a)
		}
	}
	return found
}
