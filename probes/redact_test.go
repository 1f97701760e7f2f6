package probes_test

import (
	"regexp"
	"testing"

	"m365_connector_exporter/probes"
)

func TestRedact(t *testing.T) {
	for _, c := range []struct{ reply, want string }{
		{"550 5.1.1 <gone@contoso.com>: User unknown", "550 5.1.1 <g***@contoso.com>: User unknown"},
		{"RCPT TO:<p***@contoso.com>", "RCPT TO:<p***@contoso.com>"},
		{`"john doe"@contoso.com refused`, `"***"@contoso.com refused`},
		{"see https://x.example/?who=anna%40contoso.com", "see https://x.example/?who=a***%40contoso.com"},
		{"björn@contoso.com", "b***@contoso.com"},
		{"334 dXNlcm5hbWU6cGFzc3dvcmQxMjM0", "334 dXNl***"},
		{"250 mail.contoso.com 198.51.100.7 5.7.64", "250 mail.contoso.com 198.51.100.7 5.7.64"},
		{
			"TLS 1.3 established, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
			"TLS 1.3 established, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
		},
		{"220 static-198-51-100-10-customer.isp.example", "220 static-198-51-100-10-customer.isp.example"},
		{"@@@", "@@@"},
	} {
		got := probes.Redact(c.reply)
		if got != c.want || probes.Redact(got) != got {
			t.Errorf("%q = %q, want %q; again %q", c.reply, got, c.want, probes.Redact(got))
		}
	}
}

// open is a readable local part.
var open = regexp.MustCompile(`[^\s<>()\[\]",;:@/?=&*](@|%40)`)

// Whatever a server replies, no local part is readable, and redacting again changes nothing.
func FuzzRedact(f *testing.F) {
	for _, reply := range []string{
		"550 5.1.1 <gone@contoso.com>: User unknown", `"john doe"@contoso.com, "a@b"@c`,
		"see https://x.example/?who=anna%40contoso.com", "björn@contoso.com",
		"334 dXNlcm5hbWU6cGFzc3dvcmQxMjM0", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256@a", "a%40b%40c@@d", "\xff@\x00@*@",
	} {
		f.Add(reply)
	}
	f.Fuzz(func(t *testing.T, reply string) {
		got := probes.Redact(reply)
		if again := probes.Redact(got); again != got || open.MatchString(got) {
			t.Errorf("%q = %q, again %q", reply, got, again)
		}
	})
}
