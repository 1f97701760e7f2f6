package mailflow

import (
	"strings"
	"testing"
)

func TestRelation(t *testing.T) {
	for _, test := range []struct {
		name, accepted string
		match          RelationKind
		domain, rule   string
		uncertain      bool
	}{
		{
			"contoso.com", "fabrikam.com contoso.com", RelationExact, "contoso.com",
			"contoso.com is an accepted domain (KB 3169958)", false,
		},
		{"CONTOSO.com.", "contoso.com", RelationExact, "contoso.com", "", false},
		{"münchen.de", "xn--mnchen-3ya.de", RelationExact, "xn--mnchen-3ya.de", "", false},
		{
			"*.contoso.com", "contoso.com", RelationWildcard, "contoso.com",
			"*.contoso.com covers names below the accepted domain contoso.com (KB 3169958)", false,
		},
		{"mail.contoso.com", "contoso.com", RelationParent, "contoso.com", "its parent contoso.com is", true},
		{"mail.contoso.com", "mail.contoso.com contoso.com", RelationExact, "mail.contoso.com", "", false},
		{
			"host.sub.contoso.com", "contoso.com", RelationNone, "",
			"neither host.sub.contoso.com nor its parent domain", false,
		},
		{"host.sub.contoso.com", "sub.contoso.com contoso.com", RelationParent, "sub.contoso.com", "", true},
		{"*.sub.contoso.com", "contoso.com", RelationNone, "", "neither *.sub.contoso.com", false},
		{"host.sub.contoso.com", ".contoso.com", RelationSubdomain, "contoso.com", "which matches sub-domains", true},
		{"mail.contoso.com", ".contoso.com", RelationSubdomain, "contoso.com", "", true},
		{"*.sub.contoso.com", ".contoso.com", RelationSubdomain, "contoso.com", "", true},
		{"contoso.com", ".contoso.com", RelationExact, "contoso.com", "", false},
		{"com", "contoso.com", RelationNone, "", "", false},
		{"notcontoso.com", "contoso.com", RelationNone, "", "", false},
		{"*", "contoso.com", RelationNone, "", "neither * nor", false},
		{"", "contoso.com", RelationNone, "", "", false},
		{"mail.contoso.com", "", RelationNone, "", "", false},
		{"<I>CN=R3<S>CN=contoso.com", "contoso.com", RelationExact, "contoso.com", "", true},
		{"Contoso Mail", "contoso.com", RelationNone, "", "neither Contoso Mail", true},
	} {
		got := NewDomainIndex(accepted(test.accepted)).Relation(test.name)
		if got.Match != test.match || got.Domain != test.domain || !strings.Contains(got.Rule, test.rule) ||
			(got.Uncertain != "") != test.uncertain {
			t.Errorf("%q in %q:\n got %+v\nwant %+v", test.name, test.accepted, got, test)
		}
	}
}

func TestDomainIndexMatch(t *testing.T) {
	x := NewDomainIndex(append(accepted("contoso.com .fabrikam.com"), AcceptedDomain{Name: "*"},
		AcceptedDomain{Name: "not a domain"}))
	for domain, want := range map[string]string{
		"contoso.com": "contoso.com", "Contoso.com.": "contoso.com", "a.contoso.com": "", "fabrikam.com": "fabrikam.com",
		"a.b.fabrikam.com": "fabrikam.com",
		"":                 "", "*": "", "not a domain": "",
	} {
		if got, ok := x.Match(domain); got != want || ok != (want != "") {
			t.Errorf("%q matches: %q, %t; want %q", domain, got, ok, want)
		}
	}
}
