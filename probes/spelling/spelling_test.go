package spelling_test

import (
	"strings"
	"testing"

	"m365_connector_exporter/probes/spelling"
)

func TestNearest(t *testing.T) {
	for _, c := range []struct{ text, known, want string }{
		{"domain-validation", "EncryptionOnly CertificateValidation DomainValidation", "DomainValidation"},
		{"Domain", "EncryptionOnly CertificateValidation DomainValidation", "DomainValidation"},
		{"UseMXRecrd", "smart_hosts use_mx_record", "use_mx_record"},
		{"tsl", "resolve connect ehlo tls", "tls"},
		{"contosoo", "fabrikam contoso", "contoso"},
		{"ip_authentication", "no_authentication ip_authentication_only", "ip_authentication_only"},
		{"cert", "certificate_file certificate_name", ""}, // an abbreviation of both
		{"ab", "abcdef", ""}, // too short for an abbreviation
		{"ab", "xy", ""},     // two edits replace it
		{"fatal", "off info", ""},
		{"x", "", ""},
		{strings.Repeat("a", 65), strings.Repeat("b", 65), ""},
	} {
		if got := spelling.Nearest(c.text, strings.Fields(c.known)); got != c.want {
			t.Errorf("Nearest(%q, %s) = %q, want %q", c.text, c.known, got, c.want)
		}
	}
}

func TestClosest(t *testing.T) {
	for _, c := range []struct{ text, known, want string }{
		{"Relais", "Relay Internet", "Relay"},
		{"something else", "Relay Internet", "Internet"},
		{"b", "c a", "a"}, // the same distance: the first by name
		{"x", "", ""},
	} {
		if got := spelling.Closest(c.text, strings.Fields(c.known)); got != c.want {
			t.Errorf("Closest(%q, %s) = %q, want %q", c.text, c.known, got, c.want)
		}
	}
}
