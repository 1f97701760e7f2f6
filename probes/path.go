package probes

import (
	"cmp"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// PathID identifies a path. It is comparable, and its fields are the labels of the path's metrics.
type PathID struct {
	Tenant    string
	Direction mailflow.Direction
	Connector string
	Path      string // the smart host as configured, the recipient domain, or the sender's name
}

// String returns the path as a target: TENANT/DIRECTION/CONNECTOR/PATH, each part percent-encoded where necessary.
func (id PathID) String() string {
	return strings.Join([]string{
		url.PathEscape(id.Tenant), string(id.Direction), url.PathEscape(id.Connector), url.PathEscape(id.Path),
	}, "/")
}

// Compare orders paths by tenant, direction, connector and path. The result is that of [cmp.Compare].
func (id PathID) Compare(other PathID) int {
	return cmp.Or(cmp.Compare(id.Tenant, other.Tenant), cmp.Compare(id.Direction, other.Direction),
		cmp.Compare(id.Connector, other.Connector), cmp.Compare(id.Path, other.Path))
}

// DisplayName returns the path for display: "contoso › To on-premises › mail.contoso.com (outbound)". Empty parts
// are left out. Commands and links use the target, see [PathID.String].
func (id PathID) DisplayName() string {
	parts := slices.DeleteFunc([]string{id.Tenant, id.Connector, id.Path}, func(part string) bool { return part == "" })
	name := strings.Join(parts, " › ")
	if id.Direction != "" {
		name += " (" + string(id.Direction) + ")"
	}
	return name
}

// NextHopKind determines how the next hop of a path is resolved.
type NextHopKind uint8

// The kinds of next hop.
const (
	NextHopSmartHost NextHopKind = iota // a smart host of the connector: name, address or CIDR range
	NextHopDomain                       // the MX of a recipient domain
	NextHopSender                       // inbound: the tenant's MX, or the sender's target
)

// Path is one way for mail through a connector, with everything that a probe needs to know about it. It has no state.
type Path struct {
	ID            PathID
	Kind          NextHopKind
	NextHop       string // what is resolved: the smart host or domain, normalised; for NextHopSender the target host
	ConnectorType mailflow.ConnectorType
	TLSSettings   mailflow.TLSSettings
	TLSDomain     string
	MailFrom      string   // "" is the null sender <>
	OwnSender     bool     // the domain of MailFrom is an accepted domain of the tenant; outbound only
	Recipients    []string // for the recipient stage
	Settings      Settings
	Controls      []Control // at most one of each kind; none unless negative_controls is set
	NotProbed     string    // why the daemon does not probe it ("the connector is disabled"); "" if it does
	NotProbeable  string    // why it cannot be probed (CIDR range too wide, no domain to look up); "" if it can
	Hint          string    // what an accepted or refused recipient means for this path; "" if it needs no explanation

	// Message, if not nil, is sent instead of the test message of the prober, by the first endpoint that reaches the
	// stage, without regard to the budget of test messages.
	Message []byte
	// UseClientCertificate makes the probe present the sender's certificate, to hosts of Exchange Online only.
	UseClientCertificate bool
	// DANE reports whether TLSA records are looked up: the connector's mode permits DANE, and the next hop is a name.
	DANE bool
}

// UsesDNS reports whether the next hop is a name that is looked up in DNS.
func (p *Path) UsesDNS() bool {
	literal := strings.Trim(p.NextHop, "[]")
	if _, err := netip.ParsePrefix(literal); err == nil || strings.HasPrefix(strings.ToLower(literal), "ipv6:") {
		return false
	}
	_, err := netip.ParseAddr(literal)
	return err != nil && len(p.Settings.ConnectTo) == 0
}

// Scheduled reports whether the daemon probes the path.
func (p *Path) Scheduled() bool { return p.NotProbed == "" && p.NotProbeable == "" }
