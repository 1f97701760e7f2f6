package smtpprobe

import (
	"strings"
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
	"m365_connector_exporter/probes/mailflow"
)

// dialogue is how a kind of server speaks, as recorded in the field; names, addresses and dates are changed. What is
// empty is as in the healthy script.
type dialogue struct {
	server                         string
	greet, ehlo, starttls, ehloTLS string
	mail, rcpt, rset, quit         string
	stage                          probes.Stage
	reason                         probes.Reason // empty: everything passes
	enhanced                       string        // of the reply that decided
}

// dialogues are the servers that other monitors stumble over.
var dialogues = []dialogue{
	{
		server: "Exchange 2019",
		greet:  "220 mail.contoso.com Microsoft ESMTP MAIL Service ready at Tue, 3 Mar 2026 10:00:00 +0100",
		ehlo: "250-mail.contoso.com Hello [192.0.2.1]|250-SIZE 37748736|250-PIPELINING|250-DSN|" +
			"250-ENHANCEDSTATUSCODES|250-STARTTLS|250-X-ANONYMOUSTLS|250-AUTH NTLM|250-X-EXPS GSSAPI NTLM|" +
			"250-8BITMIME|250-BINARYMIME|250-CHUNKING|250 XRDST",
		starttls: "220 2.0.0 SMTP server ready",
		ehloTLS: "250-mail.contoso.com Hello [192.0.2.1]|250-SIZE 37748736|250-PIPELINING|250-DSN|" +
			"250-ENHANCEDSTATUSCODES|250-AUTH NTLM LOGIN|250-8BITMIME|250 CHUNKING",
		mail: "250 2.1.0 Sender OK",
		rcpt: "250 2.1.5 Recipient OK",
		rset: "250 2.0.0 Resetting",
		quit: "221 2.0.0 Service closing transmission channel",
	},
	{
		server:   "Exchange 2019, STARTTLS last and a bare code",
		greet:    "220 2.0.0 SMTP server ready",
		ehlo:     "250-mail.contoso.com Hello [192.0.2.1]|250-SIZE|250 STARTTLS",
		starttls: "220 2.0.0 SMTP server ready",
		rcpt:     "250 2.1.5 Recipient OK",
	},
	{
		server:   "Exchange 2019, not for anonymous senders",
		greet:    "220 mail.contoso.com Microsoft ESMTP MAIL Service ready at Tue, 3 Mar 2026 10:00:00 +0100",
		rcpt:     "550 5.7.1 Unable to relay",
		stage:    probes.Recipient,
		reason:   probes.ReasonRelayDenied,
		enhanced: "5.7.1",
	},
	{
		server: "Exchange 2019 whose certificate is gone",
		ehlo: "250-mail.contoso.com Hello [192.0.2.1]|250-SIZE 37748736|250-PIPELINING|250-DSN|" +
			"250-ENHANCEDSTATUSCODES|250-8BITMIME|250-BINARYMIME|250 CHUNKING",
		stage:  probes.TLSStage,
		reason: probes.ReasonSTARTTLSNotOffered,
	},
	{
		server: "Exchange Online",
		greet: "220 AM1PEPF0000XXXX.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at Tue, 3 " +
			"Mar 2026 09:00:00 +0000 [08DE000000000000]",
		ehlo: "250-AM1PEPF0000XXXX.mail.protection.outlook.com Hello [192.0.2.1]|250-SIZE 157286400|" +
			"250-PIPELINING|250-DSN|250-ENHANCEDSTATUSCODES|250-STARTTLS|250-8BITMIME|250-BINARYMIME|" +
			"250-CHUNKING|250 SMTPUTF8",
		starttls: "220 2.0.0 SMTP server ready",
		mail:     "250 2.1.0 Sender OK",
		rcpt:     "250 2.1.5 Recipient OK",
		rset:     "250 2.0.0 Resetting",
	},
	{
		server: "Exchange Online, no connector matches",
		rcpt: "550 5.7.64 TenantAttribution; Relay Access Denied [AM1PEPF0000XXXX.eurprd01.prod.outlook.com " +
			"2026-03-03T09:00:00.000Z 08DE000000000000]",
		stage:    probes.Recipient,
		reason:   probes.ReasonTenantAttribution,
		enhanced: "5.7.64",
	},
	{
		server:   "Exchange Online, TLS demanded",
		rcpt:     "454 4.7.0 Failed to establish appropriate TLS channel: Access Denied",
		stage:    probes.Recipient,
		reason:   probes.ReasonClientCertificateUntrusted,
		enhanced: "4.7.0",
	},
	{
		server:   "Exchange Online, throttled",
		rcpt:     "451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77719) [AM1PEPF0000XXXX]",
		stage:    probes.Recipient,
		reason:   probes.ReasonThrottled,
		enhanced: "4.7.500",
	},
	{
		server: "Postfix",
		greet:  "220 mail.example.org ESMTP Postfix (Debian/GNU)",
		ehlo: "250-mail.example.org|250-PIPELINING|250-SIZE 10240000|250-VRFY|250-ETRN|250-STARTTLS|" +
			"250-ENHANCEDSTATUSCODES|250-8BITMIME|250-DSN|250-SMTPUTF8|250 CHUNKING",
		starttls: "220 2.0.0 Ready to start TLS",
		mail:     "250 2.1.0 Ok",
		rcpt:     "250 2.1.5 Ok",
		rset:     "250 2.0.0 Ok",
		quit:     "221 2.0.0 Bye",
	},
	{
		server: "Postfix, greylisting",
		rcpt: "450 4.2.0 <probe@contoso.com>: Recipient address rejected: Greylisted, see " +
			"http://postgrey.schweikert.ch/help/contoso.com.html",
		stage:    probes.Recipient,
		reason:   probes.ReasonTemporaryRejection,
		enhanced: "4.2.0",
	},
	{
		server: "Exim",
		greet:  "220 mail.example.org ESMTP Exim 4.98 Tue, 03 Mar 2026 10:00:00 +0000",
		ehlo: "250-mail.example.org Hello prober.test [192.0.2.1]|250-SIZE 52428800|250-8BITMIME|" +
			"250-PIPELINING|250-PIPECONNECT|250-CHUNKING|250-STARTTLS|250 HELP",
		starttls: "220 TLS go ahead",
		mail:     "250 OK",
		rcpt:     "250 Accepted",
		rset:     "250 Reset OK",
		quit:     "221 mail.example.org closing connection",
	},
	{
		server:   "Exim without a key",
		starttls: "454 TLS currently unavailable",
		stage:    probes.TLSStage,
		reason:   probes.ReasonSTARTTLSRejected,
	},
	{
		server: "Exim that calls back",
		rcpt: "550-Verification failed for <from@contoso.com>|" +
			"550-The mail server could not deliver mail to from@contoso.com.|550 Sender verify failed",
		stage:  probes.Recipient,
		reason: probes.ReasonSenderRejected,
	},
	{
		server: "OpenSMTPD",
		greet:  "220 mail.example.org ESMTP OpenSMTPD",
		ehlo: "250-mail.example.org Hello prober.test [192.0.2.1], pleased to meet you|250-8BITMIME|" +
			"250-ENHANCEDSTATUSCODES|250-SIZE 36700160|250-DSN|250-STARTTLS|250 HELP",
		starttls: "220 2.0.0 Ready to start TLS",
		mail:     "250 2.0.0 Ok",
		rcpt:     "250 2.1.5 Destination address valid: Recipient ok",
		rset:     "250 2.0.0 Ok",
		quit:     "221 2.0.0 Bye",
	},
	{
		server:   "IronPort",
		greet:    "220 esa1.example.iphmx.com ESMTP",
		ehlo:     "250-esa1.example.iphmx.com|250-8BITMIME|250-SIZE 33554432|250 STARTTLS",
		starttls: "220 Go ahead with TLS",
		mail:     "250 sender <from@contoso.com> ok",
		rcpt:     "250 recipient <probe@contoso.com> ok",
		rset:     "250 reset",
		quit:     "221 esa1.example.iphmx.com",
	},
	{
		server: "IronPort, poor reputation",
		stage:  probes.EHLO,
		reason: probes.ReasonProberRejected,
		greet: "554-esa1.example.iphmx.com|554 Your access to this mail system has been rejected due to the " +
			"sending MTA's poor reputation. If you believe that this failure is in error, please contact the " +
			"intended recipient via alternate means.",
	},
	{
		server:   "IronPort, unknown recipient",
		rcpt:     "550 #5.1.0 Address rejected.",
		stage:    probes.Recipient,
		reason:   probes.ReasonRecipientRejected,
		enhanced: "5.1.0",
	},
	{
		server: "Proofpoint",
		greet:  "220 mx0a-00000000.pphosted.com ESMTP mfa-m0000000",
		ehlo: "250-mx0a-00000000.pphosted.com Hello prober.test [192.0.2.1], pleased to meet you|" +
			"250-ENHANCEDSTATUSCODES|250-PIPELINING|250-8BITMIME|250-SIZE 52428800|250-STARTTLS|250 HELP",
		starttls: "220 2.0.0 Ready to start TLS",
		mail:     "250 2.1.0 <from@contoso.com>... Sender ok",
		rcpt:     "250 2.1.5 <probe@contoso.com>... Recipient ok",
		rset:     "250 2.0.0 Reset state",
		quit:     "221 2.0.0 mx0a-00000000.pphosted.com Closing connection",
	},
	{
		server: "Proofpoint, blocked",
		greet:  "554 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1",
		stage:  probes.EHLO,
		reason: probes.ReasonProberRejected,
	},
	{
		server:   "Mimecast",
		greet:    "220 us-smtp-inbound-1.mimecast.com ESMTP ; Tue, 03 Mar 2026 10:00:00 +0000; Id=aBcDeFgHiJkLmNoP",
		ehlo:     "250-us-smtp-inbound-1.mimecast.com Hello [192.0.2.1]|250-STARTTLS|250-SIZE 104857600|250 HELP",
		starttls: "220 Starting TLS [aBcDeFgHiJkLmNoP.us1]",
		mail:     "250 Sender OK [aBcDeFgHiJkLmNoP.us1]",
		rcpt:     "250 Recipient OK [aBcDeFgHiJkLmNoP.us1]",
		rset:     "250 Reset [aBcDeFgHiJkLmNoP.us1]",
		quit:     "221 Service closing transmission channel [aBcDeFgHiJkLmNoP.us1]",
	},
	{
		server: "Mimecast, greylisting",
		rcpt: "451 Internal resources are temporarily unavailable - " +
			"https://community.mimecast.com/docs/DOC-1369#451 [aBcDeFgHiJkLmNoP.us1]",
		stage:  probes.Recipient,
		reason: probes.ReasonTemporaryRejection,
	},
	{
		server: "Mimecast, unknown recipient",
		rcpt:   "550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550 [aBcDeFgHiJkLmNoP.us1]",
		stage:  probes.Recipient,
		reason: probes.ReasonRecipientUnknown,
	},
	{
		server: "Barracuda",
		greet:  "220 d0000.ess.barracudanetworks.com ESMTP (0123456789abcdef0123456789abcdef)",
		ehlo: "250-d0000.ess.barracudanetworks.com Hello prober.test [192.0.2.1], pleased to meet you|" +
			"250-SIZE 100000000|250-STARTTLS|250-PIPELINING|250-8BITMIME|250 HELP",
		starttls: "220 Go ahead",
		mail:     "250 Sender <from@contoso.com> OK",
		rcpt:     "250 Recipient <probe@contoso.com> OK",
		rset:     "250 Reset OK",
		quit:     "221 Goodbye",
	},
	{
		server: "Barracuda, reputation",
		rcpt: "554 Service unavailable; Client host [prober.test] blocked using Barracuda Reputation; " +
			"http://www.barracudanetworks.com/reputation/?r=1&ip=192.0.2.1",
		stage:  probes.Recipient,
		reason: probes.ReasonProberRejected,
	},
	{server: "postscreen, a teaser", greet: "220-mail.example.org ESMTP Postfix|220 mail.example.org ESMTP Postfix"},
	{
		server:   "postscreen, deep tests",
		rcpt:     "450 4.3.2 Service currently unavailable",
		stage:    probes.Recipient,
		reason:   probes.ReasonTemporaryRejection,
		enhanced: "4.3.2",
	},
	{
		server:   "postscreen, blocked",
		rcpt:     "550 5.7.1 Service unavailable; client [192.0.2.1] blocked using zen.spamhaus.org",
		stage:    probes.Recipient,
		reason:   probes.ReasonProberRejected,
		enhanced: "5.7.1",
	},
	{
		server:   "postscreen, no more connections",
		greet:    "421 4.3.2 All server ports are busy",
		stage:    probes.EHLO,
		reason:   probes.ReasonThrottled,
		enhanced: "4.3.2",
	},
}

func TestDialogues(t *testing.T) {
	ca := certtest.New(t)
	for _, d := range dialogues {
		t.Run(d.server, func(t *testing.T) {
			s := healthy(certtest.ServerConfig(ca.Leaf(t, "mail.test"), ca.Inter))
			if d.greet != "" {
				s.greet = wireLines(d.greet)
			}
			for verb, text := range map[string]string{
				"EHLO": d.ehlo, "STARTTLS": d.starttls, "TLS EHLO": d.ehloTLS, "MAIL": d.mail, "RCPT": d.rcpt, "RSET": d.rset,
				"QUIT": d.quit,
			} {
				if text != "" {
					s.answers[verb] = wireLines(text)
				}
			}
			at, _ := serve(t, s)
			ep := probeOne(t, testProber(ca.Roots), testPath(at, probes.Recipient, mailflow.DomainValidation))
			stage, step, problem := ep.FirstProblem()
			if problem != (d.reason != "") || problem && (stage != d.stage || step.Reason != d.reason ||
				step.Reply.Enhanced != d.enhanced) {
				t.Fatalf("%v %+v\n%v", stage, step, ep.Transcript)
			}
			lines := ep.Transcript
			last := lines[len(lines)-1]
			if !problem && (last.Origin != probes.OriginServer || !strings.HasPrefix(last.Text, "221")) {
				t.Errorf("it did not end politely: %v", lines)
			}
		})
	}
}

func wireLines(text string) string { return strings.ReplaceAll(text, "|", "\r\n") + "\r\n" }
