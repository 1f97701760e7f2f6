// Package mailflow models the mail flow of Exchange Online: tenants, connectors and senders. It predicts which tenant
// Exchange Online attributes a message to. It is pure: no I/O, no clock, no metrics.
//
// # Terms
//
// A [Tenant] is an Exchange Online organization: its accepted domains, its connectors in both directions, and the
// senders behind the inbound connectors. Property names follow Microsoft's cmdlets (Get-InboundConnector,
// Get-OutboundConnector, Get-AcceptedDomain). An export may omit a property. Absent means unknown, never false: see
// [Tri] and [Common.IsKnown].
//
// # Attribution
//
// All tenants share the servers of Exchange Online. For every message from outside, Exchange Online has to decide
// which tenant the message belongs to. Only then are that tenant's inbound connectors and the right to relay
// considered. [Directory.Attribute] follows the documented steps:
//
//  1. Collect the enabled OnPremises connectors of all tenants that match. A connector matches if
//     TlsSenderCertificateName matches a name in the CN or SAN of the client certificate (KB 3169958), or if
//     SenderIPAddresses contains the sender's IPv4 address (Set-InboundConnector: single addresses or networks from /24
//     to /32). The certificate must verify with the intermediates that the sender sends (KB 3212877).
//  2. By certificate: a tenant accepts the domain of the certificate, and one of its connectors matches (MC1226222,
//     KB 4019940).
//  3. Else by MAIL FROM: a tenant accepts the domain of MAIL FROM, and one of its connectors matches.
//  4. Else by RCPT TO: a tenant accepts the recipient's domain. This is how mail from the internet is attributed.
//  5. A message that was attributed by certificate or by MAIL FROM may be relayed to the internet. Otherwise mail to a
//     domain of no tenant is refused with 550 5.7.64 TenantAttribution (KB 3169958).
//  6. Partner connectors of the recipient's tenant only restrict: they refuse mail of their sender domains that misses
//     TLS (454 4.7.0), the addresses or the certificate (550 5.7.51).
//
// If more than one tenant qualifies in a step, the result is ambiguous. Where Microsoft's documents are silent or
// contradict each other, Uncertain explains it.
//
// Sources: Message Center MC1226222 (tenant attribution); KB 3169958 and KB 4019940 (5.7.64, ATTR36); KB 3212877
// (untrusted certificates); KB 2888788 (454 4.7.0); "Updated Requirements for SMTP Relay through Exchange Online"
// (Exchange Team blog, 3851357); Set-InboundConnector; "Set up connectors to route mail between Microsoft 365 and
// your own email servers".
//
// # Sharing between tenants
//
// If two tenants use the same certificate, address or send connector, attribution depends on the weaker steps
// (MC1226222). [Overlaps] finds what they share.
package mailflow
