package probes

import "slices"

// Evidence is what a probe observed besides the reason. The same reason may have several causes, and the evidence
// selects the remedy: a variant in the catalogue of reasons, or the general remedy if it is "". The list is closed.
type Evidence string

// Evidence in a server's reply.
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

// Evidence in the session.
const (
	EvidenceInspection         Evidence = "smtp_inspection"       // a firewall masks greetings or commands
	EvidenceSubmissionPort     Evidence = "submission_port"       // the port is for mail clients, not for servers
	EvidenceResetAtClientHello Evidence = "reset_at_clienthello"  // the connection was reset
	EvidenceEndAtClientHello   Evidence = "closed_at_clienthello" // the server closed without an alert
	EvidenceNoServerHello      Evidence = "no_serverhello"        // nothing came in time
	EvidenceClearTextAnswer    Evidence = "clear_text_answer"     // bytes came that are not TLS
	EvidenceInternalError      Evidence = "internal_error"        // the server's TLS failed, by its own alert
	EvidenceUnrecognizedName   Evidence = "unrecognized_name"     // the server does not know the name in SNI
	EvidenceWeakSignature      Evidence = "weak_signature"        // a certificate is signed with SHA-1 or MD5
	EvidenceIssuerOutdated     Evidence = "issuer_outdated"       // not the server's certificate: one above it
	EvidenceMXIsAddress        Evidence = "mx_is_address"         // an MX record names an address instead of a host
	EvidenceMXContradicted     Evidence = "mx_contradicted"       // NXDOMAIN for MX, but the name has an address
	EvidenceDNSOverTCP         Evidence = "dns_over_tcp"          // the answer is truncated, and TCP port 53 is closed
	EvidenceFiniteField        Evidence = "finite_field_dh"       // the server supports only finite-field Diffie-Hellman
	EvidenceKeyType            Evidence = "key_type"              // Go does not support its key, curve or cipher
	// TLS is not required: the session continued in clear text, on the same connection or on a second one.
	EvidenceSTARTTLSRefused Evidence = "starttls_refused"
	EvidenceHandshakeBroken Evidence = "handshake_broken"
	EvidenceIPv6Refused     Evidence = "ipv6_refused" // an IPv6 address fails, an IPv4 address works
)

// Variant is a remedy for one piece of evidence.
type Variant struct {
	Evidence Evidence
	When     string // what was observed, for display; completes a sentence that begins with "if"
	Remedy   string
}

// RemedyFor returns the remedy for a reason and its evidence: the variant of the evidence, else the general remedy. It
// is "" for a reason that does not exist.
func (r Reason) RemedyFor(seen Evidence) string {
	info, _ := r.Info()
	for _, v := range info.Variants {
		if v.Evidence == seen {
			return v.Remedy
		}
	}
	return info.Remedy
}

// HasVariant reports whether the catalogue has a special remedy for this evidence of a reason.
func (r Reason) HasVariant(seen Evidence) bool {
	info, _ := r.Info()
	return slices.ContainsFunc(info.Variants, func(v Variant) bool { return v.Evidence == seen })
}

// Remedy returns what an administrator can do about a step that did not pass, "" for one that passed.
func (s Step) Remedy() string { return s.Reason.RemedyFor(s.Evidence) }
