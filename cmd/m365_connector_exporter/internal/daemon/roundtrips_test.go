package daemon

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/roundtrip"
	"m365_connector_exporter/probes/roundtrip/sink"
)

// tripWorld has one round trip. Its messages go where deliver sends them.
type tripWorld struct {
	*roundTrips

	trip    *config.RoundTrip
	sent    []string
	answer  probes.Step // of the stage message
	deliver func(w *tripWorld, text string)
}

const testTenantID = "75e027c9-20d5-47d5-b82f-77d7cd041e8f"

func newTripWorld(t *testing.T, stateFile string, deliver func(*tripWorld, string)) *tripWorld {
	t.Helper()
	w := &tripWorld{deliver: deliver, answer: probes.Step{Outcome: probes.Passed}}
	cfg := &config.Config{
		Global: config.Global{StateFile: stateFile},
		RoundTrips: []config.RoundTrip{{
			Plan: roundtrip.Plan{
				Trip:     roundtrip.Trip{Tenant: "contoso", Name: "hybrid"},
				Interval: 15 * time.Minute, LostAfter: time.Hour, DailyLimit: 200,
				Expect: roundtrip.Expectation{LateAfter: 5 * time.Minute, TenantID: testTenantID},
			},
			Sender: "edge-1", Recipient: "canary@probe.contoso.com",
		}},
	}
	paths := []probes.Path{{
		ID:   probes.PathID{Tenant: "contoso", Direction: mailflow.Inbound, Connector: "From on-premises", Path: "edge-1"},
		Kind: probes.NextHopSender, NextHop: "contoso.com", Settings: probes.Settings{HelloName: "edge-1.contoso.com"},
	}}
	prober := probes.ProberFunc(func(_ context.Context, p *probes.Path) *probes.Result {
		if p.Settings.Until != probes.Message || p.MailFrom != "canary@probe.contoso.com" || len(p.Recipients) != 1 {
			t.Errorf("path %+v, want one that sends a message as the recipient to itself", p)
		}
		w.sent = append(w.sent, string(p.Message))
		if w.deliver != nil {
			w.deliver(w, string(p.Message))
		}
		e := probes.Endpoint{Host: "mx.example", Addr: netip.MustParseAddrPort("192.0.2.1:25")}
		e.Steps[probes.Message] = w.answer
		return &probes.Result{Endpoints: []probes.Endpoint{e}, Until: probes.Message}
	})
	trips, err := newRoundTrips(t.Context(), cfg, prober, collector.NewStore(time.Now), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	w.roundTrips, w.trip = trips, &cfg.RoundTrips[0]
	w.use(cfg, paths, "exporter.contoso.com")
	return w
}

// arrive hands a message to the sink.
func (w *tripWorld) arrive(text string) {
	_ = w.receive(context.Background(), &sink.Message{ // never an error for a test message
		To: []string{"canary@probe.contoso.com"}, Received: time.Now(), Data: []byte(text),
	})
}

// elapse lets the sender look at what is due for a time.
func (w *tripWorld) elapse(d time.Duration) {
	group, ctx := errgroup.WithContext(context.Background())
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(tripTick)
		w.step(ctx, group)
		synctest.Wait()
	}
	_ = group.Wait()
}

func (w *tripWorld) status() roundtrip.Status { return w.store.RoundTrips()[0] }

func (w *tripWorld) newest() roundtrip.Outcome {
	if n := w.status().Newest; n != nil {
		return n.Outcome
	}
	return ""
}

// at once delivers a message with Exchange Online's mark of a tenant.
func markedBy(tenantID string) func(*tripWorld, string) {
	return func(w *tripWorld, text string) { w.arrive("X-MS-Exchange-CrossTenant-Id: " + tenantID + "\r\n" + text) }
}

// returnIt delivers a notification with a diagnostic instead of the message.
func returnIt(diagnostic string) func(*tripWorld, string) {
	return func(w *tripWorld, text string) {
		_, id, _ := strings.Cut(text, "Message-ID: ")
		id, _, _ = strings.Cut(id, "\r\n")
		w.arrive("Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n" +
			"Reporting-MTA: dns; a\r\n\r\nAction: failed\r\nStatus: 5.0.0\r\nDiagnostic-Code: smtp; " + diagnostic + "\r\n\r\n" +
			"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: " + id + "\r\n\r\n--b--\r\n")
	}
}

func TestRoundTripOutcomes(t *testing.T) {
	refused := probes.NewStep(probes.ReasonTenantAttribution, "550 5.7.64 TenantAttribution")
	refused.Reply = probes.Reply{Code: 550, Enhanced: "5.7.64"}
	temporary := probes.NewStep(probes.ReasonServerUnavailable, "451 4.3.2 try later")
	temporary.Reply = probes.Reply{Code: 451, Enhanced: "4.3.2"}
	accepted := probes.Step{Outcome: probes.Passed}
	twice := func(w *tripWorld, text string) { w.arrive(text); w.arrive(text) }
	other := func(w *tripWorld, _ string) { w.arrive("Subject: buy\r\n\r\n") }
	closed := probes.NewStep(probes.ReasonConnectionClosed, "closed")
	for name, row := range map[string]struct {
		deliver  func(*tripWorld, string)
		answer   probes.Step
		elapse   time.Duration
		want     roundtrip.Outcome
		messages int
	}{
		"delivered":             {markedBy(testTenantID), accepted, time.Minute, roundtrip.Delivered, 1},
		"of another tenant":     {markedBy("0" + testTenantID[1:]), accepted, time.Minute, roundtrip.Misrouted, 1},
		"under way":             {nil, accepted, 59 * time.Minute, "", 1},
		"lost":                  {nil, accepted, 61 * time.Minute, roundtrip.Lost, 2},
		"returned":              {returnIt("550 5.7.64"), accepted, time.Minute, roundtrip.Returned, 1},
		"refused at once":       {nil, refused, time.Minute, roundtrip.Returned, 1},
		"tried again":           {nil, temporary, 10 * time.Minute, "", 10},
		"the reply got lost":    {nil, closed, 10 * time.Minute, "", 1},
		"delivered twice":       {twice, accepted, time.Minute, roundtrip.Duplicate, 1},
		"after an interval":     {markedBy(testTenantID), accepted, 31 * time.Minute, roundtrip.Delivered, 3},
		"mail of somebody else": {other, accepted, time.Minute, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTripWorld(t, filepath.Join(t.TempDir(), "state.json"), row.deliver)
				w.answer = row.answer
				w.elapse(row.elapse)
				if got := w.newest(); got != row.want || len(w.sent) != row.messages {
					t.Errorf("outcome %q after %d messages, want %q after %d", got, len(w.sent), row.want, row.messages)
				}
			})
		})
	}
}

func TestRoundTripSurvivesRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "state.json")
		w := newTripWorld(t, file, nil)
		w.elapse(time.Minute)
		restarted := newTripWorld(t, file, nil)
		restarted.elapse(time.Minute)
		if len(restarted.sent) != 0 {
			t.Error("a second message is sent while one is under way")
		}
		markedBy(testTenantID)(restarted, w.sent[0])
		if got := restarted.newest(); got != roundtrip.Delivered {
			t.Errorf("outcome %q, want delivered", got)
		}
	})
}

func TestWithoutStateFileFirstMessageWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTripWorld(t, "", markedBy(testTenantID))
		w.elapse(14 * time.Minute)
		if len(w.sent) != 0 {
			t.Error("a message is sent at once: a restart would send one more each time")
		}
		w.elapse(2 * time.Minute)
		if len(w.sent) != 1 {
			t.Errorf("%d messages after an interval, want 1", len(w.sent))
		}
	})
}

func TestStateOfRoundTripsThatCannotBeRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(file+tripsSuffix, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := &config.Config{Global: config.Global{StateFile: file}}
	_, err := newRoundTrips(t.Context(), cfg, nil, collector.NewStore(time.Now), slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), file+tripsSuffix) {
		t.Errorf("error %v, want one that names the file", err)
	}
}
