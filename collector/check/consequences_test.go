package check_test

import (
	"testing"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// refused is a message that is not relayed to the internet.
var refused = message(func(a *mailflow.Attribution) { a.Tenants, a.Relay, a.Reply = nil, false, "550 5.7.64" })

// nullRefused refuses a message, and one with the null sender.
func nullRefused(w *world) {
	w.attributions = []mailflow.Attribution{
		{Message: mailflow.InboundMessage{Address: printer}, Basis: mailflow.BasisNone},
		{Message: mailflow.InboundMessage{Address: printer, MailFrom: "contoso.com"}, Basis: mailflow.BasisNone},
	}
}

var consequenceCases = []struct {
	cause, consequence string
	change             func(w *world)
}{
	{
		"certificate_expired", "attribution_relay_denied",
		func(w *world) { w.client.Chain[0].NotAfter = noon.Add(-day); refused(w) },
	},
	{"certificate_expired", "certificate_untrusted", func(w *world) {
		w.shown.Chain[0].NotAfter = noon.Add(-day)
		fails(w.shown, probes.VerdictTrust, probes.ReasonCertificateUntrusted)
	}},
	{"certificate_chain_incomplete", "attribution_relay_denied", func(w *world) {
		fails(w.client, probes.VerdictChain, probes.ReasonCertificateChainIncomplete)
		refused(w)
	}},
	{
		"presented_certificate_not_configured", "attribution_relay_denied",
		func(w *world) { w.presents("edge.example.net"); refused(w) },
	},
	{
		"presented_certificate_not_configured", "certificate_names_not_accepted",
		func(w *world) { w.presents("edge.example.net") },
	},
	{"no_authentication", "attribution_relay_denied", func(w *world) { w.in.TLSSenderCertificateName = "" }},
	{"attribution_relay_denied", "null_sender_relay_denied", nullRefused},
	{
		"certificate_name_too_broad", "certificate_domain_not_accepted",
		func(w *world) { w.in.TLSSenderCertificateName = "*.co.uk" },
	},
	{"restriction_without_list", "partner_lockout", func(w *world) { lock(w); w.in.SenderIPAddresses = nil }},
	{
		"tls_domain_missing", "certificate_name_mismatch",
		func(w *world) { w.out.TLSDomain = ""; fails(w.shown, probes.VerdictName, "") },
	},
	{
		"smart_hosts_missing", "connector_not_probeable",
		func(w *world) { w.out.SmartHosts, w.path.NotProbeable = nil, "no smart host" },
	},
	{
		"connector_not_validated", "connector_validation_stale",
		func(w *world) { w.out.IsValidated, w.out.LastValidation = no, noon.Add(-91*day); unproven(w) },
	},
	{
		"vantage_blocked", "connector_not_validated",
		func(w *world) { w.VantageBlocked, w.out.IsValidated = true, no; unproven(w) },
	},
	{"treat_as_internal_conflict", "treat_as_internal", func(w *world) {
		internalByAddress(w)
		w.in.CloudServicesMailEnabled, w.out.CloudServicesMailEnabled = yes, yes
	}},
	{"restriction_without_list", "enhanced_filtering_off", func(w *world) {
		lock(w)
		gateway(w)
		w.in.SenderIPAddresses, w.in.EFSkipLastIP = nil, no
	}},
	{"accepted_domain_in_two_tenants", "attribution_ambiguous", func(w *world) {
		w.other.AcceptedDomains[0].Name = "contoso.com"
		shareAddress(w)
	}},
	{"sender_address_shared_between_tenants", "attribution_fragile", shareAddress},
	{
		"tenant_not_loaded", "accepted_domains_unknown",
		func(w *world) { w.tenant.LoadError, w.tenant.AcceptedDomains = "broken", nil },
	},
}

// A consequence is not reported beside its cause, unless it was found before.
func TestCausesHideTheirConsequences(t *testing.T) {
	for _, c := range consequenceCases {
		w := newWorld()
		c.change(w)
		if found := codesOf(w.run()); !found[c.cause] || found[c.consequence] {
			t.Errorf("%s and %s: found %v", c.cause, c.consequence, found)
		}
		w.FirstSeen = map[check.Key]time.Time{}
		for _, s := range []check.Subject{
			{Tenant: "contoso"},
			{Tenant: "contoso", Direction: mailflow.Outbound, Connector: "To on-premises"},
			{Tenant: "contoso", Direction: mailflow.Inbound, Connector: "From on-premises"},
			check.Subject(w.path.ID), check.Subject(w.inPath.ID),
		} {
			w.FirstSeen[check.Key{Code: c.consequence, Subject: s}] = noon.Add(-time.Hour)
		}
		if found := codesOf(w.run()); !found[c.cause] || !found[c.consequence] {
			t.Errorf("%s stood before %s: found %v", c.consequence, c.cause, found)
		}
	}
}

// An expired certificate that the connector does not require does not hide refused mail.
func TestACauseHidesNothingMoreSevere(t *testing.T) {
	w := newWorld()
	w.client.Chain[0].NotAfter = noon.Add(-day)
	w.sender.MailFromDomains = []string{"example.net"}
	client := w.client
	w.byAddress()
	w.inPath.Client = client
	if found := codesOf(w.run()); !found["certificate_expired"] || !found["attribution_relay_denied"] {
		t.Errorf("found %v", found)
	}
}

func codesOf(findings []check.Finding) map[string]bool {
	codes := map[string]bool{}
	for _, f := range findings {
		if f.Tenant != "fabrikam" {
			codes[f.Code] = true
		}
	}
	return codes
}
