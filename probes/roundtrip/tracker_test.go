package roundtrip_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365_connector_exporter/probes/roundtrip"
)

// tracked is a tracker whose state is kept as JSON, as in a file.
type tracked struct {
	*roundtrip.Tracker

	t       *testing.T
	plan    roundtrip.Plan
	tokens  *roundtrip.Tokens
	now     time.Time
	saved   []byte
	saveErr error
}

// track returns a tracker of one round trip: every 15 minutes, late after 5 minutes, lost after an hour.
func track(t *testing.T) *tracked {
	t.Helper()
	w := &tracked{t: t, tokens: newTokens(hybrid), now: sent, saved: []byte("{}"), plan: roundtrip.Plan{
		Trip: hybrid, Interval: 15 * time.Minute, LostAfter: time.Hour, DailyLimit: 50,
		Expect: roundtrip.Expectation{LateAfter: 5 * time.Minute},
	}}
	w.restart()
	return w
}

// restart loads the state that was saved.
func (w *tracked) restart() {
	w.t.Helper()
	var state roundtrip.State
	if err := json.Unmarshal(w.saved, &state); err != nil {
		w.t.Fatal(err)
	}
	w.Tracker = roundtrip.NewTracker(&state, func(s *roundtrip.State) error {
		if w.saveErr != nil {
			return w.saveErr
		}
		var err error
		w.saved, err = json.Marshal(s)
		return err
	})
	w.SetPlans([]roundtrip.Plan{w.plan})
}

// begin sends a message and returns its token.
func (w *tracked) begin() roundtrip.Token {
	w.t.Helper()
	token := w.tokens.New(hybrid, w.now)
	if err := w.Begin(token, w.now, false); err != nil {
		w.t.Fatalf("at %v: %v", w.now, err)
	}
	return token
}

// refused returns why no message may be sent.
func (w *tracked) refused() string {
	w.t.Helper()
	err := w.Begin(w.tokens.New(hybrid, w.now), w.now, false)
	if err == nil {
		w.t.Fatalf("at %v: a message is sent", w.now)
	}
	return err.Error()
}

// arrive receives a message and returns its outcome, empty if it is ignored.
func (w *tracked) arrive(token roundtrip.Token, after time.Duration) roundtrip.Outcome {
	w.t.Helper()
	w.now = w.now.Add(after)
	f, _ := w.Arrived(&roundtrip.Arrival{Token: token, Received: w.now})
	return f.Outcome
}

func (w *tracked) status() roundtrip.Status { return w.Statuses(w.now)[0] }

func wantOutcome(t *testing.T, what string, got, want roundtrip.Outcome) {
	t.Helper()
	if got != want {
		t.Errorf("%s: outcome %q, want %q", what, got, want)
	}
}

func TestOneMessageIsUnderWay(t *testing.T) {
	w := track(t)
	token := w.begin()
	want := "a message is under way; the next message is due at 2026-11-29T13:00:00Z"
	if got := w.refused(); got != want {
		t.Errorf("second message: %s, want %s", got, want)
	}
	wantOutcome(t, "in time", w.arrive(token, time.Minute), roundtrip.Delivered)
	want = "the interval has not passed; the next message is due at 2026-11-29T12:15:00Z"
	if got := w.refused(); got != want {
		t.Errorf("third message: %s, want %s", got, want)
	}
	w.now = sent.Add(15 * time.Minute)
	late := w.begin()
	wantOutcome(t, "after six minutes", w.arrive(late, 6*time.Minute), roundtrip.Late)
	status := w.status()
	if status.Newest.Outcome != roundtrip.Late || len(status.History) != 2 || status.SentInOneDay != 2 {
		t.Errorf("status %+v, want late, two outcomes and two messages", status)
	}
}

func TestRequestedMessageNeedNotWait(t *testing.T) {
	w := track(t)
	w.arrive(w.begin(), time.Second)
	if err := w.Begin(w.tokens.New(hybrid, w.now), w.now, true); err != nil {
		t.Error(err)
	}
	if err := w.Begin(w.tokens.New(hybrid, w.now), w.now, true); err == nil {
		t.Error("a second message under way")
	}
}

func TestDailyLimit(t *testing.T) {
	w := track(t)
	w.plan.DailyLimit = 3
	w.SetPlans([]roundtrip.Plan{w.plan})
	for range 3 {
		w.arrive(w.begin(), 0)
		w.now = w.now.Add(time.Hour)
	}
	if got := w.refused(); got != "the daily limit is used; the next message is due at 2026-11-30T12:00:00Z" {
		t.Error(got)
	}
	w.now = sent.Add(24 * time.Hour)
	w.begin()
}

func TestLostMessageMayBecomeLate(t *testing.T) {
	w := track(t)
	token := w.begin()
	w.now = w.now.Add(59 * time.Minute)
	if got := w.Expire(w.now); len(got) != 0 {
		t.Errorf("lost %v after 59 minutes", got)
	}
	w.now = w.now.Add(time.Minute)
	if got := w.Expire(w.now); len(got) != 1 || got[0].Outcome != roundtrip.Lost {
		t.Errorf("after an hour %v, want lost", got)
	}
	next := w.begin()
	wantOutcome(t, "the next one", w.arrive(next, time.Second), roundtrip.Delivered)
	wantOutcome(t, "the lost one", w.arrive(token, time.Hour), roundtrip.Late)
	if got := w.status().Newest; !got.Sent.Equal(next.Sent) {
		t.Errorf("newest %+v, want the newer message", got)
	}
}

func TestDuplicatesPause(t *testing.T) {
	w := track(t)
	token := w.begin()
	w.arrive(token, time.Second)
	wantOutcome(t, "second copy", w.arrive(token, time.Second), roundtrip.Duplicate)
	if !w.status().PausedUntil.IsZero() {
		t.Error("paused after one duplicate")
	}
	wantOutcome(t, "third copy", w.arrive(token, time.Second), roundtrip.Duplicate)
	w.now = w.now.Add(time.Hour)
	if got := w.refused(); !strings.HasPrefix(got, "a message arrived more than twice; the next message is due at") {
		t.Error(got)
	}
	w.restart()
	w.refused()
	w.now = w.now.Add(24 * time.Hour)
	w.begin()
}

func TestLoopPauses(t *testing.T) {
	w := track(t)
	token := w.begin()
	w.Arrived(&roundtrip.Arrival{Token: token, Received: w.now, Trace: roundtrip.Trace{Received: 21}})
	w.now = w.now.Add(time.Hour)
	if got := w.refused(); !strings.HasPrefix(got, "a message passed more than 20 servers") {
		t.Error(got)
	}
}

func TestReturnedMessage(t *testing.T) {
	w := track(t)
	token := w.begin()
	f, ok := w.Returned(token, w.now.Add(time.Minute), &roundtrip.DSN{Status: "5.7.64"}, roundtrip.Refusal{})
	if !ok || f.Outcome != roundtrip.Returned || f.DSN.Status != "5.7.64" {
		t.Errorf("Returned = %+v, %v", f, ok)
	}
	if _, ok := w.Returned(token, w.now, nil, roundtrip.Refusal{}); ok {
		t.Error("returned twice")
	}
	w.now = w.now.Add(15 * time.Minute)
	arrived := w.begin()
	w.arrive(arrived, 0)
	if _, ok := w.Returned(arrived, w.now, nil, roundtrip.Refusal{}); ok {
		t.Error("a message that arrived is returned")
	}
	if _, ok := w.Returned(w.tokens.New(hybrid, w.now), w.now, nil, roundtrip.Refusal{}); ok {
		t.Error("a message that nobody sent is returned")
	}
}

func TestMessageThatNoServerAccepts(t *testing.T) {
	w := track(t)
	token := w.begin()
	if got := w.Waiting(hybrid); got != "" {
		t.Errorf("waiting %q before an attempt ended", got)
	}
	w.NotHanded(token, roundtrip.Refusal{Text: "connect_refused"})
	w.restart()
	if got := w.Waiting(hybrid); got != token.Text {
		t.Errorf("waiting %q, want %q", got, token.Text)
	}
	if got := w.status().NotHanded; got != "connect_refused" {
		t.Errorf("problem %q", got)
	}
	w.Handed(token)
	if got := w.Waiting(hybrid); got != "" {
		t.Errorf("waiting %q after it was handed over", got)
	}
	w.NotHanded(token, roundtrip.Refusal{Text: "connect_refused"})
	w.now = w.now.Add(time.Hour)
	if got := w.Expire(w.now); len(got) != 1 || got[0].Refusal.Text != "connect_refused" {
		t.Errorf("lost %v, want the problem", got)
	}
}

// A process that is killed after Begin may have handed the message over: it is not sent again.
func TestKilledProcessSendsNothingTwice(t *testing.T) {
	w := track(t)
	token := w.begin()
	w.restart()
	if got := w.Waiting(hybrid); got != "" {
		t.Errorf("waiting %q", got)
	}
	if got := w.refused(); !strings.HasPrefix(got, "a message is under way") {
		t.Error(got)
	}
	wantOutcome(t, "after the restart", w.arrive(token, time.Minute), roundtrip.Delivered)
}

func TestStateThatCannotBeSavedSendsNothing(t *testing.T) {
	w := track(t)
	w.saveErr = errors.New("disk full")
	if got := w.refused(); got != "saving the state of round trips: disk full" {
		t.Error(got)
	}
	w.saveErr = nil
	w.begin()
}

func TestLostStateRecognisesItsMessages(t *testing.T) {
	w := track(t)
	token := w.begin()
	w.saved = []byte("{}")
	w.restart()
	wantOutcome(t, "first copy", w.arrive(token, time.Minute), roundtrip.Delivered)
	wantOutcome(t, "second copy", w.arrive(token, time.Minute), roundtrip.Duplicate)
	wantOutcome(t, "three days old", w.arrive(w.tokens.New(hybrid, sent.Add(-72*time.Hour)), 0), "")
	w.SetPlans(nil)
	wantOutcome(t, "not configured", w.arrive(token, 0), "")
	if err := w.Begin(token, w.now, true); err == nil {
		t.Error("a message of a round trip that is not configured")
	}
}

func TestClockThatWasAheadDelaysOneInterval(t *testing.T) {
	w := track(t)
	w.now = sent.Add(1000 * time.Hour)
	w.arrive(w.begin(), 0)
	w.now = sent
	w.restart()
	w.refused()
	w.now = sent.Add(15 * time.Minute)
	w.begin()
}

func TestHistoryIsBounded(t *testing.T) {
	w := track(t)
	w.plan.DailyLimit = 5000
	w.SetPlans([]roundtrip.Plan{w.plan})
	messages := 0
	for range 1200 {
		token := w.tokens.New(hybrid, w.now)
		if w.Begin(token, w.now, true) == nil {
			messages++
		}
		w.arrive(token, time.Second)
	}
	var state roundtrip.State
	if err := json.Unmarshal(w.saved, &state); err != nil {
		t.Fatal(err)
	}
	if messages != 1000 || len(state.Trips[0].Messages) > 1200 || len(state.Trips[0].History) != 200 {
		t.Errorf("%d messages sent, %d known, %d outcomes; want 1000, at most 1200, 200",
			messages, len(state.Trips[0].Messages), len(state.Trips[0].History))
	}
}

func TestStatusesAreOrdered(t *testing.T) {
	w := track(t)
	var plans []roundtrip.Plan
	for _, trip := range []roundtrip.Trip{{"b", "a"}, {"a", "b"}, {"a", "a"}} {
		plans = append(plans, roundtrip.Plan{Trip: trip})
	}
	w.SetPlans(plans)
	var got []roundtrip.Trip
	for _, s := range w.Statuses(w.now) {
		got = append(got, s.Plan.Trip)
	}
	if diff := cmp.Diff([]roundtrip.Trip{{"a", "a"}, {"a", "b"}, {"b", "a"}}, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}
