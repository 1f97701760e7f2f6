package probes

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"m365_connector_exporter/probes/mailflow"
)

// PathID names one way a message can take. It is comparable and is the metric identity of the path.
type PathID struct {
	Tenant    string
	Direction mailflow.Direction
	Connector string
	Path      string // the smart host as configured, the recipient domain, or the sender's name
}

// String is the path as a target: TENANT/DIRECTION/CONNECTOR/PATH, each part percent-encoded where it must be.
func (id PathID) String() string {
	return strings.Join([]string{
		url.PathEscape(id.Tenant), string(id.Direction), url.PathEscape(id.Connector), url.PathEscape(id.Path),
	}, "/")
}

// ErrBadTarget is returned for a target that is not PART[/PART…] with percent-encoded parts.
var ErrBadTarget = errors.New("target must be TENANT[/DIRECTION][/CONNECTOR[/PATH]], each part percent-encoded")

// ParseTarget returns the parts of a target, decoded: one to four. Only a path's name may be empty, that of a connector without a next hop.
func ParseTarget(target string) ([]string, error) {
	parts := strings.Split(target, "/")
	if len(parts) > 4 {
		return nil, ErrBadTarget
	}
	for i, p := range parts {
		text, err := url.PathUnescape(p)
		if err != nil || text == "" && (i < 2 || i < len(parts)-1) {
			return nil, ErrBadTarget
		}
		parts[i] = text
	}
	return parts, nil
}

// Match lists the ids that a target means: a tenant, a connector or one path; the direction may be left out.
func Match(target string, ids []PathID) ([]PathID, error) {
	parts, err := ParseTarget(target)
	if err != nil {
		return nil, err
	}
	var found []PathID
	for _, id := range ids {
		if id.matches(parts) {
			found = append(found, id)
		}
	}
	return found, nil
}

func (id PathID) matches(parts []string) bool {
	full := []string{id.Tenant, string(id.Direction), id.Connector, id.Path}
	short := []string{id.Tenant, id.Connector, id.Path}
	return hasPrefix(full, parts) || len(parts) <= 3 && hasPrefix(short, parts)
}

func hasPrefix(all, first []string) bool {
	if len(first) > len(all) {
		return false
	}
	for i, part := range first {
		if !strings.EqualFold(all[i], part) {
			return false
		}
	}
	return true
}

// NextHopKind says how a path's next hop is found.
type NextHopKind uint8

// The kinds of next hop.
const (
	NextHopSmartHost NextHopKind = iota // a smart host of the connector: name, address or CIDR
	NextHopDomain                       // the MX of a recipient domain
	NextHopSender                       // inbound: the tenant's MX, or the sender's target, seen as that sender
)

// Path is everything a probe needs to know of one way a message can take. It holds no state.
type Path struct {
	ID                   PathID
	Kind                 NextHopKind
	NextHop              string // what is resolved: the smart host or domain, normalised; for HopSender the target host
	ConnectorType        mailflow.ConnectorType
	TLSSettings          mailflow.TLSSettings
	TLSDomain            string
	MailFrom             string   // "" means the null sender <>
	Recipients           []string // for the recipient stage
	Settings             Settings
	NotProbed            string // why the daemon does not probe it ("connector is disabled"); empty when it does
	NotProbeable         string // why nobody can (CIDR too wide, no domain to ask); empty when it can
	UseClientCertificate bool   // inbound: the sender's certificate and key are used, towards Exchange Online hosts alone
	Hint                 string // said with every result: what a refusal or an acceptance would mean; empty when it is plain
}

// IPProtocol chooses address families.
type IPProtocol string

// The families.
const (
	IPAny IPProtocol = "any"
	IP4   IPProtocol = "ip4"
	IP6   IPProtocol = "ip6"
)

// Settings is how a path is probed, every key decided.
type Settings struct {
	Enabled            bool
	Interval           time.Duration
	Timeout            time.Duration // for one endpoint, from its dial to its QUIT
	Until              Stage
	Port               uint16
	HelloName          string
	MailFrom           string // "" = default, "<>" = null sender
	SourceAddress      netip.Addr
	Protocol           IPProtocol
	DNSServers         []string // host:port; empty = the system's
	ConnectTo          []netip.Addr
	MessageMinInterval time.Duration
}

// SettingsOverride is what one place of the configuration says about probing. A nil key says nothing; the nearest layer wins, key by key.
type SettingsOverride struct {
	Enabled            *bool
	Interval           *time.Duration
	Timeout            *time.Duration
	Until              *Stage
	Port               *uint16
	HelloName          *string
	MailFrom           *string
	SourceAddress      *netip.Addr
	Protocol           *IPProtocol
	DNSServers         []string
	ConnectTo          []netip.Addr
	MessageMinInterval *time.Duration
}
