package mailflow

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// tenant makes one from its accepted domains and its connectors.
func tenant(name, domains string, connectors ...InboundConnector) Tenant {
	return Tenant{Name: name, AcceptedDomains: accepted(domains), Inbound: connectors}
}

// onPremises makes a connector from the certificate name it requires and the addresses it lists; "-" is no name.
func onPremises(name, certificateName, addresses string) InboundConnector {
	if certificateName == "-" {
		certificateName = ""
	}
	return InboundConnector{
		Common:                   Common{Name: name, Type: OnPremises},
		TLSSenderCertificateName: certificateName, SenderIPAddresses: strings.Fields(addresses),
	}
}

func partner(name, domains, certificateName, addresses string) InboundConnector {
	c := onPremises(name, certificateName, addresses)
	c.Type, c.SenderDomains = Partner, strings.Fields(domains)
	c.RestrictDomainsToIPAddresses, c.RestrictDomainsToCertificate = TriOf(addresses != ""),
		TriOf(c.TLSSenderCertificateName != "")
	return c
}

func with(c InboundConnector, change func(*InboundConnector)) InboundConnector {
	change(&c)
	return c
}

func requireTLS(c *InboundConnector)   { c.RequireTLS = Yes }
func hybridWizard(c *InboundConnector) { c.Source = "HybridWizard" }
func disabled(c *InboundConnector)     { c.Enabled = No }

// message parses "address from > to", with "<>" for the null sender; names as for certificate, "" for none.
func message(t *testing.T, envelope, names string) InboundMessage {
	t.Helper()
	var address, from, to string
	if _, err := fmt.Sscanf(envelope, "%s %s > %s", &address, &from, &to); err != nil {
		t.Fatalf("%q: %v", envelope, err)
	}
	a := InboundMessage{Address: netip.MustParseAddr(address), TLS: true, MailFrom: strings.Trim(from, "<>"), RcptTo: to}
	if names != "" {
		a.Certificate = certificate(names)
	}
	return a
}

// hasPart reports whether a part is in the text; an empty part requires an empty text.
func hasPart(text, part string) bool {
	return strings.Contains(text, part) && (text == "") == (part == "")
}

// certificate makes one from its CN and SANs; a CN "-" is none.
func certificate(names string) *ClientCertificate {
	all := strings.Fields(names)
	if len(all) == 0 {
		return &ClientCertificate{Valid: Yes}
	}
	if all[0] == "-" {
		all[0] = ""
	}
	return &ClientCertificate{CommonName: all[0], DNSNames: all[1:], Valid: Yes}
}

// accepted makes accepted domains; those with a leading dot match their sub-domains.
func accepted(names string) []AcceptedDomain {
	var all []AcceptedDomain
	for name := range strings.FieldsSeq(names) {
		plain := strings.TrimPrefix(name, ".")
		all = append(all, AcceptedDomain{Name: plain, MatchSubDomains: TriOf(plain != name)})
	}
	return all
}
