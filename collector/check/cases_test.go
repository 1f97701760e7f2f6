package check_test

import (
	"slices"
	"strings"
	"testing"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes/mailflow"
)

// testCase changes the healthy world in one way.
type testCase struct {
	code, name string
	change     func(w *world)
	want       string // the severity of code's finding, with " uncertain" if it is; "" for a silent twin: none
	evidence   string // must be in the finding's evidence
}

func testCases() []testCase {
	return slices.Concat(
		certificateCases, servedCases, tlsCases, renewalCases, acceptedCases, sharedCases, attributionCases, inboundCases,
		restrictionCases, effectCases, hybridCases, outboundCases, routingCases, loopCases, statusCases, unreadCases,
		tenantCases,
		organizationCases, serverCases, ipv6Cases, daneCases, mtaSTSCases, lockCases, firewallCases, proberCases,
		tlsReportCases,
	)
}

// found returns the most severe finding of the case's code about the first tenant or the exporter.
func (c testCase) found() (finding check.Finding, ok bool) {
	w := newWorld()
	c.change(w)
	all := w.run()
	i := slices.IndexFunc(all, func(f check.Finding) bool { return f.Code == c.code && f.Tenant != "fabrikam" })
	if i < 0 {
		return check.Finding{}, false
	}
	return all[i], true
}

func TestCases(t *testing.T) {
	for _, c := range testCases() {
		got := ""
		finding, ok := c.found()
		if ok {
			got = finding.Severity.String()
		}
		if finding.Uncertain != "" {
			got += " uncertain"
		}
		if evidence := strings.Join(finding.Evidence, "\n"); got != c.want || !strings.Contains(evidence, c.evidence) {
			t.Errorf("%s, %s: got %q, want %q; evidence %q, want %q in it", c.code, c.name, got, c.want, evidence, c.evidence)
		}
	}
}

// A check without a case may find nothing; one without a silent twin may find everything.
func TestEveryCheckHasACaseAndATwin(t *testing.T) {
	cases, twins, severities := map[string]int{}, map[string]int{}, map[string]bool{}
	for _, c := range testCases() {
		if _, ok := check.Lookup(c.code); !ok {
			t.Errorf("%s: unknown check", c.code)
		}
		if c.want == "" {
			twins[c.code]++
			continue
		}
		cases[c.code]++
		severity, _, _ := strings.Cut(c.want, " ")
		severities[c.code+severity] = true
	}
	for _, c := range check.Catalogue() {
		highest := severities[c.Code+c.Severity.String()]
		if cases[c.Code] == 0 || twins[c.Code] == 0 || !highest {
			t.Errorf("%s: %d cases, %d twins, a case of its highest severity: %t", c.Code, cases[c.Code], twins[c.Code], highest)
		}
	}
}

func TestFindingsHaveTheScopeOfTheirCheck(t *testing.T) {
	for _, c := range testCases() {
		w := newWorld()
		c.change(w)
		for _, f := range w.run() {
			info, _ := check.Lookup(f.Code)
			if !slices.Contains(scopesOf(f.Subject), info.Scope) {
				t.Errorf("%s, %s: %s is about %+v, want the scope %s", c.code, c.name, f.Code, f.Subject, info.Scope)
			}
		}
	}
}

func scopesOf(s check.Subject) []check.Scope {
	inbound := s.Direction == mailflow.Inbound
	switch {
	case s.Path != "" && inbound:
		return []check.Scope{check.ScopePath, check.ScopeSender}
	case s.Path != "":
		return []check.Scope{check.ScopePath}
	case s.Connector != "" && inbound:
		return []check.Scope{check.ScopeConnector, check.ScopeInbound}
	case s.Connector != "":
		return []check.Scope{check.ScopeConnector, check.ScopeOutbound}
	case s.Tenant != "":
		return []check.Scope{check.ScopeTenant}
	}
	return []check.Scope{check.ScopeExporter}
}

func TestTheHealthyWorldHasNoFinding(t *testing.T) {
	for _, f := range newWorld().run() {
		t.Errorf("%+v", f)
	}
}

func TestADisabledConnectorHasNoOtherFinding(t *testing.T) {
	for _, c := range testCases() {
		w := newWorld()
		c.change(w)
		w.out.Enabled, w.in.Enabled = no, no
		for _, f := range w.run() {
			own := f.Connector == "To on-premises" || f.Connector == "From on-premises"
			if f.Tenant == "contoso" && own && f.Code != "connector_disabled" {
				t.Errorf("%s, %s: %+v", c.code, c.name, f)
			}
		}
	}
}

// A property that an export lacks is unknown, not empty.
func TestUnknownPropertiesAreNotJudged(t *testing.T) {
	for code, property := range map[string]string{
		"smart_hosts_missing": "smart_hosts", "tls_opportunistic": "tls_settings", "tls_domain_missing": "tls_domain",
		"tls_domain_ignored": "tls_settings", "connector_never_used": "recipient_domains",
		"no_authentication": "sender_ip_addresses", "ip_authentication_only": "tls_sender_certificate_name",
	} {
		for _, c := range testCases() {
			w := newWorld()
			c.change(w)
			w.out.MissingProperties, w.in.MissingProperties = []string{property}, []string{property}
			if c.code == code && codesOf(w.run())[code] {
				t.Errorf("%s, %s: found without %s", code, c.name, property)
			}
		}
	}
	w := newWorld()
	w.in.Type, w.in.RestrictDomainsToIPAddresses = mailflow.Partner, yes
	w.in.MissingProperties = []string{"sender_ip_addresses"}
	if codesOf(w.run())["restriction_without_list"] {
		t.Error("an unknown list is judged as empty")
	}
}

func TestUncertainFindingsAreNeverCritical(t *testing.T) {
	for _, c := range testCases() {
		w := newWorld()
		c.change(w)
		for _, f := range w.run() {
			if f.Uncertain != "" && f.Severity == check.Critical || len(f.Evidence) == 0 || len(f.Evidence) > check.MaxEvidence {
				t.Errorf("%s, %s: %+v", c.code, c.name, f)
			}
		}
	}
}

func TestFindingsAboutAssumedSendersAreNeverCritical(t *testing.T) {
	for _, c := range testCases() {
		w := newWorld()
		c.change(w)
		w.sender.Assumed = true
		for _, f := range w.run() {
			if f.Tenant == "contoso" && f.Path == "edge-1" && f.Severity == check.Critical {
				t.Errorf("%s, %s: %+v", c.code, c.name, f)
			}
		}
	}
}

// TestEvidenceForOneTenantNamesNoOther runs every case, and those of shared facts with a name that is nowhere else.
func TestEvidenceForOneTenantNamesNoOther(t *testing.T) {
	const secret = "Another Customer"
	named := map[string]bool{}
	for _, c := range testCases() {
		w := newWorld()
		w.other.Name = secret
		c.change(w)
		for i := range w.other.Inbound {
			w.other.Inbound[i].Name = secret + "'s connector"
		}
		for i := range w.other.Senders {
			w.other.Senders[i].Connector = secret + "'s connector"
		}
		for _, f := range w.run() {
			if f.Tenant != "contoso" {
				continue
			}
			named[f.Code] = named[f.Code] || strings.Contains(strings.Join(f.Evidence, "\n"), secret)
			alone := f.OneTenant()
			text := strings.Join(append(alone.Evidence, alone.Uncertain), "\n")
			if strings.Contains(text, secret) || len(alone.Evidence) == 0 {
				t.Errorf("%s, %s: the evidence of %s for its tenant is %q", c.code, c.name, f.Code, text)
			}
		}
	}
	for _, code := range []string{
		"sender_address_shared_between_tenants", "certificate_shared_between_tenants", "attribution_wrong_tenant",
		"attribution_ambiguous", "attribution_fragile", "accepted_domain_in_two_tenants",
	} {
		if !named[code] {
			t.Errorf("no case of %s names another tenant", code)
		}
	}
}
