//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// TestValidate runs the command and compares its exit status and output.
func TestValidate(t *testing.T) {
	w := newWorld(t)
	paths := w.rows()
	names := []string{"good", "exim", "expired", "unknown", "greylisted", "busy", "opensmtpd", "down"}
	all := make([]path, 0, len(names))
	for _, name := range names {
		row := paths[name]
		row.connector = name
		all = append(all, row.path)
	}
	config := "--config.file=" + w.configure("validate.yaml", all...)
	tests := []struct {
		args string
		code int
		want []string
	}{
		{"contoso/good", 0, []string{
			"Succeeded", "contoso › good › good.contoso.test (outbound)", "TLS 1.3",
			"1 passed, 0 failed, 0 inconclusive",
		}},
		{"contoso/exim contoso/good", 0, []string{"2 passed"}},
		{"contoso/outbound/good/good.contoso.test", 0, []string{"1 passed"}},
		{"contoso/expired", 1, []string{"certificate_expired", "Remedy:", "expired.contoso.test"}},
		{"contoso/unknown", 1, []string{"recipient_unknown", "Server reply: 550 5.1.1", "Remedy:"}},
		{"contoso/down", 1, []string{"connect_refused", "Not reached"}},
		{"contoso/opensmtpd", 1, []string{"tls_handshake"}},
		{"contoso/unknown --until=tls", 0, []string{"1 passed"}},
		{"contoso/greylisted", 3, []string{"temporary_rejection", "come back later", "Inconclusive"}},
		{"contoso/busy", 3, []string{"throttled", "421 4.3.2"}},
		{"contoso/busy contoso/good", 3, []string{"1 passed, 0 failed, 1 inconclusive"}},
		{"contoso/busy contoso/good contoso/down", 1, []string{"1 passed, 1 failed, 1 inconclusive"}},
		{"contoso/good --output=json", 0, []string{`"outcome": "passed"`, `"path": "good.contoso.test"`}},
		{"contoso/nobody", 2, []string{"no such tenant, connector or path"}},
		{"contoso/good --until=message", 2, []string{"--send-test-message"}},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			code, output := w.command(append([]string{"validate", config}, strings.Fields(test.args)...)...)
			if code != test.code {
				t.Errorf("exit code %d, want %d; output\n%s", code, test.code, output)
			}
			for _, want := range test.want {
				if !strings.Contains(output, want) {
					t.Errorf("no %q in\n%s", want, output)
				}
			}
		})
	}
	if n := len(w.postfix.mails()); n != 0 {
		t.Errorf("%d messages were delivered without --send-test-message, want 0", n)
	}
}
