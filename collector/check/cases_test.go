package check_test

import (
	"strings"
	"testing"

	"m365_connector_exporter/collector/check"
	"m365_connector_exporter/probes/mailflow"
)

// story changes the healthy world in one way. want is how severely the code is found then, with "uncertain" where it must say so; "" is
// a twin that looks alike and must not be found.
type story struct {
	code, name string
	change     func(w *world)
	want       string
	says       string // in the evidence
}

func stories() []story {
	var all []story
	for _, some := range [][]story{
		certificateStories, servedStories, tlsStories, acceptedStories, sharedStories, attributionStories, inboundStories, restrictionStories,
		outboundStories, routingStories, statusStories, tenantStories, proberStories,
	} {
		all = append(all, some...)
	}
	return all
}

func TestStories(t *testing.T) {
	for _, s := range stories() {
		w := newWorld()
		s.change(w)
		got, evidence := "", ""
		for _, f := range w.run() {
			if f.Code == s.code && f.Tenant != "fabrikam" && got == "" { // the severest comes first
				if got, evidence = f.Severity.String(), strings.Join(f.Evidence, "\n"); f.Uncertain != "" {
					got += " uncertain"
				}
			}
		}
		if got != s.want || !strings.Contains(evidence, s.says) {
			t.Errorf("%s, %s: got %q, want %q; evidence %q, want %q in it", s.code, s.name, got, s.want, evidence, s.says)
		}
	}
}

// TestEveryCheckHasACaseAndATwin: a check without a case is not known to find anything, one without a twin finds everything.
func TestEveryCheckHasACaseAndATwin(t *testing.T) {
	cases, twins, highest := map[string]int{}, map[string]int{}, map[string]bool{}
	for _, s := range stories() {
		if s.want == "" {
			twins[s.code]++
			continue
		}
		cases[s.code]++
		severity, _, _ := strings.Cut(s.want, " ")
		highest[s.code+severity] = true
	}
	for _, c := range check.Catalogue() {
		if cases[c.Code] == 0 || twins[c.Code] == 0 || !highest[c.Code+c.Severity.String()] {
			t.Errorf("%s: %d cases, %d twins, one with its highest severity: %t", c.Code, cases[c.Code], twins[c.Code], highest[c.Code+c.Severity.String()])
		}
	}
	for _, s := range stories() {
		if _, ok := check.Lookup(s.code); !ok {
			t.Errorf("%s: no such check", s.code)
		}
	}
}

func TestTheHealthyWorldHasNoFinding(t *testing.T) {
	for _, f := range newWorld().run() {
		t.Errorf("%+v", f)
	}
}

// TestMutedConnectors: a connector that is turned off or in test mode has no finding but its own, whatever else is wrong with it.
func TestMutedConnectors(t *testing.T) {
	for _, s := range stories() {
		w := newWorld()
		s.change(w)
		w.out.Enabled, w.in.Enabled = no, no
		for _, f := range w.run() {
			own := f.Connector == "To on-premises" || f.Connector == "From on-premises"
			if f.Tenant == "contoso" && own && f.Code != "connector_disabled" {
				t.Errorf("%s, %s: turned off, and yet %+v", s.code, s.name, f)
			}
		}
	}
}

// TestWhatAnExportLeftOutIsNotJudged: that a property is not known is no reason for a finding about its being empty.
func TestWhatAnExportLeftOutIsNotJudged(t *testing.T) {
	for code, property := range map[string]string{
		"smart_hosts_missing": "smart_hosts", "tls_opportunistic": "tls_settings", "tls_domain_missing": "tls_domain", "tls_domain_ignored": "tls_settings",
		"connector_never_used": "recipient_domains", "no_authentication": "sender_ip_addresses", "ip_authentication_only": "tls_sender_certificate_name",
	} {
		for _, s := range stories() {
			w := newWorld()
			s.change(w)
			w.out.MissingProperties, w.in.MissingProperties = []string{property}, []string{property}
			if s.code == code && codesOf(w.run())[code] {
				t.Errorf("%s, %s: found without %s", code, s.name, property)
			}
		}
	}
	w := newWorld()
	w.in.Type, w.in.RestrictDomainsToIPAddresses, w.in.MissingProperties = mailflow.Partner, yes, []string{"sender_ip_addresses"}
	if codesOf(w.run())["restriction_without_list"] {
		t.Error("a list that is not known is taken for empty")
	}
}

// TestUncertainIsNeverCritical over everything that the stories raise.
func TestUncertainIsNeverCritical(t *testing.T) {
	for _, s := range stories() {
		w := newWorld()
		s.change(w)
		for _, f := range w.run() {
			if f.Uncertain != "" && f.Severity == check.Critical || len(f.Evidence) == 0 || len(f.Evidence) > check.MaxEvidence {
				t.Errorf("%s, %s: %+v", s.code, s.name, f)
			}
		}
	}
}

// TestAssumedSenders: what rests on a sender that nobody configured is at most a warning.
func TestAssumedSenders(t *testing.T) {
	for _, s := range stories() {
		w := newWorld()
		s.change(w)
		w.sender.Assumed = true
		for _, f := range w.run() {
			if f.Tenant == "contoso" && f.Path == "edge-1" && f.Severity == check.Critical {
				t.Errorf("%s, %s: %+v", s.code, s.name, f)
			}
		}
	}
}
