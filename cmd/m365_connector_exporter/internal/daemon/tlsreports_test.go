package daemon

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"m365_connector_exporter/probes/lab"
)

var reportKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize))

// signedReport is a TLS report of Exchange Online about contoso.com of one day, with a number of failed sessions. With
// an empty signer it is not signed.
func signedReport(t *testing.T, signer, id string, day time.Time, failed int) []byte {
	t.Helper()
	report := fmt.Sprintf(`{"organization-name":"Microsoft Corporation","date-range":{"start-datetime":%q,`+
		`"end-datetime":%q},"contact-info":"tlsrpt-noreply@microsoft.com","report-id":%q,"policies":[{"policy":`+
		`{"policy-type":"sts","policy-domain":"contoso.com"},"summary":{"total-successful-session-count":9,`+
		`"total-failure-session-count":%d}}]}`,
		day.Format(time.RFC3339), day.Add(24*time.Hour-time.Second).Format(time.RFC3339), id, failed)
	text := "From: <tlsrpt-noreply@microsoft.com>\r\nTo: <tlsrpt@probe.contoso.com>\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/report; report-type=tlsrpt; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: application/tlsrpt+json\r\n\r\n" + report + "\r\n--b--\r\n"
	if signer == "" {
		return []byte(text)
	}
	var signed bytes.Buffer
	options := &dkim.SignOptions{Domain: signer, Selector: "s1", Signer: reportKey}
	if err := dkim.Sign(&signed, strings.NewReader(text), options); err != nil {
		t.Fatal(err)
	}
	return signed.Bytes()
}

// reportWorld is a daemon whose sink takes TLS reports, with DNS that has the key of Microsoft.
type reportWorld struct {
	t    *testing.T
	file string
	sink string
}

func newReportWorld(t *testing.T) *reportWorld {
	t.Helper()
	key := base64.StdEncoding.EncodeToString(reportKey.Public().(ed25519.PublicKey))
	dns, err := lab.StartDNS(fmt.Sprintf(`s1._domainkey.microsoft.com. 60 TXT "v=DKIM1; k=ed25519; s=tlsrpt; p=%s"`, key))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dns.Close)
	l, err := listenAll(t.Context(), []string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	w := &reportWorld{t: t, sink: l[0].Addr().String(), file: filepath.Join(t.TempDir(), "config.yaml")}
	_ = l[0].Close()
	err = os.WriteFile(w.file, []byte(fmt.Sprintf(`global: { state_file: state }
probe: { dns_servers: [%q], enabled: false }
sink: { listen: [%q], hostname: probe.contoso.com, tls_reports: [tlsrpt@probe.contoso.com] }
tenants: [{ name: contoso, accepted_domains: [{ domain_name: contoso.com }] }]
`, dns.Addr(), w.sink)), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// start runs a daemon until stop is called.
func (w *reportWorld) start() (d *Daemon, stop func()) {
	d = loaded(w.t, w.file)
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx, nil) }()
	return d, func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	}
}

// send hands a message to the sink, which judges it before it replies.
func (w *reportWorld) send(message []byte) {
	w.t.Helper()
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		err = smtp.SendMail(w.sink, nil, "tlsrpt-noreply@microsoft.com", []string{"tlsrpt@probe.contoso.com"}, message)
		if err == nil || !strings.Contains(err.Error(), "refused") { // the sink is not listening yet
			break
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestTLSReportOfExchangeOnlineIsAFinding sends reports by SMTP and restarts the daemon.
func TestTLSReportOfExchangeOnlineIsAFinding(t *testing.T) {
	w := newReportWorld(t)
	yesterday := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -1)
	expect := func(d *Daemon, when string, want bool, sessions string) {
		t.Helper()
		d.evaluator.evaluateNow()
		page := get(d.Handler(HandlerOptions{}), http.MethodGet, "/metrics", nil).Body.String()
		found := strings.Contains(page, `m365_connector_finding_info{check="tls_report_failures",connector="",direction="",`+
			`path="",severity="warning",tenant="contoso"} 1`)
		counted := strings.Contains(page, `m365_connector_tls_report_sessions_total{domain="contoso.com",`+
			`organization="microsoft.com",result="validation-failure"} `+sessions+"\n")
		if found != want || counted != (sessions != "") {
			t.Errorf("%s: found %t, want %t; %s sessions counted: %t\n%s", when, found, want, sessions, counted, page)
		}
	}
	d, stop := w.start()
	w.send(signedReport(t, "", "1", yesterday, 3))
	w.send(signedReport(t, "example.net", "1", yesterday, 3))
	expect(d, "without a signature of Microsoft", false, "")
	w.send(signedReport(t, "microsoft.com", "1", yesterday, 3))
	w.send(signedReport(t, "microsoft.com", "1", yesterday, 3))
	expect(d, "after a report and a copy", true, "3")
	stop()

	d, stop = w.start()
	defer stop()
	expect(d, "after a restart", true, "")
	w.send(signedReport(t, "microsoft.com", "1", yesterday, 3))
	expect(d, "after a copy of what came before the restart", true, "")
	w.send(signedReport(t, "microsoft.com", "2", yesterday.AddDate(0, 0, 1), 0))
	expect(d, "after a newer report without failures", false, "")
}

// A state that cannot be read or written loses the memory of reports, and stops nothing.
func TestStateOfTLSReportsThatCannotBeUsed(t *testing.T) {
	w := newReportWorld(t)
	state := filepath.Join(filepath.Dir(w.file), "state") + reportsSuffix
	if err := os.WriteFile(state, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, stop := w.start()
	if err := os.Mkdir(state+".tmp", 0o700); err != nil {
		t.Fatal(err)
	}
	w.send(signedReport(t, "microsoft.com", "1", time.Now().UTC().Add(-24*time.Hour), 3))
	stop()
	if d.store.RecordedTLSReports() != 1 {
		t.Error("the report is not counted")
	}
	if text, err := os.ReadFile(state); err != nil || string(text) != "{" {
		t.Errorf("the state is %q, error %v", text, err)
	}
}
