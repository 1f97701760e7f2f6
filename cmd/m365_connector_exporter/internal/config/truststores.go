package config

import (
	"crypto/x509"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/probes"
)

// TrustStore is a set of trusted roots by which every chain is judged, besides the roots that decide.
type TrustStore struct {
	Name  string
	Roots *x509.CertPool
}

var (
	storeName      = regexp.MustCompile(`^[a-z0-9_]{1,32}$`)
	reservedStores = []string{
		probes.StoreSystem, probes.StoreConfigured, probes.StoreMozilla, probes.StoreGlobalRootG2,
	}
	errStoreName = errors.New("must be a name of at most 32 lower-case letters, digits and _ such as exchange_2016")
	errReserved  = errors.New("is the name of a built-in store; choose another one, such as exchange_2016")
)

// trustStores reads a mapping from names to files of PEM certificates. The names are label values.
func (r *reader) trustStores(n *yaml.Node, key string) (all []TrustStore) {
	named := 0 // also those whose file cannot be read
	r.keys(n, key, func(name, file *yaml.Node, k string) bool {
		switch {
		case !storeName.MatchString(name.Value):
			r.failValue(name, key, errStoreName)
		case slices.Contains(reservedStores, name.Value):
			r.failValue(name, key, errReserved)
		case named == probes.MaxNamedStores:
			r.failValue(name, key, fmt.Errorf("one store too many: at most %d may be named", probes.MaxNamedStores))
		default:
			named++
			path := r.path(file, k)
			if path == "" {
				r.fail(file, k, "must be a file of PEM certificates such as /etc/ssl/exchange-2016.pem")
				return true
			}
			if roots := r.roots(file, k, path); roots != nil {
				all = append(all, TrustStore{name.Value, roots})
			}
		}
		return true
	}, func() []string { return []string{"exchange_2016"} })
	return all
}

// checkStores limits the stores of a configuration with ca_file, which has the system's roots as one store more. Each
// store is a series of every endpoint.
func (r *reader) checkStores(n *yaml.Node, key string, g Global) {
	if g.Roots != nil && len(g.TrustStores) == probes.MaxNamedStores {
		r.fail(n, join(key, "trust_stores"), "%d stores, one too many: at most %d together with ca_file, because the "+
			"system's roots are then a store too", len(g.TrustStores), probes.MaxNamedStores-1)
	}
}
