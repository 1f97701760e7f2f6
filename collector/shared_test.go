package collector

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"m365_connector_exporter/probes"
)

func shown(fingerprint, text string) probes.Result {
	chain := []probes.Certificate{{Fingerprint: fingerprint, Subject: text, Raw: []byte("DER")}}
	return probes.Result{Endpoints: []probes.Endpoint{{TLS: &probes.TLS{Chain: chain}, Transcript: []probes.Line{{Text: text}}}, {}}}
}

func TestShared(t *testing.T) {
	s := newShared()
	subject := func(r probes.Result) string { return r.Endpoints[0].TLS.Chain[0].Subject }
	line := func(r probes.Result) string { return r.Endpoints[0].Transcript[0].Text }
	in := shown("ab", strings.Clone("one"))
	first, second := s.round(in), s.round(shown("ab", strings.Clone("one")))
	if unsafe.StringData(subject(first)) != unsafe.StringData(subject(second)) || unsafe.StringData(line(first)) != unsafe.StringData(line(second)) {
		t.Error("two copies of one text")
	}
	if string(in.Endpoints[0].TLS.Chain[0].Raw) != "DER" || first.Endpoints[0].TLS.Chain[0].Raw != nil {
		t.Error("the round that came in must keep its DER, the board's must have none")
	}
	if other := s.round(shown("ab", "two")); subject(other) != "two" || line(other) != "two" {
		t.Error("the same fingerprint stands for other facts")
	}
	for i := range 2 * maxShared {
		s.round(shown(fmt.Sprint(i), fmt.Sprint("line ", i)))
	}
	if len(s.certificates) > maxShared || len(s.lines) > maxShared {
		t.Errorf("%d certificates and %d lines are remembered", len(s.certificates), len(s.lines))
	}
}
