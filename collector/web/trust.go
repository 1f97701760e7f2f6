package web

import (
	"cmp"
	"fmt"
	"slices"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/text"
	"m365_connector_exporter/probes"
)

// trustTable is which stores of trusted roots trust which certificate.
type trustTable struct {
	Stores  []string
	Summary string
	Rows    []trustRow
}

// trustRow is one certificate: by store "yes", "no", or "" if it is not judged.
type trustRow struct {
	Subject, Issuer, Shown string
	Trusted                []string
}

// addStores adds the verdicts on the chain of one more use of the certificate. A server may send it without its
// intermediate certificates: the worst verdict counts.
func (r *certificateRow) addStores(c *collector.Certificate) {
	for _, s := range c.TLS.AllStores() {
		i := slices.IndexFunc(r.Stores, func(known probes.StoreVerdict) bool { return known.Store == s.Store })
		switch {
		case i < 0:
			r.Stores = append(r.Stores, s)
		case s.Outcome == probes.Failed || r.Stores[i].Outcome == probes.NotReached:
			r.Stores[i].Outcome = s.Outcome
		}
	}
}

// newTrustTable has a row for each of the shown rows; its summary is about all rows. It is nil if nothing was judged.
func newTrustTable(shown, all []certificateRow) *trustTable {
	t := &trustTable{}
	untrusted := map[string]int{}
	for i := range all {
		for _, s := range all[i].Stores {
			if !slices.Contains(t.Stores, s.Store) {
				t.Stores = append(t.Stores, s.Store)
			}
			if s.Outcome == probes.Failed {
				untrusted[s.Store]++
			}
		}
	}
	if len(t.Stores) == 0 {
		return nil
	}
	for n, store := range t.Stores {
		if n > 0 {
			t.Summary += ", "
		}
		t.Summary += fmt.Sprintf("%s %d", store, untrusted[store])
	}
	t.Summary = "Not trusted, of " + text.Count(len(all), "certificate") + ": " + t.Summary + "."
	for i := range shown {
		t.Rows = append(t.Rows, newTrustRow(&shown[i], t.Stores))
	}
	return t
}

func newTrustRow(r *certificateRow, stores []string) trustRow {
	row := trustRow{
		Subject: r.Leaf.Subject, Issuer: r.Leaf.Issuer, Shown: r.shownBy(), Trusted: make([]string, len(stores)),
	}
	for _, s := range r.Stores {
		row.Trusted[slices.Index(stores, s.Store)] = map[probes.Outcome]string{
			probes.Passed: "yes", probes.Failed: "no",
		}[s.Outcome]
	}
	return row
}

// shownBy returns who shows the certificate, with one of the hosts.
func (r *certificateRow) shownBy() string {
	switch {
	case r.Role == collector.RoleClient:
		return "sender " + r.Uses[0].Path
	case r.Microsoft:
		return "Exchange Online"
	}
	return cmp.Or(r.Uses[0].Endpoint, "server")
}
