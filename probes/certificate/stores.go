package certificate

import (
	"bytes"
	"crypto/x509"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"m365_connector_exporter/probes"
)

// Store is a named set of trusted roots. Hosts have different ones, since they add, remove and distrust roots at
// different times: a certificate that this host trusts may be untrusted on another.
type Store struct {
	Name  string         // a label value
	Roots *x509.CertPool // nil means the system's
}

// KnownStores returns the stores that are compiled into this program: Mozilla's as of the build, and DigiCert Global
// Root G2 alone, the root that a peer needs in order to trust Exchange Online (MC1224565).
func KnownStores() []Store {
	return []Store{{probes.StoreMozilla, mozillaRoots()}, {probes.StoreGlobalRootG2, microsoftRoots()}}
}

// mozillaRoots contains the roots of Mozilla's program, with the dates after which it distrusts some of them.
var mozillaRoots = sync.OnceValue(func() *x509.CertPool {
	pool := x509.NewCertPool()
	for root := range bundle.Roots() {
		c, err := x509.ParseCertificate(root.Certificate)
		switch {
		case err != nil: // crypto/x509 does not support it
		case root.Constraint != nil:
			pool.AddCertWithConstraint(c, root.Constraint)
		default:
			pool.AddCert(c)
		}
	}
	return pool
})

// EqualStores reports whether two lists have the same stores in the same order.
func EqualStores(a, b []Store) bool {
	return slices.EqualFunc(a, b, func(a, b Store) bool {
		return a.Name == b.Name && (a.Roots == b.Roots || a.Roots.Equal(b.Roots))
	})
}

// judgeStores records for each store whether the chain, as it was sent, verifies with its roots, and narrows the time
// for which v is valid. A chain that is too costly to verify with every store is not evaluated.
func (v *verification) judgeStores(now time.Time, sent []*x509.Certificate, stores []Store, sigs *signatures) {
	tooMany := len(stores) > 0 && sigs.searchCost(sent[0], sent[1:], nil) > maxSearchCost/len(stores)
	for _, s := range stores {
		if tooMany {
			v.stores = append(v.stores, probes.StoreVerdict{Store: s.Name})
			continue
		}
		outcome := probes.Failed
		if s.hasIssuerOf(sent) {
			chains, _, err := verifyWithinValidity(now, sent, s.Roots, sigs)
			for _, c := range chains {
				v.limitTo(now, c)
			}
			if err == nil {
				outcome = probes.Passed
			}
		}
		v.stores = append(v.stores, probes.StoreVerdict{Store: s.Name, Outcome: outcome})
	}
}

// hasIssuerOf reports whether the store has a root with the name of a certificate that was sent, or of its issuer. If
// it has none, the chain does not verify, and its signatures need not be checked once more.
func (s Store) hasIssuerOf(sent []*x509.Certificate) bool {
	if s.Roots == nil {
		return true // the system's roots cannot be listed
	}
	for _, name := range s.Roots.Subjects() { //nolint:staticcheck // deprecated because of the system's roots alone
		for _, c := range sent {
			if bytes.Equal(name, c.RawIssuer) || bytes.Equal(name, c.RawSubject) {
				return true
			}
		}
	}
	return false
}
