package check

import (
	"fmt"
	"testing"
	"time"

	"m365_connector_exporter/probes/mailflow"
)

func TestOnlyWhatWasFoundWithItsCauseIsSuppressed(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	about := Subject{Tenant: "contoso", Direction: mailflow.Outbound, Connector: "To A/B"}
	cause, consequence := Key{"smart_hosts_missing", about}, Key{"connector_not_probeable", about}
	for name, c := range map[string]struct {
		consequenceSince time.Time
		want             int
	}{
		"found with it":    {now, 1},
		"found after":      {now.Add(time.Hour), 1},
		"was found before": {now.Add(-time.Hour), 2},
	} {
		found := map[Key]Finding{cause: {Key: cause, Since: now}, consequence: {Key: consequence, Since: c.consequenceSince}}
		if suppressConsequences(found); len(found) != c.want {
			t.Errorf("%s: %d findings, want %d", name, len(found), c.want)
		}
	}
}

func TestSuppression(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	f := &Facts{Now: now, Tenants: []mailflow.Tenant{{
		Name: "contoso", AcceptedDomains: []mailflow.AcceptedDomain{{Name: "contoso.com"}},
		Outbound: []mailflow.OutboundConnector{
			{Common: mailflow.Common{Name: "To A/B", Type: mailflow.Partner}, UseMXRecord: mailflow.No},
		},
	}}}
	for name, c := range map[string]struct {
		s    Suppression
		want bool
	}{
		"all of the check":  {Suppression{Check: "smart_hosts_missing", Expires: now.Add(1)}, true},
		"over a slash":      {Suppression{Check: "smart_*", Connector: "To *", Expires: now.Add(1)}, true},
		"another connector": {Suppression{Check: "*", Connector: "From *", Expires: now.Add(1)}, false},
		"expired":           {Suppression{Check: "*", Expires: now}, false},
	} {
		f.Suppressions = []Suppression{c.s}
		got := Run(f)
		if len(got) != 1 || (got[0].Suppressed != nil) != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestMerge(t *testing.T) {
	uncertain := Finding{Key: Key{Code: "a"}, Severity: Warning, Uncertain: "perhaps", Evidence: []string{"one"}}
	certain := Finding{Key: Key{Code: "a"}, Severity: Warning, Evidence: []string{"two", "one"}}
	milder := Finding{Key: Key{Code: "a"}, Severity: Info, Evidence: []string{"three"}}
	for _, order := range [][]Finding{
		{uncertain, certain, milder}, {milder, certain, uncertain}, {certain, milder, uncertain},
	} {
		var got Finding
		for _, one := range order {
			got = merge(got, one)
		}
		if got.Severity != Warning || got.Uncertain != "" || len(got.Evidence) != 3 {
			t.Errorf("%+v", got)
		}
	}
}

func TestEvidenceThatDoesNotFitIsCounted(t *testing.T) {
	for _, c := range []struct {
		lines int
		last  string
	}{{1, "line 0"}, {MaxEvidence, "line 15"}, {MaxEvidence + 1, "and 2 more"}, {40, "and 25 more"}} {
		var many Finding
		for i := range c.lines {
			line := fmt.Sprint("line ", i)
			many = merge(many, Finding{Key: Key{Code: "a"}, Severity: Info, Evidence: []string{line, line}})
		}
		many.summarizeOmitted()
		if n := len(many.Evidence); n != min(c.lines, MaxEvidence) || many.Evidence[n-1] != c.last {
			t.Errorf("of %d lines: %d, the last is %q, want %q", c.lines, n, many.Evidence[n-1], c.last)
		}
	}
}
