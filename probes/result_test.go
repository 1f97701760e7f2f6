package probes_test

import (
	"net/netip"
	"strings"
	"testing"

	"m365_connector_exporter/probes"
)

// endpoint returns an endpoint of a host that passed the stages before one, where it ended for a reason ("" passes it).
func endpoint(host, addr string, stage probes.Stage, reason probes.Reason) probes.Endpoint {
	e := probes.Endpoint{Host: host}
	if addr != "" {
		e.Addr = netip.AddrPortFrom(netip.MustParseAddr(addr), 25)
	}
	for s := range stage {
		e.Steps[s].Outcome = probes.Passed
	}
	e.Steps[stage] = probes.NewStep(reason, "detail")
	return e
}

func TestResultOutcome(t *testing.T) {
	good := endpoint("a", "192.0.2.1", probes.TLSStage, "")
	bad := endpoint("b", "192.0.2.2", probes.Connect, probes.ReasonConnectRefused)
	unsure := endpoint("c", "192.0.2.3", probes.EHLO, probes.ReasonThrottled)
	short := endpoint("d", "192.0.2.4", probes.EHLO, "")
	six := endpoint("a", "2001:db8::1", probes.Connect, probes.ReasonFamilyUnavailable)
	lost := endpoint("e", "", probes.Resolve, probes.ReasonThrottled)
	for name, c := range map[string]struct {
		endpoints []probes.Endpoint
		want      string
	}{
		"no endpoint":                 {nil, "inconclusive"},
		"all passed":                  {[]probes.Endpoint{good, good}, "passed"},
		"one failed":                  {[]probes.Endpoint{good, unsure, bad}, "failed"},
		"one inconclusive":            {[]probes.Endpoint{good, unsure}, "inconclusive"},
		"one did not reach the stage": {[]probes.Endpoint{good, short}, "inconclusive"},
		"a family that the host lacks beside one that passed":          {[]probes.Endpoint{good, six}, "passed"},
		"a family that the host lacks beside one that failed":          {[]probes.Endpoint{six, bad}, "failed"},
		"a family that the host lacks beside one that is inconclusive": {[]probes.Endpoint{six, unsure}, "inconclusive"},
		"a family that the host lacks alone":                           {[]probes.Endpoint{six, six}, "inconclusive"},
		"a family that the host lacks beside a host without address":   {[]probes.Endpoint{six, lost}, "inconclusive"},
	} {
		if got := (probes.Result{Until: probes.TLSStage, Endpoints: c.endpoints}).Outcome(); got.String() != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if got := probes.NotReached.String(); got != "not_reached" {
		t.Errorf("NotReached is %q", got)
	}
}

func TestSomePassedAndSomeInconclusive(t *testing.T) {
	good := endpoint("a", "192.0.2.1", probes.TLSStage, "")
	bad := endpoint("b", "192.0.2.2", probes.Connect, probes.ReasonConnectRefused)
	unsure := endpoint("c", "192.0.2.3", probes.EHLO, probes.ReasonThrottled)
	six := endpoint("a", "2001:db8::1", probes.Connect, probes.ReasonFamilyUnavailable)
	for name, c := range map[string]struct {
		endpoints            []probes.Endpoint
		passed, inconclusive bool
	}{
		"no endpoint":       {nil, false, true},
		"passed":            {[]probes.Endpoint{good}, true, false},
		"failed":            {[]probes.Endpoint{bad}, false, false},
		"each":              {[]probes.Endpoint{good, bad, unsure}, true, true},
		"lacking a family":  {[]probes.Endpoint{good, six}, true, false},
		"no usable address": {[]probes.Endpoint{six}, false, true},
	} {
		r := probes.Result{Until: probes.TLSStage, Endpoints: c.endpoints}
		if r.SomePassed() != c.passed || r.SomeInconclusive() != c.inconclusive {
			t.Errorf("%s: passed %t, inconclusive %t", name, r.SomePassed(), r.SomeInconclusive())
		}
	}
}

func TestEndpointPassesWhileNoMessageIsSent(t *testing.T) {
	for want, e := range map[probes.Outcome]probes.Endpoint{
		probes.Passed:       endpoint("a", "192.0.2.1", probes.Recipient, ""),
		probes.Inconclusive: endpoint("a", "192.0.2.1", probes.TLSStage, ""), // recipient was not reached either
		probes.Failed:       endpoint("a", "192.0.2.1", probes.Message, probes.ReasonMessageRejected),
	} {
		if got := e.Outcome(probes.Message); got != want {
			t.Errorf("%s, want %s: %v", got, want, e.Steps)
		}
	}
}

func TestOutcomeUntilAStageThatDoesNotExist(t *testing.T) {
	e := endpoint("a", "192.0.2.1", probes.Message, "")
	for _, until := range []probes.Stage{probes.NumStages, 200} {
		if got := e.Outcome(until); got != probes.Passed {
			t.Errorf("until %d: %s, want the outcome up to the last stage", until, got)
		}
	}
}

func TestFailureIsTheEarliestThenByHostAndAddress(t *testing.T) {
	early := endpoint("z", "192.0.2.9", probes.Connect, probes.ReasonConnectRefused)
	first := endpoint("a", "192.0.2.1", probes.TLSStage, probes.ReasonTLSVersion)
	second := endpoint("a", "192.0.2.2", probes.TLSStage, probes.ReasonTLSHandshake)
	third := endpoint("b", "192.0.2.1", probes.TLSStage, probes.ReasonTLSHandshake)
	unsure := endpoint("a", "192.0.2.3", probes.Connect, probes.ReasonThrottled)
	for name, c := range map[string]struct {
		endpoints []probes.Endpoint
		want      string
	}{
		"none":           {[]probes.Endpoint{unsure}, ""},
		"earliest stage": {[]probes.Endpoint{first, early, unsure}, "192.0.2.9:25"},
		"first address":  {[]probes.Endpoint{second, first}, "192.0.2.1:25"},
		"first host":     {[]probes.Endpoint{third, second}, "192.0.2.2:25"},
	} {
		e, stage, step, ok := probes.Result{Endpoints: c.endpoints}.Failure()
		if ok != (c.want != "") || ok && e.Addr.String() != c.want || ok && e.Steps[stage].Reason != step.Reason {
			t.Errorf("%s: %s at %s, ok %v; want %q", name, e.Addr, stage, ok, c.want)
		}
	}
}

func TestNewStepBoundsItsDetail(t *testing.T) {
	step := probes.NewStep(probes.ReasonThrottled, strings.Repeat("x", probes.MaxDetail+1))
	if step.Outcome != probes.Inconclusive || len(step.Detail) != probes.MaxDetail {
		t.Errorf("%s, %d bytes of detail", step.Outcome, len(step.Detail))
	}
}

func TestNames(t *testing.T) {
	for _, info := range probes.Stages {
		if got, ok := probes.ParseStage(info.Stage.String()); !ok || got != info.Stage {
			t.Errorf("ParseStage(%q) = %s, %v", info.Stage, got, ok)
		}
	}
	if _, ok := probes.ParseStage("quit"); ok {
		t.Error("ParseStage accepts a stage that does not exist")
	}
	if got := probes.NumStages.String() + probes.NumVerdicts.String(); got != "" {
		t.Errorf("names of what does not exist: %q", got)
	}
	if got := probes.VerdictClientAuth.String(); got != "client_auth" {
		t.Errorf("VerdictClientAuth is %q", got)
	}
}

func TestJudgementEvaluated(t *testing.T) {
	for _, c := range []struct {
		judgement probes.Judgement
		want      bool
	}{
		{probes.Judgement{}, false},
		{probes.Judgement{Outcome: probes.Passed}, true},
		{probes.Judgement{Detail: "no revocation list"}, true},
	} {
		if got := c.judgement.Evaluated(); got != c.want {
			t.Errorf("%+v: %v, want %v", c.judgement, got, c.want)
		}
	}
}

func TestCertificateNames(t *testing.T) {
	c := probes.Certificate{CommonName: "mail.contoso.com", DNSNames: []string{"mail.contoso.com", "contoso.com"}}
	if got := strings.Join(c.Names(), " "); got != "mail.contoso.com contoso.com" {
		t.Errorf("names %q", got)
	}
}
