package check

import (
	"fmt"

	"m365_connector_exporter/probes/mailflow"
)

// unreadChecks report values in exports that this exporter cannot read.
func unreadChecks() []Check {
	return []Check{
		{
			Code: "export_value_unread", Severity: Warning, Scope: ScopeConnector,
			Title: "An export has a value that cannot be read",
			When: "A property in an export is not of the form that it must have, such as the word Falsch, or the name of a " +
				".NET type instead of a list. It is unknown, and checks that need it are not judged. A finding about an " +
				"accepted domain, or a record without a name, is about the tenant",
			Remedy: "Export with deploy/powershell/Export-M365Connectors.ps1, or with `ConvertTo-Json -Depth 5` and without " +
				"a detour through CSV, and do not edit the file; or configure the property in YAML.",
			Source:   "This exporter's documentation, docs/configuration.md",
			Silences: []string{"connector_not_probeable"},
			Find:     eachTenant(findUnread),
		},
	}
}

// findUnread reports all values but the type of a connector, which connector_type_unknown reports.
func findUnread(_ *Facts, t *tenant, report func(Finding)) {
	for _, r := range t.Unread {
		subject := Subject{Tenant: t.Name}
		if r.Direction != "" && r.Name != "" {
			if t.skips(r.Direction, r.Name) {
				continue
			}
			subject.Direction, subject.Connector = r.Direction, r.Name
		}
		for _, v := range r.Values {
			if v.Property != "connector_type" {
				report(newFinding("%s", unreadEvidence(r, v)).withSubject(subject))
			}
		}
	}
}

// unreadEvidence describes where a value is and what kind of value it is. It never contains the value.
func unreadEvidence(r mailflow.UnreadRecord, v mailflow.UnreadValue) string {
	more := ""
	if v.Count > 1 {
		more = fmt.Sprintf(" (and %d more values)", v.Count-1)
	}
	return fmt.Sprintf("%s, record %d: %s is %s: %s%s.", r.File, r.Record, v.Place, v.Kind, v.Problem, more)
}
