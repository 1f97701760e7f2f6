package mailflow

import "slices"

// PredictedRoute is a prediction of the outbound connectors that Exchange Online may use for a domain.
type PredictedRoute struct {
	Connectors []string // one of these is used; without any, mail goes to the domain's MX
	Uncertain  string   // the undocumented rule that the prediction depends on; "" if there is none
}

// Routes indexes the outbound connectors of a tenant by the recipients that they are for.
type Routes struct {
	domains DomainIndex
	byScope map[string][]string // domain, wildcard or "" for all accepted domains → connectors
	Known   bool                // whether the domains of every connector are known
}

// NewRoutes indexes the outbound connectors of a tenant. Connectors that mail flow rules select are left out.
func NewRoutes(t *Tenant) *Routes {
	r := &Routes{domains: NewDomainIndex(t.AcceptedDomains), byScope: map[string][]string{}, Known: true}
	for i := range t.Outbound {
		c := &t.Outbound[i]
		if !c.IsEnabled() || c.TestMode == Yes || c.IsTransportRuleScoped == Yes {
			continue
		}
		r.Known = r.Known && c.IsKnown("recipient_domains") && c.IsTransportRuleScoped == No
		for _, text := range c.RecipientDomains {
			if pattern, ok := NormaliseDomain(text); ok {
				r.byScope[pattern] = append(r.byScope[pattern], c.Name)
			}
		}
		if c.ForAcceptedDomains() == Yes {
			r.byScope[""] = append(r.byScope[""], c.Name)
		}
	}
	return r
}

// Predict predicts the outbound connector for mail to a domain: one with the exact domain, else one for all accepted
// domains, else one with the longest wildcard. This is the order of "What happens when I have multiple connectors" in
// Microsoft's page "Set up connectors to route mail between Microsoft 365 and your own email servers".
func (r *Routes) Predict(domain string) PredictedRoute {
	if name, ok := NormaliseDomain(domain); ok {
		domain = name
	}
	if exact := r.byScope[domain]; len(exact) > 0 {
		return oneOf(exact)
	}
	byWildcard := r.byWildcard(domain)
	all := r.byScope[""]
	if _, accepted := r.domains.Match(domain); !accepted || len(all) == 0 {
		return byWildcard
	}
	if len(byWildcard.Connectors) == 0 {
		return oneOf(all)
	}
	return PredictedRoute{
		Connectors: slices.Concat(all, byWildcard.Connectors),
		Uncertain: "Microsoft lists connectors for all accepted domains before wildcards, and its example on the same page " +
			"does the opposite",
	}
}

// byWildcard returns the route by the longest wildcard that covers a domain.
func (r *Routes) byWildcard(domain string) PredictedRoute {
	for wildcard := range Wildcards(domain) {
		names := r.byScope[wildcard]
		if len(names) == 0 {
			continue
		}
		route := oneOf(names)
		if wildcard == "*."+domain {
			route.Uncertain = "Microsoft does not document whether " + wildcard + " covers " + domain + " itself"
		}
		return route
	}
	return PredictedRoute{}
}

// oneOf returns a route by one of several connectors of the same rank.
func oneOf(names []string) PredictedRoute {
	r := PredictedRoute{Connectors: names}
	if len(names) > 1 {
		r.Uncertain = "several connectors have the same rank for the domain"
	}
	return r
}
