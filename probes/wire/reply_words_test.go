package wire

import (
	"strings"
	"testing"

	"m365_connector_exporter/probes"
)

// TestWords holds texts of servers in the field against what they mean; names and addresses are changed.
func TestWords(t *testing.T) {
	const (
		greeting  = probes.ReasonGreetingRejected
		ehlo      = probes.ReasonEHLORejected
		sender    = probes.ReasonSenderRejected
		recipient = probes.ReasonRecipientRejected
		message   = probes.ReasonMessageRejected
		prober    = probes.ReasonProberRejected
		unknown   = probes.ReasonRecipientUnknown
		relay     = probes.ReasonRelayDenied
	)
	for _, tt := range []struct {
		from    string
		general probes.Reason
		reply   string
		want    probes.Reason
	}{
		{"Exchange Online", recipient, "550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using Spamhaus. To request removal from this list see https://www.spamhaus.org/query/ip/192.0.2.1 AS(1430)", prober},
		{"Exchange Online", recipient, "550 5.7.23 The message was rejected because of Sender Policy Framework violation", prober},
		{"Exchange Online", recipient, "550 5.7.1 Unable To Relay: Blocked by Customer Allow list", prober},
		{"Exchange Online", recipient, "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", unknown},
		{"Exchange Online", recipient, "550 5.4.1 Relay Access Denied", relay},
		{"Exchange Online", sender, "550 5.1.8 Access denied, bad outbound sender AS(42004)", sender},
		{"Exchange", recipient, "550 5.7.1 Unable to relay", relay},
		{"Exchange", recipient, "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", relay},
		{"Exchange", recipient, "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", unknown},
		{"Exchange", sender, "530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM", sender},
		{"Postfix", recipient, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1", prober},
		{"Postfix", recipient, "554 5.7.1 Service unavailable; Client host [2001:db8::1] blocked using zen.spamhaus.org", prober},
		{"Postfix", recipient, "554 5.7.1 Service unavailable; Helo command [prober.test] blocked using dbl.spamhaus.org", prober},
		{"Postfix", recipient, "554 5.7.1 Service unavailable; Sender address [from@contoso.com] blocked using dbl.spamhaus.org", sender},
		{"Postfix", recipient, "554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied", prober},
		{"Postfix", recipient, "550 5.7.25 Client host rejected: cannot find your reverse hostname, [192.0.2.1]", prober},
		{"Postfix", recipient, "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname", prober},
		{"Postfix", recipient, "550 5.1.8 <from@contoso.invalid>: Sender address rejected: Domain not found", sender},
		{"Postfix", recipient, "553 5.7.1 <from@contoso.com>: Sender address rejected: not owned by user", sender},
		{"Postfix", recipient, "554 5.7.1 <from@contoso.com>: Sender address rejected: Access denied", sender},
		{"Postfix", recipient, "553 5.1.7 <from>: Sender address rejected: needs a domain", sender},
		{"Postfix", recipient, "550 5.7.27 <from@contoso.com>: Sender address rejected: Domain contoso.com does not accept mail (nullMX)", sender},
		{"Postfix", recipient, "450 4.1.8 <from@contoso.com>: Sender address rejected: Domain not found", probes.ReasonTemporaryRejection},
		{"Postfix", recipient, "554 5.7.1 <x@fabrikam.com>: Relay access denied", relay},
		{"Postfix", recipient, "550 5.1.1 <x@contoso.com>: Recipient address rejected: User unknown in virtual mailbox table", unknown},
		{"Postfix", recipient, "554 5.7.1 <x@contoso.com>: Recipient address rejected: Access denied", recipient},
		{"postfix-policyd-spf", recipient, "550 5.7.1 <x@contoso.com>: Recipient address rejected: Message rejected due to: SPF fail - not authorized. Please see http://www.openspf.net/Why", prober},
		{"postscreen", recipient, "550 5.7.1 Service unavailable; client [192.0.2.1] blocked using zen.spamhaus.org", prober},
		{"Exim", recipient, "550 rejected because 192.0.2.1 is in a black list at zen.spamhaus.org", prober},
		{"Exim", recipient, "550-Verification failed for <from@contoso.com>\r\n550-No Such User Here\r\n550 Sender verify failed", sender},
		{"Exim", sender, "550 sender rejected: 192.0.2.1 is listed at zen.spamhaus.org", prober},
		{"Exim", recipient, "550 relay not permitted", relay},
		{"Exim", recipient, "550 Unrouteable address", recipient},
		{"Exim", ehlo, "501 Syntactically invalid HELO argument(s)", prober},
		{"cPanel's Exim", recipient, "550 \"JunkMail rejected - host.example [192.0.2.1]:25 is in an RBL: see https://www.spamcop.net\"", prober},
		{"cPanel's Exim", recipient, "550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)", prober},
		{"Spamhaus, at the greeting", greeting, "554 listed at Spamhaus", prober},
		{"Spamhaus DBL", message, "550 5.7.1 Your email was rejected due to having a domain present in the Spamhaus DBL -- see https://www.spamhaus.org/dbl/", message},
		{"Barracuda", recipient, "554 Service unavailable; Client host [prober.test] blocked using Barracuda Reputation; http://bbl.barracudacentral.com/q.cgi?ip=192.0.2.1", prober},
		{"Barracuda", message, "554 rejected due to spam URL in content", message},
		{"Barracuda", recipient, "550 permanent failure for one or more recipients (x@contoso.com:blocked)", recipient},
		{"Mimecast", recipient, "550 csi.mimecast.org Poor Reputation Sender. - https://community.mimecast.com/docs/DOC-1369#550 [abc]", prober},
		{"Mimecast", recipient, "550 zen.mimecast.org Blocked - see https://www.spamhaus.org/query/ip/192.0.2.1 - https://community.mimecast.com/docs/DOC-1369#550", prober},
		{"Mimecast", recipient, "550 SPF Sender Invalid - envelope rejected - https://community.mimecast.com/docs/DOC-1369#550", prober},
		{"Mimecast", recipient, "550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550 [abc]", unknown},
		{"Mimecast", recipient, "550 Administrative prohibition - envelope blocked - https://community.mimecast.com/docs/DOC-1369#550", recipient},
		{"Mimecast", recipient, "501 Open relay not allowed - https://community.mimecast.com/docs/DOC-1369#501", relay},
		{"Mimecast", message, "554 Email rejected due to security policies - https://community.mimecast.com/docs/DOC-1369#554", message},
		{"Proofpoint", greeting, "554 Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1", prober},
		{"Proofpoint", message, "554 5.7.0 Reject, id=29d2t3x0q5-1", message},
		{"Proofpoint", recipient, "550 5.1.1 User Unknown", unknown},
		{"Proofpoint", recipient, "550 5.7.1 Relaying denied", relay},
		{"IronPort", greeting, "554-esa1.example.iphmx.com\r\n554 Your access to this mail system has been rejected due to the sending MTA's poor reputation.", prober},
		{"IronPort", recipient, "550 #5.7.1 Your access to submit messages to this e-mail system has been rejected.", prober},
		{"IronPort", recipient, "550 #5.1.0 Address rejected.", recipient},
		{"Gmail", recipient, "550-5.7.25 [192.0.2.1] The IP address sending this message does not have a PTR record\r\n550 5.7.25 setup", prober},
		{"Cloudmark", greeting, "554 cmsmtp [192.0.2.1] is listed on Cloudmark CSI-Global", prober},
		// Words that stand for something else.
		{"an address", recipient, "550 5.7.1 <spf@rbl.contoso.com>: rejected by policy", recipient},
		{"inside words", recipient, "550 Corrblem: the script descriptr is too long", recipient},
		{"order of commands", sender, "503 5.5.1 Error: send HELO/EHLO first", sender},
		{"an unknown verb", ehlo, "502 5.5.1 EHLO command not implemented", ehlo},
		{"a blocked mailbox", recipient, "550 mailbox is blocked on this server", recipient},
		{"a sender's domain", recipient, "550 sender domain does not exist", sender},
	} {
		r, err := newReplyReader(strings.NewReader(tt.reply + "\r\n")).read()
		if got := classify(r, tt.general); err != nil || got != tt.want {
			t.Errorf("%s: %s: %s %v, want %s", tt.from, tt.reply, got, err, tt.want)
		}
	}
}
