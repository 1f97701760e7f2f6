package certificate

import (
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
)

// Public authorities issue certificates with some hundred names; all of them are compared.
func TestNamesOfACertificateAreBoundedInBytes(t *testing.T) {
	host := func(i int) string { return fmt.Sprintf("host-%04d.contoso.example", i) }
	names := func(n int) (all []string) {
		for i := range n {
			all = append(all, host(i))
		}
		return all
	}
	for _, c := range []struct {
		names         []string
		kept, omitted int
	}{
		{nil, 0, 0},
		{names(101), 101, 0},
		{names(1000), 1000, 0},
		{names(2000), maxNames / len(host(0)), 2000 - maxNames/len(host(0))},
		{[]string{strings.Repeat("x", 10*maxNames)}, 1, 0}, // one name is cut
	} {
		record := newCertificate(&x509.Certificate{DNSNames: c.names}, false)
		if len(record.DNSNames) != c.kept || record.OmittedNames != c.omitted {
			t.Errorf("of %d names: kept %d and omitted %d, want %d and %d", len(c.names), len(record.DNSNames),
				record.OmittedNames, c.kept, c.omitted)
		}
	}
}

func TestListNamesCountsTheOthers(t *testing.T) {
	many := strings.Split(strings.Repeat("a,", maxShownNames+2)+"a", ",")
	if got := listNames(many); !strings.HasSuffix(got, ", a and 3 more") {
		t.Errorf("got %q, want it to end with the number of the others", got)
	}
	if got := listNames([]string{"a", "b"}); got != "a, b" {
		t.Errorf("got %q, want all names", got)
	}
}
