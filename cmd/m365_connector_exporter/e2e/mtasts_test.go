//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// policyResult is what /metrics has about a domain with a policy.
type policyResult struct {
	mode, prediction, finding string
}

// policyResults are those of the domains of the lab. A mode is empty until the policy was fetched.
func policyResults(m metrics) map[string]policyResult {
	results := map[string]policyResult{}
	for _, p := range policyDomains() {
		var r policyResult
		for _, s := range m.find("mta_sts_info", "domain", p.domain()) {
			r.mode = s.labels["mode"]
		}
		for _, s := range m.find("delivery_prediction", "connector", p.name, "mechanism", "mta_sts") {
			r.prediction = s.labels["outcome"]
		}
		for _, s := range m.find("finding_info", "connector", p.name, "check", "mta_sts_would_queue") {
			r.finding = s.labels["severity"]
		}
		results[p.name] = r
	}
	return results
}

// TestMTASTSPrediction has one path to each domain with a policy. Whatever a policy host serves, the other domains have
// their result.
func TestMTASTSPrediction(t *testing.T) {
	l := startDANE(t)
	want := map[string]policyResult{
		"sts-listed":         {"enforce", "deliver", ""},
		"sts-wildcard":       {"enforce", "deliver", ""},
		"sts-second":         {"enforce", "deliver", ""},
		"sts-unlisted":       {"enforce", "queue", "critical"},
		"sts-self-signed-mx": {"enforce", "queue", "critical"},
		"sts-plain-mx":       {"enforce", "queue", "critical"},
		"sts-testing":        {"testing", "not_applicable", ""},
		"sts-none":           {"none", "not_applicable", ""},
		"sts-self-signed":    {"invalid", "not_applicable", ""},
		"sts-expired":        {"invalid", "not_applicable", ""},
		"sts-other-name":     {"invalid", "not_applicable", ""},
		"sts-html":           {"invalid", "not_applicable", ""},
		"sts-redirect":       {"invalid", "not_applicable", ""},
		"sts-huge":           {"invalid", "not_applicable", ""},
		"sts-many-mx":        {"invalid", "not_applicable", ""},
		"sts-slow":           {}, // it has no end: a host that does not answer is not judged
	}
	var paths []path
	for _, p := range policyDomains() {
		paths = append(paths, path{connector: p.name, hop: "mx:" + p.domain(), port: danePort})
	}
	off := path{connector: "off", hop: "mx:sts-unlisted." + daneZone, port: danePort, keys: "mta_sts_mode: None"}
	d := l.serve(l.configure("mtasts.yaml", append(paths, off)...))
	eventually(t, 30*time.Second, func() string {
		var wrong []string
		for name, got := range policyResults(d.metrics()) {
			if got != want[name] {
				wrong = append(wrong, fmt.Sprintf("%s: %+v, want %+v", name, got, want[name]))
			}
		}
		return strings.Join(wrong, "\n")
	})
	// The mode of this connector is None: the policy that would hold its mail is not applied.
	if v, ok := d.metrics().value("delivery_prediction", "connector", "off", "mechanism", "mta_sts",
		"outcome", "not_applicable"); !ok || v != 1 {
		t.Errorf("a connector with MtaStsMode None: prediction not_applicable %v, %v; want 1", v, ok)
	}
	invalid := d.metrics().find("finding_info", "check", "mta_sts_invalid")
	if len(invalid) != 1 || invalid[0].labels["severity"] != "warning" {
		t.Errorf("mta_sts_invalid: %+v, want one warning for the tenant", invalid)
	}
	if status, body := d.http("GET", "/findings"); status != 200 || !strings.Contains(body, "4.4.8") {
		t.Errorf("/findings: %d, want 4.4.8 in\n%.3000s", status, body)
	}
}
