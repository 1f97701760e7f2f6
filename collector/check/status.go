package check

import (
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// statusChecks report the state that a connector is in.
func statusChecks() []Check {
	return []Check{
		{
			Code: "connector_disabled", Severity: Info, Scope: ScopeConnector,
			Title: "The connector is disabled",
			When:  "Enabled is false. Such a connector has no other finding, and the daemon does not probe it",
			Remedy: "No action needed if this is intentional. `m365_connector_exporter validate TARGET` probes it before " +
				"you enable it.",
			Source: "Set-InboundConnector, Set-OutboundConnector, Enabled",
			Find:   eachTenant(findDisabled),
		},
		{
			Code: "connector_in_test_mode", Severity: Warning, Scope: ScopeOutbound,
			Title:  "The connector is in test mode",
			When:   "TestMode is true. Such a connector has no other finding, and the daemon does not probe it",
			Remedy: "Complete its validation in the Exchange admin center, or remove it.",
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
			Code: "connector_type_unknown", Severity: Warning, Scope: ScopeConnector,
			Title: "The connector's type is unknown",
			When: "ConnectorType of an enabled connector is neither OnPremises nor Partner. Checks that depend on the type " +
				"are not judged",
			Remedy: "Export the connector again, or configure `connector_type`.",
			Source: "Set-InboundConnector, Set-OutboundConnector, ConnectorType",
			Find:   eachTenant(findUnknownType),
		},
		{
			Code: "connector_not_validated", Severity: Info, Scope: ScopeOutbound,
			Title: "Microsoft's own validation has not passed",
			When:  "IsValidated is false. Not reported while this exporter's probe passes recipient",
			Remedy: "Validate the connector in the Exchange admin center. A validation by Validate-OutboundConnector does not " +
				"set IsValidated.",
			Source:   "Validate-OutboundConnector; validate-connectors",
			Silences: []string{"connector_validation_stale"},
			Find: eachOutbound(func(f *Facts, t *tenant, c *mailflow.OutboundConnector, report func(Finding)) {
				if c.IsValidated == mailflow.No && !f.passedByProbe(t, c) {
					report(newFinding("IsValidated is false."))
				}
			}),
		},
		{
			Code: "connector_validation_stale", Severity: Info, Scope: ScopeOutbound,
			Title: "Microsoft's own validation was long ago",
			When: "LastValidationTimestamp is older than `validation_max_age`. Not reported while this exporter's probe " +
				"passes recipient",
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

func findDisabled(_ *Facts, t *tenant, report func(Finding)) {
	disabled := newFinding("Enabled is false.")
	for i := range t.Outbound {
		if c := &t.Outbound[i]; c.Enabled == mailflow.No {
			report(disabled.withSubject(outboundSubject(t, c)))
		}
	}
	for i := range t.Inbound {
		if c := &t.Inbound[i]; c.Enabled == mailflow.No {
			report(disabled.withSubject(inboundSubject(t, c)))
		}
	}
}

func findUnknownType(_ *Facts, t *tenant, report func(Finding)) {
	judge := func(c *mailflow.Common, subject Subject) {
		switch c.Type {
		case mailflow.OnPremises, mailflow.Partner:
		case "":
			report(newFinding("ConnectorType is not known.").withSubject(subject))
		default:
			report(newFinding("ConnectorType is %q.", c.Type).withSubject(subject))
		}
	}
	for i := range t.Outbound {
		if c := &t.Outbound[i]; judgedOutbound(c) {
			judge(&c.Common, outboundSubject(t, c))
		}
	}
	for i := range t.Inbound {
		if c := &t.Inbound[i]; c.IsEnabled() {
			judge(&c.Common, inboundSubject(t, c))
		}
	}
}

// older reports whether a known instant is more than maxAge ago; never if maxAge is 0.
func older(now, then time.Time, maxAge time.Duration) bool {
	return maxAge > 0 && !then.IsZero() && now.Sub(then) > maxAge
}

// passedByProbe reports whether a path of the connector passed recipient in its last conclusive round, and none failed.
func (f *Facts) passedByProbe(t *tenant, c *mailflow.OutboundConnector) bool {
	passed := false
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
			passed = passed || r.Until >= probes.Recipient
		default:
		}
	}
	return passed
}
