package text_test

import (
	"strings"
	"testing"

	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
)

func TestTranscript(t *testing.T) {
	e := end("mail.contoso.com", "192.0.2.1:25")
	e.Transcript = []probes.TranscriptEntry{
		{At: 1200000, Origin: probes.OriginServer, Text: "220 \x1b[31mred\xff\nready"},
		{At: 2400000, Origin: probes.OriginClient, Text: "RCPT TO:<anna@contoso.com>"},
	}
	var b strings.Builder
	if err := text.Transcript(&b, probes.Result{Endpoints: []probes.Endpoint{e, end("lost", "")}}); err != nil {
		t.Fatal(err)
	}
	const want = "Transcript of mail.contoso.com [192.0.2.1:25]\n" +
		"     0.001s S 220 \\u001b[31mred\\xff\n     0.001s S ready\n" +
		"     0.002s C RCPT TO:<a***@contoso.com>\n\nTranscript of lost\n  No dialogue.\n\n"
	if b.String() != want {
		t.Errorf("%q\nwant\n%q", b.String(), want)
	}
}
