package mailflow

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
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
	ascii, ok := hostName(strings.TrimSuffix(base, "."))
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

func hostName(name string) (string, bool) {
	if len(name) > 4*maxDomain || !utf8.ValidString(name) { // nothing that long maps to a name that fits
		return "", false
	}
	ascii := isASCII(name)
	if ascii {
		name = strings.ToLower(name)
	}
	if !ascii || strings.HasPrefix(name, "xn--") || strings.Contains(name, ".xn--") {
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

// plainLabels: letters, digits, hyphens inside, and underscores, which hosts have in spite of RFC 952. A last label of digits
// makes an address, or the wreck of one.
func plainLabels(name string) bool {
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
		last = label
	}
	return strings.Trim(last, "0123456789") != ""
}

// parent is what is left of a domain without its first label; "" when there is only one.
func parent(domain string) string {
	_, rest, _ := strings.Cut(domain, ".")
	return rest
}
