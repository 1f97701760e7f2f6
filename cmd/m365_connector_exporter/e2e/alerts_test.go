//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// alertTest is one fault with the alerts that it causes.
type alertTest struct {
	name     string
	cause    func(*monitoring)
	firing   []string // in Prometheus, including those that Alertmanager inhibits
	notified []string // sent to the webhook
	receiver string
	text     []string // in the description
}

var alertTests = []alertTest{
	{
		"one of two servers presents an expired certificate",
		func(m *monitoring) {
			from, to := time.Now().AddDate(0, -3, 0), time.Now().AddDate(0, 0, -2)
			expired := m.ca.issue(leaf{name: "validated1." + zone, from: from, to: to})
			m.change(map[string]func(*postfixService){"validated1": func(s *postfixService) { s.cert = expired }})
		},
		[]string{"M365ConnectorPathFailing contoso/Validated"},
		[]string{"M365ConnectorPathFailing contoso/Validated"},
		"pager",
		[]string{`outbound connector "Validated"`, "stage tls, reason certificate_expired; failing: 127.0.1.1 [127.0.1.1]"},
	},
	{
		"one of two servers no longer offers STARTTLS",
		func(m *monitoring) {
			m.change(map[string]func(*postfixService){
				"encrypted1": func(s *postfixService) { s.params["smtpd_tls_security_level"] = "none" },
			})
		},
		[]string{"M365ConnectorPathFailing contoso/Encrypted"},
		[]string{"M365ConnectorPathFailing contoso/Encrypted"},
		"pager",
		[]string{
			`outbound connector "Encrypted", tenant contoso`,
			"stage tls, reason starttls_not_offered; failing: 127.0.1.3 [127.0.1.3]; last success: 2",
		},
	},
	{
		"the only server is stopped",
		func(m *monitoring) { m.change(map[string]func(*postfixService){"single": nil}) },
		[]string{"M365ConnectorDown contoso/Single", "M365ConnectorPathFailing contoso/Single"},
		[]string{"M365ConnectorDown contoso/Single"},
		"pager",
		[]string{
			`outbound connector "Single" of tenant contoso`,
			"stage connect, reason connect_refused (1 path); last success: 2",
		},
	},
	{
		"the only server has a full disk",
		func(m *monitoring) {
			m.change(map[string]func(*postfixService){
				"single": func(s *postfixService) { s.params["queue_minfree"] = "1000000000000000" }, // bytes
			})
		},
		[]string{"M365ConnectorDown contoso/Single", "M365ConnectorPathFailing contoso/Single"},
		[]string{"M365ConnectorDown contoso/Single"},
		"pager",
		[]string{"stage recipient, reason server_unavailable (1 path); last success: 2"},
	},
	{
		"a table of the only server cannot be read",
		func(m *monitoring) {
			if err := os.Remove(eximTable(m.dir, m.servers["exim"])); err != nil {
				m.t.Fatal(err)
			}
		},
		[]string{"M365ConnectorDown contoso/Exim", "M365ConnectorPathFailing contoso/Exim"},
		[]string{"M365ConnectorDown contoso/Exim"},
		"pager",
		[]string{"stage recipient, reason server_unavailable (1 path); last success: 2"},
	},
	{
		"the only server takes its own domain from its own hosts only", // mail may flow: nobody is woken
		func(m *monitoring) {
			m.change(map[string]func(*postfixService){
				"single": func(s *postfixService) {
					s.params["smtpd_sender_restrictions"] = "check_sender_access inline:{ {" + zone + " = REJECT not from outside} }"
				},
			})
		},
		[]string{"M365ConnectorPathInconclusive contoso/Single"},
		[]string{"M365ConnectorPathInconclusive contoso/Single"},
		"chat",
		[]string{"stage recipient, reason prober_rejected"},
	},
	{
		"an export gains another tenant's address",
		func(m *monitoring) { m.export(`"198.51.100.20", "198.51.100.10"`) },
		[]string{
			"M365ConnectorSharedBetweenTenants contoso/Scanner", "M365ConnectorSharedBetweenTenants fabrikam/In",
		},
		[]string{"M365ConnectorSharedBetweenTenants contoso/Scanner", "M365ConnectorSharedBetweenTenants fabrikam/In"},
		"mail",
		[]string{"(sender_address_shared_between_tenants, MC1226222)", "198.51.100.10 is used by 1 other tenant."},
	},
}

// TestAlerts causes one fault after another while Prometheus and Alertmanager run with the repository's rules and
// example configuration. Only the expected alerts reach the webhook, and they resolve after the repair.
func TestAlerts(t *testing.T) {
	m := newMonitoring(t)
	for _, test := range alertTests {
		ok := t.Run(test.name, func(t *testing.T) { m.checkAlert(t, test) })
		if !ok {
			break // its alerts would reach the following tests
		}
	}
}

func (m *monitoring) checkAlert(t *testing.T, test alertTest) {
	t.Helper()
	m.t, m.postfix.t, m.prometheus.t = t, t, t
	m.inbox.clear()
	test.cause(m)
	m.awaitFiring(test.firing)
	eventually(t, limit, func() string {
		if got := ids(m.inbox.received("firing")); !slices.Equal(got, test.notified) {
			return fmt.Sprintf("the webhook received %q, want %q", got, test.notified)
		}
		return ""
	})
	m.checkNoMoreAlerts(test)
	for _, a := range m.inbox.received("firing") {
		a.check(t, test)
	}
	m.restore()
	m.awaitNoAlerts()
	eventually(t, limit, func() string {
		for _, id := range test.notified {
			if got := ids(m.inbox.received("resolved")); !slices.Contains(got, id) {
				return fmt.Sprintf("%q has not resolved; resolved: %q", id, got)
			}
		}
		return ""
	})
}

// checkNoMoreAlerts asserts that no other alert arrives during two more rounds and several group intervals, as an
// inhibited alert would if it were sent late.
func (m *monitoring) checkNoMoreAlerts(test alertTest) {
	m.t.Helper()
	for end := time.Now().Add(8 * time.Second); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		if got := m.prometheus.firing(); !slices.Equal(got, test.firing) {
			m.t.Fatalf("alerts in Prometheus: %q, want %q", got, test.firing)
		}
		if got := ids(m.inbox.received("firing")); !slices.Equal(got, test.notified) {
			m.t.Fatalf("the webhook received %q, want %q", got, test.notified)
		}
	}
}

// check compares receiver, description, summary and runbook of a notification.
func (a alert) check(t *testing.T, test alertTest) {
	t.Helper()
	if a.Receiver != test.receiver {
		t.Errorf("%s: receiver %s, want %s", a.id(), a.Receiver, test.receiver)
	}
	for _, want := range append([]string{a.Labels["tenant"], a.Labels["connector"]}, test.text...) {
		if !strings.Contains(a.Annotations["description"], want) {
			t.Errorf("%s: no %q in %q", a.id(), want, a.Annotations["description"])
		}
	}
	if a.Annotations["summary"] == "" || a.Annotations["runbook_url"] != "docs/runbooks/"+a.Labels["alertname"]+".md" {
		t.Errorf("%s: annotations %q", a.id(), a.Annotations)
	}
	link, err := http.Get(a.Annotations["exporter_url"])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = link.Body.Close() }()
	page, err := io.ReadAll(link.Body)
	if err != nil || link.StatusCode != http.StatusOK || !strings.Contains(string(page), a.Labels["connector"]) {
		t.Errorf("%s: %s is not the page of the connector: %v %v", a.id(), a.Annotations["exporter_url"], link.Status, err)
	}
	if _, err := os.Stat(filepath.Join(deployed, "..", a.Annotations["runbook_url"])); err != nil {
		t.Error(err)
	}
}
