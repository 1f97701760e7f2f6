package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"m365_connector_exporter/probes"
)

// The bounds of asking.
const (
	dnsTimeout   = 3 * time.Second // for one question to one server
	dnsTries     = 2               // of the whole list of servers
	maxServers   = 3               // as resolv.conf has it
	maxRecords   = 100             // read of one answer
	ednsSize     = 1232            // fits every path unfragmented (DNS flag day 2020)
	resolveBound = 20 * time.Second
)

// dnsFault is why a question got no records. The zero value is no fault.
type dnsFault struct {
	reason probes.Reason
	detail string
	ours   bool // the question did not get to any server, or this host is at its limits: it proves nothing about the name
}

// dnsClient asks one set of servers. heard is told when one of them answered, and of a name that has records.
type dnsClient struct {
	servers []string
	timeout time.Duration
	dial    dialFunc
	heard   func(name string)
}

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// ask puts one question to the servers in turn until one of them answers it.
func (c *dnsClient) ask(ctx context.Context, name string, qtype uint16) (*dns.Msg, dnsFault) {
	var worst dnsFault
	ours := true
	for range dnsTries {
		for _, server := range c.servers {
			m, err := c.askServer(ctx, server, name, qtype)
			if ctx.Err() != nil && err != nil {
				return nil, dnsFault{reason: probes.ReasonDNSTimeout, detail: "no DNS server answered"}
			}
			fault := faultOf(m, err)
			switch {
			case fault.reason == "" && m.Rcode == dns.RcodeSuccess && len(m.Answer) > 0:
				c.heard(name)
			case err == nil && fault.reason != probes.ReasonDNSRefused:
				c.heard("")
			}
			if fault.reason == "" {
				return m, fault
			}
			fault.detail = server + ": " + fault.detail
			ours = ours && fault.ours
			if worse(fault.reason, worst.reason) >= 0 {
				worst = fault
			}
		}
	}
	worst.ours = ours
	return nil, worst
}

// faultOf judges a reply. NXDOMAIN is an answer.
func faultOf(m *dns.Msg, err error) dnsFault {
	switch code := socketError(err); {
	case shortage(err):
		return dnsFault{reason: probes.ReasonInternalError, detail: err.Error(), ours: true}
	case code == syscall.ECONNREFUSED:
		return dnsFault{reason: probes.ReasonDNSRefused, detail: "no DNS server listens there", ours: true}
	case err != nil:
		unsent := code == syscall.ENETUNREACH || code == syscall.EHOSTUNREACH || code == syscall.EADDRNOTAVAIL || code == syscall.EPERM
		return dnsFault{reason: probes.ReasonDNSTimeout, detail: err.Error(), ours: unsent}
	case m.Rcode == dns.RcodeSuccess, m.Rcode == dns.RcodeNameError:
		return dnsFault{}
	case m.Rcode == dns.RcodeRefused:
		return dnsFault{reason: probes.ReasonDNSRefused, detail: "REFUSED"}
	}
	fault := dnsFault{reason: probes.ReasonDNSServfail, detail: rcodeText(m.Rcode)}
	opt := m.IsEdns0()
	if opt == nil {
		return fault
	}
	for _, o := range opt.Option {
		if ede, ok := o.(*dns.EDNS0_EDE); ok {
			// RFC 8914: 6 is "DNSSEC bogus", 7 to 12 are its particular kinds.
			if ede.InfoCode >= dns.ExtendedErrorCodeDNSBogus && ede.InfoCode <= dns.ExtendedErrorCodeNSECMissing {
				fault.reason = probes.ReasonDNSBogus
			}
			fault.detail += fmt.Sprintf(", extended error %d %s", ede.InfoCode, ede.ExtraText)
		}
	}
	return fault
}

func rcodeText(rcode int) string {
	if text, ok := dns.RcodeToString[rcode]; ok {
		return text
	}
	return fmt.Sprintf("rcode %d", rcode)
}

// askServer asks by UDP, again without EDNS where the server does not know it (RFC 6891, section 7), and again by TCP where the
// answer was cut off.
func (c *dnsClient) askServer(ctx context.Context, server, name string, qtype uint16) (*dns.Msg, error) {
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	q.SetEdns0(ednsSize, false)
	m, err := c.exchange(ctx, "udp", server, q)
	if err == nil && (m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented) {
		q.Extra = nil
		m, err = c.exchange(ctx, "udp", server, q)
	}
	if err == nil && m.Truncated {
		m, err = c.exchange(ctx, "tcp", server, q)
	}
	if err == nil && len(m.Answer) > maxRecords {
		m.Answer = m.Answer[:maxRecords]
	}
	return m, err
}

// exchange sends q and waits for its own reply. The connection is closed with ctx, because miekg/dns knows deadlines only.
func (c *dnsClient) exchange(ctx context.Context, network, server string, q *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	conn, err := c.dial(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	co := &dns.Conn{Conn: conn, UDPSize: ednsSize}
	if err := co.WriteMsg(q); err != nil {
		return nil, err
	}
	for {
		m, err := co.ReadMsg()
		var netErr net.Error
		switch {
		case ctx.Err() != nil:
			return nil, fmt.Errorf("%s: no answer within %v", network, c.timeout)
		case errors.As(err, &netErr), err != nil && network == "tcp":
			return nil, err
		case err == nil && isReplyTo(q, m):
			return m, nil
		case network == "tcp":
			return nil, errors.New("tcp: the reply answers another question")
		}
		// A datagram that is no reply to us: a late one or a forged one. The right one may still come.
	}
}

// isReplyTo compares id and question; miekg/dns compares the id alone. Servers may leave the question out of an error.
func isReplyTo(q, m *dns.Msg) bool {
	if m.Id != q.Id || !m.Response {
		return false
	}
	if len(m.Question) == 0 {
		return m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError
	}
	want, got := q.Question[0], m.Question[0]
	return len(m.Question) == 1 && strings.EqualFold(want.Name, got.Name) && want.Qtype == got.Qtype && want.Qclass == got.Qclass
}
