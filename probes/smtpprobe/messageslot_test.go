package smtpprobe

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// dueAt is a budget whose message is due when the test sets it.
type dueAt struct{ due bool }

func (d *dueAt) Take(string, time.Duration) (bool, time.Time, error) {
	return always(d.due).Take("", 0)
}

// One message an hour is sent, and a round is every few minutes. Reloads change nothing.
func TestOutcomeOfTheLastMessageIsRepeatedUntilTheNext(t *testing.T) {
	clear := healthy(nil).with("EHLO", "250 mail.test\r\n")
	refusing, _ := serve(t, clear.with(".", "554 5.7.1 no\r\n"))
	accepting, _ := serve(t, clear)
	busy, _ := serve(t, clear.with(".", "452 later\r\n"))
	budget := &dueAt{}
	w := testProber(nil)
	w.opts.Messages = budget
	p := testPath(refusing, probes.Message, mailflow.Opportunistic)
	const refused, fine, unproven, none = "failed message_rejected 554", "passed  0",
		"inconclusive temporary_rejection 452", "not_reached  0"
	for i, round := range []struct {
		addr string
		at   netip.AddrPort
		due  bool
		want string
	}{
		{"192.0.2.1", accepting, false, none}, // no message was sent yet
		{"192.0.2.1", refusing, true, refused},
		{"192.0.2.1", refusing, false, refused},
		{"192.0.2.2", accepting, false, none}, // the address that refused has left DNS
		{"192.0.2.1", busy, true, unproven},   // proves nothing
		{"192.0.2.1", refusing, false, refused},
		{"192.0.2.1", accepting, true, fine},
		{"192.0.2.1", accepting, false, fine},
	} {
		onlyThrough(w, map[string]netip.AddrPort{round.addr: round.at})
		p.Settings.ConnectTo, budget.due = []netip.Addr{netip.MustParseAddr(round.addr)}, round.due
		step := probeOne(t, w, p).Steps[probes.Message]
		if got := fmt.Sprintf("%s %s %d", step.Outcome, step.Reason, step.Reply.Code); got != round.want {
			t.Errorf("round %d: %s, want %s", i, got, round.want)
		}
		if repeated := strings.Contains(step.Detail,
			"the next message is due at 2026-01-02T03:04:05Z: 554"); repeated != (round.want == refused && !round.due) {
			t.Errorf("round %d: %s", i, step.Detail)
		}
		if repeated := step.Outcome != probes.NotReached && !round.due; step.Repeated != repeated ||
			(step.Duration > 0) != round.due {
			t.Errorf("round %d: repeated %t, took %s", i, step.Repeated, step.Duration)
		}
		w = w.WithOptions(w.opts)
	}
}

func TestNextMessageGoesToTheAddressThatRefusedTheLast(t *testing.T) {
	clear := healthy(nil).with("EHLO", "250 mail.test\r\n")
	refusing, _ := serve(t, clear.with(".", "554 5.7.1 no\r\n"))
	accepting, heard := serve(t, clear)
	budget := &dueAt{}
	w := testProber(nil)
	w.opts.Messages = budget
	onlyThrough(w, map[string]netip.AddrPort{"192.0.2.1": refusing, "192.0.2.2": accepting})
	p := testPath(refusing, probes.Message, mailflow.Opportunistic)
	first, both := []netip.Addr{netip.MustParseAddr("192.0.2.1")}, []netip.Addr{
		netip.MustParseAddr("192.0.2.2"),
		netip.MustParseAddr("192.0.2.1"),
	}
	for i := range 12 {
		budget.due, p.Settings.ConnectTo = i%3 == 0, both
		if i == 0 {
			p.Settings.ConnectTo = first
		}
		res := w.Probe(t.Context(), &p)
		note(res.Endpoints)
		if e, stage, step, ok := res.Failure(); !ok || e.Addr.Addr() != first[0] || stage != probes.Message {
			t.Errorf("round %d: %v %v %+v", i, e.Addr, stage, step)
		}
	}
	if strings.Contains(strings.Join(heard(), "\n"), "DATA") {
		t.Error("the healthy address got the message")
	}
}

func TestRefusalsOfRemovedPathsExpire(t *testing.T) {
	m, start := newSentMessages(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	by, failed := netip.MustParseAddrPort("192.0.2.1:25"), &probes.Step{Outcome: probes.Failed}
	for i, note := range []struct {
		path string
		at   time.Duration
		kept int
	}{
		{"a", 0, 1},
		{"b", 130 * time.Minute, 2}, // an hour between messages, five minutes between rounds
		{"b", 131 * time.Minute, 1},
		{"a", 131 * time.Minute, 2},
	} {
		p := probes.Path{ID: probes.PathID{Connector: note.path}, Settings: probes.Settings{
			MessageMinInterval: time.Hour,
			Interval:           5 * time.Minute,
		}}
		if m.record(&p, by, start.Add(note.at), failed); len(m.byAddress) != note.kept {
			t.Errorf("note %d: %d kept, want %d", i, len(m.byAddress), note.kept)
		}
	}
}

type noStateFile struct{}

func (noStateFile) Take(string, time.Duration) (bool, time.Time, error) {
	return false, time.Time{}, errors.New("no space left on device")
}

func TestMessageThatCannotBeRecordedIsInconclusive(t *testing.T) {
	at, _ := serve(t, healthy(nil).with("EHLO", "250 mail.test\r\n"))
	w := testProber(nil)
	w.opts.Messages = noStateFile{}
	e := probeOne(t, w, testPath(at, probes.Message, mailflow.Opportunistic))
	if step := e.Steps[probes.Message]; step.Outcome != probes.Inconclusive || step.Reason != probes.ReasonInternalError {
		t.Errorf("message %s %s, want inconclusive %s", step.Outcome, step.Reason, probes.ReasonInternalError)
	}
	if got := e.Steps[probes.Recipient].Outcome; got != probes.Passed {
		t.Errorf("recipient %s, want passed", got)
	}
}
