//go:build e2e

package e2e

import (
	"net"
	"strings"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/lab"
)

// greetingFaults are faults before TLS.
func (w *faultWorld) greetingFaults() []fault {
	greeting := func(name, does, text string, reason probes.Reason) fault {
		return fault{name: name, does: does, stage: probes.EHLO, reason: reason, server: rawHandler(func(c net.Conn) {
			_, _ = c.Write([]byte(text))
			awaitPeer(c)
		})}
	}
	good := healthyScript(w.config)
	ehlo := func(name, does, reply string, reason probes.Reason) fault {
		return fault{name: name, does: does, stage: probes.EHLO, reason: reason, server: withReplies(good, "EHLO", reply)}
	}
	closing, drip, long := good, withReplies(good, "EHLO", ""), good
	closing.CloseAt = "EHLO"
	drip.HandlerAt, drip.Handler = "EHLO", func(c net.Conn) {
		for range 30 {
			if _, err := c.Write([]byte("2")); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}
	long.Greeting = "220-mail.faults.test\r\n220-" + strings.Repeat("x", 1500) + "\r\n220 teaser\r\n"
	return []fault{
		greeting("greeting-421", "421, too many connections", "421 4.7.0 too many connections\r\n", probes.ReasonThrottled),
		greeting("greeting-450", "450, try later", "450 later\r\n", probes.ReasonTemporaryRejection),
		greeting("greeting-521", "521, accepts no mail", "521 no mail here\r\n", probes.ReasonGreetingRejected),
		greeting("greeting-554", "554, refused", "554 no\r\n", probes.ReasonProberRejected),
		greeting("greeting-blocklist", "554, this prober is on a blocklist",
			"554 5.7.1 your IP is listed at Spamhaus\r\n", probes.ReasonProberRejected),
		greeting("greeting-http", "HTTP", "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", probes.ReasonNotSMTP),
		greeting("greeting-ssh", "SSH", "SSH-2.0-OpenSSH_9.9\r\n", probes.ReasonNotSMTP),
		greeting("greeting-pop3", "POP3", "+OK ready\r\n", probes.ReasonNotSMTP),
		greeting("greeting-imap", "IMAP", "* OK ready\r\n", probes.ReasonNotSMTP),
		greeting("greeting-nntp", "NNTP", "200 posting allowed\r\n", probes.ReasonNotSMTP),
		greeting("greeting-tls", "a TLS alert at once, as on port 465", "\x15\x03\x01\x00\x02\x02\x0a\n",
			probes.ReasonNotSMTP),
		greeting("greeting-code", "a code that SMTP does not define", "999 hello\r\n", probes.ReasonNotSMTP),
		greeting("greeting-half-line", "a greeting without an end of line", "220 mail.faults.test",
			probes.ReasonGreetingTimeout),
		greeting("greeting-half-reply", "the first of several lines, then nothing", "220-mail.faults.test\r\n",
			probes.ReasonGreetingTimeout),
		greeting("greeting-codes", "two codes in one greeting", "220-mail.faults.test\r\n554 no\r\n",
			probes.ReasonReplyMalformed),
		{name: "greeting-long", does: "a greeting of several lines, one of 1500 bytes", server: long},
		{
			name: "ehlo-silent", does: "no reply to EHLO", stage: probes.EHLO, reason: probes.ReasonReplyTimeout,
			server: withReplies(good, "EHLO", ""),
		},
		{
			name: "ehlo-closed", does: "closes at EHLO", stage: probes.EHLO, reason: probes.ReasonConnectionClosed,
			server: closing,
		},
		{
			name: "ehlo-drip", does: "one byte of the reply a second", stage: probes.EHLO,
			reason: probes.ReasonReplyTimeout, server: drip,
		},
		ehlo("ehlo-502", "502, unknown command", "502 5.5.1 what?\r\n", probes.ReasonEHLORejected),
		ehlo("ehlo-421", "421, busy", "421 4.3.2 busy\r\n", probes.ReasonThrottled),
		ehlo("ehlo-451", "451, try later", "451 4.7.1 later\r\n", probes.ReasonTemporaryRejection),
		ehlo("ehlo-name", "550, the server refuses the EHLO name",
			"550 5.7.1 HELO command rejected: Host not found\r\n", probes.ReasonProberRejected),
		ehlo("ehlo-words", "text without a code", "hello, how are you\r\n", probes.ReasonReplyMalformed),
		ehlo("ehlo-codes", "two codes in one reply", "250-a\r\n550 b\r\n", probes.ReasonReplyMalformed),
		ehlo("ehlo-354", "a code that is wrong at this point", "354 go on\r\n", probes.ReasonReplyMalformed),
		ehlo("ehlo-line", "a line of 5000 bytes", "250 "+strings.Repeat("x", 5000)+"\r\n", probes.ReasonReplyTooLong),
		ehlo("ehlo-lines", "two thousand lines", strings.Repeat("250-x\r\n", 2000)+"250 x\r\n", probes.ReasonReplyTooLong),
	}
}

// recipientFaults are faulty replies to MAIL FROM and RCPT TO.
func (w *faultWorld) recipientFaults() []fault {
	good := healthyScript(w.config)
	replyTo := func(name, does, verb, reply string, reason probes.Reason) fault {
		return fault{
			name: name, does: does, stage: probes.Recipient, reason: reason, rcpt: true,
			tls: "EncryptionOnly", server: withReplies(good, verb, reply),
		}
	}
	closes := func(name, verb string) fault {
		f := replyTo(name, "closes at "+verb, "", "", probes.ReasonConnectionClosed)
		f.server.CloseAt = verb
		return f
	}
	return []fault{
		closes("mail-closed", "MAIL"),
		closes("rcpt-closed", "RCPT"),
		replyTo("mail-silent", "no reply to MAIL FROM", "MAIL", "", probes.ReasonReplyTimeout),
		replyTo("mail-550", "550 to MAIL FROM", "MAIL", "550 5.7.1 no\r\n", probes.ReasonSenderRejected),
		replyTo("mail-451", "451 to MAIL FROM", "MAIL", "451 4.7.1 later\r\n", probes.ReasonTemporaryRejection),
		replyTo("mail-421", "421 to MAIL FROM", "MAIL", "421 4.7.0 slow down\r\n", probes.ReasonThrottled),
		replyTo("mail-full-disk", "452, no resources", "MAIL", "452 4.3.1 Insufficient system resources\r\n",
			probes.ReasonServerUnavailable),
		replyTo("mail-inactive", "421, component not active", "MAIL", "421 4.3.2 Service not active\r\n",
			probes.ReasonServerUnavailable),
		replyTo("mail-530", "530, authentication", "MAIL", "530 5.7.1 Client was not authenticated\r\n",
			probes.ReasonAuthenticationRequired),
		replyTo("mail-no-tls", "451, TLS required", "MAIL", "451 5.7.3 STARTTLS is required to send mail\r\n",
			probes.ReasonTLSRequired),
		replyTo("rcpt-full", "452, mailbox full", "RCPT", "452 4.2.2 Mailbox full\r\n", probes.ReasonMailboxFull),
		replyTo("mail-tenant-blocked", "550 5.7.705 to MAIL FROM", "MAIL",
			"550 5.7.705 Access denied, tenant has exceeded threshold\r\n", probes.ReasonTenantBlocked),
		replyTo("rcpt-silent", "no reply to RCPT TO", "RCPT", "", probes.ReasonReplyTimeout),
		replyTo("rcpt-550", "550 to RCPT TO", "RCPT", "550 no\r\n", probes.ReasonRecipientRejected),
		replyTo("rcpt-unknown", "550 5.1.1", "RCPT", "550 5.1.1 User unknown\r\n", probes.ReasonRecipientUnknown),
		replyTo("rcpt-relay", "550, relaying denied", "RCPT", "550 5.7.1 Unable to relay\r\n", probes.ReasonRelayDenied),
		replyTo("rcpt-sender", "553, only its own users may send as this domain", "RCPT",
			"553 5.7.1 Sender address rejected: not owned by user\r\n", probes.ReasonProberRejected),
		replyTo("rcpt-greylist", "450, greylisted", "RCPT", "450 4.2.0 greylisted\r\n", probes.ReasonTemporaryRejection),
		replyTo("rcpt-421", "421 to RCPT TO", "RCPT", "421 4.7.0 slow down\r\n", probes.ReasonThrottled),
		replyTo("rcpt-throttled", "451 4.7.500", "RCPT", "451 4.7.500 Server busy. Please try again later\r\n",
			probes.ReasonThrottled),
		replyTo("rcpt-attribution", "550 5.7.64", "RCPT", "550 5.7.64 TenantAttribution; Relay Access Denied\r\n",
			probes.ReasonTenantAttribution),
		replyTo("rcpt-partner", "550 5.7.51", "RCPT",
			"550 5.7.51 TenantInboundAttribution; There is a partner connector configured\r\n",
			probes.ReasonPartnerRestriction),
		replyTo("rcpt-direct-send", "550 5.7.68", "RCPT",
			"550 5.7.68 TenantInboundAttribution; Direct Send not allowed\r\n", probes.ReasonDirectSendRejected),
		replyTo("rcpt-connector-blocked", "550 5.7.711", "RCPT",
			"550 5.7.711 Access denied, bad inbound connector. AS(2204)\r\n", probes.ReasonConnectorBlocked),
		replyTo("rcpt-region", "451 4.4.62", "RCPT", "451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35\r\n",
			probes.ReasonWrongRegion),
		replyTo("rcpt-banned", "550 5.7.606", "RCPT", "550 5.7.606 Access denied, banned sending IP [192.0.2.1]\r\n",
			probes.ReasonBannedAddress),
		replyTo("rcpt-reverse-dns", "550 5.7.25, no reverse DNS for the prober", "RCPT",
			"550 5.7.25 reverse DNS validation failed\r\n", probes.ReasonProberRejected),
		replyTo("rcpt-blocklist", "554, the prober's address is listed", "RCPT",
			"554 5.7.1 Service unavailable; client [192.0.2.1] blocked using zen.spamhaus.org\r\n",
			probes.ReasonProberRejected),
		replyTo("rcpt-access-denied", "454 4.7.0 Access Denied", "RCPT",
			"454 4.7.0 Failed to establish appropriate TLS channel: Access Denied\r\n",
			probes.ReasonClientCertificateUntrusted),
		replyTo("rcpt-words", "text without a code", "RCPT", "no thanks\r\n", probes.ReasonReplyMalformed),
		replyTo("rcpt-354", "a code that is wrong at this point", "RCPT", "354 go on\r\n", probes.ReasonReplyMalformed),
		replyTo("rcpt-lines", "two thousand lines", "RCPT", strings.Repeat("550-x\r\n", 2000)+"550 x\r\n",
			probes.ReasonReplyTooLong),
		{
			name: "rset-refused", does: "refuses RSET", rcpt: true, tls: "EncryptionOnly",
			server: withReplies(good, "RSET", "502 5.5.1 what?\r\n"),
		},
		{name: "quit-closed", does: "closes at QUIT", rcpt: true, tls: "EncryptionOnly", server: closesAtQuit(good)},
	}
}

func closesAtQuit(s lab.Script) lab.Script {
	s.CloseAt = "QUIT"
	return s
}
