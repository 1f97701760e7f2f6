package web

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
)

// certificateRow is one certificate in one role, wherever it is used.
type certificateRow struct {
	Role      string
	Leaf      *probes.Certificate
	Names     string
	Expires   *expiry
	Severity  check.Severity
	Issuer    bool // an issuer certificate expires before the leaf
	Microsoft bool
	From      *timestamp
	Uses      []certificateUse
	MoreUses  int
}

// certificateUse is a path that uses a certificate.
type certificateUse struct {
	Target, Tenant, Connector, Path string
	Endpoint                        string
}

const (
	maxUses         = 3
	maxNamesInTable = 4
)

// certificateRows returns each certificate once per role, the one that expires first on top; Microsoft's own last.
func certificateRows(all []collector.Certificate, now time.Time) []certificateRow {
	type key struct{ role, fingerprint, serial string }
	index := map[key]int{}
	var rows []certificateRow
	for i := range all {
		c := &all[i]
		leaf := c.Leaf()
		k := key{c.Role, leaf.Fingerprint, leaf.Serial}
		n, known := index[k]
		if !known {
			n = len(rows)
			index[k] = n
			rows = append(rows, certificateRow{
				Role: c.Role, Leaf: leaf, Names: bounded(text.List(leaf.DNSNames, maxNamesInTable)), Microsoft: c.Microsoft,
				From: newTimestamp(leaf.NotBefore, now), Issuer: c.NotAfter.Before(leaf.NotAfter),
				Expires: newExpiry(c.NotAfter, c.Expiry, now), Severity: c.Expiry,
			})
		}
		rows[n].add(c, now)
	}
	slices.SortStableFunc(rows, compareCertificates)
	return rows
}

// add adds a path that uses the certificate.
func (r *certificateRow) add(c *collector.Certificate, now time.Time) {
	if c.Expiry > r.Severity {
		r.Severity = c.Expiry
		r.Expires = newExpiry(c.NotAfter, c.Expiry, now)
	}
	if len(r.Uses) == maxUses {
		r.MoreUses++
		return
	}
	id := c.Path.Path.ID
	use := certificateUse{
		Target: id.String(), Tenant: id.Tenant, Connector: id.Connector, Path: id.Path, Endpoint: c.Host,
	}
	if c.Address != "" && c.Address != c.Host {
		use.Endpoint = strings.TrimSpace(use.Endpoint + " [" + c.Address + "]")
	}
	r.Uses = append(r.Uses, use)
}

// compareCertificates orders by the days that are left, what Microsoft renews after what the reader must renew.
func compareCertificates(a, b certificateRow) int {
	rank := func(r certificateRow) int {
		switch {
		case r.Expires == nil:
			return 2
		case r.Microsoft:
			return 1
		}
		return 0
	}
	days := func(r certificateRow) string {
		if r.Expires == nil {
			return ""
		}
		return r.Expires.At.ISO
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(days(a), days(b)), cmp.Compare(a.Leaf.Subject, b.Leaf.Subject))
}
