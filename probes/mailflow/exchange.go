package mailflow

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// exchangeOnline are the domains of Exchange Online's mail servers, in every cloud.
var exchangeOnline = [...]string{
	"mail.protection.outlook.com", "mail.eo.outlook.com", "mx.microsoft",
	"mail.protection.office365.us", "mail.protection.partner.outlook.cn",
}

// IsExchangeOnline reports whether host is a server of Exchange Online: below one of Microsoft's domains, or matching
// one of the extra patterns (a name, or *.name for everything below it).
func IsExchangeOnline(host string, extra []string) bool {
	host = plainHost(host)
	for _, domain := range exchangeOnline {
		if PositionOf(host, domain) > Same {
			return true
		}
	}
	return slices.ContainsFunc(extra, func(pattern string) bool {
		domain, wildcard := strings.CutPrefix(plainHost(pattern), "*.")
		position := PositionOf(host, domain)
		return host != "" && (!wildcard && position == Same || wildcard && position > Same)
	})
}

func plainHost(s string) string {
	return strings.ToLower(strings.TrimSuffix(strings.TrimSpace(s), "."))
}

// ExchangeOnlineMXLabel returns the first label of the name that Exchange Online gives to a domain's MX: contoso-com,
// as in contoso-com.mail.protection.outlook.com or contoso-com.<letter>-v1.mx.microsoft, for contoso.com, and contoso
// for contoso.onmicrosoft.com. Hyphens of the domain become a suffix, see hyphenSuffix.
func ExchangeOnlineMXLabel(domain string) string {
	domain = plainHost(domain)
	if IsInitialDomain(domain) {
		label, _, _ := strings.Cut(domain, ".")
		return label
	}
	return strings.ReplaceAll(strings.ReplaceAll(domain, "-", ""), ".", "-") + hyphenSuffix(domain)
}

// hyphenSuffix returns what Exchange Online appends to the label of a domain with hyphens, "" for one without. The
// suffix is needed because dots become hyphens in the label. It is "0", followed for each group of four characters
// that contains a hyphen by the number of the group (omitted for the first) and a letter: a plus the sum of 2^position
// of the hyphens in the group. con-toso.com becomes contoso-com0i. Microsoft does not document this; public MX records
// of domains with one hyphen follow it, several hyphens are an extrapolation.
func hyphenSuffix(domain string) string {
	if !strings.Contains(domain, "-") {
		return ""
	}
	suffix := []byte("0")
	for group := 0; group*4 < len(domain); group++ {
		bits := 0
		for i, c := range domain[group*4 : min(group*4+4, len(domain))] {
			if c == '-' {
				bits |= 1 << i
			}
		}
		if bits == 0 {
			continue
		}
		if group > 0 {
			suffix = strconv.AppendInt(suffix, int64(group), 10)
		}
		suffix = append(suffix, "abcdefghijklmnop"[bits])
	}
	return string(suffix)
}

// IsInitialDomain reports whether a domain is one that Microsoft assigned to the tenant (contoso.onmicrosoft.com), or
// is below it. Its MX always points to Exchange Online.
func IsInitialDomain(domain string) bool {
	domain = plainHost(domain)
	for _, parent := range [...]string{"onmicrosoft.com", "onmicrosoft.us", "partner.onmschina.cn"} {
		if PositionOf(domain, parent) > Same {
			return true
		}
	}
	return false
}

// ExchangeOnlineRanges returns the address ranges of Exchange Online's mail servers that Microsoft published in July
// 2022. A file of the endpoints service has the current ones, see [ParseEndpoints].
func ExchangeOnlineRanges() []netip.Prefix { return slices.Clone(exchangeOnlineRanges[:]) }

// exchangeOnlineRanges are the address ranges that Microsoft publishes for Exchange Online's mail servers (Microsoft
// 365 URLs and IP address ranges, Exchange Online Protection). The list changes: use it for literal addresses in a
// configuration only.
var exchangeOnlineRanges = [...]netip.Prefix{
	netip.MustParsePrefix("40.92.0.0/15"), netip.MustParsePrefix("40.107.0.0/16"), netip.MustParsePrefix("52.100.0.0/14"),
	netip.MustParsePrefix("104.47.0.0/17"), netip.MustParsePrefix("2a01:111:f400::/48"),
	netip.MustParsePrefix("2a01:111:f403::/48"),
}

// ExchangeOnlineRange returns the published range of Exchange Online that overlaps r. ok is false if there is none.
func ExchangeOnlineRange(r Range) (published netip.Prefix, ok bool) {
	for _, known := range exchangeOnlineRanges {
		if RangeOf(known).Overlaps(r) {
			return known, true
		}
	}
	return netip.Prefix{}, false
}
