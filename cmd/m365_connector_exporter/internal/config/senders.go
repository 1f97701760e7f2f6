package config

import (
	"crypto/x509"
	"fmt"
	"net/netip"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// senders reads the list; each must name an inbound connector of this tenant.
func (r *reader) senders(n *yaml.Node, key string, t *readTenant, chain []place) {
	connectors := map[string]mailflow.Common{}
	for _, c := range t.tenant.Inbound {
		connectors[c.Name] = c.Common
	}
	seen := map[string]bool{}
	r.list(n, key, func(n *yaml.Node, k string) {
		s, probe := r.sender(n, k, &t.own)
		switch {
		case s.Name == "":
			r.fail(n, join(k, "name"), "a sender needs a name")
		case seen[s.Name]:
			r.fail(n, join(k, "name"), "sender %q stands twice", s.Name)
		}
		seen[s.Name] = true
		if _, ok := connectors[s.Connector]; !ok {
			r.unknownConnector(n, join(k, "connector"), s.Connector, sortedKeys(connectors), t)
		}
		if probe != nil {
			t.own.layers[senderLayer(s.Name)] = probe.layer
			r.contradictions(probes.DefaultSettings(mailflow.Inbound, mailflow.OnPremises).Interval, append(pointers(chain), probe)...)
		}
		t.tenant.Senders = append(t.tenant.Senders, s)
	})
}

// unknownConnector is a bad reference. Where exports could have held the connector it is theirs, and blinds that tenant only; where
// one of them is broken, that is what is wrong.
func (r *reader) unknownConnector(n *yaml.Node, key, name string, known []string, t *readTenant) {
	message := fmt.Sprintf("no inbound connector %q in this tenant", name)
	if near := nearest(name, known); near != "" {
		message += fmt.Sprintf("; did you mean %q?", near)
	}
	switch {
	case name == "":
		r.fail(n, key, "a sender needs the inbound connector that it uses")
	case t.imports.broken:
	case len(t.imports.files) > 0:
		r.broken = append(r.broken, r.errorAt(n, key, "%s", message))
	default:
		r.fail(n, key, "%s", message)
	}
}

// sender reads one sender. What its files hold goes to o, under its name.
func (r *reader) sender(n *yaml.Node, key string, o *own) (mailflow.Sender, *place) {
	s := mailflow.Sender{Relays: "external"}
	var probe *place
	var roots *x509.CertPool
	var certificate *yaml.Node
	r.mapping(n, key, fields{
		"name":                func(n *yaml.Node, k string) { s.Name = r.text(n, k) },
		"connector":           func(n *yaml.Node, k string) { s.Connector = r.text(n, k) },
		"organization":        func(n *yaml.Node, k string) { s.Organization = r.text(n, k) },
		"send_connector":      func(n *yaml.Node, k string) { s.SendConnector = r.text(n, k) },
		"mail_from_domains":   func(n *yaml.Node, k string) { s.MailFromDomains = r.each(n, k, r.plainDomain) },
		"relays":              func(n *yaml.Node, k string) { s.Relays = r.word(n, k, "external", "internal") },
		"present_certificate": func(n *yaml.Node, k string) { s.PresentCertificate = r.flag(n, k) },
		"target":              func(n *yaml.Node, k string) { s.Target = r.optional(n, k, r.smartHost) },
		"recipient":           func(n *yaml.Node, k string) { s.Recipient = r.optional(n, k, r.mailbox) },
		"probe":               r.probeField(&probe),
		"certificate":         func(n *yaml.Node, _ string) { certificate = n },
		"addresses": func(n *yaml.Node, k string) {
			s.Addresses = []netip.Prefix{}
			r.list(n, k, func(n *yaml.Node, k string) { s.Addresses = append(s.Addresses, r.prefix(n, k)) })
		},
		"trusted_roots": func(n *yaml.Node, k string) {
			if s.TrustedRoots = absolute(r.dir(), r.text(n, k)); s.TrustedRoots != "" {
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
		o.certificates[s.Name] = *m
	}
	if roots != nil {
		o.roots[s.Name] = roots
	}
	unread := m == nil && s.Certificate.File+s.Certificate.PKCS12 != "" // that has been told
	if s.PresentCertificate && !unread && (m == nil || m.Key == nil) {
		r.fail(n, join(key, "present_certificate"), "needs a certificate with its key: certificate.file or certificate.pkcs12")
	}
	return s, probe
}

// certificate reads where a certificate is to be seen, and what it is where that is a file.
func (r *reader) certificate(n *yaml.Node, key string) (c mailflow.CertificateSource, m *Material) {
	path := func(to *string) func(*yaml.Node, string) {
		return func(n *yaml.Node, k string) { *to = absolute(r.dir(), r.text(n, k)) }
	}
	r.mapping(n, key, fields{
		"file":          path(&c.File),
		"pkcs12":        path(&c.PKCS12),
		"password_file": path(&c.PasswordFile),
		"smtp":          func(n *yaml.Node, k string) { c.SMTP = r.optional(n, k, r.hostPort) },
	})
	given := 0
	for _, source := range []string{c.File, c.PKCS12, c.SMTP} {
		if source != "" {
			given++
		}
	}
	switch {
	case given > 1:
		r.fail(n, key, "only one of file, pkcs12 and smtp")
	case c.PasswordFile != "" && c.PKCS12 == "":
		r.fail(n, join(key, "password_file"), "only goes with pkcs12")
	case c.File != "":
		m = r.certificateFile(n, join(key, "file"), c.File)
	case c.PKCS12 != "":
		m = r.pkcs12(n, key, c)
	}
	return c, m
}
