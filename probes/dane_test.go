package probes_test

import (
	"testing"

	"m365_connector_exporter/probes"
)

func TestDANESentence(t *testing.T) {
	one, many := []string{"3 1 1 00"}, []string{"3 1 1 00", "3 1 1 01", "3 1 1 02", "3 1 1 03"}
	for want, d := range map[string]probes.DANE{
		"the certificate matches the TLSA record 3 1 1 00": {Status: probes.DANEMatch, Matched: "3 1 1 00"},
		"the certificate matches no TLSA record (3 1 1 00): another one": {
			Status: probes.DANEMismatch, TLS: true, Records: one, Total: 1, Detail: "3 1 1 00: another one",
		},
		"the certificate matches no TLSA record (3 1 1 00, 3 1 1 01, 3 1 1 02 and 6 more): 3 1 1 00: another one": {
			Status: probes.DANEMismatch, TLS: true, Records: many, Total: 9, Detail: "3 1 1 00: another one",
		},
		"there are TLSA records (3 1 1 00), and TLS fails or is not offered": {
			Status: probes.DANEMismatch, Records: one, Total: 1,
		},
		"no TLSA record can be used (3 1 1 00)":               {Status: probes.DANEUnusable, Records: one, Total: 1},
		"no TLSA record can be used":                          {Status: probes.DANEUnusable, Total: 1},
		"no TLSA records, in a signed zone":                   {Status: probes.DANENone},
		"the zone is not signed with DNSSEC":                  {Status: probes.DANEInsecure},
		"the DNSSEC signatures are wrong":                     {Status: probes.DANEBogus},
		"the TLSA records could not be looked up: no answer.": {Detail: "no answer."},
	} {
		if got := d.Sentence(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
