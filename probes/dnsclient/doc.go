// Package dnsclient looks up the hosts that accept mail for a domain, and determines why a look-up failed.
//
// The resolver of the standard library does not distinguish NXDOMAIN, SERVFAIL and REFUSED, nor a fault of the domain
// from one of the resolver. A monitor must, so this package speaks DNS itself, with github.com/miekg/dns:
//
//  1. Query the MX records (RFC 5321, section 5.1). A null MX (RFC 7505) means that the domain accepts no mail.
//  2. Query A and AAAA of each MX host, or of the name itself if it has no MX. At most 8 CNAMEs are followed.
//  3. Send each query by UDP with EDNS, again without EDNS if the server does not support it (RFC 6891, section 7) or
//     does not reply, and by TCP if the answer was truncated (RFC 7766). At most three servers are tried, twice each.
//  4. If [Options.DNSSEC] is set, find out from a validating resolver whether the answers are signed: see [Security].
//     [Client.TLSA] then looks up TLSA records.
//  5. If a look-up failed, determine whose fault it is. A resolver without access to the Internet answers SERVFAIL for
//     every domain, or nothing. So before the domain is blamed, the resolver must answer a query for a canary: a name
//     in another domain that it resolved recently, with a random label so that the answer cannot come from its cache.
//
// Every look-up returns whole [Target] values; a failure is in the Step, with one of [probes.Reasons]. A step is
// Inconclusive, whatever its reason, if the fault is with this host or its resolver and proves nothing about the name.
//
// The servers are not trusted: names, texts, counts and waiting times are bounded, and a reply counts only if its id
// and its question are those of the query.
package dnsclient
