package probes_test

import (
	"testing"

	"m365_connector_exporter/probes"
)

func TestRemedyIsChosenByReasonAndEvidence(t *testing.T) {
	for _, tt := range []struct {
		name   string
		step   probes.Step
		remedy string
	}{
		{"passed", probes.Step{Outcome: probes.Passed}, ""},
		{
			"of the evidence",
			probes.Step{Reason: probes.ReasonServerUnavailable, Evidence: probes.EvidenceBackEnd},
			variant(t, probes.ReasonServerUnavailable, probes.EvidenceBackEnd),
		},
		{
			"general, evidence that means nothing for the reason",
			probes.Step{Reason: probes.ReasonNXDomain, Evidence: probes.EvidenceBackEnd},
			general(probes.ReasonNXDomain),
		},
		{"general", probes.Step{Reason: probes.ReasonProberRejected}, general(probes.ReasonProberRejected)},
	} {
		if got := tt.step.Remedy(); got != tt.remedy {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.remedy)
		}
	}
}

func general(r probes.Reason) string {
	info, _ := r.Info()
	return info.Remedy
}

func variant(t *testing.T, r probes.Reason, seen probes.Evidence) string {
	t.Helper()
	info, _ := r.Info()
	for _, v := range info.Variants {
		if v.Evidence == seen {
			return v.Remedy
		}
	}
	t.Fatalf("%s has no variant for %s", r, seen)
	return ""
}

func TestVariantsAreCompleteAndDiffer(t *testing.T) {
	for _, r := range probes.Reasons {
		seen := map[probes.Evidence]bool{}
		for _, v := range r.Variants {
			if v.Evidence == "" || v.When == "" || v.Remedy == "" || v.Remedy == r.Remedy || seen[v.Evidence] {
				t.Errorf("%s: incomplete or repeated variant %+v", r.Reason, v)
			}
			seen[v.Evidence] = true
		}
	}
}
