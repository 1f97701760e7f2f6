package text

import (
	"io"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
)

// certificateUseJSON is one object of the array that /api/v1/certificates returns: a certificate at one endpoint of a
// path, or one that the path's sender presents.
type certificateUseJSON struct {
	certificateJSON
	Serial    string        `json:"serial"`
	Role      string        `json:"role"` // server: shown by the endpoint; client: presented to Exchange Online
	Tenant    string        `json:"tenant"`
	Direction string        `json:"direction"`
	Connector string        `json:"connector"`
	Path      string        `json:"path"`
	Target    string        `json:"target"`
	Host      string        `json:"host,omitempty"`
	Address   string        `json:"address,omitempty"`
	Expires   time.Time     `json:"expires"` // the leaf or an issuer certificate, whichever is first
	Severity  string        `json:"severity"`
	Microsoft bool          `json:"microsoft"` // a host of Exchange Online shows it
	Verdicts  []verdictJSON `json:"certificate_verdicts,omitempty"`
	Stores    []storeJSON   `json:"trust_stores,omitempty"`
	Renewals  []renewedJSON `json:"renewals,omitempty"` // that this exporter has seen at this place
}

// storeJSON is whether the chain, as it was sent, verifies with the roots of a store.
type storeJSON struct {
	Store   string `json:"store"`
	Outcome string `json:"outcome"`
}

// renewedJSON is one renewal that was seen.
type renewedJSON struct {
	At       time.Time `json:"at"` // when the new certificate was first seen
	Previous time.Time `json:"previous_not_after"`
	NotAfter time.Time `json:"not_after"`
}

// CertificatesJSON prints the certificates in use for programs.
func CertificatesJSON(w io.Writer, all []collector.Certificate) error {
	out := make([]certificateUseJSON, 0, len(all))
	for i := range all {
		out = append(out, certificateUseOf(&all[i]))
	}
	return encode(w, out)
}

func certificateUseOf(c *collector.Certificate) certificateUseJSON {
	leaf, id := c.Leaf(), c.Path.Path.ID
	out := certificateUseJSON{
		certificateJSON: certificateOf(leaf), Serial: printableLines(leaf.Serial), Role: c.Role,
		Tenant: printableLines(id.Tenant), Direction: printableLines(string(id.Direction)),
		Connector: printableLines(id.Connector), Path: printableLines(id.Path), Target: printableLines(id.String()),
		Host: printableLines(c.Host), Address: printableLines(c.Address), Expires: c.NotAfter.UTC(),
		Severity: c.Expiry.String(), Microsoft: c.Microsoft, Verdicts: verdictsOf(c.TLS),
	}
	for _, s := range c.TLS.AllStores() {
		out.Stores = append(out.Stores, storeJSON{printableLines(s.Store), s.Outcome.String()})
	}
	for _, r := range c.Renewals {
		out.Renewals = append(out.Renewals, renewedJSON{r.At.UTC(), r.Old.NotAfter.UTC(), r.New.NotAfter.UTC()})
	}
	return out
}

// verdictsOf returns the verdicts that could be judged, and those that say why not.
func verdictsOf(t *probes.TLS) (all []verdictJSON) {
	for v, j := range t.Verdicts {
		if j.Evaluated() {
			all = append(all, verdictJSON{
				Verdict: probes.VerdictNames[v], Outcome: j.Outcome.String(), Reason: printableLines(string(j.Reason)),
				Detail: printableLines(j.Detail), Uncertain: printableLines(j.Uncertain),
			})
		}
	}
	return all
}

func certificateOf(c *probes.Certificate) certificateJSON {
	return certificateJSON{
		Subject: printableLines(c.Subject), Issuer: printableLines(c.Issuer), Names: printableAll(c.DNSNames),
		MoreNames: c.OmittedNames, NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(),
		Fingerprint: printableLines(c.Fingerprint),
	}
}
