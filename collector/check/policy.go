package check

import "m365_connector_exporter/probes/mtasts"

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
