package mailflow

import (
	"fmt"
	"strings"
)

// RelationKind says how a certificate's name stands to a tenant's accepted domains. The words are label values.
type RelationKind string

// The relations, best first.
const (
	RelationExact     RelationKind = "exact"     // contoso.com, accepted
	RelationWildcard  RelationKind = "wildcard"  // *.contoso.com, contoso.com accepted
	RelationSubdomain RelationKind = "subdomain" // below an accepted domain with MatchSubDomains
	RelationParent    RelationKind = "parent"    // mail.contoso.com, only contoso.com accepted
	RelationNone      RelationKind = "none"
)

// RelationKinds are all of them, best first.
var RelationKinds = [...]RelationKind{RelationExact, RelationWildcard, RelationSubdomain, RelationParent, RelationNone}

// Relation is how one name stands to a tenant's accepted domains, with the evidence.
type Relation struct {
	Name      string
	Match     RelationKind
	Domain    string // the accepted domain; "" where there is none
	Rule      string // why, in one sentence with its source
	Uncertain string // what Microsoft has not documented about it
}

// rank orders relations: 0 none, the higher the better.
func (r Relation) rank() int {
	switch r.Match {
	case RelationExact:
		return 4
	case RelationWildcard:
		return 3
	case RelationSubdomain:
		return 2
	case RelationParent:
		return 1
	default:
		return 0
	}
}

// strength tells relations that Microsoft documents without contradiction (2) from doubtful ones (1).
func (r Relation) strength() int { return 1 + toInt(r.rank() >= 3) }

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

const (
	uncertainSubdomain = "that MatchSubDomains makes a certificate's name an accepted domain is plausible and not documented"
	uncertainParent    = "KB 4019940 takes a name right below an accepted domain, other texts of Microsoft ask to register it"
)

// DomainIndex finds what an accepted domain covers in time proportional to a name's labels.
type DomainIndex struct {
	domains map[string]bool // to whether sub-domains are matched
}

// NewDomainIndex indexes a tenant's accepted domains. What is no domain is left out.
func NewDomainIndex(accepted []AcceptedDomain) DomainIndex {
	x := DomainIndex{domains: make(map[string]bool, len(accepted))}
	for _, d := range accepted {
		if name, ok := NormaliseDomain(d.Name); ok && !strings.HasPrefix(name, "*") {
			x.domains[name] = x.domains[name] || d.MatchSubDomains == Yes
		}
	}
	return x
}

// Match tells whether mail from or to a domain is the tenant's: the domain is accepted, or lies below an accepted domain with
// MatchSubDomains (Set-AcceptedDomain). It names that accepted domain.
func (x DomainIndex) Match(domain string) (accepted string, ok bool) {
	domain, ok = NormaliseDomain(domain)
	if !ok {
		return "", false
	}
	if _, exact := x.domains[domain]; exact {
		return domain, true
	}
	return x.below(domain)
}

// below is the nearest accepted domain with MatchSubDomains above a name.
func (x DomainIndex) below(name string) (string, bool) {
	for up := parent(name); up != ""; up = parent(up) {
		if x.domains[up] {
			return up, true
		}
	}
	return "", false
}

// Relation says how a certificate's name, or a connector's TlsSenderCertificateName, stands to the accepted domains (MC1226222).
func (x DomainIndex) Relation(name string) Relation {
	w := wantedName(name)
	r := Relation{Name: w.name, Match: RelationNone, Uncertain: w.unreadable()}
	if w.name == "" {
		r.Name = name
	}
	x.relate(&r, w)
	return r
}

func (x DomainIndex) relate(r *Relation, w wanted) {
	plain := w.name
	if w.base != "" {
		plain = w.base
	}
	_, accepted := x.domains[plain]
	above, sub := x.below(plain)
	_, up := x.domains[parent(plain)]
	switch {
	case accepted && w.base == "":
		r.found(RelationExact, plain, "%s is an accepted domain (KB 3169958)", plain)
	case accepted:
		r.found(RelationWildcard, plain, "%s is for names below the accepted domain %s (KB 3169958)", w.name, plain)
	case sub:
		r.found(RelationSubdomain, above, "%s lies below the accepted domain %s, which matches sub-domains", w.name, above)
		r.Uncertain = also(r.Uncertain, uncertainSubdomain)
	case up && w.base == "":
		r.found(RelationParent, parent(plain), "%s is no accepted domain, it lies right below %s, which is one (KB 4019940)", plain, parent(plain))
		r.Uncertain = also(r.Uncertain, uncertainParent)
	default:
		r.Rule = fmt.Sprintf("neither %s nor the domain right above it is an accepted domain (KB 4019940, MC1226222)", r.Name)
	}
}

func (r *Relation) found(kind RelationKind, domain, rule string, args ...any) {
	r.Match, r.Domain, r.Rule = kind, domain, fmt.Sprintf(rule, args...)
}
