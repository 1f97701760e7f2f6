package certificate

import (
	"testing"
)

func TestMatchName(t *testing.T) {
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
		ok, unsure := matchName(tt.want, tt.name)
		if ok != tt.ok || (unsure != "") != tt.unsure {
			t.Errorf("%s %s: %v %q", tt.want, tt.name, ok, unsure)
		}
	}
}
