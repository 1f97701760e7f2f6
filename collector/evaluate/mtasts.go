package evaluate

import (
	"cmp"
	"slices"
	"strings"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/mtasts"
)

// policyOf returns the policy that applies to the mail of a path: that of the recipient domain, or of the smart host
// (RFC 8461, section 5.1). It is nil if it was not looked up.
func policyOf(s *Snapshot, p *check.Path) *mtasts.State {
	domain, _ := mailflow.HostName(p.NextHop)
	return s.Policies[check.TenantDomain{Tenant: p.ID.Tenant, Domain: domain}]
}

// predictMTASTS is the predictor of MTA-STS.
func predictMTASTS(s *Snapshot, p *check.Path, c *mailflow.OutboundConnector) (check.Prediction, bool) {
	mode, known := mtasts.ParseConnectorMode(c.MTASTSMode)
	state := policyOf(s, p)
	if !known || state == nil || !p.Scheduled() {
		return check.Prediction{}, false
	}
	predicted := mtasts.Predict(mode, state, mxServers(p))
	// Of more servers than are probed, one may be fine.
	incomplete := p.Conclusive != nil && len(p.Conclusive.Endpoints) >= probes.MaxEndpoints
	if predicted.Outcome == "" || predicted.Outcome == mtasts.Queue && incomplete {
		return check.Prediction{}, false
	}
	prediction := check.Prediction{
		Path: p.ID, Mechanism: check.MechanismMTASTS, Delivery: check.Delivery(predicted.Outcome), Code: predicted.Code,
		Reason: string(predicted.Reason), Evidence: predicted.Evidence,
	}
	if p.Kind == probes.NextHopSmartHost && predicted.Outcome != mtasts.NotApplicable {
		prediction.Uncertain = "Microsoft does not document whether Exchange Online applies MTA-STS to smart hosts"
	}
	return prediction, true
}

// mxServers returns the servers of a path, as the last conclusive observation of each shows them. With connect_to the
// MX hosts are not known.
func mxServers(p *check.Path) (servers []mtasts.Server) {
	if p.Conclusive == nil || len(p.Settings.ConnectTo) > 0 {
		return nil
	}
	for i := range p.Conclusive.Endpoints {
		servers = append(servers, mxServer(p, &p.Conclusive.Endpoints[i]))
	}
	return servers
}

func mxServer(p *check.Path, e *probes.Endpoint) mtasts.Server {
	server := mtasts.Server{Host: e.Host}
	step := e.Steps[probes.TLSStage]
	switch {
	case e.TLS != nil && len(e.TLS.Chain) > 0:
		var known bool
		if server.Problem, known = webProblem(e); known {
			server.TLS = mtasts.TLSPresent
		}
	case step.Reason == probes.ReasonSTARTTLSNotOffered, step.Reason == probes.ReasonSTARTTLSRejected,
		step.Evidence == probes.EvidenceSTARTTLSRefused,
		step.Outcome == probes.Passed && step.Evidence == "" && !p.TLSSettings.RequiresTLS():
		server.TLS = mtasts.TLSMissing
	}
	return server
}

// webProblem returns why the certificate of a server is not valid for the name of its host, as the public judges it
// (RFC 8461, section 4.2): the connector's TlsDomain is of no importance. known is false if that cannot be judged.
func webProblem(e *probes.Endpoint) (problem string, known bool) {
	t, leaf := e.TLS, e.TLS.Chain[0]
	for _, v := range [...]probes.Verdict{
		probes.VerdictTime, probes.VerdictChain, probes.VerdictTrust, probes.VerdictRevocation,
	} {
		if j := t.Verdicts[v]; j.Outcome == probes.Failed {
			return j.Detail, true
		}
	}
	host := strings.ToLower(strings.TrimSuffix(e.Host, "."))
	covers := func(name string) bool {
		ok, _ := mailflow.MatchTLSDomain(host, strings.ToLower(name))
		return ok
	}
	switch {
	case t.Verdicts[probes.VerdictTrust].Outcome != probes.Passed:
		return "", false
	case slices.ContainsFunc(leaf.DNSNames, covers):
		return "", true
	case leaf.OmittedNames > 0:
		return "", false
	}
	return "none of its names is that of the host", true
}

// policies lists the MTA-STS policies of the tenants' domains that were looked up, by tenant and domain.
func (r *Report) policies(s *Snapshot) []check.Policy {
	if len(s.Policies) == 0 {
		return nil
	}
	c := policyCollector{
		states: s.Policies, policies: map[check.TenantDomain]*check.Policy{}, mx: map[check.TenantDomain][]string{},
	}
	c.addNextHops(s.Paths)
	c.addAcceptedDomains(r.Tenants, s.MX)
	return c.sorted()
}

// policyCollector collects the policies of domains, and the MX hosts that are known of each domain.
type policyCollector struct {
	states   map[check.TenantDomain]*mtasts.State
	policies map[check.TenantDomain]*check.Policy
	mx       map[check.TenantDomain][]string
}

// find returns the policy of a domain; nil if it was not looked up.
func (c *policyCollector) find(tenant, name string) *check.Policy {
	domain, _ := mailflow.HostName(name)
	key := check.TenantDomain{Tenant: tenant, Domain: domain}
	if state := c.states[key]; state != nil && c.policies[key] == nil {
		c.policies[key] = &check.Policy{TenantDomain: key, State: state}
	}
	return c.policies[key]
}

// addNextHops adds the policies of the next hops of scheduled outbound paths.
func (c *policyCollector) addNextHops(paths []check.Path) {
	for i := range paths {
		path := &paths[i]
		if path.ID.Direction != mailflow.Outbound || !path.Scheduled() {
			continue
		}
		p := c.find(path.ID.Tenant, path.NextHop)
		if p == nil {
			continue
		}
		p.NextHop = p.NextHop || path.Kind == probes.NextHopDomain
		p.SmartHost = p.SmartHost || path.Kind == probes.NextHopSmartHost
		for _, server := range mxServers(path) {
			c.mx[p.TenantDomain] = append(c.mx[p.TenantDomain], server.Host)
		}
	}
}

// addAcceptedDomains adds the policies of accepted domains. mx has the MX hosts by domain.
func (c *policyCollector) addAcceptedDomains(tenants []mailflow.Tenant, mx map[string][]string) {
	for i := range tenants {
		t := &tenants[i]
		for _, d := range t.AcceptedDomains {
			if p := c.find(t.Name, d.Name); p != nil {
				p.Accepted = true
				c.mx[p.TenantDomain] = append(c.mx[p.TenantDomain], mx[d.Name]...)
			}
		}
	}
}

// sorted returns the policies by tenant and domain. A smart host without a policy, as nearly all are, is left out.
func (c *policyCollector) sorted() []check.Policy {
	all := make([]check.Policy, 0, len(c.policies))
	for key, p := range c.policies {
		if p.Accepted || p.NextHop || p.State.Mode != mtasts.Absent {
			p.Unlisted = unlisted(p.State, c.mx[key])
			all = append(all, *p)
		}
	}
	slices.SortFunc(all, func(a, b check.Policy) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Domain, b.Domain))
	})
	return all
}

// unlisted returns the MX hosts that a policy does not list, each once.
func unlisted(state *mtasts.State, mx []string) (hosts []string) {
	if state.Policy == nil || state.Mode != mtasts.Enforce && state.Mode != mtasts.Testing {
		return nil
	}
	for _, host := range mx {
		if !state.Policy.Matches(host) {
			hosts = append(hosts, host)
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// PoliciesOf returns the MTA-STS policies of a tenant's domains, by domain.
func (r *Report) PoliciesOf(tenant string) []check.Policy {
	from, _ := slices.BinarySearchFunc(r.Policies, tenant, func(p check.Policy, tenant string) int {
		return cmp.Compare(p.Tenant, tenant)
	})
	to := from
	for to < len(r.Policies) && r.Policies[to].Tenant == tenant {
		to++
	}
	return r.Policies[from:to]
}
