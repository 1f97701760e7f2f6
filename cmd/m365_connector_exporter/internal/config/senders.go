package config

import (
	"crypto/x509"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/inventory"
	"m365_connector_exporter/probes/mailflow"
)

// senders reads the list; each must name an inbound connector of this tenant.
func (r *reader) senders(n *yaml.Node, key string, t *tenant, layers []layerSource) {
	connectors := map[string]bool{}
	for _, c := range t.Tenant.Inbound {
		connectors[c.Name] = true
	}
	seen := map[string]bool{}
	r.list(first(n, maxSenders+1), key, func(n *yaml.Node, k string) {
		s := &sender{Sender: mailflow.Sender{Relays: "external"}, node: n, connectorNode: n}
		r.sender(s, k, &t.Settings)
		switch {
		case s.Name == "":
			r.fail(n, join(k, "name"), "a sender needs a name")
		case seen[s.Name]:
			r.fail(n, join(k, "name"), "duplicate sender %q", s.Name)
		}
		seen[s.Name] = true
		if !connectors[s.Connector] {
			r.unknownConnector(s, join(k, "connector"), slices.Sorted(maps.Keys(connectors)), t)
		}
		if s.probe != nil {
			t.Settings.layers[senderLayer(s.Name)] = s.probe.layer
			interval := probes.DefaultSettings(mailflow.Inbound, mailflow.OnPremises).Interval
			r.checkConflicts(interval, withLayer(layers, s.probe))
		}
		t.Tenant.Senders = append(t.Tenant.Senders, s.Sender)
	})
}

// unknownConnector reports a connector that does not exist. If it could have been in an export, the mistake
// disables that tenant only; if an export was not read, that is the mistake.
func (r *reader) unknownConnector(s *sender, key string, known []string, t *tenant) {
	message := fmt.Sprintf("no inbound connector %q in this tenant", s.Connector) + didYouMean(s.Connector, known)
	switch {
	case s.Connector == "":
		r.fail(s.node, key, "a sender needs the inbound connector that it uses")
	case t.incomplete:
	case len(t.Parts) > 0:
		t.errs = append(t.errs, r.errorAt(s.connectorNode, key, "%s", message))
	default:
		r.fail(s.connectorNode, key, "%s", message)
	}
}

// sender is a sender while it is read.
type sender struct {
	mailflow.Sender
	node, connectorNode *yaml.Node
	probe               *layerSource // nil if it has none
}

// sender reads one sender. What its files contain goes to settings, under its name.
func (r *reader) sender(s *sender, key string, settings *tenantSettings) {
	var roots *x509.CertPool
	var certificate *yaml.Node
	n := s.node
	r.mapping(n, key, fields{
		"name":                func(n *yaml.Node, k string) { s.Name = r.text(n, k) },
		"connector":           func(n *yaml.Node, k string) { s.Connector, s.connectorNode = r.text(n, k), n },
		"organization":        func(n *yaml.Node, k string) { s.Organization = r.text(n, k) },
		"send_connector":      func(n *yaml.Node, k string) { s.SendConnector = r.text(n, k) },
		"mail_from_domains":   func(n *yaml.Node, k string) { s.MailFromDomains = r.each(n, k, r.domain) },
		"relays":              func(n *yaml.Node, k string) { s.Relays = r.word(n, k, "external", "internal") },
		"present_certificate": func(n *yaml.Node, k string) { s.PresentCertificate = r.flag(n, k) },
		"target":              func(n *yaml.Node, k string) { s.Target = r.optional(n, k, inventory.ParseSmartHost) },
		"recipient":           func(n *yaml.Node, k string) { s.Recipient = r.optional(n, k, inventory.ParseMailbox) },
		"probe":               r.probeField(&s.probe),
		"certificate":         func(n *yaml.Node, _ string) { certificate = n },
		"addresses": func(n *yaml.Node, k string) {
			s.Addresses = []netip.Prefix{}
			r.list(n, k, func(n *yaml.Node, k string) { s.Addresses = append(s.Addresses, r.prefix(n, k)) })
		},
		"trusted_roots": func(n *yaml.Node, k string) {
			if s.TrustedRoots = r.path(n, k); s.TrustedRoots != "" {
				roots = r.roots(n, k, s.TrustedRoots)
			}
		},
	})
	var m *Material
	if certificate != nil {
		s.Certificate, m = r.certificate(certificate, join(key, "certificate"))
	}
	if m != nil {
		s.ClientCertificate = m.Presented()
		settings.certificates[s.Name] = *m
	}
	if roots != nil {
		settings.roots[s.Name] = roots
	}
	unread := m == nil && s.Certificate.File+s.Certificate.PKCS12 != "" // which was reported
	if s.PresentCertificate && !unread && (m == nil || m.Key == nil) {
		r.fail(n, join(key, "present_certificate"),
			"needs a certificate with its key: certificate.file or certificate.pkcs12")
	}
}

// certificate reads the source of a certificate, and the certificate itself if the source is a file.
func (r *reader) certificate(n *yaml.Node, key string) (c mailflow.CertificateSource, m *Material) {
	path := func(to *string) func(*yaml.Node, string) {
		return func(n *yaml.Node, k string) { *to = r.path(n, k) }
	}
	r.mapping(n, key, fields{
		"file":          path(&c.File),
		"pkcs12":        path(&c.PKCS12),
		"password_file": path(&c.PasswordFile),
		"smtp":          func(n *yaml.Node, k string) { c.SMTP = r.optional(n, k, parseMailServer) },
	})
	given := 0
	for _, source := range []string{c.File, c.PKCS12, c.SMTP} {
		if source != "" {
			given++
		}
	}
	switch {
	case given > 1:
		r.fail(n, key, "must have only one of file, pkcs12 and smtp, such as { file: certs/edge-1.pem }")
	case c.PasswordFile != "" && c.PKCS12 == "":
		r.fail(n, join(key, "password_file"), "can only be used with pkcs12")
	case c.File != "":
		m = r.certificateFile(n, join(key, "file"), c.File)
	case c.PKCS12 != "":
		m = r.pkcs12(n, key, c)
	}
	return c, m
}
