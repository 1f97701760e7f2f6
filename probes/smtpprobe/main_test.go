package smtpprobe

import (
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"m365_connector_exporter/probes"
)

// produced are the reasons that the tests of this run have seen in results.
var produced sync.Map

func note(endpoints []probes.Endpoint) {
	for _, e := range endpoints {
		for _, s := range e.Steps {
			produced.Store(s.Reason, true)
		}
	}
}

// elsewhere are the reasons that other packages produce.
var elsewhere = map[probes.Reason]string{
	probes.ReasonVantageBlocked: "package schedule decides over all paths",
	probes.ReasonDNSTimeout:     "package dnsclient",
	probes.ReasonDNSRefused:     "package dnsclient",
	probes.ReasonDNSBogus:       "package dnsclient",
	probes.ReasonDNSServfail:    "package dnsclient",
	probes.ReasonCNAMELoop:      "package dnsclient",
	probes.ReasonNoAddress:      "package dnsclient",
}

// TestMain checks, after a run of all tests, that they produced each reason of the catalogue.
func TestMain(m *testing.M) {
	if mode := os.Getenv(peerProcess); mode != "" {
		servePeer(mode)
		return
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		all := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.fuzz").Value.String() == "" &&
			flag.Lookup("test.list").Value.String() == ""
		for _, info := range probes.Reasons {
			if _, ok := produced.Load(info.Reason); all && !ok && elsewhere[info.Reason] == "" {
				fmt.Fprintf(os.Stderr, "no test of this package produces %s\n", info.Reason)
				code = max(code, 1)
			}
		}
		os.Exit(code)
	}))
}
