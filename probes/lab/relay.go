package lab

import (
	"context"
	"crypto/tls"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Bounds of a relay.
const (
	maxQueued   = 1000 // messages under way
	maxReceived = 20   // Received fields of a message, as in Exchange Online
)

// RelayOptions describe what a [FakeExchangeOnline] does with the messages that it accepts: it stamps the header
// fields of Exchange Online and delivers each by the outbound connector of its tenant, to a mailbox, or to the mail
// server of the recipient's domain. It retries what fails for the moment and returns what fails for good (RFC 3464).
type RelayOptions struct {
	Hosts       map[string]string // "host:port" of the mail server of a domain, in place of its MX
	Certificate *tls.Certificate  // presented to mail servers that request one
	Retry       time.Duration     // between two attempts; Exchange Online waits 15 minutes. A second when 0
	Expire      time.Duration     // after which a message is returned; 24 hours when 0
	Skew        [2]time.Duration  // how far the clocks of the two hops are ahead
	LowerCase   bool              // write names of header fields in lower case, as some hops do
	Now         func() time.Time  // [time.Now] when nil
}

// FakeOutbound is an outbound connector. The one with the most specific domain delivers.
type FakeOutbound struct {
	Name      string
	Domains   []string // a domain, "*.domain" or "*"
	SmartHost string   // "host:port"
}

// RelayFault is what goes wrong with messages of a tenant. The zero value changes nothing.
type RelayFault struct {
	Delay   time.Duration               // before the first attempt
	Drop    bool                        // lose the message
	Copies  int                         // deliver so many more times
	Tenant  string                      // stamp this tenant ID
	Address netip.Addr                  // stamp this connecting address
	Bounce  *smtp.SMTPError             // return it with this reply
	Spam    bool                        // mark it as spam
	Alter   func(message []byte) []byte // change it before the header fields are stamped
}

// Delivery is what became of one copy of a message.
type Delivery struct {
	From, To  string
	Connector string // "" by MX or to a mailbox
	Host      string // "host:port"; "" for a mailbox
	Attempts  int
	Err       error // why it was returned; nil if it was delivered
	Message   string
}

// relayed is a message under way to one recipient.
type relayed struct {
	decision Decision
	from, to string
	body     []byte
	helo     string
	address  netip.Addr
	tls      *tls.ConnectionState
	origin   string // X-MS-Exchange-CrossTenant-FromEntityHeader

	notification bool // of the relay itself, which no fault changes
}

// Values of X-MS-Exchange-CrossTenant-FromEntityHeader. The first two were seen in mail; the last is for mail from
// outside.
const (
	hybridOnPrem = "HybridOnPrem"
	hosted       = "Hosted"
	internet     = "Internet"
)

func originOf(d Decision) string {
	if d.Relays {
		return hybridOnPrem
	}
	return internet
}

// relay delivers the messages of a FakeExchangeOnline.
type relay struct {
	options RelayOptions
	tenants []FakeTenant
	ctx     context.Context //nolint:containedctx // ends with the server
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu         sync.Mutex
	closed     bool
	queued     int
	faults     map[string]RelayFault
	deliveries []Delivery // the newest maxKept
}

func newRelay(o RelayOptions, tenants []FakeTenant) *relay {
	if o.Retry == 0 {
		o.Retry = time.Second
	}
	if o.Expire == 0 {
		o.Expire = 24 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &relay{options: o, tenants: tenants, faults: map[string]RelayFault{}}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// close stops all deliveries and waits for them.
func (r *relay) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.running.Wait()
}

// InjectRelayFault changes what happens to the messages of a tenant from now on.
func (d *FakeExchangeOnline) InjectRelayFault(tenant string, f RelayFault) {
	d.relay.mu.Lock()
	defer d.relay.mu.Unlock()
	d.relay.faults[tenant] = f
}

// Deliveries returns what became of the newest messages, at most 100.
func (d *FakeExchangeOnline) Deliveries() []Delivery {
	d.relay.mu.Lock()
	defer d.relay.mu.Unlock()
	return slices.Clone(d.relay.deliveries)
}

// Queued returns how many messages are under way.
func (d *FakeExchangeOnline) Queued() int {
	d.relay.mu.Lock()
	defer d.relay.mu.Unlock()
	return d.relay.queued
}

// SendFromMailbox sends a message from a mailbox of a tenant, as Microsoft Graph's sendMail does.
func (d *FakeExchangeOnline) SendFromMailbox(tenant, from, to string, message []byte) error {
	return d.relay.enqueue(relayed{
		decision: Decision{Tenant: tenant, From: from, To: to}, from: from, to: to, body: message, origin: hosted,
	})
}

// enqueue takes over a message, or replies that the queue is full.
func (r *relay) enqueue(m relayed) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.queued >= maxQueued {
		return &smtp.SMTPError{
			Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "Insufficient system resources",
		}
	}
	fault := r.faults[m.decision.Tenant]
	if m.notification {
		fault = RelayFault{}
	}
	if fault.Drop {
		return nil
	}
	r.queued += 1 + fault.Copies
	for range 1 + fault.Copies {
		r.running.Go(func() {
			r.process(m, fault)
			r.mu.Lock()
			r.queued--
			r.mu.Unlock()
		})
	}
	return nil
}

// process stamps a message, delivers or returns it, and records what became of it.
func (r *relay) process(m relayed, f RelayFault) {
	if !r.wait(f.Delay) {
		return
	}
	if f.Alter != nil {
		m.body = f.Alter(slices.Clone(m.body))
	}
	delivery := r.route(m)
	switch {
	case f.Bounce != nil:
		delivery.Err = f.Bounce
	case receivedFields(m.body) > maxReceived:
		delivery.Err = &smtp.SMTPError{
			Code: 554, EnhancedCode: smtp.EnhancedCode{5, 4, 14}, Message: "Hop count exceeded - possible mail loop ATTR34",
		}
	}
	stamped := r.stamp(m, f, delivery.Host != "")
	delivery.Message = string(stamped)
	if delivery.Err == nil && delivery.Host != "" {
		delivery.Attempts, delivery.Err = r.deliver(m, delivery.Host, stamped)
	}
	if r.ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	r.deliveries = appendBounded(r.deliveries, delivery)
	r.mu.Unlock()
	if delivery.Err != nil && m.from != "" {
		r.giveBack(m, delivery)
	}
}

// wait waits and reports whether the relay still runs.
func (r *relay) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.ctx.Done():
		return false
	}
}

// tenant returns a tenant by its name, the zero value if there is none.
func (r *relay) tenant(name string) FakeTenant {
	for _, t := range r.tenants {
		if t.Name == name {
			return t
		}
	}
	return FakeTenant{}
}

// route returns where a message goes, or the reply with which it is returned.
func (r *relay) route(m relayed) Delivery {
	delivery := Delivery{From: m.from, To: m.to}
	t := r.tenant(m.decision.Tenant)
	domain := domainOf(m.to)
	connector := t.connectorFor(domain)
	switch {
	case connector != nil:
		delivery.Connector, delivery.Host = connector.Name, connector.SmartHost
	case slices.Contains(t.Mailboxes, strings.ToLower(m.to)):
	case slices.Contains(t.Domains, domain):
		delivery.Err = &smtp.SMTPError{
			Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 10},
			Message: "RESOLVER.ADR.RecipientNotFound; Recipient " + m.to + " not found by SMTP address lookup",
		}
	default:
		if delivery.Host = r.options.Hosts[domain]; delivery.Host == "" {
			delivery.Err = &smtp.SMTPError{
				Code: 550, EnhancedCode: smtp.EnhancedCode{5, 4, 310}, Message: "DNS domain " + domain + " does not exist",
			}
		}
	}
	return delivery
}

// connectorFor returns the outbound connector with the most specific domain that matches, nil if there is none.
func (t FakeTenant) connectorFor(domain string) *FakeOutbound {
	var best *FakeOutbound
	longest := -1
	for i, connector := range t.Outbound {
		for _, pattern := range connector.Domains {
			parent, wild := strings.CutPrefix(pattern, "*")
			if (pattern == domain || wild && strings.HasSuffix(domain, parent)) && len(pattern) > longest {
				best, longest = &t.Outbound[i], len(pattern)
			}
		}
	}
	return best
}
