package collector_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"

	"m365_connector_exporter/collector"
	"m365_connector_exporter/collector/evaluate"
	"m365_connector_exporter/collector/internal/golden"
	"m365_connector_exporter/probes"
)

// TestGoldenProbe has an endpoint that passes, one that fails, a host without an address, and an endpoint listed
// twice.
func TestGoldenProbe(t *testing.T) {
	p := path("c", "h")
	good := healthy("h", "192.0.2.1")
	good.TLS.Verdicts[probes.VerdictTrust].Outcome = probes.Passed
	good.TLS.Chain[0].DNSNames = []string{"h", "mail.contoso.com"}
	refused := endpoint("h", "192.0.2.2", passed(time.Millisecond), problem(probes.ReasonConnectRefused))
	result := round(p, noon, good, refused, refused, endpoint("lost\x01", "", problem(probes.ReasonNXDomain)))
	golden.Check(t, "testdata/probe.golden", probePage(t, result, probes.NotReached))
}

// probePage is what /probe writes for a result and the last verdict of its path.
func probePage(t *testing.T, result probes.Result, last probes.Outcome) string {
	t.Helper()
	var page strings.Builder
	if err := collector.WriteProbe(&page, expfmt.FmtText, evaluate.OnDemand(result, last)); err != nil {
		t.Fatal(err)
	}
	return page.String()
}

func TestInconclusiveProbeShowsTheLastVerdict(t *testing.T) {
	p := path("c", "h")
	passes := round(p, noon, healthy("h", "192.0.2.1"))
	busy := round(p, noon, endpoint("h", "192.0.2.1", passed(0), passed(0), problem(probes.ReasonThrottled)))
	cut := round(p, noon, healthy("h", "192.0.2.1"),
		endpoint("h", "192.0.2.2", passed(0), problem(probes.ReasonCanceled)))
	for _, c := range []struct {
		name   string
		result probes.Result
		last   probes.Outcome
		want   []string
		not    string
	}{
		{
			"passed",
			passes, probes.Failed,
			[]string{"probe_success 1", "probe_inconclusive 0"},
			"",
		},
		{"no verdict yet", busy, probes.NotReached, []string{"probe_inconclusive 1"}, "probe_success"},
		{
			"failed before",
			busy, probes.Failed,
			[]string{"probe_success 0", "probe_inconclusive 1"},
			"",
		},
		{"interrupted", cut, probes.NotReached, []string{"probe_inconclusive 1"}, "probe_success"},
	} {
		page := probePage(t, c.result, c.last)
		for _, line := range c.want {
			if !strings.Contains(page, "\n"+line+"\n") {
				t.Errorf("%s: no line %s on\n%s", c.name, line, page)
			}
		}
		if c.not != "" && strings.Contains(page, c.not+" ") {
			t.Errorf("%s: %s is exposed", c.name, c.not)
		}
	}
}
