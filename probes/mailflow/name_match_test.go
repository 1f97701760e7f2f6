package mailflow

import (
	"reflect"
	"strings"
	"testing"
)

func TestMatchCertificate(t *testing.T) {
	const (
		yes  = true
		no   = false
		sure = ""
	)
	for _, test := range []struct {
		value, names string // names: the CN, then the SANs; "-" is no CN
		matched      bool
		name, rule   string // rule: a part of it
		uncertain    string // a part of it, "" none
	}{
		{"mail.contoso.com", "mail.contoso.com", yes, "mail.contoso.com", "the certificate contains", sure},
		{"Mail.Contoso.com.", "MAIL.contoso.COM.", yes, "mail.contoso.com", "the certificate contains", sure},
		{"mail.münchen.de", "mail.xn--mnchen-3ya.de", yes, "mail.xn--mnchen-3ya.de", "the certificate contains", sure},
		{
			"mail.contoso.com", "edge.contoso.com mail.contoso.com", yes, "mail.contoso.com",
			"the certificate contains", "SAN only",
		},
		{"mail.contoso.com", "mail.contoso.com mail.contoso.com", yes, "mail.contoso.com", "the certificate contains", sure},
		{"mail.contoso.com", "- mail.contoso.com", yes, "mail.contoso.com", "the certificate contains", "SAN only"},
		{
			"mail.contoso.com", "edge.contoso.com", no, "",
			"requires mail.contoso.com, the certificate contains edge.contoso.com", sure,
		},
		{"mail.contoso.com", "*.contoso.com", no, "", "the value must be *.contoso.com itself", sure},
		{"mail.contoso.com", "*.fabrikam.com", no, "", "contains *.fabrikam.com", sure},
		{"mail.contoso.com", "a.mail.contoso.com", no, "", "contains a.mail", sure},
		{"mail.contoso.com", "Contoso-Mail,O=x", no, "", "contains no domain", sure},
		{"*.contoso.com", "*.contoso.com", yes, "*.contoso.com", "the certificate contains", sure},
		{"*.contoso.com", "mail1.contoso.com", yes, "mail1.contoso.com", "one label below contoso.com", sure},
		{"*.contoso.com", "a.b.contoso.com mail.contoso.com", yes, "a.b.contoso.com", "is below", "more than one label"},
		{
			"*.contoso.com", "edge.fabrikam.com contoso.com", yes, "contoso.com", "is the domain of",
			"covers contoso.com itself; the name is in the certificate's SAN only",
		},
		{"*.contoso.com", "*.sub.contoso.com", yes, "*.sub.contoso.com", "is below", "more than one label"},
		{"*.contoso.com", "mail.notcontoso.com", no, "", "contains mail.notcontoso.com", sure},
		{"*.contoso.com", "fabrikam.com", no, "", "contains fabrikam.com", sure},
		{"*.contoso.com", "a.b.contoso.com mail1.contoso.com m", yes, "a.b.contoso.com", "", "more than one label"},
		{"*", "mail.contoso.com", yes, "mail.contoso.com", "every name", "not a documented value"},
		{"", "mail.contoso.com", no, "", "no certificate name", sure},
		{"Contoso Mail", "mail.contoso.com", no, "", "requires Contoso Mail", "not a domain"},
		{
			"<I>CN=R3, O=CA, C=US<S>CN=mail.contoso.com, O=Contoso", "mail.contoso.com", yes, "mail.contoso.com",
			"the certificate contains", "<I>issuer",
		},
		{
			"<I>CN=R3<S>O=Contoso, cn = mail.contoso.com", "mail.contoso.com", yes, "mail.contoso.com",
			"the certificate contains", "<I>issuer",
		},
		{"<I>CN=R3<S>CN=mail.contoso.com", "edge.contoso.com mail.contoso.com", no, "", "requires <I>", "<I>issuer"},
		{"<I>CN=R3<S>O=Contoso", "mail.contoso.com", no, "", "requires <I>", "<I>issuer"},
		{"<I>", "", no, "", "requires <I>", "<I>issuer"},
	} {
		got := MatchCertificate(test.value, certificate(test.names))
		if got.Matched != test.matched || got.Name != test.name || !strings.Contains(got.Rule, test.rule) ||
			got.Rule == "" ||
			!strings.Contains(got.Uncertain, test.uncertain) || (got.Uncertain == "") != (test.uncertain == "") {
			t.Errorf("%q against %q:\n got %+v\nwant %+v", test.value, test.names, got, test)
		}
	}
	if got := MatchCertificate("mail.contoso.com", nil); got.Matched {
		t.Errorf("no certificate matches: %+v", got)
	}
}

func FuzzMatchCertificate(f *testing.F) {
	f.Add("*.contoso.com", "mail.contoso.com", "a.b.contoso.com", "contoso.com")
	f.Add("<I>CN=R3<S>CN=mail.contoso.com", "mail.contoso.com", "", "")
	f.Add("*", "*", "*.", "münchen.de")
	f.Fuzz(func(t *testing.T, value, cn, san, domain string) {
		p := &ClientCertificate{CommonName: cn, DNSNames: []string{san}}
		got := MatchCertificate(value, p)
		if again := MatchCertificate(value, p); again != got {
			t.Errorf("%+v, then %+v", got, again)
		}
		if got.Matched != (got.Name != "") || got.Rule == "" {
			t.Errorf("%+v", got)
		}
		x := NewDomainIndex([]AcceptedDomain{{Name: domain}})
		for _, name := range []string{value, cn, san} {
			r := x.Relation(name)
			if !reflect.DeepEqual(r, x.Relation(name)) || (r.Match == RelationNone) != (r.Domain == "") || r.Rule == "" {
				t.Errorf("%+v", r)
			}
		}
	})
}
