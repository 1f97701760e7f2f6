package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/regularfile"
	"m365_connector_exporter/probes/roundtrip"
	"m365_connector_exporter/probes/roundtrip/sink"
)

// validation returns one for the round trip of a world whose daemon runs until stop is called.
func (w *tripWorld) validation(stateFile string) (v TripValidation, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		w.sendAll(ctx, group)
		return nil
	})
	v = TripValidation{
		Config: &config.Config{Global: config.Global{StateFile: stateFile}}, Trip: w.trip,
		Waiting: func(time.Duration, string) {},
	}
	return v, func() {
		cancel()
		_ = group.Wait()
	}
}

func TestRequestedRoundTrip(t *testing.T) {
	refused := probes.NewStep(probes.ReasonTenantAttribution, "550 5.7.64 TenantAttribution")
	refused.Reply = probes.Reply{Code: 550, Enhanced: "5.7.64"}
	temporary := probes.NewStep(probes.ReasonServerUnavailable, "451 4.3.2 try later")
	temporary.Reply = probes.Reply{Code: 451, Enhanced: "4.3.2"}
	accepted := probes.Step{Outcome: probes.Passed}
	for name, row := range map[string]struct {
		deliver func(*tripWorld, string)
		answer  probes.Step
		want    roundtrip.Outcome
		reason  probes.Reason
	}{
		"delivered":             {markedBy(testTenantID), accepted, roundtrip.Delivered, ""},
		"of another tenant":     {markedBy("0" + testTenantID[1:]), accepted, roundtrip.Misrouted, ""},
		"lost":                  {nil, accepted, roundtrip.Lost, ""},
		"never handed over":     {nil, temporary, roundtrip.Lost, probes.ReasonServerUnavailable},
		"refused at once":       {nil, refused, roundtrip.Returned, probes.ReasonTenantAttribution},
		"returned by its code":  {returnIt("550 5.7.64 no"), accepted, roundtrip.Returned, probes.ReasonTenantAttribution},
		"returned by its words": {returnIt("554 relay denied"), accepted, roundtrip.Returned, probes.ReasonRelayDenied},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "state.json")
				w := newTripWorld(t, file, row.deliver)
				w.answer = row.answer
				v, stop := w.validation(file)
				defer stop()
				f, err := v.request(t.Context(), w.files)
				if err != nil {
					t.Fatal(err)
				}
				if f.Outcome != row.want || f.Refusal.Reason != row.reason {
					t.Errorf("%q because of %q, want %q because of %q", f.Outcome, f.Refusal.Reason, row.want, row.reason)
				}
				if _, err := os.Stat(w.files.request()); err == nil {
					t.Error("the request is left over")
				}
			})
		})
	}
}

func TestRequestedRoundTripThatIsRefused(t *testing.T) {
	for name, row := range map[string]struct {
		prepare func(*testing.T, *tripWorld)
		want    string
	}{
		"under way": {func(_ *testing.T, w *tripWorld) {
			w.elapse(time.Minute)
		}, "a message is under way; the next message is due at "},
		"in a loop": {func(_ *testing.T, w *tripWorld) {
			w.deliver = func(w *tripWorld, text string) { w.arrive(text); w.arrive(text); w.arrive(text) }
			w.elapse(time.Minute)
		}, "a message arrived more than twice; the next message is due at "},
		"unknown to the daemon": {func(_ *testing.T, w *tripWorld) {
			w.use(&config.Config{}, nil, "")
		}, "reload its configuration"},
		"another request": {func(t *testing.T, w *tripWorld) {
			t.Helper()
			if err := w.files.addRequest(t.Context(), &tripRequest{At: time.Now(), Refusal: "no"}); err != nil {
				t.Fatal(err)
			}
		}, "another request for a round trip is being answered"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "state.json")
				w := newTripWorld(t, file, nil)
				row.prepare(t, w)
				sent := len(w.sent)
				v, stop := w.validation(file)
				defer stop()
				_, err := v.request(t.Context(), w.files)
				if err == nil || !strings.Contains(err.Error(), row.want) || errors.Is(err, ErrNoOutcome) {
					t.Errorf("error %v, want %q", err, row.want)
				}
				if len(w.sent) != sent {
					t.Error("a message is sent")
				}
			})
		})
	}
}

func TestRequestThatNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "state.json")
		w := newTripWorld(t, file, nil)
		v, stop := w.validation(file)
		stop()
		if _, err := v.request(t.Context(), w.files); !errors.Is(err, ErrNoOutcome) {
			t.Errorf("error %v, want ErrNoOutcome", err)
		}
		// a request that was left over is dropped by the next daemon
		if err := w.files.writeRequest(&tripRequest{Trip: w.trip.Trip, At: time.Now().Add(-2 * time.Minute)}); err != nil {
			t.Fatal(err)
		}
		group, ctx := errgroup.WithContext(t.Context())
		w.answerRequest(ctx, group)
		if _, err := os.Stat(w.files.request()); err == nil || len(w.sent) > 0 {
			t.Errorf("an old request: %v, %d messages, want that it is removed and none", err, len(w.sent))
		}
		// so is one that is not JSON
		if err := os.WriteFile(w.files.request(), []byte("\x00"), 0o600); err != nil {
			t.Fatal(err)
		}
		w.answerRequest(ctx, group)
		if _, err := os.Stat(w.files.request()); err == nil {
			t.Error("a request that cannot be read is left over")
		}
	})
}

func TestSecondProcessWaitsForTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "state.json")
		first := newTripWorld(t, file, nil)
		unlock, err := first.lock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		second := newTripWorld(t, file, nil) // before there is a state: with a key of its own
		if _, err := second.files.lock(); !errors.Is(err, regularfile.ErrLocked) {
			t.Fatalf("a second lock: %v, want ErrLocked", err)
		}
		locked := make(chan func())
		go func() {
			unlock, err := second.lock(context.Background())
			if err != nil {
				t.Error(err)
			}
			locked <- unlock
		}()
		first.elapse(time.Minute)
		unlock()
		defer (<-locked)()
		if second.status().UnderWay.IsZero() {
			t.Error("the second does not know the message of the first")
		}
		markedBy(testTenantID)(second, first.sent[0])
		if got := second.newest(); got != roundtrip.Delivered {
			t.Errorf("outcome %q, want delivered", got)
		}
	})
}

func TestTLSReportWaitsForTheDaemon(t *testing.T) {
	w := newTripWorld(t, "", nil)
	w.onDemand = true
	w.use(&config.Config{Sink: config.Sink{TLSReports: []string{"tlsrpt@probe.contoso.com"}}}, nil, "")
	err := w.receive(t.Context(), &sink.Message{To: []string{"TLSRPT@probe.contoso.com"}, Data: []byte("x")})
	if !errors.Is(err, errNoReports) {
		t.Errorf("error %v, want one, so that the report is sent again later", err)
	}
}

// TestRoundTripOfUnknownSender: the command does not wait for lost_after to say that nothing could be sent.
func TestRoundTripOfUnknownSender(t *testing.T) {
	v := TripValidation{Config: &config.Config{}, Trip: &config.RoundTrip{Sender: "edge-1"}}
	want := `the path of sender "edge-1" is not known`
	if _, err := v.newRoundTrips(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestFindRoundTrip(t *testing.T) {
	trip := func(tenant, name string) config.RoundTrip {
		return config.RoundTrip{Plan: roundtrip.Plan{Trip: roundtrip.Trip{Tenant: tenant, Name: name}}}
	}
	cfg := &config.Config{RoundTrips: []config.RoundTrip{
		trip("contoso", "hybrid"), trip("contoso", "a/b c"), trip("contoso", "twice"), trip("fabrikam", "twice"),
	}}
	for name, want := range map[string]string{
		"hybrid": "contoso hybrid", "a/b c": "contoso a/b c", "contoso/a%2Fb%20c": "contoso a/b c",
		"fabrikam/twice": "fabrikam twice", "twice": "contoso/twice, fabrikam/twice", "none": "hybrid, a/b c, twice, twice",
	} {
		got, err := FindRoundTrip(cfg, name)
		if err != nil && !strings.HasSuffix(err.Error(), want) || err == nil && got.Tenant+" "+got.Name != want {
			t.Errorf("%s: %v, %v; want %s", name, got, err, want)
		}
	}
}
