package config

import (
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/idna"
	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// layer reads a probe section.
func (r *reader) layer(n *yaml.Node, key string) probes.Layer {
	var l probes.Layer
	r.mapping(n, key, fields{
		"enabled":              func(n *yaml.Node, k string) { v := r.flag(n, k); l.Enabled = &v },
		"interval":             func(n *yaml.Node, k string) { v := r.duration(n, k, time.Second); l.Interval = &v },
		"timeout":              func(n *yaml.Node, k string) { v := r.duration(n, k, 100*time.Millisecond); l.Timeout = &v },
		"port":                 func(n *yaml.Node, k string) { v := uint16(r.number(n, k, 1, 65535)); l.Port = &v }, //nolint:gosec // in range
		"hello_name":           func(n *yaml.Node, k string) { v := r.hostName(n, k); l.HelloName = &v },
		"source_address":       func(n *yaml.Node, k string) { v := r.addr(n, k); l.SourceAddress = &v },
		"message_min_interval": func(n *yaml.Node, k string) { v := r.duration(n, k, 5*time.Minute); l.MessageMinInterval = &v },
		"dns_servers":          func(n *yaml.Node, k string) { l.DNSServers = r.texts(n, k) },
		"until": func(n *yaml.Node, k string) {
			stage, ok := probes.ParseStage(r.text(n, k))
			if !ok {
				r.fail(n, k, "must be one of resolve, connect, ehlo, tls, recipient, message")
			}
			l.Until = &stage
		},
		"ip_protocol": func(n *yaml.Node, k string) {
			v := probes.IPProtocol(r.word(n, k, "any", "ip4", "ip6"))
			l.Protocol = &v
		},
		"mail_from": func(n *yaml.Node, k string) {
			v := "<>"
			if n.Value != "<>" {
				v = r.mailbox(n, k)
			}
			l.MailFrom = &v
		},
		"connect_to": func(n *yaml.Node, k string) {
			l.ConnectTo = []netip.Addr{}
			r.list(n, k, func(n *yaml.Node, k string) { l.ConnectTo = append(l.ConnectTo, r.addr(n, k)) })
		},
	})
	if l.Interval != nil && l.Timeout != nil && *l.Timeout >= *l.Interval {
		r.fail(n, join(key, "timeout"), "must be below interval")
	}
	return l
}

// hostName reads a name that may stand in EHLO.
func (r *reader) hostName(n *yaml.Node, key string) string {
	value := r.text(n, key)
	if strings.ContainsAny(value, " <>()@\"\\") {
		r.fail(n, key, "must be a host name")
		return ""
	}
	return value
}

// domain reads a domain into A-label form, lower case, without a trailing dot. A leading "*." or a lone "*" may be allowed.
func (r *reader) domain(n *yaml.Node, key string, wildcard bool) string {
	value := strings.TrimSuffix(r.text(n, key), ".")
	value = strings.TrimPrefix(value, "smtp:")
	value, _, _ = strings.Cut(value, ";")
	if wildcard && value == "*" {
		return value
	}
	base, wild := strings.CutPrefix(value, "*.")
	ascii, err := idna.Lookup.ToASCII(base)
	if err != nil || ascii == "" || strings.ContainsAny(ascii, "*/@ ") || wild && !wildcard {
		r.fail(n, key, "must be a domain")
		return ""
	}
	if wild {
		return "*." + strings.ToLower(ascii)
	}
	return strings.ToLower(ascii)
}

func (r *reader) domains(n *yaml.Node, key string) []string {
	var all []string
	r.list(n, key, func(n *yaml.Node, k string) { all = append(all, r.domain(n, k, true)) })
	return all
}

func (r *reader) tri(n *yaml.Node, key string) mailflow.Tri {
	if isNull(n) {
		return mailflow.Unknown
	}
	return mailflow.TriOf(r.flag(n, key))
}

func (r *reader) time(n *yaml.Node, key string) time.Time {
	value := r.text(n, key)
	if value == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05.9999999", "2006-01-02"} {
		if t, err := time.Parse(layout, value); err == nil {
			return t.UTC()
		}
	}
	r.fail(n, key, "must be a time such as 2026-11-24T12:00:00Z")
	return time.Time{}
}

// tenant reads one tenant and its probe layers.
func (r *reader) tenant(n *yaml.Node, key string) (mailflow.Tenant, map[string]probes.Layer) {
	var t mailflow.Tenant
	layers := map[string]probes.Layer{}
	r.mapping(n, key, fields{
		"name":  func(n *yaml.Node, k string) { t.Name = r.text(n, k) },
		"probe": func(n *yaml.Node, k string) { layers[tenantLayer] = r.layer(n, k) },
		"cloud": func(n *yaml.Node, k string) {
			t.Cloud = mailflow.Cloud(r.word(n, k, "worldwide", "gcc_high", "dod", "china"))
		},
		"accepted_domains": func(n *yaml.Node, k string) {
			r.list(n, k, func(n *yaml.Node, k string) { t.AcceptedDomains = append(t.AcceptedDomains, r.accepted(n, k)) })
		},
		"outbound_connectors": func(n *yaml.Node, k string) {
			r.list(n, k, func(n *yaml.Node, k string) { t.Outbound = append(t.Outbound, r.outbound(n, k, layers)) })
		},
	})
	if t.Name == "" {
		r.fail(n, join(key, "name"), "a tenant needs a name")
	}
	return t, layers
}

func (r *reader) accepted(n *yaml.Node, key string) mailflow.AcceptedDomain {
	var d mailflow.AcceptedDomain
	r.mapping(n, key, fields{
		"domain_name":       func(n *yaml.Node, k string) { d.Name = r.domain(n, k, false) },
		"domain_type":       func(n *yaml.Node, k string) { d.Type = r.word(n, k, "Authoritative", "InternalRelay", "ExternalRelay") },
		"match_sub_domains": func(n *yaml.Node, k string) { d.MatchSubDomains = r.tri(n, k) },
		"default":           func(n *yaml.Node, k string) { d.Default = r.tri(n, k) },
		"initial_domain":    func(n *yaml.Node, k string) { d.Initial = r.tri(n, k) },
		"outbound_only":     func(n *yaml.Node, k string) { d.OutboundOnly = r.tri(n, k) },
	})
	return d
}

func (r *reader) outbound(n *yaml.Node, key string, layers map[string]probes.Layer) mailflow.OutboundConnector {
	var c mailflow.OutboundConnector
	var layer *probes.Layer
	known := r.common(&c.Common)
	for k, read := range r.routing(&c) {
		known[k] = read
	}
	known["probe"] = func(n *yaml.Node, k string) { l := r.layer(n, k); layer = &l }
	known["tls_settings"] = func(n *yaml.Node, k string) {
		if !isNull(n) {
			c.TLSSettings = mailflow.TLSSettings(r.word(n, k, "EncryptionOnly", "CertificateValidation", "DomainValidation"))
		}
	}
	known["tls_domain"] = func(n *yaml.Node, k string) {
		if !isNull(n) {
			c.TLSDomain = r.domain(n, k, true)
		}
	}
	r.mapping(n, key, known)
	if c.Name == "" {
		r.fail(n, join(key, "name"), "a connector needs a name")
	}
	if layer != nil {
		name := string(mailflow.Outbound) + "/" + c.Name
		if _, twice := layers[name]; twice {
			r.fail(n, join(key, "name"), "connector %q stands twice", c.Name)
		}
		layers[name] = *layer
	}
	return c
}

func (r *reader) common(c *mailflow.Common) fields {
	return fields{
		"name":                        func(n *yaml.Node, k string) { c.Name = r.text(n, k) },
		"comment":                     func(n *yaml.Node, k string) { c.Comment = r.text(n, k) },
		"connector_type":              func(n *yaml.Node, k string) { c.Type = mailflow.ConnectorType(r.word(n, k, "OnPremises", "Partner")) },
		"connector_source":            func(n *yaml.Node, k string) { c.Source = r.text(n, k) },
		"enabled":                     func(n *yaml.Node, k string) { c.Enabled = r.tri(n, k) },
		"cloud_services_mail_enabled": func(n *yaml.Node, k string) { c.CloudServicesMailEnabled = r.tri(n, k) },
		"when_created_utc":            func(n *yaml.Node, k string) { c.WhenCreated = r.time(n, k) },
		"when_changed_utc":            func(n *yaml.Node, k string) { c.WhenChanged = r.time(n, k) },
		"guid":                        func(n *yaml.Node, k string) { c.GUID = r.text(n, k) },
	}
}

func (r *reader) routing(c *mailflow.OutboundConnector) fields {
	return fields{
		"recipient_domains":                  func(n *yaml.Node, k string) { c.RecipientDomains = r.domains(n, k) },
		"all_accepted_domains":               func(n *yaml.Node, k string) { c.AllAcceptedDomains = r.tri(n, k) },
		"is_transport_rule_scoped":           func(n *yaml.Node, k string) { c.IsTransportRuleScoped = r.tri(n, k) },
		"use_mx_record":                      func(n *yaml.Node, k string) { c.UseMXRecord = r.tri(n, k) },
		"smart_hosts":                        func(n *yaml.Node, k string) { c.SmartHosts = r.smartHosts(n, k) },
		"route_all_messages_via_on_premises": func(n *yaml.Node, k string) { c.RouteAllMessagesViaOnPremises = r.tri(n, k) },
		"sender_rewriting_enabled":           func(n *yaml.Node, k string) { c.SenderRewritingEnabled = r.tri(n, k) },
		"mta_sts_mode":                       func(n *yaml.Node, k string) { c.MTASTSMode = r.text(n, k) },
		"smtp_dane_mode":                     func(n *yaml.Node, k string) { c.SMTPDANEMode = r.text(n, k) },
		"test_mode":                          func(n *yaml.Node, k string) { c.TestMode = r.tri(n, k) },
		"is_validated":                       func(n *yaml.Node, k string) { c.IsValidated = r.tri(n, k) },
		"last_validation_timestamp":          func(n *yaml.Node, k string) { c.LastValidation = r.time(n, k) },
		"validation_recipients": func(n *yaml.Node, k string) {
			r.list(n, k, func(n *yaml.Node, k string) { c.ValidationRecipients = append(c.ValidationRecipients, r.mailbox(n, k)) })
		},
	}
}

// smartHosts reads names, addresses, ranges and bracketed addresses, each as configured: it becomes a label.
func (r *reader) smartHosts(n *yaml.Node, key string) []string {
	var hosts []string
	r.list(n, key, func(n *yaml.Node, k string) {
		value := r.text(n, k)
		bare := strings.Trim(value, "[]")
		_, addrErr := netip.ParseAddr(bare)
		_, prefixErr := netip.ParsePrefix(bare)
		if addrErr != nil && prefixErr != nil {
			r.domain(n, k, false)
		}
		hosts = append(hosts, value)
	})
	return hosts
}
