package schedule_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/schedule"
)

// FuzzState puts anything into the state file, at the start or while an exporter runs. Whatever it is, a message is
// sent when it is due and only then, and no process forgets what another one has sent.
func FuzzState(f *testing.F) {
	const year = 365 * 24 * time.Hour
	for _, text := range []string{
		"", "\n", "{", "{}", "null", "[]", "0",
		`{"t/outbound/c/a": null}`, `{"t/outbound/c/a": "yesterday"}`, `{"t/outbound/c/a": 1767225600}`,
		`{"t/outbound/c/a": "2026-11-01T11:30:00Z", "t/outbound/c/b": "2026-10-01T00:00:00+02:00"}`,
		`{"t/outbound/c/a": "2036-01-01T00:00:00Z", "t/outbound/c/b": "9999-12-31T23:59:59-23:59"}`,
		`{"t/outbound/c/a": "2025-01-01T00:00:00Z"}`,
		`{"t/outbound/c/a": "2026-11-01T11:59:59Z", "t/outbound/c/a": "2020-01-01T00:00:00Z"}`,
		`{"\ud800": "2026-11-01T11:30:00Z", "\u0000": "2026-11-01T11:30:00Z"}`,
		"\xef\xbb\xbf{}", "{}{}", strings.Repeat("[", 20000),
	} {
		f.Add([]byte(text), "a", uint32(3600))
	}
	f.Add([]byte(`{"t/outbound/c/a": "2025-12-01T00:00:00Z"}`), "a", uint32(340*24*3600))
	file := filepath.Join(f.TempDir(), "state.json")
	f.Fuzz(func(t *testing.T, text []byte, name string, seconds uint32) {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		c := &clock{noon}
		running := budget(t, file, c)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		id := func(path string) string {
			return probes.PathID{Tenant: "t", Direction: "outbound", Connector: "c", Path: path}.String()
		}
		const shortest = 5 * time.Minute // as the configuration bounds it
		key, interval := id(name), shortest+time.Duration(seconds)*time.Second%(year-shortest)
		_, startErr := schedule.NewMessageBudget(file, c.Now)
		sent, _, _ := running.Take(key, interval)
		if startErr != nil {
			if now, err := os.ReadFile(file); sent || err != nil || string(now) != string(text) {
				t.Fatalf("an unreadable state: sent %v, and it is now %q, %v", sent, now, err)
			}
			return
		}
		before := times(t, text)
		at, known := before[key]
		if due := !known || !at.After(c.now) && c.now.Sub(at) >= interval; sent != due {
			t.Fatalf("sent %v, due %v: last %v, interval %s", sent, due, at, interval)
		}
		_, _, _ = budget(t, file, c).Take(id(name+"another"), interval)
		after, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		kept := times(t, after)
		for other, at := range before {
			if other != key && other != id(name+"another") && c.now.Sub(at) < year && !kept[other].Equal(at) {
				t.Fatalf("%q was %s and is %s", other, at, kept[other])
			}
		}
		start := c.now
		if sent {
			c.now = start.Add(interval - 1)
			if again, _, _ := budget(t, file, c).Take(key, interval); again {
				t.Fatal("sent again within its interval")
			}
		}
		c.now = start.Add(interval)
		if again, next, _ := budget(t, file, c).Take(key, interval); !again {
			t.Fatalf("not due an interval later, but at %s", next)
		}
	})
}

// times returns what a valid state file contains.
func times(t *testing.T, text []byte) map[string]time.Time {
	t.Helper()
	state := map[string]time.Time{}
	if len(text) == 0 {
		return state
	}
	if err := json.Unmarshal(text, &state); err != nil || state == nil {
		t.Fatalf("%q was accepted as a state: %v", text, err)
	}
	return state
}
