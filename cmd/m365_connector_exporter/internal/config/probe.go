package config

import (
	"math"
	"net/netip"
	"time"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// place is a probe section and where it stands, so that a contradiction between two of them names the inner one.
type place struct {
	layer probes.SettingsOverride
	node  *yaml.Node
	file  string
	key   string
}

// layer reads a probe section. An empty value says nothing, like an absent key.
func (r *reader) layer(n *yaml.Node, key string) probes.SettingsOverride {
	var l probes.SettingsOverride
	var source *yaml.Node
	known := fields{
		"enabled":              func(n *yaml.Node, k string) { v := r.flag(n, k); l.Enabled = &v },
		"interval":             func(n *yaml.Node, k string) { v := r.interval(n, k); l.Interval = &v },
		"timeout":              func(n *yaml.Node, k string) { v := r.duration(n, k, 100*time.Millisecond, year); l.Timeout = &v },
		"port":                 func(n *yaml.Node, k string) { v := uint16(r.number(n, k, 1, 65535)); l.Port = &v }, //nolint:gosec // in range
		"hello_name":           func(n *yaml.Node, k string) { v := r.hostName(n, k); l.HelloName = &v },
		"source_address":       func(n *yaml.Node, k string) { v := r.addr(n, k); l.SourceAddress, source = &v, n },
		"message_min_interval": func(n *yaml.Node, k string) { v := r.duration(n, k, 5*time.Minute, year); l.MessageMinInterval = &v },
		"dns_servers":          func(n *yaml.Node, k string) { l.DNSServers = r.each(n, k, r.hostPort) },
		"until":                func(n *yaml.Node, k string) { v := r.stage(n, k); l.Until = &v },
		"ip_protocol": func(n *yaml.Node, k string) {
			v := probes.IPProtocol(r.word(n, k, "any", "ip4", "ip6"))
			l.Protocol = &v
		},
		"mail_from": func(n *yaml.Node, k string) {
			v := "<>"
			if r.text(n, k) != v {
				v = r.mailbox(n, k)
			}
			l.MailFrom = &v
		},
		"connect_to": func(n *yaml.Node, k string) {
			l.ConnectTo = []netip.Addr{}
			r.list(n, k, func(n *yaml.Node, k string) { l.ConnectTo = append(l.ConnectTo, r.addr(n, k)) })
		},
	}
	r.mapping(n, key, known.unlessEmpty(r))
	if l.Interval != nil && l.Timeout != nil && *l.Timeout >= *l.Interval {
		r.fail(n, join(key, "timeout"), "must be below interval")
		r.tell(n, "timeout")
	}
	if otherFamily(l.SourceAddress, l.Protocol) {
		r.fail(source, join(key, "source_address"), "is no address of ip_protocol %s: no connection could be made", *l.Protocol)
		r.tell(n, "source_address")
	}
	return l
}

// otherFamily tells that nothing could be dialled from the address.
func otherFamily(source *netip.Addr, protocol *probes.IPProtocol) bool {
	if source == nil || protocol == nil || !source.IsValid() {
		return false
	}
	four := source.Unmap().Is4()
	return *protocol == probes.IP4 && !four || *protocol == probes.IP6 && four
}

// interval reads one. Where it is wrong, no timeout is blamed for not being below it.
func (r *reader) interval(n *yaml.Node, key string) time.Duration {
	before := r.failures
	if d := r.duration(n, key, time.Second, year); r.failures == before {
		return d
	}
	return math.MaxInt64
}

// unlessEmpty skips values that are null or "".
func (f fields) unlessEmpty(r *reader) fields {
	skipping := make(fields, len(f))
	for key, read := range f {
		skipping[key] = func(n *yaml.Node, k string) {
			if v, _ := r.enter(n); v.Kind != yaml.ScalarNode || v.Value != "" && !isNull(v) {
				read(n, k)
			}
		}
	}
	return skipping
}

func (r *reader) stage(n *yaml.Node, key string) probes.Stage {
	stage, ok := probes.ParseStage(r.text(n, key))
	if !ok {
		r.fail(n, key, "must be one of resolve, connect, ehlo, tls, recipient, message")
	}
	return stage
}

// telling is a contradiction that a probe section takes part in, by the key that is blamed.
type telling struct {
	section *yaml.Node
	key     string
}

// tell says true once for a section and a key.
func (r *reader) tell(section *yaml.Node, key string) bool {
	if r.told == nil {
		r.told = map[telling]bool{}
	}
	t := telling{section, key}
	before := r.told[t]
	r.told[t] = true
	return !before
}

// contradictions looks for what sections, outermost first, say against each other. The innermost one that says any of it is to blame,
// and is blamed once.
func (r *reader) contradictions(interval time.Duration, chain ...*place) {
	r.timeouts(interval, chain)
	r.families(chain)
}

// families refuses a source_address that ip_protocol leaves out.
func (r *reader) families(chain []*place) {
	var source *netip.Addr
	var protocol *probes.IPProtocol
	var blame *place
	for _, p := range chain {
		if p == nil {
			continue
		}
		if p.layer.SourceAddress != nil {
			source, blame = p.layer.SourceAddress, p
		}
		if p.layer.Protocol != nil {
			protocol, blame = p.layer.Protocol, p
		}
	}
	if otherFamily(source, protocol) && r.tell(blame.node, "source_address") {
		r.blame(blame, "source_address", source.String()+" is no address of ip_protocol "+string(*protocol)+": no connection could be made")
	}
}

func (r *reader) blame(p *place, key, message string) {
	r.errs = append(r.errs, Error{File: p.file, Line: p.node.Line, Key: join(p.key, key), Message: message})
}

// timeouts refuses a timeout that is not below the interval.
func (r *reader) timeouts(interval time.Duration, chain []*place) {
	timeout := probes.DefaultSettings(mailflow.Outbound, mailflow.OnPremises).Timeout // the same for every path
	var blame *place
	for _, p := range chain {
		if p == nil {
			continue
		}
		if p.layer.Interval != nil {
			interval, blame = *p.layer.Interval, p
		}
		if p.layer.Timeout != nil {
			timeout, blame = *p.layer.Timeout, p
		}
	}
	if blame != nil && timeout >= interval && r.tell(blame.node, "timeout") {
		r.blame(blame, "timeout", "must be below interval: "+timeout.String()+" is not below "+interval.String())
	}
}
