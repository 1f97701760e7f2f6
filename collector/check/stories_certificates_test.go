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
	t.Verdicts[v] = probes.Judgement{Outcome: probes.Failed, Reason: reason, Detail: "as the test has it"}
}

var certificateStories = []story{
	{"certificate_expired", "leaf", func(w *world) { w.shown.Chain[0].NotAfter = noon.Add(-day) }, "critical", "mail.contoso.com (192.0.2.1): the certificate for mail.contoso.com (serial 0a) expired on 2026-11-23"},
	{"certificate_expired", "above the leaf", func(w *world) { w.shown.ChainNotAfter = noon.Add(-day) }, "critical", "above it expired"},
	{"certificate_expired", "nobody demands it", func(w *world) { w.tls(mailflow.EncryptionOnly); w.shown.Chain[0].NotAfter = noon.Add(-day) }, "warning", ""},
	{"certificate_expired", "what the sender presents", func(w *world) { w.client.Chain[0].NotAfter = noon.Add(-day) }, "critical", "the sender edge-1"},
	{"certificate_expired", "presented where an address counts", func(w *world) {
		c := w.client
		w.byAddress()
		w.inPath.Client, c.Chain[0].NotAfter = c, noon.Add(-day)
	}, "warning", ""},
	{"certificate_expired", "Exchange Online's", func(w *world) { w.exchange.Chain[0].NotAfter = noon.Add(-day) }, "warning", ""},
	{"certificate_expired", "ends today", func(w *world) { w.shown.Chain[0].NotAfter = noon.Add(1) }, "", ""},
	{"certificate_not_yet_valid", "leaf", func(w *world) { w.shown.Chain[0].NotBefore = noon.Add(day) }, "critical", "valid from 2026-11-25"},
	{"certificate_not_yet_valid", "above the leaf", func(w *world) { w.shown.ChainNotBefore = noon.Add(day) }, "critical", "above it"},
	{"certificate_not_yet_valid", "from now on", func(w *world) { w.shown.Chain[0].NotBefore = noon }, "", ""},
	{"certificate_expires_soon", "within the critical days", func(w *world) { w.shown.Chain[0].NotAfter = noon.Add(6 * day) }, "critical", "valid until 2026-11-30"},
	{"certificate_expires_soon", "within the warning days", func(w *world) { w.shown.Chain[0].NotAfter = noon.Add(8 * day) }, "warning", ""},
	{"certificate_expires_soon", "within the critical days, nobody demands it", func(w *world) { w.partner(); w.shown.Chain[0].NotAfter = noon.Add(6 * day) }, "warning", ""},
	{"certificate_expires_soon", "above the leaf, by days alone", func(w *world) { w.shown.ChainNotAfter = noon.Add(6 * day) }, "critical", "above it"},
	{"certificate_expires_soon", "what the sender presents", func(w *world) { w.client.Chain[0].NotAfter = noon.Add(6 * day) }, "critical", "the sender edge-1"},
	{"certificate_expires_soon", "made for a week", func(w *world) { w.shown.Chain[0].NotBefore, w.shown.Chain[0].NotAfter = noon, noon.Add(6*day) }, "", ""},
	{"certificate_expires_soon", "little of its lifetime left, and that is long", func(w *world) {
		w.shown.Chain[0].NotBefore, w.shown.Chain[0].NotAfter = noon.Add(-1000*day), noon.Add(31*day)
	}, "", ""},
	{"certificate_expires_soon", "Exchange Online's is Microsoft's to renew", func(w *world) { w.exchange.Chain[0].NotAfter = noon.Add(day) }, "", ""},
	{"certificate_untrusted", "demanded", func(w *world) { fails(w.shown, probes.VerdictTrust, probes.ReasonCertificateUntrusted) }, "critical", "as the test has it"},
	{"certificate_untrusted", "own servers, encryption alone", func(w *world) {
		w.tls(mailflow.EncryptionOnly)
		fails(w.shown, probes.VerdictTrust, probes.ReasonCertificateUntrusted)
	}, "info", ""},
	{"certificate_untrusted", "what the sender presents", func(w *world) { fails(w.client, probes.VerdictTrust, probes.ReasonCertificateUntrusted) }, "critical", ""},
	{"certificate_untrusted", "a partner's, not demanded", func(w *world) { w.partner(); fails(w.shown, probes.VerdictTrust, probes.ReasonCertificateUntrusted) }, "", ""},
	{"certificate_untrusted", "because one above it expired", func(w *world) { fails(w.shown, probes.VerdictTrust, probes.ReasonCertificateExpired) }, "", ""},
	{"certificate_untrusted", "Exchange Online's: our roots are at fault", func(w *world) { fails(w.exchange, probes.VerdictTrust, probes.ReasonCertificateUntrusted) }, "", ""},
	{"certificate_chain_incomplete", "demanded", func(w *world) { fails(w.shown, probes.VerdictChain, probes.ReasonCertificateChainIncomplete) }, "critical", ""},
	{"certificate_chain_incomplete", "a partner's, not demanded", func(w *world) {
		w.partner()
		fails(w.shown, probes.VerdictChain, probes.ReasonCertificateChainIncomplete)
	}, "", ""},
	{"certificate_name_mismatch", "demanded", func(w *world) { fails(w.shown, probes.VerdictName, probes.ReasonCertificateNameMismatch) }, "critical", ""},
	{"certificate_name_mismatch", "a valid certificate is demanded, no name", func(w *world) {
		w.tls(mailflow.CertificateValidation)
		fails(w.shown, probes.VerdictName, probes.ReasonCertificateNameMismatch)
	}, "info", ""},
	{"certificate_name_mismatch", "a partner's, not demanded", func(w *world) { w.partner(); fails(w.shown, probes.VerdictName, probes.ReasonCertificateNameMismatch) }, "", ""},
	{"certificate_revoked", "demanded", func(w *world) { fails(w.shown, probes.VerdictRevocation, probes.ReasonCertificateRevoked) }, "critical", ""},
	{"certificate_revoked", "a partner's, not demanded", func(w *world) { w.partner(); fails(w.shown, probes.VerdictRevocation, probes.ReasonCertificateRevoked) }, "", ""},
}

var servedStories = []story{
	{"certificate_served_differs_from_file", "renewed on disk alone", func(w *world) { w.fromFile("new", "mail.contoso.com") }, "warning", "mail.contoso.com (192.0.2.1) shows the certificate for mail.contoso.com"},
	{"certificate_served_differs_from_file", "the same", func(w *world) { w.fromFile("", "mail.contoso.com") }, "", ""},
	{"certificate_served_differs_from_file", "of another name", func(w *world) { w.fromFile("new", "edge.contoso.com") }, "", ""},
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

var tlsStories = []story{
	{"certificate_weak_key", "short", func(w *world) { fails(w.shown, probes.VerdictKey, "") }, "warning", ""},
	{"certificate_weak_key", "Exchange Online's", func(w *world) { fails(w.exchange, probes.VerdictKey, "") }, "", ""},
	{"certificate_weak_signature", "broken", func(w *world) { fails(w.client, probes.VerdictSignature, "") }, "warning", "the sender edge-1"},
	{"certificate_weak_signature", "not judged", func(w *world) { w.shown.Verdicts[probes.VerdictSignature] = probes.Judgement{} }, "", ""},
	{"tls_version_old", "TLS 1.0", func(w *world) { w.shown.OldVersion, w.shown.Version = true, "TLS 1.0" }, "warning", "chose TLS 1.0"},
	{"tls_version_old", "TLS 1.2", func(w *world) { w.shown.Version = "TLS 1.2" }, "", ""},
	{"certificate_differs_between_addresses", "another name", func(w *world) { w.second.Chain[0].DNSNames = []string{"old.contoso.com"} }, "warning", "192.0.2.2"},
	{"certificate_differs_between_addresses", "another issuer", func(w *world) { w.second.Chain[0].Issuer = "Other CA" }, "warning", "Other CA"},
	{"certificate_differs_between_addresses", "renewed on one of them", func(w *world) { w.second.Chain[0].NotAfter = noon.Add(20 * day) }, "warning", ""},
	{"certificate_differs_between_addresses", "one each, of one kind", func(w *world) { w.second.Chain[0].Serial, w.second.Chain[0].NotAfter = "0b", noon.Add(200*day) }, "", ""},
	{"certificate_differs_between_addresses", "of two hosts", func(w *world) {
		w.path.Endpoints[1].Host, w.second.Chain[0].DNSNames = "mail2.contoso.com", []string{"mail2.contoso.com"}
	}, "", ""},
	{"certificate_differs_between_addresses", "a partner's", func(w *world) { w.partner(); w.second.Chain[0].Issuer = "Other CA" }, "", ""},
	{"starttls_not_offered", "demanded", func(w *world) { w.step(probes.TLSStage, probes.ReasonSTARTTLSNotOffered) }, "critical", "demands TLS"},
	{"starttls_not_offered", "not demanded", func(w *world) { w.tls(mailflow.Opportunistic); w.path.Conclusive.Endpoints[0].TLS = nil }, "warning", "does not demand"},
	{"starttls_not_offered", "refused", func(w *world) { w.step(probes.TLSStage, probes.ReasonSTARTTLSRejected) }, "", ""},
	{"starttls_not_offered", "offered, not demanded", func(w *world) { w.tls(mailflow.Opportunistic) }, "", ""},
	{"starttls_injection", "injected", func(w *world) { w.step(probes.TLSStage, probes.ReasonSTARTTLSInjection) }, "critical", ""},
	{"starttls_injection", "garbled before", func(w *world) { w.step(probes.EHLO, probes.ReasonReplyMalformed) }, "", ""},
	{"client_auth_eku_missing", "missing", func(w *world) { fails(w.client, probes.VerdictClientAuth, "") }, "info uncertain", ""},
	{"client_auth_eku_missing", "a server's", func(w *world) { fails(w.shown, probes.VerdictClientAuth, "") }, "", ""},
}

var acceptedStories = []story{
	{"certificate_domain_not_accepted", "a stranger's", func(w *world) { w.in.TLSSenderCertificateName = "relay.example.net"; w.presents("relay.example.net") }, "critical", "relay.example.net"},
	{"certificate_domain_not_accepted", "too deep", func(w *world) { w.in.TLSSenderCertificateName = "mail.eu.contoso.com" }, "critical", ""},
	{"certificate_domain_not_accepted", "right below, the wizard's", func(w *world) { w.in.TLSSenderCertificateName = "mail.contoso.com" }, "info uncertain", "KB 4019940"},
	{"certificate_domain_not_accepted", "right below, by hand", func(w *world) { w.in.TLSSenderCertificateName, w.in.Source = "mail.contoso.com", "Default" }, "warning uncertain", ""},
	{"certificate_domain_not_accepted", "a name of the certificate that the wildcard covers", func(w *world) { w.presents("edge.deep.contoso.com") }, "warning uncertain", "edge.deep.contoso.com"},
	{"certificate_domain_not_accepted", "right below, as the accepted wildcard asks", func(w *world) { w.in.Source = "Default" }, "", ""},
	{"certificate_domain_not_accepted", "accepted itself", func(w *world) { w.in.TLSSenderCertificateName = "contoso.com" }, "", ""},
	{"certificate_domain_not_accepted", "under MatchSubDomains", func(w *world) {
		w.tenant.AcceptedDomains[0].MatchSubDomains, w.in.TLSSenderCertificateName = yes, "mail.eu.contoso.com"
	}, "", ""},
	{"certificate_domain_not_accepted", "a partner's", func(w *world) { w.in.Type, w.in.TLSSenderCertificateName = mailflow.Partner, "relay.example.net" }, "", ""},
	{"certificate_domain_not_accepted", "no accepted domain is known", func(w *world) { w.tenant.AcceptedDomains = nil }, "", ""},
	{"certificate_names_not_accepted", "another domain in the SAN", func(w *world) { w.presents("edge.contoso.com edge.example.net") }, "info", "also for edge.example.net"},
	{"certificate_names_not_accepted", "accepted in the SAN", func(w *world) { w.presents("edge.contoso.com contoso.com") }, "", ""},
	{"presented_certificate_not_configured", "renewed with another name", func(w *world) { w.presents("edge.example.net") }, "critical", "the connector asks for *.contoso.com, the certificate bears edge.example.net"},
	{"presented_certificate_not_configured", "what the probe's facts show", func(w *world) {
		w.sender.ClientCertificate, w.client.Chain[0].CommonName, w.client.Chain[0].DNSNames = nil, "edge.example.net", nil
	}, "critical", "edge.example.net"},
	{"presented_certificate_not_configured", "assumed", func(w *world) { w.presents("edge.example.net"); w.sender.Assumed = true }, "warning", "assumed"},
	{"presented_certificate_not_configured", "not known", func(w *world) { w.sender.ClientCertificate, w.inPath.Client = nil, nil }, "", ""},
	{"presented_certificate_not_configured", "no name is asked for", func(w *world) { w.byAddress(); w.presents("edge.example.net") }, "", ""},
	{"sender_roots_incomplete", "worldwide", func(w *world) { w.inPath.MissingRoot = "DigiCert Global Root G2" }, "critical", "lack DigiCert Global Root G2"},
	{"sender_roots_incomplete", "another cloud", func(w *world) { w.inPath.MissingRoot, w.tenant.Cloud = "DigiCert Global Root G2", mailflow.China }, "", ""},
}

// shareAddress makes both tenants know their senders by overlapping addresses.
func shareAddress(w *world) {
	w.byAddress()
	w.other.Inbound[0].TLSSenderCertificateName, w.other.Inbound[0].SenderIPAddresses = "", []string{"198.51.100.0/25"}
	w.other.Senders[0].ClientCertificate = nil
	w.other.Senders[0].Addresses = []netip.Prefix{netip.MustParsePrefix("198.51.100.99/32")}
}

var sharedStories = []story{
	{"sender_address_shared_between_tenants", "overlapping ranges", shareAddress, "warning", "198.51.100.10 is shared with fabrikam"},
	{"sender_address_shared_between_tenants", "and the sender goes astray", func(w *world) {
		shareAddress(w)
		w.sender.MailFromDomains = []string{"fabrikam.com"}
	}, "critical", ""},
	{"sender_address_shared_between_tenants", "side by side", func(w *world) {
		shareAddress(w)
		w.other.Inbound[0].SenderIPAddresses = []string{"198.51.100.128/25"}
		w.other.Senders[0].Addresses = nil
	}, "", ""},
	{"sender_address_shared_between_tenants", "the other is turned off", func(w *world) { shareAddress(w); w.other.Inbound[0].Enabled = no }, "", ""},
	{"certificate_shared_between_tenants", "the same certificate", func(w *world) { w.other.Senders[0].ClientCertificate.Fingerprint = "contoso" }, "warning", "The certificate contoso of the sender edge-1 is shared with fabrikam, connector From on-premises."},
	{"certificate_shared_between_tenants", "one name covers the other", func(w *world) {
		w.in.TLSSenderCertificateName, w.other.Inbound[0].TLSSenderCertificateName = "*.msp.example", "gateway.msp.example"
	}, "warning", "*.msp.example is shared with fabrikam"},
	{"certificate_shared_between_tenants", "and the sender goes astray", func(w *world) {
		w.other.Senders[0].ClientCertificate.Fingerprint = "contoso"
		message(func(a *mailflow.Attribution) { a.Tenants = []string{"fabrikam"} })(w)
	}, "critical", ""},
	{"certificate_shared_between_tenants", "two of one authority", func(w *world) { w.other.Senders[0].ClientCertificate.Fingerprint = "contoso2" }, "", ""},
	{"send_connector_shared_between_tenants", "one organisation", func(w *world) { w.other.Senders[0].Organization = "contoso" }, "warning", "contoso/Outbound to Office 365"},
	{"send_connector_shared_between_tenants", "the wizard's default name in two organisations", func(*world) {}, "", ""},
	{"send_connector_shared_between_tenants", "the default name of an organisation", func(w *world) {
		w.sender.Organization, w.other.Senders[0].Organization = "First Organization", "First Organization"
	}, "", ""},
}

var printer = netip.MustParseAddr("198.51.100.10")

// message is one simulated message of the sender, relayed by its own tenant unless changed.
func message(change func(a *mailflow.Attribution)) func(w *world) {
	return func(w *world) {
		a := mailflow.Attribution{
			Message: mailflow.InboundMessage{Address: printer, MailFrom: "contoso.com"}, Tenants: []string{"contoso"}, Connector: "From on-premises", Basis: mailflow.BasisCertificate, Relay: true,
		}
		change(&a)
		w.foretold = []mailflow.Attribution{a}
	}
}

var attributionStories = []story{
	{"attribution_wrong_tenant", "by certificate", message(func(a *mailflow.Attribution) { a.Tenants = []string{"fabrikam"} }), "critical", "Mail from contoso.com, sent from 198.51.100.10 (without a certificate) is attributed to the tenant fabrikam by certificate"},
	{"attribution_wrong_tenant", "by a rule that is not documented", message(func(a *mailflow.Attribution) { a.Tenants, a.Uncertain = []string{"fabrikam"}, []string{"so it is"} }), "warning uncertain", ""},
	{"attribution_wrong_tenant", "simulated", func(w *world) { shareAddress(w); w.sender.MailFromDomains = []string{"fabrikam.com"} }, "critical", ""},
	{"attribution_wrong_tenant", "to nobody", message(func(a *mailflow.Attribution) { a.Tenants = nil }), "", ""},
	{"attribution_wrong_tenant", "a partner's mail", func(w *world) {
		w.in.Type = mailflow.Partner
		message(func(a *mailflow.Attribution) { a.Tenants = []string{"fabrikam"} })(w)
	}, "", ""},
	{"attribution_ambiguous", "two at once", message(func(a *mailflow.Attribution) { a.Tenants = []string{"contoso", "fabrikam"} }), "critical", "contoso, fabrikam"},
	{"attribution_ambiguous", "simulated", func(w *world) { w.other.AcceptedDomains[0].Name = "contoso.com"; shareAddress(w) }, "critical", ""},
	{"attribution_ambiguous", "one", message(func(*mailflow.Attribution) {}), "", ""},
	{"attribution_relay_denied", "refused", message(func(a *mailflow.Attribution) { a.Tenants, a.Relay, a.Reply = nil, false, "550 5.7.64" }), "critical", "predicted reply: 550 5.7.64"},
	{"attribution_relay_denied", "simulated", func(w *world) { w.byAddress(); w.sender.MailFromDomains = []string{"example.net"} }, "critical", "550 5.7.64"},
	{"attribution_relay_denied", "nothing is known of the sender", func(w *world) { w.byAddress(); w.sender.Addresses = nil }, "", ""},
	{"attribution_relay_denied", "internal senders", func(w *world) {
		w.byAddress()
		w.sender.MailFromDomains, w.sender.Relays = []string{"example.net"}, "internal"
	}, "", ""},
	{"attribution_relay_denied", "a certificate relays for strangers", func(w *world) { w.sender.MailFromDomains = []string{"example.net"} }, "", ""},
	{"null_sender_relay_denied", "by MAIL FROM alone", func(w *world) { w.in.TLSSenderCertificateName = "relay.example.net"; w.presents("relay.example.net") }, "warning", "null sender"},
	{"null_sender_relay_denied", "known by address", func(w *world) { w.byAddress() }, "", ""},
	{"null_sender_relay_denied", "internal", func(w *world) {
		w.in.TLSSenderCertificateName, w.sender.Relays = "relay.example.net", "internal"
		w.presents("relay.example.net")
	}, "", ""},
	{"attribution_fragile", "a certificate that no accepted domain covers", func(w *world) { w.in.TLSSenderCertificateName = "relay.example.net"; w.presents("relay.example.net") }, "warning", "mail_from"},
	{"attribution_fragile", "a shared address", shareAddress, "warning", "198.51.100.10 is also in 198.51.100.0/25"},
	{"attribution_fragile", "an address of its own", func(w *world) { w.byAddress() }, "", ""},
}
