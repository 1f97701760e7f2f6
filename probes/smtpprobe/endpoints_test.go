package smtpprobe

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/mailflow"
)

// onlyThrough makes w dial each address's own server instead.
func onlyThrough(w *Prober, servers map[string]netip.AddrPort) {
	w.guard.allow = append(w.guard.allow, netip.MustParsePrefix("192.0.2.0/24"))
	w.dial = func(ctx context.Context, d *net.Dialer, network, address string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(address)
		return d.DialContext(ctx, network, servers[host].String())
	}
}

// An endpoint that refuses its recipients does not get the slot.
func TestOneEndpointSendsTheMessageOfARound(t *testing.T) {
	clear := healthy(nil).with("EHLO", "250 mail.test\r\n")
	good1, heard1 := serve(t, clear)
	good2, heard2 := serve(t, clear)
	bad, heardBad := serve(t, clear.with("RCPT", "550 5.1.1 User unknown\r\n"))
	w := testProber(nil)
	onlyThrough(w, map[string]netip.AddrPort{"192.0.2.1": bad, "192.0.2.2": good1, "192.0.2.3": good2})
	p := testPath(good1, probes.Message, mailflow.Opportunistic)
	p.Settings.ConnectTo = []netip.Addr{
		netip.MustParseAddr("192.0.2.3"), netip.MustParseAddr("192.0.2.1"),
		netip.MustParseAddr("192.0.2.2"),
	}
	for range 10 {
		res := w.Probe(t.Context(), &p)
		note(res.Endpoints)
		if len(res.Endpoints) != 3 || res.Outcome() != probes.Failed {
			t.Fatalf("%+v", res)
		}
		e, stage, step, _ := res.Failure()
		if e.Addr.Addr().String() != "192.0.2.1" || stage != probes.Recipient ||
			step.Reason != probes.ReasonRecipientUnknown {
			t.Errorf("%v %v %+v", e.Addr, stage, step)
		}
		sent, skipped := 0, 0
		for _, e := range res.Endpoints[1:] {
			if e.Outcome(probes.Message) != probes.Passed {
				t.Errorf("%+v", e.Steps)
			}
			if strings.Contains(e.Steps[probes.Message].Detail, "the message of this round went through 192.0.2.") {
				skipped++
			} else {
				sent++
			}
		}
		if sent != 1 || skipped != 1 {
			t.Errorf("%d sent, %d skipped", sent, skipped)
		}
	}
	data := 0
	for _, line := range append(heard1(), heard2()...) {
		if line == "DATA" {
			data++
		}
	}
	if data != 10 {
		t.Errorf("%d messages in 10 rounds", data)
	}
	if strings.Contains(strings.Join(heardBad(), "\n"), "DATA") {
		t.Error("a message was offered where the recipient is unknown")
	}
}

func TestFailingEndpointDoesNotHideTheOthers(t *testing.T) {
	clear := healthy(nil).with("EHLO", "250 mail.test\r\n")
	good, _ := serve(t, clear)
	failing, _ := serve(t, script{raw: func(c net.Conn) { _, _ = c.Write([]byte("521 no mail here\r\n")) }})
	w := testProber(nil)
	onlyThrough(w, map[string]netip.AddrPort{"192.0.2.1": good, "192.0.2.2": failing, "192.0.2.3": good})
	p := testPath(good, probes.Recipient, mailflow.Opportunistic)
	p.Settings.ConnectTo = []netip.Addr{
		netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"),
		netip.MustParseAddr("192.0.2.3"),
	}
	res := w.Probe(t.Context(), &p)
	var got []probes.Outcome
	for _, e := range res.Endpoints {
		got = append(got, e.Outcome(probes.Recipient))
	}
	if len(got) != 3 || got[0] != probes.Passed || got[1] != probes.Failed || got[2] != probes.Passed {
		t.Errorf("%v", got)
	}
}
