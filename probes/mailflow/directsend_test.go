package mailflow

import (
	"strings"
	"testing"
)

func TestDirectSend(t *testing.T) {
	const own = "192.0.2.1 contoso.com > contoso.com"
	relay := onPremises("relay", "-", "198.51.100.7")
	type those []InboundConnector
	for name, c := range map[string]struct {
		reject     Tri
		connectors those
		envelope   string
		rejected   bool
		trace      string
		uncertain  string
	}{
		"rejected":                  {Yes, those{relay}, own, true, "550 5.7.68", ""},
		"accepted":                  {No, those{relay}, own, false, "which contoso accepts", ""},
		"unknown":                   {Unknown, those{relay}, own, false, "Get-OrganizationConfig", ""},
		"a connector matches":       {Yes, those{relay}, "198.51.100.7 contoso.com > contoso.com", false, "", ""},
		"another domain":            {Yes, nil, "192.0.2.1 example.net > contoso.com", false, "", ""},
		"a null sender":             {Yes, nil, "192.0.2.1 <> > contoso.com", false, "", ""},
		"a Partner that lists it":   {Yes, those{partner("p", "*", "-", "192.0.2.1")}, own, false, "", "exempts mail"},
		"a Partner without a list":  {Yes, those{partner("p", "*", "-", "")}, own, true, "550 5.7.68", ""},
		"a Partner that refuses it": {Yes, those{partner("p", "*", "-", "192.0.2.9")}, own, false, "5.7.51", ""},
	} {
		contoso := tenant("contoso", "contoso.com", c.connectors...)
		contoso.Organization.RejectDirectSend = c.reject
		got := Attribute([]Tenant{contoso}, message(t, c.envelope, ""))
		if got.DirectSendRejected != c.rejected || c.rejected != strings.HasPrefix(got.Reply, "550 5.7.68") {
			t.Errorf("%s: rejected %t, reply %q", name, got.DirectSendRejected, got.Reply)
		}
		if trace := strings.Join(got.Trace, "\n"); !strings.Contains(trace, c.trace) {
			t.Errorf("%s: %s", name, trace)
		}
		if !hasPart(strings.Join(got.VerdictUncertainties(), "; "), c.uncertain) {
			t.Errorf("%s: uncertain %q", name, got.VerdictUncertainties())
		}
	}
}
