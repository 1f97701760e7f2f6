//go:build e2e

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"m365_connector_exporter/probes/lab"
)

// TestRoundTripOfTheDocument follows docs/round-trips.md: the lines for Postfix of step 3 and the configuration of step
// 5, with the addresses of this host. The tenant of the fake Exchange Online is what steps 1 and 2 make of it.
func TestRoundTripOfTheDocument(t *testing.T) {
	w := smallWorld(t)
	document := read(t, "../../../docs/round-trips.md")
	sink, organization := freePort(t), freePort(t)
	own := w.ca.issue(leaf{name: "frontdoor.contoso.test"})
	certificate, err := tls.LoadX509KeyPair(own.chain, own.key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(read(t, w.ca.rootFile)))
	exchange, err := lab.StartFakeExchangeOnline(lab.FakeExchangeOnlineOptions{
		Certificate: certificate, ClientRoots: roots, Relay: &lab.RelayOptions{Retry: time.Second / 2},
		Tenants: []lab.FakeTenant{{
			Name: "contoso", ID: "11111111-2222-3333-4444-555555555555", Domains: []string{"contoso.com", "probe.contoso.com"},
			Connectors: []lab.FakeConnector{{Name: "From on-premises", Certificate: "mail.contoso.com"}},
			Outbound: []lab.FakeOutbound{{
				Name: "To on-premises", Domains: []string{"contoso.com", "probe.contoso.com"},
				SmartHost: fmt.Sprintf("127.0.0.1:%d", organization),
			}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(exchange.Close)
	startForwarder(t, w.dir, organization, replaceEach(t, fenced(t, document, "### 3.", "text"),
		"[198.51.100.10]:2525", fmt.Sprintf("[127.0.0.1]:%d", sink)))

	sender := w.ca.issue(leaf{name: "mail.contoso.com", clientAuth: true})
	w.write("edge-1.pem", read(t, sender.chain)+read(t, sender.key))
	here := fmt.Sprintf("global:\n  ca_file: %q\n  allow_networks: [127.0.0.0/8]\n"+
		"  exchange_online_hosts: [frontdoor.contoso.test]\n  min_gap_per_address: 10ms\n", w.ca.rootFile)
	file := w.write("document.yaml", replaceEach(t, fenced(t, document, "### 5.", "yaml"),
		"global:\n", here,
		"/var/lib/m365_connector_exporter/state.json", "state",
		`[":2525"]`, fmt.Sprintf("[\"127.0.0.1:%d\"]", sink),
		"networks: [198.51.100.25]", "networks: [127.0.0.1]",
		"connecting_addresses: [198.51.100.10]", "connecting_addresses: [127.0.0.1]",
		"certs/edge-1.pem", "edge-1.pem",
		"present_certificate: true", "present_certificate: true\n        target: frontdoor.contoso.test",
		"tenants:\n", fmt.Sprintf("probe: { port: %d, connect_to: [127.0.0.1], hello_name: edge-1.contoso.com }\ntenants:\n",
			exchange.Port()),
	))
	d := w.serve(file)
	eventually(t, time.Minute, func() string {
		got := outcomes(d.metrics(), "hybrid")
		return unless(got == "delivered", "outcome "+got+", want delivered")
	})
	if _, page := d.http("GET", "/round-trips"); !strings.Contains(page, "origin hybrid_on_prem") {
		t.Errorf("the page has no origin: %s", page)
	}
}

// fenced returns the first block of a language after a heading of a document.
func fenced(t *testing.T, document, heading, language string) string {
	t.Helper()
	_, section, _ := strings.Cut(document, heading)
	_, block, _ := strings.Cut(section, "```"+language+"\n")
	block, _, ok := strings.Cut(block, "```")
	if !ok {
		t.Fatalf("no block of %s after %q", language, heading)
	}
	return block
}

// replaceEach replaces pairs of texts, each of which must occur.
func replaceEach(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Errorf("%q is not in\n%s", pairs[i], text)
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}
