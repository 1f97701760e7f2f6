package schedule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"m365_connector_exporter/probes/regularfile"
)

// Bounds of the state file.
const (
	maxStateBytes = 16 << 20
	stateKeeps    = 366 * 24 * time.Hour // a time older than this is dropped
)

// MessageBudget says when the next test message of a path may go. It keeps the times of the last ones in a state file,
// which several processes may share; a time is on disk before the message may go, so that no crash sends one twice.
type MessageBudget struct {
	file    string
	now     func() time.Time
	started time.Time
	onError func(error) // may be nil

	mu sync.Mutex
	// last is what this process noted, with the readings of the clock that nobody sets: the one on the wall may jump.
	last map[string]time.Time
}

// NewMessageBudget makes the budget that stateFile holds. A missing or empty file lets each first message go at once;
// with no file at all ("") the first waits a full interval from now. A file that is not a state file is an error.
func NewMessageBudget(stateFile string, now func() time.Time) (*MessageBudget, error) {
	b := &MessageBudget{file: stateFile, now: now, started: now(), last: map[string]time.Time{}}
	if stateFile == "" {
		return b, nil
	}
	if _, err := readState(stateFile); err != nil {
		return nil, err
	}
	return b, nil
}

// OnError has f told of each message that may not go because the state file cannot be read, locked or written. It is
// called before the budget is used.
func (b *MessageBudget) OnError(f func(error)) { b.onError = f }

// Take reserves a message under key and reports whether it may go now; else next is when to ask again. Where the state
// cannot be read, locked or written, no message goes.
func (b *MessageBudget) Take(key string, minInterval time.Duration) (ok bool, next time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if b.file == "" {
		return b.take(b.last, key, minInterval, now)
	}
	ok, next, err := b.takeFromFile(key, minInterval, now)
	if err != nil {
		if b.onError != nil {
			b.onError(err)
		}
		return false, now.Add(minInterval)
	}
	return ok, next
}

func (b *MessageBudget) takeFromFile(key string, minInterval time.Duration, now time.Time) (ok bool, next time.Time, err error) {
	unlock, err := lockFile(b.file + ".lock")
	if err != nil {
		return false, next, err
	}
	defer unlock()
	state, err := readState(b.file)
	if err != nil {
		return false, next, err
	}
	for k, own := range b.last {
		if state[k].Equal(own) {
			state[k] = own
		}
	}
	before := state[key]
	ok, next = b.take(state, key, minInterval, now)
	if state[key].Equal(before) {
		return ok, next, nil
	}
	if err := writeState(b.file, state, now); err != nil {
		return false, next, err
	}
	b.last[key] = state[key]
	maps.DeleteFunc(b.last, func(k string, own time.Time) bool { return !state[k].Equal(own) }) // dropped, or another process's now
	return ok, next, nil
}

// take decides and notes the decision in last.
func (b *MessageBudget) take(last map[string]time.Time, key string, minInterval time.Duration, now time.Time) (bool, time.Time) {
	before, known := last[key]
	if !known && b.file == "" {
		before, known = b.started, true
	}
	switch {
	case known && before.After(now): // written while the clock was wrong: heal, and stay on the safe side
		last[key] = now
		return false, now.Add(minInterval)
	case known && now.Sub(before) < minInterval:
		return false, now.Add(minInterval - now.Sub(before)) // by the clock as it is now
	}
	last[key] = now
	return true, now.Add(minInterval)
}

// readState reads the state file; one that is missing or empty holds nothing.
func readState(file string) (map[string]time.Time, error) {
	c, err := regularfile.Read(context.Background(), file, maxStateBytes)
	state := map[string]time.Time{}
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && len(c.Data) == 0:
		return state, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	foreign := json.Unmarshal(c.Data, &state) != nil || state == nil
	for _, at := range state {
		foreign = foreign || at.IsZero() // null: a time that is lost must not look like one that is long ago
	}
	if foreign {
		return nil, fmt.Errorf("%s is not a state file of this exporter", file)
	}
	return state, nil
}

// writeState replaces the state file as a whole and returns when it is on disk.
func writeState(file string, state map[string]time.Time, now time.Time) error {
	for key, at := range state {
		if now.Sub(at) > stateKeeps {
			delete(state, key)
		}
	}
	text, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }() // gone already when all went well
	_, err = temp.Write(append(text, '\n'))
	err = errors.Join(err, temp.Sync(), temp.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), file); err != nil {
		return err
	}
	syncFolder(filepath.Dir(file))
	return nil
}

// syncFolder makes a rename last where the system can; some cannot sync a folder, so an error says nothing.
func syncFolder(folder string) {
	if d, err := os.Open(folder); err == nil { //nolint:gosec // the state file's own folder
		_ = d.Sync()
		_ = d.Close()
	}
}
