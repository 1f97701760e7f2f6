package smtpprobe_test

import (
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/smtpprobe"
)

func TestReportedReason(t *testing.T) {
	for name, row := range map[string]struct {
		status, diagnostic string
		reason             probes.Reason
		evidence           probes.Evidence
	}{
		"by the code in the reply": {
			"5.7.1", "550 5.7.64 TenantAttribution; Relay Access Denied", probes.ReasonTenantAttribution, "",
		},
		"by the status":            {"5.1.10", "550 RESOLVER.ADR.RecipientNotFound", probes.ReasonRecipientUnknown, ""},
		"by the status alone":      {"5.7.705", "", probes.ReasonTenantBlocked, ""},
		"by words":                 {"5.0.0", "554 relay access denied", probes.ReasonRelayDenied, ""},
		"by a reply with a hyphen": {"5.0.0", "550-5.1.1 no such user", probes.ReasonRecipientUnknown, ""},
		"with evidence": {
			"5.7.1", "550 5.7.25 reverse DNS", probes.ReasonProberRejected, probes.EvidenceReverseDNS,
		},
		"of a reply that no rule knows":          {"5.9.9", "599 5.9.9 no", probes.ReasonMessageRejected, ""},
		"of a queue that expired":                {"4.4.1", "connect to mail.contoso.com: Connection timed out", "", ""},
		"of nothing":                             {"", "", "", ""},
		"of a success, which is not a refusal":   {"2.0.0", "250 OK", probes.ReasonReplyMalformed, ""},
		"of text that is not a reply at the end": {"", "said: 550 5.7.64", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			reason, evidence := smtpprobe.ReportedReason(row.status, row.diagnostic)
			if reason != row.reason || evidence != row.evidence {
				t.Errorf("%q with %q, want %q with %q", reason, evidence, row.reason, row.evidence)
			}
		})
	}
}

func FuzzReportedReason(f *testing.F) {
	f.Add("5.7.64", "550 5.7.64 TenantAttribution")
	f.Add("4.4.7", "\x00550-5.1.1\xff")
	f.Fuzz(func(t *testing.T, status, diagnostic string) {
		reason, evidence := smtpprobe.ReportedReason(status, diagnostic)
		if _, ok := reason.Info(); !ok && reason != "" {
			t.Errorf("reason %q is not in the catalogue", reason)
		}
		if evidence != "" && !reason.HasVariant(evidence) {
			t.Errorf("reason %q has no remedy for %q", reason, evidence)
		}
	})
}
