// Package crl checks whether the certificates of a chain are revoked, with the certificate revocation lists (CRLs) of
// their issuers (RFC 5280, sections 5 and 6.3).
//
// An issuer publishes a signed list of the serial numbers that it has revoked. Each certificate contains the address
// of that list (CRLDistributionPoints). [Checker.Check] does this for each certificate of a verified chain except the
// root:
//
//  1. Take the http addresses of the certificate, at most two. RFC 5280 recommends plain http: the list is signed,
//     and https would need a revocation check of its own.
//  2. Fetch the list if it is not cached: no redirects, no proxy, at most 10 MB and 10 s, one connection to an
//     address at a time. If several probes need a list, it is fetched once.
//  3. Accept it only if its issuer has signed it, if it is up to date and complete (not a delta, indirect or partial
//     list), and if it covers this certificate (issuing distribution point, section 5.2.5).
//  4. Look up the serial number.
//
// An unusable list makes the check inconclusive: the judgement is "not evaluated" with the cause in its detail, never a
// failure. Microsoft does not document what Exchange Online does in this case. A list is cached for a day, or until its
// nextUpdate; a failure is cached for ten minutes.
//
// Certificates name the addresses, and anyone can make a certificate. The caller therefore passes an httpfetch.Network,
// which determines how names are looked up and which addresses may be dialled.
package crl
