package smtpprobe

import (
	"context"
	"crypto/x509"
	"net/netip"
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/certificate"
	"m365_connector_exporter/probes/certificate/certtest"
	"m365_connector_exporter/probes/mailflow"
)

// oneAtATime is a limiter with a single place.
type oneAtATime struct{ place chan struct{} }

func (g oneAtATime) Acquire(ctx context.Context, _ string, _ netip.Addr) (func(bool), error) {
	select {
	case g.place <- struct{}{}:
		return func(bool) { <-g.place }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// The only place of the limiter is the probe's, and its lists are at the address of the mail server.
func TestRevocationDoesNotWaitForTheLimiter(t *testing.T) {
	l := certtest.NewCRLServer(t)
	l.Serve("/inter.crl", certtest.SignCRL(t, l.Inter, nil))
	at, _ := serve(t, healthy(certtest.ServerConfig(l.LeafCert, l.Inter)))
	w := New(Options{
		Roots: l.Roots, AllowNetworks: loopback, CheckRevocation: true,
		Limiter: oneAtATime{make(chan struct{}, 1)},
	})
	p := testPath(at, probes.TLSStage, mailflow.CertificateValidation)
	p.Settings.ConnectTo = []netip.Addr{at.Addr()}
	if ep := probeOne(t, w, p); ep.TLS.Verdicts[probes.VerdictRevocation].Outcome != probes.Passed {
		t.Errorf("%+v", ep.TLS.Verdicts)
	}
	if len(p.Settings.ConnectTo) != 1 {
		t.Error("the look-up of a list's host changed the path")
	}
}

func TestWithOptionsKeepsWhatWasLearned(t *testing.T) {
	l := certtest.NewCRLServer(t)
	l.Serve("/inter.crl", certtest.SignCRL(t, l.Inter, nil))
	at, _ := serve(t, healthy(certtest.ServerConfig(l.LeafCert, l.Inter)))
	zone := startDNS(t, "exo.lab.test. 60 IN A 192.0.2.1\nexo.lab.test. 60 IN A 192.0.2.2\n")
	options := Options{
		Roots: l.Roots, AllowNetworks: loopback, CheckRevocation: true,
		ExchangeOnlineHosts: []string{"*.lab.test"}, SystemDNS: []string{zone},
	}
	w := New(options)
	hidden := probes.Path{
		ID: probes.PathID{Path: "exo"}, NextHop: "exo.lab.test",
		Settings: probes.Settings{Protocol: probes.IP4},
	}
	first, _, _ := w.resolve(t.Context(), &hidden)
	p := testPath(at, probes.TLSStage, mailflow.CertificateValidation)
	for range 3 { // three reloads
		if ep := probeOne(t, w, p); ep.TLS.Verdicts[probes.VerdictRevocation].Outcome != probes.Passed {
			t.Fatalf("%+v", ep)
		}
		w = w.WithOptions(options)
	}
	if n := l.Requests.Load(); n != 2 {
		t.Errorf("%d requests for two lists over three reloads", n)
	}
	if second, _, _ := w.resolve(t.Context(), &hidden); summary(second) == summary(first) {
		t.Errorf("%s again: the rotation began again", summary(second))
	}
	options.AllowNetworks, options.CheckRevocation = nil, false
	if step := probeOne(t, w.WithOptions(options), p).Steps[probes.Connect]; step.Reason != probes.ReasonAddressRefused {
		t.Errorf("the old options hold: %+v", step)
	}
}

// TestWithOptionsKeepsVerificationsOfTheSameRoots: probes that wait at the limiter keep their Prober for long, so each
// reload must not have roots and verifications of its own. With other roots, chains are verified again.
func TestWithOptionsKeepsVerificationsOfTheSameRoots(t *testing.T) {
	one, other := certtest.NewCRLServer(t), certtest.NewCRLServer(t)
	stores := func(roots *x509.CertPool) []certificate.Store {
		return []certificate.Store{{Name: "partner", Roots: roots}}
	}
	first := New(Options{Roots: one.Roots, TrustStores: stores(other.Roots)})
	for name, c := range map[string]struct {
		roots, store *x509.CertPool
		same         bool
	}{
		"read again":  {one.Roots.Clone(), other.Roots.Clone(), true},
		"other ones":  {other.Roots, other.Roots, false},
		"the system":  {nil, other.Roots, false},
		"other store": {one.Roots, one.Roots, false},
	} {
		next := first.WithOptions(Options{Roots: c.roots, TrustStores: stores(c.store)})
		if kept := next.certificates == first.certificates; kept != c.same {
			t.Errorf("%s: kept %t, want %t", name, kept, c.same)
		}
	}
}
