package mailflow

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// NormaliseDomain reads a domain as people, exports and certificates write it, into the one form that is compared: lower case,
// A-labels (RFC 5891), no trailing dot. "*" and "*.contoso.com" stay what they are. A connector's domain may be written with an
// address type and a cost, "smtp:*.contoso.com;1". It reports false for what is no domain, an address among them.
func NormaliseDomain(text string) (string, bool) {
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

// CertificateName is a certificate's name in the form of configured domains. A CN may be any text: that stays, in lower case.
func CertificateName(name string) string {
	if domain, ok := NormaliseDomain(name); ok {
		return domain
	}
	return strings.ToLower(name)
}

// maxDomain is the longest name that DNS can hold, in octets without the trailing dot (RFC 1035, section 3.1).
const maxDomain = 253

// HostName brings a name into the form that DNS is asked for: A-labels, lower case, no trailing dot. It reports false for what is no host
// name. Underscores pass, and hyphens wherever they stand: they are wrong in a host name and occur all the same.
func HostName(text string) (string, bool) { return hostName(strings.TrimSpace(text)) }

func hostName(name string) (string, bool) {
	name = strings.TrimSuffix(name, ".")
	if len(name) > 4*maxDomain || !utf8.ValidString(name) { // nothing that long maps to a name that fits
		return "", false
	}
	if isASCII(name) {
		name = strings.ToLower(name)
	} else {
		mapped, err := idna.Lookup.ToASCII(name)
		if err != nil {
			return "", false
		}
		name = strings.TrimSuffix(mapped, ".") // IDNA has dots of its own, U+3002 for one
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

// plainLabels: letters, digits, hyphens and underscores.
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

// registrable holds a host name against what a domain must be: A-labels mean something, hyphens stand inside labels, and the last label
// is no number: that makes an address, or the wreck of one.
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

// parent is what is left of a domain without its first label; "" when there is only one.
func parent(domain string) string {
	_, rest, _ := strings.Cut(domain, ".")
	return rest
}

// RegisteredDomain is the domain right below the public suffix; "" where there is none.
func RegisteredDomain(name string) string {
	domain, err := publicsuffix.EffectiveTLDPlusOne(strings.TrimPrefix(name, "*."))
	if err != nil {
		return ""
	}
	return domain
}
