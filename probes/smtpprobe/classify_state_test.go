package smtpprobe

import (
	"strings"
	"testing"

	"m365_connector_exporter/probes"
)

// The replies are those of servers in the field and of their manuals; names and addresses are changed.
func TestClassifyWhoseFaultItIs(t *testing.T) {
	const (
		greeting = commandGreeting
		ehlo     = commandEHLO
		tls      = commandSTARTTLS
		mail     = commandMAIL
		rcpt     = commandRCPT
		data     = commandDATA
	)
	for want, replies := range map[probes.Reason][]struct {
		command command
		reply   string
	}{
		probes.ReasonServerUnavailable: {
			{mail, "452 4.3.1 Insufficient system resources"},
			{mail, "452 4.3.1 Insufficient system storage"},
			{mail, "452 Insufficient system storage"},
			{rcpt, "452 4.3.1 Insufficient system resources (UsedDiskSpace[C:\\Program Files\\Microsoft])"},
			{greeting, "421 4.3.2 Service not active"},
			{mail, "421 4.3.2 Service not active"},
			{greeting, "421 4.3.2 Service not available"},
			{greeting, "421 mail.contoso.com Service not available, closing transmission channel"},
			{rcpt, "451 4.7.0 Temporary server error. Please try again later. PRX5"},
			{data, "451 4.7.0 Temporary server error. Please try again later. PRX2"},
			{rcpt, "451 4.3.0 <probe@contoso.com>: Temporary lookup failure"},
			{mail, "451 4.3.5 Server configuration problem"},
			{greeting, "451 4.3.5 Server configuration error"},
			{rcpt, "451 Temporary local problem - please try later"},
			{rcpt, "451 4.3.0 Temporary system failure. Please try again later."},
			{data, "451 4.3.0 Error: queue file write error"},
			{rcpt, "451 Requested action aborted: local error in processing"},
			{ehlo, "421 4.3.2 mail.contoso.com shutting down"},
			{mail, "554 5.3.5 Local configuration error"},
			{rcpt, "552 5.3.1 Mail system full"},
		},
		probes.ReasonThrottled: {
			{greeting, "421 4.3.2 The maximum number of concurrent server connections has exceeded a limit, closing " +
				"transmission channel"},
			{greeting, "421 4.3.2 Too many open connections."},
			{greeting, "421 4.3.2 All server ports are busy"},
			{rcpt, "432 4.3.2 STOREDRV; recipient thread limit exceeded"},
			{greeting, "421 4.7.0 mail.contoso.com Error: too many connections from 192.0.2.1"},
			{greeting, "421 Too many concurrent SMTP connections; please try again later."},
			{rcpt, "450 4.7.1 Error: too much mail from 192.0.2.1"},
			{tls, "454 4.7.0 Maximum TLS rate exceeded"},
			{tls, "454 4.3.2 maximum TLS rate exceeded"},
			{rcpt, "451 4.7.500 Server busy. Please try again later"},
			{mail, "421 closing connection"},
		},
		probes.ReasonTemporaryRejection: {
			{rcpt, "450 4.2.0 <x@contoso.com>: Recipient address rejected: Greylisted"},
			{rcpt, "451 4.3.0 Greylisting in action, please come back later"},
			{rcpt, "451 4.7.1 Graylisted, please try again in 300 seconds"},
			{rcpt, "450 4.3.2 Service currently unavailable"},
			{rcpt, "452 4.5.3 Too many recipients"},
			{rcpt, "450 4.2.1 The mailbox is unavailable"},
		},
		probes.ReasonMailboxFull: {
			{rcpt, "452 4.2.2 Mailbox full"},
			{rcpt, "552 5.2.2 Mailbox full"},
			{rcpt, "552 5.2.2 <x@contoso.com>: Quota exceeded (mailbox for user is full)"},
			{data, "452 4.2.2 The email account that you tried to reach is over quota"},
			{rcpt, "552 Requested mail action aborted: exceeded storage allocation"},
			{rcpt, "450 x@contoso.com: user is over quota"},
		},
		probes.ReasonAuthenticationRequired: {
			{mail, "530 5.7.1 Client was not authenticated"},
			{mail, "530 SMTP authentication is required."},
			{mail, "530 5.7.0 Authentication required"},
			{rcpt, "550 5.7.1 Client was not authenticated"},
			{mail, "451 5.7.3 Cannot achieve Exchange Server authentication"},
			{rcpt, "530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM"},
		},
		probes.ReasonTLSRequired: {
			{mail, "530 5.7.0 Must issue a STARTTLS command first"},
			{mail, "451 5.7.3 STARTTLS is required to send mail"},
			{mail, "451 5.7.3 Must issue a STARTTLS command first"},
			{rcpt, "550 5.7.10 Encryption required for recipient"},
		},
		probes.ReasonProberRejected: {
			{mail, "550 5.7.60 SMTP; Client does not have permissions to send as this sender"},
			{rcpt, "550 5.7.1 Client does not have permissions to send as this sender"},
			{mail, "550 Anti-Spoofing policy - Inbound not allowed - https://community.mimecast.com/docs/DOC-1369#550"},
			{ehlo, "501 5.5.4 Invalid domain name"},
			{ehlo, "501 EHLO requires valid address"},
			{ehlo, "550 need fully-qualified hostname"},
			{greeting, "554 IP=192.0.2.1 - A problem occurred. Ask your postmaster for help (BL)"},
			{greeting, "554 mx.contoso.com Dialup/transient IP not allowed. Use your mailserver"},
			{greeting, "554 5.7.1 You are not allowed to connect."},
			{greeting, "550 5.7.1 Connection refused: only Office 365 may connect"},
			{rcpt, "550 IP address is block listed"},
			{rcpt, "550-Requested action not taken: mailbox unavailable\r\n" +
				"550 Reject due to policy restrictions (IP based)."},
			{rcpt, "554 Host network not allowed"},
			{rcpt, "550 5.7.1 Your IP address [192.0.2.1] is not allowed to send to this server"},
			{rcpt, "421 4.7.0 [192.0.2.1] blocked using zen.spamhaus.org"},
			{rcpt, "421 4.7.1 Reverse DNS is required"},
			{rcpt, "450 4.7.1 Client host rejected: cannot find your hostname, [192.0.2.1]"},
			{rcpt, "450 4.1.8 <from@contoso.com>: Sender address rejected: Domain not found"},
			{rcpt, "550 5.7.1 Service unavailable. Unable to accept unauthorized message over IPv6 ATTR2"},
		},
		probes.ReasonClientCertificateUntrusted: {
			{rcpt, "454 4.7.5 Certificate validation failure, Reason:UntrustedRoot"},
		},
		probes.ReasonTenantAttribution: {{rcpt, "550 5.7.1 Relay Access Denied ATTR36"}},
		probes.ReasonTLSVersion:        {{rcpt, "421 4.7.66 TLS 1.0 and 1.1 are not supported"}},
		probes.ReasonRelayDenied: {
			{rcpt, "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"},
			{rcpt, "550 We do not relay"},
			{rcpt, "550 5.7.1 Relaying to <x@contoso.com> denied"},
			{rcpt, "550 5.7.1 <x@contoso.com>... Relaying denied. Proper authentication required."},
		},
		probes.ReasonRecipientUnknown: {{rcpt, "550 sorry, no mailbox here by that name. (#5.1.1)"}},
		probes.ReasonSTARTTLSRejected: {
			{tls, "454 4.3.0 TLS not available due to local problem"}, {tls, "454 4.7.0 TLS not available"},
		},
		probes.ReasonGreetingRejected:  {{greeting, "521 mail.contoso.com does not accept mail"}},
		probes.ReasonMessageTooLarge:   {{data, "552 Message size exceeds maximum permitted"}},
		probes.ReasonRecipientRejected: {{rcpt, "550 5.7.1 rejected by policy"}},
	} {
		for _, tt := range replies {
			r, err := newReplyReader(strings.NewReader(tt.reply + "\r\n")).read()
			if got := classifyReply(r, tt.command, false); err != nil || got != want {
				t.Errorf("%s: %s %v, want %s", tt.reply, got, err, want)
			}
		}
	}
}
