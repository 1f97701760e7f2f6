package config

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/mailflow"
)

// layerSource is a probe section and where it is written, so that a conflict between two of them names the inner one.
type layerSource struct {
	layer probes.SettingsOverride
	node  *yaml.Node
	file  string
	key   string
}

// The lowest values of a probe section.
const (
	minTimeout  = 100 * time.Millisecond
	minMessages = 5 * time.Minute
)

// layer reads a probe section. An empty value means the same as an absent key.
func (r *reader) layer(n *yaml.Node, key string) probes.SettingsOverride {
	var l probes.SettingsOverride
	var source *yaml.Node
	known := fields{
		"enabled":        func(n *yaml.Node, k string) { v := r.flag(n, k); l.Enabled = &v },
		"interval":       func(n *yaml.Node, k string) { v := r.interval(n, k); l.Interval = &v },
		"timeout":        func(n *yaml.Node, k string) { v := r.duration(n, k, minTimeout, year); l.Timeout = &v },
		"port":           func(n *yaml.Node, k string) { v := r.port(n, k); l.Port = &v },
		"hello_name":     func(n *yaml.Node, k string) { v := r.parsed(n, k, parseHostName); l.HelloName = &v },
		"mail_from":      func(n *yaml.Node, k string) { v := r.parsed(n, k, parseMailFrom); l.MailFrom = &v },
		"source_address": func(n *yaml.Node, k string) { v := r.addr(n, k); l.SourceAddress, source = &v, n },
		"message_min_interval": func(n *yaml.Node, k string) {
			v := r.duration(n, k, minMessages, year)
			l.MessageMinInterval = &v
		},
		"negative_controls": func(n *yaml.Node, k string) { v := r.flag(n, k); l.NegativeControls = &v },
		"dns_servers":       func(n *yaml.Node, k string) { l.DNSServers = r.each(n, k, r.dnsServer) },
		"dnssec":            func(n *yaml.Node, k string) { l.ValidatingResolvers = r.dnssec(n, k) },
		"until":             func(n *yaml.Node, k string) { v := r.stage(n, k); l.Until = &v },
		"ip_protocol": func(n *yaml.Node, k string) {
			v := probes.IPProtocol(r.word(n, k, "any", "ip4", "ip6"))
			l.Protocol = &v
		},
		"connect_to": func(n *yaml.Node, k string) {
			l.ConnectTo = []netip.Addr{}
			r.list(n, k, func(n *yaml.Node, k string) { l.ConnectTo = append(l.ConnectTo, r.addr(n, k)) })
		},
	}
	r.mapping(n, key, known.unlessEmpty())
	r.warnOfResolvers(n, key, l)
	if l.Interval != nil && l.Timeout != nil && *l.Timeout >= *l.Interval {
		r.fail(n, join(key, "timeout"), "must be below interval")
		r.reported(n, "timeout")
	}
	if otherFamily(l.SourceAddress, l.Protocol) {
		r.fail(source, join(key, "source_address"), "%s", familyMistake("", *l.Protocol))
		r.reported(n, "source_address")
	}
	return l
}

// warnOfResolvers warns of resolvers that are named as validating and that the same section does not use.
func (r *reader) warnOfResolvers(n *yaml.Node, key string, l probes.SettingsOverride) {
	for _, server := range l.ValidatingResolvers {
		if len(l.DNSServers) > 0 && !slices.Contains(l.DNSServers, server) {
			key := join(key, "dnssec.validating_resolvers")
			r.warn(r.errorAt(n, key, "%q is not one of dns_servers, so it is never queried", server).Error())
		}
	}
}

// dnssec reads the resolvers whose verdict on signatures counts, besides those on loopback. It returns nil if the
// section does not name any.
func (r *reader) dnssec(n *yaml.Node, key string) (resolvers []string) {
	r.mapping(n, key, fields{
		"validating_resolvers": func(n *yaml.Node, k string) { resolvers = r.each(n, k, r.dnsServer) },
	})
	return resolvers
}

// probeField returns what reads a probe section into *to.
func (r *reader) probeField(to **layerSource) func(*yaml.Node, string) {
	return func(n *yaml.Node, k string) { *to = &layerSource{r.layer(n, k), n, r.file, k} }
}

// withLayer returns the layers with an inner one, which may be nil.
func withLayer(layers []layerSource, inner *layerSource) []layerSource {
	if inner == nil {
		return layers
	}
	return append(slices.Clip(layers), *inner)
}

// otherFamily reports whether ip_protocol excludes every connection from a source address.
func otherFamily(source *netip.Addr, protocol *probes.IPProtocol) bool {
	if source == nil || protocol == nil || !source.IsValid() {
		return false
	}
	four := source.Unmap().Is4()
	return *protocol == probes.IP4 && !four || *protocol == probes.IP6 && four
}

func familyMistake(address string, protocol probes.IPProtocol) string {
	return strings.TrimSpace(fmt.Sprintf("%s is not an address of ip_protocol %s: no connection could be made", address,
		protocol))
}

// interval reads an interval. An invalid one becomes the longest, so that no timeout is reported to conflict with it.
func (r *reader) interval(n *yaml.Node, key string) time.Duration {
	before := r.failures
	if d := r.duration(n, key, time.Second, year); r.failures == before {
		return d
	}
	return math.MaxInt64
}

// unlessEmpty skips values that are null or "".
func (f fields) unlessEmpty() fields {
	skipping := make(fields, len(f))
	for key, read := range f {
		skipping[key] = func(n *yaml.Node, k string) {
			if v := resolve(n); v.Kind != yaml.ScalarNode || v.Value != "" && !isNull(v) {
				read(n, k)
			}
		}
	}
	return skipping
}

func (r *reader) port(n *yaml.Node, key string) uint16 {
	return uint16(r.number(n, key, 1, 65535)) //nolint:gosec // in range
}

func (r *reader) stage(n *yaml.Node, key string) probes.Stage {
	text := r.text(n, key)
	stage, ok := probes.ParseStage(text)
	if !ok {
		var names []string
		for _, s := range probes.Stages {
			names = append(names, s.Name)
		}
		r.failValue(n, key, inventory.MustBeOneOf(text, names))
	}
	return stage
}

// conflict identifies a conflict between settings: the probe section and the key at which it is reported.
type conflict struct {
	section *yaml.Node
	key     string
}

// reported marks a conflict as reported, and reports whether it was before.
func (r *reader) reported(section *yaml.Node, key string) bool {
	if r.conflicts == nil {
		r.conflicts = map[conflict]bool{}
	}
	c := conflict{section, key}
	before := r.conflicts[c]
	r.conflicts[c] = true
	return before
}

// checkConflicts looks for settings that exclude each other, in one section or in several, outermost first. The
// innermost section that has one of them is reported, once.
func (r *reader) checkConflicts(interval time.Duration, layers []layerSource) {
	r.checkTimeout(interval, layers)
	r.checkFamily(layers)
}

// checkFamily refuses a source_address that ip_protocol excludes.
func (r *reader) checkFamily(layers []layerSource) {
	var source *netip.Addr
	var protocol *probes.IPProtocol
	var innermost layerSource
	for _, s := range layers {
		if s.layer.SourceAddress != nil {
			source, innermost = s.layer.SourceAddress, s
		}
		if s.layer.Protocol != nil {
			protocol, innermost = s.layer.Protocol, s
		}
	}
	if otherFamily(source, protocol) && !r.reported(innermost.node, "source_address") {
		r.report(innermost, "source_address", familyMistake(source.String(), *protocol))
	}
}

// checkTimeout refuses a timeout that is not below the interval.
func (r *reader) checkTimeout(interval time.Duration, layers []layerSource) {
	timeout := probes.DefaultSettings(mailflow.Outbound, mailflow.OnPremises).Timeout // the same for every path
	var innermost *layerSource
	for i, s := range layers {
		if s.layer.Interval != nil {
			interval, innermost = *s.layer.Interval, &layers[i]
		}
		if s.layer.Timeout != nil {
			timeout, innermost = *s.layer.Timeout, &layers[i]
		}
	}
	if innermost != nil && timeout >= interval && !r.reported(innermost.node, "timeout") {
		r.report(*innermost, "timeout", "must be below interval: "+timeout.String()+" is not below "+interval.String())
	}
}

func (r *reader) report(s layerSource, key, message string) {
	r.errs = append(r.errs, Error{File: s.file, Line: s.node.Line, Key: join(s.key, key), Message: message})
}
