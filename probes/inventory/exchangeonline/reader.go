package exchangeonline

import (
	"context"
	"crypto/x509"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"m365_connector_exporter/probes/mailflow"
)

// Options apply to all tenants.
type Options struct {
	Interval      time.Duration // between two reads of a tenant
	MaxConcurrent int           // tenants that are read at the same time
	CacheFolder   string        // keeps the last good answers across restarts; "" if they are not kept
	Roots         *x509.CertPool
}

// Event is the end of a read.
type Event struct {
	Tenant  string
	Before  mailflow.SourceState
	State   mailflow.SourceState
	Changed bool  // the records in use have changed
	Cache   error // why the answers could not be written to the cache folder
}

// Reader reads tenants in the background and keeps the last good answers of each. It is safe for concurrent use.
type Reader struct {
	// OnRead is called after each read, one at a time. It must be set before Run.
	OnRead func(Event)

	now     func() time.Time
	mu      sync.Mutex
	options Options
	client  *Client
	tenants map[string]*entry
	running int
	wake    chan struct{}
	read    func(ctx context.Context, c *Client, t Tenant, before *Answers) Read
	event   sync.Mutex // held while OnRead runs
}

// entry is one tenant.
type entry struct {
	tenant   Tenant
	answers  Answers
	state    mailflow.SourceState
	missing  []mailflow.CmdletState // cmdlets without records, after the last good read
	revision string                 // changes with everything that a load reads
	due      time.Time              // when the next read is due
	started  time.Time              // when the last read started
	reading  bool
}

// NewReader returns a Reader without tenants that reads the time from now.
func NewReader(now func() time.Time) *Reader {
	return &Reader{
		now: now, tenants: map[string]*entry{}, wake: make(chan struct{}, 1),
		read: func(ctx context.Context, c *Client, t Tenant, before *Answers) Read { return c.Read(ctx, t, before) },
	}
}

// SetTenants replaces the tenants. An unchanged tenant keeps the time of its next read. A new tenant, or one with
// another credential, is read at once, unless the cache has answers that are newer than the interval. The error is
// that of the cache folder, without which no answers are kept across restarts.
func (r *Reader) SetTenants(ctx context.Context, tenants []Tenant, o Options) error {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	err := cache(o.CacheFolder).prepare() // not while a read writes to it
	if r.client == nil || !r.options.Roots.Equal(o.Roots) {
		r.client = NewClient(NewHTTPClient(o.Roots))
	}
	r.options = o
	old := r.tenants
	r.tenants = make(map[string]*entry, len(tenants))
	for _, t := range tenants {
		r.tenants[t.Name] = r.entryFor(ctx, old[t.Name], t, now)
	}
	r.wakeUp()
	return err
}

// entryFor returns the entry of a tenant in a new configuration. old is its entry in the previous one, or nil.
func (r *Reader) entryFor(ctx context.Context, old *entry, t Tenant, now time.Time) *entry {
	if old != nil && old.tenant.same(&t) {
		old.tenant = t
		return old
	}
	e := &entry{tenant: t, due: now}
	switch {
	case old != nil && old.tenant.ID == t.ID:
		e.answers, e.state, e.missing = old.answers, old.state, old.missing
	default:
		if kept, ok := cache(r.options.CacheFolder).read(ctx, &t); ok {
			e.answers = kept
			e.state = mailflow.SourceState{Source: SourceName, Success: kept.Time()}
			if now.Sub(kept.Time()) < r.options.Interval {
				e.due = r.nextSlot(t.Name, kept.Time())
			}
		}
	}
	e.setRevision()
	return e
}

// nextSlot returns the first time after a given one at which a tenant is read. These times are spread over the interval
// by the names of the tenants.
func (r *Reader) nextSlot(tenant string, after time.Time) time.Time {
	interval := max(r.options.Interval, time.Second)
	h := fnv.New32a()
	_, _ = h.Write([]byte(tenant))
	offset := time.Duration(h.Sum32()) * time.Millisecond % interval
	slot := after.Truncate(interval).Add(offset)
	for !slot.After(after) {
		slot = slot.Add(interval)
	}
	return slot
}

// withoutRecords returns the cmdlets of which no records are known.
func withoutRecords(s mailflow.SourceState) []mailflow.CmdletState {
	return slices.DeleteFunc(slices.Clone(s.Cmdlets), func(c mailflow.CmdletState) bool { return !c.Records.IsZero() })
}

// setRevision sets the revision: a hash of the records, and the cmdlets without records.
func (e *entry) setRevision() {
	e.revision = e.answers.revision()
	for _, c := range e.missing {
		e.revision += c.Cmdlet + c.Reason
	}
}

// minGap is the minimum time between two reads of a tenant on request.
const minGap = 10 * time.Second

// ReadAll makes the reads of all tenants due.
func (r *Reader) ReadAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for _, e := range r.tenants {
		if earliest := later(now, e.started.Add(minGap)); e.due.After(earliest) {
			e.due = earliest
		}
	}
	r.wakeUp()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// States returns the state of each tenant.
func (r *Reader) States() map[string]mailflow.SourceState {
	r.mu.Lock()
	defer r.mu.Unlock()
	states := make(map[string]mailflow.SourceState, len(r.tenants))
	for name, e := range r.tenants {
		states[name] = e.state
	}
	return states
}

func (r *Reader) wakeUp() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run reads tenants when they are due, until ctx ends, and returns when every read has ended.
func (r *Reader) Run(ctx context.Context) {
	var reads sync.WaitGroup
	defer reads.Wait()
	for {
		timer := time.NewTimer(r.startDue(ctx, &reads))
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// ReadUnread reads each tenant without answers, and returns when all reads have ended. It is for commands that run
// once.
func (r *Reader) ReadUnread(ctx context.Context) {
	var reads sync.WaitGroup
	slots := make(chan struct{}, max(r.options.MaxConcurrent, 1))
	for _, e := range r.unread() {
		slots <- struct{}{}
		reads.Go(func() {
			defer func() { <-slots }()
			r.finish(ctx, e, e.tenant, r.read(ctx, r.client, e.tenant, &Answers{}))
		})
	}
	reads.Wait()
}

// unread returns the tenants without answers, and marks them as being read.
func (r *Reader) unread() []*entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*entry
	for _, e := range r.tenants {
		if !e.answers.Complete() && !e.reading {
			e.reading = true
			r.running++
			all = append(all, e)
		}
	}
	return all
}

// startDue starts the reads that are due, up to MaxConcurrent, and returns the time until the next one is due.
func (r *Reader) startDue(ctx context.Context, reads *sync.WaitGroup) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		next := r.next()
		now := r.now()
		switch {
		case next == nil || r.running >= max(r.options.MaxConcurrent, 1):
			return time.Hour // SetTenants and the end of a read wake it up
		case next.due.After(now):
			return next.due.Sub(now)
		}
		next.reading, next.started = true, now
		r.running++
		client, tenant, before := r.client, next.tenant, next.answers
		reads.Go(func() { r.finish(ctx, next, tenant, r.read(ctx, client, tenant, &before)) })
	}
}

// next returns the tenant whose read is due first, nil if all tenants are being read.
func (r *Reader) next() *entry {
	var first *entry
	for _, e := range r.tenants {
		if !e.reading && (first == nil || e.due.Before(first.due) ||
			e.due.Equal(first.due) && e.tenant.Name < first.tenant.Name) {
			first = e
		}
	}
	return first
}

// finish processes a read, and reports it to OnRead.
func (r *Reader) finish(ctx context.Context, e *entry, read Tenant, result Read) {
	event, report := r.take(ctx, e, read, result)
	if !report {
		return
	}
	r.event.Lock()
	defer r.event.Unlock()
	if r.OnRead != nil {
		r.OnRead(event)
	}
}

// take stores the answers of a read. ok is false if the tenant has been removed or changed in the meantime.
func (r *Reader) take(ctx context.Context, e *entry, read Tenant, result Read) (event Event, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running--
	e.reading = false
	defer r.wakeUp()
	if ctx.Err() != nil || r.tenants[read.Name] != e {
		return Event{}, false
	}
	event = Event{Tenant: read.Name, Before: e.state}
	revision := e.revision
	e.answers = e.answers.Merge(result)
	e.state = result.State(&e.answers)
	if result.OK() {
		e.missing = withoutRecords(e.state)
	}
	e.setRevision()
	event.State, event.Changed = e.state, e.revision != revision
	e.due = r.nextSlot(read.Name, result.End)
	if !result.OK() {
		e.due = earlier(e.due, result.End.Add(max(r.options.Interval/4, minRetry)))
	} else {
		event.Cache = cache(r.options.CacheFolder).write(read.Name, &e.answers)
	}
	return event, true
}

// minRetry is the minimum time after a failed read.
const minRetry = 5 * time.Minute

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
