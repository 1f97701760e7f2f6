package dnsclient

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"m365_connector_exporter/probes"
)

// What a look-up saw selects the remedy, and servers with odd faults are asked in a way that they answer.
func TestLookUpEvidence(t *testing.T) {
	const record = "mail.test. 60 IN A 192.0.2.1"
	overUDP := func(w dns.ResponseWriter) bool { return w.RemoteAddr().Network() == "udp" }
	zone := func(records ...string) func(dns.ResponseWriter, *dns.Msg) {
		return func(w dns.ResponseWriter, q *dns.Msg) {
			var named []string
			for _, r := range records {
				if strings.HasPrefix(r, q.Question[0].Name+" ") {
					named = append(named, r)
				}
			}
			_ = w.WriteMsg(answer(q, named...))
		}
	}
	var many []string
	for i := range 150 {
		many = append(many, fmt.Sprintf("mail.test. 60 IN A 192.0.2.%d", i))
	}
	for _, tt := range []struct {
		name     string
		handle   func(dns.ResponseWriter, *dns.Msg)
		want     string
		evidence probes.Evidence
		outcome  probes.Outcome
	}{
		{
			"MX names an address", zone("mail.test. 60 IN MX 10 192.0.2.5."), "192.0.2.5 no_address",
			probes.EvidenceMXIsAddress, probes.Failed,
		},
		{"MX names an address, which does not exist", func(w dns.ResponseWriter, q *dns.Msg) {
			if q.Question[0].Qtype != dns.TypeMX {
				_ = w.WriteMsg(rcode(q, dns.RcodeNameError))
				return
			}
			_ = w.WriteMsg(answer(q, "mail.test. 60 IN MX 10 192.0.2.5."))
		}, "192.0.2.5 nxdomain", probes.EvidenceMXIsAddress, probes.Failed},
		{
			"MX names an IPv6 address", zone("mail.test. 60 IN MX 10 2001:db8::5."), "2001:db8::5 no_address",
			probes.EvidenceMXIsAddress, probes.Failed,
		},
		{"MX names no host", zone("mail.test. 60 IN MX 10 -x.test."), "-x.test no_address", "", probes.Failed},
		{"MX is NXDOMAIN, A exists", func(w dns.ResponseWriter, q *dns.Msg) {
			if q.Question[0].Qtype == dns.TypeMX {
				_ = w.WriteMsg(rcode(q, dns.RcodeNameError))
				return
			}
			_ = w.WriteMsg(answer(q, record))
		}, "mail.test nxdomain", probes.EvidenceMXContradicted, probes.Failed},
		{"everything is NXDOMAIN", func(w dns.ResponseWriter, q *dns.Msg) {
			_ = w.WriteMsg(rcode(q, dns.RcodeNameError))
		}, "mail.test nxdomain", "", probes.Failed},
		{"queries with EDNS are dropped", func(w dns.ResponseWriter, q *dns.Msg) {
			if q.IsEdns0() == nil {
				_ = w.WriteMsg(answer(q, record))
			}
		}, "mail.test 192.0.2.1", "", probes.Passed},
		{"EDNS is not known", func(w dns.ResponseWriter, q *dns.Msg) {
			if q.IsEdns0() != nil {
				_ = w.WriteMsg(rcode(q, dns.RcodeFormatError))
				return
			}
			_ = w.WriteMsg(answer(q, record))
		}, "mail.test 192.0.2.1", "", probes.Passed},
		{"truncated by UDP, whole by TCP", func(w dns.ResponseWriter, q *dns.Msg) {
			m := answer(q, record)
			if m.Truncated = overUDP(w); m.Truncated {
				m.Answer = nil
			}
			_ = w.WriteMsg(m)
		}, "mail.test 192.0.2.1", "", probes.Passed},
		{"truncated by UDP, silent by TCP", func(w dns.ResponseWriter, q *dns.Msg) {
			if overUDP(w) {
				m := answer(q)
				m.Truncated = true
				_ = w.WriteMsg(m)
			}
		}, "mail.test dns_timeout", probes.EvidenceDNSOverTCP, probes.Inconclusive},
		{"150 addresses", func(w dns.ResponseWriter, q *dns.Msg) {
			m := answer(q, many...)
			if m.Truncated = overUDP(w) && len(m.Answer) > 20; m.Truncated {
				m.Answer = nil
			}
			_ = w.WriteMsg(m)
		}, "mail.test " + strings.Join(addressesSorted(150), " "), "", probes.Passed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := New([]string{oddDNS(t, tt.handle)})
			c.timeout = 300 * time.Millisecond
			targets := c.NextHop(t.Context(), "mail.test", Options{Protocol: probes.IP4})
			step := targets[0].Step
			if got := summary(targets); got != tt.want || step.Evidence != tt.evidence || step.Outcome != tt.outcome {
				t.Errorf("%s; %+v", got, step)
			}
			if tt.evidence != "" && step.Remedy() == step.Reason.RemedyFor("") {
				t.Errorf("the catalogue has no remedy for %s of %s", step.Evidence, step.Reason)
			}
		})
	}
}

// A name that does not exist has no MX and no address: the detail does not suggest that an MX record is missing.
func TestDetailOfAMissingName(t *testing.T) {
	missing := func(w dns.ResponseWriter, q *dns.Msg) { _ = w.WriteMsg(rcode(q, dns.RcodeNameError)) }
	targets := New([]string{oddDNS(t, missing)}).NextHop(t.Context(), "mail.test", Options{Protocol: probes.IP4})
	if got := targets[0].Step.Detail; got != "mail.test does not exist" {
		t.Errorf("detail %q", got)
	}
}

// TCP port 53 is closed: nothing listens there.
func TestTruncatedWithoutTCP(t *testing.T) {
	listener, packets := samePort(t)
	_ = listener.Close()
	ready := make(chan struct{})
	server := &dns.Server{PacketConn: packets, NotifyStartedFunc: func() { close(ready) }}
	server.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := answer(q)
		m.Truncated = true
		_ = w.WriteMsg(m)
	})
	go func() { _ = server.ActivateAndServe() }()
	t.Cleanup(func() { _ = server.Shutdown() })
	<-ready
	step := New([]string{packets.LocalAddr().String()}).Host(t.Context(), "mail.test", Options{Protocol: probes.IP4}).Step
	if step.Reason != probes.ReasonDNSRefused || step.Outcome != probes.Inconclusive ||
		step.Evidence != probes.EvidenceDNSOverTCP {
		t.Errorf("%+v", step)
	}
}

func addressesSorted(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("192.0.2.%d", i))
	}
	return all
}
