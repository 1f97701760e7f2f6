package check_test

import (
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

var tlsCases = []testCase{
	{"certificate_weak_key", "short", func(w *world) { fails(w.shown, probes.VerdictKey, "") }, "warning", ""},
	{
		"certificate_weak_key", "Exchange Online's certificate",
		func(w *world) { fails(w.exchange, probes.VerdictKey, "") },
		"", "",
	},
	{
		"certificate_weak_signature", "broken",
		func(w *world) { fails(w.client, probes.VerdictSignature, "") },
		"warning", "the sender edge-1",
	},
	{
		"certificate_weak_signature", "not judged",
		func(w *world) { w.shown.Verdicts[probes.VerdictSignature] = probes.Judgement{} },
		"", "",
	},
	{
		"tls_version_old", "TLS 1.0",
		func(w *world) { w.shown.OldVersion, w.shown.Version = true, "TLS 1.0" },
		"warning", "selected TLS 1.0",
	},
	{"tls_version_old", "TLS 1.2", func(w *world) { w.shown.Version = "TLS 1.2" }, "", ""},
	{
		"certificate_differs_between_addresses", "another name",
		func(w *world) { w.second.Chain[0].DNSNames = []string{"old.contoso.com"} },
		"warning", "192.0.2.2",
	},
	{
		"certificate_differs_between_addresses", "another issuer",
		func(w *world) { w.second.Chain[0].Issuer = "Other CA" },
		"warning", "Other CA",
	},
	{
		"certificate_differs_between_addresses", "renewed on one of them",
		func(w *world) { w.second.Chain[0].NotAfter = noon.Add(20 * day) },
		"warning", "",
	},
	{
		"certificate_differs_between_addresses", "one each, of one kind",
		func(w *world) { w.second.Chain[0].Serial, w.second.Chain[0].NotAfter = "0b", noon.Add(200*day) },
		"", "",
	},
	{"certificate_differs_between_addresses", "of two hosts", func(w *world) {
		w.path.Endpoints[1].Host, w.second.Chain[0].DNSNames = "mail2.contoso.com", []string{"mail2.contoso.com"}
	}, "", ""},
	{
		"certificate_differs_between_addresses", "Partner connector",
		func(w *world) { w.partner(); w.second.Chain[0].Issuer = "Other CA" },
		"", "",
	},
	{
		"starttls_not_offered", "required",
		func(w *world) { w.step(probes.TLSStage, probes.ReasonSTARTTLSNotOffered) },
		"critical", "requires TLS",
	},
	{
		"starttls_not_offered", "not required",
		func(w *world) { w.tls(mailflow.Opportunistic); w.path.Conclusive.Endpoints[0].TLS = nil },
		"warning", "does not require",
	},
	{
		"starttls_not_offered", "refused",
		func(w *world) { w.step(probes.TLSStage, probes.ReasonSTARTTLSRejected) },
		"", "",
	},
	{"starttls_not_offered", "offered, not required", func(w *world) { w.tls(mailflow.Opportunistic) }, "", ""},
	{
		"starttls_not_offered", "offered, but refused",
		func(w *world) { w.clearText(probes.EvidenceSTARTTLSRefused) },
		"", "",
	},
	{
		"starttls_broken", "refused",
		func(w *world) { w.clearText(probes.EvidenceSTARTTLSRefused) },
		"warning", "sent in clear text",
	},
	{
		"starttls_broken", "handshake broken",
		func(w *world) {
			w.clearText(probes.EvidenceHandshakeBroken)
			w.path.Conclusive.Endpoints[0].Steps[probes.TLSStage].Uncertain = "not documented"
		},
		"warning uncertain", "sent in clear text",
	},
	{
		"starttls_broken", "not offered",
		func(w *world) { w.tls(mailflow.Opportunistic); w.path.Conclusive.Endpoints[0].TLS = nil },
		"", "",
	},
	{
		"starttls_broken", "required: the stage fails",
		func(w *world) { w.step(probes.TLSStage, probes.ReasonTLSHandshake) },
		"", "",
	},
	{
		"starttls_injection", "injected",
		func(w *world) { w.step(probes.TLSStage, probes.ReasonSTARTTLSInjection) },
		"critical", "",
	},
	{
		"starttls_injection", "garbled before",
		func(w *world) { w.step(probes.EHLO, probes.ReasonReplyMalformed) },
		"", "",
	},
	{
		"client_auth_eku_missing", "missing",
		func(w *world) { fails(w.client, probes.VerdictClientAuth, "") },
		"info uncertain", "",
	},
	{
		"client_auth_eku_missing", "a server's",
		func(w *world) { fails(w.shown, probes.VerdictClientAuth, "") },
		"", "",
	},
	{
		"server_auth_eku_missing", "a client's certificate on a server",
		func(w *world) { w.shown.Chain[0].ServerAuth = false },
		"warning uncertain", "lacks the extended key usage serverAuth",
	},
	{"server_auth_eku_missing", "a sender's", func(w *world) { w.client.Chain[0].ServerAuth = false }, "", ""},
	{"server_auth_eku_missing", "Exchange Online's", func(w *world) { w.exchange.Chain[0].ServerAuth = false }, "", ""},
	{"server_auth_eku_missing", "without extended key usages", func(*world) {}, "", ""},
}

// clearText makes the first endpoint one whose session went on in clear text.
func (w *world) clearText(seen probes.Evidence) {
	w.tls(mailflow.Opportunistic)
	e := &w.path.Conclusive.Endpoints[0]
	e.TLS = nil
	e.Steps[probes.TLSStage] = probes.NewStep("", "STARTTLS failed; sent in clear text")
	e.Steps[probes.TLSStage].Evidence = seen
}
