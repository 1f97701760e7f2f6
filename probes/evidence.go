package probes

import "slices"

// Evidence is what a probe saw, beside the reason, that decides what an administrator should do: the same reason may
// have several causes. The list is closed, and each entry selects a variant of a remedy in the catalogue of reasons.
// "" selects the reason's general remedy.
type Evidence string

// What a server's reply shows.
const (
	EvidenceBackPressure           Evidence = "back_pressure"           // it has too little disk space or memory
	EvidenceComponentInactive      Evidence = "component_inactive"      // a component of Exchange is inactive
	EvidenceBackEnd                Evidence = "back_end"                // its front end cannot reach its back end
	EvidenceServerBehind           Evidence = "server_behind"           // the server behind it does not answer
	EvidenceLookup                 Evidence = "lookup"                  // one of its look-ups or tables fails
	EvidenceBlocklist              Evidence = "blocklist"               // the exporter's address is on a list
	EvidenceReverseDNS             Evidence = "reverse_dns"             // the exporter's address has no matching name
	EvidenceHelloName              Evidence = "hello_name"              // it refuses the name in EHLO
	EvidenceOwnDomain              Evidence = "own_domain"              // it refuses its own domain as a sender
	EvidenceSenderDomain           Evidence = "sender_domain"           // it cannot look up the sender's domain
	EvidenceSPF                    Evidence = "spf"                     // the exporter may not use the sender's domain
	EvidenceIPv6                   Evidence = "ipv6"                    // it does not trust the exporter's IPv6 address
	EvidenceExchangeAuthentication Evidence = "exchange_authentication" // it expects another Exchange server
	EvidenceServerTrust            Evidence = "server_trust"            // it does not verify the client's chain
)

// What the session shows.
const (
	EvidenceInspection         Evidence = "smtp_inspection"       // a firewall masks greetings or commands
	EvidenceSubmissionPort     Evidence = "submission_port"       // the port is one of those for users
	EvidenceResetAtClientHello Evidence = "reset_at_clienthello"  // the connection was reset
	EvidenceEndAtClientHello   Evidence = "closed_at_clienthello" // the server closed without an alert
	EvidenceIssuerOutdated     Evidence = "issuer_outdated"       // not the server's certificate: one above it
	EvidenceMXIsAddress        Evidence = "mx_is_address"         // an MX record names an address instead of a host
	EvidenceMXContradicted     Evidence = "mx_contradicted"       // NXDOMAIN for MX, but the name has an address
	EvidenceDNSOverTCP         Evidence = "dns_over_tcp"          // the answer is truncated, and TCP port 53 is closed
	EvidenceFiniteField        Evidence = "finite_field_dh"       // the server speaks finite-field Diffie-Hellman only
	EvidenceKeyType            Evidence = "key_type"              // its key, curve or cipher is none that Go knows
	// nothing demands TLS: the same session went on in clear text
	EvidenceSTARTTLSRefused Evidence = "starttls_refused"
	// nothing demands TLS: a second connection went on in clear text
	EvidenceHandshakeBroken Evidence = "handshake_broken"
	EvidenceIPv6Refused     Evidence = "ipv6_refused" // an IPv6 address fails, an IPv4 address works
)

// Variant is a remedy for one piece of evidence.
type Variant struct {
	Evidence Evidence
	When     string // what was seen, for people; completes "if"
	Remedy   string
}

// RemedyFor returns the remedy for what was seen: the variant of the evidence, else the general remedy. It is "" for a
// reason that does not exist.
func (r Reason) RemedyFor(seen Evidence) string {
	info, _ := r.Info()
	for _, v := range info.Variants {
		if v.Evidence == seen {
			return v.Remedy
		}
	}
	return info.Remedy
}

// HasVariant reports whether the catalogue has a remedy for this evidence of a reason.
func (r Reason) HasVariant(seen Evidence) bool {
	info, _ := r.Info()
	return slices.ContainsFunc(info.Variants, func(v Variant) bool { return v.Evidence == seen })
}

// Remedy returns what an administrator can do about a step that did not pass, "" for one that passed.
func (s Step) Remedy() string { return s.Reason.RemedyFor(s.Evidence) }
