package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
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
	"m365_connector_exporter/probes/roundtrip"
	"m365_connector_exporter/probes/roundtrip/sink"
)

const (
	tripTick      = 5 * time.Second // between two looks at what is due
	requestTick   = time.Second     // between two looks for a request
	retryHandover = time.Minute     // between two attempts to hand a message over
	maxShown      = 300             // bytes of a problem
	minKey        = 32              // bytes of the key of the tokens
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
	started    time.Time
	files      tripFiles
	onDemand   bool // only messages that are requested are sent

	current atomic.Pointer[tripConfig]

	mu      sync.Mutex
	key     []byte
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
	tenants    map[string]string // names by GUID
}

// newRoundTrips reads the state beside a state file. A state that cannot be read is an error: messages under way would
// be forgotten, and the budget with them.
func newRoundTrips(
	ctx context.Context, cfg *config.Config, prober probes.Prober, store *collector.Store, log *slog.Logger,
) (*roundTrips, error) {
	t := &roundTrips{
		prober: prober, store: store, log: log, listen: cfg.Sink.Listen, started: time.Now(),
		files:   tripFilesOf(cfg.Global.StateFile),
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
		Hostname: cfg.Sink.Hostname, Certificate: cfg.Sink.Certificate, Networks: cfg.Sink.Networks,
		HasRecipient: t.hasRecipient, Handle: t.receive, Now: time.Now, Log: log,
	})
	return t, nil
}

// use takes over a configuration.
func (t *roundTrips) use(cfg *config.Config, paths []probes.Path) {
	c := &tripConfig{
		trips: cfg.RoundTrips, paths: map[roundtrip.Trip]probes.Path{}, recipients: map[string]bool{},
		reports: map[string]bool{}, tenants: tenantNames(cfg),
	}
	var plans []roundtrip.Plan
	for _, trip := range cfg.RoundTrips {
		plans = append(plans, trip.Plan)
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
	t.tracker.SetPlans(plans)
	t.mu.Lock()
	c.tokens = roundtrip.NewTokens(t.key, c.names())
	t.current.Store(c)
	t.mu.Unlock()
	t.expose()
}

// names returns the names of the round trips.
func (c *tripConfig) names() []roundtrip.Trip {
	names := make([]roundtrip.Trip, len(c.trips))
	for i := range c.trips {
		names[i] = c.trips[i].Trip
	}
	return names
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
		t.tracker.NotHanded(token, roundtrip.Refusal{Text: "the path of the sender is not known"})
		return
	}
	path.Message = roundtrip.Compose(roundtrip.Message{
		Token: token, From: path.MailFrom, To: path.Recipients[0], Host: path.Settings.HelloName,
	})
	switch h := handedOver(t.prober.Probe(ctx, &path)); {
	case h.refused:
		if f, ok := t.tracker.Returned(token, time.Now(), nil, h.why); ok {
			t.finished(f)
		}
	default:
		t.tracker.NotHanded(token, h.why)
	}
	t.expose()
}

// handover is what became of an attempt.
type handover struct {
	refused bool              // for good
	why     roundtrip.Refusal // why the message was not taken; empty if it was, or may have been
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
			why: roundtrip.Refusal{
				Text:   probes.Sanitise(fmt.Sprintf("%s at %s: %s: %s", e.Host, stage, problem.Reason, problem.Detail), maxShown),
				Reason: problem.Reason, Evidence: problem.Evidence,
			},
		}
		if worst.why.Text == "" || h.refused {
			worst = h
		}
	}
	if worst.why.Text == "" {
		worst.why.Text = "no address could be asked"
	}
	return worst
}

func (t *roundTrips) hasRecipient(address string) bool {
	c := t.current.Load()
	address = strings.ToLower(address)
	return c.recipients[address] || c.reports[address]
}

func (t *roundTrips) expose() {
	statuses, names := t.tracker.Statuses(time.Now()), t.current.Load().tenants
	for i := range statuses {
		statuses[i].Tenants = names
	}
	t.store.SetRoundTrips(statuses)
}

// tenantNames returns the names of tenants by GUID, as far as the configuration has both.
func tenantNames(cfg *config.Config) map[string]string {
	names := map[string]string{}
	for _, trip := range cfg.RoundTrips {
		if id := trip.Expect.TenantID; id != "" {
			names[id] = trip.Tenant
		}
	}
	for _, live := range cfg.Live() {
		names[strings.ToLower(live.ID)] = live.Name
	}
	return names
}
