package config

import (
	"maps"
	"net/netip"
	"strings"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

func (r *reader) outboundConnectors(n *yaml.Node, key string, t *readTenant, chain []place) {
	overlay(r, n, key, &t.tenant.Outbound, mailflow.Outbound, t, chain,
		func(c *mailflow.OutboundConnector) (*mailflow.Common, fields) { return &c.Common, r.routing(c) })
}

func (r *reader) inboundConnectors(n *yaml.Node, key string, t *readTenant, chain []place) {
	overlay(r, n, key, &t.tenant.Inbound, mailflow.Inbound, t, chain,
		func(c *mailflow.InboundConnector) (*mailflow.Common, fields) { return &c.Common, r.admission(c) })
}

// overlay reads a list of connectors into *all; one that an export has too is overlaid, key by key. parts gives what a connector
// shares with the other direction, and the keys that are its own direction's.
func overlay[C any](r *reader, n *yaml.Node, key string, all *[]C, d mailflow.Direction, t *readTenant, chain []place, parts func(*C) (*mailflow.Common, fields)) {
	at := map[string]int{}
	for i := range *all {
		common, _ := parts(&(*all)[i])
		at[common.Name] = i
	}
	mine := map[string]bool{}
	r.list(n, key, func(n *yaml.Node, k string) {
		i, imported := at[scalar(n, "name")]
		if !imported {
			var fresh C
			*all = append(*all, fresh)
			i = len(*all) - 1
		}
		common, own := parts(&(*all)[i])
		probe := r.connectorKeys(n, k, common, own)
		at[common.Name] = i
		r.connector(n, k, *common, d, mine, t, chain, probe)
	})
}

// connectorKeys reads one connector: what both directions share, and its own direction's keys.
func (r *reader) connectorKeys(n *yaml.Node, key string, c *mailflow.Common, own fields) *place {
	var probe *place
	known := r.common(c)
	r.noteLeftOut(c, own)
	maps.Copy(known, own)
	if !r.lenient {
		known["probe"] = r.probeField(&probe)
	}
	r.mapping(n, key, known)
	return probe
}

// meaningful are the properties whose emptiness is judged: that an export leaves one out must not be taken for it.
var meaningful = [...]string{"tls_settings", "tls_domain", "smart_hosts", "recipient_domains", "sender_ip_addresses", "tls_sender_certificate_name"}

// noteLeftOut keeps which of these an export's record leaves out, or has in a form that nobody reads. What YAML overlays is known.
func (r *reader) noteLeftOut(c *mailflow.Common, own fields) {
	for _, key := range meaningful {
		read, here := own[key]
		if !here {
			continue
		}
		if r.lenient {
			c.MissingProperties = append(c.MissingProperties, key)
		}
		own[key] = func(n *yaml.Node, k string) {
			before := len(r.warnings)
			if read(n, k); len(r.warnings) == before {
				c.MissingProperties = without(c.MissingProperties, key)
			}
		}
	}
}

// without is a copy of the list without an item; nil when nothing is left.
func without(list []string, item string) []string {
	var rest []string
	for _, one := range list {
		if one != item {
			rest = append(rest, one)
		}
	}
	return rest
}

// connector checks what both directions share and files the probe section.
func (r *reader) connector(n *yaml.Node, key string, c mailflow.Common, d mailflow.Direction, mine map[string]bool, t *readTenant, chain []place, probe *place) {
	switch {
	case c.Name == "":
		r.fail(n, join(key, "name"), "a connector needs a name")
	case mine[c.Name]:
		r.fail(n, join(key, "name"), "connector %q stands twice", c.Name)
	}
	mine[c.Name] = true
	if probe != nil {
		t.own.layers[connectorLayer(d, c.Name)] = probe.layer
	}
	r.contradictions(probes.DefaultSettings(d, c.Type).Interval, append(pointers(chain), probe)...)
}

func pointers(chain []place) []*place {
	all := make([]*place, 0, len(chain)+2)
	for i := range chain {
		all = append(all, &chain[i])
	}
	return all
}

// probeField reads a probe section into *to.
func (r *reader) probeField(to **place) func(*yaml.Node, string) {
	return func(n *yaml.Node, k string) { *to = &place{r.layer(n, k), n, r.file, k} }
}

func (r *reader) common(c *mailflow.Common) fields {
	known := r.ignored("identity", "when_created", "when_changed", "exchange_object_id", "is_valid", "object_state", "organization_id",
		"distinguished_name", "name_hash_guid", "organizational_unit_root", "originating_server", "admin_display_name")
	known["name"] = func(n *yaml.Node, k string) { c.Name = r.text(n, k) }
	known["comment"] = func(n *yaml.Node, k string) { c.Comment = r.comment(n, k) }
	known["connector_type"] = func(n *yaml.Node, k string) {
		c.Type = mailflow.ConnectorType(r.enum(n, k, 1, "OnPremises", "Partner"))
	}
	known["connector_source"] = func(n *yaml.Node, k string) { c.Source = r.text(n, k) }
	known["enabled"] = func(n *yaml.Node, k string) { c.Enabled = r.tri(n, k) }
	known["cloud_services_mail_enabled"] = func(n *yaml.Node, k string) { c.CloudServicesMailEnabled = r.tri(n, k) }
	known["when_created_utc"] = func(n *yaml.Node, k string) { c.WhenCreated = r.time(n, k) }
	known["when_changed_utc"] = func(n *yaml.Node, k string) { c.WhenChanged = r.time(n, k) }
	known["guid"] = func(n *yaml.Node, k string) { c.GUID = r.text(n, k) }
	return known
}

// comment is free text and may have lines; control characters become spaces.
func (r *reader) comment(n *yaml.Node, key string) string {
	n, _ = r.enter(n)
	if isNull(n) {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		r.fail(n, key, "must be text")
		return ""
	}
	return strings.Map(func(c rune) rune {
		if isControl(c) {
			return ' '
		}
		return c
	}, n.Value)
}

func (r *reader) routing(c *mailflow.OutboundConnector) fields {
	return fields{
		"recipient_domains":                  func(n *yaml.Node, k string) { c.RecipientDomains = r.each(n, k, r.wildDomain) },
		"all_accepted_domains":               func(n *yaml.Node, k string) { c.AllAcceptedDomains = r.tri(n, k) },
		"is_transport_rule_scoped":           func(n *yaml.Node, k string) { c.IsTransportRuleScoped = r.tri(n, k) },
		"use_mx_record":                      func(n *yaml.Node, k string) { c.UseMXRecord = r.tri(n, k) },
		"smart_hosts":                        func(n *yaml.Node, k string) { c.SmartHosts = r.each(n, k, r.smartHost) },
		"tls_settings":                       func(n *yaml.Node, k string) { c.TLSSettings = r.tlsSettings(n, k) },
		"tls_domain":                         func(n *yaml.Node, k string) { c.TLSDomain = r.optional(n, k, r.wildDomain) },
		"route_all_messages_via_on_premises": func(n *yaml.Node, k string) { c.RouteAllMessagesViaOnPremises = r.tri(n, k) },
		"sender_rewriting_enabled":           func(n *yaml.Node, k string) { c.SenderRewritingEnabled = r.tri(n, k) },
		"mta_sts_mode":                       func(n *yaml.Node, k string) { c.MTASTSMode = r.text(n, k) },
		"smtp_dane_mode":                     func(n *yaml.Node, k string) { c.SMTPDANEMode = r.text(n, k) },
		"test_mode":                          func(n *yaml.Node, k string) { c.TestMode = r.tri(n, k) },
		"is_validated":                       func(n *yaml.Node, k string) { c.IsValidated = r.tri(n, k) },
		"last_validation_timestamp":          func(n *yaml.Node, k string) { c.LastValidation = r.time(n, k) },
		"validation_recipients":              func(n *yaml.Node, k string) { c.ValidationRecipients = r.each(n, k, r.mailbox) },
		"link_for_modified_connector":        func(*yaml.Node, string) {},
	}
}

// optional reads null and "" as absent.
func (r *reader) optional(n *yaml.Node, key string, read func(*yaml.Node, string) string) string {
	if v, _ := r.enter(n); v.Kind == yaml.ScalarNode && (isNull(v) || v.Value == "") {
		return ""
	}
	return read(n, key)
}

func (r *reader) tlsSettings(n *yaml.Node, key string) mailflow.TLSSettings {
	return mailflow.TLSSettings(r.optional(n, key, func(n *yaml.Node, k string) string {
		return r.enum(n, k, 1, "EncryptionOnly", "CertificateValidation", "DomainValidation")
	}))
}

// smartHost reads a name, an address, a range or a bracketed address, as configured: it becomes a label.
func (r *reader) smartHost(n *yaml.Node, key string) string {
	before := r.failures
	value := r.text(n, key)
	bare := value
	if strings.HasPrefix(value, "[") && strings.HasSuffix(value, "]") {
		bare = value[1 : len(value)-1]
	}
	_, addrErr := netip.ParseAddr(bare)
	_, prefixErr := netip.ParsePrefix(bare)
	if addrErr != nil && prefixErr != nil {
		r.plainDomain(n, key)
	}
	if r.failures > before {
		return ""
	}
	return value
}

func (r *reader) admission(c *mailflow.InboundConnector) fields {
	plain := func(n *yaml.Node, k string) string { return r.network(n, k, false) }
	ranged := func(n *yaml.Node, k string) string { return r.network(n, k, true) }
	return fields{
		"sender_domains":                   func(n *yaml.Node, k string) { c.SenderDomains = r.each(n, k, r.wildDomain) },
		"sender_ip_addresses":              func(n *yaml.Node, k string) { c.SenderIPAddresses = r.each(n, k, plain) },
		"restrict_domains_to_ip_addresses": func(n *yaml.Node, k string) { c.RestrictDomainsToIPAddresses = r.tri(n, k) },
		"restrict_domains_to_certificate":  func(n *yaml.Node, k string) { c.RestrictDomainsToCertificate = r.tri(n, k) },
		"require_tls":                      func(n *yaml.Node, k string) { c.RequireTLS = r.tri(n, k) },
		"tls_sender_certificate_name": func(n *yaml.Node, k string) {
			c.TLSSenderCertificateName = r.optional(n, k, r.certificateName)
		},
		"associated_accepted_domains": func(n *yaml.Node, k string) { c.AssociatedAcceptedDomains = r.texts(n, k) },
		"treat_messages_as_internal":  func(n *yaml.Node, k string) { c.TreatMessagesAsInternal = r.tri(n, k) },
		"ef_skip_last_ip":             func(n *yaml.Node, k string) { c.EFSkipLastIP = r.tri(n, k) },
		"ef_skip_ips":                 func(n *yaml.Node, k string) { c.EFSkipIPs = r.each(n, k, ranged) },
		"ef_users":                    func(n *yaml.Node, k string) { c.EFUsers = r.texts(n, k) },
		"trusted_organizations":       func(n *yaml.Node, k string) { c.TrustedOrganizations = r.texts(n, k) },
		"client_host_names":           func(n *yaml.Node, k string) { c.ClientHostNames = r.texts(n, k) },
		"ef_skip_mail_gateway":        func(*yaml.Node, string) {},
		"ef_test_mode":                func(*yaml.Node, string) {},
		"scan_and_drop_recipients":    func(*yaml.Node, string) {},
	}
}

// certificateName reads a domain, or the form <I>issuer<S>subject, which no document shows for Exchange Online and none
// rules out: it is kept as it is.
func (r *reader) certificateName(n *yaml.Node, key string) string {
	if value := r.text(n, key); strings.HasPrefix(value, "<I>") {
		return value
	}
	return r.domain(n, key, true)
}
