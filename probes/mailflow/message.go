package mailflow

import (
	"fmt"
	"net/netip"
	"strings"
)

// MessageText describes a message as a user enters it, in a command or a form.
type MessageText struct {
	IP               string   // of the connecting server; "" if it is not known
	CertificateNames []string // of the client certificate, the common name first
	MailFrom, RcptTo string   // an address or a domain; <> or "" is the null sender, or a recipient outside every tenant
}

// Parse returns the message. Its certificate is assumed to be valid. An error begins with the name of the field, which
// is that of the flag of the attribute command: ip, certificate-name, mail-from or rcpt-to.
func (t MessageText) Parse() (m InboundMessage, err error) {
	m.TLS = true
	if t.IP != "" {
		if m.Address, err = netip.ParseAddr(t.IP); err != nil {
			return m, fmt.Errorf("ip: %q is not an IP address", t.IP)
		}
	}
	if m.MailFrom, err = mailDomain("mail-from", t.MailFrom); err != nil {
		return m, err
	}
	if m.RcptTo, err = mailDomain("rcpt-to", t.RcptTo); err != nil {
		return m, err
	}
	if m.RcptTo == "" {
		m.RcptTo = ExternalDomain
	}
	if len(t.CertificateNames) == 0 {
		return m, nil
	}
	c := &ClientCertificate{}
	for i, name := range t.CertificateNames {
		domain, ok := NormaliseDomain(name)
		if !ok {
			return m, fmt.Errorf("certificate-name: %q is not a domain name", name)
		}
		if i == 0 {
			c.CommonName = domain
		}
		c.DNSNames = append(c.DNSNames, domain)
	}
	m.Certificate = c
	return m, nil
}

// mailDomain returns the domain of a mail address or a domain, "" for the null sender.
func mailDomain(field, text string) (string, error) {
	text = strings.TrimSuffix(strings.TrimPrefix(text, "<"), ">")
	if text == "" {
		return "", nil
	}
	domain, ok := NormaliseDomain(text[strings.LastIndex(text, "@")+1:])
	if !ok || strings.HasPrefix(domain, "*") {
		return "", fmt.Errorf("%s: %q is neither an email address nor a domain", field, text)
	}
	return domain, nil
}
