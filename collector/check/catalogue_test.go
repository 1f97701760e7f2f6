package check_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes"
)

// contract are the codes that configurations, alerts and dashboards rely on, with the highest severity of each. Codes
// are only ever added, here only when other programs rely on them.
const contract = `
certificate_served_differs_from_file warning
certificate_expired critical
certificate_not_yet_valid critical
certificate_expires_soon critical
certificate_untrusted critical
certificate_chain_incomplete critical
certificate_name_mismatch critical
certificate_revoked critical
certificate_weak_key warning
certificate_weak_signature warning
tls_version_old warning
certificate_differs_between_addresses warning
starttls_not_offered critical
starttls_injection critical
client_auth_eku_missing info
sender_roots_incomplete critical
prober_roots_incomplete warning
certificate_domain_not_accepted critical
certificate_names_not_accepted info
accepted_domains_unknown warning
sender_address_shared_between_tenants critical
certificate_shared_between_tenants critical
send_connector_shared_between_tenants warning
ip_authentication_only info
presented_certificate_not_configured critical
attribution_wrong_tenant critical
attribution_ambiguous critical
attribution_relay_denied critical
null_sender_relay_denied warning
attribution_fragile warning
no_authentication critical
certificate_name_too_broad critical
restriction_without_list critical
restriction_without_effect info
partner_lockout critical
sender_address_invalid critical
sender_address_private warning
treat_as_internal_conflict warning
enhanced_filtering_incomplete warning
connector_disabled info
connector_in_test_mode warning
connector_not_validated info
connector_validation_stale info
connectors_overlap warning
recipient_outside_scope warning
smart_hosts_missing critical
smart_hosts_ignored warning
smart_host_is_exchange_online critical
smart_host_private_address warning
tls_opportunistic warning
tls_domain_missing critical
tls_domain_ignored warning
connector_never_used warning
connector_not_probeable info
internal_relay_without_connector warning
accepted_domain_mx_elsewhere info
inbound_connector_without_sender info
next_hop_address_refused warning
vantage_blocked critical
schedule_overloaded warning
inventory_stale warning
tenant_not_loaded critical
direct_send_open info
direct_send_rejected critical
connector_blocked_by_microsoft critical
rule_without_connector critical
connector_without_rule warning
server_out_of_date critical
connector_differs_from_microsoft warning
ipv6_bypasses_connector warning
not_judged info
firewall_incomplete warning
endpoints_not_read info
ipv6_not_probed info
renewal_overdue warning
renewal_incomplete warning
renewal_loses_usage warning
tls_report_failures warning`

func TestCatalogueKeepsTheContract(t *testing.T) {
	for line := range strings.Lines(contract) {
		code, severity, _ := strings.Cut(strings.TrimSpace(line), " ")
		if c, ok := check.Lookup(code); code != "" && (!ok || c.Severity.String() != severity) {
			t.Errorf("%s: got severity %s, want %s", code, c.Severity, severity)
		}
	}
	if codes := check.Codes(); !slices.IsSorted(codes) || len(slices.Compact(codes)) != len(check.Catalogue()) {
		t.Errorf("codes are not sorted or not unique: %v", codes)
	}
}

func TestCatalogueEntriesAreComplete(t *testing.T) {
	for _, c := range check.Catalogue() {
		if c.Title == "" || c.When == "" || c.Remedy == "" || c.Source == "" || c.Scope == "" || c.Find == nil {
			t.Errorf("%s is incomplete", c.Code)
		}
		if strings.HasSuffix(c.Title, ".") || strings.HasSuffix(c.When, ".") || strings.ContainsAny(c.Title+c.When, "|\n") {
			t.Errorf("%s: title and rule must not end with a full stop", c.Code)
		}
		for _, code := range c.Silences {
			if _, ok := check.Lookup(code); !ok || code == c.Code {
				t.Errorf("%s silences %s", c.Code, code)
			}
		}
	}
}

// TestRemediesNameWholeCommands: a reader of a page or an alert can copy a command from a remedy.
func TestRemediesNameWholeCommands(t *testing.T) {
	fragment := regexp.MustCompile("`(--|(attribute|audit|demo|fetch|rehearse|serve|validate)\\b)")
	for _, c := range check.Catalogue() {
		if part := fragment.FindString(c.Remedy); part != "" {
			t.Errorf("%s: the remedy has %s, want `m365_connector_exporter %s in %q", c.Code, part, part[1:], c.Remedy)
		}
	}
	for _, r := range probes.Reasons {
		if part := fragment.FindString(r.Remedy); part != "" {
			t.Errorf("%s: the remedy has %s, want `m365_connector_exporter %s in %q", r.Reason, part, part[1:], r.Remedy)
		}
	}
}
