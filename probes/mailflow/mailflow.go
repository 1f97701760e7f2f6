// Package mailflow holds the nouns of Exchange Online mail flow: tenants, their accepted domains, their connectors in both
// directions and the senders behind the inbound ones. It is pure: no I/O, no clock, no metrics.
//
// Property names follow Microsoft's cmdlets (Get-InboundConnector, Get-OutboundConnector, Get-AcceptedDomain). An export
// may leave a property out, and absent is unknown, never false: that is what [Tri] and the empty string are for.
package mailflow

import (
	"net/netip"
	"slices"
	"time"
)

// Tri is a boolean that may be unknown. Its zero value is Unknown.
type Tri uint8

// The three values of a Tri.
const (
	Unknown Tri = iota
	No
	Yes
)

// TriOf turns a bool that is known into a Tri.
func TriOf(b bool) Tri {
	if b {
		return Yes
	}
	return No
}

// Direction tells whose mail a connector carries, seen from Microsoft 365.
type Direction string

// The two directions.
const (
	Outbound Direction = "outbound" // Microsoft 365 → own servers or a partner
	Inbound  Direction = "inbound"  // own servers, a service or a partner → Microsoft 365
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

// What a connector may demand of the next hop's TLS.
const (
	Opportunistic         TLSSettings = ""
	EncryptionOnly        TLSSettings = "EncryptionOnly"
	CertificateValidation TLSSettings = "CertificateValidation"
	DomainValidation      TLSSettings = "DomainValidation"
)

// RequiresTLS reports whether mail is only sent encrypted.
func (s TLSSettings) RequiresTLS() bool { return s != Opportunistic }

// RequiresTrustedChain reports whether the next hop's certificate chain must verify.
func (s TLSSettings) RequiresTrustedChain() bool {
	return s == CertificateValidation || s == DomainValidation
}

// Cloud is the Microsoft cloud a tenant lives in.
type Cloud string

// The clouds with Exchange Online.
const (
	Worldwide Cloud = "worldwide"
	GCCHigh   Cloud = "gcc_high"
	DoD       Cloud = "dod"
	China     Cloud = "china"
)

// Tenant is one Exchange Online organisation as far as mail flow is concerned.
type Tenant struct {
	Name            string
	Cloud           Cloud
	AcceptedDomains []AcceptedDomain
	Outbound        []OutboundConnector
	Inbound         []InboundConnector
	Senders         []Sender
	InventoryTime   time.Time // of the oldest export in use; zero where there is none
	LoadError       string    // why the tenant's own files did not load; empty when they did
}

// DefaultDomain is the default accepted domain, else the initial one, else the first, else "".
func (t Tenant) DefaultDomain() string {
	for _, d := range t.AcceptedDomains {
		if d.Default == Yes {
			return d.Name
		}
	}
	for _, d := range t.AcceptedDomains {
		if d.Initial == Yes {
			return d.Name
		}
	}
	if len(t.AcceptedDomains) > 0 {
		return t.AcceptedDomains[0].Name
	}
	return ""
}

// InboundByName indexes the inbound connectors.
func (t *Tenant) InboundByName() map[string]*InboundConnector {
	byName := make(map[string]*InboundConnector, len(t.Inbound))
	for i := range t.Inbound {
		byName[t.Inbound[i].Name] = &t.Inbound[i]
	}
	return byName
}

// AcceptedDomain is one domain the tenant receives mail for.
type AcceptedDomain struct {
	Name            string // lower case, A-label form, no trailing dot
	Type            string // Authoritative | InternalRelay | kept as given
	MatchSubDomains Tri
	Default         Tri
	Initial         Tri
	OutboundOnly    Tri
}

// Common is what connectors of both directions share.
type Common struct {
	Name                     string
	Type                     ConnectorType
	Source                   string // Default | HybridWizard | Migrated | AdminUI | whatever Microsoft adds
	Comment                  string
	Enabled                  Tri // Unknown is treated as enabled, Microsoft's default
	CloudServicesMailEnabled Tri
	WhenCreated, WhenChanged time.Time
	GUID                     string
	MissingProperties        []string // properties that an export left out, snake_case, of those whose zero value would mean something
}

// IsKnown tells whether a property is known, by its snake_case name. Text and lists have no zero value of their own for "unknown", as a
// [Tri] has.
func (c Common) IsKnown(property string) bool { return !slices.Contains(c.MissingProperties, property) }

// IsEnabled applies Microsoft's default to an absent Enabled.
func (c Common) IsEnabled() bool { return c.Enabled != No }

// OutboundConnector is a connector from Microsoft 365 to own servers or a partner (Set-OutboundConnector).
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

// Sender is a server or service that hands mail to the tenant through one inbound connector.
type Sender struct {
	Name               string
	Connector          string
	Assumed            bool // implied by the exporter, not written by anybody
	Organization       string
	SendConnector      string
	Addresses          []netip.Prefix
	MailFromDomains    []string
	Relays             string // external | internal
	Certificate        CertificateSource
	ClientCertificate  *ClientCertificate // what Certificate shows, as far as it is known; nil before
	TrustedRoots       string
	PresentCertificate bool
	Target             string
	Recipient          string
}

// CertificateSource says where a sender's client certificate is to be seen. At most one of File, PKCS12 and SMTP is set.
type CertificateSource struct {
	File, PKCS12, PasswordFile, SMTP string
}
