package wire

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// turnstile admits everybody and tells who enters and who leaves.
type turnstile struct{ entered, left chan netip.Addr }

func (g turnstile) Enter(ctx context.Context, addr netip.Addr) (func(bool), error) {
	g.entered <- addr
	return func(bool) { g.left <- addr }, ctx.Err()
}

// TestListsKeepTheirTurn: a list is fetched through the gate, as everything is, and the place is given back.
func TestListsKeepTheirTurn(t *testing.T) {
	l := newLists(t)
	l.serve("/inter.crl", l.list(t, l.inter, nil))
	gate := turnstile{make(chan netip.Addr, 10), make(chan netip.Addr, 10)}
	r := newRevocation(newResolver(nil, loopback, nil), gate, time.Now)
	if got := r.judge(t.Context(), &probes.Path{}, l.chain(l.leaf)); got.Outcome != probes.Passed {
		t.Fatalf("%+v", got)
	}
	for range 2 { // the transport closes in its own time
		<-gate.left
	}
	if len(gate.entered) != 2 || len(gate.left) != 0 {
		t.Errorf("%d entered, %d more left than two: want both lists, once", len(gate.entered), len(gate.left))
	}
	shut := newRevocation(newResolver(nil, loopback, nil), closedGate{}, time.Now)
	if got := shut.judge(t.Context(), &probes.Path{}, l.chain(l.leaf)); got.Outcome != probes.NotReached {
		t.Errorf("past a closed gate: %+v", got)
	}
}

// TestWith: a Prober with new options knows what the old one has learned, and heeds its own options.
func TestWith(t *testing.T) {
	l := newLists(t)
	l.serve("/inter.crl", l.list(t, l.inter, nil))
	at, _ := serve(t, healthy(serverConfig(l.leaf, l.inter)))
	zone := oddDNS(t, func(w dns.ResponseWriter, q *dns.Msg) {
		_ = w.WriteMsg(answer(q, "exo.lab.test. 60 IN A 192.0.2.1", "exo.lab.test. 60 IN A 192.0.2.2"))
	})
	options := Options{Roots: l.roots, AllowNetworks: loopback, CheckRevocation: true, ExchangeOnlineHosts: []string{"*.lab.test"}, SystemDNS: []string{zone}}
	w := New(options)
	turn := probes.Path{ID: probes.PathID{Path: "exo"}, Hop: "exo.lab.test", Settings: probes.Settings{Protocol: probes.IP4}}
	first, _ := w.resolver.resolveHop(t.Context(), &turn)
	p := testPath(at, probes.TLSStage, mailflow.CertificateValidation)
	for range 3 { // three reloads
		if ep := probeOne(t, w, p); ep.TLS.Verdicts[probes.VerdictRevocation].Outcome != probes.Passed {
			t.Fatalf("%+v", ep)
		}
		w = w.With(options)
	}
	if n := l.asked.Load(); n != 2 {
		t.Errorf("%d requests for two lists over three reloads", n)
	}
	if second, _ := w.resolver.resolveHop(t.Context(), &turn); words(second) == words(first) {
		t.Errorf("%s again: the turns began anew", words(second))
	}
	options.AllowNetworks, options.CheckRevocation = nil, false
	if step := probeOne(t, w.With(options), p).Steps[probes.Connect]; step.Reason != probes.ReasonAddressRefused {
		t.Errorf("the old options hold: %+v", step)
	}
}
