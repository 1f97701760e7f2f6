package mailflow

import "testing"

func TestTooBroad(t *testing.T) {
	x := NewDomainIndex([]AcceptedDomain{{Name: "contoso.com"}, {Name: "contoso.onmicrosoft.com"}, {Name: "co.uk"}})
	for value, want := range map[string]string{
		"*":                           "it matches every certificate",
		"*.com":                       "com is a public suffix, below which anyone can register a domain",
		"*.org.uk":                    "org.uk is a public suffix, below which anyone can register a domain",
		"*.onmicrosoft.com":           "onmicrosoft.com belongs to Microsoft",
		"mail.protection.outlook.com": "outlook.com belongs to Microsoft",
		"*.co.uk":                     "", // accepted
		"*.contoso.com":               "",
		"*.contoso.onmicrosoft.com":   "",
		"*.fabrikam.com":              "",
		"edge":                        "",
		"":                            "",
		"not a name":                  "",
	} {
		if reason, broad := x.TooBroad(value); reason != want || broad != (want != "") {
			t.Errorf("%q: got %q, %t, want %q", value, reason, broad, want)
		}
	}
}
