package check_test

import (
	"fmt"
	"slices"
	"time"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// unproven leaves the path without a round that reached recipient.
func unproven(w *world) { w.path.Conclusive.Until = probes.TLSStage }

var statusCases = []testCase{
	{"connector_disabled", "off", func(w *world) { w.out.Enabled = no }, "info", ""},
	{"connector_disabled", "inbound", func(w *world) { w.in.Enabled = no }, "info", ""},
	{
		"connector_disabled", "unknown: enabled by default",
		func(w *world) { w.out.Enabled = mailflow.Unknown },
		"", "",
	},
	{"connector_in_test_mode", "test", func(w *world) { w.out.TestMode = yes }, "warning", ""},
	{"connector_in_test_mode", "disabled too", func(w *world) { w.out.TestMode, w.out.Enabled = yes, no }, "", ""},
	{
		"connector_type_unknown", "missing",
		func(w *world) { w.in.Type = "" },
		"warning", "ConnectorType is not known.",
	},
	{
		"connector_type_unknown", "a new type",
		func(w *world) { w.out.Type = "Hosted" },
		"warning", `ConnectorType is "Hosted".`,
	},
	{"connector_type_unknown", "disabled", func(w *world) { w.in.Type, w.in.Enabled = "", no }, "", ""},
	{"connector_type_unknown", "Partner", openPartner, "", ""},
	{"connector_not_validated", "never", func(w *world) { w.out.IsValidated = no; unproven(w) }, "info", ""},
	{
		"connector_not_validated", "never, and own probe failed",
		func(w *world) { w.out.IsValidated = no; w.step(probes.Recipient, probes.ReasonRelayDenied) },
		"info", "",
	},
	{"connector_not_validated", "own probe passes", func(w *world) { w.out.IsValidated = no }, "", ""},
	{
		"connector_not_validated", "unknown",
		func(w *world) { w.out.IsValidated = mailflow.Unknown; unproven(w) },
		"", "",
	},
	{
		"connector_validation_stale", "long ago",
		func(w *world) { w.out.LastValidation = noon.Add(-91 * day); unproven(w) },
		"info", "2026-08-25",
	},
	{
		"connector_validation_stale", "own probe passes",
		func(w *world) { w.out.LastValidation = noon.Add(-91 * day) },
		"", "",
	},
	{
		"connector_validation_stale", "time unknown",
		func(w *world) { w.out.LastValidation = time.Time{}; unproven(w) },
		"", "",
	},
	{"connector_validation_stale", "turned off", func(w *world) {
		w.out.LastValidation, w.Thresholds.ValidationMaxAge = noon.Add(-91*day), 0
		unproven(w)
	}, "", ""},
}

// internalRelay makes the own domain one that routes unknown recipients on, without a connector for it.
func internalRelay(w *world) {
	w.tenant.AcceptedDomains[0].Type = "InternalRelay"
	w.out.RecipientDomains, w.out.ValidationRecipients = []string{"example.net"}, nil
}

var tenantCases = []testCase{
	{
		"tenant_not_loaded", "broken",
		func(w *world) { w.tenant.LoadError = "in.json: not JSON" },
		"critical", "in.json: not JSON",
	},
	{"tenant_not_loaded", "another is", func(w *world) { w.other.LoadError = "in.json: not JSON" }, "", ""},
	{"accepted_domains_unknown", "none", func(w *world) { w.tenant.AcceptedDomains = nil }, "warning", ""},
	{
		"accepted_domains_unknown", "nothing at all",
		func(w *world) { *w.tenant = mailflow.Tenant{Name: "contoso"} },
		"", "",
	},
	{
		"accepted_domain_in_two_tenants", "the other tenant has it too",
		func(w *world) { w.other.AcceptedDomains[0].Name = "Contoso.COM." },
		"critical", "contoso.com is also an accepted domain of fabrikam.",
	},
	{
		"accepted_domain_in_two_tenants", "an export of the other tenant is in this tenant's folder",
		func(w *world) {
			w.tenant.AcceptedDomains = slices.Concat(w.tenant.AcceptedDomains, w.other.AcceptedDomains)
		},
		"critical", "fabrikam.onmicrosoft.com is also an accepted domain of fabrikam.",
	},
	{
		"accepted_domain_in_two_tenants", "in many tenants",
		func(w *world) {
			for i := range 30 {
				w.Tenants = append(w.Tenants, healthy(fmt.Sprint("copy-", i)))
				w.Tenants[len(w.Tenants)-1].AcceptedDomains[0].Name = "contoso.com"
			}
		},
		"critical", "copy-8, copy-9 and 20 more.",
	},
	{
		"accepted_domain_in_two_tenants", "a subdomain in the other tenant",
		func(w *world) { w.other.AcceptedDomains[0].Name = "sales.contoso.com" },
		"", "",
	},
	{
		"accepted_domain_in_two_tenants", "twice in one tenant",
		func(w *world) {
			w.tenant.AcceptedDomains = append(w.tenant.AcceptedDomains, mailflow.AcceptedDomain{Name: "contoso.com"})
		},
		"", "",
	},
	{
		"accepted_domain_disabled", "mail to it is blocked",
		func(w *world) { w.tenant.AcceptedDomains[0].SendingToDisabled = yes },
		"warning", "SendingToDomainDisabled is true for contoso.com, and an outbound connector is for it.",
	},
	{
		"accepted_domain_disabled", "mail from it is blocked",
		func(w *world) { w.tenant.AcceptedDomains[0].SendingFromDisabled = yes },
		"warning", "SendingFromDomainDisabled is true for contoso.com, and the sender edge-1 sends from it.",
	},
	{
		"accepted_domain_disabled", "it is being removed",
		func(w *world) { w.tenant.AcceptedDomains[0].PendingRemoval = yes },
		"warning", "PendingRemoval is true for contoso.com",
	},
	{
		"accepted_domain_disabled", "no connector uses it",
		func(w *world) {
			w.tenant.AcceptedDomains = append(w.tenant.AcceptedDomains, mailflow.AcceptedDomain{
				Name: "old.example", PendingRemoval: yes, SendingFromDisabled: yes, SendingToDisabled: yes,
			})
		},
		"", "",
	},
	{
		"accepted_domain_disabled", "mail to it is blocked, and it only sends",
		func(w *world) {
			w.tenant.AcceptedDomains[0].SendingToDisabled = yes
			w.out.RecipientDomains, w.out.ValidationRecipients = []string{"example.net"}, nil
		},
		"", "",
	},
	{
		"accepted_domain_disabled", "not blocked",
		func(w *world) {
			d := &w.tenant.AcceptedDomains[0]
			d.SendingFromDisabled, d.SendingToDisabled, d.PendingRemoval = no, no, no
		},
		"", "",
	},
	{
		"inventory_stale", "old",
		func(w *world) { w.tenant.InventoryTime = noon.Add(-9 * day) },
		"warning", "2026-11-15",
	},
	{"inventory_stale", "no export", func(w *world) { w.tenant.InventoryTime = time.Time{} }, "", ""},
	{"internal_relay_without_connector", "mail arrives", internalRelay, "warning", "contoso.com"},
	{
		"internal_relay_without_connector", "audit",
		func(w *world) { internalRelay(w); w.NoNetwork, w.MX = true, nil },
		"info", "",
	},
	{"internal_relay_without_connector", "behind a gateway", func(w *world) { internalRelay(w); gateway(w) }, "", ""},
	{
		"internal_relay_without_connector", "DNS gave no answer",
		func(w *world) { internalRelay(w); delete(w.MX, "contoso.com") },
		"", "",
	},
	{
		"internal_relay_without_connector", "a wildcard matches it",
		func(w *world) { internalRelay(w); w.out.RecipientDomains = []string{"*"} },
		"", "",
	},
	{
		"internal_relay_without_connector", "authoritative",
		func(w *world) { internalRelay(w); w.tenant.AcceptedDomains[0].Type = "Authoritative" },
		"", "",
	},
	{
		"accepted_domain_mx_elsewhere", "gateway",
		gateway,
		"info", "The MX of contoso.com is mx1.gateway.example, mx2.gateway.example.",
	},
	{"accepted_domain_mx_elsewhere", "no answer", func(w *world) { w.MX = map[string][]string{} }, "", ""},
}

var proberCases = []testCase{
	{
		"vantage_blocked", "blocked",
		func(w *world) { w.VantageBlocked = true },
		"critical", "No path passes connect",
	},
	{
		"vantage_blocked", "one host is down",
		func(w *world) { w.step(probes.Connect, probes.ReasonConnectTimeout) },
		"", "",
	},
	{
		"state_file_unusable", "a disk that is full",
		func(w *world) {
			w.StateFileError, w.path.Settings.Until = "no space left on device", probes.Message
		},
		"warning", "no space left on device. Paths: contoso › To on-premises › mail.contoso.com (outbound).",
	},
	{
		"state_file_unusable", "no path sends messages",
		func(w *world) { w.StateFileError = "no space left on device" },
		"", "",
	},
	{
		"schedule_overloaded", "too much",
		func(w *world) {
			w.Overloaded = []check.Overload{{
				Address: "192.0.2.1", Paths: []probes.PathID{w.path.ID}, Tenants: []check.TenantLoad{{Tenant: "contoso", Paths: 2}},
				TotalTime: 90 * time.Second, ShortestInterval: time.Minute,
			}}
		},
		"warning", "192.0.2.1: the rounds of its paths take 1m30s, the shortest interval is 1m0s. " +
			"Tenants by load, with the number of their paths: contoso (2). " +
			"Paths: contoso › To on-premises › mail.contoso.com (outbound) and 1 more.",
	},
	{"schedule_overloaded", "in time", func(*world) {}, "", ""},
	{
		"next_hop_address_refused", "loopback",
		func(w *world) { w.step(probes.Connect, probes.ReasonAddressRefused) },
		"warning", "mail.contoso.com (192.0.2.1)",
	},
	{
		"next_hop_address_refused", "connection refused",
		func(w *world) { w.step(probes.Connect, probes.ReasonConnectRefused) },
		"", "",
	},
	{
		"connector_not_probeable", "no domain",
		func(w *world) { w.path.NotProbeable = "it names no domain" },
		"info", "it names no domain",
	},
	{"connector_not_probeable", "probing disabled", func(w *world) {
		w.path.NotProbeable, w.path.NotProbed = "it names no domain", "probing is switched off"
	}, "", ""},
	{
		"connector_not_probeable", "because it has no smart host",
		func(w *world) { w.path.NotProbeable, w.out.SmartHosts = "no smart host", nil },
		"", "",
	},
	{
		"prober_roots_incomplete", "old root store",
		func(w *world) { fails(w.exchange, probes.VerdictTrust, probes.ReasonCertificateUntrusted) },
		"warning", "but it does with DigiCert Global Root G2",
	},
	{
		"prober_roots_incomplete", "own server",
		func(w *world) { fails(w.shown, probes.VerdictTrust, probes.ReasonCertificateUntrusted) },
		"", "",
	},
}
