package config

import (
	"path"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes/mailflow"
)

// codes lists the check codes that checks and suppressions may name.
func codes() []string {
	return strings.Fields(`
accepted_domain_mx_elsewhere accepted_domains_unknown attribution_ambiguous attribution_fragile attribution_relay_denied
attribution_wrong_tenant certificate_chain_incomplete certificate_differs_between_addresses certificate_domain_not_accepted
certificate_expired certificate_expires_soon certificate_name_mismatch certificate_name_too_broad
certificate_names_not_accepted certificate_not_yet_valid certificate_revoked certificate_shared_between_tenants
certificate_untrusted certificate_weak_key certificate_weak_signature client_auth_eku_missing connector_disabled
connector_in_test_mode connector_never_used connector_not_probeable connector_not_validated connector_validation_stale
connectors_overlap enhanced_filtering_incomplete inbound_connector_without_sender internal_relay_without_connector
inventory_stale ip_authentication_only next_hop_address_refused no_authentication null_sender_relay_denied partner_lockout
presented_certificate_not_configured prober_roots_incomplete recipient_outside_scope restriction_without_effect
restriction_without_list schedule_overloaded send_connector_shared_between_tenants sender_address_invalid
sender_address_private sender_address_shared_between_tenants sender_roots_incomplete smart_host_is_exchange_online
smart_host_private_address smart_hosts_ignored smart_hosts_missing starttls_injection starttls_not_offered tenant_not_loaded
tls_domain_ignored tls_domain_missing tls_opportunistic tls_version_old treat_as_internal_conflict vantage_blocked`)
}

// checks reads severities by check code.
func (r *reader) checks(n *yaml.Node, key string, into map[string]string) {
	known := fields{}
	for _, code := range codes() {
		known[code] = func(n *yaml.Node, k string) { into[code] = r.severity(n, k) }
	}
	r.mapping(n, key, known)
}

// severity reads a word. YAML 1.1 readers take off for false; ours keeps the word, quoted or not.
func (r *reader) severity(n *yaml.Node, key string) string {
	return r.word(n, key, "off", "info", "warning", "critical")
}

func (r *reader) suppressions(n *yaml.Node, key string) []check.Suppression {
	var all []check.Suppression
	r.list(n, key, func(n *yaml.Node, k string) { all = append(all, r.suppression(n, k)) })
	return all
}

func (r *reader) suppression(n *yaml.Node, key string) check.Suppression {
	var s check.Suppression
	seen := map[string]bool{}
	given := func(name string, read func(*yaml.Node, string)) func(*yaml.Node, string) {
		return func(n *yaml.Node, k string) { v, _ := r.enter(n); seen[name] = v.Value != ""; read(n, k) }
	}
	r.mapping(n, key, fields{
		"check":     given("check", func(n *yaml.Node, k string) { s.Check = r.checkGlob(n, k) }),
		"reason":    given("reason", func(n *yaml.Node, k string) { s.Reason = r.text(n, k) }),
		"owner":     given("owner", func(n *yaml.Node, k string) { s.Owner = r.text(n, k) }),
		"expires":   given("expires", func(n *yaml.Node, k string) { s.Expires = r.day(n, k) }),
		"tenant":    func(n *yaml.Node, k string) { s.Tenant = r.glob(n, k) },
		"connector": func(n *yaml.Node, k string) { s.Connector = r.glob(n, k) },
		"path":      func(n *yaml.Node, k string) { s.Path = r.glob(n, k) },
		"direction": func(n *yaml.Node, k string) {
			s.Direction = mailflow.Direction(r.word(n, k, string(mailflow.Outbound), string(mailflow.Inbound)))
		},
	})
	for _, name := range []string{"check", "reason", "owner", "expires"} {
		if !seen[name] {
			r.fail(n, join(key, name), "a suppression needs it")
		}
	}
	return s
}

func (r *reader) glob(n *yaml.Node, key string) string {
	pattern := r.text(n, key)
	if _, err := path.Match(pattern, ""); err != nil {
		r.fail(n, key, "not a pattern")
		return ""
	}
	return pattern
}

// checkGlob reads a code or a pattern that some code matches.
func (r *reader) checkGlob(n *yaml.Node, key string) string {
	pattern := r.glob(n, key)
	all := codes()
	for _, code := range all {
		if check.Glob(pattern, code) {
			return pattern
		}
	}
	near := nearest(pattern, all)
	if near == "" {
		near = "docs/checks.md lists them"
	} else {
		near = "did you mean \"" + near + "\"?"
	}
	r.fail(n, key, "unknown check; %s", near)
	return ""
}

// day reads a date and returns the first instant after it, UTC.
func (r *reader) day(n *yaml.Node, key string) time.Time {
	t, err := time.Parse(time.DateOnly, r.text(n, key))
	if err != nil {
		r.fail(n, key, "must be a day such as 2027-03-31")
		return time.Time{}
	}
	return t.AddDate(0, 0, 1)
}
