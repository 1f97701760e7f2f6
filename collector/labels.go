package collector

import "m365_connector_exporter/probes"

// maxLabel is the longest label value, in bytes: no host name and no connector's name of 64 characters is cut.
const maxLabel = 256

// clean makes a label value of a name or of what may come from a peer.
func clean(s string) string { return probes.Sanitise(s, maxLabel) }

// LabelValue is a name as it stands in labels.
func LabelValue(s string) string { return clean(s) }
