package wire

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate/certtest"
	"m365_connector_exporter/probes/mailflow"
)

// oneAtATime is a gate with a single place.
type oneAtATime struct{ place chan struct{} }

func (g oneAtATime) Acquire(ctx context.Context, _ string, _ netip.Addr) (func(bool), error) {
	select {
	case g.place <- struct{}{}:
		return func(bool) { <-g.place }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestListsDoNotWaitForTheirProbe: the only place is the probe's, and its lists are at the address of the mail server.
func TestListsDoNotWaitForTheirProbe(t *testing.T) {
	l := newLists(t)
	l.serve("/inter.crl", l.list(t, l.Inter, nil))
	at, _ := serve(t, healthy(certtest.ServerConfig(l.leaf, l.Inter)))
	w := New(Options{Roots: l.Roots, AllowNetworks: loopback, CheckRevocation: true, Limiter: oneAtATime{make(chan struct{}, 1)}})
	p := testPath(at, probes.TLSStage, mailflow.CertificateValidation)
	p.Settings.ConnectTo = []netip.Addr{at.Addr()}
	if ep := probeOne(t, w, p); ep.TLS.Verdicts[probes.VerdictRevocation].Outcome != probes.Passed {
		t.Errorf("%+v", ep.TLS.Verdicts)
	}
	if len(p.Settings.ConnectTo) != 1 {
		t.Error("the look-up of a list's host changed the path")
	}
}

// TestTurns: one connection at a time to one address, and a turn that does not come ends with its context.
func TestTurns(t *testing.T) {
	turns := &turns{taken: map[netip.Addr]chan struct{}{}}
	here, there := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	give, err := turns.take(t.Context(), here)
	if err != nil {
		t.Fatal(err)
	}
	other, err := turns.take(t.Context(), there)
	if err != nil {
		t.Fatal("another address waits, too")
	}
	other()
	late, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := turns.take(late, here); err == nil {
		t.Error("two turns at one address")
	}
	next := make(chan error)
	go func() {
		give, err := turns.take(t.Context(), here)
		if err == nil {
			give()
		}
		next <- err
	}()
	give()
	give() // twice does no harm
	if err := <-next; err != nil {
		t.Error(err)
	}
	if len(turns.taken) != 0 {
		t.Errorf("%d turns are kept", len(turns.taken))
	}
}

// TestWith: a Prober with new options knows what the old one has learned, and heeds its own options.
func TestWith(t *testing.T) {
	l := newLists(t)
	l.serve("/inter.crl", l.list(t, l.Inter, nil))
	at, _ := serve(t, healthy(certtest.ServerConfig(l.leaf, l.Inter)))
	zone := startDNS(t, "exo.lab.test. 60 IN A 192.0.2.1\nexo.lab.test. 60 IN A 192.0.2.2\n")
	options := Options{Roots: l.Roots, AllowNetworks: loopback, CheckRevocation: true, ExchangeOnlineHosts: []string{"*.lab.test"}, SystemDNS: []string{zone}}
	w := New(options)
	turn := probes.Path{ID: probes.PathID{Path: "exo"}, NextHop: "exo.lab.test", Settings: probes.Settings{Protocol: probes.IP4}}
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
	give, err := w.revocation.turns.take(t.Context(), at.Addr())
	if err != nil {
		t.Fatal(err)
	}
	busy, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := w.With(options).revocation.fetch(busy, &p, l.URL+"/inter.crl"); err == nil {
		t.Error("a list was fetched from where another one is being fetched")
	}
	give()
	options.AllowNetworks, options.CheckRevocation = nil, false
	if step := probeOne(t, w.With(options), p).Steps[probes.Connect]; step.Reason != probes.ReasonAddressRefused {
		t.Errorf("the old options hold: %+v", step)
	}
}
