package lab

import (
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// DNS is an authoritative name server for one set of records, on UDP and TCP at the same port.
//
// Three kinds of names fail, with or without records: queries for names that begin with "servfail-" get SERVFAIL, with
// "refused-" REFUSED, and with "timeout-" no answer. [DNS.InjectFault] makes any other name fail, and [DNS.Sign] makes
// a zone count as signed.
type DNS struct {
	udp, tcp *dns.Server
	addr     string

	mu      sync.RWMutex
	records map[string][]dns.RR // by owner, lower case
	faults  map[string]dns.HandlerFunc
	signed  map[string]bool // zones that count as signed; false: with wrong signatures
}

// StartDNS serves the records of a zone, in the format of RFC 1035, on loopback.
func StartDNS(zone string) (*DNS, error) { return StartDNSAt("127.0.0.1:0", zone) }

// StartDNSAt serves them at host:port, for instance where another server has been closed.
func StartDNSAt(addr, zone string) (*DNS, error) {
	d := &DNS{}
	if err := d.Set(zone); err != nil {
		return nil, err
	}
	listener, packets, err := samePort(addr)
	if err != nil {
		return nil, err
	}
	d.addr = listener.Addr().String()
	ready := make(chan struct{}, 2)
	started := func() { ready <- struct{}{} }
	d.tcp = &dns.Server{Listener: listener, Handler: d, NotifyStartedFunc: started}
	d.udp = &dns.Server{PacketConn: packets, Handler: d, NotifyStartedFunc: started}
	go func() { _ = d.tcp.ActivateAndServe() }() // ends with Close
	go func() { _ = d.udp.ActivateAndServe() }()
	<-ready
	<-ready
	return d, nil
}

// Set replaces all records by those of a zone. If the zone has an error, nothing changes.
func (d *DNS) Set(zone string) error {
	records := map[string][]dns.RR{}
	parser := dns.NewZoneParser(strings.NewReader(zone), ".", "lab")
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		name := strings.ToLower(rr.Header().Name)
		records[name] = append(records[name], rr)
	}
	if err := parser.Err(); err != nil {
		return fmt.Errorf("lab: zone: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.records = records
	return nil
}

// InjectFault makes fault answer all queries for a name, with or without records.
func (d *DNS) InjectFault(name string, fault dns.HandlerFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.faults == nil {
		d.faults = map[string]dns.HandlerFunc{}
	}
	d.faults[dns.CanonicalName(name)] = fault
}

// Sign makes the server behave as a resolver that validates DNSSEC and finds a zone signed, or with wrong signatures:
// it sets the AD bit in answers from the former, and answers SERVFAIL for the latter unless a question has the CD bit.
// There are no signatures.
func (d *DNS) Sign(zone string, right bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.signed == nil {
		d.signed = map[string]bool{".": true} // the root itself, not what is below it
	}
	d.signed[dns.CanonicalName(zone)] = right
}

// signature reports whether the zone of a name is signed, and rightly.
func (d *DNS) signature(name string) (signed, right bool) {
	if name == "." {
		return len(d.signed) > 0, true
	}
	for offset, end := 0, false; !end; offset, end = dns.NextLabel(name, offset) {
		if right, signed := d.signed[name[offset:]]; signed {
			return true, right
		}
	}
	return false, false
}

// samePort listens on TCP and UDP at the same port.
func samePort(addr string) (net.Listener, net.PacketConn, error) {
	var err error
	for range 20 {
		var listener net.Listener
		if listener, err = net.Listen("tcp", addr); err != nil { //nolint:noctx // loopback
			continue
		}
		var packets net.PacketConn
		if packets, err = net.ListenPacket("udp", listener.Addr().String()); err == nil { //nolint:noctx // loopback
			return listener, packets, nil
		}
		_ = listener.Close()
	}
	return nil, nil, fmt.Errorf("lab: dns: %w", err)
}

// Addr returns the server's host:port.
func (d *DNS) Addr() string { return d.addr }

// Close stops the server.
func (d *DNS) Close() {
	_ = d.udp.Shutdown()
	_ = d.tcp.Shutdown()
}

// ServeDNS answers a query from the records.
func (d *DNS) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	answer := new(dns.Msg)
	answer.SetReply(q)
	answer.RecursionAvailable = true
	name := strings.ToLower(q.Question[0].Name) // the server accepts only messages with one question
	d.mu.RLock()
	records, known := d.records[name]
	fault := d.faults[name]
	signed, right := d.signature(name)
	d.mu.RUnlock()
	answer.AuthenticatedData = signed && right && q.AuthenticatedData
	if fault != nil {
		fault(w, q)
		return
	}
	switch {
	case strings.HasPrefix(name, "timeout-"):
		return
	case strings.HasPrefix(name, "servfail-"), signed && !right && !q.CheckingDisabled:
		answer.Rcode = dns.RcodeServerFailure
	case strings.HasPrefix(name, "refused-"):
		answer.Rcode = dns.RcodeRefused
	case !known && name != ".":
		answer.Rcode = dns.RcodeNameError
	default:
		for _, rr := range records {
			if t := rr.Header().Rrtype; t == q.Question[0].Qtype || t == dns.TypeCNAME {
				answer.Answer = append(answer.Answer, rr)
			}
		}
	}
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		answer.Truncate(udpSize(q))
	}
	_ = w.WriteMsg(answer) // the peer may be gone
}

// udpSize is how much a client accepts by UDP.
func udpSize(q *dns.Msg) int {
	if opt := q.IsEdns0(); opt != nil {
		return int(opt.UDPSize())
	}
	return dns.MinMsgSize
}
