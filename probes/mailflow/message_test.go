package mailflow_test

import (
	"strings"
	"testing"

	"m365_connector_exporter/probes/mailflow"
)

func TestParseMessage(t *testing.T) {
	for _, c := range []struct {
		text mailflow.MessageText
		want string // IP, names, MAIL FROM, RCPT TO; or the error
	}{
		{mailflow.MessageText{}, "invalid IP   outside.invalid"},
		{
			mailflow.MessageText{
				IP: "192.0.2.1", CertificateNames: []string{"Mail.Contoso.com", "*.contoso.com"}, MailFrom: "<anna@Contoso.com>",
				RcptTo: "fabrikam.com",
			},
			"192.0.2.1 mail.contoso.com,*.contoso.com contoso.com fabrikam.com",
		},
		{mailflow.MessageText{MailFrom: "<>"}, "invalid IP   outside.invalid"},
		{mailflow.MessageText{IP: "here"}, `ip: "here" is not an IP address`},
		{mailflow.MessageText{CertificateNames: []string{"a b"}}, `certificate-name: "a b" is not a domain name`},
		{mailflow.MessageText{MailFrom: "a@b c"}, `mail-from: "a@b c" is neither an email address nor a domain`},
		{mailflow.MessageText{RcptTo: "*.contoso.com"}, `rcpt-to: "*.contoso.com" is neither`},
	} {
		m, err := c.text.Parse()
		names := ""
		if m.Certificate != nil {
			names = strings.Join(m.Certificate.Names(), ",")
		}
		got := strings.Join([]string{m.Address.String(), names, m.MailFrom, m.RcptTo}, " ")
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.text, got, c.want)
		}
	}
}

func FuzzParseMessage(f *testing.F) {
	f.Add("192.0.2.1", "mail.contoso.com", "<anna@contoso.com>", "*.fabrikam.com")
	f.Fuzz(func(t *testing.T, ip, name, from, to string) {
		m, err := mailflow.MessageText{IP: ip, CertificateNames: []string{name}, MailFrom: from, RcptTo: to}.Parse()
		if err == nil && (m.Certificate == nil || m.RcptTo == "" || strings.ContainsAny(m.MailFrom+m.RcptTo, "@<> *")) {
			t.Errorf("%+v", m)
		}
	})
}
