package mailflow

import (
	"fmt"
	"strings"
)

// NameMatch answers whether a certificate bears the name that a connector asks for, with the evidence.
type NameMatch struct {
	Matched   bool
	Name      string // the certificate's name that matched; "" when none did
	Rule      string // why, in one sentence with its source
	Uncertain string // what Microsoft has not documented about it; may be set whether it matched or not
}

// What Microsoft has not documented about certificate names.
const (
	uncertainSAN     = "the name stands in the certificate's SAN only: one Microsoft document says subject, others say subject or SAN"
	uncertainForm    = "no Microsoft document shows the form <I>issuer<S>subject on an inbound connector"
	uncertainAny     = `"*" is no documented value of TlsSenderCertificateName`
	uncertainUnknown = "the value is no domain: how Exchange Online reads it is not documented"
)

// MatchCertificate compares a connector's TlsSenderCertificateName with the names of a certificate. CN and SAN count (KB 3169958,
// MC1226222). A value "*.contoso.com" stands for the names below contoso.com and for a certificate's own "*.contoso.com"; a plain
// value for that name alone: a wildcard certificate needs the wildcard as value (KB relay-access-denied-smtp).
func MatchCertificate(value string, p *ClientCertificate) NameMatch {
	return wantedName(value).match(namesOf(p))
}

// certNames are a certificate's names that are domains, normalised.
type certNames struct {
	cn  string   // "" where the CN is no domain
	all []string // cn first, without repetition
}

func namesOf(p *ClientCertificate) certNames {
	var n certNames
	if p == nil {
		return n
	}
	n.cn, _ = NormaliseDomain(p.CommonName)
	seen := make(map[string]bool, len(p.DNSNames)+1)
	for _, name := range append([]string{p.CommonName}, p.DNSNames...) {
		if name, ok := NormaliseDomain(name); ok && !seen[name] {
			seen[name] = true
			n.all = append(n.all, name)
		}
	}
	return n
}

// wanted is a TlsSenderCertificateName that was understood.
type wanted struct {
	value   string // as configured, for evidence
	name    string // what a certificate must bear: "contoso.com", "*.contoso.com", "*"; "" where nothing can be read
	base    string // contoso.com, of "*.contoso.com"
	subject bool   // the form <I>issuer<S>subject: only its CN is compared, and only with the certificate's CN
}

func wantedName(value string) wanted {
	w := wanted{value: value}
	text := value
	if strings.HasPrefix(value, "<I>") {
		w.subject = true
		text = commonName(value)
	}
	w.name, _ = NormaliseDomain(text)
	w.base, _ = strings.CutPrefix(w.name, "*.")
	if w.base == w.name {
		w.base = ""
	}
	return w
}

// commonName reads the CN out of the form <I>issuer<S>subject (Set-SendConnector, TlsCertificateName).
func commonName(value string) string {
	_, subject, _ := strings.Cut(value, "<S>")
	for part := range strings.SplitSeq(subject, ",") {
		key, name, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(strings.TrimSpace(key), "CN") {
			return strings.Trim(strings.TrimSpace(name), `"`)
		}
	}
	return ""
}

// match tries every name and prefers an answer that is documented.
func (w wanted) match(names certNames) NameMatch {
	unsure := w.unreadable()
	var best NameMatch
	candidates := names.all
	if w.subject {
		candidates = nil
		if names.cn != "" {
			candidates = []string{names.cn}
		}
	}
	for _, name := range candidates {
		rule, uncertain, ok := w.covers(name)
		if !ok {
			continue
		}
		if name != names.cn {
			uncertain = also(uncertain, uncertainSAN)
		}
		got := NameMatch{Matched: true, Name: name, Rule: rule, Uncertain: also(uncertain, unsure)}
		if got.Uncertain == "" {
			return got
		}
		if !best.Matched {
			best = got
		}
	}
	if !best.Matched {
		return NameMatch{Rule: w.noMatch(names), Uncertain: unsure}
	}
	return best
}

// covers tells whether one name of a certificate is what is wanted.
func (w wanted) covers(name string) (rule, uncertain string, ok bool) {
	switch {
	case w.name == "":
		return "", "", false
	case name == w.name:
		return fmt.Sprintf("the certificate bears %s itself (Set-InboundConnector)", name), "", true
	case w.name == "*":
		return fmt.Sprintf("* stands for every name, %s among them", name), uncertainAny, true
	case w.base == "":
		return "", "", false
	}
	switch PositionOf(name, w.base) {
	case Same:
		return fmt.Sprintf("%s is the domain of %s itself", name, w.name),
			fmt.Sprintf("Microsoft does not say whether %s covers %s itself", w.name, name), true
	case Descendant:
		return fmt.Sprintf("%s lies below %s", name, w.base),
			fmt.Sprintf("Microsoft does not say whether %s covers names more than one label below", w.name), true
	case Child:
		return fmt.Sprintf("%s lies one label below %s, as %s asks (KB 3169958)", name, w.base, w.name), "", true
	default:
		return "", "", false
	}
}

// NamePosition says where a certificate's name stands to contoso.com, where *.contoso.com is asked for.
type NamePosition uint8

// The places. A certificate's own wildcard is a label too.
const (
	Unrelated  NamePosition = iota
	Same                    // contoso.com
	Child                   // one label below it
	Descendant              // more labels below it
)

// PositionOf compares names in lower case and without a trailing dot.
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

func (w wanted) unreadable() string {
	switch {
	case w.subject:
		return uncertainForm
	case w.name == "" && w.value != "":
		return uncertainUnknown
	}
	return ""
}

func (w wanted) noMatch(names certNames) string {
	if w.value == "" {
		return "the connector asks for no certificate name"
	}
	if len(names.all) == 0 {
		return fmt.Sprintf("the connector asks for %s, the certificate bears no domain", w.value)
	}
	rule := fmt.Sprintf("the connector asks for %s, the certificate bears %s", w.value, list(names.all))
	for _, name := range names.all {
		if base, wild := strings.CutPrefix(name, "*."); wild && w.base == "" && parent(w.name) == base {
			return rule + fmt.Sprintf("; for a certificate %s the value must be %s itself (Microsoft's page on 5.7.64)", name, name)
		}
	}
	return rule
}

// also joins reasons for doubt.
func also(a, b string) string {
	switch {
	case a == "" || a == b:
		return b
	case b == "":
		return a
	}
	return a + "; " + b
}

// maxListed bounds how many names evidence lists.
const maxListed = 5

// list names a few of many.
func list(items []string) string { return listOf(items, len(items)) }

// listOf names a few of total items, of which only some are given.
func listOf(items []string, total int) string {
	items = atMost(maxListed, items)
	if total > len(items) {
		return fmt.Sprintf("%s and %d more", strings.Join(items, ", "), total-len(items))
	}
	return strings.Join(items, ", ")
}
