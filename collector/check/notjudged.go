package check

import (
	"cmp"
	"slices"
	"strings"

	"m365_connector_exporter/probes/mailflow"
)

// notJudgedChecks report which checks are not judged because the records of a cmdlet are not known. Absent is unknown:
// without them a tenant would look better than it may be.
func notJudgedChecks() []Check {
	return []Check{{
		Code: "not_judged", Severity: Info, Scope: ScopeTenant,
		Title: "Some checks are not judged because the records that they need are missing",
		When: "The tenant is read from Exchange Online, or has exports of more than connectors and accepted domains, and " +
			"the records of a cmdlet that a check needs are missing or lack the property that it needs",
		Remedy: "Export with deploy/powershell/Export-M365Connectors.ps1, which calls all cmdlets. If one of them fails, " +
			"grant the application or user the role Global Reader, or the role that the message names. If you do not need " +
			"these checks, turn this one off: `checks: {not_judged: off}`.",
		Source: "This exporter's documentation, docs/configuration.md#exports",
		Find:   eachTenant(findNotJudged),
	}}
}

func findNotJudged(f *Facts, t *tenant, report func(Finding)) {
	o := &t.Organization
	if len(o.Failed) == 0 && !slices.ContainsFunc(mailflow.OptionalCmdlets, o.HasRead) {
		return // only connectors and accepted domains are exported, or nothing is
	}
	for _, cmdlet := range mailflow.OptionalCmdlets {
		codes := f.index.codesByCmdlet[cmdlet]
		if len(codes) == 0 {
			continue
		}
		switch why := cmp.Or(o.Failed[cmdlet], "there is no export of it"); {
		case !o.HasRead(cmdlet):
			report(newFinding("%s: %s. Not judged: %s.", cmdlet, strings.TrimSuffix(why, "."), list(codes)))
		case cmdlet == mailflow.GetOrganizationConfig && o.RejectDirectSend == mailflow.Unknown:
			report(newFinding("%s: RejectDirectSend is not among its properties. Not judged: %s.", cmdlet, list(codes)))
		}
	}
}

// codesByCmdlet returns the codes of the checks that need the records of each cmdlet.
func codesByCmdlet() map[mailflow.Cmdlet][]string {
	codes := map[mailflow.Cmdlet][]string{}
	for _, c := range Catalogue() {
		codes[c.Needs] = append(codes[c.Needs], c.Code)
	}
	return codes
}
