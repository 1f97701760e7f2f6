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

// policies lists what is known of the policies of the tenants' domains, by tenant and domain.
func (r *Report) policies(s *Snapshot) []check.Policy {
	if len(s.Policies) == 0 {
		return nil
	}
	all := map[check.TenantDomain]*check.Policy{}
	mx := map[check.TenantDomain][]string{}
	find := func(tenant, name string) (p *check.Policy, key check.TenantDomain) {
		domain, _ := mailflow.HostName(name)
		key = check.TenantDomain{Tenant: tenant, Domain: domain}
		if state := s.Policies[key]; state != nil && all[key] == nil {
			all[key] = &check.Policy{TenantDomain: key, State: state}
		}
		return all[key], key
	}
	for i := range s.Paths {
		path := &s.Paths[i]
		if path.ID.Direction != mailflow.Outbound || !path.Scheduled() {
			continue
		}
		p, key := find(path.ID.Tenant, path.NextHop)
		if p == nil {
			continue
		}
		p.NextHop = p.NextHop || path.Kind == probes.NextHopDomain
		p.SmartHost = p.SmartHost || path.Kind == probes.NextHopSmartHost
		for _, server := range mxServers(path) {
			mx[key] = append(mx[key], server.Host)
		}
	}
	for i := range r.Tenants {
		t := &r.Tenants[i]
		for _, d := range t.AcceptedDomains {
			if p, key := find(t.Name, d.Name); p != nil {
				p.Accepted = true
				mx[key] = append(mx[key], s.MX[d.Name]...)
			}
		}
	}
	list := make([]check.Policy, 0, len(all))
	for key, p := range all {
		if !p.Accepted && !p.NextHop && p.State.Mode == mtasts.Absent {
			continue // a smart host without policy, as nearly all are
		}
		p.Unlisted = unlisted(p.State, mx[key])
		list = append(list, *p)
	}
	slices.SortFunc(list, func(a, b check.Policy) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Domain, b.Domain))
	})
	return list
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
