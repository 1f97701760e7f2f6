// Package dane evaluates DANE for SMTP (RFC 7672), as Exchange Online applies it when it sends mail.
//
// A domain whose zone is signed with DNSSEC publishes, for each of its MX hosts, TLSA records (RFC 6698): digests of
// the certificate or the authority that a sender must find there. A sender proceeds so:
//
//  1. Look up MX, addresses and TLSA records of each MX host at _25._tcp.HOST with a validating resolver. What is not
//     signed has no DANE; what is signed wrongly (bogus) must not be used. Package dnsclient does this.
//  2. Ignore records that cannot be used: usages 0 and 1, unknown selectors and matching types (RFC 7672, section
//     3.1.3). If none is left, TLS is required and the certificate does not matter.
//  3. Compare the certificates that the server sent with each record ([Verify]). DANE-EE(3): the leaf matches; its
//     names and dates do not matter. DANE-TA(2): an authority in the chain matches, and the leaf is valid below it for
//     the host or the domain.
//  4. Deliver to the first host that matches. [Predict] tells what Exchange Online does with the mail of a connector,
//     given its SmtpDaneMode
//     (https://learn.microsoft.com/purview/how-smtp-dane-works,
//     https://learn.microsoft.com/powershell/module/exchangepowershell/set-outboundconnector).
//
// The package is pure: records, chains and the time are parameters.
package dane
