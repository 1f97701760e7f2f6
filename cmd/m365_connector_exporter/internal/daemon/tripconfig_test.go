package daemon

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/roundtrip"
	"m365_connector_exporter/probes/roundtrip/sink"
)

func TestReloadOfTheSink(t *testing.T) {
	before := config.Sink{Listen: []string{":2525"}, Hostname: "a.example"}
	change := func(f func(*config.Sink)) config.Sink {
		after := before
		f(&after)
		return after
	}
	for name, row := range map[string]struct {
		after config.Sink
		want  string // the error; "" if the change takes effect
	}{
		"nothing": {before, ""},
		"networks": {change(func(s *config.Sink) {
			s.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
		}), ""},
		"hostname":    {change(func(s *config.Sink) { s.Hostname = "b.example" }), "sink.hostname: "},
		"address":     {change(func(s *config.Sink) { s.Listen = []string{":25"} }), `sink.listen: a change from`},
		"off":         {config.Sink{}, "sink.listen: "},
		"certificate": {change(func(s *config.Sink) { s.Certificate = &tls.Certificate{} }), "sink.certificate: "},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTripWorld(t, "", nil)
			w.listen, w.hostname = before.Listen, before.Hostname
			err := w.checkReload(&config.Config{Sink: row.after})
			if (err == nil) != (row.want == "") || err != nil && !strings.HasPrefix(err.Error(), row.want) {
				t.Errorf("error %v, want %q", err, row.want)
			}
			if err != nil && !strings.Contains(err.Error(), "restart") {
				t.Errorf("error %v does not say what to do", err)
			}
		})
	}
}

// A reload with such a change is rejected as a whole, and the status page says why.
func TestReloadThatNeedsARestart(t *testing.T) {
	d := configured(t, "tenants: [{ name: contoso }]\n")
	text := "tenants: [{ name: contoso }]\nsink: { listen: ['127.0.0.1:2525'], hostname: a.example }\n"
	if err := os.WriteFile(d.loader.Path(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	err := d.load(t.Context(), reloadRequest{trigger: "test"})
	if err == nil || !strings.Contains(err.Error(), "sink.listen: ") {
		t.Errorf("error %v, want one that names sink.listen", err)
	}
	if got := d.status().ReloadError; !strings.Contains(got, "sink.listen") {
		t.Errorf("status %q, want the error", got)
	}
}

func TestHandoverIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTripWorld(t, filepath.Join(t.TempDir(), "state"), nil)
		var log bytes.Buffer
		w.log = slog.New(slog.NewTextHandler(&log, nil))
		w.answer = probes.NewStep(probes.ReasonServerUnavailable, "451 4.3.2 try later")
		w.answer.Reply = probes.Reply{Code: 451, Enhanced: "4.3.2"}
		w.elapse(5 * time.Minute)
		if got := strings.Count(log.String(), "could not be handed over"); got != 1 || len(w.sent) < 4 {
			t.Errorf("%d log lines after %d attempts, want 1:\n%s", got, len(w.sent), &log)
		}
		if !strings.Contains(log.String(), "reason=server_unavailable") {
			t.Errorf("no reason in %s", &log)
		}
	})
}

func TestRoundTripThroughAServer(t *testing.T) {
	d := configured(t, `probe: { port: 2526, hello_name: probe.contoso.com }
tenants: [{ name: contoso, accepted_domains: [{ domain_name: contoso.com }] }]
sink: { listen: ['127.0.0.1:2525'], hostname: a.example }
round_trips: [{ name: servers, tenant: contoso, start: { smart_host: mail.contoso.com }, recipient: a@contoso.com }]
`)
	p := d.trips.current.Load().paths[roundtrip.Trip{Tenant: "contoso", Name: "servers"}]
	if p.NextHop != "mail.contoso.com" || p.Settings.Port != 2526 || p.Settings.HelloName != "probe.contoso.com" ||
		p.Settings.Until != probes.Message || p.MailFrom != "a@contoso.com" {
		t.Errorf("path %+v, want one to the server with the settings of the tenant", p)
	}
}

// Any host may send to the sink: what it sends is neither quoted in the log nor logged each time.
func TestForeignMessagesDoNotFillTheLog(t *testing.T) {
	for name, text := range map[string]string{
		"malformed": "secret\r\n\r\n", "foreign": "Subject: secret\r\n\r\nsecret\r\n", "report": "secret",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTripWorld(t, "", nil)
				w.use(&config.Config{Sink: config.Sink{TLSReports: []string{"tlsrpt@probe.contoso.com"}}}, nil, "")
				var log bytes.Buffer
				w.log = slog.New(slog.NewTextHandler(&log, nil))
				w.tlsReports.log = w.log
				m := sink.Message{To: []string{"canary@probe.contoso.com"}, Data: []byte(text)}
				if name == "report" {
					m.To[0] = "tlsrpt@probe.contoso.com"
				}
				for range 1000 {
					if err := w.receive(t.Context(), &m); err != nil {
						t.Fatal(err)
					}
				}
				if got := strings.Count(log.String(), "\n"); got != foreignBurst || strings.Contains(log.String(), "secret") {
					t.Errorf("%d lines, want %d without the text of a message:\n%s", got, foreignBurst, &log)
				}
			})
		})
	}
}
