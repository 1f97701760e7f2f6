// Package dnsclient looks up where mail for a name is delivered, and says why a look-up failed.
//
// The standard library's resolver cannot tell NXDOMAIN from SERVFAIL from REFUSED, nor a domain's fault from the
// resolver's. For a monitor that difference is the result, so this package speaks DNS itself (with
// github.com/miekg/dns):
//
//  1. Ask for the MX records (RFC 5321, section 5.1). A null MX (RFC 7505) means that the domain accepts no mail.
//  2. Ask for A and AAAA of each MX host, or of the name itself if it has no MX. CNAMEs are followed, at most 8.
//  3. Ask each server by UDP with EDNS; again without EDNS if the server does not know it (RFC 6891, section 7) or
//     does not answer; by TCP if the answer was truncated (RFC 7766). Two attempts over at most three servers.
//  4. If [Query.DNSSEC] asks for it, learn from the servers that validate DNSSEC whether the answers are signed: see
//     [Security]. [Client.TLSA] then looks up TLSA records.
//  5. If a look-up failed, decide whose fault it is. A resolver that is itself cut off from the Internet answers
//     SERVFAIL for every domain, or not at all. Before a domain is blamed, the resolver must answer a canary: a name in
//     another domain, below a name it resolved lately, with a random label so that the answer cannot come from its
//     cache.
//
// Every look-up returns whole [Target] values; a failure is in the Step, as one of the reasons of [probes.Reasons]. A
// step is Inconclusive, whatever its reason, if the failure is this host's or its resolver's and proves nothing about
// the name.
//
// Answers come from servers that anybody may run: names, texts, counts and waiting times are bounded, and an answer
// counts only if its id and its question are those that were asked.
package dnsclient
