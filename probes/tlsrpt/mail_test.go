package tlsrpt_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"m365_connector_exporter/probes/tlsrpt"
)

var signingKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))

// keyRecord returns the TXT record of signingKey, with more tags.
func keyRecord(tags string) tlsrpt.LookupTXT {
	public := base64.StdEncoding.EncodeToString(signingKey.Public().(ed25519.PublicKey))
	return func(name string) ([]string, error) {
		if !strings.HasPrefix(name, "s1._domainkey.") {
			return nil, fmt.Errorf("no record for %s", name)
		}
		return []string{"v=DKIM1; k=ed25519; " + tags + "p=" + public}, nil
	}
}

// message returns a report message with a part of the media type, not signed.
func message(mediaType string, body []byte) string {
	return strings.ReplaceAll(`From: TLS reports <tlsrpt-noreply@microsoft.com>
To: tlsrpt@probe.contoso.com
Subject: Report Domain: contoso.com Submitter: microsoft.com Report-ID: <1>
TLS-Report-Domain: contoso.com
TLS-Report-Submitter: microsoft.com
MIME-Version: 1.0
Content-Type: multipart/report; report-type="tlsrpt"; boundary="b"

--b
Content-Type: text/plain

This is an aggregate TLS report.
--b
Content-Type: `+mediaType+`
Content-Transfer-Encoding: base64

`+base64.StdEncoding.EncodeToString(body)+`
--b--
`, "\n", "\r\n")
}

// sign returns a message with a DKIM signature of the domain.
func sign(t *testing.T, domain, text string) []byte {
	t.Helper()
	var signed bytes.Buffer
	options := &dkim.SignOptions{Domain: domain, Selector: "s1", Signer: signingKey}
	err := dkim.Sign(&signed, strings.NewReader(text), options)
	if err != nil {
		t.Fatal(err)
	}
	return signed.Bytes()
}

func microsoftReport(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/microsoft.json")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestOpenReadsSignedReports(t *testing.T) {
	report := microsoftReport(t)
	for name, row := range map[string]struct {
		domain, tags, mediaType string
		body                    []byte
	}{
		"compressed":                   {"microsoft.com", "", "application/tlsrpt+gzip", compress(t, string(report))},
		"not compressed":               {"microsoft.com", "", "application/tlsrpt+json", report},
		"compressed, but not so named": {"microsoft.com", "", "application/tlsrpt+json", compress(t, string(report))},
		"signed by a sub-domain":       {"mail.microsoft.com", "", "application/tlsrpt+json", report},
		"key for TLS reports alone":    {"microsoft.com", "s=tlsrpt; ", "application/tlsrpt+json", report},
		"key for mail":                 {"microsoft.com", "s=email; ", "application/tlsrpt+json", report},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := tlsrpt.Open(sign(t, row.domain, message(row.mediaType, row.body)), keyRecord(row.tags))
			if err != nil {
				t.Fatal(err)
			}
			if r.ID != "133925885310113267+contoso.com" || r.Signer != row.domain {
				t.Errorf("report %s signed by %s, want 133925885310113267+contoso.com by %s", r.ID, r.Signer, row.domain)
			}
		})
	}
}

func TestOpenRefusesWhatIsNotSigned(t *testing.T) {
	text := message("application/tlsrpt+json", microsoftReport(t))
	signed := string(sign(t, "microsoft.com", text))
	ofContoso := string(sign(t, "contoso.com", text))
	twoAddresses := strings.Replace(text, "From: ", "From: x@evil.example, ", 1)
	noAnswer := func(string) ([]string, error) { return nil, errors.New("no answer") }
	for name, row := range map[string]struct {
		text   string
		lookup tlsrpt.LookupTXT
		want   string
	}{
		"no signature":               {text, keyRecord(""), "no signature"},
		"a signature of another":     {ofContoso, keyRecord(""), "the signature is of contoso.com"},
		"of another public suffix":   {string(sign(t, "com", text)), keyRecord(""), "the signature is of com"},
		"a changed body":             {strings.Replace(signed, "aggregate", "different", 1), keyRecord(""), "body hash"},
		"a changed address":          {strings.Replace(signed, "noreply", "forged", 1), keyRecord(""), "signature"},
		"a second From":              {"From: x@evil.example\r\n" + signed, keyRecord(""), "one From address"},
		"two addresses":              {twoAddresses, keyRecord(""), "one From address"},
		"no From":                    {strings.Replace(text, "From:", "X:", 1), keyRecord(""), "one From address"},
		"a key for another service":  {signed, keyRecord("s=other; "), "inappropriate service"},
		"a key that cannot be found": {signed, noAnswer, "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tlsrpt.Open([]byte(row.text), row.lookup)
			if !errors.Is(err, tlsrpt.ErrUnsigned) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want ErrUnsigned with %q", err, row.want)
			}
		})
	}
}

// A message with many signatures is verified for the first few only.
func TestOpenVerifiesFewSignatures(t *testing.T) {
	text := string(sign(t, "microsoft.com", message("application/tlsrpt+json", microsoftReport(t))))
	forged := strings.Repeat("DKIM-Signature: v=1; a=ed25519-sha256; d=x.example; s=s1; h=from; bh=AA==; b=AA==\r\n", 50)
	var lookups atomic.Int32
	_, err := tlsrpt.Open([]byte(forged+text), func(name string) ([]string, error) {
		lookups.Add(1)
		return keyRecord("")(name)
	})
	if !errors.Is(err, tlsrpt.ErrUnsigned) || lookups.Load() > 5 {
		t.Errorf("error %v after %d look-ups, want ErrUnsigned after at most 5", err, lookups.Load())
	}
}

func TestOpenRefusesMessagesWithoutReport(t *testing.T) {
	nested := ""
	for i := range 100 {
		nested += fmt.Sprintf("--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n", i, i+1)
	}
	head := "From: a@microsoft.com\r\nContent-Type: multipart/report; boundary=b0\r\n\r\n"
	empty := "--b0\r\nContent-Type: text/plain\r\n\r\n\r\n"
	for name, row := range map[string]struct {
		text string
		want string
	}{
		"text alone":      {"From: a@microsoft.com\r\n\r\nhello\r\n", "no part of type"},
		"another type":    {message("application/zip", nil), "no part of type"},
		"a deep message":  {head + nested, "no part of type"},
		"many parts":      {head + strings.Repeat(empty, 1000) + "--b0--\r\n", "no part of type"},
		"a damaged part":  {head + "--b0\r\nnot a header", "no part of type"},
		"an empty report": {message("application/tlsrpt+gzip", nil), "no JSON report"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tlsrpt.Open(sign(t, "microsoft.com", row.text), keyRecord(""))
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want %q in it", err, row.want)
			}
		})
	}
	for name, text := range map[string]string{
		"a header that is none": "nonsense",
		"a huge header":         "X: " + strings.Repeat("x", 1<<20) + "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := tlsrpt.Open([]byte(text), keyRecord("")); err == nil {
				t.Error("no error")
			}
		})
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(message("application/tlsrpt+json", []byte(reportOf("")))))
	f.Add([]byte("From: a@b.example\r\n" +
		"DKIM-Signature: v=1; a=ed25519-sha256; d=b.example; s=s1; h=from; bh=AA==; b=AA==\r\n\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, err := tlsrpt.Open(text, keyRecord("")); err == nil && r.Signer == "" {
			t.Error("a report without a signer")
		}
	})
}
