package mailflow

import (
	"strings"
	"testing"
)

func TestNormaliseDomain(t *testing.T) {
	const no = ""
	long := strings.Repeat("a", 63)
	for text, want := range map[string]string{
		"contoso.com": "contoso.com", "Contoso.COM.": "contoso.com", " contoso.com ": "contoso.com", "contoso": "contoso",
		"*": "*", "*.Contoso.com.": "*.contoso.com", "smtp:*;1": "*", "SMTP:*.contoso.com;10": "*.contoso.com",
		"smtp:contoso.com": "contoso.com",
		"münchen.de":       "xn--mnchen-3ya.de", "MÜNCHEN.de": "xn--mnchen-3ya.de",
		"xn--mnchen-3ya.de":  "xn--mnchen-3ya.de",
		"straße.de":          "xn--strae-oqa.de",
		"mail_1.contoso.com": "mail_1.contoso.com", "例え。jp": "xn--r8jz45g.jp", "*.münchen.de": "*.xn--mnchen-3ya.de",
		"": no, ".": no, "..": no, "contoso.com..": no, ".contoso.com": no, "a..b": no, "a.*.b": no, "*.": no,
		"**.contoso.com": no,
		"a b.com":        no, "a@b.com": no, "a/b": no, "-a.com": no, "a-.com": no, "xn--a.com": no, "192.0.2.1": no,
		"300.1.1.1": no, "a.1": no,
		"a\x00.com": no, "smtp:": no, "smtp:;1": no, "Contoso Mail": no, "a,b": no, "\xff.com": no,
		long + ".com": long + ".com", long + "a.com": no, strings.Repeat("a.", 126) + "a": strings.Repeat("a.", 126) + "a",
		strings.Repeat("a.", 127) + "a": no,
		strings.Repeat("ü", 1<<20):      no,
	} {
		if got, ok := NormaliseDomain(text); got != want || ok != (want != no) {
			t.Errorf("NormaliseDomain(%.80q) = %.80q, %t; want %.80q", text, got, ok, want)
		}
	}
}

func FuzzNormaliseDomain(f *testing.F) {
	for _, seed := range []string{
		"contoso.com", "*.Contoso.com.", "smtp:*;1", "münchen.de", "xn--a", "例え。jp", "..",
		"a.1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := NormaliseDomain(text)
		if !ok {
			if got != "" {
				t.Errorf("%q: %q and false", text, got)
			}
			return
		}
		if again, ok := NormaliseDomain(got); again != got || !ok {
			t.Errorf("%q: %q becomes %q", text, got, again)
		}
		if !isASCII(got) || got != strings.ToLower(got) {
			t.Errorf("%q: %q", text, got)
		}
	})
}

func TestHostNameDoubt(t *testing.T) {
	for name, want := range map[string]string{
		"mail.contoso.com": "", "mail.contoso.com.": "", "192.0.2.1": "", "[192.0.2.1]": "", "2001:db8::1": "",
		"192.0.2.0/28": "", "müller.example": "", "mail_server": "underscore", "mail_server.contoso.com": "underscore",
		"mail": "single label", "mail.": "single label", "localhost": "single label",
	} {
		if got := HostNameDoubt(name); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestSmartHostDoubt(t *testing.T) {
	for host, want := range map[string]string{
		"mail.contoso.com": "", "192.0.2.1": "", "192.0.2.0/28": "", "mail_server": "underscore", "[192.0.2.1]": "brackets",
		"2001:db8::1": "IPv6", "[2001:db8::1]": "IPv6", "2001:db8::/64": "IPv6",
	} {
		if got := SmartHostDoubt(host); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}
