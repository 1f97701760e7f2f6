package mailflow

import (
	"cmp"
	"fmt"
	"strings"
)

// NameMatch is the result of comparing a certificate with a connector's TlsSenderCertificateName.
type NameMatch struct {
	Matched   bool
	Name      string // the certificate's name that matches; "" if none does
	Rule      string // why, in one sentence with its source
	Uncertain string // what Microsoft has not documented about it, whether it matches or not
}

// What Microsoft has not documented about certificate names.
const (
	uncertainSAN = "the name is in the certificate's SAN only: one Microsoft document says subject, others say subject " +
		"or SAN"
	uncertainForm    = "no Microsoft document shows the form <I>issuer<S>subject on an inbound connector"
	uncertainAny     = `"*" is not a documented value of TlsSenderCertificateName`
	uncertainUnknown = "the value is not a domain: how Exchange Online reads it is not documented"
)

// MatchCertificate compares a connector's TlsSenderCertificateName with the names of a certificate. CN and SAN count
// (KB 3169958, MC1226222). The value "*.contoso.com" matches the names below contoso.com and a wildcard certificate's
// own "*.contoso.com". A value without wildcard matches that name only: a wildcard certificate needs the wildcard as
// value (KB relay-access-denied-smtp).
func MatchCertificate(value string, c *ClientCertificate) NameMatch {
	return parseRequiredName(value).match(domainsOf(c))
}

// MatchCertificateName compares a connector's TlsSenderCertificateName with the CN of a certificate.
func MatchCertificateName(value, name string) NameMatch {
	return MatchCertificate(value, &ClientCertificate{CommonName: name})
}

// requiredName is a parsed TlsSenderCertificateName.
type requiredName struct {
	value   string // as configured, for evidence
	name    string // what a certificate must contain: "contoso.com", "*.contoso.com", "*"; "" if it is not a domain
	base    string // contoso.com, of "*.contoso.com"
	subject bool   // the form <I>issuer<S>subject: its CN is compared with the certificate's CN only
}

func parseRequiredName(value string) requiredName {
	r := requiredName{value: value}
	text := value
	if strings.HasPrefix(value, "<I>") {
		r.subject = true
		text = subjectCommonName(value)
	}
	r.name, _ = NormaliseDomain(text)
	if base, wildcard := strings.CutPrefix(r.name, "*."); wildcard {
		r.base = base
	}
	return r
}

// subjectCommonName returns the CN in the form <I>issuer<S>subject (Set-SendConnector, TlsCertificateName).
func subjectCommonName(value string) string {
	_, subject, _ := strings.Cut(value, "<S>")
	for part := range strings.SplitSeq(subject, ",") {
		key, name, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(strings.TrimSpace(key), "CN") {
			return strings.Trim(strings.TrimSpace(name), `"`)
		}
	}
	return ""
}

// nameKey is the key of a required name in the indexes of a Directory.
type nameKey struct {
	name    string
	subject bool
}

func (r requiredName) key() nameKey { return nameKey{r.name, r.subject} }

func (k nameKey) compare(other nameKey) int {
	return cmp.Or(strings.Compare(k.name, other.name), toInt(k.subject)-toInt(other.subject))
}

// match compares every name and prefers a match by a documented rule.
func (r requiredName) match(domains certificateDomains) NameMatch {
	names := domains.all
	if r.subject {
		names = nil
		if domains.cn != "" {
			names = []string{domains.cn}
		}
	}
	best := NameMatch{Rule: r.explainMismatch(domains), Uncertain: r.uncertain()}
	for _, name := range names {
		rule, uncertain, ok := r.covers(name)
		if !ok {
			continue
		}
		if name != domains.cn {
			uncertain = joinReasons(uncertain, uncertainSAN)
		}
		match := NameMatch{Matched: true, Name: name, Rule: rule, Uncertain: joinReasons(uncertain, r.uncertain())}
		if match.Uncertain == "" {
			return match
		}
		if !best.Matched {
			best = match
		}
	}
	return best
}

// covers reports whether the required name covers one name of a certificate, by which rule, and what is uncertain
// about it.
func (r requiredName) covers(name string) (rule, uncertain string, ok bool) {
	switch {
	case r.name == "":
		return "", "", false
	case name == r.name:
		return fmt.Sprintf("the certificate contains %s (Set-InboundConnector)", name), "", true
	case r.name == "*":
		return fmt.Sprintf("* matches every name, also %s", name), uncertainAny, true
	case r.base == "":
		return "", "", false
	}
	switch PositionOf(name, r.base) {
	case Same:
		return fmt.Sprintf("%s is the domain of %s", name, r.name),
			fmt.Sprintf("Microsoft does not document whether %s covers %s itself", r.name, name), true
	case Child:
		return fmt.Sprintf("%s is one label below %s, as %s requires (KB 3169958)", name, r.base, r.name), "", true
	case Descendant:
		return fmt.Sprintf("%s is below %s", name, r.base),
			fmt.Sprintf("Microsoft does not document whether %s covers names more than one label below", r.name), true
	default:
		return "", "", false
	}
}

// uncertain returns what is uncertain about the value, whatever the certificate.
func (r requiredName) uncertain() string {
	switch {
	case r.subject:
		return uncertainForm
	case r.name == "" && r.value != "":
		return uncertainUnknown
	}
	return ""
}

func (r requiredName) explainMismatch(domains certificateDomains) string {
	if r.value == "" {
		return "the connector requires no certificate name"
	}
	if len(domains.all) == 0 {
		return fmt.Sprintf("the connector requires %s, the certificate contains no domain", r.value)
	}
	rule := fmt.Sprintf("the connector requires %s, the certificate contains %s", r.value, list(domains.all))
	for _, name := range domains.all {
		if base, wildcard := strings.CutPrefix(name, "*."); wildcard && r.base == "" && parent(r.name) == base {
			return rule + fmt.Sprintf("; for a certificate %s the value must be %[1]s itself (Microsoft's page on 5.7.64)",
				name)
		}
	}
	return rule
}

// joinReasons joins two reasons, each of which may be empty.
func joinReasons(a, b string) string {
	if a == "" || b == "" || a == b {
		return cmp.Or(a, b)
	}
	return a + "; " + b
}
