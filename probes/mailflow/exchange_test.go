package mailflow_test

import (
	"net/netip"
	"testing"

	"m365_connector_exporter/probes/mailflow"
)

func TestIsExchangeOnline(t *testing.T) {
	for host, want := range map[string]bool{
		"contoso-com.mail.protection.outlook.com": true, "contoso-com.e-v1.mx.microsoft": true,
		"x.mail.protection.office365.us": true,
		"mail.contoso.com":               false, "mail.protection.outlook.com.evil.example": false, "exo.lab.test": true,
	} {
		if got := mailflow.IsExchangeOnline(host, []string{"*.lab.test"}); got != want {
			t.Errorf("IsExchangeOnline(%q) = %t", host, got)
		}
	}
}

func TestExchangeOnlineMXLabel(t *testing.T) {
	for domain, want := range map[string]string{
		"contoso.com": "contoso-com", "Contoso.COM.": "contoso-com", "mail.contoso.co.uk": "mail-contoso-co-uk", "": "",
		"contoso.onmicrosoft.com": "contoso", "contoso.mail.onmicrosoft.com": "contoso",
		"contoso.partner.onmschina.cn": "contoso",
		// Public MX records, one for each position of the hyphen.
		"1-2.co.uk": "12-co-uk0c", "heig-vd.ch": "heigvd-ch01b", "rose-hulman.edu": "rosehulman-edu01b",
		"rolls-roycemotorcars.com": "rollsroycemotorcars-com01c",
		// The same rule with made-up names.
		"con-toso.com": "contoso-com0i", "co-ntoso.com": "contoso-com0e", "con-toso.co.uk": "contoso-co-uk0i",
		"contos-o.de": "contoso-de01e", "contoso-7.de": "contoso7-de01i", "contosos-a.com": "contososa-com02b",
		// Several hyphens: an extrapolation.
		"a-b-c.com": "abc-com0k", "con-tos-o.com": "contoso-com0i1i",
	} {
		if got := mailflow.ExchangeOnlineMXLabel(domain); got != want {
			t.Errorf("ExchangeOnlineMXLabel(%q) = %q, want %q", domain, got, want)
		}
	}
}

func TestExchangeOnlineRange(t *testing.T) {
	for text, want := range map[string]bool{
		"40.107.3.4/32": true, "40.0.0.0/8": true, "104.47.128.0/32": false, "192.0.2.1/32": false,
		"2a01:111:f400::1/128": true,
	} {
		if _, ok := mailflow.ExchangeOnlineRange(mailflow.RangeOf(netip.MustParsePrefix(text))); ok != want {
			t.Errorf("ExchangeOnlineRange(%s) = %t", text, ok)
		}
	}
}
