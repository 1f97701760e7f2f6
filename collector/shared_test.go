package collector

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"m365_connector_exporter/probes"
)

func shown(fingerprint, text string) probes.Result {
	chain := []probes.Certificate{{Fingerprint: fingerprint, Subject: text}}
	return probes.Result{Endpoints: []probes.Endpoint{{TLS: &probes.TLS{Chain: chain}, Transcript: []probes.Line{{Text: text}}}, {}}}
}

func TestShared(t *testing.T) {
	s := newShared()
	subject := func(r probes.Result) string { return r.Endpoints[0].TLS.Chain[0].Subject }
	line := func(r probes.Result) string { return r.Endpoints[0].Transcript[0].Text }
	in := shown("ab", strings.Clone("one"))
	first, second := s.round(in, nil), s.round(shown("ab", strings.Clone("one")), nil)
	if unsafe.StringData(subject(first)) != unsafe.StringData(subject(second)) || unsafe.StringData(line(first)) != unsafe.StringData(line(second)) {
		t.Error("two copies of one text")
	}
	if in.Endpoints[0].TLS == first.Endpoints[0].TLS {
		t.Error("the round that came in is not the board's to keep")
	}
	if again := s.round(shown("ab", "one"), &first); again.Endpoints[0].TLS != first.Endpoints[0].TLS {
		t.Error("what a path shows unchanged is held twice")
	}
	if renewed := s.round(shown("cd", "one"), &first); renewed.Endpoints[0].TLS.Chain[0].Fingerprint != "cd" {
		t.Error("another certificate is taken for the one before")
	}
	if gone := s.round(probes.Result{Endpoints: []probes.Endpoint{{}}}, &first); gone.Endpoints[0].TLS != nil {
		t.Error("a round without a handshake has the one before's")
	}
	if other := s.round(shown("ab", "two"), nil); subject(other) != "two" || line(other) != "two" {
		t.Error("the same fingerprint stands for other facts")
	}
	for i := range 2 * maxShared {
		s.round(shown(fmt.Sprint(i), fmt.Sprint("line ", i)), nil)
	}
	if len(s.certificates) > maxShared || len(s.lines) > maxShared {
		t.Errorf("%d certificates and %d lines are remembered", len(s.certificates), len(s.lines))
	}
}
