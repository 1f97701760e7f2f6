package schedule_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"m365_connector_exporter/probes/schedule"
)

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func budget(t *testing.T, file string, c *clock) *schedule.MessageBudget {
	t.Helper()
	b, err := schedule.NewMessageBudget(file, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMessageBudget(t *testing.T) {
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for name, file := range map[string]string{"no file": "", "file": filepath.Join(t.TempDir(), "state.json")} {
		c := &clock{start}
		b := budget(t, file, c)
		hour := time.Hour
		if ok, _ := b.Take("a", hour); ok != (file != "") {
			t.Errorf("%s: the first message goes at once: %v", name, ok)
		}
		for _, step := range []struct {
			at   time.Duration
			want bool
			next time.Duration
		}{{hour - 1, false, hour}, {hour, true, 2 * hour}, {2*hour - 1, false, 2 * hour}, {2 * hour, true, 3 * hour}} {
			c.now = start.Add(step.at)
			ok, next := b.Take("a", hour)
			if ok != step.want || !next.Equal(start.Add(step.next)) {
				t.Errorf("%s at %s: %v, next %s", name, step.at, ok, next)
			}
		}
	}
}

func TestMessageBudgetIsShared(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(file, nil, 0o600); err != nil { // an empty state
		t.Fatal(err)
	}
	c := &clock{time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	var sent atomic.Int32
	var group sync.WaitGroup
	for range 8 { // as eight processes
		b := budget(t, file, c)
		group.Go(func() {
			for range 5 {
				if ok, _ := b.Take("a", time.Hour); ok {
					sent.Add(1)
				}
			}
		})
	}
	group.Wait()
	if got := sent.Load(); got != 1 {
		t.Errorf("%d messages went", got)
	}
	if ok, _ := budget(t, file, c).Take("a", time.Hour); ok {
		t.Error("a restart sent again")
	}
	if ok, _ := budget(t, file, c).Take("b", time.Hour); !ok {
		t.Error("another path may not send")
	}
}

func TestMessageBudgetHealsAClockThatWasWrong(t *testing.T) {
	c := &clock{time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC)}
	file := filepath.Join(t.TempDir(), "state.json")
	budget(t, file, c).Take("a", time.Hour)
	c.now = c.now.AddDate(-10, 0, 0)
	b := budget(t, file, c)
	if ok, _ := b.Take("a", time.Hour); ok {
		t.Error("sent at once")
	}
	c.now = c.now.Add(time.Hour)
	if ok, _ := b.Take("a", time.Hour); !ok {
		t.Error("not healed after the interval")
	}
}

func TestMessageBudgetSendsNothingItCannotNote(t *testing.T) {
	c := &clock{time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	b := budget(t, filepath.Join(t.TempDir(), "missing", "state.json"), c)
	if ok, next := b.Take("a", time.Hour); ok || !next.Equal(c.now.Add(time.Hour)) {
		t.Errorf("%v, next %s", ok, next)
	}
	huge := "{}" + strings.Repeat(" ", 16<<20)
	for _, text := range []string{"{", "null", `{"a": "yesterday"}`, `{"a": null}`, "[]", huge} {
		file := filepath.Join(t.TempDir(), "state.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := schedule.NewMessageBudget(file, c.Now); err == nil {
			t.Errorf("%.40q was taken for a state", text)
		}
	}
}
