package mailflow

import (
	"iter"
	"strings"
)

// NamePosition is where a name is in relation to a domain. A leading "*" counts as a label.
type NamePosition uint8

// The positions in relation to contoso.com.
const (
	Unrelated  NamePosition = iota
	Same                    // contoso.com
	Child                   // mail.contoso.com
	Descendant              // a.b.contoso.com
)

// PositionOf compares names in lower case without a trailing dot.
func PositionOf(name, domain string) NamePosition {
	label, below := strings.CutSuffix(name, "."+domain)
	switch {
	case name == domain:
		return Same
	case !below || label == "":
		return Unrelated
	case strings.Contains(label, "."):
		return Descendant
	default:
		return Child
	}
}

// Wildcards yields the wildcard patterns that match a domain, the narrowest first: *.mail.contoso.com, *.contoso.com,
// *.com and * for mail.contoso.com. Whether *.contoso.com matches contoso.com itself is not documented: "a domain and
// all subdomains" suggests it.
func Wildcards(domain string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range withParents(domain) {
			if !yield("*." + name) {
				return
			}
		}
		yield("*")
	}
}

// withParents yields a domain and the domains above it: mail.contoso.com, contoso.com, com.
func withParents(domain string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for ; domain != ""; domain = parent(domain) {
			if !yield(domain) {
				return
			}
		}
	}
}

// parent returns a domain without its first label; "" if there is only one.
func parent(domain string) string {
	_, rest, _ := strings.Cut(domain, ".")
	return rest
}

// MatchTLSDomain reports whether a name of a server's certificate matches TlsDomain of an outbound connector, and
// what is uncertain about it. A wildcard TlsDomain matches names below it; a wildcard name matches one label (RFC
// 6125, section 6.4.3). Both are normalised.
func MatchTLSDomain(tlsDomain, name string) (ok bool, uncertain string) {
	base, wildcard := strings.CutPrefix(tlsDomain, "*.")
	if !wildcard {
		above, isWildcard := strings.CutPrefix(name, "*.")
		covers := isWildcard && strings.Contains(above, ".") && PositionOf(tlsDomain, above) == Child
		return name == tlsDomain || covers, ""
	}
	switch PositionOf(name, base) {
	case Same:
		return true, "the certificate is for the bare domain; Microsoft does not document whether " + tlsDomain +
			" covers it"
	case Descendant:
		return true, "the certificate's name is more than one label below; Microsoft does not document whether " +
			tlsDomain + " covers it"
	case Child:
		return true, ""
	default:
		return false, ""
	}
}
