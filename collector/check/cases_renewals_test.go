package check_test

import (
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
)

const mailHost, firstServer, secondServer = "mail.contoso.com", "192.0.2.1", "192.0.2.2"

// leafOf is the n-th certificate before the present one, of so many days, which began so many days ago.
func leafOf(issuer, fingerprint string, began, days float64) check.Leaf {
	ago := func(n float64) time.Time { return noon.Add(-time.Duration(n * float64(day))) }
	return check.Leaf{Fingerprint: fingerprint, Issuer: issuer, NotBefore: ago(began), NotAfter: ago(began - days)}
}

// show makes a server or a sender show a certificate.
func show(t *probes.TLS, l check.Leaf) {
	c := t.Chain[0]
	c.Fingerprint, c.Issuer, c.NotBefore, c.NotAfter = l.Fingerprint, l.Issuer, l.NotBefore, l.NotAfter
}

// renewed is a renewal at an address of the smart host: a certificate was replaced after so many days.
func renewed(address string, old check.Leaf, after float64) check.Renewal {
	at := old.NotBefore.Add(time.Duration(after * float64(day)))
	return check.Renewal{Host: mailHost, Address: address, At: at, Old: old, New: leafOf("", "", 0, 0)}
}

// ninety makes the smart host show a certificate of 90 days that began so many days ago, and gives it renewals of
// certificates of 90 days, each replaced after so many days.
func (w *world) ninety(began float64, replacedAfter ...float64) {
	w.lasting(90, began, replacedAfter...)
}

func (w *world) lasting(days, began float64, replacedAfter ...float64) {
	show(w.shown, leafOf("R11", "now", began, days))
	show(w.second, leafOf("R11", "now", began, days))
	w.path.Renewals = nil
	for _, after := range replacedAfter {
		began += after
		w.path.Renewals = append(w.path.Renewals, renewed(firstServer, leafOf("E8", "old", began, days), after))
	}
}

// halfRenewed makes the second server show the old certificate that the first one has replaced so many days ago.
func (w *world) halfRenewed(ago float64) {
	old := leafOf("R11", "old", 60, 90)
	show(w.shown, leafOf("R12", "new", ago, 90))
	show(w.second, old)
	w.path.Renewals = []check.Renewal{renewed(firstServer, old, 60-ago)}
	w.path.Endpoints[0].CertificateSeen, w.path.Endpoints[1].CertificateSeen = noon, noon
}

func (w *world) clientOf(issuer string, began, days float64) {
	show(w.client, leafOf(issuer, "client", began, days))
}

var renewalCases = []testCase{
	{
		"renewal_overdue", "later than before", func(w *world) { w.ninety(65, 60, 60) },
		"warning", "67 % of their lifetime (2 renewals seen)",
	},
	{"renewal_overdue", "within the tolerance", func(w *world) { w.ninety(64, 60, 60) }, "", ""},
	{"renewal_overdue", "one renewal seen", func(w *world) { w.ninety(66, 60) }, "", ""},
	{"renewal_overdue", "none seen", func(w *world) { w.ninety(66) }, "", ""},
	{"renewal_overdue", "as late as one of them", func(w *world) { w.lasting(200, 145, 133, 145) }, "", ""},
	{"renewal_overdue", "renewals that differ", func(w *world) { w.lasting(200, 162, 133, 150) }, "", ""},
	{
		"renewal_overdue", "later than renewals that differ", func(w *world) { w.lasting(200, 168, 133, 150) },
		"warning", "66 % to 75 %",
	},
	{
		"renewal_overdue", "earlier ones replaced early, for another reason",
		func(w *world) { w.ninety(50, 30, 30) }, "", "",
	},
	{"renewal_overdue", "one of them replaced early", func(w *world) { w.ninety(66, 60, 20) }, "", ""},
	{
		"renewal_overdue", "a week's certificate, renewed daily after half of it",
		func(w *world) { w.lasting(6, 4.2, 3, 3, 3) }, "warning", "50 %",
	},
	{
		"renewal_overdue", "a week's certificate, a day later than usual",
		func(w *world) { w.lasting(6, 3.9, 3, 3, 3) }, "", "",
	},
	{"renewal_overdue", "expires soon", func(w *world) { w.ninety(70, 60, 60) }, "", ""},
	{"renewal_overdue", "another lifetime, 200 days to 47", func(w *world) {
		w.lasting(200, 34, 100, 100)
		show(w.shown, leafOf("R11", "now", 34.5, 47))
		show(w.second, leafOf("R11", "now", 34.5, 47))
	}, "", ""},
	{"renewal_overdue", "another lifetime, 90 days to 200", func(w *world) {
		w.ninety(66, 60, 60)
		show(w.shown, leafOf("R11", "now", 150, 200))
		show(w.second, leafOf("R11", "now", 150, 200))
	}, "", ""},
	{"renewal_overdue", "another authority", func(w *world) {
		w.ninety(66, 60, 60)
		w.shown.Chain[0].Issuer, w.second.Chain[0].Issuer = "Contoso CA 2", "Contoso CA 2"
	}, "", ""},
	{"renewal_overdue", "another issuing certificate of the authority", func(w *world) {
		w.ninety(66, 60, 60)
		for i := range w.path.Renewals {
			w.path.Renewals[i].Old.Issuer = "Contoso CA 1"
		}
		w.shown.Chain[0].Issuer, w.second.Chain[0].Issuer = "Contoso CA 2", "Contoso CA 2"
	}, "warning", firstServer},
	{"renewal_overdue", "learned at an address that DNS no longer names", func(w *world) {
		w.ninety(66, 60, 60)
		for i := range w.path.Renewals {
			w.path.Renewals[i].Address = "192.0.2.9"
		}
	}, "warning", secondServer},
	{"renewal_overdue", "learned at another host", func(w *world) {
		w.ninety(66, 60, 60)
		for i := range w.path.Renewals {
			w.path.Renewals[i].Host = "other.contoso.com"
		}
	}, "", ""},
	{"renewal_overdue", "two servers renewed on one occasion", func(w *world) {
		w.ninety(66, 60)
		again := w.path.Renewals[0]
		again.Address, again.At = secondServer, again.At.Add(day)
		w.path.Renewals = append(w.path.Renewals, again)
	}, "", ""},
	{"renewal_overdue", "servers behind one address showed the old one for longer", func(w *world) {
		w.ninety(66, 60, 60)
		w.path.Renewals[0].OldLastSeen = w.path.Renewals[0].At.Add(6 * day)
	}, "", ""},
	{"renewal_overdue", "another server has the renewed one", func(w *world) {
		w.lasting(200, 150, 133, 133)
		show(w.shown, leafOf("R11", "new", 16, 200))
		w.path.Renewals = append(w.path.Renewals, renewed(firstServer, leafOf("R11", "now", 150, 200), 134))
	}, "", ""},
	{"renewal_overdue", "recorded by an earlier version", func(w *world) {
		w.ninety(66, 60, 60)
		for i := range w.path.Renewals {
			w.path.Renewals[i].Old = check.Leaf{NotAfter: w.path.Renewals[i].Old.NotAfter}
		}
	}, "", ""},
	{"renewal_overdue", "Partner connector", func(w *world) { w.ninety(66, 60, 60); w.partner() }, "", ""},
	{"renewal_overdue", "a smart host of Exchange Online", func(w *world) {
		w.ninety(66, 60, 60)
		w.ExchangeHosts = []string{"*.contoso.com"}
	}, "", ""},
	{"renewal_overdue", "renewed on the last day by habit", func(w *world) { w.lasting(900, 720, 500, 880) }, "", ""},
	{"renewal_overdue", "a lifetime that no duration can hold", func(w *world) {
		begin := time.Date(1700, 1, 1, 0, 0, 0, 0, time.UTC)
		l := check.Leaf{Fingerprint: "now", Issuer: "R11", NotBefore: begin, NotAfter: begin.AddDate(8000, 0, 0)}
		show(w.shown, l)
		show(w.second, l)
		l.Fingerprint = "old"
		for _, years := range []int{200, 300} {
			w.path.Renewals = append(w.path.Renewals, check.Renewal{Host: mailHost, At: begin.AddDate(years, 0, 0), Old: l})
		}
	}, "", ""},
	{"renewal_overdue", "a sender's", func(w *world) {
		w.clientOf("R11", 66, 90)
		w.inPath.Renewals = clientRenewals()
	}, "warning", "the sender edge-1"},
	{"renewal_overdue", "an assumed sender's", func(w *world) {
		w.sender.Assumed = true
		w.clientOf("R11", 66, 90)
		w.inPath.Renewals = clientRenewals()
	}, "", ""},
	{"renewal_overdue", "a sender's that its connector does not require", func(w *world) {
		w.clientOf("R11", 66, 90)
		w.inPath.Renewals = clientRenewals()
		w.in.TLSSenderCertificateName = ""
	}, "", ""},
	{"renewal_overdue", "Exchange Online's", func(w *world) {
		show(w.exchange, leafOf("R11", "x", 66, 90))
		host := w.inPath.Endpoints[0].Host
		for _, r := range clientRenewals() {
			r.Host = host
			w.inPath.Renewals = append(w.inPath.Renewals, r)
		}
	}, "", ""},
	{
		"renewal_incomplete", "for two days", func(w *world) { w.halfRenewed(2) },
		"warning", secondServer + "): still shows",
	},
	{"renewal_incomplete", "for hours", func(w *world) { w.halfRenewed(.9) }, "", ""},
	{"renewal_incomplete", "not seen since", func(w *world) {
		w.halfRenewed(2)
		w.path.Endpoints[1].CertificateSeen = noon.Add(-30 * time.Hour)
	}, "", ""},
	{"renewal_incomplete", "certificates of their own", func(w *world) {
		w.halfRenewed(2)
		w.second.Chain[0].Fingerprint = "own"
	}, "", ""},
	{"renewal_incomplete", "put back on the first", func(w *world) {
		w.halfRenewed(2)
		show(w.shown, check.LeafOf(w.second.Chain[0]))
	}, "", ""},
	{"renewal_incomplete", "the renewed server has left", func(w *world) {
		w.halfRenewed(2)
		w.path.Endpoints = w.path.Endpoints[1:]
	}, "", ""},
	{"renewal_incomplete", "of two hosts", func(w *world) {
		w.halfRenewed(2)
		w.path.Endpoints[1].Host = "mail2.contoso.com"
	}, "", ""},
	{"renewal_incomplete", "Partner connector", func(w *world) { w.halfRenewed(2); w.partner() }, "", ""},
	{
		"certificate_differs_between_addresses", "one is being renewed, by another issuer", func(w *world) {
			w.halfRenewed(.9)
		}, "warning", secondServer,
	},
	{
		"certificate_differs_between_addresses", "renewal_incomplete explains it",
		func(w *world) { w.halfRenewed(2) }, "", "",
	},
	{"certificate_differs_between_addresses", "renewal_incomplete is off", func(w *world) {
		w.halfRenewed(2)
		w.Severity = func(_, code string) (check.Severity, bool) { return check.Off, code == "renewal_incomplete" }
	}, "warning", secondServer},
	{"certificate_differs_between_addresses", "renewal_incomplete explains one of three", func(w *world) {
		w.halfRenewed(2)
		third := certificate("other.contoso.com")
		w.path.Endpoints = append(w.path.Endpoints, check.Endpoint{Host: mailHost, Address: "192.0.2.3", TLS: third})
	}, "warning", "192.0.2.3"},
	{"certificate_expires_soon", "renewal_incomplete explains it", func(w *world) {
		w.halfRenewed(2)
		w.second.Chain[0].NotAfter = noon.Add(20 * day)
		w.path.Renewals[0].Old.NotAfter = noon.Add(20 * day)
	}, "", ""},
	{"certificate_expires_soon", "the renewed one too", func(w *world) {
		w.halfRenewed(2)
		w.second.Chain[0].NotAfter = noon.Add(20 * day)
		w.shown.Chain[0].NotBefore, w.shown.Chain[0].NotAfter = noon.Add(-90*day), noon.Add(21*day)
	}, "warning", firstServer},
	{"certificate_expires_soon", "within the critical days, and not renewed on all", func(w *world) {
		w.halfRenewed(2)
		w.second.Chain[0].NotAfter = noon.Add(5 * day)
	}, "critical", secondServer},
	{
		"renewal_loses_usage", "Let's Encrypt", func(w *world) { w.clientOf("R11", 10, 90) },
		"warning uncertain", "Let's Encrypt issues certificates with it only before 2026-07-08",
	},
	{
		"renewal_loses_usage", "Generation Y", func(w *world) { w.clientOf("YR1", 10, 90) },
		"warning uncertain", "",
	},
	{
		"renewal_loses_usage", "DigiCert, due after the date", func(w *world) { w.clientOf("Thawte TLS RSA CA G1", 20, 199) },
		"warning uncertain", "2027-03-01",
	},
	{
		"renewal_loses_usage", "DigiCert, due before",
		func(w *world) { w.clientOf("Thawte TLS RSA CA G1", 60, 199) }, "", "",
	},
	{"renewal_loses_usage", "DigiCert, renewed late by habit", func(w *world) {
		w.clientOf("Thawte TLS RSA CA G1", 60, 199)
		old := leafOf("Thawte TLS RSA CA G1", "1", 250, 199)
		older := leafOf("Thawte TLS RSA CA G1", "2", 440, 199)
		w.inPath.Renewals = []check.Renewal{
			{At: older.NotBefore.Add(190 * day), Old: older}, {At: old.NotBefore.Add(190 * day), Old: old},
		}
	}, "warning uncertain", ""},
	{"renewal_loses_usage", "the date has passed, and so has the usual day of renewal", func(w *world) {
		w.clientOf("WR1", 350, 398)
		one, two := leafOf("WR1", "1", 750, 398), leafOf("WR1", "2", 550, 398)
		w.inPath.Renewals = []check.Renewal{
			{At: one.NotBefore.Add(199 * day), Old: one}, {At: two.NotBefore.Add(199 * day), Old: two},
		}
	}, "warning uncertain", "Google"},
	{"renewal_loses_usage", "it lacks the usage already", func(w *world) {
		w.clientOf("R11", 10, 90)
		w.client.Chain[0].ClientAuth = false
	}, "", ""},
	{"renewal_loses_usage", "an unknown authority", func(w *world) { w.clientOf("Contoso CA", 10, 90) }, "", ""},
	{"renewal_loses_usage", "an own authority of that name", func(w *world) { w.clientOf("R11", 10, 3650) }, "", ""},
	{"renewal_loses_usage", "not trusted", func(w *world) {
		w.clientOf("R11", 10, 90)
		fails(w.client, probes.VerdictTrust, probes.ReasonCertificateUntrusted)
	}, "", ""},
	{"renewal_loses_usage", "not required", func(w *world) {
		w.clientOf("R11", 10, 90)
		w.in.TLSSenderCertificateName = ""
	}, "", ""},
	{"renewal_loses_usage", "a server's", func(w *world) { w.ninety(10) }, "", ""},
}

// clientRenewals are two renewals of a sender's certificate of 90 days, each after 60.
func clientRenewals() []check.Renewal {
	one, two := leafOf("R11", "1", 186, 90), leafOf("R11", "2", 126, 90)
	return []check.Renewal{{At: one.NotBefore.Add(60 * day), Old: one}, {At: two.NotBefore.Add(60 * day), Old: two}}
}
