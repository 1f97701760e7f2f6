package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/regularfile"
	"m365_connector_exporter/probes/roundtrip"
)

// tripRequest asks the process that runs the round trips for a message now. It is a file beside the state, so that it
// needs write access to that folder and cannot be sent over the network. The answer replaces it.
type tripRequest struct {
	Trip roundtrip.Trip
	At   time.Time

	// The answer: the token of the message, or why none is sent.
	Token   string    `json:",omitempty"`
	Refusal string    `json:",omitempty"`
	Next    time.Time `json:",omitzero"` // when one may be sent, if that is known
}

const (
	requestSuffix   = ".request"
	maxRequestBytes = 64 << 10
	maxRequestAge   = time.Minute // an older request is not answered: its sender no longer waits
)

func (r *tripRequest) answered() bool { return r.Token != "" || r.Refusal != "" }

func (f tripFiles) request() string { return string(f) + requestSuffix }

// readRequest returns the request or its answer, nil if there is none.
func (f tripFiles) readRequest(ctx context.Context) (*tripRequest, error) {
	c, err := regularfile.Read(ctx, f.request(), maxRequestBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	r := &tripRequest{}
	if err == nil {
		err = json.Unmarshal(c.Data, r)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.request(), err)
	}
	return r, nil
}

func (f tripFiles) writeRequest(r *tripRequest) error {
	return replaceFile(f.request(), func(w io.Writer) error { return json.NewEncoder(w).Encode(r) })
}

// answerRequest sends the message that a request asks for, and answers it. A request that cannot be read or is too old
// is removed.
func (t *roundTrips) answerRequest(ctx context.Context, group *errgroup.Group) {
	if t.files == "" {
		return
	}
	now := time.Now()
	r, err := t.files.readRequest(ctx)
	switch {
	case err == nil && r == nil:
		return
	case err != nil || now.Sub(r.At).Abs() > maxRequestAge:
		t.removeRequest(r, err)
		return
	case r.answered():
		return // its sender removes it
	}
	token, err := t.begin(r.Trip, now)
	if err == nil {
		r.Token = token.Text
		group.Go(func() error {
			t.handOver(ctx, token)
			return nil
		})
	} else {
		r.Refusal = err.Error()
		if notDue, ok := errors.AsType[*roundtrip.NotDueError](err); ok {
			r.Refusal, r.Next = notDue.Reason, notDue.Next
		}
	}
	if err := t.files.writeRequest(r); err != nil {
		t.log.Warn("a request for a message of a round trip cannot be answered", slog.Any("err", err))
	}
}

// removeRequest removes a request that cannot be read, or that is too old; r is nil if it cannot be read.
func (t *roundTrips) removeRequest(r *tripRequest, err error) {
	if r == nil || !r.answered() {
		t.log.Warn("a request for a message of a round trip is too old or cannot be read", slog.Any("err", err))
	}
	if err := os.Remove(t.files.request()); err != nil {
		t.log.Warn("a request for a message of a round trip cannot be removed", slog.Any("err", err))
	}
}

// begin records a message that was requested. The caller sends it.
func (t *roundTrips) begin(trip roundtrip.Trip, now time.Time) (roundtrip.Token, error) {
	c := t.current.Load()
	if !slices.Contains(c.names(), trip) {
		name := probes.Sanitise(trip.Tenant+" › "+trip.Name, maxShown)
		return roundtrip.Token{}, fmt.Errorf("the daemon has no round trip %s: reload its configuration", name)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	token := c.tokens.New(trip, now)
	if err := t.tracker.Begin(token, now, true); err != nil {
		return token, err //nolint:wrapcheck // it says why
	}
	t.sending[trip] = true
	return token, nil
}
