// Package dane evaluates DANE for SMTP (RFC 7672), as Exchange Online applies it when it sends mail.
//
// A domain whose zone is signed with DNSSEC publishes TLSA records (RFC 6698) for each of its MX hosts: digests of the
// certificate, or of the authority, that the server must present. A sender follows these steps:
//
//  1. Look up the MX records, the addresses, and the TLSA records at _25._tcp.HOST with a validating resolver. An
//     unsigned zone has no DANE; answers with invalid signatures (bogus) must not be used. Package dnsclient does this.
//  2. Ignore unusable records: usages 0 and 1, unknown selectors and matching types (RFC 7672, section 3.1.3). If no
//     usable record is left, TLS is required, but with any certificate.
//  3. Compare the certificates that the server sent with each record ([Verify]). DANE-EE(3): the leaf matches; its
//     names and dates do not matter. DANE-TA(2): an authority in the chain matches, and the leaf is valid below it for
//     the host or the domain.
//  4. Deliver to the first host that matches. [Predict] predicts what Exchange Online does with the mail of a
//     connector, depending on its SmtpDaneMode (https://learn.microsoft.com/purview/how-smtp-dane-works,
//     https://learn.microsoft.com/powershell/module/exchangepowershell/set-outboundconnector).
//
// The package is pure: records, chains and the time are parameters.
package dane
