package mtasts

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/httpfetch"
)

// The bounds of a Fetcher.
const (
	fetchTimeout = 15 * time.Second // for the record and the policy
	recheckAfter = 15 * time.Minute // between two look-ups of a record, and therefore between two fetches
	retryAfter   = time.Minute      // the same if DNS did not answer
	refreshAfter = 24 * time.Hour   // after which a policy is fetched again even if its id is the same
	maxDomains   = 20_000           // policies in the cache
	maxFetches   = 16               // at the same time
	maxDetail    = 300              // bytes of a problem
)

// State is the state of a domain's policy.
type State struct {
	Domain  string
	Mode    Mode    // the mode that applies now; "" if it is unknown, because DNS or the policy host does not answer
	ID      string  // of the record for which the policy was fetched
	Policy  *Policy // nil if there is no usable policy
	Problem string  // why the record, the host or the policy cannot be used, for display; "" if there is no problem
	Broken  bool    // the published record or policy is wrong; false if a server does not answer or a record is missing
	Fetched time.Time
	Until   time.Time // until when senders that have fetched the policy cache it, at least
}

// ErrNoRecord is the error of LookupTXT for a name that does not exist or has no TXT records.
var ErrNoRecord = errors.New("no such record")

// LookupTXT returns the TXT records of a name.
type LookupTXT func(ctx context.Context, name string) ([]string, error)

// Fetcher fetches and caches policies. It is safe for concurrent use.
type Fetcher struct {
	lookup    LookupTXT
	network   httpfetch.Network
	roots     func() *x509.CertPool
	now       func() time.Time
	documents *httpfetch.Fetcher
	slots     chan struct{}
	group     singleflight.Group
	port      string // ":8443", empty for 443

	mu    sync.Mutex
	known map[string]*entry // by domain
}

// entry is the cached state of one domain.
type entry struct {
	state   State
	recheck time.Time // when the record is looked up again
}

// Options configure a Fetcher.
type Options struct {
	LookupTXT LookupTXT
	Network   httpfetch.Network
	Roots     func() *x509.CertPool // a nil pool means the system's
	Now       func() time.Time
	Port      int // of policy hosts; 0 means 443
}

// New returns a Fetcher.
func New(o Options) *Fetcher {
	port := ""
	if o.Port != 0 {
		port = ":" + strconv.Itoa(o.Port)
	}
	return &Fetcher{
		port:   port,
		lookup: o.LookupTXT, network: o.Network, roots: o.Roots, now: o.Now,
		documents: httpfetch.New(), slots: make(chan struct{}, maxFetches), known: map[string]*entry{},
	}
}

// Policy returns the state of a domain's policy. If the domain has a record, the state is cached for recheckAfter. If
// ctx ends first, the state has no mode. Concurrent calls for the same domain share one look-up, which ends with the
// context of the first call.
func (f *Fetcher) Policy(ctx context.Context, domain string) State {
	if state, ok := f.fresh(domain); ok {
		return state
	}
	result, _, _ := f.group.Do(domain, func() (any, error) { return f.refresh(ctx, domain), nil })
	state, _ := result.(State)
	return state
}

// Keep drops the domains for which keep returns false.
func (f *Fetcher) Keep(keep func(domain string) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for domain := range f.known {
		if !keep(domain) {
			delete(f.known, domain)
		}
	}
}

func (f *Fetcher) fresh(domain string) (State, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.known[domain]
	if e == nil || !f.now().Before(e.recheck) {
		return State{}, false
	}
	return e.state, true
}

// refresh looks up the record, and fetches the policy if necessary.
func (f *Fetcher) refresh(ctx context.Context, domain string) State {
	bounded, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	case <-bounded.Done():
		return State{Domain: domain, Problem: "too many policies are being fetched"}
	}
	next := f.next(bounded, domain, f.get(domain))
	if ctx.Err() != nil {
		return State{Domain: domain, Problem: "the policy did not arrive in time"}
	}
	return f.store(domain, next)
}

func (f *Fetcher) get(domain string) entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e := f.known[domain]; e != nil {
		return *e
	}
	return entry{state: State{Domain: domain}}
}

// store caches an entry, unless the cache is full or the domain has no policy, as most domains.
func (f *Fetcher) store(domain string, e entry) State {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, known := f.known[domain]
	switch {
	case e.state.Mode == Absent && e.state.Problem == "":
		delete(f.known, domain)
	case known || len(f.known) < maxDomains:
		f.known[domain] = &e
	}
	return e.state
}

// next returns the entry of a domain after a look-up.
func (f *Fetcher) next(ctx context.Context, domain string, before entry) entry {
	now := f.now()
	next := before
	next.recheck = now.Add(recheckAfter)
	id, found, err := f.record(ctx, domain)
	switch {
	case errors.Is(err, errNotAnswered):
		next.recheck = now.Add(retryAfter)
		next.state = before.keep(now, "", err)
	case err != nil:
		next.state = before.keep(now, Invalid, err)
	case !found:
		next.state = before.keep(now, Absent, nil)
	case f.current(&before, id, now):
		next.state.Problem, next.state.Broken = "", false
	default:
		next.state = f.fetch(ctx, domain, id, before, now)
	}
	return next
}

// current reports whether the cached policy need not be fetched again.
func (f *Fetcher) current(e *entry, id string, now time.Time) bool {
	refresh := min(refreshAfter, e.maxAge()/2)
	return e.state.Policy != nil && e.state.ID == id && now.Before(e.state.Fetched.Add(refresh))
}

func (e *entry) maxAge() time.Duration {
	if e.state.Policy == nil {
		return 0
	}
	return e.state.Policy.MaxAge
}

// keep returns the state with the cached policy if that has not expired, otherwise a state without a policy. A sender
// applies a cached policy until it expires, whatever happens to the record and the host (sections 3.3 and 5.1).
func (e *entry) keep(now time.Time, otherwise Mode, problem error) State {
	text := ""
	if problem != nil {
		text = probes.Sanitise(problem.Error(), maxDetail)
	}
	if e.state.Policy != nil && now.Before(e.state.Until) {
		kept := e.state
		kept.Broken = otherwise == Invalid
		if kept.Problem = text; otherwise == Absent {
			kept.Problem = "the record at _mta-sts." + kept.Domain + " is gone; senders keep the policy until it ends"
		}
		return kept
	}
	return State{Domain: e.state.Domain, Mode: otherwise, Problem: text, Broken: otherwise == Invalid}
}

var errNotAnswered = errors.New("DNS does not answer")

// record returns the id of the domain's record.
func (f *Fetcher) record(ctx context.Context, domain string) (id string, found bool, err error) {
	name := "_mta-sts." + domain
	records, err := f.lookup(ctx, name)
	if errors.Is(err, ErrNoRecord) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("%w: %s: %w", errNotAnswered, name, err)
	}
	if id, found, err = ParseRecord(records); err != nil {
		return "", found, fmt.Errorf("%s: %w", name, err)
	}
	return id, found, nil
}

// fetch gets a policy and returns the state with it.
func (f *Fetcher) fetch(ctx context.Context, domain, id string, before entry, now time.Time) State {
	host := "mta-sts." + domain
	text, err := f.documents.Get(ctx, f.network, httpfetch.Request{
		URL: "https://" + host + f.port + "/.well-known/mta-sts.txt", MaxBytes: maxPolicyBytes, MediaType: "text/plain",
		Roots: f.roots(),
	})
	otherwise := Invalid
	if err != nil {
		if httpfetch.Unreachable(err) { // perhaps only from this host
			otherwise = ""
		}
		err = fmt.Errorf("%s: %s", host, explain(err))
	}
	var policy *Policy
	if err == nil {
		if policy, err = ParsePolicy(text); err != nil {
			err = fmt.Errorf("https://%s/.well-known/mta-sts.txt: %w", host, err)
		}
	}
	if err != nil {
		state := before.keep(now, otherwise, err)
		if state.Policy == nil {
			state.ID = id
		}
		return state
	}
	return State{
		Domain: domain, Mode: policy.Mode, ID: id, Policy: policy, Fetched: now, Until: now.Add(policy.MaxAge),
	}
}

// explain returns the text of an error, and states of a certificate error that it is one.
func explain(err error) string {
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "the certificate of the policy host is not valid: " + probes.Sanitise(bad.Err.Error(), maxDetail)
	}
	return err.Error()
}
