package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/schedule"
)

// controlled is a path with a control, and a round that got a reply to EHLO.
func controlled() (*probes.Path, *probes.Result) {
	p := &probes.Path{
		ID:       probes.PathID{Tenant: "contoso", Direction: mailflow.Outbound, Connector: "To servers", Path: "mail"},
		Controls: []probes.Control{{Kind: probes.ControlForeignRecipient}},
	}
	e := probes.Endpoint{Host: "mail", Addr: netip.MustParseAddrPort("192.0.2.25:25")}
	e.Steps[probes.EHLO] = probes.NewStep("", "")
	return p, &probes.Result{Path: p.ID, Endpoints: []probes.Endpoint{e}}
}

// testControls returns controls with a budget, and what counts their runs.
func testControls(t *testing.T, budget *schedule.MessageBudget) (c *controls, runs func() int) {
	t.Helper()
	var mu sync.Mutex
	n := 0
	c = &controls{
		take: budget.Take, now: time.Now, log: slog.New(slog.DiscardHandler), next: map[probes.PathID]time.Time{},
		run: func(context.Context, *probes.Path, []probes.Endpoint) []probes.ControlResult {
			mu.Lock()
			defer mu.Unlock()
			n++
			return nil
		},
		record: func(probes.PathID, []probes.ControlResult) {},
	}
	c.life, c.cancel = context.WithCancel(t.Context())
	return c, func() int {
		c.running.Wait()
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

func newBudget(t *testing.T, file string) *schedule.MessageBudget {
	t.Helper()
	b, err := schedule.NewMessageBudget(file, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestControlsRunOnceADay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	c, runs := testControls(t, newBudget(t, file))
	p, round := controlled()
	for range 3 {
		c.start(p, round)
		runs()
	}
	c.forget() // the configuration was loaded again
	c.start(p, round)
	if n := runs(); n != 1 {
		t.Errorf("%d runs, want 1", n)
	}
	again, runs := testControls(t, newBudget(t, file)) // a restart
	again.start(p, round)
	if n := runs(); n != 0 {
		t.Errorf("%d runs after a restart, want none", n)
	}
	other := *p
	other.ID.Path = "another"
	again.start(&other, round)
	if n := runs(); n != 1 {
		t.Errorf("%d runs of another path, want 1", n)
	}
}

func TestControlsWithoutStateFileWaitADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, runs := testControls(t, newBudget(t, ""))
		p, round := controlled()
		for hour := range 49 {
			c.start(p, round)
			if n := runs(); n != hour/24 {
				t.Fatalf("%d runs after %d hours, want %d", n, hour, hour/24)
			}
			time.Sleep(time.Hour)
		}
		c.stop()
	})
}

func TestControlsNeedAServer(t *testing.T) {
	c, runs := testControls(t, newBudget(t, filepath.Join(t.TempDir(), "state")))
	p, round := controlled()
	refused := *round
	refused.Endpoints = slices.Clone(round.Endpoints)
	refused.Endpoints[0].Steps[probes.EHLO] = probes.NewStep(probes.ReasonThrottled, "")
	none := *p
	none.Controls = nil
	c.start(p, &refused)
	c.start(&none, round)
	if n := runs(); n != 0 {
		t.Errorf("%d runs, want none", n)
	}
	c.start(p, round)
	if n := runs(); n != 1 {
		t.Errorf("%d runs, want 1: what could not run was not counted", n)
	}
	c.stop()
	c.forget()
	c.start(p, round)
	if n := runs(); n != 1 {
		t.Errorf("%d runs, want none after the end", n-1)
	}
}

func TestControlsWithoutAStateFileThatWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, runs := testControls(t, newBudget(t, ""))
		asked := 0
		c.take = func(string, time.Duration) (bool, time.Time, error) {
			asked++
			return false, time.Now().Add(24 * time.Hour), errors.New("no space left on device")
		}
		p, round := controlled()
		for range 10 {
			c.start(p, round)
			runs()
			time.Sleep(time.Minute)
		}
		if n := runs(); n != 0 || asked != 2 {
			t.Errorf("%d runs, the file used %d times; want none, and once in %s", n, asked, controlRetry)
		}
		c.stop()
	})
}

func TestInterruptedControlsAreNotRecorded(t *testing.T) {
	c, runs := testControls(t, newBudget(t, filepath.Join(t.TempDir(), "state")))
	started := make(chan struct{})
	c.run = func(ctx context.Context, _ *probes.Path, _ []probes.Endpoint) []probes.ControlResult {
		close(started)
		<-ctx.Done()
		return []probes.ControlResult{{}}
	}
	c.record = func(probes.PathID, []probes.ControlResult) { t.Error("recorded") }
	c.start(controlled())
	<-started
	c.stop()
	runs()
}
