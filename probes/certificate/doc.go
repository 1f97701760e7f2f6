// Package certificate evaluates the certificates that a mail server or a sender presents, as X.509 (RFC 5280) and the
// settings of an Exchange Online connector demand.
//
// A chain arrives leaf first, as TLS sends it (RFC 8446, section 4.4.2). [Verifier.Server] answers every question
// apart from the others, so that an expired certificate still has its trust, its name and its key evaluated:
//
//  1. Record: each certificate becomes a [probes.Certificate], sanitised and bounded.
//  2. time: is the leaf valid now?
//  3. chain and trust: do the certificates that were sent lead from the leaf to a trusted root? Exchange Online does
//     not fetch missing intermediates, so neither does this package. The question is asked for a moment inside the
//     leaf's validity. SHA-1 is forgiven here and has its own answer in signature.
//  4. name: does a name of the leaf match the connector's TlsDomain, or the host if it has none (RFC 6125; CN only
//     without a SAN)?
//  5. key and signature: is the key strong enough, and is anything below the root signed with SHA-1 or MD5?
//
// [Verifier.Client] evaluates a sender's certificate in the same way, with the extended key usage clientAuth instead of
// a host name. [TLSStage] then decides, from the answers alone, whether a connector with given tls_settings accepts the
// server. Other [Store] values judge the same chain by the roots that other hosts have, which decides nothing.
//
// The package is pure: no I/O, and the time is a parameter. Chains come from anybody: the
// certificates and the signatures that are looked at are limited, and what a limit leaves open is prober_limit. At
// most [probes.MaxChain] certificates are recorded, for people; the answers rest on all that were sent. Revocation is
// package crl's.
package certificate
