package check

import (
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/tlsrpt"
)

// Facts is everything that is judged: the configuration, what the probes recorded, and the simulations based on them.
// Checks read it and change nothing.
type Facts struct {
	Now          time.Time
	Tenants      []mailflow.Tenant
	Paths        []Path
	Thresholds   Thresholds
	Severity     func(tenant, code string) (Severity, bool) // the configured severity, if any; nil configures none
	Suppressions []Suppression
	FirstSeen    map[Key]time.Time // the findings of the previous run

	Overlaps []mailflow.Overlap
	// Attributions has the simulated messages of each inbound path's sender: one per MAIL FROM domain, then the null
	// sender.
	Attributions   map[probes.PathID][]mailflow.Attribution
	Predictions    []Prediction
	Policies       []Policy // of accepted domains and next hops, by tenant and domain
	StateFileError string   // why no test message can be recorded, so that none is sent; "" if it can
	VantageBlocked bool     // this host seems unable to connect outward: no path passes connect, of three hosts or more
	Overloaded     []Overload
	Firewall       *Firewall
	NoNetwork      bool     // audit: no path was probed and DNS was not queried
	ExchangeHosts  []string // additional host patterns of Exchange Online
	// MX has the MX hosts of each accepted domain. It is nil if DNS was not queried; a domain without an answer has no
	// entry.
	MX map[string][]string
	// TLSReports are what senders reported last about domains, as far as it is recent enough to be judged.
	TLSReports []tlsrpt.Summary

	index *index
}

// Path is a planned path and what the probes recorded of it. Results are nil until there is one.
type Path struct {
	*probes.Path
	Conclusive     *probes.Result         // of each endpoint the last conclusive observation; nil if there is none
	Newest         *probes.Result         // the newest complete round, whatever its outcome; no verdict is read from it
	Renewals       []Renewal              // of certificates at its endpoints, or of its sender's, the latest last
	Endpoints      []Endpoint             // what remains known of each endpoint, ordered by host and address
	ControlResults []probes.ControlResult // the last conclusive result of each negative control that the path still has
	Client         *probes.TLS            // inbound: the sender's certificate, verified at Now; nil if unknown
	// inbound: the root that the sender's trusted_roots lack; "" if none is missing or configured
	MissingRoot string
}

// Endpoint is what remains known of an endpoint while it cannot be reached.
type Endpoint struct {
	Host, Address string         // as in labels
	Verdict       probes.Outcome // the last conclusive one; NotReached if there is none
	TLS           *probes.TLS    // the last handshake that showed a certificate; nil if there is none
	DANE          *probes.DANE   // the last comparison with TLSA records; nil if there is none
	LastProbed    time.Time      // start of the latest round that probed it
	// CertificateSeen is the start of the latest round in which a handshake showed a certificate, that of TLS.
	CertificateSeen time.Time
}
