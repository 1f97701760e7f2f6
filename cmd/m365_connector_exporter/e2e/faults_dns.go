//go:build e2e

package e2e

import (
	"fmt"
	"time"

	"github.com/miekg/dns"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/lab"
)

// records answers with the given records that have the queried type or are a CNAME.
func records(all ...string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) { _ = w.WriteMsg(dnsAnswer(q, all...)) }
}

func dnsAnswer(q *dns.Msg, all ...string) *dns.Msg {
	m := new(dns.Msg).SetReply(q)
	m.RecursionAvailable = true
	for _, text := range all {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err) // a mistake in the table
		}
		if t := rr.Header().Rrtype; t == q.Question[0].Qtype || t == dns.TypeCNAME {
			m.Answer = append(m.Answer, rr)
		}
	}
	return m
}

// rcode answers with an error code, and with an extended DNS error (RFC 8914) unless info is negative.
func rcode(code, info int) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := dnsAnswer(q)
		m.Rcode = code
		if info >= 0 {
			m.SetEdns0(1232, false)
			m.IsEdns0().Option = append(m.IsEdns0().Option,
				&dns.EDNS0_EDE{InfoCode: uint16(info), ExtraText: "as the table says"})
		}
		_ = w.WriteMsg(m)
	}
}

// altered changes a correct answer before it is sent. If cut is set, UDP answers are truncated and only TCP answers are
// changed.
func altered(cut bool, change func(*dns.Msg)) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := dnsAnswer(q, q.Question[0].Name+" 60 IN A 127.0.5.1")
		if cut && w.RemoteAddr().Network() == "udp" {
			m.Answer, m.Truncated = nil, true
		} else {
			change(m)
		}
		_ = w.WriteMsg(m)
	}
}

func rawDNS(reply []byte) dns.HandlerFunc {
	return func(w dns.ResponseWriter, _ *dns.Msg) { _, _ = w.Write(reply) }
}

// truncatedThen truncates UDP answers and calls the function for TCP queries.
func truncatedThen(tcp func(dns.ResponseWriter)) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		if w.RemoteAddr().Network() != "udp" {
			tcp(w)
			return
		}
		m := dnsAnswer(q)
		m.Truncated = true
		_ = w.WriteMsg(m)
	}
}

// tolerated is a DNS fault that the resolver tolerates: the server of the name is healthy, and the path passes.
func tolerated(name, does string, good lab.Script, how func(w dns.ResponseWriter, q, right *dns.Msg)) fault {
	return fault{name: name, does: does, server: good, dns: func(addr string) dns.HandlerFunc {
		return func(w dns.ResponseWriter, q *dns.Msg) {
			how(w, q, dnsAnswer(q, q.Question[0].Name+" 60 IN A "+addr))
		}
	}}
}

// longChain answers with a chain of twelve CNAMEs.
func longChain() dns.HandlerFunc {
	all := []string{"dns-cname-long.faults.test. 60 IN CNAME c0.faults.test."}
	for i := range 12 {
		all = append(all, fmt.Sprintf("c%d.faults.test. 60 IN CNAME c%d.faults.test.", i, i+1))
	}
	return records(all...)
}

func (w *faultWorld) dnsFaults() []fault {
	bad := func(name, does string, reason probes.Reason, how dns.HandlerFunc) fault {
		return fault{
			name: name, does: does, stage: probes.Resolve, reason: reason,
			dns: func(string) dns.HandlerFunc { return how },
		}
	}
	good := healthyScript(w.config)
	return []fault{
		bad("dns-nxdomain", "the name does not exist", probes.ReasonNXDomain, rcode(dns.RcodeNameError, -1)),
		bad("dns-servfail", "SERVFAIL", probes.ReasonDNSServfail, rcode(dns.RcodeServerFailure, -1)),
		bad("dns-servfail-lame", "SERVFAIL with the extended error 22, no reachable authority",
			probes.ReasonDNSServfail, rcode(dns.RcodeServerFailure, 22)),
		bad("dns-refused", "REFUSED, but other names are answered", probes.ReasonDNSRefused, rcode(dns.RcodeRefused, -1)),
		bad("dns-formerr", "FORMERR, with and without EDNS", probes.ReasonDNSServfail, rcode(dns.RcodeFormatError, -1)),
		bad("dns-notimp", "NOTIMP, with and without EDNS", probes.ReasonDNSServfail, rcode(dns.RcodeNotImplemented, -1)),
		bad("dns-bogus", "the extended error 6, DNSSEC bogus", probes.ReasonDNSBogus, rcode(dns.RcodeServerFailure, 6)),
		bad("dns-signature-expired", "the extended error 7, signature expired", probes.ReasonDNSBogus,
			rcode(dns.RcodeServerFailure, 7)),
		bad("dns-silent", "no answer, but other names are answered", probes.ReasonDNSTimeout,
			func(dns.ResponseWriter, *dns.Msg) {}),
		bad("dns-garbage", "a reply that is not a DNS message", probes.ReasonDNSTimeout,
			rawDNS([]byte("220 mail ESMTP\r\n"))),
		bad("dns-short", "a reply of one byte", probes.ReasonDNSTimeout, rawDNS([]byte{0})),
		bad("dns-other-question", "the answer to another question", probes.ReasonDNSTimeout,
			altered(false, func(m *dns.Msg) { m.Question[0].Name = "evil.test." })),
		bad("dns-other-id", "a forged reply with another id", probes.ReasonDNSTimeout,
			altered(false, func(m *dns.Msg) { m.Id++ })),
		bad("dns-question-back", "the query itself, sent back", probes.ReasonDNSTimeout,
			altered(false, func(m *dns.Msg) { m.Response = false })),
		bad("dns-other-owner", "the address of another name", probes.ReasonNoAddress,
			records("evil.test. 60 IN A 127.0.5.1")),
		bad("dns-cut-tcp-closed", "truncated over UDP, closed over TCP", probes.ReasonDNSTimeout,
			truncatedThen(func(w dns.ResponseWriter) { _ = w.Close() })),
		bad("dns-cut-tcp-silent", "truncated over UDP, no answer over TCP", probes.ReasonDNSTimeout,
			truncatedThen(func(dns.ResponseWriter) {})),
		bad("dns-cut-tcp-lies", "truncated over UDP, the answer to another question over TCP",
			probes.ReasonDNSTimeout, altered(true, func(m *dns.Msg) { m.Question[0].Name = "evil.test." })),
		bad("dns-text-only", "the name has no address", probes.ReasonNoAddress,
			records(`dns-text-only.faults.test. 60 IN TXT "v=spf1 -all"`)),
		bad("dns-six-only", "AAAA alone, where ip_protocol is ip4", probes.ReasonNoAddress,
			records("dns-six-only.faults.test. 60 IN AAAA ::1")),
		bad("dns-null-mx", "a null MX", probes.ReasonNullMX, records("dns-null-mx.faults.test. 60 IN MX 0 .")),
		bad("dns-mx-gone", "the MX target does not exist", probes.ReasonNXDomain,
			records("dns-mx-gone.faults.test. 60 IN MX 10 gone.faults.test.")),
		bad("dns-mx-address", "an address where the MX target should be", probes.ReasonNXDomain,
			records("dns-mx-address.faults.test. 60 IN MX 10 127.0.5.1.")),
		bad("dns-mx-no-name", "an MX target that is not a host name", probes.ReasonNoAddress,
			records(`dns-mx-no-name.faults.test. 60 IN MX 10 \001.faults.test.`)),
		bad("dns-cname-self", "a CNAME to itself", probes.ReasonCNAMELoop,
			records("dns-cname-self.faults.test. 60 IN CNAME dns-cname-self.faults.test.")),
		bad("dns-cname-circle", "two CNAMEs in a loop", probes.ReasonCNAMELoop,
			records("dns-cname-circle.faults.test. 60 IN CNAME b.faults.test.",
				"b.faults.test. 60 IN CNAME dns-cname-circle.faults.test.")),
		bad("dns-cname-dangling", "a CNAME to a name that does not exist", probes.ReasonNXDomain,
			records("dns-cname-dangling.faults.test. 60 IN CNAME gone.faults.test.")),
		bad("dns-cname-long", "twelve CNAMEs, one after another", probes.ReasonCNAMELoop, longChain()),
		resolvesTo("dns-metadata", "the address of a cloud's metadata service", "169.254.169.254"),
		resolvesTo("dns-multicast", "a multicast address", "224.0.0.1"),
		resolvesTo("dns-this-host", "0.0.0.0", "0.0.0.0"),
		tolerated("dns-slow", "each answer takes a second", good, func(w dns.ResponseWriter, _, right *dns.Msg) {
			time.Sleep(time.Second)
			_ = w.WriteMsg(right)
		}),
		tolerated("dns-no-edns", "FORMERR for EDNS, an answer without it", good,
			func(w dns.ResponseWriter, q, right *dns.Msg) {
				if q.IsEdns0() != nil {
					right.Answer, right.Rcode = nil, dns.RcodeFormatError
				}
				_ = w.WriteMsg(right)
			}),
		tolerated("dns-forged-first", "forged replies, then the right one", good,
			func(w dns.ResponseWriter, q, right *dns.Msg) {
				forged := dnsAnswer(q, q.Question[0].Name+" 60 IN A 127.0.9.9")
				forged.Id++
				_ = w.WriteMsg(forged)
				forged.Id, forged.Question[0].Name = q.Id, "evil.test."
				_ = w.WriteMsg(forged)
				_ = w.WriteMsg(right)
			}),
		tolerated("dns-cut", "truncated over UDP, complete over TCP", good, func(w dns.ResponseWriter, _, right *dns.Msg) {
			if w.RemoteAddr().Network() == "udp" {
				right.Answer, right.Truncated = nil, true
			}
			_ = w.WriteMsg(right)
		}),
	}
}

func resolvesTo(name, does, address string) fault {
	return fault{
		name: name, does: "DNS gives " + does, stage: probes.Connect, reason: probes.ReasonAddressRefused,
		dns: func(string) dns.HandlerFunc { return records(name + "." + faultZone + ". 60 IN A " + address) },
	}
}
