// Package roundtrip proves with test messages that mail flows: one message leaves as a configured sender, passes
// Exchange Online and the organization's own servers, and arrives at a server of ours, the sink.
//
// A round trip takes these steps:
//
//  1. Compose writes a small message with a token in its Message-ID, a header field of its own and its subject.
//  2. The message is handed to Exchange Online, or to a server of the organization.
//  3. The sink receives a message; Tokens.Find tells which round trip it belongs to and when it was sent. A token is an
//     HMAC, so that no other server can make one.
//  4. ReadTrace reads what the servers on the way wrote into the headers: the hops, the tenant to which Exchange Online
//     attributed the message, the connecting address, the spam verdict. ReadDSN reads a delivery status notification
//     (RFC 3464), which a server returns instead.
//  5. Judge compares the trace with what is expected. Only our own two clocks tell how long the way took; the times of
//     the hops are shown, since the clocks of servers differ (https://www.rfc-editor.org/rfc/rfc5321#section-4.4).
//
// Exchange Online's header fields are described by samples of public mail, not by Microsoft. A field that is missing is
// unknown, never wrong. Whoever hands a message to the sink can write any field: the token proves that the message is
// ours, not that its header is unchanged.
package roundtrip
