package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/probes"
)

func TestUnjudgedVerdictsSayWhy(t *testing.T) {
	s := &testSite{}
	p := state(outbound("contoso", "To servers", "one"), probes.TLSStage, passed)
	p.Latest.Endpoints[0].TLS = &probes.TLS{}
	p.Latest.Endpoints[0].TLS.Verdicts[probes.VerdictRevocation].Detail = "the list did not come"
	s.snapshot.Paths = []*collector.PathState{p}
	body := get(s.handler(), "/path?target=contoso/outbound/To%2520servers/one").Body.String()
	if !strings.Contains(body, `not revoked</strong>: could not be judged <span class="quiet">the list did not come`) ||
		strings.Contains(body, "not reached") {
		t.Errorf("the page does not contain that revocation could not be judged:\n%s", body)
	}
}

// TestFindingsAreShownWithTheirPath: a finding with the cause of a failing path is on the card of that path only.
func TestFindingsAreShownWithTheirPath(t *testing.T) {
	expired := probes.Step{Outcome: probes.Failed, Reason: probes.ReasonCertificateExpired, Detail: "expired yesterday"}
	s := &testSite{}
	for _, name := range []string{"one", "two"} {
		s.snapshot.Paths = append(s.snapshot.Paths, state(outbound("contoso", "To servers", name), probes.TLSStage, expired))
	}
	about := func(code, path string) check.Finding {
		return check.Finding{
			Key:      check.Key{Code: code, Subject: check.Subject(outbound("contoso", "To servers", path))},
			Severity: check.Critical, Evidence: []string{code + " of " + path},
		}
	}
	hidden := about("certificate_expired", "two")
	hidden.Suppressed = &check.Suppression{Owner: "o", Reason: "r", Expires: noon}
	s.snapshot.Report = &evaluate.Report{
		Findings: []check.Finding{about("certificate_expired", "one"), about("certificate_weak_key", "one"), hidden},
	}
	if body := get(s.handler(), "/?state=passed").Body.String(); strings.Contains(body, "<li>certificate_expired of one") {
		t.Error("a finding about a path that fails is shown among what passes")
	}
	for _, c := range []struct {
		query, finding, place string // the last place before the finding's evidence
	}{
		{"", "certificate_expired of one", "problems"},
		{"", "certificate_weak_key of one", "findings"},
		{"", "certificate_expired of two", "findings"},
	} {
		body := get(s.handler(), "/"+c.query).Body.String()
		before, _, found := strings.Cut(body, "<li>"+c.finding+"</li>")
		if !found || strings.Count(body, "<li>"+c.finding+"</li>") != 1 ||
			!strings.Contains(before[strings.LastIndex(before, "<section id="):], `"`+c.place+`"`) {
			t.Errorf("%q: %q is not once in %s:\n%s", c.query, c.finding, c.place, body)
		}
		if merged := strings.Contains(body, "1 finding is shown above"); merged != (c.query == "") {
			t.Errorf("%q: findings shown with their path: %t", c.query, merged)
		}
	}
}

func TestPathPassesBesideAnInconclusiveEndpoint(t *testing.T) {
	p := state(outbound("contoso", "c", "h"), probes.TLSStage, passed)
	busy := p.Latest.Endpoints[0]
	busy.Host = "busy.contoso.com"
	busy.Steps[probes.EHLO] = probes.NewStep(probes.ReasonThrottled, "")
	p.Latest.Endpoints = append(p.Latest.Endpoints, busy)
	h := (&testSite{snapshot: collector.Snapshot{Paths: []*collector.PathState{p}}}).handler()
	body := get(h, "/path?target=contoso/c/h").Body.String()
	for _, want := range []string{
		"<title>passed: ", "An endpoint was inconclusive in the newest round; the others passed.",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
}

// Pages before the first results.
func TestPagesWithoutResults(t *testing.T) {
	once := state(outbound("contoso", "c", "h"), probes.TLSStage, failed)
	once.Verdict, once.Conclusive, once.Latest.Provisional = probes.NotReached, nil, true
	fresh := &collector.PathState{Path: &probes.Path{ID: outbound("contoso", "c", "new")}}
	none := (&testSite{}).handler()
	two := (&testSite{snapshot: collector.Snapshot{Paths: []*collector.PathState{once, fresh}}}).handler()
	for _, c := range []struct {
		h             http.Handler
		url, contains string
	}{
		{none, "/", "The configuration has no path: it has no tenant"},
		{none, "/", "Fewer than two tenants are configured here"},
		{none, "/attribution", "Fewer than two tenants are configured here"},
		{two, "/path?target=contoso/c/new", "waits for its first round"},
		{two, "/path?target=contoso/c/h", "waits for its second round"},
	} {
		if body := get(c.h, c.url).Body.String(); !strings.Contains(body, c.contains) {
			t.Errorf("%s does not contain %q", c.url, c.contains)
		}
	}
}

func TestWarningsAreCounted(t *testing.T) {
	s := &testSite{}
	if strings.Contains(get(s.handler(), "/").Body.String(), "warnings") {
		t.Error("a page without warnings has a section for them")
	}
	for i := range 25 {
		s.status.Warnings = append(s.status.Warnings, fmt.Sprintf("file %d is empty", i))
	}
	s.status.MoreWarnings = 100
	body := get(s.handler(), "/").Body.String()
	for _, want := range []string{"125 warnings about the configuration", "file 19 is empty", "and 105 more"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestSuppressedFindingsAreCounted(t *testing.T) {
	s := &testSite{}
	s.snapshot.Report = &evaluate.Report{}
	for i := range 30 {
		s.snapshot.Report.Findings = append(s.snapshot.Report.Findings, check.Finding{
			Key:        check.Key{Code: "smart_hosts_ignored", Subject: check.Subject{Tenant: fmt.Sprint("tenant-", i)}},
			Severity:   check.Warning,
			Suppressed: &check.Suppression{Owner: "mail-team", Expires: noon.Add(time.Hour)},
		})
	}
	body := get(s.handler(), "/").Body.String()
	for _, want := range []string{"<summary>30 suppressed findings</summary>", "and 5 more"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}
