package collector

import (
	"fmt"
	"testing"
	"unsafe"

	"m365_connector_exporter/probes"
)

func shown(fingerprint, subject string) probes.Result {
	chain := []probes.Certificate{{Fingerprint: fingerprint, Subject: subject, Raw: []byte("DER")}}
	return probes.Result{Endpoints: []probes.Endpoint{{TLS: &probes.TLS{Version: "TLS 1.3", Chain: chain}}, {}}}
}

func TestCertificatesAreShared(t *testing.T) {
	var c certificates
	subject := func(r probes.Result) *byte { return unsafe.StringData(r.Endpoints[0].TLS.Chain[0].Subject) }
	in := shown("ab", fmt.Sprint("one"))
	first, second := c.share(in), c.share(shown("ab", fmt.Sprint("one")))
	if subject(first) != subject(second) {
		t.Error("two copies of one certificate")
	}
	if string(in.Endpoints[0].TLS.Chain[0].Raw) != "DER" || first.Endpoints[0].TLS.Chain[0].Raw != nil {
		t.Error("the round that came in must keep its DER, the board's must have none")
	}
	if other := c.share(shown("ab", "two")); other.Endpoints[0].TLS.Chain[0].Subject != "two" {
		t.Error("the same fingerprint stands for other facts")
	}
	for i := range 2 * maxShared {
		c.share(shown(fmt.Sprint(i), "one of many"))
	}
	if len(c.known) > maxShared {
		t.Errorf("%d certificates are remembered", len(c.known))
	}
}
