package schedule

import (
	"errors"
	"maps"
	"sync"
	"time"

	"m365_connector_exporter/probes/regularfile"
)

// stateTimeout bounds one use of the state file, so that a file system that does not respond blocks neither probes nor
// the shutdown.
const stateTimeout = 15 * time.Second

// lockWait bounds the wait for another process that uses the state file.
const lockWait = 5 * time.Second

var errStateTimeout = errors.New("the file system of the state file does not respond")

// MessageBudget decides when the next test message of a path may be sent. Negative controls count as messages too,
// with a key of their own. The times of the last messages are kept in a state file, which several processes may share.
// A time is on disk before its message is sent, so that no message is sent twice after a crash. It is safe for
// concurrent use.
type MessageBudget struct {
	file    string
	now     func() time.Time
	started time.Time
	onError func(error) // may be nil
	reserve func(reservation) (taken, error)

	mu sync.Mutex
	// last are the times that this process has recorded. They have monotonic clock readings, which stay correct if the
	// clock is set, and they count even if the state file is deleted.
	last    map[string]time.Time
	pending chan struct{} // closed when a use of the state file that timed out ends; nil if none did
	err     error         // of the last use of the state file
}

// reservation is a request for a message.
type reservation struct {
	file        string
	key         string
	minInterval time.Duration
	now         time.Time
	own         map[string]time.Time // the times that this process has recorded
}

// taken is the result of a reservation.
type taken struct {
	ok   bool
	next time.Time
	own  map[string]time.Time // reservation.own after it
}

// NewMessageBudget returns a budget with the times in a state file. If the file is missing or empty, the first message
// of each path may be sent at once; if stateFile is "", it waits a full interval from now. A file that cannot be read,
// or that is not a state file, is an error; one that cannot be written is not, see [MessageBudget.Err].
func NewMessageBudget(stateFile string, now func() time.Time) (*MessageBudget, error) {
	b := &MessageBudget{
		file: stateFile, now: now, started: now(), last: map[string]time.Time{}, reserve: reserveInFile,
	}
	if stateFile == "" {
		return b, nil
	}
	if _, err := readState(stateFile); err != nil {
		return nil, err
	}
	b.err = checkWritable(stateFile)
	return b, nil
}

// OnError sets a function that receives each error of Take. It must be called before the budget is used.
func (b *MessageBudget) OnError(f func(error)) { b.onError = f }

// Err returns why no message can be sent: the error of the last use of the state file, nil if it succeeded.
func (b *MessageBudget) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// Take reserves a message for key and reports whether it may be sent now; if not, next is when it may be sent. An error
// means that the state file cannot be read, locked or written, and that no message may be sent.
func (b *MessageBudget) Take(key string, minInterval time.Duration) (ok bool, next time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if b.file == "" {
		if _, known := b.last[key]; !known {
			b.last[key] = b.started
		}
		ok, next = decide(b.last, key, minInterval, now)
		return ok, next, nil
	}
	result, err := b.reserveWithin(stateTimeout, reservation{b.file, key, minInterval, now, maps.Clone(b.last)})
	b.err = err
	if err != nil {
		if b.onError != nil {
			b.onError(err)
		}
		return false, now.Add(minInterval), err
	}
	b.last = result.own
	return result.ok, result.next, nil
}

// reserveWithin reserves a message in the state file, or returns an error after a timeout. The reservation may then
// still end, for a message that is not sent; until it ends, the state file is not used again.
func (b *MessageBudget) reserveWithin(timeout time.Duration, r reservation) (taken, error) {
	if b.pending != nil {
		select {
		case <-b.pending:
			b.pending = nil
		default:
			return taken{}, errStateTimeout
		}
	}
	var result taken
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		result, err = b.reserve(r)
	}()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-done:
		return result, err
	case <-timer.C:
		b.pending = done
		return taken{}, errStateTimeout
	}
}

// reserveInFile reserves a message in the state file, which it locks against other processes.
func reserveInFile(r reservation) (taken, error) {
	unlock, err := regularfile.Lock(r.file+".lock", lockWait)
	if err != nil {
		return taken{}, err
	}
	defer unlock()
	state, err := readState(r.file)
	if err != nil {
		return taken{}, err
	}
	changed := false
	for key, at := range r.own { // the later time counts; of the same time, the one with a monotonic clock reading
		recorded := state[key]
		if !recorded.After(at) {
			state[key] = at
			changed = changed || !recorded.Equal(at)
		}
	}
	before := state[r.key]
	ok, next := decide(state, r.key, r.minInterval, r.now)
	if changed || !state[r.key].Equal(before) {
		if err := writeState(r.file, state, r.now); err != nil {
			return taken{}, err
		}
	}
	if !state[r.key].Equal(before) {
		r.own[r.key] = state[r.key]
	}
	sentByOthers := func(key string, at time.Time) bool { return !state[key].Equal(at) }
	maps.DeleteFunc(r.own, sentByOthers)
	return taken{ok, next, r.own}, nil
}

// decide reports whether a message may be sent, records it in last if so, and returns when the next one may be.
func decide(last map[string]time.Time, key string, minInterval time.Duration, now time.Time) (bool, time.Time) {
	before, known := last[key]
	switch {
	case known && before.After(now): // recorded while the clock was wrong: wait an interval from now
		last[key] = now
		return false, now.Add(minInterval)
	case known && now.Sub(before) < minInterval:
		return false, now.Add(minInterval - now.Sub(before)) // by the clock as it is now
	}
	last[key] = now
	return true, now.Add(minInterval)
}
