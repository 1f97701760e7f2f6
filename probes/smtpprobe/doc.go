// Package smtpprobe conducts SMTP sessions with the mail servers of a path, stage by stage, as Exchange Online would to
// deliver a message through a connector.
//
// [Prober.Probe] resolves the path's next hop and then runs one session with each address, all in parallel:
//
//  1. resolve: look up the MX records, then the addresses (RFC 5321, section 5.1; package dnsclient). An IP address, a
//     small CIDR range and connect_to need no DNS. At most [probes.MaxEndpoints] addresses are probed. Hosts of
//     Exchange Online have many equivalent addresses: each round probes one of them, the next round another.
//  2. connect: wait for the [probes.Limiter], then open a TCP connection, if the address may be dialled at all.
//  3. ehlo: read a greeting with code 220 (RFC 5321, section 3.1), send EHLO and read the capabilities (section
//     4.1.1.1).
//  4. tls: send STARTTLS (RFC 3207), perform the handshake, and send EHLO again (RFC 3207, section 4.2). TLS 1.0 to 1.3
//     are offered and every certificate is accepted, so that everything the server presents is recorded. Package
//     certificate then evaluates the chain, and package crl its revocation.
//  5. recipient: send MAIL FROM and RCPT TO (RFC 5321, sections 4.1.1.2 and 4.1.1.3), then RSET. No message is sent.
//  6. message: send a test message with DATA (section 4.1.1.4), if the path includes this stage and a message is due.
//  7. Send QUIT (section 4.1.1.10) and the TLS close_notify, and close the connection. The reply to QUIT is not awaited
//     from a server that has stopped replying.
//
// The first stage that does not pass ends the session, with two exceptions in the tls stage. If the connector does not
// require TLS, the session continues in clear text when STARTTLS is missing or fails, on a second connection where the
// first one can no longer be used. If the server rejects the ClientHello, a second connection tries algorithms that
// crypto/tls does not support, to find out whether the failure is a limit of this program.
//
// [probes.Settings.Timeout] bounds a session from the dial to QUIT; the wait for the limiter does not count. A refusal
// is classified by its enhanced status code (RFC 3463), then its text, then its reply code: see replyrules.go.
//
// A probe always returns a whole [probes.Result]: a failure, a cancelled context and even a panic are steps in it.
// Everything that a server sends is bounded and sanitised. Transcripts omit the local parts of mail addresses.
package smtpprobe
