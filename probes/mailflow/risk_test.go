package mailflow

import (
	"strings"
	"testing"
)

// better are certificates of a sender of contoso.com, each at least as good as those before it.
var better = []struct{ name, names string }{
	{"no certificate", ""},
	{"the name of another organization", "mail.external.net"},
	{"a name right below the accepted domain", "mail.contoso.com autodiscover.contoso.com"},
	{"the wildcard of the accepted domain", "*.contoso.com"},
	{"the accepted domain", "contoso.com"},
}

// TestBetterCertificateIsNeverWorse simulates each message with better and better certificates.
func TestBetterCertificateIsNeverWorse(t *testing.T) {
	fabrikam := tenant("fabrikam", "fabrikam.com", onPremises("fabrikam", "-", "198.51.100.20"))
	for name, connector := range map[string]InboundConnector{
		"by address":              onPremises("c", "-", "198.51.100.10"),
		"by shared address":       onPremises("c", "-", "198.51.100.0/27"),
		"by wildcard":             onPremises("c", "*.contoso.com", ""),
		"by wildcard and address": onPremises("c", "*.contoso.com", "198.51.100.10"),
		"by any certificate":      onPremises("c", "*", ""),
	} {
		for _, envelope := range []string{
			"198.51.100.10 contoso.com > elsewhere.org", "198.51.100.10 <> > elsewhere.org",
			"198.51.100.20 contoso.com > elsewhere.org", "198.51.100.20 <> > elsewhere.org",
			"198.51.100.10 contoso.com > contoso.com", "198.51.100.10 external.net > elsewhere.org",
		} {
			worst, before := -1, ""
			for _, certificate := range better {
				a := Attribute([]Tenant{fabrikam, tenant("contoso", "contoso.com", connector)},
					message(t, envelope, certificate.names))
				if quality := qualityOf(a); quality < worst {
					t.Errorf("%s, %s: %s gives %d, worse than %s with %d: risk %q\n%s", name, envelope, certificate.name, quality,
						before, worst, a.Risk, strings.Join(a.Trace, "\n"))
				} else {
					worst, before = quality, certificate.name
				}
			}
		}
	}
}

// qualityOf orders what the checks make of an attribution: 0 it fails, 1 it works and may change, 2 it works.
func qualityOf(a Attribution) int {
	switch {
	case !a.Reaches("contoso", "c") || !a.Relay:
		return 0
	case a.Risk != "":
		return 1
	default:
		return 2
	}
}

func TestRisk(t *testing.T) {
	byAddress, byName := onPremises("c", "-", "198.51.100.10"), onPremises("c", "mail.contoso.com", "")
	shared := tenant("fabrikam", "fabrikam.com", onPremises("fabrikam", "-", "198.51.100.10"))
	for _, test := range []struct {
		name            string
		tenants         []Tenant
		envelope, names string
		risk, uncertain string // a part, "" none
	}{
		{
			"the address suffices",
			[]Tenant{tenant("contoso", "contoso.com", byAddress)},
			"198.51.100.10 contoso.com > elsewhere.org", "mail.contoso.com", "", "",
		},
		{
			"only the certificate relays the null sender",
			[]Tenant{tenant("contoso", "contoso.com", byAddress)},
			"198.51.100.10 <> > elsewhere.org", "mail.contoso.com", "", "KB 4019940",
		},
		{
			"the address is shared",
			[]Tenant{shared, tenant("contoso", "contoso.com", byAddress)},
			"198.51.100.10 contoso.com > elsewhere.org", "mail.contoso.com", "also in 198.51.100.10 of connector", "",
		},
		{
			"a documented certificate on a shared address",
			[]Tenant{shared, tenant("contoso", "contoso.com", byAddress)},
			"198.51.100.10 contoso.com > elsewhere.org", "*.contoso.com", "", "",
		},
		{
			"below MatchSubDomains, by address",
			[]Tenant{tenant("contoso", ".contoso.com", byAddress)},
			"198.51.100.10 contoso.com > elsewhere.org", "mail.eu.contoso.com", "", "",
		},
		{
			"the connector requires the name",
			[]Tenant{tenant("contoso", "contoso.com", byName)},
			"198.51.100.10 contoso.com > elsewhere.org", "mail.contoso.com", "Microsoft recommends", "KB 4019940",
		},
		{
			"the certificate is of another tenant",
			[]Tenant{shared, tenant("contoso", "contoso.com", byAddress)},
			"198.51.100.10 contoso.com > elsewhere.org", "mail.fabrikam.com", "", "KB 4019940",
		},
	} {
		a := Attribute(test.tenants, message(t, test.envelope, test.names))
		if !hasPart(a.Risk, test.risk) || !hasPart(strings.Join(a.VerdictUncertainties(), "\n"), test.uncertain) {
			t.Errorf("%s: risk %q, uncertain %q\n%s", test.name, a.Risk, a.Uncertain, strings.Join(a.Trace, "\n"))
		}
	}
}
