package check_test

import (
	"net/netip"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

const (
	yes = mailflow.Yes
	no  = mailflow.No
)

// fails makes a verdict fail on a certificate.
func fails(t *probes.TLS, v probes.Verdict, reason probes.Reason) {
	t.Verdicts[v] = probes.Judgement{Outcome: probes.Failed, Reason: reason, Detail: "test detail"}
}

var certificateCases = []testCase{
	{
		"certificate_expired", "leaf",
		func(w *world) { w.shown.Chain[0].NotAfter = noon.Add(-day) },
		"critical", "mail.contoso.com (192.0.2.1): the certificate for mail.contoso.com (serial 0a) expired on 2026-11-23",
	},
	{
		"certificate_expired", "issuer certificate",
		func(w *world) { w.shown.ChainNotAfter = noon.Add(-day) },
		"critical", "issuer certificate expired",
	},
	{
		"certificate_expired", "issuer certificate, named",
		func(w *world) {
			w.shown.ChainNotAfter = noon.Add(-day)
			fails(w.shown, probes.VerdictTrust, probes.ReasonCertificateExpired)
		},
		"critical", "test detail",
	},
	{
		"certificate_expired", "not required",
		func(w *world) { w.tls(mailflow.EncryptionOnly); w.shown.Chain[0].NotAfter = noon.Add(-day) },
		"warning", "",
	},
	{
		"certificate_expired", "client certificate",
		func(w *world) { w.client.Chain[0].NotAfter = noon.Add(-day) },
		"critical", "the sender edge-1",
	},
	{"certificate_expired", "client certificate of a sender sender known by address", func(w *world) {
		c := w.client
		w.byAddress()
		w.inPath.Client, c.Chain[0].NotAfter = c, noon.Add(-day)
	}, "warning", ""},
	{
		"certificate_expired", "Exchange Online's certificate",
		func(w *world) { w.exchange.Chain[0].NotAfter = noon.Add(-day) },
		"warning", "",
	},
	{"certificate_expired", "ends today", func(w *world) { w.shown.Chain[0].NotAfter = noon.Add(1) }, "", ""},
	{
		"certificate_not_yet_valid", "leaf",
		func(w *world) { w.shown.Chain[0].NotBefore = noon.Add(day) },
		"critical", "valid from 2026-11-25",
	},
	{
		"certificate_not_yet_valid", "issuer certificate",
		func(w *world) { w.shown.ChainNotBefore = noon.Add(day) },
		"critical", "issuer certificate",
	},
	{"certificate_not_yet_valid", "from now on", func(w *world) { w.shown.Chain[0].NotBefore = noon }, "", ""},
	{
		"certificate_expires_soon", "within the critical days",
		func(w *world) { w.shown.Chain[0].NotAfter = noon.Add(6 * day) },
		"critical", "valid until 2026-11-30",
	},
	{
		"certificate_expires_soon", "within the warning days",
		func(w *world) { w.shown.Chain[0].NotAfter = noon.Add(8 * day) },
		"warning", "",
	},
	{
		"certificate_expires_soon", "within the critical days, not required",
		func(w *world) { w.partner(); w.shown.Chain[0].NotAfter = noon.Add(6 * day) },
		"warning", "",
	},
	{
		"certificate_expires_soon", "issuer certificate, by days alone",
		func(w *world) { w.shown.ChainNotAfter = noon.Add(6 * day) },
		"critical", "issuer certificate",
	},
	{
		"certificate_expires_soon", "client certificate",
		func(w *world) { w.client.Chain[0].NotAfter = noon.Add(6 * day) },
		"critical", "the sender edge-1",
	},
	{
		"certificate_expires_soon", "one-week certificate on its first day",
		func(w *world) { w.shown.Chain[0].NotBefore, w.shown.Chain[0].NotAfter = noon, noon.Add(6*day) },
		"", "",
	},
	{"certificate_expires_soon", "small share of a long lifetime left", func(w *world) {
		w.shown.Chain[0].NotBefore, w.shown.Chain[0].NotAfter = noon.Add(-1000*day), noon.Add(31*day)
	}, "", ""},
	{
		"certificate_expires_soon", "Exchange Online's certificate",
		func(w *world) { w.exchange.Chain[0].NotAfter = noon.Add(day) },
		"", "",
	},
	{
		"certificate_untrusted", "required",
		func(w *world) { fails(w.shown, probes.VerdictTrust, probes.ReasonCertificateUntrusted) },
		"critical", "test detail",
	},
	{"certificate_untrusted", "own servers, EncryptionOnly", func(w *world) {
		w.tls(mailflow.EncryptionOnly)
		fails(w.shown, probes.VerdictTrust, probes.ReasonCertificateUntrusted)
	}, "info", ""},
	{
		"certificate_untrusted", "client certificate",
		func(w *world) { fails(w.client, probes.VerdictTrust, probes.ReasonCertificateUntrusted) },
		"critical", "",
	},
	{
		"certificate_untrusted", "Partner connector, not required",
		func(w *world) { w.partner(); fails(w.shown, probes.VerdictTrust, probes.ReasonCertificateUntrusted) },
		"", "",
	},
	{
		"certificate_untrusted", "because one issuer certificate expired",
		func(w *world) { fails(w.shown, probes.VerdictTrust, probes.ReasonCertificateExpired) },
		"", "",
	},
	{
		"certificate_untrusted", "Exchange Online's certificate: this host lacks the root",
		func(w *world) { fails(w.exchange, probes.VerdictTrust, probes.ReasonCertificateUntrusted) },
		"", "",
	},
	{
		"certificate_chain_incomplete", "required",
		func(w *world) { fails(w.shown, probes.VerdictChain, probes.ReasonCertificateChainIncomplete) },
		"critical", "",
	},
	{"certificate_chain_incomplete", "Partner connector, not required", func(w *world) {
		w.partner()
		fails(w.shown, probes.VerdictChain, probes.ReasonCertificateChainIncomplete)
	}, "", ""},
	{
		"certificate_name_mismatch", "required",
		func(w *world) { fails(w.shown, probes.VerdictName, probes.ReasonCertificateNameMismatch) },
		"critical", "",
	},
	{"certificate_name_mismatch", "CertificateValidation does not check the name", func(w *world) {
		w.tls(mailflow.CertificateValidation)
		fails(w.shown, probes.VerdictName, probes.ReasonCertificateNameMismatch)
	}, "info", ""},
	{
		"certificate_name_mismatch", "Partner connector, not required",
		func(w *world) { w.partner(); fails(w.shown, probes.VerdictName, probes.ReasonCertificateNameMismatch) },
		"", "",
	},
	{
		"certificate_revoked", "required",
		func(w *world) { fails(w.shown, probes.VerdictRevocation, probes.ReasonCertificateRevoked) },
		"critical", "",
	},
	{
		"certificate_revoked", "Partner connector, not required",
		func(w *world) { w.partner(); fails(w.shown, probes.VerdictRevocation, probes.ReasonCertificateRevoked) },
		"", "",
	},
}

var servedCases = []testCase{
	{
		"certificate_served_differs_from_file", "renewed on disk alone",
		func(w *world) { w.fromFile("new", "mail.contoso.com") },
		"warning", "mail.contoso.com (192.0.2.1) shows the certificate for mail.contoso.com",
	},
	{
		"certificate_served_differs_from_file", "the same",
		func(w *world) { w.fromFile("", "mail.contoso.com") },
		"", "",
	},
	{
		"certificate_served_differs_from_file", "of another name",
		func(w *world) { w.fromFile("new", "edge.contoso.com") },
		"", "",
	},
	{"certificate_served_differs_from_file", "another server", func(w *world) {
		w.fromFile("new", "mail.contoso.com")
		w.sender.Addresses = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/28"), netip.MustParsePrefix("192.0.2.9/32")}
	}, "", ""},
}

// fromFile has the sender's certificate in a file, at the address of the first smart host.
func (w *world) fromFile(fingerprint, name string) {
	w.sender.Certificate.File = "edge-1.pem"
	w.sender.Addresses = []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}
	leaf := w.client.Chain[0]
	leaf.Fingerprint, leaf.CommonName, leaf.DNSNames = fingerprint, name, []string{name}
}
