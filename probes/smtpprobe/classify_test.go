package smtpprobe

import (
	"strings"
	"testing"

	"m365_connector_exporter/probes"
)

// The texts are those of servers in the field; names and addresses are changed.
func TestClassifyTextsOfTheField(t *testing.T) {
	const (
		greeting  = commandGreeting
		ehlo      = commandEHLO
		mail      = commandMAIL
		rcpt      = commandRCPT
		data      = commandDATA
		sender    = probes.ReasonSenderRejected
		recipient = probes.ReasonRecipientRejected
		message   = probes.ReasonMessageRejected
		prober    = probes.ReasonProberRejected
		unknown   = probes.ReasonRecipientUnknown
		relay     = probes.ReasonRelayDenied
	)
	for _, tt := range []struct {
		from    string
		command command
		reply   string
		want    probes.Reason
	}{
		{
			"Exchange Online", rcpt,
			"550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using Spamhaus. To request removal from this " +
				"list see https://www.spamhaus.org/query/ip/192.0.2.1 AS(1430)", prober,
		},
		{"Exchange Online", rcpt, "550 5.7.23 The message was rejected because of Sender Policy Framework violation", prober},
		{"Exchange Online", rcpt, "550 5.7.1 Unable To Relay: Blocked by Customer Allow list", prober},
		{"Exchange Online", rcpt, "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", unknown},
		{"Exchange Online", rcpt, "550 5.4.1 Relay Access Denied", relay},
		{"Exchange Online", mail, "550 5.1.8 Access denied, bad outbound sender AS(42004)", sender},
		{"Exchange", rcpt, "550 5.7.1 Unable to relay", relay},
		{"Exchange", rcpt, "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", relay},
		{"Exchange", rcpt, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", unknown},
		{
			"Exchange", mail, "530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM",
			probes.ReasonAuthenticationRequired,
		},
		{"Postfix", rcpt, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; " +
			"https://www.spamhaus.org/query/ip/192.0.2.1", prober},
		{"Postfix", rcpt, "554 5.7.1 Service unavailable; Client host [2001:db8::1] blocked using zen.spamhaus.org", prober},
		{"Postfix", rcpt, "554 5.7.1 Service unavailable; Helo command [prober.test] blocked using dbl.spamhaus.org", prober},
		{
			"Postfix", rcpt, "554 5.7.1 Service unavailable; Sender address [from@contoso.com] blocked using dbl.spamhaus.org",
			sender,
		},
		{"Postfix", rcpt, "554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied", prober},
		{"Postfix", rcpt, "550 5.7.25 Client host rejected: cannot find your reverse hostname, [192.0.2.1]", prober},
		{"Postfix", rcpt, "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname", prober},
		{"Postfix", rcpt, "550 5.1.8 <from@contoso.invalid>: Sender address rejected: Domain not found", sender},
		{"Postfix", rcpt, "553 5.7.1 <from@contoso.com>: Sender address rejected: not owned by user", sender},
		{"Postfix", rcpt, "554 5.7.1 <from@contoso.com>: Sender address rejected: Access denied", sender},
		{"Postfix", rcpt, "553 5.1.7 <from>: Sender address rejected: needs a domain", sender},
		{"Postfix", rcpt, "550 5.7.27 <from@contoso.com>: Sender address rejected: Domain contoso.com does not accept " +
			"mail (nullMX)", sender},
		{
			"Postfix", rcpt, "450 4.1.8 <from@contoso.com>: Sender address rejected: Domain not found", prober,
		},
		{"Postfix", rcpt, "554 5.7.1 <x@fabrikam.com>: Relay access denied", relay},
		{
			"Postfix", rcpt, "550 5.1.1 <x@contoso.com>: Recipient address rejected: User unknown in virtual mailbox table",
			unknown,
		},
		{"Postfix", rcpt, "554 5.7.1 <x@contoso.com>: Recipient address rejected: Access denied", recipient},
		{
			"postfix-policyd-spf", rcpt,
			"550 5.7.1 <x@contoso.com>: Recipient address rejected: Message rejected due to: SPF fail - not authorized. " +
				"Please see http://www.openspf.net/Why", prober,
		},
		{"postscreen", rcpt, "550 5.7.1 Service unavailable; client [192.0.2.1] blocked using zen.spamhaus.org", prober},
		{"Exim", rcpt, "550 rejected because 192.0.2.1 is in a black list at zen.spamhaus.org", prober},
		{
			"Exim", rcpt, "550-Verification failed for <from@contoso.com>\r\n550-No Such User Here\r\n550 Sender verify failed",
			sender,
		},
		{"Exim", mail, "550 sender rejected: 192.0.2.1 is listed at zen.spamhaus.org", prober},
		{"Exim", rcpt, "550 relay not permitted", relay},
		{"Exim", rcpt, "550 Unrouteable address", recipient},
		{"Exim", ehlo, "501 Syntactically invalid HELO argument(s)", prober},
		{
			"cPanel's Exim", rcpt,
			"550 \"JunkMail rejected - host.example [192.0.2.1]:25 is in an RBL: see https://www.spamcop.net\"", prober,
		},
		{"cPanel's Exim", rcpt, "550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)", prober},
		{"Spamhaus, at the greeting", greeting, "554 listed at Spamhaus", prober},
		{
			"Spamhaus DBL", data,
			"550 5.7.1 Your email was rejected due to having a domain present in the Spamhaus DBL -- see " +
				"https://www.spamhaus.org/dbl/", message,
		},
		{"Barracuda", rcpt, "554 Service unavailable; Client host [prober.test] blocked using Barracuda Reputation; " +
			"http://bbl.barracudacentral.com/q.cgi?ip=192.0.2.1", prober},
		{"Barracuda", data, "554 rejected due to spam URL in content", message},
		{"Barracuda", rcpt, "550 permanent failure for one or more recipients (x@contoso.com:blocked)", recipient},
		{"Mimecast", rcpt, "550 csi.mimecast.org Poor Reputation Sender. - " +
			"https://community.mimecast.com/docs/DOC-1369#550 [abc]", prober},
		{"Mimecast", rcpt, "550 zen.mimecast.org Blocked - see https://www.spamhaus.org/query/ip/192.0.2.1 - " +
			"https://community.mimecast.com/docs/DOC-1369#550", prober},
		{
			"Mimecast", rcpt, "550 SPF Sender Invalid - envelope rejected - https://community.mimecast.com/docs/DOC-1369#550",
			prober,
		},
		{"Mimecast", rcpt, "550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550 [abc]", unknown},
		{"Mimecast", rcpt, "550 Administrative prohibition - envelope blocked - " +
			"https://community.mimecast.com/docs/DOC-1369#550", recipient},
		{"Mimecast", rcpt, "501 Open relay not allowed - https://community.mimecast.com/docs/DOC-1369#501", relay},
		{
			"Mimecast", data, "554 Email rejected due to security policies - https://community.mimecast.com/docs/DOC-1369#554",
			message,
		},
		{"Proofpoint", greeting, "554 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1", prober},
		{"Proofpoint", data, "554 5.7.0 Reject, id=29d2t3x0q5-1", message},
		{"Proofpoint", rcpt, "550 5.1.1 User Unknown", unknown},
		{"Proofpoint", rcpt, "550 5.7.1 Relaying denied", relay},
		{
			"IronPort", greeting,
			"554-esa1.example.iphmx.com\r\n554 Your access to this mail system has been rejected due to the sending MTA's " +
				"poor reputation.", prober,
		},
		{"IronPort", rcpt, "550 #5.7.1 Your access to submit messages to this e-mail system has been rejected.", prober},
		{"IronPort", rcpt, "550 #5.1.0 Address rejected.", recipient},
		{"Gmail", rcpt, "550-5.7.25 [192.0.2.1] The IP address sending this message does not have a PTR record\r\n550 " +
			"5.7.25 setup", prober},
		{"Cloudmark", greeting, "554 cmsmtp [192.0.2.1] is listed on Cloudmark CSI-Global", prober},
		// Words that stand for something else.
		{"an address", rcpt, "550 5.7.1 <spf@rbl.contoso.com>: rejected by policy", recipient},
		{"inside words", rcpt, "550 Corrblem: the script descriptr is too long", recipient},
		{"order of commands", mail, "503 5.5.1 Error: send HELO/EHLO first", sender},
		{"an unknown verb", ehlo, "502 5.5.1 EHLO command not implemented", probes.ReasonEHLORejected},
		{"a blocked mailbox", rcpt, "550 mailbox is blocked on this server", recipient},
		{"a sender's domain", rcpt, "550 sender domain does not exist", sender},
	} {
		r, err := newReplyReader(strings.NewReader(tt.reply + "\r\n")).read()
		if got := classifyReply(r, tt.command, false); err != nil || got != tt.want {
			t.Errorf("%s: %s: %s %v, want %s", tt.from, tt.reply, got, err, tt.want)
		}
	}
}

func TestClassifyCodes(t *testing.T) {
	for _, tt := range []struct {
		reply   string
		command command
		want    probes.Reason
	}{
		{"550 5.7.64 TenantAttribution", commandRCPT, probes.ReasonTenantAttribution},
		{"550 5.7.51 TenantInboundAttribution", commandRCPT, probes.ReasonPartnerRestriction},
		{"550 5.7.68 TenantInboundAttribution", commandRCPT, probes.ReasonDirectSendRejected},
		{"550 5.7.711 Access denied", commandRCPT, probes.ReasonConnectorBlocked},
		{"550 5.7.705 Access denied", commandMAIL, probes.ReasonTenantBlocked},
		{"550 5.7.708 Access denied", commandMAIL, probes.ReasonTenantBlocked},
		{"550 5.7.750 Access denied", commandMAIL, probes.ReasonTenantBlocked},
		{"451 4.4.62 Mail sent to the wrong Office 365 region", commandRCPT, probes.ReasonWrongRegion},
		{"550 5.1.1 unknown", commandRCPT, probes.ReasonRecipientUnknown},
		{"550 5.7.1 Unable to relay", commandRCPT, probes.ReasonRelayDenied},
		{"554 5.7.1 <x@y>: Relay access denied", commandRCPT, probes.ReasonRelayDenied},
		{"550 5.7.606 Access denied, banned sending IP", commandRCPT, probes.ReasonBannedAddress},
		{"550 5.7.649 Access denied", commandRCPT, probes.ReasonBannedAddress},
		{"550 5.7.650 Access denied", commandRCPT, probes.ReasonRecipientRejected},
		{"550 5.7.511 Access denied", commandRCPT, probes.ReasonBannedAddress},
		{"451 4.7.500 Server busy", commandRCPT, probes.ReasonThrottled},
		{"421 4.3.2 later", commandRCPT, probes.ReasonServerUnavailable},
		{"421 later", commandRCPT, probes.ReasonThrottled},
		{
			"454 4.7.0 Failed to establish appropriate TLS channel: Access Denied", commandRCPT,
			probes.ReasonClientCertificateUntrusted,
		},
		{"454 4.7.0 TLS not available", commandSTARTTLS, probes.ReasonSTARTTLSRejected},
		{"552 too big", commandDATA, probes.ReasonMessageTooLarge},
		{"552 5.2.2 mailbox full", commandRCPT, probes.ReasonMailboxFull},
		{"550 5.3.4 too big", commandDATA, probes.ReasonMessageTooLarge},
		{"554 content", commandDATA, probes.ReasonMessageRejected},
		{"550 no PTR record", commandRCPT, probes.ReasonProberRejected},
		{"550 No such user", commandRCPT, probes.ReasonRecipientUnknown},
	} {
		r, err := newReplyReader(strings.NewReader(tt.reply + "\r\n")).read()
		if got := classifyReply(r, tt.command, false); err != nil || got != tt.want {
			t.Errorf("%s: %s %v, want %s", tt.reply, got, err, tt.want)
		}
	}
}

// Whatever matches, a rule that comes after another one for the same replies would never be reached.
func TestEveryRuleCanDecide(t *testing.T) {
	for i, r := range rules {
		if r.reason == "" || r.source == "" || r.enhanced == "" && r.codes[0] == 0 {
			t.Errorf("rule %d is incomplete: %+v", i, r)
		}
		for _, earlier := range rules[:i] {
			unconditional := len(earlier.on) == 0 && earlier.text == nil && !earlier.withheld
			if unconditional && earlier.enhanced == r.enhanced && earlier.through == r.through && earlier.codes == r.codes {
				t.Errorf("rule %d is never reached: %+v", i, r)
			}
		}
	}
}

func TestWithheldCertificate(t *testing.T) {
	r := probes.Reply{Code: 421, Enhanced: "4.7.0", Text: "Client certificate required"}
	if got := classifyReply(r, commandEHLO, true); got != probes.ReasonClientCertificateRequired {
		t.Errorf("withheld: %s", got)
	}
	if got := classifyReply(r, commandEHLO, false); got != probes.ReasonThrottled {
		t.Errorf("not requested: %s", got)
	}
}
