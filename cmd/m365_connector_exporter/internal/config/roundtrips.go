package config

import (
	"crypto/tls"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/roundtrip"
)

// Bounds of round trips.
const (
	maxRoundTrips       = 200
	maxListeners        = 8
	minTripInterval     = 5 * time.Minute
	maxTripInterval     = 24 * time.Hour
	maxTripTime         = 48 * time.Hour // of late_after and lost_after
	maxDailyLimit       = 1000
	defaultTripInterval = 15 * time.Minute
	defaultLateAfter    = 5 * time.Minute
	defaultLostAfter    = time.Hour
	defaultDailyLimit   = 200
)

// Sink is the section of that name: the SMTP server that receives test messages and TLS reports.
type Sink struct {
	Listen      []string // addresses; none means that the sink is off
	Hostname    string
	Certificate *tls.Certificate // nil: STARTTLS is not offered
	Networks    []netip.Prefix   // from which messages are accepted; none means from anywhere
	TLSReports  []string         // recipients of TLS reports, in lower case
}

// RoundTrip is one entry of round_trips.
type RoundTrip struct {
	roundtrip.Plan

	Sender    string // hands the message to Exchange Online as this sender; or
	SmartHost string // hands it to this server
	Recipient string // in lower case
}

func (r *reader) sink(n *yaml.Node, key string) {
	s := &r.cfg.Sink
	r.mapping(n, key, fields{
		"listen": func(n *yaml.Node, k string) {
			s.Listen = r.each(first(n, maxListeners+1), k, func(n *yaml.Node, k string) string {
				return r.parsed(n, k, parseListenAddress)
			})
			if len(s.Listen) > maxListeners {
				r.fail(n, k, "at most %d addresses", maxListeners)
			}
		},
		"hostname":    func(n *yaml.Node, k string) { s.Hostname = r.parsed(n, k, parseHostName) },
		"certificate": func(n *yaml.Node, k string) { s.Certificate = r.sinkCertificate(n, k) },
		"networks": func(n *yaml.Node, k string) {
			r.list(n, k, func(n *yaml.Node, k string) { s.Networks = append(s.Networks, r.prefix(n, k)) })
		},
		"tls_reports": func(n *yaml.Node, k string) { s.TLSReports = r.each(n, k, r.sinkRecipient) },
	})
	if len(s.Listen) > 0 && s.Hostname == "" {
		r.fail(n, join(key, "hostname"), "the sink needs the name that its MX record has, such as probe.contoso.com")
	}
}

// sinkRecipient reads a mailbox in lower case.
func (r *reader) sinkRecipient(n *yaml.Node, key string) string {
	return strings.ToLower(r.parsed(n, key, inventory.ParseMailbox))
}

// sinkCertificate reads a certificate with its key; nil if it cannot be read.
func (r *reader) sinkCertificate(n *yaml.Node, key string) *tls.Certificate {
	source, m := r.certificate(n, key)
	switch {
	case source.SMTP != "":
		r.fail(n, join(key, "smtp"), "must be a file here: file or pkcs12")
	case source.File+source.PKCS12 == "":
		r.fail(n, key, "needs file or pkcs12")
	case m == nil: // reported
	case m.Key == nil:
		r.failFile(n, key, m.Source, "has no private key: STARTTLS needs it")
	default:
		return m.Key
	}
	return nil
}

func (r *reader) roundTrips(n *yaml.Node, key string) {
	seen := map[roundtrip.Trip]bool{}
	r.list(first(n, maxRoundTrips+1), key, func(n *yaml.Node, k string) {
		t := r.roundTrip(n, k)
		switch {
		case seen[t.Trip]:
			r.fail(n, join(k, "name"), "duplicate round trip %q of tenant %q", t.Name, t.Tenant)
		case len(seen) == maxRoundTrips:
			r.fail(n, k, "at most %d round trips", maxRoundTrips)
		}
		seen[t.Trip] = true
		r.cfg.RoundTrips = append(r.cfg.RoundTrips, t)
	})
	ofSink := func(e Error) bool { return strings.HasPrefix(e.Key, "sink") } // the cause, if listen is missing
	if len(r.cfg.RoundTrips) > 0 && len(r.cfg.Sink.Listen) == 0 && !slices.ContainsFunc(r.errs, ofSink) {
		r.fail(n, key, "round trips need sink.listen: the messages arrive there")
	}
}

func (r *reader) roundTrip(n *yaml.Node, key string) RoundTrip {
	t := RoundTrip{Plan: roundtrip.Plan{
		Interval: defaultTripInterval, LostAfter: defaultLostAfter, DailyLimit: defaultDailyLimit,
		Expect: roundtrip.Expectation{LateAfter: defaultLateAfter},
	}}
	before := r.failures
	var start, tenant *yaml.Node
	r.mapping(n, key, fields{
		"name":        func(n *yaml.Node, k string) { t.Name = r.text(n, k) },
		"tenant":      func(n *yaml.Node, k string) { t.Tenant, tenant = r.text(n, k), n },
		"start":       func(n *yaml.Node, k string) { start = n; r.start(n, k, &t) },
		"recipient":   func(n *yaml.Node, k string) { t.Recipient = r.sinkRecipient(n, k) },
		"expect":      func(n *yaml.Node, k string) { r.expect(n, k, &t.Expect) },
		"interval":    func(n *yaml.Node, k string) { t.Interval = r.duration(n, k, minTripInterval, maxTripInterval) },
		"daily_limit": func(n *yaml.Node, k string) { t.DailyLimit = r.number(n, k, 1, maxDailyLimit) },
		"late_after":  func(n *yaml.Node, k string) { t.Expect.LateAfter = r.duration(n, k, time.Second, maxTripTime) },
		"lost_after":  func(n *yaml.Node, k string) { t.LostAfter = r.duration(n, k, time.Second, maxTripTime) },
	})
	if tenant != nil && t.Tenant != "" && !r.tenants.Has(t.Tenant) {
		r.fail(tenant, join(key, "tenant"), "no tenant %q is configured%s", t.Tenant, didYouMean(t.Tenant, r.tenantNames()))
	}
	for _, needed := range []struct {
		key  string
		node *yaml.Node
		what string
	}{
		{"name", valueOf(n, "name"), "a round trip needs a name, such as hybrid"},
		{"tenant", tenant, "a round trip needs the tenant that its message passes"},
		{"recipient", valueOf(n, "recipient"), "a round trip needs a recipient such as canary@probe.contoso.com, whose MX " +
			"is the sink"},
		{"start", start, "a round trip needs a start, such as { sender: edge-1 } or { smart_host: mail.contoso.com }"},
	} {
		if needed.node == nil || isNull(needed.node) || needed.node.Kind == yaml.ScalarNode && needed.node.Value == "" {
			r.fail(n, join(key, needed.key), "%s", needed.what)
		}
	}
	if r.failures > before {
		return t
	}
	if t.LostAfter <= t.Expect.LateAfter {
		r.fail(n, join(key, "lost_after"), "%v: must be longer than late_after, which is %v", model.Duration(t.LostAfter),
			model.Duration(t.Expect.LateAfter))
	}
	r.checkStart(start, key, &t)
	return t
}

func (r *reader) tenantNames() (names []string) {
	for _, t := range r.tenants.All() {
		names = append(names, t.Name)
	}
	return names
}

// start reads where a message begins: exactly one of sender and smart_host.
func (r *reader) start(n *yaml.Node, key string, t *RoundTrip) {
	r.mapping(n, key, fields{
		"sender":     func(n *yaml.Node, k string) { t.Sender = r.text(n, k) },
		"smart_host": func(n *yaml.Node, k string) { t.SmartHost = r.parsed(n, k, inventory.ParseSmartHost) },
	})
}

func (r *reader) expect(n *yaml.Node, key string, e *roundtrip.Expectation) {
	r.mapping(n, key, fields{
		"tenant_id": func(n *yaml.Node, k string) { e.TenantID = r.optional(n, k, parseGUID) },
		"connecting_addresses": func(n *yaml.Node, k string) {
			r.list(n, k, func(n *yaml.Node, k string) { e.Connecting = append(e.Connecting, r.prefix(n, k)) })
		},
		"origin": func(n *yaml.Node, k string) {
			if text := r.text(n, k); text != "" {
				word := r.word(n, k, string(roundtrip.OriginHybridOnPrem), string(roundtrip.OriginHosted))
				e.Origin = roundtrip.Origin(word)
			}
		},
	})
}

// checkStart reports a start without sender and smart_host, and a sender that does not exist or cannot be used.
func (r *reader) checkStart(start *yaml.Node, key string, t *RoundTrip) {
	switch {
	case (t.Sender == "") == (t.SmartHost == ""):
		r.fail(start, join(key, "start"), "needs either sender or smart_host, such as { sender: edge-1 }")
		return
	case t.SmartHost != "":
		return
	}
	loaded := r.tenants.Get(t.Tenant).Tenant
	if loaded.LoadError != "" {
		return // its senders are not known; the tenant is reported
	}
	var names []string
	for i := range loaded.Senders {
		names = append(names, loaded.Senders[i].Name)
		if s := &loaded.Senders[i]; s.Name == t.Sender {
			r.checkSender(start, join(key, "start.sender"), s)
			return
		}
	}
	r.fail(start, join(key, "start.sender"), "no sender %q in tenant %q%s", t.Sender, t.Tenant,
		didYouMean(t.Sender, names))
}

// checkSender reports a sender as which Exchange Online cannot recognise this host.
func (r *reader) checkSender(n *yaml.Node, key string, s *mailflow.Sender) {
	if !s.PresentCertificate && len(s.Addresses) == 0 {
		r.fail(n, key, "Exchange Online cannot recognise this host as sender %q: set present_certificate, or addresses and "+
			"probe.source_address", s.Name)
	}
}
