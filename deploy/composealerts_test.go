package deploy_test

import (
	"bytes"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const composeAlertmanager = "compose/alertmanager.yml"

// composeHead is the part of the Alertmanager configuration that differs from deploy/alertmanager.
const composeHead = `# All notifications go to the log of the service "receiver". Name your chat or pager instead.
# TestComposeAlertmanager writes the inhibition rules below, those of ../alertmanager, with -update.
route:
  receiver: receiver
  group_by: [cluster, tenant, connector]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 4h
  routes:
    # One notification for a host with several addresses.
    - receiver: receiver
      matchers: ['alertname="M365ConnectorHostDown"']
      group_by: [cluster, alertname, host]

receivers:
  - name: receiver
    webhook_configs:
      - url: http://receiver:9095/cgi-bin/alerts

`

// The Alertmanager of the compose file has the inhibition rules of deploy/alertmanager.
func TestComposeAlertmanager(t *testing.T) {
	_, inhibition, found := strings.Cut(read(t, alertmanagerFile), "\ninhibit_rules:\n")
	want := composeHead + "inhibit_rules:\n" + inhibition
	if *update {
		if err := os.WriteFile(composeAlertmanager, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if read(t, composeAlertmanager) != want || !found {
		t.Errorf("%s has other inhibition rules than %s: run make docs", composeAlertmanager, alertmanagerFile)
	}
	run(t, "amtool", "check-config", composeAlertmanager)
}

// Alertmanager notifies the receiver of the compose file, which writes the notification to its log.
func TestComposeReceiver(t *testing.T) {
	bin := need(t, "prometheus-alertmanager")
	port := freePort(t)
	p, err := compose(t, "compose/compose.yaml", "GRAFANA_ADMIN_PASSWORD=secret")
	if err != nil {
		t.Fatal(err)
	}
	arguments := strings.NewReplacer("9095", port, "/receiver", "compose/receiver")
	args := make([]string, len(p.Services["receiver"].Command))
	for i, a := range p.Services["receiver"].Command {
		args[i] = arguments.Replace(a)
	}
	var log safeBuffer
	receiver := exec.Command(need(t, "busybox"), args...)
	receiver.Stdout, receiver.Stderr = &log, &log
	if err := receiver.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = receiver.Process.Kill(); _ = receiver.Wait() })

	file := filepath.Join(t.TempDir(), "alertmanager.yml")
	settings := strings.NewReplacer("receiver:9095", "127.0.0.1:"+port, "group_wait: 30s", "group_wait: 1s")
	if err := os.WriteFile(file, []byte(settings.Replace(read(t, composeAlertmanager))), 0o600); err != nil {
		t.Fatal(err)
	}
	address := start(t, bin, "--config.file="+file, "--storage.path="+t.TempDir(), "--cluster.listen-address=",
		"--web.listen-address=127.0.0.1:0")
	body := `[{"labels": {"alertname": "M365ConnectorDown", "tenant": "contoso"}}]`
	answer, err := http.Post("http://"+address+"/api/v2/alerts", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if regexp.MustCompile(`"alertname":"M365ConnectorDown","tenant":"contoso"`).MatchString(log.String()) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the receiver has logged no notification:\n%s", log.String())
		}
	}
}

// freePort returns a port on which nothing listens. It is below those that systems give to connections and to
// listeners that name none, so no other test takes it in the meantime.
func freePort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(10240 + rand.IntN(20_000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return ""
}

// safeBuffer is a buffer for the output of a running process.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
