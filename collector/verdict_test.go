package collector_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/probes"
)

const (
	addressA = "192.0.2.1"
	addressB = "192.0.2.2"
	addressC = "2001:db8::3"
)

func failsAtA() probes.Endpoint { return refused("h", addressA) }

func throttles(address string) probes.Endpoint {
	return endpoint("h", address, passed(0), passed(0), problem(probes.ReasonThrottled))
}

// lacksResources refuses as a server does that has no resources left.
func lacksResources(address string) probes.Endpoint {
	return endpoint("h", address, passed(0), passed(0), problem(probes.ReasonServerUnavailable))
}

func interruptedAt(address string) probes.Endpoint {
	return endpoint("h", address, passed(0), problem(probes.ReasonCanceled))
}

func noFamilyAtC() probes.Endpoint {
	return endpoint("h", addressC, passed(0), problem(probes.ReasonFamilyUnavailable))
}

// shows replaces the certificate that an endpoint shows.
func shows(e probes.Endpoint, serial string) probes.Endpoint {
	e.TLS = healthy(e.Host, addressA).TLS
	e.TLS.Chain[0].Serial = serial
	return e
}

// passes is an endpoint that passes and shows a certificate with serial 0a.
func passes(address string) probes.Endpoint { return healthy("h", address) }

// provisional marks a round that a second one has to confirm.
var provisional = probes.Endpoint{}

type story struct {
	name  string
	steps []storyStep
}

// storyStep is one round and what is exposed afterwards: the path's value and reason, "inconclusive" where that is 1,
// and for each endpoint its value and the serial of its certificate.
type storyStep struct {
	round []probes.Endpoint
	want  string
}

func steps(all ...storyStep) []storyStep { return all }

func step(want string, round ...probes.Endpoint) storyStep { return storyStep{round, want} }

var stories = []story{
	{"fails and recovers beside an endpoint that stays inconclusive", steps(
		step("path -, inconclusive", throttles(addressB)),
		step("path 1, inconclusive; 192.0.2.1=1 0a", passes(addressA), throttles(addressB)),
		step("path 1, inconclusive; 192.0.2.1=1 0a", failsAtA(), throttles(addressB), provisional),
		step("path 0 connect_refused, inconclusive; 192.0.2.1=0 0a", failsAtA(), throttles(addressB)),
		step("path 1, inconclusive; 192.0.2.1=1 0a", passes(addressA), throttles(addressB)),
	)},
	{"an inconclusive endpoint keeps its verdict and its certificate", steps(
		step("path 0 connect_refused; 192.0.2.1=0, 192.0.2.2=1 0a", failsAtA(), passes(addressB)),
		step("path 0 connect_refused, inconclusive; 192.0.2.1=0, 192.0.2.2=1 0a", throttles(addressA), passes(addressB)),
		step("path 0 connect_refused, inconclusive; 192.0.2.1=0, 192.0.2.2=1 0a", throttles(addressA), throttles(addressB)),
		step("path 1, inconclusive; 192.0.2.1=1 0a, 192.0.2.2=1 0a", passes(addressA), throttles(addressB)),
	)},
	{"a server that runs out of resources fails once confirmed, until it accepts mail again", steps(
		step("path 1; 192.0.2.1=1 0a", passes(addressA)),
		step("path 1; 192.0.2.1=1 0a", lacksResources(addressA), provisional),
		step("path 0 server_unavailable; 192.0.2.1=0 0a", lacksResources(addressA)),
		step("path 0 server_unavailable, inconclusive; 192.0.2.1=0 0a", throttles(addressA)),
		step("path 1; 192.0.2.1=1 0a", passes(addressA)),
	)},
	{"an interrupted endpoint keeps its verdict, and its neighbours get theirs", steps(
		step("path 1; 192.0.2.1=1 0a, 192.0.2.2=1 0a", passes(addressA), passes(addressB)),
		step("path 0 connect_refused, inconclusive; 192.0.2.1=0 0a, 192.0.2.2=1 0a", failsAtA(), interruptedAt(addressB)),
		step("path 1, inconclusive; 192.0.2.1=1 0a, 192.0.2.2=1 0a", passes(addressA), interruptedAt(addressB)),
	)},
	{"an address family that this host lacks makes nothing inconclusive beside another", steps(
		step("path 1; 192.0.2.1=1 0a", passes(addressA), noFamilyAtC()),
		step("path 0 connect_refused; 192.0.2.1=0 0a", failsAtA(), noFamilyAtC()),
		step("path 1; 192.0.2.1=1 0a", passes(addressA), noFamilyAtC()),
		step("path 1, inconclusive", noFamilyAtC()),
	)},
	{"a certificate is recorded whatever comes afterwards", steps(
		step("path 1; 192.0.2.1=1 0a, 192.0.2.2=1 0a", passes(addressA), passes(addressB)),
		step("path 1, inconclusive; 192.0.2.1=1 0b, 192.0.2.2=1 0a", shows(passes(addressA), "0b"), throttles(addressB)),
		step("path 1, inconclusive; 192.0.2.1=1 0b, 192.0.2.2=1 0c",
			shows(passes(addressA), "0b"), shows(throttles(addressB), "0c")),
		step("path 1, inconclusive; 192.0.2.1=1 0d, 192.0.2.2=1 0c",
			shows(failsAtA(), "0d"), throttles(addressB), provisional),
	)},
	{"an address that DNS no longer names leaves with its verdict", steps(
		step("path 0 connect_refused; 192.0.2.1=0, 192.0.2.2=1 0a", failsAtA(), passes(addressB)),
		step("path 1, inconclusive; 192.0.2.2=1 0a", throttles(addressB)),
	)},
	{"while no endpoint has a verdict the last one holds", steps(
		step("path 0 connect_refused; 192.0.2.1=0", failsAtA()),
		step("path 0 connect_refused, inconclusive", throttles(addressB)),
		step("path 1; 192.0.2.2=1 0a", passes(addressB)),
		step("path 1, inconclusive", throttles(addressA)),
	)},
}

func TestVerdictsBelongToEndpoints(t *testing.T) {
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			p := path("c", "h")
			store := collector.NewStore(time.Now)
			store.SetInventory(nil, []probes.Path{p})
			for i, step := range s.steps {
				r := round(p, noon.Add(time.Duration(i)*time.Minute), step.round...)
				if last := len(r.Endpoints) - 1; r.Endpoints[last].Host == "" {
					r.Provisional, r.Endpoints = true, r.Endpoints[:last]
				}
				store.Record(r)
				if got := exposedVerdicts(t, store); got != step.want {
					t.Errorf("round %d:\n got %s\nwant %s", i+1, got, step.want)
				}
			}
		})
	}
}

// TestMessageStageIsExposedForMessagesThatWereSent: between two messages the outcome of the last one stands, without a
// duration; before the first there is none.
func TestMessageStageIsExposedForMessagesThatWereSent(t *testing.T) {
	p := path("c", "h")
	p.Settings.Until = probes.Message
	e := passes(addressA)
	e.Steps[probes.Recipient] = passed(time.Millisecond)
	sent, repeated, refused := e, e, e
	sent.Steps[probes.Message] = passed(time.Second)
	repeated.Steps[probes.Message] = probes.Step{Outcome: probes.Passed, Repeated: true}
	refused.Steps[probes.Message] = problem(probes.ReasonMessageRejected)
	refused.Steps[probes.Message].Repeated = true
	store := collector.NewStore(time.Now)
	store.SetInventory(nil, []probes.Path{p})
	for _, c := range []struct {
		name                        string
		endpoint                    probes.Endpoint
		verdict, success, durations string
		observed                    string // messages in the histogram
	}{
		{"no message yet", e, "1", "", "", ""},
		{"a message is accepted", sent, "1", "1", "1", "1"},
		{"between two messages", repeated, "1", "1", "", "1"},
		{"the last message was refused", refused, "0", "0", "", "1"},
	} {
		store.Record(round(p, noon, c.endpoint))
		page := written(t, gathererOf(store), expfmt.FmtText)
		for prefix, want := range map[string]string{
			`m365_connector_probe_success{connector="c",direction="outbound",path="h",tenant="contoso"} `: c.verdict,
			`m365_connector_endpoint_stage_success{` + stageLabels("message") + `} `:                      c.success,
			`m365_connector_endpoint_stage_duration_seconds{` + stageLabels("message") + `} `:             c.durations,
			`m365_connector_stage_duration_seconds_count{direction="outbound",stage="message"} `:          c.observed,
			`m365_connector_endpoint_stage_success{` + stageLabels("recipient") + `} `:                    "1",
			`m365_connector_endpoint_stage_duration_seconds{` + stageLabels("recipient") + `} `:           "0.001",
		} {
			if got := valueOf(page, prefix); got != want {
				t.Errorf("%s: %q, want %q: %s", c.name, got, want, prefix)
			}
		}
	}
}

func stageLabels(stage string) string {
	return `address="192.0.2.1",connector="c",direction="outbound",host="h",path="h",stage="` + stage +
		`",tenant="contoso"`
}

// valueOf returns the value of the series that begins with prefix, or "".
func valueOf(page, prefix string) string {
	for line := range strings.Lines(page) {
		if value, ok := strings.CutPrefix(line, prefix); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// exposedVerdicts reads the metrics as a storyStep has them.
func exposedVerdicts(t *testing.T, store *collector.Store) string {
	t.Helper()
	families, err := collector.NewGatherer(nil, nil, store).Gather()
	if err != nil {
		t.Fatal(err)
	}
	pathValue, reason, inconclusive := "-", "", ""
	endpoints := map[string]*[2]string{} // value and serial
	at := func(address string) *[2]string {
		if endpoints[address] == nil {
			endpoints[address] = &[2]string{"-", ""}
		}
		return endpoints[address]
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			value := map[float64]string{0: "0", 1: "1"}[m.GetGauge().GetValue()]
			switch f.GetName() {
			case "m365_connector_probe_success":
				pathValue = value
			case "m365_connector_probe_failure_info":
				reason += " " + labelOf(m, "reason")
			case "m365_connector_probe_inconclusive":
				inconclusive = map[string]string{"1": ", inconclusive"}[value]
			case "m365_connector_endpoint_success":
				at(labelOf(m, "address"))[0] = value
			case "m365_connector_certificate_info":
				at(labelOf(m, "address"))[1] = " " + labelOf(m, "serial")
			}
		}
	}
	text, separator := "path "+pathValue+reason+inconclusive, "; "
	var addresses []string
	for address := range endpoints {
		addresses = append(addresses, address)
	}
	slices.Sort(addresses)
	for _, address := range addresses {
		text += separator + address + "=" + strings.Join(endpoints[address][:], "")
		separator = ", "
	}
	return text
}

func labelOf(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}
