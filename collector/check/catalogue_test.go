package check_test

import (
	"slices"
	"strings"
	"testing"

	"m365_connector_exporter/collector/check"
)

// contract is the table of checks that other programs rely on: every code, with the highest severity it is found with. The first
// one is an addition of ours.
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
restriction_without_effect warning
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
tenant_not_loaded critical`

func TestCatalogueIsTheContract(t *testing.T) {
	var got []string
	for _, c := range check.Catalogue() {
		got = append(got, c.Code+" "+c.Severity.String())
	}
	want := strings.Split(strings.TrimSpace(contract), "\n")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if !slices.IsSorted(check.Codes()) || len(check.Codes()) != len(want) {
		t.Errorf("codes: %v", check.Codes())
	}
}

func TestCatalogueIsWhole(t *testing.T) {
	known := check.Codes()
	for _, c := range check.Catalogue() {
		if c.Title == "" || c.When == "" || c.Remedy == "" || c.Source == "" || c.Find == nil {
			t.Errorf("%s lacks something", c.Code)
		}
		if strings.HasSuffix(c.Title, ".") || strings.HasSuffix(c.When, ".") || strings.ContainsAny(c.Title+c.When, "|\n") {
			t.Errorf("%s: title and rule are written without their full stop", c.Code)
		}
		for _, code := range c.Silences {
			if !slices.Contains(known, code) || code == c.Code {
				t.Errorf("%s silences %s", c.Code, code)
			}
		}
	}
}
