package check

import (
	"testing"
	"time"

	"m365_connector_exporter/probes/mailflow"
)

func TestRunSilencesOnlyWhatCameWithTheCause(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	about := Subject{Tenant: "contoso", Direction: mailflow.Outbound, Connector: "To A/B"}
	cause, consequence := Key{"smart_hosts_missing", about}, Key{"connector_not_probeable", about}
	for name, c := range map[string]struct {
		consequenceSince time.Time
		want             int
	}{
		"came with it": {now, 1},
		"came after":   {now.Add(time.Hour), 1},
		"stood before": {now.Add(-time.Hour), 2},
	} {
		found := map[Key]Finding{cause: {Key: cause, Since: now}, consequence: {Key: consequence, Since: c.consequenceSince}}
		if suppressConsequences(found); len(found) != c.want {
			t.Errorf("%s: %d findings, want %d", name, len(found), c.want)
		}
	}
}

func TestSuppression(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	f := &Facts{Now: now, Tenants: []mailflow.Tenant{{Name: "contoso", AcceptedDomains: []mailflow.AcceptedDomain{{Name: "contoso.com"}}, Outbound: []mailflow.OutboundConnector{{
		Common: mailflow.Common{Name: "To A/B"}, UseMXRecord: mailflow.No,
	}}}}}
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
	doubt := Finding{Key: Key{Code: "a"}, Severity: Warning, Uncertain: "perhaps", Evidence: []string{"one"}}
	sure := Finding{Key: Key{Code: "a"}, Severity: Warning, Evidence: []string{"two", "one"}}
	lesser := Finding{Key: Key{Code: "a"}, Severity: Info, Evidence: []string{"three"}}
	for _, order := range [][]Finding{{doubt, sure, lesser}, {lesser, sure, doubt}, {sure, lesser, doubt}} {
		var got Finding
		for _, one := range order {
			got = merge(got, one)
		}
		if got.Severity != Warning || got.Uncertain != "" || len(got.Evidence) != 3 {
			t.Errorf("%+v", got)
		}
	}
	many := Finding{}
	for i := range 2 * MaxEvidence {
		many = merge(many, Finding{Key: Key{Code: "a"}, Severity: Info, Evidence: []string{string(rune('a' + i))}})
	}
	if len(many.Evidence) != MaxEvidence {
		t.Errorf("%d lines of evidence", len(many.Evidence))
	}
}
