package mailflow

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// NormaliseDomain converts a domain from a configuration, an export or a certificate to the form that is compared:
// lower case, A-labels (RFC 5891), no trailing dot. "*" and "*.contoso.com" are accepted. A connector's domain may
// have an address type and a cost, as in "smtp:*.contoso.com;1", which are dropped. ok is false if text is not a
// domain; an IP address is not one.
func NormaliseDomain(text string) (domain string, ok bool) {
	text = strings.TrimSpace(text)
	if len(text) > 5 && strings.EqualFold(text[:5], "smtp:") {
		text, _, _ = strings.Cut(text[5:], ";")
	}
	if text == "*" {
		return text, true
	}
	base, wild := strings.CutPrefix(text, "*.")
	ascii, ok := hostName(base)
	if ok {
		ascii, ok = registrable(ascii)
	}
	if !ok {
		return "", false
	}
	if wild {
		return "*." + ascii, true
	}
	return ascii, true
}

// maxDomain is the longest name that DNS can hold, in octets without the trailing dot (RFC 1035, section 3.1).
const maxDomain = 253

// HostName converts a name to the form that is looked up in DNS: A-labels, lower case, no trailing dot. ok is false if
// it is not a host name. Underscores, and hyphens in any position, are accepted although they are not allowed in host
// names, because they occur in practice.
func HostName(text string) (host string, ok bool) { return hostName(strings.TrimSpace(text)) }

func hostName(name string) (string, bool) {
	name = strings.TrimSuffix(name, ".")
	if len(name) > 4*maxDomain || !utf8.ValidString(name) { // a longer name is too long as A-labels too
		return "", false
	}
	if isASCII(name) {
		name = strings.ToLower(name)
	} else {
		mapped, err := idna.Lookup.ToASCII(name)
		if err != nil {
			return "", false
		}
		name = strings.TrimSuffix(mapped, ".") // IDNA has other dots, such as U+3002
	}
	return name, len(name) <= maxDomain && plainLabels(name)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// plainLabels reports whether every label consists of letters, digits, hyphens and underscores.
func plainLabels(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for i := range len(label) {
			if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

// registrable reports whether a host name can be a domain: its A-labels are valid, labels do not begin or end with a
// hyphen, and the last label is not a number, as in an IPv4 address. It returns the name with its A-labels in
// canonical form.
func registrable(name string) (string, bool) {
	if strings.HasPrefix(name, "xn--") || strings.Contains(name, ".xn--") {
		mapped, err := idna.Lookup.ToASCII(name)
		if name = strings.TrimSuffix(mapped, "."); err != nil || len(name) > maxDomain || !plainLabels(name) {
			return "", false
		}
	}
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if label[0] == '-' || label[len(label)-1] == '-' {
			return "", false
		}
		last = label
	}
	return name, strings.Trim(last, "0123456789") != ""
}

// HostNameDoubt returns why Exchange Online may be unable to resolve a host name, "" if there is no doubt. It accepts
// addresses and networks. Some DNS servers do resolve such names, so a doubt is not an error.
func HostNameDoubt(name string) string {
	_, addressErr := netip.ParseAddr(strings.Trim(name, "[]"))
	switch {
	case addressErr == nil || strings.Contains(name, "/"):
		return ""
	case strings.Contains(name, "_"):
		return "an underscore is not allowed in a host name (RFC 1123); check the spelling"
	case !strings.Contains(strings.TrimSuffix(name, "."), "."):
		return "a single label is not a name in public DNS; write the whole name, such as mail.contoso.com"
	}
	return ""
}

// SmartHostDoubt returns why Exchange Online may be unable to use a smart host, "" if there is no doubt. Microsoft
// documents names, IPv4 addresses and IPv4 networks (New-OutboundConnector, -SmartHosts).
func SmartHostDoubt(host string) string {
	switch {
	case strings.Contains(host, ":"):
		return "UNCERTAIN: Microsoft documents no IPv6 addresses as smart hosts; use a name or an IPv4 address"
	case strings.HasPrefix(host, "["):
		return "UNCERTAIN: Microsoft documents no smart hosts in brackets; write the address alone"
	}
	return HostNameDoubt(host)
}

// RegisteredDomain returns the domain one label below the public suffix, "" if there is none.
func RegisteredDomain(name string) string {
	domain, err := publicsuffix.EffectiveTLDPlusOne(strings.TrimPrefix(name, "*."))
	if err != nil {
		return ""
	}
	return domain
}
