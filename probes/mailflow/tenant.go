package mailflow

import "time"

// Tri is a boolean that may be unknown. Its zero value is Unknown.
type Tri uint8

// The three values of a Tri.
const (
	Unknown Tri = iota
	No
	Yes
)

// TriOf converts a known boolean.
func TriOf(b bool) Tri {
	if b {
		return Yes
	}
	return No
}

// Cloud is the Microsoft cloud that hosts a tenant.
type Cloud string

// The clouds with Exchange Online.
const (
	Worldwide Cloud = "worldwide"
	GCCHigh   Cloud = "gcc_high"
	DoD       Cloud = "dod"
	China     Cloud = "china"
)

// Tenant is an Exchange Online organization.
type Tenant struct {
	Name            string
	Cloud           Cloud
	AcceptedDomains []AcceptedDomain
	Outbound        []OutboundConnector
	Inbound         []InboundConnector
	Senders         []Sender
	InventoryTime   time.Time // of the oldest export in use; zero if there is none
	LoadError       string    // why the files of the tenant did not load; empty if they did
	Unread          []UnreadRecord
	Organization    Organization
}

// AcceptedDomain is a domain that the tenant receives mail for (Get-AcceptedDomain).
type AcceptedDomain struct {
	Name            string // lower case, A-label form, no trailing dot
	Type            string // Authoritative, InternalRelay, or as exported
	MatchSubDomains Tri
	Default         Tri
	Initial         Tri
	OutboundOnly    Tri
	PendingRemoval  Tri
	// Mail from or to the domain is blocked (SendingFromDomainDisabled, SendingToDomainDisabled).
	SendingFromDisabled, SendingToDisabled Tri
}

// DefaultDomain returns the default accepted domain, else the initial one, else the first, else "".
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
