package mailflow

import (
	"fmt"
	"strings"
)

// RelationKind is the relation of a certificate's name to a tenant's accepted domains. The values are used as label
// values.
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

// Relation is the relation of one name to a tenant's accepted domains, with evidence.
type Relation struct {
	Name      string
	Match     RelationKind
	Domain    string // the accepted domain; "" if there is none
	Rule      string // why, in one sentence with its source
	Uncertain string // what Microsoft has not documented about it
}

// rank orders relations: 0 is none, higher is better.
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

// isDocumented reports whether Microsoft documents the relation without contradiction.
func (r Relation) isDocumented() bool { return r.Match == RelationExact || r.Match == RelationWildcard }

const (
	uncertainSubdomain = "that MatchSubDomains makes a certificate's name an accepted domain is plausible and not " +
		"documented"
	uncertainParent = "KB 4019940 accepts a name right below an accepted domain; other texts of Microsoft require to " +
		"register it"
)

// DomainIndex finds the accepted domain of a name in time proportional to the number of its labels.
type DomainIndex struct {
	domains map[string]bool // accepted domain → whether its sub-domains match
}

// NewDomainIndex indexes a tenant's accepted domains. Names that are not domains are omitted.
func NewDomainIndex(accepted []AcceptedDomain) DomainIndex {
	x := DomainIndex{domains: make(map[string]bool, len(accepted))}
	for _, d := range accepted {
		if name, ok := NormaliseDomain(d.Name); ok && !strings.HasPrefix(name, "*") {
			x.domains[name] = x.domains[name] || d.MatchSubDomains == Yes
		}
	}
	return x
}

// Match reports whether mail from or to a domain belongs to the tenant, and by which accepted domain: the domain is
// accepted, or is below an accepted domain with MatchSubDomains (Set-AcceptedDomain).
func (x DomainIndex) Match(domain string) (accepted string, ok bool) {
	domain, ok = NormaliseDomain(domain)
	if !ok {
		return "", false
	}
	if _, exact := x.domains[domain]; exact {
		return domain, true
	}
	return x.matchSubDomains(domain)
}

// matchSubDomains returns the nearest accepted domain with MatchSubDomains above a name.
func (x DomainIndex) matchSubDomains(name string) (string, bool) {
	for above := range withParents(parent(name)) {
		if x.domains[above] {
			return above, true
		}
	}
	return "", false
}

// Relation returns the relation of a certificate's name, or of a connector's TlsSenderCertificateName, to the
// accepted domains (MC1226222).
func (x DomainIndex) Relation(name string) Relation {
	required := parseRequiredName(name)
	r := Relation{Name: required.name, Match: RelationNone, Uncertain: required.uncertain()}
	if required.name == "" {
		r.Name = name
	}
	x.relate(&r, required)
	return r
}

func (x DomainIndex) relate(r *Relation, required requiredName) {
	domain, wildcard := required.name, required.base != ""
	if wildcard {
		domain = required.base
	}
	_, accepted := x.domains[domain]
	above, sub := x.matchSubDomains(domain)
	_, parentAccepted := x.domains[parent(domain)]
	switch {
	case accepted && !wildcard:
		r.set(RelationExact, domain, "%s is an accepted domain (KB 3169958)", domain)
	case accepted:
		r.set(RelationWildcard, domain, "%s covers names below the accepted domain %s (KB 3169958)", required.name, domain)
	case sub:
		r.set(RelationSubdomain, above, "%s is below the accepted domain %s, which matches sub-domains",
			required.name, above)
		r.Uncertain = joinReasons(r.Uncertain, uncertainSubdomain)
	case parentAccepted && !wildcard:
		r.set(RelationParent, parent(domain), "%s is not an accepted domain, but its parent %s is (KB 4019940)",
			domain, parent(domain))
		r.Uncertain = joinReasons(r.Uncertain, uncertainParent)
	default:
		r.Rule = fmt.Sprintf("neither %s nor its parent domain is an accepted domain (KB 4019940, MC1226222)", r.Name)
	}
}

func (r *Relation) set(kind RelationKind, domain, rule string, args ...any) {
	r.Match, r.Domain, r.Rule = kind, domain, fmt.Sprintf(rule, args...)
}
