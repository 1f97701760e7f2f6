package check_test

import (
	"fmt"
	"strings"
	"testing"

	"m365_connector_exporter/collector/check"
)

func TestGroupsHaveTheMostSevereCheckFirst(t *testing.T) {
	finding := func(code, tenant string, severity check.Severity) check.Finding {
		return check.Finding{Key: check.Key{Code: code, Subject: check.Subject{Tenant: tenant}}, Severity: severity}
	}
	groups := check.GroupByCheck([]check.Finding{
		finding("tls_opportunistic", "a", check.Warning), finding("smart_hosts_missing", "a", check.Critical),
		finding("tls_opportunistic", "b", check.Info), finding("connector_never_used", "a", check.Warning),
	})
	var got []string
	for _, g := range groups {
		got = append(got, fmt.Sprintf("%s %s %s", g.Code, g.Worst, tenantsOf(g.Findings)))
	}
	want := "smart_hosts_missing critical a|connector_never_used warning a|tls_opportunistic warning a b"
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("got %s; want %s", s, want)
	}
}

func tenantsOf(findings []check.Finding) string {
	var names []string
	for _, f := range findings {
		names = append(names, f.Tenant)
	}
	return strings.Join(names, " ")
}
