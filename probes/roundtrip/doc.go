// Package roundtrip verifies mail flow with test messages: a message leaves as a configured sender, passes Exchange
// Online and the organization's own servers, and arrives at the sink, the exporter's own mail server.
//
// A round trip has these steps:
//
//  1. [Compose] writes a small message with a token in the Message-ID, the subject and [HeaderField].
//  2. The message is sent to Exchange Online, or to a server of the organization.
//  3. The sink receives a message, and [Tokens.FindToken] determines its round trip and when it was sent. A token
//     contains an HMAC, so that no other server can make one.
//  4. [ReadTrace] reads what the servers on the way have added to the header: the hops, the tenant to which Exchange
//     Online attributed the message, the connecting address, the spam verdict. [ReadDSN] reads a delivery status
//     notification (RFC 3464), which a server may send back instead.
//  5. [Judge] compares the trace with what is expected. The duration is measured by the clock of this host only. The
//     times of the hops are for display, because the clocks of servers differ (RFC 5321, section 4.4).
//
// Microsoft does not document the header fields of Exchange Online; their meaning is inferred from public mail. A
// missing field counts as unknown, not as wrong. A server that sends a message to the sink can write any field: the
// token proves that the exporter has sent the message, not that its header is unchanged.
package roundtrip
