package mailflow

import (
	"slices"
	"testing"
)

func TestMatchTLSDomain(t *testing.T) {
	for _, tt := range []struct {
		want, name string
		ok, unsure bool
	}{
		{"mail.contoso.com", "mail.contoso.com", true, false},
		{"mail.contoso.com", "*.contoso.com", true, false},
		{"a.mail.contoso.com", "*.contoso.com", false, false},
		{"contoso.com", "*.contoso.com", false, false},
		{"*.contoso.com", "*.contoso.com", true, false},
		{"*.contoso.com", "mail.contoso.com", true, false},
		{"*.contoso.com", "a.mail.contoso.com", true, true},
		{"*.contoso.com", "contoso.com", true, true},
		{"*.contoso.com", "evilcontoso.com", false, false},
		{"mail.com", "*.com", false, false},
	} {
		ok, unsure := MatchTLSDomain(tt.want, tt.name)
		if ok != tt.ok || (unsure != "") != tt.unsure {
			t.Errorf("%s %s: %v %q", tt.want, tt.name, ok, unsure)
		}
	}
}

func TestWildcards(t *testing.T) {
	for domain, want := range map[string][]string{
		"mail.contoso.com": {"*.mail.contoso.com", "*.contoso.com", "*.com", "*"}, "localhost": {"*.localhost", "*"},
		"": {"*"},
	} {
		if got := slices.Collect(Wildcards(domain)); !slices.Equal(got, want) {
			t.Errorf("of %q: %q, want %q", domain, got, want)
		}
	}
	for wildcard := range Wildcards("mail.contoso.com") {
		if wildcard != "*.mail.contoso.com" {
			t.Errorf("first %q", wildcard)
		}
		break
	}
}

func TestPositionOf(t *testing.T) {
	for name, want := range map[string]NamePosition{
		"contoso.com": Same, "mail.contoso.com": Child, "*.contoso.com": Child, "a.b.contoso.com": Descendant,
		"*.b.contoso.com": Descendant,
		"notcontoso.com":  Unrelated, ".contoso.com": Unrelated, "com": Unrelated, "": Unrelated,
	} {
		if got := PositionOf(name, "contoso.com"); got != want {
			t.Errorf("%q: %d, want %d", name, got, want)
		}
	}
}
