package check

import (
	"slices"
	"strings"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// findDifferences compares the leaf certificates at the addresses of each host of a path.
func findDifferences(f *Facts, p *Path, report func(Finding)) {
	if p.ConnectorType != mailflow.OnPremises {
		return
	}
	hosts, order := endpointsByHost(p)
	for _, host := range order {
		endpoints := hosts[host]
		if f.reports(p, renewalIncomplete) {
			endpoints = withoutIncompleteRenewals(p, endpoints)
		}
		differ := slices.ContainsFunc(endpoints, func(e *Endpoint) bool { return !f.equivalentLeaves(endpoints[0], e) })
		if !differ {
			continue
		}
		for _, e := range endpoints {
			leaf := e.TLS.Chain[0]
			report(newFinding("%s shows a certificate for %s, issued by %s, valid until %s.",
				e.Name(), list(namesOf(leaf)), leaf.Issuer, day(leaf.NotAfter)))
		}
	}
}

// withoutIncompleteRenewals leaves out the endpoints of which renewal_incomplete is found. Those that have the renewed
// certificate stay.
func withoutIncompleteRenewals(p *Path, endpoints []*Endpoint) []*Endpoint {
	return slices.DeleteFunc(endpoints, func(e *Endpoint) bool {
		other, _ := p.incompleteRenewal(e)
		return other != nil
	})
}

// reports reports whether the findings of a check about a path are reported: the configuration may turn it off.
func (f *Facts) reports(p *Path, code string) bool {
	if f.Severity == nil {
		return true
	}
	set, ok := f.Severity(p.ID.Tenant, code)
	return !ok || set != Off
}

// endpointsByHost returns the endpoints with a certificate, and the hosts in their order.
func endpointsByHost(p *Path) (hosts map[string][]*Endpoint, order []string) {
	hosts = map[string][]*Endpoint{}
	for i := range p.Endpoints {
		e := &p.Endpoints[i]
		if e.Address == "" || e.TLS == nil || len(e.TLS.Chain) == 0 {
			continue
		}
		if len(hosts[e.Host]) == 0 {
			order = append(order, e.Host)
		}
		hosts[e.Host] = append(hosts[e.Host], e)
	}
	return hosts, order
}

// equivalentLeaves reports whether two addresses agree in what must be the same for one host: names, issuer, and
// whether the certificate expires soon. Serial and key may differ: each server may have its own certificate.
func (f *Facts) equivalentLeaves(a, b *Endpoint) bool {
	one, two := a.TLS.Chain[0], b.TLS.Chain[0]
	return a == b || one.Issuer == two.Issuer && f.nearExpiry(one) == f.nearExpiry(two) &&
		slices.Equal(namesOf(one), namesOf(two))
}

func (f *Facts) nearExpiry(leaf *probes.Certificate) bool {
	return expired(f.Now, leaf.NotAfter) || f.Thresholds.leafSeverity(f.Now, leaf.NotBefore, leaf.NotAfter) != Off
}

// namesOf returns the names of a certificate in lower case, sorted.
func namesOf(leaf *probes.Certificate) []string {
	names := slices.Clone(leaf.Names())
	for i, name := range names {
		names[i] = strings.ToLower(name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
