package wire

import (
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"m365_connector_exporter/probes"
)

// produced are the reasons that the tests of this run have met, in results.
var produced sync.Map

func note(targets []target) {
	for _, t := range targets {
		produced.Store(t.Step.Reason, true)
	}
}

func noteResult(r probes.Result) {
	for _, e := range r.Endpoints {
		for _, s := range e.Steps {
			produced.Store(s.Reason, true)
		}
	}
}

// elsewhere are the reasons that this package never gives.
var elsewhere = map[probes.Reason]string{
	probes.ReasonVantageBlocked: "the schedule judges it over all paths",
	probes.ReasonDNSTimeout:     "of package dnsclient",
	probes.ReasonDNSRefused:     "of package dnsclient",
	probes.ReasonDNSBogus:       "of package dnsclient",
	probes.ReasonDNSServfail:    "of package dnsclient",
	probes.ReasonCNAMELoop:      "of package dnsclient",
	probes.ReasonNoAddress:      "of package dnsclient",
}

// TestMain demands, of a run of all tests, that each reason of the catalogue was produced by one of them.
func TestMain(m *testing.M) {
	if mode := os.Getenv(peerProcess); mode != "" {
		servePeer(mode)
		return
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		all := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.fuzz").Value.String() == "" && flag.Lookup("test.list").Value.String() == ""
		for _, info := range probes.Reasons {
			if _, ok := produced.Load(info.Reason); all && !ok && elsewhere[info.Reason] == "" {
				fmt.Fprintf(os.Stderr, "no test of this package produces %s\n", info.Reason)
				code = max(code, 1)
			}
		}
		os.Exit(code)
	}))
}
