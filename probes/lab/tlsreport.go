package lab

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net"
	"net/smtp"
	"strings"
	"time"

	"github.com/emersion/go-msgauth/dkim"
)

// The reporter of the world's TLS report, and who receives it. DNS of the world has the key, so that the report counts
// as one of Microsoft.
const (
	reporter        = "microsoft.com"
	reportSelector  = "demo"
	reportRecipient = "tlsrpt@demo.example"
)

// addReporter makes the key with which the TLS report is signed.
func (w *World) addReporter() error {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	w.reportKey = private
	w.record(reportSelector+"._domainkey."+reporter, "TXT",
		fmt.Sprintf("%q", "v=DKIM1; k=ed25519; p="+base64.StdEncoding.EncodeToString(public)))
	return nil
}

// SendTLSReport sends a TLS report (RFC 8460) of Exchange Online to the watcher, as soon as that listens: yesterday, 3
// of 40 sessions with the MX of contoso.example failed. It returns when the watcher has judged it.
func (w *World) SendTLSReport(ctx context.Context) error {
	message, err := w.tlsReport()
	if err != nil {
		return err
	}
	for {
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", w.sink)
		if err == nil {
			return sendReport(connection, message)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("lab: TLS report: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// tlsReport returns the signed message.
func (w *World) tlsReport() ([]byte, error) {
	day := w.now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -1)
	report := fmt.Sprintf(`{"organization-name":"Microsoft Corporation","date-range":{"start-datetime":%q,`+
		`"end-datetime":%q},"contact-info":"tlsrpt-noreply@%s","report-id":"1+contoso.example","policies":[{"policy":`+
		`{"policy-type":"sts","policy-domain":"contoso.example"},"summary":{"total-successful-session-count":37,`+
		`"total-failure-session-count":3},"failure-details":[{"result-type":"certificate-host-mismatch",`+
		`"receiving-mx-hostname":"mx2.contoso.example","failed-session-count":3}]}]}`,
		day.Format(time.RFC3339), day.Add(24*time.Hour-time.Second).Format(time.RFC3339), reporter)
	text := "From: <tlsrpt-noreply@" + reporter + ">\r\nTo: <" + reportRecipient + ">\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/report; report-type=tlsrpt; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: application/tlsrpt+json\r\n\r\n" + report + "\r\n--b--\r\n"
	var signed bytes.Buffer
	options := &dkim.SignOptions{Domain: reporter, Selector: reportSelector, Signer: w.reportKey}
	if err := dkim.Sign(&signed, strings.NewReader(text), options); err != nil {
		return nil, fmt.Errorf("lab: TLS report: %w", err)
	}
	return signed.Bytes(), nil
}

func sendReport(connection net.Conn, message []byte) error {
	defer func() { _ = connection.Close() }()
	_ = connection.SetDeadline(time.Now().Add(30 * time.Second))
	client, err := smtp.NewClient(connection, "sink.demo.example")
	if err != nil {
		return fmt.Errorf("lab: TLS report: %w", err)
	}
	if err = client.Mail("tlsrpt-noreply@" + reporter); err == nil {
		err = client.Rcpt(reportRecipient)
	}
	if err != nil {
		return fmt.Errorf("lab: TLS report: %w", err)
	}
	body, err := client.Data()
	if err != nil {
		return fmt.Errorf("lab: TLS report: %w", err)
	}
	if _, err = body.Write(message); err == nil {
		err = body.Close()
	}
	if err != nil {
		return fmt.Errorf("lab: TLS report: %w", err)
	}
	return nil
}
