package dnsclient

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/miekg/dns"

	"m365_connector_exporter/probes"
	"m365_connector_exporter/probes/internal/fuzztest"
)

// How a fuzzServer gives one answer, in bits; 0 is an answer to the question with the fuzzer's records.
const (
	asItIs  = 1 << iota // the fuzzer's bytes with the question's id, not read as a message
	forged              // with the fuzzer's own id and question
	silent              // no answer at all
	echoed              // as it is, id and all, and then as the other bits say
	hangsUp             // by TCP: after half of it
)

// fuzzServer is a DNS server in memory that sends what the fuzzer wrote. It remembers what its valid answers contain.
type fuzzServer struct {
	pieces [][]byte // how, then what; piece 0 for the first question of type MX, 1 for A, 2 for AAAA, and so on

	mu    sync.Mutex
	asked map[dns.Question]int
	total int
	names map[string]bool            // that a look-up may come to
	addrs map[string]map[string]bool // of each name
}

func newFuzzServer(data []byte) *fuzzServer {
	return &fuzzServer{
		pieces: fuzztest.Split(data), asked: map[dns.Question]int{}, names: map[string]bool{},
		addrs: map[string]map[string]bool{},
	}
}

// piece is what a question gets this time.
func (l *fuzzServer) piece(q dns.Question) (how byte, what []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q.Name = dns.CanonicalName(q.Name)
	i := map[uint16]int{dns.TypeMX: 0, dns.TypeA: 1, dns.TypeAAAA: 2}[q.Qtype] + 3*l.asked[q] + len(q.Name)/16
	l.asked[q]++
	l.total++
	if len(l.pieces) == 0 || len(l.pieces[i%len(l.pieces)]) == 0 {
		return silent, nil
	}
	piece := l.pieces[i%len(l.pieces)]
	return piece[0], piece[1:]
}

func (l *fuzzServer) dial(_ context.Context, network, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	if network == "udp" {
		ours, theirs = datagrams{ours}, datagrams{theirs}
	}
	go l.serve(theirs, network == "tcp")
	return ours, nil
}

// datagrams is a pipe that miekg/dns takes for UDP: what is written at once is read at once.
type datagrams struct{ net.Conn }

// ReadFrom is what a net.PacketConn has; it is never called.
func (datagrams) ReadFrom([]byte) (int, net.Addr, error) { return 0, nil, errors.ErrUnsupported }

// WriteTo is the other method of a net.PacketConn.
func (datagrams) WriteTo([]byte, net.Addr) (int, error) { return 0, errors.ErrUnsupported }

func (l *fuzzServer) serve(conn net.Conn, tcp bool) {
	defer func() { _ = conn.Close() }()
	co := &dns.Conn{Conn: conn, UDPSize: dns.MaxMsgSize}
	for {
		q, err := co.ReadMsg()
		if err != nil || len(q.Question) != 1 {
			return
		}
		how, what := l.piece(q.Question[0])
		if how&echoed != 0 && !l.send(co, q, what, tcp) {
			return
		}
		if how&silent != 0 {
			continue
		}
		answer := answered(q, how, what)
		if tcp && how&hangsUp != 0 {
			_, _ = conn.Write(binary.BigEndian.AppendUint16(nil, uint16(len(answer))))
			_, _ = conn.Write(answer[:len(answer)/2])
			return
		}
		if !l.send(co, q, answer, tcp) {
			return
		}
	}
}

// send keeps in mind what a true answer says.
func (l *fuzzServer) send(co *dns.Conn, q *dns.Msg, answer []byte, tcp bool) bool {
	if !tcp {
		answer = answer[:min(len(answer), ednsSize)]
	}
	var m dns.Msg
	if m.Unpack(answer) == nil && m.Id == q.Id && m.Response && len(m.Question) == 1 &&
		m.Question[0].Qtype == q.Question[0].Qtype &&
		m.Question[0].Qclass == dns.ClassINET && strings.EqualFold(m.Question[0].Name, q.Question[0].Name) {
		l.learn(m.Answer)
	}
	_, err := co.Write(answer)
	return err == nil
}

func (l *fuzzServer) learn(rrs []dns.RR) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, rr := range rrs {
		owner := dns.CanonicalName(rr.Header().Name)
		if l.addrs[owner] == nil {
			l.addrs[owner] = map[string]bool{}
		}
		switch rr := rr.(type) {
		case *dns.MX:
			l.names[dns.CanonicalName(rr.Mx)] = true
		case *dns.CNAME:
			l.names[dns.CanonicalName(rr.Target)] = true
		case *dns.A:
			l.addrs[owner][rr.A.String()] = true
		case *dns.AAAA:
			l.addrs[owner][rr.AAAA.String()] = true
		}
	}
}

// answered makes the answer out of the fuzzer's bytes.
func answered(q *dns.Msg, how byte, what []byte) []byte {
	var m dns.Msg
	if how&asItIs == 0 && m.Unpack(what) == nil {
		if how&forged == 0 {
			m.Id, m.Response, m.Question = q.Id, true, q.Question
		}
		if packed, err := m.Pack(); err == nil {
			return packed
		}
	}
	raw := append([]byte(nil), what...)
	if len(raw) >= 2 && how&forged == 0 {
		binary.BigEndian.PutUint16(raw, q.Id)
	}
	return raw
}

// said is a piece: an answer with these records.
func said(how byte, change func(*dns.Msg), records ...string) []byte {
	m := new(dns.Msg).SetQuestion("mail.test.", dns.TypeA)
	m.Response = true
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	if change != nil {
		change(m)
	}
	packed, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return append([]byte{how}, packed...)
}

// maxQuestions is what a look-up may ask one server at the most: the MX and both families of each host, over all
// CNAMEs, each twice, without EDNS and by TCP; and whether it is alive.
const maxQuestions = (1+2*probes.MaxEndpoints)*(maxCNAMEs+1)*maxTries*3 + 3

// FuzzAnswers lets a DNS server answer anything. Whatever it answers, the look-up ends in time, with few queries and
// few hosts, with reasons of the catalogue and harmless words; and each address comes from an answer to a question
// that was asked.
func FuzzAnswers(f *testing.F) {
	mx := said(0, nil, "mail.test. 60 IN MX 10 a.test.", "mail.test. 60 IN MX 20 b.test.",
		"mail.test. 60 IN MX 20 mail.test.")
	a := said(0, nil, "a.test. 60 IN A 192.0.2.1", "b.test. 60 IN A 192.0.2.2", "mail.test. 60 IN A 192.0.2.3",
		"evil.test. 60 IN A 203.0.113.66")
	aaaa := said(0, nil, "a.test. 60 IN AAAA 2001:db8::1", "mail.test. 60 IN AAAA ::ffff:192.0.2.9")
	none := said(0, nil)
	cut := func(m *dns.Msg) { m.Truncated = true }
	bogus := func(m *dns.Msg) {
		m.Rcode = dns.RcodeServerFailure
		m.SetEdns0(ednsSize, false)
		m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_EDE{
			InfoCode:  dns.ExtendedErrorCodeDNSBogus,
			ExtraText: "\x1b[31m\xff\u202e",
		})
	}
	rcode := func(code int) func(*dns.Msg) { return func(m *dns.Msg) { m.Rcode = code } }
	many := make([]string, 60)
	for i := range many {
		many[i] = "mail.test. 60 IN MX " + strings.Repeat("1", 1+i%4) + " h" + strings.Repeat("x", i%50) + ".test."
	}
	f.Add([]byte(nil))
	f.Add(fuzztest.Join(mx, a, aaaa))
	f.Add(fuzztest.Join(none, a, aaaa))
	f.Add(fuzztest.Join(said(0, nil, many...), a, aaaa))
	f.Add(fuzztest.Join(said(0, nil, `mail.test. 60 IN MX 0 .`)))
	f.Add(fuzztest.Join(said(0, nil, `mail.test. 60 IN MX 0 .`, `mail.test. 60 IN MX 5 \027\[31m.test.`,
		`mail.test. 60 IN MX 5 192.0.2.1.`)))
	f.Add(fuzztest.Join(said(0, cut, "mail.test. 60 IN MX 10 a.test."), said(hangsUp, cut), said(asItIs, nil), mx, a))
	f.Add(fuzztest.Join(said(0, bogus)))
	f.Add(fuzztest.Join(none, said(0, rcode(dns.RcodeFormatError)), said(0, rcode(dns.RcodeNotImplemented)), a, a, a))
	f.Add(fuzztest.Join(none, said(0, rcode(dns.RcodeRefused)), said(0, rcode(dns.RcodeNameError)), said(0, rcode(15))))
	f.Add(fuzztest.Join(said(0, nil, "mail.test. 60 IN CNAME a.test.", "a.test. 60 IN CNAME mail.test.")))
	f.Add(fuzztest.Join(said(0, nil, "mail.test. 60 IN CNAME b.test."), said(0, nil, "b.test. 60 IN CNAME a.test."), a,
		aaaa))
	f.Add(fuzztest.Join(none, said(forged, nil, "mail.test. 60 IN A 203.0.113.66"),
		said(echoed, nil, "mail.test. 60 IN AAAA 2001:db8::66"), said(silent, nil)))
	f.Add(fuzztest.Join(mx, a, said(0, nil, "_25._tcp.mail.test. 60 IN TLSA 3 1 1 aa",
		"_25._tcp.mail.test. 60 IN TLSA 9 9 9 00")))
	f.Add(fuzztest.Join([]byte{asItIs, 0, 0, 0x80},
		[]byte("\x01\x00\x00\x81\x80\x00\x01\xff\xff\x00\x00\x00\x00\x04mail\x04test\x00\x00\x01\x00\x01\xc0\x0c\xc0\x0c")))
	f.Fuzz(func(t *testing.T, data []byte) {
		synctest.Test(t, func(t *testing.T) { // a silent server costs no time
			l := newFuzzServer(data)
			c := New([]string{"192.0.2.53:53"})
			c.dial = l.dial
			start := time.Now()
			targets := c.NextHop(t.Context(), "mail.test", Options{Protocol: probes.IPAny})
			if took := time.Since(start); took > maxLookUpTime+queryTimeout {
				t.Errorf("took %v", took)
			}
			l.mu.Lock()
			total := l.total
			l.mu.Unlock()
			if total > maxQuestions {
				t.Errorf("%d questions", total)
			}
			found := c.TLSA(t.Context(), "mail.test", 25, Options{DNSSEC: true, Validating: []string{"192.0.2.53:53"}}, false)
			if len(found.Records) > maxTLSA || len(found.Records) > found.Total || found.Security > Bogus {
				t.Errorf("%+v", found)
			}
			harmless(t, found.Failure, probes.MaxDetail)
			l.names["mail.test."] = true
			if len(targets) < 1 || len(targets) > dns.MaxMsgSize/12 {
				t.Errorf("%d targets", len(targets))
			}
			for i, one := range targets {
				if i >= probes.MaxEndpoints && len(one.Addrs) > 0 {
					t.Errorf("target %d was looked up", i)
				}
				if i < probes.MaxEndpoints {
					l.check(t, one)
				}
			}
		})
	})
}

// check holds one Target against what was said.
func (l *fuzzServer) check(t *testing.T, one Target) {
	t.Helper()
	s := one.Step
	_, known := s.Reason.Info()
	if s.Reason == probes.ReasonInternalError || (s.Outcome == probes.Passed) != (s.Reason == "") || s.Reason != "" &&
		!known ||
		s.Outcome != probes.Passed && s.Outcome != s.Reason.Outcome() && s.Outcome != probes.Inconclusive ||
		(len(one.Addrs) > 0) != (s.Outcome == probes.Passed) {
		t.Errorf("%+v", one)
	}
	harmless(t, one.Host, 253)
	harmless(t, s.Detail, probes.MaxDetail)
	for i, a := range one.Addrs {
		if !a.IsValid() || i > 0 && one.Addrs[i-1].Compare(a) >= 0 || !l.may(a) {
			t.Errorf("%s of %v: %v", a, one, l.addrs)
		}
	}
}

// may reports whether some name that a look-up may come to has this address, by a true answer.
func (l *fuzzServer) may(a netip.Addr) bool {
	for name := range l.names {
		if l.addrs[name][a.String()] {
			return true
		}
	}
	return false
}

func harmless(t *testing.T, text string, limit int) {
	t.Helper()
	if len(text) > limit+len("…") || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Fatalf("%d bytes: %q", len(text), text)
	}
}
