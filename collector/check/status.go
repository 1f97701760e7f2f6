package check

import (
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// statusChecks say in what state a connector is.
func statusChecks() []Check {
	return []Check{
		{
			Code: "connector_disabled", Severity: Info,
			Title:  "The connector is turned off",
			When:   "Enabled is false. Nothing else is said of such a connector, and the daemon does not probe it",
			Remedy: "Nothing to do if it is meant. `validate` probes it all the same, before it is turned on.",
			Source: "Set-InboundConnector, Set-OutboundConnector, Enabled",
			Find: eachTenant(func(_ *Facts, t *tenant, report func(Finding)) {
				for i := range t.Outbound {
					if c := &t.Outbound[i]; !c.IsEnabled() {
						report(newFinding("Enabled is false.").withSubject(outboundSubject(t, c)))
					}
				}
				for i := range t.Inbound {
					if c := &t.Inbound[i]; !c.IsEnabled() {
						report(newFinding("Enabled is false.").withSubject(inboundSubject(t, c)))
					}
				}
			}),
		},
		{
			Code: "connector_in_test_mode", Severity: Warning,
			Title:  "The connector is in test mode",
			When:   "TestMode is true. Nothing else is said of such a connector, and the daemon does not probe it",
			Remedy: "Finish its validation in the Exchange admin center, or remove it.",
			Source: "Set-OutboundConnector, TestMode; Get-OutboundConnector, IncludeTestModeConnectors",
			Find: eachTenant(func(_ *Facts, t *tenant, report func(Finding)) {
				for i := range t.Outbound {
					if c := &t.Outbound[i]; c.IsEnabled() && c.TestMode == mailflow.Yes {
						report(newFinding("TestMode is true.").withSubject(outboundSubject(t, c)))
					}
				}
			}),
		},
		{
			Code: "connector_not_validated", Severity: Info,
			Title:    "Microsoft's own validation has not passed",
			When:     "IsValidated is false. Silent while our own probe passes recipient",
			Remedy:   "Validate the connector in the Exchange admin center. A validation by Validate-OutboundConnector does not set IsValidated.",
			Source:   "Validate-OutboundConnector; validate-connectors",
			Silences: []string{"connector_validation_stale"},
			Find: eachOutbound(func(f *Facts, t *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
				if c.IsValidated == mailflow.No && !f.passedByProbe(t, c) {
					report(newFinding("IsValidated is false."))
				}
			}),
		},
		{
			Code: "connector_validation_stale", Severity: Info,
			Title:  "Microsoft's own validation is long ago",
			When:   "LastValidationTimestamp is older than `validation_max_age`. Silent while our own probe passes recipient",
			Remedy: "Validate the connector again in the Exchange admin center.",
			Source: "Validate-OutboundConnector, LastValidationTimestamp",
			Find: eachOutbound(func(f *Facts, t *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
				if older(f.Now, c.LastValidation, f.Thresholds.ValidationMaxAge) && !f.passedByProbe(t, c) {
					report(newFinding("LastValidationTimestamp is %s.", day(c.LastValidation)))
				}
			}),
		},
	}
}

// older tells that a known instant lies more than most ago; most 0 is never.
func older(now, then time.Time, most time.Duration) bool {
	return most > 0 && !then.IsZero() && now.Sub(then) > most
}

// passedByProbe tells that a path of the connector passed recipient in its newest conclusive round, and that none failed.
func (f *Facts) passedByProbe(t *tenant, c *mailflow.OutboundConnector) bool {
	proven := false
	for _, p := range f.index.pathsOf[outboundSubject(t, c)] {
		if p.Conclusive == nil {
			continue
		}
		r := *p.Conclusive
		r.Until = min(r.Until, probes.NumStages-1)
		switch r.Outcome() {
		case probes.Failed:
			return false
		case probes.Passed:
			proven = proven || r.Until >= probes.Recipient
		default:
		}
	}
	return proven
}
