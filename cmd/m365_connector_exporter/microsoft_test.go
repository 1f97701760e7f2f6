package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"m365_connector_exporter/probes/lab/microsoft365"
)

// validate runs the command validate for a tenant that was not read before, and returns its status and output.
func (w fetchWorld) validate(t *testing.T, args ...string) (int, string) {
	t.Helper()
	file := filepath.Join(w.folder, "config.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const local = `
global: { allow_networks: [127.0.0.0/8] }
probe: { connect_to: [127.0.0.1], port: 1, timeout: 2s, until: connect }
`
	if !strings.Contains(string(text), "global:") {
		if err := os.WriteFile(file, append(text, local...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	status := run(t.Context(), hangups{}, append([]string{"validate", "--config.file", file}, args...), &out, &errs)
	all := out.String() + errs.String()
	for _, secret := range append(w.server.Sensitive(), "s3cret") {
		if strings.Contains(all, secret) {
			t.Errorf("a secret is printed: %s", all)
		}
	}
	return status, all
}

// TestValidateByMicrosoft: both verdicts are printed side by side, and fields that are not documented as they are. The
// command alone calls Validate-OutboundConnector, and only when asked to.
func TestValidateByMicrosoft(t *testing.T) {
	w := newFetchWorld(t, func(tenants []microsoft365.Tenant) {
		tenants[0].Records["Get-OutboundConnector"] = []json.RawMessage{microsoft365.Outbound("Out", microsoft365.Properties{
			"SmartHosts": []string{"mail.contoso.com"}, "ValidationRecipients": []string{"probe@contoso.com"},
		})}
		tenants[0].Records["Validate-OutboundConnector"] = []json.RawMessage{
			json.RawMessage(`{"TaskName":"Check connectivity","IsTaskSuccessful":true,` +
				`"Odd@data.type":"System.X","Odd":{"a":[1]}}`),
			json.RawMessage(`{"TaskName":"Send test email","IsTaskSuccessful":false,"Detail":"550 5.7.1"}`),
		}
	})
	status, printed := w.validate(t, "contoso")
	if !strings.Contains(printed, "mail.contoso.com") || status == exitUsage {
		t.Errorf("a tenant that was not read before: status %d: %s", status, printed)
	}
	if n, _ := w.server.Count(fetchID(0), "Validate-OutboundConnector"); n != 0 {
		t.Fatal("Microsoft's validation is run without being asked for")
	}
	status, printed = w.validate(t, "--microsoft", "contoso/outbound/Out")
	for _, want := range []string{
		"Check connectivity: succeeded", "Send test email: failed", "Detail = 550 5.7.1", `Odd = {"a":[1]}`, "Connect ",
		"probe@contoso.com",
	} {
		if !strings.Contains(printed, want) {
			t.Errorf("%q is not printed: %s", want, printed)
		}
	}
	if n, _ := w.server.Count(fetchID(0), "Validate-OutboundConnector"); status != exitFailed || n != 1 {
		t.Errorf("status %d, %d calls", status, n)
	}
	if err := w.server.Update(fetchID(0), func(t *microsoft365.Tenant) {
		t.Denied = []string{"Validate-OutboundConnector"}
	}); err != nil {
		t.Fatal(err)
	}
	if _, printed = w.validate(t, "--microsoft", "contoso"); !strings.Contains(printed, "not done, role_missing") {
		t.Errorf("without the role: %s", printed)
	}
}

func TestValidateByMicrosoftUsage(t *testing.T) {
	w := newFetchWorld(t, func(tenants []microsoft365.Tenant) {
		tenants[0].Records["Get-OutboundConnector"] = []json.RawMessage{microsoft365.Outbound("Out", microsoft365.Properties{
			"SmartHosts": []string{"mail.contoso.com"}, "ValidationRecipients": []string{},
		})}
	})
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--microsoft"}, "name the connectors"},
		{[]string{"--microsoft", "--output=json", "contoso"}, "text only"},
		{[]string{"--microsoft", "contoso"}, "no validation_recipients"},
	} {
		if status, printed := w.validate(t, c.args...); status != exitUsage || !strings.Contains(printed, c.want) {
			t.Errorf("%v: status %d: %s", c.args, status, printed)
		}
	}
}

// TestValidateNamesWhatIsNotRead: a tenant that cannot be read makes the validation inconclusive.
func TestValidateNamesWhatIsNotRead(t *testing.T) {
	w := newFetchWorld(t, func(tenants []microsoft365.Tenant) { tenants[0].Apps = nil })
	_, printed := w.validate(t)
	if !strings.Contains(printed, "not read: contoso: consent_missing") {
		t.Errorf("printed: %s", printed)
	}
	if _, err := os.Stat(filepath.Join(w.folder, "cache")); err == nil {
		t.Error("the command makes the cache folder, which belongs to the daemon's user")
	}
}
