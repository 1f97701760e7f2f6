package text_test

import (
	"strings"
	"testing"

	"m365_connector_exporter/collector/text"
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
		got := text.Redact(c.reply)
		if got != c.want || text.Redact(got) != got {
			t.Errorf("%q = %q, want %q; again %q", c.reply, got, c.want, text.Redact(got))
		}
	}
}

func TestTranscript(t *testing.T) {
	e := end("mail.contoso.com", "192.0.2.1:25")
	e.Transcript = []probes.TranscriptLine{
		{At: 1200000, Origin: probes.OriginServer, Text: "220 \x1b[31mred\xff"},
		{At: 2400000, Origin: probes.OriginClient, Text: "RCPT TO:<anna@contoso.com>"},
	}
	var b strings.Builder
	if err := text.Transcript(&b, probes.Result{Endpoints: []probes.Endpoint{e, end("lost", "")}}); err != nil {
		t.Fatal(err)
	}
	const want = "Transcript of mail.contoso.com [192.0.2.1:25]\n     0.001s S 220 \\u001b[31mred\\xff\n     0.002s C " +
		"RCPT TO:<a***@contoso.com>\n\nTranscript of lost\n  No dialogue.\n\n"
	if b.String() != want {
		t.Errorf("%q\nwant\n%q", b.String(), want)
	}
}
