package check

import (
	"strings"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
	"m365_connector_exporter/probes/mtasts"
)

// TenantDomain is a domain as a tenant sees it: with the tenant's DNS servers. The domain is as [mailflow.HostName]
// returns it.
type TenantDomain struct{ Tenant, Domain string }

// Policy is the MTA-STS policy (RFC 8461) of a domain that a tenant depends on.
type Policy struct {
	TenantDomain

	State *mtasts.State // never nil
	// What the domain is to the tenant.
	Accepted  bool // an accepted domain: others deliver to it
	NextHop   bool // outbound mail goes there by MX
	SmartHost bool // outbound mail goes there as to a smart host
	// Unlisted are the known MX hosts that the policy does not list; none without a policy that is applied or tested.
	Unlisted []string
}

// mtaSTSChecks judge MTA-STS policies (RFC 8461) and what Exchange Online does because of them.
func mtaSTSChecks() []Check {
	return []Check{
		{
			Code: "mta_sts_would_queue", Severity: Critical, Scope: ScopePath,
			Title: "Exchange Online holds mail because of the MTA-STS policy of its destination",
			When: "MtaStsMode of an outbound connector is not `None`, the destination's policy has the mode `enforce`, and " +
				"no mail server passes it: the policy does not list the MX host (4.4.8, then 5.4.8), the certificate is not " +
				"valid for the name of the MX host (4.7.5, then 5.7.5), or there is no TLS. For smart hosts: warning (UNCERTAIN)",
			Remedy: "Ask the owner of the domain to correct the policy at https://mta-sts.DOMAIN/.well-known/mta-sts.txt, to " +
				"change the id in the record at _mta-sts.DOMAIN, and to give each MX host a certificate of a public authority " +
				"for its name. Until then, `Set-OutboundConnector -MtaStsMode None` delivers without the policy.",
			Source: "RFC 8461, section 5; MC1220759; Set-OutboundConnector, MtaStsMode",
			Find:   eachHeld(MechanismMTASTS),
		},
		{
			Code: "mta_sts_invalid", Severity: Warning, Scope: ScopeTenant,
			Title: "An MTA-STS policy is invalid or does not list an MX host",
			When: "An accepted domain, or a domain that outbound mail goes to by MX, has an MTA-STS record, and the record or " +
				"the policy cannot be parsed, the policy host serves no policy or has an invalid certificate, or the policy " +
				"(`enforce` or `testing`) does not list an MX host of the domain: for accepted domains, in particular the one " +
				"that Exchange Online assigned. A host that does not answer is not judged",
			Remedy: "Correct the policy at https://mta-sts.DOMAIN/.well-known/mta-sts.txt: list every MX host, for Exchange " +
				"Online `*.mail.protection.outlook.com` or the name under `mx.microsoft` that the domain was given. Then change " +
				"the id in the record at _mta-sts.DOMAIN.",
			Source: "RFC 8461, sections 3 and 4; Enhancing mail flow with MTA-STS (Microsoft Learn)",
			Find:   eachTenant(findInvalidPolicies),
		},
	}
}

func findInvalidPolicies(f *Facts, t *tenant, report func(Finding)) {
	for i := range f.index.policies[t.Name] {
		p := f.index.policies[t.Name][i]
		if !p.Accepted && !p.NextHop {
			continue
		}
		if p.State.Broken {
			report(newFinding("%s: %s.", p.Domain, p.State.Problem))
		}
		if len(p.Unlisted) > 0 && !f.heldByPolicy(p) {
			report(newFinding("The policy of %s (mode %s) does not list %s, an MX host of the domain.",
				p.Domain, p.State.Mode, strings.Join(p.Unlisted, ", ")))
		}
	}
}

// heldByPolicy reports whether mail to a domain is held because of its policy, which is a finding of its own.
func (f *Facts) heldByPolicy(p *Policy) bool {
	if p.Accepted || p.State.Mode != mtasts.Enforce {
		return false
	}
	for _, held := range f.index.held {
		path := f.index.paths[held.Path]
		if held.Mechanism != MechanismMTASTS || held.Path.Tenant != p.Tenant || path.Kind != probes.NextHopDomain {
			continue
		}
		if domain, _ := mailflow.HostName(path.NextHop); domain == p.Domain {
			return true
		}
	}
	return false
}
