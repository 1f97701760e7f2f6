package lab

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/miekg/dns"
)

// TestWorldTLSReport receives the TLS report in place of the watcher, and verifies its signature with the key in DNS.
func TestWorldTLSReport(t *testing.T) {
	w, err := StartWorld(WorldOptions{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	sent := make(chan error, 1)
	go func() { sent <- w.SendTLSReport(t.Context()) }() // waits until the watcher listens
	sink, err := StartMail(MailOptions{Addr: w.sink})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	message := sink.Messages()[0]
	if !strings.Contains(message, `"policy-domain":"contoso.example"`) {
		t.Errorf("no report about contoso.example: %q", message)
	}
	verified, err := dkim.VerifyWithOptions(strings.NewReader(message), &dkim.VerifyOptions{
		LookupTXT: func(name string) ([]string, error) {
			_, data := query(t, "udp", w.dns.Addr(), name, dns.TypeTXT)
			return []string{strings.Trim(strings.Join(data, ""), `"`)}, nil
		},
	})
	if err != nil || len(verified) != 1 || verified[0].Err != nil || verified[0].Domain != reporter {
		t.Errorf("signature: %+v, %v", verified, err)
	}
}

func TestTLSReportIsGivenUpWithoutAWatcher(t *testing.T) {
	w, err := StartWorld(WorldOptions{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.SendTLSReport(ctx); err == nil {
		t.Error("the report was sent, but nothing listens")
	}
}
