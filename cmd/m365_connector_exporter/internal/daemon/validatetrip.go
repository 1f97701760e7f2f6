package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/regularfile"
	"m365_connector_exporter/probes/roundtrip"
	"m365_connector_exporter/probes/schedule"
	"m365_connector_exporter/probes/smtpprobe"
)

// ErrNoOutcome reports that a message of a round trip was requested, and its outcome is not known.
var ErrNoOutcome = errors.New("the outcome of the message is not known")

// TripValidation sends one message of a round trip and waits for its outcome.
//
// The process that holds the lock of a state file runs its round trips. If that is a daemon, a file beside its state
// requests the message. Otherwise this process takes the lock, listens as the sink and sends the message.
type TripValidation struct {
	Config   *config.Config
	Trip     *config.RoundTrip
	Hostname string
	// Waiting is called about once a second: for how long the message has been under way, and why it could not be handed
	// over yet.
	Waiting func(since time.Duration, retry string)
}

// Times of a TripValidation.
const (
	answerTimeout = 20 * time.Second
	outcomeGrace  = 30 * time.Second // after lost_after: when the message should have been given up
	outcomeTick   = 500 * time.Millisecond
)

// FindRoundTrip returns the round trip with a name. If several tenants have one of that name, TENANT/NAME, each part
// percent-encoded, selects one.
func FindRoundTrip(cfg *config.Config, name string) (*config.RoundTrip, error) {
	var found []*config.RoundTrip
	var full, all []string
	for i := range cfg.RoundTrips {
		t := &cfg.RoundTrips[i]
		qualified := url.PathEscape(t.Tenant) + "/" + url.PathEscape(t.Name)
		if qualified == name {
			return t, nil
		}
		if t.Name == name {
			found, full = append(found, t), append(full, qualified)
		}
		all = append(all, t.Name)
	}
	const maxListed = 10
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, fmt.Errorf("--round-trip=%s: several tenants have a round trip of this name: %s", name,
			text.List(full, maxListed))
	case len(all) == 0:
		return nil, fmt.Errorf("--round-trip=%s: no round_trips are configured", name)
	}
	return nil, fmt.Errorf("--round-trip=%s: no such round trip; known are %s", name, text.List(all, maxListed))
}

// Run returns the round trip with the message as the newest, when its outcome is known. The error is a
// [roundtrip.NotDueError] if none may be sent now, and wraps [ErrNoOutcome] if one may have been sent.
func (v TripValidation) Run(ctx context.Context) (*roundtrip.Status, error) {
	f, err := v.send(ctx)
	if err != nil {
		return nil, err
	}
	return &roundtrip.Status{Plan: v.Trip.Plan, Newest: f, Tenants: tenantNames(v.Config)}, nil
}

// send sends the message, or requests it from the daemon.
func (v TripValidation) send(ctx context.Context) (*roundtrip.Finished, error) {
	files := tripFilesOf(v.Config.Global.StateFile)
	if files == "" {
		return nil, errors.New("--round-trip needs global.state_file: the limits of messages are kept there")
	}
	unlock, err := v.lock(files)
	switch {
	case errors.Is(err, regularfile.ErrLocked):
		return v.request(ctx, files)
	case err != nil:
		return nil, fmt.Errorf("global.state_file: %w", err)
	}
	unlock() // run takes it
	trips, err := v.newRoundTrips(ctx)
	if err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group.Go(func() error { return trips.run(ctx) })
	var f *roundtrip.Finished
	group.Go(func() error {
		defer cancel()
		var err error
		f, err = v.request(ctx, files)
		return err
	})
	err = group.Wait()
	return f, err
}

// lock takes the lock of the state, unless this process would write files that a daemon cannot read.
func (v TripValidation) lock(files tripFiles) (unlock func(), err error) {
	ownerErr := checkOwner(string(files))
	if _, err := os.Stat(files.lockFile()); ownerErr != nil && err != nil {
		return nil, ownerErr // the lock would be such a file
	}
	unlock, err = files.lock()
	if err == nil && ownerErr != nil {
		unlock()
		return nil, ownerErr
	}
	return unlock, err
}

// newRoundTrips prepares round trips that send only requested messages.
func (v TripValidation) newRoundTrips(ctx context.Context) (*roundTrips, error) {
	cfg := v.Config
	paths := Plan(cfg, v.Hostname)
	if _, known := tripPath(cfg, v.Trip, paths, v.Hostname); !known {
		return nil, fmt.Errorf("--round-trip: the path of sender %q is not known: its tenant cannot be read, or its "+
			"connector does not exist", v.Trip.Sender)
	}
	prober := smtpprobe.New(proberOptions(cfg, schedule.NewLimiter(limiterOptions(cfg.Global)), nil))
	log := slog.New(slog.DiscardHandler) // the outcome is printed
	trips, err := newRoundTrips(ctx, cfg, prober, collector.NewStore(time.Now), log)
	if err != nil {
		return nil, err
	}
	trips.onDemand = true
	trips.use(cfg, paths, v.Hostname)
	return trips, nil
}

// request asks for a message and waits for its outcome.
func (v TripValidation) request(ctx context.Context, files tripFiles) (*roundtrip.Finished, error) {
	r, err := v.ask(ctx, files)
	if err != nil {
		return nil, err
	}
	deadline := v.Trip.LostAfter + outcomeGrace
	tick := time.NewTicker(outcomeTick)
	defer tick.Stop()
	for {
		state := &roundtrip.State{}
		if err := files.read(ctx, state); err != nil {
			return nil, err
		}
		since := time.Since(r.At)
		f, retry := state.Outcome(v.Trip.Trip, r.Token)
		switch {
		case f != nil:
			return f, nil
		case since > deadline:
			return nil, fmt.Errorf("%w: nothing has been recorded for %s", ErrNoOutcome, since.Round(time.Second))
		}
		v.Waiting(since, retry)
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: the wait was interrupted", ErrNoOutcome)
		case <-tick.C:
		}
	}
}

// ask writes a request and returns it with the answer. It always removes the file.
func (v TripValidation) ask(ctx context.Context, files tripFiles) (*tripRequest, error) {
	r := &tripRequest{Trip: v.Trip.Trip, At: time.Now()}
	if err := files.addRequest(ctx, r); err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(files.request()) }()
	tick := time.NewTicker(outcomeTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: the request was interrupted", ErrNoOutcome)
		case <-tick.C:
		}
		answer, err := files.readRequest(ctx)
		switch {
		case err != nil:
			return nil, err
		case answer == nil || !answer.At.Equal(r.At) || !answer.answered():
			if time.Since(r.At) > answerTimeout {
				return nil, fmt.Errorf("%w: the process that has the lock %s.lock does not answer", ErrNoOutcome, files)
			}
		case answer.Refusal != "" && answer.Next.IsZero():
			return nil, errors.New(probes.Sanitise(answer.Refusal, maxShown))
		case answer.Refusal != "":
			return nil, &roundtrip.NotDueError{Reason: probes.Sanitise(answer.Refusal, maxShown), Next: answer.Next}
		default:
			r.Token = answer.Token
			return r, nil
		}
	}
}

// addRequest writes a request, unless there is one that is still to be answered.
func (f tripFiles) addRequest(ctx context.Context, r *tripRequest) error {
	old, err := f.readRequest(ctx)
	if err == nil && old != nil && r.At.Sub(old.At).Abs() < maxRequestAge {
		return errors.New("another request for a round trip is being answered: try again in a minute")
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err //nolint:wrapcheck // it never fails
	}
	// The daemon may run as another user.
	//nolint:wrapcheck // it names the file
	return regularfile.Replace(f.request(), data, 0o644, filepath.Base(f.request())+".*.tmp")
}
