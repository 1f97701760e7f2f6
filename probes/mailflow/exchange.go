package mailflow

import (
	"net/netip"
	"strings"
)

// exchangeOnline are the names below which Exchange Online's own servers live, in every cloud.
var exchangeOnline = [...]string{
	".mail.protection.outlook.com", ".mail.eo.outlook.com", ".mx.microsoft",
	".mail.protection.office365.us", ".mail.protection.partner.outlook.cn",
}

// IsExchangeOnline reports whether host is a server of Exchange Online: below one of Microsoft's names, or in one of the extra
// patterns (a name, or *.name for everything below it).
func IsExchangeOnline(host string, extra []string) bool {
	host = plainHost(host)
	for _, suffix := range exchangeOnline {
		if len(host) > len(suffix) && strings.HasSuffix(host, suffix) {
			return true
		}
	}
	for _, pattern := range extra {
		pattern = plainHost(pattern)
		parent, wild := strings.CutPrefix(pattern, "*")
		if host != "" && host == pattern || wild && strings.HasPrefix(parent, ".") && len(host) > len(parent) && strings.HasSuffix(host, parent) {
			return true
		}
	}
	return false
}

func plainHost(s string) string {
	return strings.ToLower(strings.TrimSuffix(strings.TrimSpace(s), "."))
}

// ExchangeOnlineMXLabel is the first label of the name that Exchange Online gives to a domain's MX: contoso-com, as in
// contoso-com.mail.protection.outlook.com or contoso-com.<letter>-v1.mx.microsoft, for contoso.com, and contoso for
// contoso.onmicrosoft.com.
func ExchangeOnlineMXLabel(domain string) string {
	domain = plainHost(domain)
	if IsInitialDomain(domain) {
		label, _, _ := strings.Cut(domain, ".")
		return label
	}
	return strings.ReplaceAll(domain, ".", "-")
}

// IsInitialDomain reports whether a domain is one that Microsoft gave the tenant (contoso.onmicrosoft.com), or lies below it: its MX always
// leads to Exchange Online.
func IsInitialDomain(domain string) bool {
	domain = plainHost(domain)
	return strings.HasSuffix(domain, ".onmicrosoft.com") || strings.HasSuffix(domain, ".onmicrosoft.us") || strings.HasSuffix(domain, ".partner.onmschina.cn")
}

// exchangeOnlineRanges are the address ranges that Microsoft publishes for Exchange Online's mail servers, as commonly quoted. The
// list changes; it is asked for literal addresses in a configuration alone.
var exchangeOnlineRanges = [...]netip.Prefix{
	netip.MustParsePrefix("40.92.0.0/15"), netip.MustParsePrefix("40.107.0.0/16"), netip.MustParsePrefix("52.100.0.0/14"),
	netip.MustParsePrefix("104.47.0.0/17"), netip.MustParsePrefix("2a01:111:f400::/48"), netip.MustParsePrefix("2a01:111:f403::/48"),
}

// ExchangeOnlineRange is the published range of Exchange Online that the given one touches; ok is false where there is none.
func ExchangeOnlineRange(r Range) (published netip.Prefix, ok bool) {
	for _, known := range exchangeOnlineRanges {
		if RangeOf(known).Overlaps(r) {
			return known, true
		}
	}
	return netip.Prefix{}, false
}
