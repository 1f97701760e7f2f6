//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMessage makes the daemon deliver its test message to a Postfix mailbox and checks that no second message follows
// within the interval: not in later rounds, not after SIGKILL and a restart, and not by validate.
func TestMessage(t *testing.T) {
	w := newWorld(t)
	good := w.rows()["good"].path
	good.connector, good.probe = "mail", "until: message, message_min_interval: 5m, "
	file := w.configure("message.yaml", good)

	d := w.serve(file)
	mails := w.postfix.awaitMails(1)
	if len(mails) != 1 {
		t.Fatalf("%d messages in the mailbox, want 1", len(mails))
	}
	d.kill()
	checkMail(t, mails[0])

	d = w.serve(file)
	d.awaitRounds(2)
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}

	d = w.serve(file)
	d.awaitRounds(1)
	code, output := w.command("validate", "--config.file="+file, "--send-test-message", "contoso/mail")
	if code != 2 || !strings.Contains(output, "the next message is due at") {
		t.Errorf("validate --send-test-message: exit code %d, output\n%s", code, output)
	}
	d.stop()
	if n := len(w.postfix.awaitMails(2)); n != 1 {
		t.Errorf("%d messages in the mailbox, want 1", n)
	}
}

// awaitRounds returns when n rounds of the only path have passed. A failed or inconclusive round fails the test.
func (d *daemon) awaitRounds(n float64) {
	d.t.Helper()
	eventually(d.t, time.Minute, func() string {
		m := d.metrics()
		for _, outcome := range []string{"failed", "inconclusive"} {
			if bad, _ := m.value("probes_total", "outcome", outcome); bad > 0 {
				d.t.Fatalf("%s: %v", outcome, m.find("endpoint_failure_info"))
			}
		}
		if passed, _ := m.value("probes_total", "outcome", "passed"); passed < n {
			return fmt.Sprintf("%v rounds have passed, want %v", passed, n)
		}
		return ""
	})
}

func checkMail(t *testing.T, text string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	got := map[string]string{}
	for _, h := range []string{
		"Return-Path", "Delivered-To", "From", "To", "Subject", "Auto-Submitted",
		"X-Auto-Response-Suppress", "Content-Type",
	} {
		got[h] = m.Header.Get(h)
	}
	want := map[string]string{
		"Return-Path": "<O365ConnectorValidation@contoso.test>", "Delivered-To": "probe@contoso.test",
		"From": "<O365ConnectorValidation@contoso.test>", "To": "<probe@contoso.test>", "Subject": "Mail flow probe",
		"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All",
		"Content-Type": "text/plain; charset=us-ascii",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if date, err := m.Header.Date(); err != nil || time.Since(date).Abs() > 5*time.Minute {
		t.Errorf("Date %v, %v", date, err)
	}
	if id := m.Header.Get("Message-Id"); !strings.HasSuffix(id, "@prober.contoso.test>") || !strings.HasPrefix(id, "<") {
		t.Errorf("Message-ID %q", id)
	}
	body, err := io.ReadAll(m.Body)
	if err != nil || !strings.Contains(string(body), "m365_connector_exporter") {
		t.Errorf("body %q, %v", body, err)
	}
}
