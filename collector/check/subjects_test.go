package check_test

import (
	"testing"

	"m365_connector_exporter/collector/check"
)

// subjects says what each check's findings are about. Labels, pages and suppressions rest on it.
var subjects = map[string][]string{
	"exporter": {"vantage_blocked", "prober_roots_incomplete"},
	"tenant":   {"accepted_domains_unknown", "inventory_stale", "tenant_not_loaded", "internal_relay_without_connector", "accepted_domain_mx_elsewhere", "schedule_overloaded"},
	"outbound connector": {
		"smart_hosts_missing", "smart_hosts_ignored", "smart_host_is_exchange_online", "smart_host_private_address", "tls_opportunistic", "tls_domain_missing", "tls_domain_ignored",
		"recipient_outside_scope", "connector_never_used", "connector_in_test_mode", "connector_not_validated", "connector_validation_stale",
	},
	"inbound connector": {
		"certificate_domain_not_accepted", "sender_address_shared_between_tenants", "certificate_shared_between_tenants", "send_connector_shared_between_tenants", "ip_authentication_only",
		"no_authentication", "certificate_name_too_broad", "restriction_without_list", "restriction_without_effect", "partner_lockout", "sender_address_invalid", "sender_address_private",
		"treat_as_internal_conflict", "enhanced_filtering_incomplete", "inbound_connector_without_sender",
	},
	"connector": {"connector_disabled", "connectors_overlap"}, // of either direction
	"path": { // of either direction
		"certificate_expired", "certificate_not_yet_valid", "certificate_expires_soon", "certificate_untrusted", "certificate_chain_incomplete", "certificate_name_mismatch", "certificate_revoked",
		"certificate_weak_key", "certificate_weak_signature", "tls_version_old", "certificate_differs_between_addresses", "starttls_not_offered", "starttls_injection",
		"next_hop_address_refused", "connector_not_probeable",
	},
	"inbound path": {
		"client_auth_eku_missing", "sender_roots_incomplete", "certificate_names_not_accepted", "presented_certificate_not_configured", "attribution_wrong_tenant", "attribution_ambiguous",
		"attribution_relay_denied", "null_sender_relay_denied", "attribution_fragile", "certificate_served_differs_from_file",
	},
}

func TestSubjects(t *testing.T) {
	want := map[string]string{}
	for shape, codes := range subjects {
		for _, code := range codes {
			want[code] = shape
		}
	}
	for _, s := range stories() {
		w := newWorld()
		s.change(w)
		for _, f := range w.run() {
			of := shapeOf(f.Subject)
			if either := of[len(f.Direction):]; want[f.Code] != of && " "+want[f.Code] != either {
				t.Errorf("%s, %s: %s is about %+v, want %q", s.code, s.name, f.Code, f.Subject, want[f.Code])
			}
		}
	}
	if len(want) != len(check.Catalogue()) {
		t.Errorf("%d checks, %d subjects", len(check.Catalogue()), len(want))
	}
}

func shapeOf(s check.Subject) string {
	switch {
	case s.Path != "":
		return string(s.Direction) + " path"
	case s.Connector != "":
		return string(s.Direction) + " connector"
	case s.Tenant != "":
		return "tenant"
	}
	return "exporter"
}
