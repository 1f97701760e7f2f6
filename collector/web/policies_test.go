package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes/mtasts"
)

// policies holds the mail of the first path, and adds three policies, with text of a peer.
func (s *testSite) policies(peer string) {
	p := s.snapshot.Paths[0]
	s.snapshot.Report.Predictions = []check.Prediction{{
		Path: p.Path.ID, Mechanism: check.MechanismMTASTS, Delivery: check.DeliveryQueue, Code: "5.4.8",
		Reason: "mx_not_listed", Evidence: []string{"the policy does not list mx" + peer}, Uncertain: "it is" + peer,
	}}
	mx := make([]string, 1000)
	for i := range mx {
		mx[i] = fmt.Sprintf("mx%d%s", i, peer)
	}
	s.snapshot.Report.Policies = []check.Policy{
		{
			TenantDomain: check.TenantDomain{Tenant: "contoso", Domain: "contoso.com"}, Accepted: true,
			State: &mtasts.State{Mode: mtasts.Absent},
		},
		{
			TenantDomain: check.TenantDomain{Tenant: "contoso", Domain: "mail.contoso.com"}, NextHop: true,
			Unlisted: []string{"mx9.contoso.com" + peer}, State: &mtasts.State{
				Mode: mtasts.Enforce, ID: "20261130" + peer, Fetched: noon, Until: noon.AddDate(0, 0, 7),
				Policy: &mtasts.Policy{Mode: mtasts.Enforce, MX: mx}, Problem: "the server answered 404" + peer, Broken: true,
			},
		},
		{
			TenantDomain: check.TenantDomain{Tenant: "fabrikam", Domain: "fabrikam.com"}, Accepted: true,
			State: &mtasts.State{Mode: mtasts.Testing},
		},
	}
}

func TestPoliciesOnPages(t *testing.T) {
	s := bench()
	s.snapshot.Report = &evaluate.Report{}
	s.policies(evil)
	for address, want := range map[string][]string{
		"/path?target=" + url.QueryEscape(s.snapshot.Paths[0].Path.ID.String()): {
			"What Exchange Online would do with mail", "4.4.8, then 5.4.8", "the policy does not list mx", "UNCERTAIN",
			"MTA-STS policy", "mail.contoso.com", "enforce", "20261130", "and 992 more", "the server answered 404",
			"not listed: mx9.contoso.com", "next hop", "2026-12-01",
		},
		"/tenant/contoso": {"MTA-STS policies", "mail.contoso.com", "contoso.com", "absent", "accepted domain"},
	} {
		w := get(s.handler(), address)
		body := w.Body.String()
		if w.Code != 200 || strings.Contains(body, evil) || strings.Contains(body, "fabrikam.com") {
			t.Errorf("%s: status %d, unescaped text or another tenant's policy", address, w.Code)
		}
		for _, part := range want {
			if !strings.Contains(body, part) {
				t.Errorf("%s: without %q:\n%s", address, part, body)
			}
		}
	}
	tenant := get(s.handler(), "/tenant/contoso").Body.String()
	if strings.Index(tenant, "20261130") > strings.Index(tenant, ">absent<") {
		t.Error("the policy with a problem is not first")
	}
	other := get(s.handler(), "/path?target=contoso/outbound/mute/mute.contoso.com")
	if other.Code != 200 || strings.Contains(other.Body.String(), "MTA-STS") {
		t.Errorf("a path without policy: status %d, or it has a table of policies", other.Code)
	}
}

func TestPoliciesOnAPageAreBounded(t *testing.T) {
	s := bench()
	s.snapshot.Report = &evaluate.Report{}
	for i := range 2000 {
		s.snapshot.Report.Policies = append(s.snapshot.Report.Policies, check.Policy{
			TenantDomain: check.TenantDomain{Tenant: "contoso", Domain: fmt.Sprintf("d%04d.example", i)}, Accepted: true,
			State: &mtasts.State{Mode: mtasts.Absent},
		})
	}
	body := get(s.handler(), "/tenant/contoso").Body.String()
	if n := strings.Count(body, ">absent<"); n != 50 || !strings.Contains(body, "and 1950 more") {
		t.Errorf("%d policies are shown, want 50 and 1950 more", n)
	}
}
