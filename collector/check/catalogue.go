package check

import (
	"slices"
	"sync"
)

// Catalogue returns every check, in the order of the documentation.
func Catalogue() []Check { return catalogue() }

var catalogue = sync.OnceValue(func() []Check {
	return slices.Concat(
		certificateChecks(), servedChecks(), tlsChecks(), renewalChecks(),
		acceptedChecks(), sharedChecks(), attributionChecks(), weakAttributionChecks(),
		inboundChecks(), restrictionChecks(), effectChecks(), partnerEffectChecks(), hybridChecks(),
		outboundChecks(), routingChecks(), loopChecks(), statusChecks(),
		organizationChecks(), ruleChecks(), serverChecks(), ipv6Checks(), daneChecks(), mtaSTSChecks(), lockChecks(),
		notJudgedChecks(),
		unreadChecks(), tenantChecks(), domainChecks(), tlsReportChecks(), proberChecks(), probingChecks(), firewallChecks(),
	)
})

// Lookup finds a check by its code and reports whether there is one.
func Lookup(code string) (Check, bool) {
	for _, c := range Catalogue() {
		if c.Code == code {
			return c, true
		}
	}
	return Check{}, false
}

// Codes returns the codes that a configuration may name, sorted.
func Codes() []string {
	codes := make([]string, 0, len(Catalogue()))
	for _, c := range Catalogue() {
		codes = append(codes, c.Code)
	}
	slices.Sort(codes)
	return codes
}
