package daemon

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/roundtrip"
	"m365_connector_exporter/probes/roundtrip/sink"
)

const (
	tripTick      = 5 * time.Second // between two checks for messages that are due
	requestTick   = time.Second     // between two checks for a request
	retryHandover = time.Minute     // between two attempts to hand a message over
	maxShown      = 300             // bytes of a problem
	foreignEvery  = time.Minute     // between two log lines about what others send, after the first
	foreignBurst  = 10
	minKey        = 32 // bytes of the key of the tokens
)

// roundTrips sends the test messages of round trips and receives them in the sink.
type roundTrips struct {
	prober     probes.Prober
	tracker    *roundtrip.Tracker
	store      *collector.Store
	log        *slog.Logger
	sink       *sink.Sink
	tlsReports *tlsReports
	listen     []string
	hostname   string // of the sink
	started    time.Time
	files      tripFiles
	foreign    *rate.Limiter // of log lines about messages of others
	onDemand   bool          // only messages that are requested are sent

	current atomic.Pointer[tripConfig]

	mu      sync.Mutex
	key     []byte
	sending map[roundtrip.Trip]bool
	tried   map[roundtrip.Trip]time.Time
}

// newRoundTrips reads the state beside a state file. A state that cannot be read is an error, because messages under
// way and the budget would be forgotten.
func newRoundTrips(
	ctx context.Context, cfg *config.Config, prober probes.Prober, store *collector.Store, log *slog.Logger,
) (*roundTrips, error) {
	t := &roundTrips{
		prober: prober, store: store, log: log, listen: cfg.Sink.Listen, started: time.Now(),
		foreign:  rate.NewLimiter(rate.Every(foreignEvery), foreignBurst),
		hostname: cfg.Sink.Hostname, files: tripFilesOf(cfg.Global.StateFile),
		sending: map[roundtrip.Trip]bool{}, tried: map[roundtrip.Trip]time.Time{},
	}
	state := &roundtrip.State{}
	if err := t.files.read(ctx, state); err != nil {
		return nil, err
	}
	if len(state.Key) < minKey {
		state.Key = make([]byte, minKey)
		_, _ = rand.Read(state.Key) // never fails
	}
	t.key = state.Key
	t.tlsReports = newTLSReports(ctx, cfg.Global.StateFile, store, log)
	t.tracker = roundtrip.NewTracker(state, t.files.write)
	t.sink = sink.New(sink.Options{
		Hostname:     cfg.Sink.Hostname,
		Certificate:  func() *tls.Certificate { return t.current.Load().certificate },
		Networks:     func() []netip.Prefix { return t.current.Load().networks },
		HasRecipient: t.hasRecipient, Handle: t.receive, Now: time.Now, Log: log,
	})
	return t, nil
}

// run sends and receives until ctx ends. Without a sink it does nothing.
func (t *roundTrips) run(ctx context.Context) error {
	if len(t.listen) == 0 {
		return nil
	}
	unlock, err := t.lock(ctx)
	if err != nil || unlock == nil {
		return err
	}
	defer unlock()
	listeners, err := listenAll(ctx, t.listen)
	if err != nil {
		return err
	}
	for _, l := range listeners {
		t.log.Info("the sink of round trips listens", slog.String("address", l.Addr().String()))
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return t.sink.Serve(ctx, listeners...) })
	group.Go(func() error { t.tlsReports.run(ctx); return nil })
	group.Go(func() error {
		t.sendAll(ctx, group)
		return nil
	})
	err = group.Wait()
	t.tlsReports.save()
	return err //nolint:wrapcheck // the errors name the addresses
}

// sendAll sends what is due and what is requested.
func (t *roundTrips) sendAll(ctx context.Context, group *errgroup.Group) {
	tick, requests := time.NewTicker(tripTick), time.NewTicker(requestTick)
	defer tick.Stop()
	defer requests.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			t.step(ctx, group)
		case <-requests.C:
			t.answerRequest(ctx, group)
		}
	}
}

func listenAll(ctx context.Context, addresses []string) ([]net.Listener, error) {
	var all []net.Listener
	for _, a := range addresses {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a)
		if err != nil {
			for _, open := range all {
				_ = open.Close()
			}
			return nil, fmt.Errorf("sink.listen: %w", err)
		}
		all = append(all, l)
	}
	return all, nil
}

// step records messages that are lost, and sends those that are due.
func (t *roundTrips) step(ctx context.Context, group *errgroup.Group) {
	now := time.Now()
	for _, f := range t.tracker.Expire(now) {
		t.finished(f)
	}
	for _, trip := range t.current.Load().trips {
		token, ok := t.due(&trip.Plan, now)
		if !ok {
			continue
		}
		group.Go(func() error {
			t.handOver(ctx, token)
			return nil
		})
	}
	t.expose()
}

// due returns the token of a message that is to be handed over now: a new one, or one that could not be before.
func (t *roundTrips) due(plan *roundtrip.Plan, now time.Time) (roundtrip.Token, bool) {
	trip, c := plan.Trip, t.current.Load()
	t.mu.Lock()
	defer t.mu.Unlock()
	waiting := t.tracker.Waiting(trip)
	switch {
	case t.sending[trip]:
		return roundtrip.Token{}, false
	case waiting != "":
		token, ok := c.tokens.Find(waiting)
		if !ok || now.Sub(t.tried[trip]).Abs() < retryHandover {
			return token, false
		}
		t.sending[trip] = true
		return token, true
	case t.onDemand:
		return roundtrip.Token{}, false
	case t.files == "" && now.Sub(t.started) < plan.Interval: // as for test messages of paths
		return roundtrip.Token{}, false
	}
	token := c.tokens.New(trip, now)
	err := t.tracker.Begin(token, now, false)
	if err != nil {
		if _, notDue := errors.AsType[*roundtrip.NotDueError](err); !notDue {
			t.log.Error("no message of a round trip is sent", slog.String("tenant", trip.Tenant),
				slog.String("round_trip", trip.Name), slog.Any("err", err))
		}
		return token, false
	}
	t.sending[trip] = true
	return token, true
}

func (t *roundTrips) expose() {
	statuses, names := t.tracker.Statuses(time.Now()), t.current.Load().tenants
	for i := range statuses {
		statuses[i].Tenants = names
	}
	t.store.SetRoundTrips(statuses)
}

// sinkCounts returns what the sink has counted; known is false without a sink.
func (t *roundTrips) sinkCounts() (counts collector.SinkCounts, known bool) {
	s := &t.sink.Stats
	return collector.SinkCounts{
		Connections: []collector.SinkCount{
			{Outcome: "accepted", Count: s.Connections.Load()},
			{Outcome: "refused", Count: s.Refused.Load()},
			{Outcome: "limited", Count: s.Limited.Load()},
		},
		Messages: []collector.SinkCount{
			{Outcome: "accepted", Count: s.Accepted.Load()},
			{Outcome: "unknown_recipient", Count: s.UnknownRecipients.Load()},
			{Outcome: "throttled", Count: s.Throttled.Load()},
			{Outcome: "too_large", Count: s.TooLarge.Load()},
			{Outcome: "deferred", Count: s.Deferred.Load()},
			{Outcome: "failed", Count: s.Panics.Load()},
		},
		Errors: s.ConnectionErrors.Load(),
	}, len(t.listen) > 0
}
