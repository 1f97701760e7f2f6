package check_test

import (
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
)

// compared gives the path, which goes by MX, one server for each comparison with TLSA records: mx1, mx2, ….
func compared(all ...probes.DANE) func(w *world) {
	return func(w *world) {
		w.path.Kind, w.path.NextHop = probes.NextHopDomain, "contoso.com"
		w.path.Endpoints = nil
		for i := range all {
			w.path.Endpoints = append(w.path.Endpoints, check.Endpoint{
				Host: "mx" + string(rune('1'+i)) + ".contoso.com", Address: "192.0.2.1", TLS: w.shown, DANE: &all[i],
			})
		}
	}
}

// expiring makes the certificate of the servers expire soon.
func expiring(change func(w *world)) func(w *world) {
	return func(w *world) {
		change(w)
		leaf := w.shown.Chain[0]
		leaf.NotBefore, leaf.NotAfter = noon.Add(-80*day), noon.Add(10*day)
	}
}

// bySmartHost makes the path one by smart host again.
func bySmartHost(change func(w *world)) func(w *world) {
	return func(w *world) {
		change(w)
		w.path.Kind = probes.NextHopSmartHost
	}
}

var daneCases = []testCase{
	{
		"dane_would_queue", "no server matches", held(check.MechanismDANE, "5.7.323", "mx1: another certificate", ""),
		"critical", "tries again for 24 hours and returns the mail (4.7.323, then 5.7.323): mx1: another certificate.",
	},
	{
		"dane_would_queue", "Mandatory, and no DANE", held(check.MechanismDANE, "", "SmtpDaneMode is Mandatory", ""),
		"critical", "returns the mail: SmtpDaneMode is Mandatory.",
	},
	{
		"dane_would_queue", "a smart host", held(check.MechanismDANE, "5.7.323", "mx1", check.UncertainDANE),
		"warning uncertain", "",
	},
	{"dane_would_queue", "held because of MTA-STS", held(check.MechanismMTASTS, "5.7.5", "policy", ""), "", ""},
	{
		"dane_would_queue", "delivered",
		predicted(check.Prediction{Mechanism: check.MechanismDANE, Delivery: check.DeliveryDeliver}), "", "",
	},

	{
		"dane_incomplete", "one MX of two without records", compared(matching, probes.DANE{Status: probes.DANENone}),
		"warning", "mx2.contoso.com has no TLSA records, but other MX hosts of the domain do.",
	},
	{
		"dane_incomplete", "one MX of two in an unsigned zone", compared(matching, probes.DANE{Status: probes.DANEInsecure}),
		"warning", "mx2.contoso.com has no TLSA records",
	},
	{
		"dane_incomplete", "one MX of two does not match", compared(matching, probes.DANE{
			Status: probes.DANEMismatch, Total: 1, Records: []string{"3 1 1 00"}, Detail: "another one",
		}), "warning", "mx2.contoso.com (192.0.2.1) does not match its TLSA records (3 1 1 00): another one.",
	},
	{
		"dane_incomplete", "expires soon, and no record of the next certificate", expiring(compared(pinned)),
		"warning", "all its TLSA records (3 0 1 00) match only this certificate",
	},
	{
		"dane_incomplete", "the same behind a smart host", expiring(bySmartHost(compared(pinned))), "warning uncertain", "",
	},
	{"dane_incomplete", "the certificate is new", compared(pinned), "", ""},
	{"dane_incomplete", "a record of the next certificate", expiring(compared(matching)), "", ""},
	{"dane_incomplete", "both MX match", compared(matching, matching), "", ""},
	{
		"dane_incomplete", "no DANE at all",
		compared(probes.DANE{Status: probes.DANENone}, probes.DANE{Status: probes.DANEInsecure}), "", "",
	},
	{"dane_incomplete", "a smart host", bySmartHost(compared(matching, probes.DANE{Status: probes.DANENone})), "", ""},
	{"dane_incomplete", "nothing is known of one MX", func(w *world) {
		compared(matching, matching)(w)
		w.path.Endpoints[1].DANE = nil
	}, "", ""},
	{"dane_incomplete", "mail is held, which is a finding of its own", func(w *world) {
		compared(probes.DANE{Status: probes.DANEMismatch, Total: 1})(w)
		held(check.MechanismDANE, "5.7.323", "mx1", "")(w)
	}, "", ""},
}

var (
	matching = probes.DANE{Status: probes.DANEMatch, Total: 2, Records: []string{"3 1 1 00", "3 1 1 01"}}
	pinned   = probes.DANE{Status: probes.DANEMatch, Total: 1, Records: []string{"3 0 1 00"}, Pinned: true}
)
