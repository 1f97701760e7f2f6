// Package crl checks whether the certificates of a chain were revoked, with the revocation lists of their issuers
// (RFC 5280, sections 5 and 6.3).
//
// An issuer publishes a signed list of the serial numbers that it has revoked and names its address in each certificate
// (CRLDistributionPoints). [Checker.Check] does this for each certificate of a verified chain except the root:
//
//  1. Take the http addresses of the certificate, at most two. RFC 5280 recommends plain http: the list is signed,
//     and https would need a revocation check of its own.
//  2. Fetch the list if it is not cached: no redirects, no proxy, at most 10 MB and 10 s, one connection to an
//     address at a time. However many probes need a list, it is fetched once.
//  3. Accept it only if its issuer signed it, if it is in date and complete (no delta, indirect or partial list), and
//     if it covers this certificate (issuing distribution point, section 5.2.5).
//  4. Look the serial number up.
//
// A list that cannot be used leaves the question open: the answer is "not evaluated" with the reason in its detail,
// never a failure. Microsoft does not document what Exchange Online does then. A list is cached for a day, or until
// it ends; a failure for ten minutes.
//
// Certificates name the addresses, and anybody can make a certificate. The caller therefore passes, as a
// httpfetch.Network, how to look up names and which addresses may be dialled.
package crl
