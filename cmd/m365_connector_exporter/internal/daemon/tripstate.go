package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"m365_connector_exporter/probes/regularfile"
	"m365_connector_exporter/probes/roundtrip"
)

// tripFiles is the state file of round trips, which is beside global.state_file; empty without one. The process that
// holds the lock beside it sends and receives the messages: a daemon, or `validate --round-trip` if none runs. A
// request for a message is another file beside it.
type tripFiles string

const (
	tripsSuffix   = ".round_trips"
	maxTripsBytes = 64 << 20
)

func tripFilesOf(stateFile string) tripFiles {
	if stateFile == "" {
		return ""
	}
	return tripFiles(stateFile + tripsSuffix)
}

// read reads the state; a file that is missing changes nothing.
func (f tripFiles) read(ctx context.Context, state *roundtrip.State) error {
	if f == "" {
		return nil
	}
	c, err := regularfile.Read(ctx, string(f), maxTripsBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(c.Data, state)
	}
	if err != nil {
		return fmt.Errorf("the state of round trips cannot be read: %s: %w", f, err)
	}
	return nil
}

// write replaces the file as a whole; without a file nothing is kept.
func (f tripFiles) write(state *roundtrip.State) error {
	if f == "" {
		return nil
	}
	return replaceFile(string(f), func(w io.Writer) error { return json.NewEncoder(w).Encode(state) })
}

// lock takes the lock, which ends with the process. The error wraps [regularfile.ErrLocked] if it is taken.
func (f tripFiles) lock() (unlock func(), err error) {
	if f == "" {
		return func() {}, nil
	}
	return regularfile.Lock(f.lockFile(), 0) //nolint:wrapcheck // it names the file
}

func (f tripFiles) lockFile() string { return string(f) + ".lock" }

// lock waits for the lock and reads the state that the previous process has left. unlock is nil if ctx ends first.
func (t *roundTrips) lock(ctx context.Context) (unlock func(), err error) {
	tick := time.NewTicker(tripTick)
	defer tick.Stop()
	for logged := false; ; {
		unlock, err := t.files.lock()
		if err == nil {
			return unlock, t.restore(ctx)
		}
		if !logged {
			t.log.Warn("round trips wait until another process releases the lock of their state", slog.Any("err", err))
			logged = true
		}
		select {
		case <-ctx.Done():
			return nil, nil
		case <-tick.C:
		}
	}
}

// restore takes over the state in the file, if there is one.
func (t *roundTrips) restore(ctx context.Context) error {
	state := &roundtrip.State{}
	if err := t.files.read(ctx, state); err != nil || len(state.Key) < minKey {
		return err
	}
	t.tracker.Restore(state)
	t.mu.Lock()
	t.key = state.Key
	c := *t.current.Load()
	c.tokens = roundtrip.NewTokens(t.key, c.names())
	t.current.Store(&c)
	t.mu.Unlock()
	t.expose()
	return nil
}
