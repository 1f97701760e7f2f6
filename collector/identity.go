package collector

import (
	"slices"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// maxLabelValue is the longest label value in bytes. No host name and no connector name, of at most 64 characters, is
// cut.
const maxLabelValue = 256

// LabelValue returns a name, or what a peer sent, as a label value: valid UTF-8 without control characters, at most
// 256 bytes.
func LabelValue(s string) string { return probes.Sanitise(s, maxLabelValue) }

// identity holds the values of the labels that say what a series is about, at the places of identityLabels. A label
// that does not apply is empty.
type identity [len(identityLabels)]string

// identityLabels are in the order of the page.
var identityLabels = [...]string{"address", "connector", "direction", "host", "path", "tenant"}

const (
	idAddress = iota
	idConnector
	idDirection
	idHost
	idPath
	idTenant
)

func tenantIdentity(tenant string) (id identity) {
	id[idTenant] = tenant
	return id
}

func connectorIdentity(tenant, connector string, d mailflow.Direction) identity {
	id := tenantIdentity(tenant)
	id[idConnector], id[idDirection] = connector, string(d)
	return id
}

func pathIdentity(p probes.PathID) identity {
	id := connectorIdentity(p.Tenant, p.Connector, p.Direction)
	id[idPath] = p.Path
	return id
}

func endpointIdentity(p probes.PathID, key EndpointKey) identity {
	id := pathIdentity(p)
	id[idHost], id[idAddress] = key.Host, key.Address
	return id
}

// sanitized returns the identity as it is on the page.
func (id identity) sanitized() identity {
	for i := range id {
		id[i] = LabelValue(id[i])
	}
	return id
}

func (id *identity) compare(other *identity) int { return slices.Compare(id[:], other[:]) }
