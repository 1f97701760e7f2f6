package wire

import (
	"strings"
	"testing"

	"m365_connector_exporter/probes"
)

// The greetings are as servers in the field send them; only names and dates are changed.
func TestGreetings(t *testing.T) {
	for _, greeting := range []string{
		"220 mail.contoso.com Microsoft ESMTP MAIL Service ready at Tue, 3 Mar 2026 10:00:00 +0100\r\n",
		"220 2.0.0 SMTP server ready\r\n",
		"220 AM1PEPF000000.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at Tue, 3 Mar 2026 10:00:00 +0000 [08DE]\r\n",
		"220 mail.example.org ESMTP Postfix (Debian/GNU)\r\n",
		"220 mail.example.org ESMTP Exim 4.98 Tue, 03 Mar 2026 10:00:00 +0000\r\n",
		"220 mail.example.org ESMTP OpenSMTPD\r\n",
		"220 esa1.example.iphmx.com ESMTP\r\n",
		"220 mx0a-00000000.pphosted.com ESMTP mfa-m000000\r\n",
		"220 eu-smtp-1.mimecast.com ESMTP; Tue, 03 Mar 2026 10:00:00 +0000\r\n",
		"220 barracuda.example.org ESMTP (0123456789abcdef)\r\n",
		"220-mail.example.org ESMTP\r\n220 mail.example.org ESMTP Postfix\r\n",
		"220\r\n", "220 bare newline\n",
	} {
		if r, err := newReplyReader(strings.NewReader(greeting)).read(); err != nil || r.Code != 220 {
			t.Errorf("%q: %+v %v", greeting, r, err)
		}
	}
}

// TestCutReply: what came before the connection failed is kept.
func TestCutReply(t *testing.T) {
	r, err := newReplyReader(strings.NewReader("421-4.3.2 going down\r\n421-come back\r\n421 la")).read()
	if err == nil || r.Code != 421 || r.Enhanced != "4.3.2" || r.Text != "going down\ncome back" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestClassify(t *testing.T) {
	for _, tt := range []struct {
		reply   string
		general probes.Reason
		want    probes.Reason
	}{
		{"550 5.7.64 TenantAttribution", probes.ReasonRecipientRejected, probes.ReasonTenantAttribution},
		{"550 5.7.51 TenantInboundAttribution", probes.ReasonRecipientRejected, probes.ReasonPartnerRestriction},
		{"550 5.7.68 TenantInboundAttribution", probes.ReasonRecipientRejected, probes.ReasonDirectSendRejected},
		{"550 5.7.711 Access denied", probes.ReasonRecipientRejected, probes.ReasonConnectorBlocked},
		{"550 5.7.705 Access denied", probes.ReasonSenderRejected, probes.ReasonTenantBlocked},
		{"550 5.7.708 Access denied", probes.ReasonSenderRejected, probes.ReasonTenantBlocked},
		{"550 5.7.750 Access denied", probes.ReasonSenderRejected, probes.ReasonTenantBlocked},
		{"451 4.4.62 Mail sent to the wrong Office 365 region", probes.ReasonRecipientRejected, probes.ReasonWrongRegion},
		{"550 5.1.1 unknown", probes.ReasonRecipientRejected, probes.ReasonRecipientUnknown},
		{"550 5.7.1 Unable to relay", probes.ReasonRecipientRejected, probes.ReasonRelayDenied},
		{"554 5.7.1 <x@y>: Relay access denied", probes.ReasonRecipientRejected, probes.ReasonRelayDenied},
		{"550 5.7.606 Access denied, banned sending IP", probes.ReasonRecipientRejected, probes.ReasonBannedAddress},
		{"550 5.7.649 Access denied", probes.ReasonRecipientRejected, probes.ReasonBannedAddress},
		{"550 5.7.650 Access denied", probes.ReasonRecipientRejected, probes.ReasonRecipientRejected},
		{"550 5.7.511 Access denied", probes.ReasonRecipientRejected, probes.ReasonBannedAddress},
		{"451 4.7.500 Server busy", probes.ReasonRecipientRejected, probes.ReasonThrottled},
		{"421 4.3.2 later", probes.ReasonRecipientRejected, probes.ReasonThrottled},
		{"454 4.7.0 Failed to establish appropriate TLS channel: Access Denied", probes.ReasonRecipientRejected, probes.ReasonClientCertificateUntrusted},
		{"454 4.7.0 TLS not available", probes.ReasonSTARTTLSRejected, probes.ReasonSTARTTLSRejected},
		{"552 too big", probes.ReasonMessageRejected, probes.ReasonMessageTooLarge},
		{"552 5.2.2 mailbox full", probes.ReasonRecipientRejected, probes.ReasonRecipientRejected},
		{"550 5.3.4 too big", probes.ReasonMessageRejected, probes.ReasonMessageTooLarge},
		{"554 content", probes.ReasonMessageRejected, probes.ReasonMessageRejected},
		{"550 no PTR record", probes.ReasonRecipientRejected, probes.ReasonProberRejected},
		{"550 No such user", probes.ReasonRecipientRejected, probes.ReasonRecipientUnknown},
	} {
		r, err := newReplyReader(strings.NewReader(tt.reply + "\r\n")).read()
		if got := classify(r, tt.general); err != nil || got != tt.want {
			t.Errorf("%s: %s %v, want %s", tt.reply, got, err, tt.want)
		}
	}
}

func FuzzReply(f *testing.F) {
	for _, s := range []string{"220 ok\r\n", "250-a\r\n250 b\r\n", "550 5.7.64 x\r\n", "\x00\xff\n", "220-\n220", "2"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := newReplyReader(strings.NewReader(string(data))).read()
		if err == nil && (r.Code < 200 || r.Code > 599) || len(r.Text) > maxReplyText+8 || strings.ContainsAny(r.Text, "\x00\r\x1b") {
			t.Fatalf("%+v %v", r, err)
		}
	})
}
