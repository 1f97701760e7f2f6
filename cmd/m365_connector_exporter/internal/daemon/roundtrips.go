package daemon

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"m365_connector_exporter/cmd/m365_connector_exporter/internal/config"
	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/regularfile"
	"m365_connector_exporter/probes/roundtrip"
	"m365_connector_exporter/probes/roundtrip/sink"
)

// The state of round trips is kept in a file beside global.state_file.
const (
	tripsSuffix   = ".round_trips"
	maxTripsBytes = 64 << 20
	tripTick      = 5 * time.Second // between two looks at what is due
	retryHandover = time.Minute     // between two attempts to hand a message over
	maxShown      = 300             // bytes of a problem
)

// roundTrips sends the test messages of round trips and receives them in the sink.
type roundTrips struct {
	prober     probes.Prober
	tracker    *roundtrip.Tracker
	key        []byte
	store      *collector.Store
	tlsReports *tlsReports
	log        *slog.Logger
	sink       *sink.Sink
	listen     []string
	started    time.Time
	known      bool // there was a state file to keep the state in: the first message need not wait

	current atomic.Pointer[tripConfig]

	mu      sync.Mutex
	sending map[roundtrip.Trip]bool
	tried   map[roundtrip.Trip]time.Time
}

// tripConfig is what round trips take from one configuration.
type tripConfig struct {
	tokens     *roundtrip.Tokens
	trips      []config.RoundTrip
	paths      map[roundtrip.Trip]probes.Path
	recipients map[string]bool
	reports    map[string]bool
}

// newRoundTrips reads the state beside a state file. A state that cannot be read is an error: messages under way would
// be forgotten, and the budget with them.
func newRoundTrips(
	ctx context.Context, cfg *config.Config, prober probes.Prober, store *collector.Store, log *slog.Logger,
) (*roundTrips, error) {
	t := &roundTrips{
		prober: prober, store: store, log: log, listen: cfg.Sink.Listen, started: time.Now(),
		sending: map[roundtrip.Trip]bool{}, tried: map[roundtrip.Trip]time.Time{},
	}
	state := &roundtrip.State{}
	file := ""
	if cfg.Global.StateFile != "" {
		file, t.known = cfg.Global.StateFile+tripsSuffix, true
		if err := readTrips(ctx, file, state); err != nil {
			return nil, err
		}
	}
	if len(state.Key) < 32 {
		state.Key = make([]byte, 32)
		_, _ = rand.Read(state.Key) // never fails
	}
	t.key = state.Key
	t.tlsReports = newTLSReports(ctx, cfg.Global.StateFile, store, log)
	t.tracker = roundtrip.NewTracker(state, func(s *roundtrip.State) error { return writeTrips(file, s) })
	t.sink = sink.New(sink.Options{
		Hostname: cfg.Sink.Hostname, Certificate: cfg.Sink.Certificate, Networks: cfg.Sink.Networks,
		HasRecipient: t.hasRecipient, Handle: t.receive, Now: time.Now, Log: log,
	})
	return t, nil
}

func readTrips(ctx context.Context, file string, state *roundtrip.State) error {
	c, err := regularfile.Read(ctx, file, maxTripsBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(c.Data, state)
	}
	if err != nil {
		return fmt.Errorf("the state of round trips cannot be read: %s: %w", file, err)
	}
	return nil
}

// writeTrips replaces the file as a whole; without a file nothing is kept.
func writeTrips(file string, state *roundtrip.State) error {
	if file == "" {
		return nil
	}
	return replaceFile(file, func(w io.Writer) error { return json.NewEncoder(w).Encode(state) })
}

// use takes over a configuration.
func (t *roundTrips) use(cfg *config.Config, paths []probes.Path) {
	c := &tripConfig{
		trips: cfg.RoundTrips, paths: map[roundtrip.Trip]probes.Path{}, recipients: map[string]bool{},
		reports: map[string]bool{},
	}
	var plans []roundtrip.Plan
	var trips []roundtrip.Trip
	for _, trip := range cfg.RoundTrips {
		plans, trips = append(plans, trip.Plan), append(trips, trip.Trip)
		c.recipients[trip.Recipient] = true
		if p, ok := tripPath(&trip, paths); ok {
			c.paths[trip.Trip] = p
		}
	}
	for _, r := range cfg.Sink.TLSReports {
		c.reports[r] = true
	}
	if !slices.Equal(t.listen, cfg.Sink.Listen) {
		t.log.Warn("new addresses of sink.listen take effect at the next start")
	}
	c.tokens = roundtrip.NewTokens(t.key, trips)
	t.tracker.SetPlans(plans)
	t.current.Store(c)
	t.expose()
}

// tripPath returns the path on which a message is handed over: that of a sender, or one to a server.
func tripPath(t *config.RoundTrip, paths []probes.Path) (p probes.Path, ok bool) {
	if t.SmartHost != "" {
		p = probes.Path{
			ID: probes.PathID{
				Tenant: t.Tenant, Direction: mailflow.Outbound, Connector: "round trip " + t.Name, Path: t.SmartHost,
			},
			Kind: probes.NextHopSmartHost, NextHop: t.SmartHost, ConnectorType: mailflow.OnPremises,
			Settings: probes.DefaultSettings(mailflow.Outbound, mailflow.OnPremises),
		}
	} else {
		i := slices.IndexFunc(paths, func(p probes.Path) bool {
			return p.ID.Tenant == t.Tenant && p.ID.Direction == mailflow.Inbound && p.ID.Path == t.Sender
		})
		if i < 0 {
			return p, false
		}
		p = paths[i]
	}
	p.MailFrom, p.Recipients = t.Recipient, []string{t.Recipient}
	p.Settings.Until = probes.Message
	return p, true
}

// run sends and receives until ctx ends.
func (t *roundTrips) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	if len(t.listen) > 0 {
		listeners, err := listenAll(ctx, t.listen)
		if err != nil {
			return err
		}
		group.Go(func() error { return t.sink.Serve(ctx, listeners...) })
		group.Go(func() error { t.tlsReports.run(ctx); return nil })
	}
	group.Go(func() error {
		tick := time.NewTicker(tripTick)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				t.step(ctx, group)
			}
		}
	})
	err := group.Wait()
	t.tlsReports.save()
	return err //nolint:wrapcheck // the errors name the addresses
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

// step gives up what is lost, and sends what is due.
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
	case !t.known && now.Sub(t.started) < plan.Interval: // as for test messages of paths
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

// handOver sends a message and records whether the first server took it.
func (t *roundTrips) handOver(ctx context.Context, token roundtrip.Token) {
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.sending, token.Trip)
		t.tried[token.Trip] = time.Now()
	}()
	path, ok := t.current.Load().paths[token.Trip]
	if !ok {
		t.tracker.NotHanded(token, "the path of the sender is not known")
		return
	}
	path.Message = roundtrip.Compose(roundtrip.Message{
		Token: token, From: path.MailFrom, To: path.Recipients[0], Host: path.Settings.HelloName,
	})
	switch h := handedOver(t.prober.Probe(ctx, &path)); {
	case h.refused:
		if f, ok := t.tracker.Returned(token, time.Now(), nil, h.problem); ok {
			t.finished(f)
		}
	default:
		t.tracker.NotHanded(token, h.problem)
	}
	t.expose()
}

// handover is what became of an attempt.
type handover struct {
	refused bool   // for good
	problem string // why the message was not taken; empty if it was, or may have been
}

// handedOver tells from a result whether the message was taken.
func handedOver(r *probes.Result) handover {
	var worst handover
	for i := range r.Endpoints {
		e := &r.Endpoints[i]
		step := e.Steps[probes.Message]
		lost := step.Outcome != probes.NotReached && step.Reply.Code == 0 // the reply did not arrive: it may have been taken
		if step.Outcome == probes.Passed || lost {
			return handover{}
		}
		stage, problem, found := e.FirstProblem()
		if !found {
			continue
		}
		h := handover{
			refused: problem.Outcome == probes.Failed && problem.Reply.Code >= 500 && stage >= probes.Recipient,
			problem: probes.Sanitise(fmt.Sprintf("%s at %s: %s: %s", e.Host, stage, problem.Reason, problem.Detail), maxShown),
		}
		if worst.problem == "" || h.refused {
			worst = h
		}
	}
	if worst.problem == "" {
		worst.problem = "no address could be asked"
	}
	return worst
}

func (t *roundTrips) hasRecipient(address string) bool {
	c := t.current.Load()
	address = strings.ToLower(address)
	return c.recipients[address] || c.reports[address]
}

func (t *roundTrips) expose() { t.store.SetRoundTrips(t.tracker.Statuses(time.Now())) }
