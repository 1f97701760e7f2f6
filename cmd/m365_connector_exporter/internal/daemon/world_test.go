package daemon

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/goleak"

	"m365_connector_exporter/probes/lab"
)

// TestDemoWorldOnMetrics runs the daemon in the demo's world until /metrics has the expected outcome of every path.
func TestDemoWorldOnMetrics(t *testing.T) {
	defer goleak.VerifyNone(t)
	world, err := lab.StartWorld(lab.WorldOptions{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	d, stop := startDaemon(t, world)
	defer stop()
	handler := d.Handler(HandlerOptions{})
	if err := world.SendTLSReport(t.Context()); err != nil {
		t.Fatal(err)
	}
	var wrong []string
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		families := scrape(t, handler)
		if wrong = append(compare(world.Expect(), families), comparePolicies(families)...); len(wrong) == 0 {
			break
		}
	}
	if len(wrong) > 0 {
		t.Fatalf("after a minute:\n%s", strings.Join(wrong, "\n"))
	}
	testMessage(t, world)
	testDemoControls(t, d)
	testFindings(t, d, handler)
	testSimulation(t, d, world)
	testRoutes(t, handler)
	testProbe(t, world, handler)
	testReload(t, d, handler)
}

func startDaemon(t *testing.T, world *lab.World) (*Daemon, func()) {
	t.Helper()
	file, err := world.WriteConfig(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d := loaded(t, file)
	d.SetPolicyPort(world.PolicyPort())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx, nil) }()
	return d, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func get(handler http.Handler, method, path string, header map[string]string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, path, http.NoBody)
	request.Host = "localhost"
	for k, v := range header {
		request.Header.Set(k, v)
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder
}

func scrape(t *testing.T, handler http.Handler) map[string]*dto.MetricFamily {
	t.Helper()
	answer := get(handler, http.MethodGet, "/metrics", nil)
	if answer.Code != http.StatusOK {
		t.Fatalf("/metrics: %d %s", answer.Code, answer.Body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// find returns the one series of a path, and its labels.
func find(
	families map[string]*dto.MetricFamily, name string, e lab.Expectation,
) (value float64, labels map[string]string, ok bool) {
	for _, m := range families[name].GetMetric() {
		labels = map[string]string{}
		for _, l := range m.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		if labels["tenant"] == e.Tenant && labels["connector"] == e.Connector && labels["path"] == e.Path {
			return m.GetGauge().GetValue(), labels, true
		}
	}
	return 0, nil, false
}

// comparePolicies lists where the predictions of MTA-STS differ from what is expected.
func comparePolicies(families map[string]*dto.MetricFamily) (wrong []string) {
	for path, want := range map[string]string{"partners.contoso.example": "deliver", "moved.tailspin.example": "queue"} {
		got := ""
		for _, m := range families["m365_connector_delivery_prediction"].GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["path"] == path && labels["mechanism"] == "mta_sts" {
				got = labels["outcome"]
			}
		}
		if got != want {
			wrong = append(wrong, fmt.Sprintf("%s: prediction of MTA-STS is %q, want %q", path, got, want))
		}
	}
	return wrong
}

// compare lists where the metrics differ from what is expected.
func compare(want []lab.Expectation, families map[string]*dto.MetricFamily) []string {
	var wrong []string
	for _, e := range want {
		got := "unknown"
		success, _, judged := find(families, "m365_connector_probe_success", e)
		open, _, probed := find(families, "m365_connector_probe_inconclusive", e)
		switch {
		case judged && success == 1:
			got = "passed"
		case judged:
			_, l, _ := find(families, "m365_connector_probe_failure_info", e)
			got = "failed " + l["stage"] + " " + l["reason"]
		case probed && open == 1:
			_, l, _ := find(families, "m365_connector_endpoint_failure_info", e)
			got = "inconclusive " + l["stage"] + " " + l["reason"]
		case !probed:
			got = ""
		}
		if w := strings.TrimSpace(e.Outcome + " " + e.Stage + " " + e.Reason); got != w {
			wrong = append(wrong, e.Tenant+"/"+e.Connector+": seen as "+got+", is "+w)
		}
	}
	return wrong
}

// testFindings holds that the report has the expected findings and no others.
// testDemoControls waits until the negative controls have been run: every lock of contoso holds, one of tailspin is
// open.
func testDemoControls(t *testing.T, d *Daemon) {
	t.Helper()
	want := []string{
		"contoso no_certificate refused", "contoso self_signed_certificate refused", "contoso clear_text refused",
		"contoso foreign_recipient refused", "tailspin foreign_recipient admitted",
	}
	var got []string
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		got = nil
		for _, p := range d.store.Snapshot().Paths {
			for _, c := range p.CurrentControls() {
				got = append(got, p.Path.ID.Tenant+" "+string(c.Newest.Control.Kind)+" "+string(c.Newest.Outcome))
			}
		}
		if len(got) == len(want) {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func testFindings(t *testing.T, d *Daemon, handler http.Handler) {
	t.Helper()
	d.evaluator.evaluateNow()
	families := scrape(t, handler)
	got := map[string]int{}
	for _, m := range families["m365_connector_finding_info"].GetMetric() {
		for _, l := range m.GetLabel() {
			if l.GetName() == "check" {
				got[l.GetValue()]++
			}
		}
	}
	want := map[string]int{
		"attribution_fragile": 1, "certificate_chain_incomplete": 1, "certificate_domain_not_accepted": 2,
		"certificate_expired":      1,
		"certificate_expires_soon": 1, "certificate_name_mismatch": 4, "certificate_not_yet_valid": 1,
		"certificate_untrusted": 1, "connector_disabled": 1, "connector_in_test_mode": 1, "ip_authentication_only": 1,
		"dane_would_queue": 1, "direct_send_open": 1, "firewall_incomplete": 1, "mta_sts_would_queue": 1, "not_judged": 1,
		"rule_without_connector": 2, "server_out_of_date": 1,
		"null_sender_relay_denied": 1, "presented_certificate_not_configured": 1, "sender_address_shared_between_tenants": 2,
		"starttls_injection": 1, "starttls_not_offered": 1, "tenant_not_loaded": 1, "tls_opportunistic": 7,
		"lock_open": 1, "renewal_overdue": 1, "tls_report_failures": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// testSimulation holds that the simulated attribution of each sender is what the fake Exchange Online decided. They
// share no code.
func testSimulation(t *testing.T, d *Daemon, world *lab.World) {
	t.Helper()
	decided := map[string]lab.Decision{}
	for _, one := range world.ExchangeOnline().Decisions() {
		if len(one.Names) > 0 { // else it is a negative control
			decided[one.From] = one
		}
	}
	compared := 0
	for id, all := range d.store.Snapshot().Report.Attributions {
		for _, a := range all {
			door, ok := decided["O365ConnectorValidation@"+a.Message.MailFrom]
			if !ok || a.Message.Certificate == nil || !slices.Contains(door.Names, a.Message.Certificate.CommonName) {
				continue // not probed as far as the recipient
			}
			compared++
			if got := strings.Join(a.Tenants, ","); got != door.Tenant || string(a.Basis) != door.Basis ||
				a.Relay != door.Relays {
				t.Errorf("%s: simulated %s by %s, relay %v; the door %+v", id, got, a.Basis, a.Relay, door)
			}
		}
	}
	if compared != 3 {
		t.Errorf("%d senders compared, want 3", compared)
	}
}

// testMessage proves that exactly one honest test message arrived, however many rounds there were.
func testMessage(t *testing.T, world *lab.World) {
	t.Helper()
	messages := world.Messages()
	if len(messages) != 1 {
		t.Fatalf("%d test messages, want 1", len(messages))
	}
	for _, header := range []string{
		"From: ", "To: ", "Date: ", "Message-ID: <", "Subject: ",
		"Auto-Submitted: auto-generated", "X-Auto-Response-Suppress: All",
	} {
		if !strings.Contains("\n"+strings.ReplaceAll(messages[0], "\r", ""), "\n"+header) {
			t.Errorf("the test message has no %q:\n%s", header, messages[0])
		}
	}
}

func testRoutes(t *testing.T, handler http.Handler) {
	t.Helper()
	tests := []struct {
		method, path string
		header       map[string]string
		code         int
		says         string
	}{
		{http.MethodGet, "/", nil, 200, "Expired certificate"},
		{http.MethodGet, "/-/healthy", nil, 200, "healthy"},
		{http.MethodGet, "/-/ready", nil, 200, "ready"},
		{http.MethodGet, "/nowhere", nil, 404, ""},
		{http.MethodGet, "/-/reload", nil, 405, ""},
		{http.MethodPost, "/-/reload", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403, ""},
		{http.MethodPost, "/-/reload", nil, 200, "reloaded"},
		{http.MethodGet, "/sd", nil, 200, `"targets":["fabrikam/outbound/Wrong%20name/wrong.fabrikam.example"]`},
		{http.MethodGet, "/api/v1/paths", nil, 200, `"failed_reason":"certificate_expired"`},
		{http.MethodGet, "/api/v1/findings", nil, 200, "["},
		{http.MethodGet, "/metrics?tenant=[", nil, 400, "not a pattern"},
		{http.MethodGet, "/metrics?tenant=fab*", nil, 200, `tenant="fabrikam"`},
	}
	for _, test := range tests {
		answer := get(handler, test.method, test.path, test.header)
		if answer.Code != test.code || !strings.Contains(answer.Body.String(), test.says) {
			t.Errorf("%s %s = %d %.200s; want %d with %q", test.method, test.path, answer.Code, answer.Body,
				test.code, test.says)
		}
	}
	part := get(handler, http.MethodGet, "/metrics?tenant=fab*", nil).Body.String()
	if strings.Contains(part, `tenant="contoso"`) {
		t.Error("/metrics?tenant=fab* shows contoso")
	}
}

// testReload holds that an invalid configuration changes nothing but the reload metric, and that history survives a
// reload.
func testReload(t *testing.T, d *Daemon, handler http.Handler) {
	t.Helper()
	good, err := os.ReadFile(filepath.Clean(d.loader.Path()))
	if err != nil {
		t.Fatal(err)
	}
	write := func(text []byte) {
		if err := os.WriteFile(d.loader.Path(), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(append(good, "nonsense: true\n"...))
	answer := get(handler, http.MethodPost, "/-/reload", nil)
	body, _ := io.ReadAll(answer.Body)
	if answer.Code != http.StatusInternalServerError || !strings.Contains(string(body), "nonsense: unknown key") {
		t.Errorf("reload of a bad file = %d %s", answer.Code, body)
	}
	const healthy = "Healthy certificate"
	state := func() (float64, float64) {
		families := scrape(t, handler)
		ok := families["m365_connector_exporter_config_last_reload_successful"].GetMetric()[0].GetGauge().GetValue()
		success, _, _ := find(families, "m365_connector_probe_success",
			lab.Expectation{Tenant: "fabrikam", Connector: healthy, Path: "good.fabrikam.example"})
		return ok, success
	}
	if ok, success := state(); ok != 0 || success != 1 {
		t.Errorf("with a bad file: reload successful %v, path %v; want 0, 1", ok, success)
	}
	write(good)
	if answer := get(handler, http.MethodPost, "/-/reload", nil); answer.Code != http.StatusOK {
		t.Errorf("reload of the repaired file = %d %s", answer.Code, answer.Body)
	}
	if ok, success := state(); ok != 1 || success != 1 {
		t.Errorf("repaired: reload successful %v, path %v; want 1, 1", ok, success)
	}
}
