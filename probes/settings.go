package probes

import (
	"net/netip"
	"strings"
	"time"

	"m365_connector_exporter/probes/mailflow"
)

// IPProtocol restricts which addresses of a host are probed.
type IPProtocol string

// The address families.
const (
	IPAny IPProtocol = "any"
	IP4   IPProtocol = "ip4"
	IP6   IPProtocol = "ip6"
)

// Settings are the settings of a path: the `probe` sections of the configuration, merged with the defaults.
type Settings struct {
	Enabled       bool
	Interval      time.Duration
	Timeout       time.Duration // for one endpoint, from the connection attempt to QUIT
	Until         Stage         // the last stage
	Port          uint16
	HelloName     string
	MailFrom      string // "" means the default, "<>" the null sender
	SourceAddress netip.Addr
	Protocol      IPProtocol
	DNSServers    []string // host:port; empty means those of the system
	// ValidatingResolvers are the DNS servers, as host:port, that validate DNSSEC and are reached over a trusted network.
	// Those on loopback need not be listed.
	ValidatingResolvers []string
	ConnectTo           []netip.Addr
	MessageMinInterval  time.Duration
	NegativeControls    bool // once a day, try sessions that must be refused
}

// DefaultSettings returns the settings of a path that the configuration does not set. [Plan] completes HelloName and
// Until.
func DefaultSettings(d mailflow.Direction, t mailflow.ConnectorType) Settings {
	s := Settings{
		Enabled: true, Interval: 5 * time.Minute, Timeout: 30 * time.Second, Until: TLSStage, Port: 25,
		Protocol: IPAny, MessageMinInterval: time.Hour,
	}
	switch {
	case d == mailflow.Inbound:
		s.Interval, s.Until = time.Hour, Recipient
	case t == mailflow.Partner:
		s.Interval = 30 * time.Minute
	}
	return s
}

// SettingsOverride is one `probe` section of the configuration. A nil field is not set in it. If several sections set a
// field, the innermost one wins.
type SettingsOverride struct {
	Enabled             *bool
	Interval            *time.Duration
	Timeout             *time.Duration
	Until               *Stage
	Port                *uint16
	HelloName           *string
	MailFrom            *string
	SourceAddress       *netip.Addr
	Protocol            *IPProtocol
	DNSServers          []string
	ValidatingResolvers []string
	ConnectTo           []netip.Addr
	MessageMinInterval  *time.Duration
	NegativeControls    *bool
}

// withOverrides applies sections, outermost first.
func (s Settings) withOverrides(sections ...SettingsOverride) Settings {
	for _, o := range sections {
		override(&s.Enabled, o.Enabled)
		override(&s.Interval, o.Interval)
		override(&s.Timeout, o.Timeout)
		override(&s.Until, o.Until)
		override(&s.Port, o.Port)
		override(&s.HelloName, o.HelloName)
		override(&s.MailFrom, o.MailFrom)
		override(&s.SourceAddress, o.SourceAddress)
		override(&s.Protocol, o.Protocol)
		override(&s.MessageMinInterval, o.MessageMinInterval)
		override(&s.NegativeControls, o.NegativeControls)
		if o.DNSServers != nil {
			s.DNSServers = o.DNSServers
		}
		if o.ValidatingResolvers != nil {
			s.ValidatingResolvers = o.ValidatingResolvers
		}
		if o.ConnectTo != nil {
			s.ConnectTo = o.ConnectTo
		}
	}
	return s
}

func override[T any](value, with *T) {
	if with != nil {
		*value = *with
	}
}

// WithOverride returns the path with the settings of a module of /probe. A path without recipients ends at the tls
// stage.
func (p Path) WithOverride(o SettingsOverride) Path {
	p.Settings = p.Settings.withOverrides(o)
	if o.MailFrom != nil && *o.MailFrom != "" {
		from := mailFrom(*o.MailFrom, "")
		p.OwnSender = p.OwnSender && strings.EqualFold(domainOf(from), domainOf(p.MailFrom))
		p.MailFrom = from
	}
	if len(p.Recipients) == 0 {
		p.Settings.Until = min(p.Settings.Until, TLSStage)
	}
	return p
}
