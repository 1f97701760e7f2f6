// Package smtpprobe holds one SMTP session with one mail server, stage by stage, as Exchange Online would when it
// delivers a message through a connector.
//
// [Prober.Probe] resolves a path's next hop and holds a session with each address, all at once:
//
//  1. resolve: MX records first, then addresses (RFC 5321, section 5.1; package dnsclient). An address, a small CIDR
//     range or connect_to needs no DNS. At most [probes.MaxEndpoints] addresses are probed; of a host of Exchange
//     Online one, another one each round.
//  2. connect: TCP to the port, once the [probes.Limiter] allows it. The address must be one that may be dialled.
//  3. ehlo: a greeting with 220 (RFC 5321, section 3.1), then EHLO and its capabilities (section 4.1.1.1).
//  4. tls: STARTTLS (RFC 3207), the handshake, EHLO again, as section 4.2 demands. TLS 1.0 to 1.3 are offered and
//     every certificate is accepted, so that whatever the server shows is recorded; package certificate then
//     evaluates it, package crl its revocation. Without TlsSettings a server without STARTTLS, or with one that fails,
//     passes in clear text, on a second connection if the first one is spoilt. A server that accepts nothing of our
//     ClientHello is asked on a second connection whether it accepts what crypto/tls cannot do.
//  5. recipient: MAIL FROM and RCPT TO (RFC 5321, sections 4.1.1.2 and 4.1.1.3), then RSET. Nothing is sent.
//  6. message: a transaction of its own with DATA (section 4.1.1.4), if the path asks for it and a message is due.
//  7. QUIT (section 4.1.1.10), the TLS close_notify, and the end of the connection. If the server stopped answering,
//     the reply to QUIT is not awaited.
//
// The first stage that does not pass ends the session. [probes.Settings.Timeout] bounds it from the dial to the QUIT;
// time in the queue of the limiter does not count. A refusal is classified by its enhanced code (RFC 3463), its code
// and its text, in this order: see the rules in classify.go.
//
// The result is a whole [probes.Result], always: a failure, a cancelled context and even a panic are steps in it.
// Everything that a server sends is bounded and sanitised. The local part of mail addresses is left out of
// transcripts.
package smtpprobe
