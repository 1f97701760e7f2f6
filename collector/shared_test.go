package collector

import (
	"fmt"
	"testing"

	"m365_connector_exporter/probes"
)

func shown(fingerprint, text string) probes.Result {
	chain := []*probes.Certificate{{Fingerprint: fingerprint, Subject: text}}
	return probes.Result{Endpoints: []probes.Endpoint{{TLS: &probes.TLS{Chain: chain}}, {}}}
}

func TestShared(t *testing.T) {
	s := newShared()
	certificate := func(r probes.Result) *probes.Certificate { return r.Endpoints[0].TLS.Chain[0] }
	in := shown("ab", "one")
	first, second := s.round(in, nil), s.round(shown("ab", "one"), nil)
	if certificate(first) != certificate(second) {
		t.Error("two copies of one certificate")
	}
	if in.Endpoints[0].TLS == first.Endpoints[0].TLS {
		t.Error("the round that came in is not the store's to keep")
	}
	if again := s.round(shown("ab", "one"), &first); again.Endpoints[0].TLS != first.Endpoints[0].TLS {
		t.Error("what a path shows unchanged is held twice")
	}
	if renewed := s.round(shown("cd", "one"), &first); certificate(renewed).Fingerprint != "cd" {
		t.Error("another certificate is taken for the one before")
	}
	if gone := s.round(probes.Result{Endpoints: []probes.Endpoint{{}}}, &first); gone.Endpoints[0].TLS != nil {
		t.Error("a round without a handshake has the one before's")
	}
	if other := s.round(shown("ab", "two"), nil); certificate(other).Subject != "two" {
		t.Error("the same fingerprint stands for other facts")
	}
	for i := range 2 * maxShared {
		s.round(shown(fmt.Sprint(i), "one"), nil)
	}
	if len(s.certificates) > maxShared {
		t.Errorf("%d certificates are remembered", len(s.certificates))
	}
}
