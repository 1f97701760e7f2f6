// Package check judges: it turns what is configured and what the probes found into findings. It is pure: the same facts give
// the same findings in the same order. The catalogue of checks is also the documentation (docs/checks.md) and the list of codes
// that a configuration may name.
package check

import (
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// Severity says how much a finding matters (contract, section 7).
type Severity uint8

// The severities. Off is the zero value: the finding does not exist.
const (
	Off      Severity = iota
	Info              // nothing to do
	Warning           // works, and breaks on a foreseeable event
	Critical          // mail is refused, lost or attributed wrongly, now or very soon
)

// Severities are the label values, by Severity.
var Severities = [...]string{"off", "info", "warning", "critical"}

// String is the severity's label value.
func (s Severity) String() string { return Severities[s] }

// ParseSeverity reads a configuration word.
func ParseSeverity(word string) (Severity, bool) {
	for i, name := range Severities {
		if name == word {
			return Severity(i), true
		}
	}
	return Off, false
}

// Subject is what a finding is about. What does not apply is empty: a finding of a whole tenant has no connector.
type Subject struct {
	Tenant    string
	Direction mailflow.Direction
	Connector string
	Path      string
}

// Key is a finding's identity. There is one finding for a key, however many endpoints show it.
type Key struct {
	Code string
	Subject
}

// Finding is what a check found wrong.
type Finding struct {
	Key
	Severity   Severity
	Evidence   []string  // what was compared and found, one sentence each, at most MaxEvidence
	Uncertain  string    // why it rests on something Microsoft has not documented
	Since      time.Time // when it was first found, as far as this process knows
	Suppressed *Suppression
}

// MaxEvidence bounds a finding's evidence.
const MaxEvidence = 16

// Check is a line of the catalogue.
type Check struct {
	Code     string
	Title    string   // what is wrong, in one sentence
	Severity Severity // the highest it is found with
	When     string   // the rule, with what lowers the severity
	Remedy   string
	Source   string   // the Microsoft document or Message Center id it stands on
	Silences []string // consequences that need not be said while this one stands
	Find     func(f *Facts, report func(Finding))
}

// Link is where the documentation describes the check, from the top of the repository.
func (c Check) Link() string { return "docs/checks.md#" + c.Code }

// Thresholds say when an expiry is worth a finding. For a leaf both the share of its lifetime left and the days left must be
// below; certificates above it are judged by days alone.
type Thresholds struct {
	WarningRatio, CriticalRatio float64
	WarningDays, CriticalDays   int
	ValidationMaxAge            time.Duration // 0 = off
	InventoryMaxAge             time.Duration // 0 = off
}

// Suppression hides findings until a day that somebody answers for. Check, Tenant, Connector and Path are globs; an empty one
// matches everything.
type Suppression struct {
	Check, Tenant, Connector, Path string
	Direction                      mailflow.Direction
	Reason, Owner                  string
	Expires                        time.Time // the first instant after the day that was written, UTC
}

// Facts is everything that is judged. Checks read it and change nothing.
type Facts struct {
	Now          time.Time
	Tenants      []mailflow.Tenant
	Paths        []Path
	Thresholds   Thresholds
	Severity     func(tenant, code string) (Severity, bool) // what the configuration sets; nil sets nothing
	Suppressions []Suppression
	FirstSeen    map[Key]time.Time // what was found by the last run, and since when

	Overlaps       []mailflow.Overlap
	Attributions   map[probes.PathID][]mailflow.Attribution // of each inbound path's sender: its domains, then the null sender
	VantageBlocked string                                   // why it is believed that this host may not connect outward; "" when it may
	Overloaded     []Overload
	NoNetwork      bool                // audit: no path has been probed, and DNS is not asked
	ExchangeHosts  []string            // more host patterns that are Exchange Online
	MX             map[string][]string // hosts of each accepted domain's MX; nil: DNS was not asked; a domain without an entry got no answer

	index *index
}

// Path is a planned path with what the probes know of it.
type Path struct {
	*probes.Path
	Conclusive  *probes.Result // newest round that passed or failed, confirmed; nil before it
	Newest      *probes.Result // newest round that was not cut short, whatever it proved; no verdict is read of it; nil before it
	Endpoints   []Endpoint     // what stays known of each endpoint, in the order host, address
	Client      *probes.TLS    // inbound: the certificate its sender presents, judged at Now; nil where none is known
	MissingRoot string         // inbound: what the sender's trusted_roots lack; "" where nothing, or not configured
}

// Endpoint is what stays known of an endpoint when it cannot be reached.
type Endpoint struct {
	Host, Address string         // as labels have them
	Verdict       probes.Outcome // the last conclusive one; NotReached before it
	TLS           *probes.TLS    // of the last handshake that showed a certificate; nil before
}
