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

// noon is when these tests begin.
var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

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

// take reserves a message at an interval of an hour.
func take(t *testing.T, b *schedule.MessageBudget, key string) bool {
	t.Helper()
	ok, _, err := b.Take(key, time.Hour)
	if err != nil {
		t.Error(err)
	}
	return ok
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestMessageBudget(t *testing.T) {
	const hour = time.Hour
	for name, file := range map[string]string{"no file": "", "file": filepath.Join(t.TempDir(), "state.json")} {
		c := &clock{noon}
		b := budget(t, file, c)
		if ok := take(t, b, "a"); ok != (file != "") {
			t.Errorf("%s: the first message may be sent at once: %v", name, ok)
		}
		for _, step := range []struct {
			at   time.Duration
			want bool
			next time.Duration
		}{{hour - 1, false, hour}, {hour, true, 2 * hour}, {2*hour - 1, false, 2 * hour}, {2 * hour, true, 3 * hour}} {
			c.now = noon.Add(step.at)
			ok, next, err := b.Take("a", hour)
			if ok != step.want || !next.Equal(noon.Add(step.next)) || err != nil {
				t.Errorf("%s at %s: %v, next %s, %v", name, step.at, ok, next, err)
			}
		}
	}
}

func TestMessageBudgetIsSharedByProcesses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	write(t, file, "") // an empty state
	c := &clock{noon}
	var sent atomic.Int32
	var group sync.WaitGroup
	for range 8 { // as eight processes
		b := budget(t, file, c)
		group.Go(func() {
			for range 5 {
				if take(t, b, "a") {
					sent.Add(1)
				}
			}
		})
	}
	group.Wait()
	if got := sent.Load(); got != 1 {
		t.Errorf("%d messages were sent, want 1", got)
	}
	if take(t, budget(t, file, c), "a") {
		t.Error("sent again after a restart")
	}
	if !take(t, budget(t, file, c), "b") {
		t.Error("the message of another path was not sent")
	}
}

func TestMessageBudgetOutlivesItsStateFile(t *testing.T) {
	file, backup := filepath.Join(t.TempDir(), "state.json"), filepath.Join(t.TempDir(), "backup.json")
	for name, lose := range map[string]func() error{
		"deleted":                      func() error { return os.Remove(file) },
		"emptied":                      func() error { return os.Truncate(file, 0) },
		"replaced by an older version": func() error { return os.Rename(backup, file) },
	} {
		t.Run(name, func(t *testing.T) {
			write(t, file, "")
			write(t, backup, `{"a": "2026-10-01T00:00:00Z"}`)
			c := &clock{noon}
			running := budget(t, file, c)
			if !take(t, running, "a") {
				t.Fatal("the first message was not sent")
			}
			if err := lose(); err != nil {
				t.Fatal(err)
			}
			c.now = noon.Add(59 * time.Minute)
			if take(t, running, "a") {
				t.Error("a second message was sent within the interval")
			}
			if take(t, budget(t, file, c), "a") {
				t.Error("sent again after a restart: the time was not written to the new state file")
			}
			c.now = noon.Add(time.Hour)
			if !take(t, running, "a") {
				t.Error("not sent after the interval")
			}
		})
	}
}

func TestMessageBudgetAfterAClockThatWasWrong(t *testing.T) {
	c := &clock{time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC)}
	file := filepath.Join(t.TempDir(), "state.json")
	take(t, budget(t, file, c), "a")
	c.now = c.now.AddDate(-10, 0, 0)
	b := budget(t, file, c)
	if take(t, b, "a") {
		t.Error("sent at once")
	}
	c.now = c.now.Add(time.Hour)
	if !take(t, b, "a") {
		t.Error("not sent after the interval")
	}
}

func TestMessageBudgetRefusesWhatItCannotRecord(t *testing.T) {
	c := &clock{noon}
	folder := filepath.Join(t.TempDir(), "missing")
	b := budget(t, filepath.Join(folder, "state.json"), c)
	if b.Err() == nil {
		t.Error("a state file in a missing folder is not reported at the start")
	}
	var reported error
	b.OnError(func(err error) { reported = err })
	ok, next, err := b.Take("a", time.Hour)
	if ok || !next.Equal(noon.Add(time.Hour)) || err == nil || b.Err() == nil || reported == nil {
		t.Errorf("%v, next %s, error %v, Err %v, reported %v", ok, next, err, b.Err(), reported)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if !take(t, b, "a") || b.Err() != nil {
		t.Errorf("not sent once the folder exists: %v", b.Err())
	}
}

func TestCheckStateFile(t *testing.T) {
	const unset = "no file"
	for name, c := range map[string]struct {
		text string
		want string // "" is in order
	}{
		"missing":              {unset, ""},
		"empty":                {"", ""},
		"a message":            {`{"a": "2026-11-01T11:00:00Z"}`, ""},
		"a clock that differs": {`{"a": "2026-11-01T12:05:00Z"}`, ""},
		"in the future":        {`{"a": "2026-11-01T12:05:01Z"}`, "a is dated 2026-11-01T12:05:01Z"},
		"far in the future":    {`{"b": "2036-01-01T00:00:00Z"}`, "b is dated 2036-01-01T00:00:00Z"},
		"too large":            {"{}" + strings.Repeat(" ", 16<<20), "larger than 16 MB"},
		"cut off":              {"{", "not a state file of this exporter"},
		"null":                 {"null", "not a state file of this exporter"},
		"a list":               {"[]", "not a state file of this exporter"},
		"a text":               {`{"a": "yesterday"}`, "not a state file of this exporter"},
		"a time that was lost": {`{"a": null}`, "not a state file of this exporter"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "state.json")
			if c.text != unset {
				write(t, file, c.text)
			}
			err := schedule.CheckStateFile(file, noon)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			accepted := c.want == "" || strings.Contains(c.want, "is dated") // then it waits for an interval
			if _, err := schedule.NewMessageBudget(file, (&clock{noon}).Now); (err == nil) != accepted {
				t.Errorf("NewMessageBudget: %v", err)
			}
			if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*.tmp")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
	if err := schedule.CheckStateFile("", noon); err != nil {
		t.Errorf("no state file: %v", err)
	}
	if err := schedule.CheckStateFile(filepath.Join(t.TempDir(), "missing", "state.json"), noon); err == nil {
		t.Error("a state file in a missing folder is in order")
	}
}
