// Package certificate evaluates the certificates that a mail server or a sender presents, by the rules of X.509
// (RFC 5280) and the settings of an Exchange Online connector.
//
// A chain arrives leaf first, as TLS sends it (RFC 8446, section 4.4.2). [Verifier.Server] records each certificate as
// a [probes.Certificate] and then reaches one verdict on each of these questions, independently of the others, so that
// the trust, the name and the key of an expired certificate are evaluated too:
//
//  1. time: is the leaf valid now?
//  2. chain: are all intermediates present? Exchange Online does not fetch missing ones, so neither does this package.
//  3. trust: does the chain end at a trusted root? The chain is verified at a time when the leaf is valid, and SHA-1
//     signatures are accepted here: time and signature have verdicts of their own.
//  4. name: does a name of the leaf match the connector's TlsDomain, or the host if there is none (RFC 6125)? The CN
//     counts only if there is no SAN.
//  5. key: is the key strong enough?
//  6. signature: is any certificate below the root signed with SHA-1 or MD5?
//
// [Verifier.Client] evaluates the certificate of a sender in the same way, but checks the extended key usage
// clientAuth instead of the name. [TLSStage] then decides from the verdicts whether a connector with given
// tls_settings accepts the server. A [Store] has the roots of other mail servers: the chain is verified with these
// too, for information only.
//
// The package is pure: no I/O, and the time is a parameter. Since anyone can send a chain, the numbers of certificates
// and signatures that are checked are bounded; a verdict that would need more is prober_limit. At most
// [probes.MaxChain] certificates are recorded for display, but all that were sent are evaluated. Revocation is checked
// by package crl.
package certificate
