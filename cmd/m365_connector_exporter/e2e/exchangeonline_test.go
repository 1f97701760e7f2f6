//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"m365_connector_exporter/probes/lab/microsoft365"
)

// Tenants of TestExchangeOnline: each has a fate of its own between two reads.
const (
	edited    = "t0" // connectors are added, changed and removed
	truncated = "t1" // an answer is not whole
	expiring  = "t2" // its secret expires, and is renewed
	demoted   = "t3" // the application loses its role
)

// TestExchangeOnline runs the daemon with tenants that are read from the fake. Changes of connectors are seen at the
// next read, as metric, log line and page. A bad read changes nothing. The cache outlives a daemon that is killed. No
// output has a token or a secret.
func TestExchangeOnline(t *testing.T) {
	w := smallWorld(t)
	c := w.startCloud(4)
	c.setSecret("first-secret")
	file := c.config("live.yaml", 4, "  cache_folder: cache\n  interval: 15m\n",
		map[int]string{2: ", client_secret_file: app.secret"})
	d := w.serve(file)
	all := []string{"From on-premises", "New", "To on-premises"}
	for _, tenant := range []string{edited, truncated, expiring, demoted} {
		d.awaitRead(tenant, "")
		d.awaitConnectors(tenant, all...)
	}

	c.change(0, func(t *microsoft365.Tenant) {
		t.Records["Get-OutboundConnector"] = []json.RawMessage{
			cloudOutbound("To partner", "partner.example"), cloudOutbound("To on-premises", "moved.example"),
		}
	})
	c.change(1, func(t *microsoft365.Tenant) { t.PageSize, t.Paging = 1, microsoft365.PagingExpires })
	c.change(2, func(t *microsoft365.Tenant) { t.Apps[0].Secrets[0].Expires = time.Now().Add(-time.Minute) })
	c.change(3, func(t *microsoft365.Tenant) { t.Apps[0].DirectoryRole = false })
	d.readAgain()
	d.awaitRead(truncated, "truncated")
	d.awaitRead(expiring, "token_rejected")
	d.awaitRead(demoted, "role_missing")
	d.awaitConnectors(edited, "From on-premises", "To on-premises", "To partner")
	d.checkChanges(edited)
	for _, tenant := range []string{truncated, expiring, demoted} {
		d.awaitConnectors(tenant, all...)
	}

	c.setSecret("second-secret") // the daemon notices it by itself
	d.awaitRead(expiring, "")
	c.change(1, func(t *microsoft365.Tenant) { t.PageSize, t.Paging = 0, microsoft365.PagingWorks })
	d.readAgain()
	d.awaitRead(truncated, "")

	d.kill()
	c.InjectFault("", microsoft365.OpenID, microsoft365.Status(http.StatusServiceUnavailable))
	again := w.serve(file)
	again.awaitConnectors(edited, "From on-premises", "To on-premises", "To partner")
	for _, tenant := range []string{truncated, expiring, demoted} {
		again.awaitConnectors(tenant, all...)
	}
	c.checkReadOnly("serve")
	c.checkPages(again)
	again.signal(syscall.SIGQUIT) // ends it with a dump of all goroutines
	<-again.done
	if dump := again.out.String(); !strings.Contains(dump, "goroutine 1 ") {
		t.Errorf("no dump in\n%s", dump)
	}
	c.checkNoSecret("the log with a dump", again.out.String())
	c.checkNoSecret("the log", d.out.String())
}

// setSecret replaces the secret of the application in all tenants, and in its file.
func (c *cloud) setSecret(value string) {
	c.t.Helper()
	for i := range 4 {
		c.change(i, func(t *microsoft365.Tenant) { t.Apps[0].Secrets = []microsoft365.Secret{{Value: value}} })
	}
	c.w.write("app.secret", value+"\n")
}

// checkChanges checks that each kind of change was counted and logged, and that the tenant's page has the new
// connector.
func (d *daemon) checkChanges(tenant string) {
	d.t.Helper()
	m := d.metrics()
	for _, change := range []string{"added", "changed", "removed"} {
		if n, _ := m.value("inventory_changes_total", "tenant", tenant, "change", change); n != 1 {
			d.t.Errorf("inventory_changes_total{change=%q} is %v, want 1", change, n)
		}
		if log := d.out.String(); !strings.Contains(log, `msg="connector `+change+`" tenant=`+tenant) {
			d.t.Errorf("no log line for a connector that was %s in\n%s", change, log)
		}
	}
	for _, s := range m.find("inventory_changes_total") {
		if s.labels["tenant"] != tenant && s.value != 0 {
			d.t.Errorf("%v counts a change", s.labels)
		}
	}
	status, page := d.http(http.MethodGet, "/tenant/"+tenant)
	if status != http.StatusOK || !strings.Contains(page, "To partner") {
		d.t.Errorf("the tenant's page: %d\n%s", status, page)
	}
}

// checkPages looks for tokens and secrets in the pages, metrics and cache of a daemon.
func (c *cloud) checkPages(d *daemon) {
	c.t.Helper()
	for _, page := range []string{
		"/", "/metrics", "/tenant/t0", "/tenant/t2", "/findings", "/api/v1/paths", "/api/v1/findings", "/api/v1/tenants",
	} {
		status, body := d.http(http.MethodGet, page)
		if status != http.StatusOK {
			c.t.Errorf("%s: %d", page, status)
		}
		c.checkNoSecret(page, body)
	}
	files, err := filepath.Glob(filepath.Join(c.w.dir, "cache", "*"))
	if err != nil || len(files) == 0 {
		c.t.Errorf("the cache has %d files: %v", len(files), err)
	}
	for _, file := range files {
		c.checkNoSecret(file, read(c.t, file))
	}
}

// readAgain makes the daemon read all tenants, no sooner than it may.
func (d *daemon) readAgain() {
	d.t.Helper()
	if status, body := d.http(http.MethodPost, "/-/reload"); status != http.StatusOK {
		d.t.Fatalf("POST /-/reload: %d %s", status, body)
	}
}

// awaitRead returns when the newest read of a tenant's inbound or outbound connectors failed for a reason; "" is
// success.
func (d *daemon) awaitRead(tenant, reason string) {
	d.t.Helper()
	eventually(d.t, 40*time.Second, func() string {
		m := d.metrics()
		failures := m.find("inventory_source_failure_info", "tenant", tenant, "reason", reason)
		success, known := m.value("inventory_source_success", "tenant", tenant, "cmdlet", "Get-OutboundConnector")
		switch {
		case !known:
			return fmt.Sprintf("%s was not read", tenant)
		case reason == "" && success != 1, reason != "" && len(failures) == 0:
			return fmt.Sprintf("%s: success %v, failures %v, want %q", tenant, success,
				m.find("inventory_source_failure_info", "tenant", tenant), reason)
		}
		return ""
	})
}

// awaitConnectors returns when a tenant has exactly the connectors, in alphabetical order.
func (d *daemon) awaitConnectors(tenant string, want ...string) {
	d.t.Helper()
	eventually(d.t, 40*time.Second, func() string {
		got := map[string]bool{}
		for _, s := range d.metrics().find("enabled", "tenant", tenant) {
			got[s.labels["connector"]] = true
		}
		for _, name := range want {
			if !got[name] {
				return fmt.Sprintf("%s: connectors %v, want %q", tenant, got, want)
			}
		}
		if len(got) != len(want) {
			return fmt.Sprintf("%s: connectors %v, want %q", tenant, got, want)
		}
		return ""
	})
}

// TestExchangeOnlineAndExportsAgree audits a tenant as the daemon read it, from the cache, as fetch wrote it, and as
// PowerShell exports it: the findings are the same, byte for byte.
func TestExchangeOnlineAndExportsAgree(t *testing.T) {
	w := smallWorld(t)
	c := w.startCloud(1)
	c.change(0, func(t *microsoft365.Tenant) {
		t.Records["Get-TransportRule"] = append(t.Records["Get-TransportRule"],
			microsoft365.TransportRule("To nowhere", microsoft365.Properties{"RouteMessageOutboundConnector": "Gone"}))
	})
	file := c.config("live.yaml", 1, "  cache_folder: cache\n", nil)
	d := w.serve(file)
	d.awaitRead("t0", "")
	d.stop()
	w.fetch(nil, "--config.file="+file, "--output="+filepath.Join(w.dir, "fetched"))
	live := w.audit(file)
	for name, exports := range map[string]string{
		"fetch": filepath.Join(w.dir, "fetched", "t0"), "PowerShell": c.exports(0),
	} {
		config := fmt.Sprintf("tenants:\n- {name: t0, exports: [%q]}\n", exports+"/*.json")
		if got := w.audit(w.write(name+".yaml", config)); got != live {
			t.Errorf("live:\n%s\nby %s:\n%s", live, name, got)
		}
	}
	for _, check := range []string{"rule_without_connector", "server_out_of_date", "connector_in_test_mode"} {
		if !strings.Contains(live, check) {
			t.Errorf("no finding %s in\n%s", check, live)
		}
	}
}

// audit returns the findings as JSON, without the time of the audit.
func (w *world) audit(file string) string {
	_, findings := w.command("audit", "--output=json", "--config.file="+file)
	return auditTime.ReplaceAllString(findings, "")
}

// TestValidateByMicrosoft runs validate --microsoft for one connector: it prints what Microsoft returns, whatever its
// fields. No other command runs a cmdlet that does more than read.
func TestValidateByMicrosoft(t *testing.T) {
	w := smallWorld(t)
	c := w.startCloud(1)
	c.change(0, func(t *microsoft365.Tenant) {
		t.Records["Get-OutboundConnector"] = []json.RawMessage{
			microsoft365.Outbound("To on-premises", microsoft365.Properties{
				"RecipientDomains": []string{"t0.example"}, "SmartHosts": []string{"127.0.5.1"},
				"ValidationRecipients": []string{"a@t0.example"},
			}),
		}
		t.Records["Validate-OutboundConnector"] = []json.RawMessage{
			microsoft365.Other(microsoft365.Properties{"TaskName": "Check connectivity", "IsTaskSuccessful": true}),
			microsoft365.Other(microsoft365.Properties{
				"TaskName": "Send test email", "IsTaskSuccessful": false, "Nobody": "has seen\u001b[31m this",
			}),
		}
	})
	file := c.config("validate.yaml", 1, "  cache_folder: cache\n", nil)
	const target = "t0/outbound/To on-premises"
	for _, args := range [][]string{{"validate"}, {"validate", target}, {"audit"}, {"fetch", "--check"}} {
		w.command(append(args, "--config.file="+file)...)
		c.checkReadOnly(args[0])
	}
	code, output := w.command("validate", "--microsoft", "--config.file="+file, target)
	for _, want := range []string{"Check connectivity: succeeded", "Send test email: failed", "Nobody = has seen"} {
		if !strings.Contains(output, want) {
			t.Errorf("no %q in\n%s", want, output)
		}
	}
	if requests, _ := c.Count("", "Validate-OutboundConnector"); requests != 1 || code != 1 {
		t.Errorf("%d validations, exit code %d, want 1 and 1", requests, code)
	}
	if strings.Contains(output, "\x1b[31m") {
		t.Errorf("a control character in %q", output)
	}
	c.checkNoSecret("validate", output)
}

// checkReadOnly checks that no cmdlet was run that does more than read.
func (c *cloud) checkReadOnly(what string) {
	c.t.Helper()
	for _, name := range c.Requested() {
		if strings.HasPrefix(name, "Validate-") || strings.HasPrefix(name, "Set-") {
			c.t.Errorf("%s: %s was run", what, name)
		}
	}
}

// auditTime is the time of an audit, which it prints as the beginning of every finding.
var auditTime = regexp.MustCompile(`"(since|generated|now|time)": "[^"]*"`)
