package mailflow

import (
	"net/netip"
	"slices"
	"time"
)

// Direction is the direction of a connector's mail, seen from Microsoft 365.
type Direction string

// The two directions.
const (
	Outbound Direction = "outbound" // Microsoft 365 → your own servers or a partner
	Inbound  Direction = "inbound"  // your own servers, a service or a partner → Microsoft 365
)

// ConnectorType is Microsoft's ConnectorType.
type ConnectorType string

// The two connector types.
const (
	OnPremises ConnectorType = "OnPremises"
	Partner    ConnectorType = "Partner"
)

// TLSSettings is Microsoft's TlsSettings of an outbound connector. The zero value is null: opportunistic TLS.
type TLSSettings string

// What a connector may require of the next hop's TLS.
const (
	Opportunistic         TLSSettings = ""
	EncryptionOnly        TLSSettings = "EncryptionOnly"
	CertificateValidation TLSSettings = "CertificateValidation"
	DomainValidation      TLSSettings = "DomainValidation"
)

// RequiresTLS reports whether mail is sent over TLS only.
func (s TLSSettings) RequiresTLS() bool { return s != Opportunistic }

// RequiresTrustedChain reports whether the next hop's certificate chain must verify.
func (s TLSSettings) RequiresTrustedChain() bool {
	return s == CertificateValidation || s == DomainValidation
}

// Common are the properties of connectors of both directions.
type Common struct {
	Name                     string
	Type                     ConnectorType
	Source                   string // Default, HybridWizard, Migrated, AdminUI, or as exported
	Comment                  string
	Enabled                  Tri // Unknown counts as enabled, Microsoft's default
	CloudServicesMailEnabled Tri
	WhenCreated, WhenChanged time.Time
	GUID                     string
	MissingProperties        []string // that the export omits, in snake_case, of those whose zero value has a meaning
	NotExported              bool     // it is in no export of a tenant that has exports: probably a misspelled name
}

// IsKnown reports whether a property is known, by its name in snake_case. Text and lists need it, because unlike [Tri]
// they have no value for "unknown".
func (c Common) IsKnown(property string) bool { return !slices.Contains(c.MissingProperties, property) }

// IsEnabled reports whether the connector takes part in mail flow: it is enabled, or that is not known and it is
// enabled by Microsoft's default. A connector that is in no export does not exist.
func (c Common) IsEnabled() bool { return c.Enabled != No && !c.NotExported }

// OutboundConnector is a connector from Microsoft 365 to your own servers or to a partner (Set-OutboundConnector).
type OutboundConnector struct {
	Common
	RecipientDomains              []string // domain, "*.domain" or "*"
	AllAcceptedDomains            Tri
	IsTransportRuleScoped         Tri
	UseMXRecord                   Tri
	SmartHosts                    []string // as configured: name, address, CIDR, bracketed address
	TLSSettings                   TLSSettings
	TLSDomain                     string
	RouteAllMessagesViaOnPremises Tri
	SenderRewritingEnabled        Tri
	MTASTSMode                    string
	SMTPDANEMode                  string
	TestMode                      Tri
	ValidationRecipients          []string
	IsValidated                   Tri
	LastValidation                time.Time
}

// ForAcceptedDomains reports whether the connector is for all accepted domains of its tenant: AllAcceptedDomains has no
// effect on a Partner connector (Set-OutboundConnector).
func (c *OutboundConnector) ForAcceptedDomains() Tri {
	if c.Type == Partner {
		return No
	}
	return c.AllAcceptedDomains
}

// InboundConnector is a connector from outside to Microsoft 365 (Set-InboundConnector).
type InboundConnector struct {
	Common
	SenderDomains                []string
	SenderIPAddresses            []string
	RestrictDomainsToIPAddresses Tri
	RestrictDomainsToCertificate Tri
	RequireTLS                   Tri
	TLSSenderCertificateName     string
	AssociatedAcceptedDomains    []string
	TreatMessagesAsInternal      Tri
	EFSkipLastIP                 Tri
	EFSkipIPs                    []string
	EFUsers                      []string
	TrustedOrganizations         []string
	ClientHostNames              []string
}

// networks returns the SenderIPAddresses that Exchange Online accepts, each of at most 256 addresses.
func (c *InboundConnector) networks() []netip.Prefix {
	var all []netip.Prefix
	for _, text := range c.SenderIPAddresses {
		r, problem := ParseRange(text)
		if network, ok := r.network(); ok && problem == "" { // "first-last" is a form of EFSkipIPs only
			all = append(all, network)
		}
	}
	return all
}
