package smtpprobe

import (
	"strings"
	"testing"
)

// The greetings are as servers in the field send them; only names and dates are changed.
func TestGreetings(t *testing.T) {
	for _, greeting := range []string{
		"220 mail.contoso.com Microsoft ESMTP MAIL Service ready at Tue, 3 Mar 2026 10:00:00 +0100\r\n",
		"220 2.0.0 SMTP server ready\r\n",
		"220 AM1PEPF000000.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at Tue, 3 Mar 2026 10:00:00 " +
			"+0000 [08DE]\r\n",
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

func TestReplyKeepsWhatCameBeforeTheFailure(t *testing.T) {
	r, err := newReplyReader(strings.NewReader("421-4.3.2 going down\r\n421-come back\r\n421 la")).read()
	if err == nil || r.Code != 421 || r.Enhanced != "4.3.2" || r.Text != "going down\ncome back" {
		t.Errorf("%+v, %v", r, err)
	}
}

func FuzzReply(f *testing.F) {
	for _, s := range []string{"220 ok\r\n", "250-a\r\n250 b\r\n", "550 5.7.64 x\r\n", "\x00\xff\n", "220-\n220", "2"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := newReplyReader(strings.NewReader(string(data))).read()
		if err == nil && (r.Code < 200 || r.Code > 599) || len(shortened(r).Text) > maxReplyText+8 ||
			strings.ContainsAny(r.Text, "\x00\r\x1b") {
			t.Fatalf("%+v %v", r, err)
		}
	})
}
