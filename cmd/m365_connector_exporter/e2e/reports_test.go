//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestReports changes exports of what Exchange Online reports besides connectors while the daemon runs: a file that
// breaks off changes nothing, one that is removed makes its checks not judged, and a deadline is exposed.
func TestReports(t *testing.T) {
	w := smallWorld(t)
	folder := filepath.Join(w.dir, "exports", "reports")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	put := func(name, text string) { writeFile(t, filepath.Join(folder, name+".json"), text, 0o600) }
	blocked := time.Now().Add(5 * 24 * time.Hour).UTC().Truncate(time.Second)
	rule := func(connector string) string {
		return fmt.Sprintf(`[{"Name":"Encrypt","State":"Enabled","Mode":"Enforce","RouteMessageOutboundConnector":%q}]`,
			connector)
	}
	put("AcceptedDomain", `[{"DomainName":"contoso.test","DomainType":"Authoritative","Default":true}]`)
	put("OutboundConnector", `[{"Name":"Gateway","ConnectorType":"Partner","Enabled":true,"UseMXRecord":false,
		"SmartHosts":["gateway.contoso.test"],"TlsSettings":"EncryptionOnly","IsTransportRuleScoped":true}]`)
	put("InboundConnector", "[]")
	put("OrganizationConfig", `{"Name":"contoso","RejectDirectSend":false}`)
	put("BlockedConnector", "[]")
	put("OutboundConnectorReport", "[]")
	put("OnPremServerReportInfo", fmt.Sprintf(`[{"ServerFQDN":"ex1.contoso.test","Build":"15.1",
		"BlockingEnabledDate":%q}]`, blocked.Format(time.RFC3339)))
	put("TransportRule", rule("Gateway"))
	d := w.serve(w.write("reports.yaml", "tenant_folders: [exports/reports]\nprobe: {enabled: false}\n"))
	const server, open = "critical server_out_of_date", "info direct_send_open"
	d.awaitChecks(open, server)
	if at, _ := d.metrics().value("deadline_timestamp_seconds", "advisory", "exchange_server-blocking"); int64(at) !=
		blocked.Unix() {
		t.Errorf("blocking begins at %v, want %d", at, blocked.Unix())
	}
	put("TransportRule", rule("Gone"))
	d.reload()
	d.awaitChecks(open, server, "critical rule_without_connector", "warning connector_without_rule")
	put("TransportRule", `[{"Name":"Enc`)
	d.http("POST", "/-/reload")
	d.awaitChecks(open, server, "critical rule_without_connector", "warning connector_without_rule",
		"critical tenant_not_loaded")
	if err := os.Remove(filepath.Join(folder, "TransportRule.json")); err != nil {
		t.Fatal(err)
	}
	d.reload()
	d.awaitChecks(open, server, "info not_judged")
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
}

// awaitChecks returns when exactly these checks have findings, apart from those about the exporter.
func (d *daemon) awaitChecks(want ...string) {
	d.t.Helper()
	slices.Sort(want)
	eventually(d.t, 30*time.Second, func() string {
		var got []string
		for _, f := range d.findings() {
			if f.Tenant != "" {
				got = append(got, f.Severity+" "+f.Check)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			return fmt.Sprintf("findings %s, want %s", strings.Join(got, ", "), strings.Join(want, ", "))
		}
		return ""
	})
}
