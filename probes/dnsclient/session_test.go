package dnsclient

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/miekg/dns"

	"m365_connector_exporter/probes"
)

// oddDNS serves handle on loopback, UDP and TCP at one port.
func oddDNS(t *testing.T, handle func(w dns.ResponseWriter, q *dns.Msg)) string {
	t.Helper()
	listener, packets := samePort(t)
	ready := make(chan struct{}, 2)
	for _, s := range []*dns.Server{{PacketConn: packets}, {Listener: listener}} {
		s.Handler, s.NotifyStartedFunc = dns.HandlerFunc(handle), func() { ready <- struct{}{} }
		go func() { _ = s.ActivateAndServe() }()
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	<-ready
	<-ready
	return packets.LocalAddr().String()
}

func samePort(t *testing.T) (net.Listener, net.PacketConn) {
	t.Helper()
	for range 20 {
		packets, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listener, err := net.Listen("tcp", packets.LocalAddr().String())
		if err == nil {
			return listener, packets
		}
		_ = packets.Close() // another process has the port
	}
	t.Fatal("no port is free for both")
	return nil, nil
}

func answer(q *dns.Msg, records ...string) *dns.Msg {
	m := new(dns.Msg).SetReply(q)
	for _, text := range records {
		if rr, err := dns.NewRR(text); err == nil && rr.Header().Rrtype == q.Question[0].Qtype {
			m.Answer = append(m.Answer, rr)
		}
	}
	return m
}

func rcode(q *dns.Msg, code int) *dns.Msg {
	m := answer(q)
	m.Rcode = code
	return m
}

func isTCP(w dns.ResponseWriter) bool { return w.RemoteAddr().Network() == "tcp" }

func TestNextHopFromOddServers(t *testing.T) {
	const record = "mail.test. 60 IN A 192.0.2.1"
	for _, tt := range []struct {
		name   string
		want   string
		handle func(w dns.ResponseWriter, q *dns.Msg)
	}{
		{"no EDNS: FORMERR", "mail.test 192.0.2.1", func(w dns.ResponseWriter, q *dns.Msg) {
			m := answer(q, record)
			if q.IsEdns0() != nil {
				m = rcode(q, dns.RcodeFormatError)
			}
			_ = w.WriteMsg(m)
		}},
		{"no EDNS: NOTIMP", "mail.test 192.0.2.1", func(w dns.ResponseWriter, q *dns.Msg) {
			m := answer(q, record)
			if q.IsEdns0() != nil {
				m = rcode(q, dns.RcodeNotImplemented)
			}
			_ = w.WriteMsg(m)
		}},
		{"FORMERR always", "mail.test dns_servfail", func(w dns.ResponseWriter, q *dns.Msg) {
			_ = w.WriteMsg(rcode(q, dns.RcodeFormatError))
		}},
		{"cut off by UDP", "mail.test 192.0.2.1", func(w dns.ResponseWriter, q *dns.Msg) {
			m := answer(q, record)
			if !isTCP(w) {
				m = answer(q)
				m.Truncated = true
			}
			_ = w.WriteMsg(m)
		}},
		{"another question, then the right one", "mail.test 192.0.2.1", func(w dns.ResponseWriter, q *dns.Msg) {
			forged := answer(q, "mail.test. 60 IN A 203.0.113.66")
			forged.Question[0].Name = "evil.test."
			_ = w.WriteMsg(forged)
			late := answer(q, "mail.test. 60 IN A 203.0.113.66")
			late.Id++
			_ = w.WriteMsg(late)
			_ = w.WriteMsg(answer(q, record))
		}},
		{"another question by TCP", "mail.test dns_timeout", func(w dns.ResponseWriter, q *dns.Msg) {
			m := answer(q, record)
			if m.Truncated = !isTCP(w); isTCP(w) {
				m.Question[0].Name = "evil.test."
			}
			_ = w.WriteMsg(m)
		}},
		{"DNSSEC bogus", "mail.test dns_bogus", func(w dns.ResponseWriter, q *dns.Msg) {
			m := rcode(q, dns.RcodeServerFailure)
			m.SetEdns0(ednsSize, false)
			m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_EDE{
				InfoCode:  dns.ExtendedErrorCodeSignatureExpired,
				ExtraText: "expired",
			})
			_ = w.WriteMsg(m)
		}},
		{"refused", "mail.test dns_refused", func(w dns.ResponseWriter, q *dns.Msg) {
			_ = w.WriteMsg(rcode(q, dns.RcodeRefused))
		}},
		{"records of another name", "mail.test no_address", func(w dns.ResponseWriter, q *dns.Msg) {
			_ = w.WriteMsg(answer(q, "evil.test. 60 IN A 203.0.113.66"))
		}},
		{"MX of no host name", `\001.test no_address`, func(w dns.ResponseWriter, q *dns.Msg) {
			_ = w.WriteMsg(answer(q, `mail.test. 60 IN MX 10 \001.test.`))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := Options{Servers: []string{oddDNS(t, tt.handle)}, Protocol: probes.IP4}
			targets := New(nil).NextHop(t.Context(), "mail.test", q)
			if got := summary(targets); got != tt.want {
				t.Errorf("%s (%s), want %s", got, targets[0].Step.Detail, tt.want)
			}
		})
	}
}

// A question that reached no server proves nothing about the name, whatever the servers answered before.
func TestLocalFailuresAreInconclusive(t *testing.T) {
	server := oddDNS(t, func(w dns.ResponseWriter, q *dns.Msg) {
		_ = w.WriteMsg(answer(q, "good.test. 60 IN A 192.0.2.1"))
	})
	unused := freeUDP(t)
	c := New(nil)
	for _, tt := range []struct {
		servers []string
		want    probes.Outcome
		reason  probes.Reason
	}{
		{[]string{server}, probes.Passed, ""},
		{[]string{unused, server}, probes.Passed, ""},
		{[]string{unused}, probes.Inconclusive, probes.ReasonDNSRefused},
	} {
		c.health.recordAnswer(tt.servers[0], "")
		targets := c.NextHop(t.Context(), "good.test", Options{Servers: tt.servers, Protocol: probes.IP4})
		if s := targets[0].Step; s.Outcome != tt.want || s.Reason != tt.reason {
			t.Errorf("%v: %+v", tt.servers, s)
		}
	}
	for err, want := range map[error]failure{
		syscall.EMFILE:              {reason: probes.ReasonInternalError, local: true},
		syscall.Errno(10024):        {reason: probes.ReasonInternalError, local: true},
		syscall.ENETUNREACH:         {reason: probes.ReasonDNSTimeout, local: true},
		syscall.ECONNRESET:          {reason: probes.ReasonDNSTimeout},
		context.DeadlineExceeded:    {reason: probes.ReasonDNSTimeout},
		os.ErrDeadlineExceeded:      {reason: probes.ReasonDNSTimeout},
		errors.New("another reply"): {reason: probes.ReasonDNSTimeout},
	} {
		got := failureOf(nil, &net.OpError{Op: "dial", Err: err})
		got.detail = ""
		if got != want {
			t.Errorf("%v: %+v", err, got)
		}
	}
}

// freeUDP is an address where no DNS server listens.
func freeUDP(t *testing.T) string {
	t.Helper()
	listener, packets := samePort(t)
	_ = listener.Close()
	_ = packets.Close()
	return packets.LocalAddr().String()
}
